"""Quantities of a catalyst from its labels: volumes, areas, porosity, particles, contact.

Each quantity tells its method and how far off it may be. Volumes and counts come from
voxels, areas from the smoothed surfaces, contact from the faces of voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, find_objects
from scipy.spatial import cKDTree

from catomo.surfaces.meshes import Mesh
from catomo.surfaces.particles import MeasuredParticles

_RESAMPLES = 2000
_SEED = 1

# Area of a digitised ball from flying edges and Taubin smoothing, divided by its true area:
# 0.97 at a radius of 2 px, 1.012 at 40 px (measured).
_AREA_RATIO = (0.97, 1.012)

# The hull of a larger body is computed from every k-th voxel along each axis, in bounded memory.
_HULL_VOXELS = 10_000_000

_INTERVAL = "low and high: 95 % interval of 2000 resamplings of the particles"


def of_phase(name: str, voxels: int, mesh: Mesh, pixel_size_nm: float) -> dict[str, dict]:
    """Return volume and surface area of one class."""
    volume, area = voxels * pixel_size_nm**3, mesh.area()
    half = min(area * pixel_size_nm / 2, volume)
    if not voxels:
        none = f"no voxel is labelled {name}"
        return {
            f"{name}_volume": quantity(0.0, 0.0, None, "nm³", none),
            f"{name}_area": quantity(0.0, 0.0, None, "nm²", none),
        }
    return {
        f"{name}_volume": quantity(
            volume, volume - half, volume + half, "nm³",
            "voxels counted; low and high: boundary moved by half a voxel",
        ),
        f"{name}_area": quantity(
            area, area / _AREA_RATIO[1], area / _AREA_RATIO[0], "nm²",
            "flying edges and Taubin smoothing, pore walls and contact included; low and "
            "high: what digitised balls of 2 to 40 px radius are off",
        ),
    }  # fmt: skip


def of_support(
    name: str, labels: np.ndarray, support: int, radius_nm: float, pixel_size_nm: float
) -> dict[str, dict]:
    """Return the porosity of the support: of all pores, and of closed pores alone.

    Pores are background inside the hull. The hull is the morphological closing of all
    material by a ball, with its holes filled; closed pores are the holes without closing.
    """
    unit = "1"
    if not np.any(labels == support):
        none = f"no voxel is labelled {name}"
        return {
            f"{name}_porosity": quantity(None, None, None, unit, none),
            f"{name}_closed_porosity": quantity(None, None, None, unit, none),
        }
    solid = _body(labels)
    stride = int(np.ceil((solid.size / _HULL_VOXELS) ** (1 / 3)))
    solid = solid[::stride, ::stride, ::stride]
    radii = np.array([0.75, 1.0, 1.25]) * radius_nm / (stride * pixel_size_nm)
    values = [_porosity(solid, hull) for hull in _hulls(solid, radii)]
    return {
        f"{name}_porosity": quantity(
            values[1], min(values), max(values), unit,
            f"share of background in the hull, all material closed by a ball of {radius_nm:g} nm "
            "radius and filled; low and high: a radius 25 % smaller and larger",
        ),
        f"{name}_closed_porosity": quantity(
            _porosity(solid, binary_fill_holes(solid)), None, None, unit,
            "share of pores without a way out through voxel faces; no error model: one "
            "wrong voxel opens or closes a pore",
        ),
    }  # fmt: skip


def of_particles(name: str, particles: MeasuredParticles, mesh: Mesh) -> dict[str, dict]:
    """Return count, diameters, spacing, contact and exposed surface of the particles."""
    diameters = particles.diameters_nm()
    if not len(diameters):
        return _no_particles(name, particles)
    pieces = particles.pieces
    shares = np.stack([particles.contact, particles.exposed, particles.faces], axis=1)
    whole = shares.sum(axis=0)
    area = mesh.area()
    exposed = area * whole[1] / max(whole[2], 1)
    return {
        f"{name}_count": quantity(
            len(diameters), min(pieces.touching, len(diameters)), pieces.count, "1",
            "touching particles split by the watershed of the distance transform; low: not "
            "split, high: specks too small to be particles counted as well",
        ),
        f"{name}_diameter_mean": _resampled(
            np.mean, diameters, "nm", f"ball of equal volume; {_INTERVAL}"
        ),
        f"{name}_diameter_median": _resampled(
            np.median, diameters, "nm", f"ball of equal volume; {_INTERVAL}"
        ),
        f"{name}_spacing": _spacing(particles.centres_nm()),
        f"{name}_contact_fraction": _resampled(
            lambda rows: rows[:, 0].sum() / max(rows[:, 2].sum(), 1), shares, "1",
            f"share of the voxel faces that touch the support; {_INTERVAL}",
        ),
        f"{name}_exposed_area": quantity(
            exposed, exposed / _AREA_RATIO[1], exposed / _AREA_RATIO[0], "nm²",
            "surface area times the share of voxel faces towards background; low and high "
            "as for the area",
        ),
    }  # fmt: skip


def _no_particles(name: str, particles: MeasuredParticles) -> dict[str, dict]:
    none = f"no piece of {name} is large enough to be a particle"
    units = {
        "diameter_mean": "nm", "diameter_median": "nm", "spacing": "nm",
        "contact_fraction": "1", "exposed_area": "nm²",
    }  # fmt: skip
    count = {f"{name}_count": quantity(0, 0, particles.pieces.count, "1", none)}
    return count | {
        f"{name}_{key}": quantity(None, None, None, unit, none) for key, unit in units.items()
    }


def loading(name: str, count: dict, support_name: str, area: dict) -> dict[str, dict]:
    """Return the number of particles per surface area of the support."""
    key, unit = f"{name}_loading", "nm⁻²"
    if not area["value"]:
        none = f"no voxel is labelled {support_name}"
        return {key: quantity(None, None, None, unit, none)}
    return {
        key: quantity(
            count["value"] / area["value"], count["low"] / area["high"],
            count["high"] / area["low"], unit,
            f"{name}_count over {support_name}_area; low and high from theirs",
        )
    }  # fmt: skip


def quantity(
    value: float | None, low: float | None, high: float | None, unit: str, method: str
) -> dict[str, Any]:
    """Return one quantity in the form of ``quantities.json``."""
    return {"value": value, "low": low, "high": high, "unit": unit, "method": method}


def _resampled(
    statistic: Callable[[np.ndarray], Any], values: np.ndarray, unit: str, method: str
) -> dict[str, Any]:
    """Return a statistic of the particles with its bootstrap interval (none for one particle)."""
    n = len(values)
    if n < 2:
        return quantity(statistic(values), None, None, unit, f"{method} (none for one particle)")
    rng = np.random.default_rng(_SEED)
    many = [statistic(values[rng.integers(n, size=n)]) for _ in range(_RESAMPLES)]
    low, high = np.percentile(many, [2.5, 97.5])
    return quantity(statistic(values), low, high, unit, method)


def _spacing(centres: np.ndarray) -> dict[str, Any]:
    method = "mean distance from each centre to the nearest other"
    if len(centres) < 2:
        return quantity(None, None, None, "nm", f"{method}: there is only one particle")
    distances, _ = cKDTree(centres).query(centres, k=2)  # of itself, and of the nearest other
    nearest = np.asarray(distances)[:, 1]
    return _resampled(np.mean, nearest, "nm", f"{method}; {_INTERVAL}")


def _body(labels: np.ndarray) -> np.ndarray:
    """Return the mask of all material, cropped to its bounding box."""
    solid = labels != 0
    return solid[find_objects(solid.view(np.int8))[0]]


def _hulls(solid: np.ndarray, radii_px: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the closing of a mask by a ball of each radius, with holes filled."""
    margin = int(np.ceil(max(radii_px))) + 1
    inner = (slice(margin, -margin),) * 3
    distance = distance_transform_edt(~np.pad(solid, margin))
    for radius in radii_px:
        closed = distance_transform_edt(distance <= radius) > radius
        yield binary_fill_holes(closed[inner] | solid)


def _porosity(solid: np.ndarray, hull: np.ndarray) -> float:
    return 1 - np.count_nonzero(solid) / np.count_nonzero(hull)
