"""Quantities of a catalyst from its labels: volumes, areas, porosity, particles, contact.

Each quantity tells its method and how far off it may be. Volumes and counts come from
voxels, areas from the smoothed surfaces, contact from the faces of voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, find_objects
from scipy.spatial import cKDTree

from catomo.labels.particles import find_particles
from catomo.labels.settings import Particles
from catomo.surfaces.meshes import Mesh, surface
from catomo.surfaces.particles import MeasuredParticles, measure_particles
from catomo.surfaces.settings import Surfaces

_DEFAULT = Surfaces()
_CLASS_NAMES = tuple(phase.name for phase in _DEFAULT.classes)
_RESAMPLES = 2000
_SEED = 1

# Area of a digitised ball from flying edges and Taubin smoothing, divided by its true area:
# 0.97 at a radius of 2 px, 1.012 at 40 px (measured).
_AREA_RATIO = (0.97, 1.012)

# The hull of a larger body is computed from every k-th voxel along each axis, in bounded memory.
_HULL_VOXELS = 10_000_000

_INTERVAL = "low and high: 95 % interval of 2000 resamplings of the particles"


@dataclass(frozen=True)
class Roles:
    """What the classes of a specimen are.

    Attributes
    ----------
    names : sequence of str
        Names of the classes in the order of their label values, background first.
    support : str or None
        The class that carries the particles; None if there is none.
    particles : Particles
        The class that consists of particles (or None), and what counts as one particle.
    hull_radius_nm : float
        Radius of the ball that closes the pores of the support to its hull.
    """

    names: Sequence[str]
    support: str | None
    particles: Particles
    hull_radius_nm: float


def measure(
    labels: np.ndarray,
    pixel_size_nm: float,
    classes: Sequence[str] = _CLASS_NAMES,
    support: str | None = _DEFAULT.support,
    particles: str | Particles | None = _DEFAULT.particles,
    hull_radius_nm: float = _DEFAULT.hull_radius_nm,
) -> dict[str, dict]:
    """Measure the quantities of a segmented volume.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
        Labels of the volume.
    pixel_size_nm : float
        Edge of a voxel in nm.
    classes : sequence of str
        Names of the classes in the order of their label values, background first.
    support : str, optional
        The class that carries the particles, whose porosity is measured; None for none.
    particles : str or Particles, optional
        The class that consists of particles, or the rule for what counts as one particle
        (`catomo.labels.settings.Particles`); None for none.
    hull_radius_nm : float
        Radius in nm of the ball that closes the open pores of the support to its hull.

    Returns
    -------
    dict of str to dict
        As ``quantities`` in ``quantities.json``: the name of each quantity, such as
        ``<class>_volume``, to its ``value``, ``low`` and ``high`` (None where there is none),
        ``unit`` and ``method``.

    Raises
    ------
    ValueError
        If `labels` is no volume of these classes, or `support` or `particles` names no class.
    """
    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "bui" or not labels.size:
        raise ValueError(f"labels are {labels.dtype} {labels.shape}, expected integers (y, z, x)")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(
            f"labels are {labels.min()} to {labels.max()}, but there are {len(classes)} classes"
        )
    if not isinstance(particles, Particles):
        particles = Particles(phase=particles)
    for role, name in (("support", support), ("particles", particles.phase)):
        if name not in (None, *classes[1:]):
            raise ValueError(
                f"{role} is '{name}', expected one of {', '.join(classes[1:])}, or None for none"
            )
    labels = labels.astype(np.uint8, copy=False)
    meshes = {
        name: surface(labels == label, pixel_size_nm) for label, name in enumerate(classes) if label
    }
    roles = Roles(classes, support, particles, hull_radius_nm)
    return all_quantities(labels, meshes, pixel_size_nm, roles)[0]


def all_quantities(
    labels: np.ndarray, meshes: dict[str, Mesh], pixel_size_nm: float, roles: Roles
) -> tuple[dict[str, dict], MeasuredParticles | None]:
    """Return all quantities, and the particles (None if no class consists of particles).

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    meshes : dict of str to Mesh
        Surface of each class but the background, by name.
    pixel_size_nm : float
    roles : Roles
    """
    names = list(roles.names)
    support, rule = roles.support, roles.particles
    support_label = names.index(support) if support else -1
    voxels = np.bincount(labels.ravel(), minlength=len(names))
    result: dict[str, dict] = {}
    for label, name in list(enumerate(names))[1:]:
        result |= of_phase(name, voxels[label], meshes[name], pixel_size_nm)
    if support:
        result |= of_support(support, labels, support_label, roles.hull_radius_nm, pixel_size_nm)
    if not rule.phase:
        return result, None
    label = names.index(rule.phase)
    pieces = find_particles(labels, label, labels.shape, 0.0, rule.split_depth_px)
    particles = measure_particles(
        labels, (label, support_label), pieces, rule.smallest_diameter_px, pixel_size_nm
    )
    result |= of_particles(rule.phase, particles, meshes[rule.phase])
    if support:
        result |= loading(
            rule.phase, result[f"{rule.phase}_count"], support, result[f"{support}_area"]
        )
    return result, particles


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
