"""Quantities of the classes and of the support: volumes, areas, pores.

Volumes come from voxels, areas from smoothed surfaces without the faces that the frame makes.
"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from catomo.surfaces.corrugation import find_corrugation
from catomo.surfaces.pores import Hull, Pores, find_pores
from catomo.surfaces.quantity import Interval, quantity
from catomo.surfaces.radii import access_radii, are_seen, local_radii, median_of, seen_weights
from catomo.surfaces.reach import reachable_shares

# Area of a digitised body from flying edges and Taubin smoothing, divided by its true area: of
# balls 0.97 at a radius of 2 px and 1.012 at 40 px, of planes 1.00 along the axes and 1.035 at
# 10° to them (measured).
_AREA_RATIO = (0.97, 1.04)

_MOLECULES_PM = (250, 500, 1000, 2000)  # radii
# Share of the free faces that ways from beyond the data may add without a word.
_LEAST_BEYOND = 0.02
_STEEP = 0.98  # of a unit vector along the beam, of which too little is seen beside it

_DIGITISED = "low and high: digitisation alone, without what the segmentation has wrong"

# The hull of a digitised support lies between this much inside and this much outside of the
# true one, on the average of its surface (measured on phantoms).
_OFF_HULL_PX = (0.035, 0.01)


def of_phase(
    name: str, voxels: int, area: tuple[float, Interval, str], pixel_size_nm: float
) -> dict[str, dict]:
    """Return volume and surface area of one class.

    Parameters
    ----------
    name : str
    voxels : int
    area : (float, (float, float), str)
        The area in nm², between which values it lies, and how it was found.
    pixel_size_nm : float
    """
    volume = voxels * pixel_size_nm**3
    half = min(area[0] * pixel_size_nm / 2, volume)
    if not voxels:
        none = f"no voxel is labelled {name}"
        return {
            f"{name}_volume": quantity(0.0, "nm³", none, (0.0, None)),
            f"{name}_area": quantity(0.0, "nm²", none, (0.0, None)),
        }
    return {
        f"{name}_volume": quantity(
            volume, "nm³", "voxels counted; low and high: boundary moved by half a voxel",
            (volume - half, volume + half),
        ),
        f"{name}_area": quantity(area[0], "nm²", area[2], area[1]),
    }  # fmt: skip


def meshed(area: float) -> tuple[float, Interval, str]:
    """Return an area of the smoothed surface with its interval and its method."""
    return (
        area,
        (area / _AREA_RATIO[1], area / _AREA_RATIO[0]),
        "flying edges and Taubin smoothing, bodies and holes below 5 px by Crofton's formula; "
        "pore walls and contact included, faces made by the frame not; sharp edges count as "
        "rounded, so the area of a cube is 13 to 3 % too small where it is 6 to 28 px across, "
        "which the interval leaves out; low and high: what digitised balls of 2 to 40 px radius "
        "and planes in any direction are off",
    )


def sides(name: str, outer: float, pore: float) -> dict[str, dict]:
    """Return the free surface of the support outside of its hull and in its pores, in nm²."""
    words = f"free surface of {name}, without what particles cover: where background"
    why = (
        "lies before it; no low and high: where the hull closes a pore, a voxel moves area from "
        "one side to the other"
    )
    return {
        f"{name}_area_outer": quantity(outer, "nm²", f"{words} outside of the hull {why}"),
        f"{name}_area_pore": quantity(pore, "nm²", f"{words} in the hull {why}"),
    }


def of_support(
    name: str,
    matter: np.ndarray,
    hulls: list[Hull],
    sizes_nm: tuple[float, float],
    area_nm2: float,
) -> dict[str, dict]:
    """Return the porosity of the support: of all pores, of open and of closed ones.

    Parameters
    ----------
    name : str
    matter : ndarray of bool, (y, z, x)
        Everything but background.
    hulls : list of Hull
        Of the support, in each run of slices.
    sizes_nm : (float, float)
        Radius of the ball that closed them, and edge of a voxel.
    area_nm2 : float
        Surface area of the support.
    """
    found = [
        find_pores(matter[hull.run][(slice(None, None, hull.stride),) * 3], hull.inside)
        for hull in hulls
    ]
    pores = reduce(add, found, Pores(0, 0, 0, 0))
    keys = [f"{name}_{key}" for key in ("porosity", "porosity_open", "porosity_closed")]
    if not pores.hull:
        none = f"no voxel is labelled {name}"
        return {key: quantity(None, "1", none) for key in keys}
    radius_nm, pixel_size_nm = sizes_nm
    stride = hulls[0].stride
    if why := too_coarse(hulls, sizes_nm):
        return {key: quantity(None, "1", why) for key in keys}
    # The hull is off by a part of a voxel along all of the surface.
    skin = area_nm2 / (pores.hull * (stride * pixel_size_nm) ** 2)
    binned = f"; from every {stride}th voxel along each axis" if stride > 1 else ""
    is_open, closed = pores.open / pores.hull, pores.closed / pores.hull
    every = is_open + closed + pores.unknown / pores.hull
    words = (
        "; pores that the frame cuts count where their way out is seen; no low and high: one "
        "wrong voxel opens or closes a pore"
    )
    return {
        keys[0]: quantity(
            every, "1",
            f"share of background in the hull, {name} closed by a ball of {radius_nm:g} nm "
            f"radius and filled{binned}; {_DIGITISED}",
            (max(every - _OFF_HULL_PX[0] * skin, 0.0), every + _OFF_HULL_PX[1] * skin),
        ),
        keys[1]: quantity(
            is_open, "1",
            f"share of pores with a way out of the hull through voxel faces{words}{binned}",
        ),
        keys[2]: quantity(
            closed, "1",
            f"share of pores without a way out through voxel faces{words}{binned}",
        ),
    }  # fmt: skip


def too_coarse(hulls: list[Hull], sizes_nm: tuple[float, float]) -> str:
    """Return why a ball closes no pore, empty where it does.

    Parameters
    ----------
    hulls : list of Hull
    sizes_nm : (float, float)
        Radius of the ball, and edge of a voxel.
    """
    radius_nm, pixel_size_nm = sizes_nm
    apart_nm = pixel_size_nm * (hulls[0].stride if hulls else 1)
    if not hulls or radius_nm >= apart_nm:
        return ""
    return (
        f"a ball of hull_radius_nm {radius_nm:g} nm closes no pore where voxels are looked at "
        f"every {apart_nm:g} nm: a larger one, or a smaller volume, would"
    )


def widths(
    name: str, matter: np.ndarray, hulls: list[Hull], sizes_nm: tuple[float, float]
) -> dict[str, dict]:
    """Return the widths of the support's pores, of the ways into them, and of the support.

    Parameters
    ----------
    name : str
    matter : ndarray of bool, (y, z, x)
        Everything but background.
    hulls : list of Hull
        Of the support, in each run of slices.
    sizes_nm : (float, float)
        Radius of the ball that closed them, and edge of a voxel.
    """
    if why := too_coarse(hulls, sizes_nm):
        keys = ("pore_diameter", "access_radius", "thickness")
        return {f"{name}_{key}": quantity(None, "nm", why) for key in keys}
    local, access, thick = _balls(matter, hulls)
    voxel_nm = sizes_nm[1] * (hulls[0].stride if hulls else 1)
    half = "of half the volume the value is larger"
    seen = "balls that the end of the data cuts are left out and the others weighted for it"
    texts = {
        "pore_diameter": (
            local, 2, "local thickness of the pores: diameter of the largest ball between walls "
            f"and hull that covers a place; {half}; {seen}", f"there are no pores in {name}",
        ),
        "access_radius": (
            access, 1, "widest path from outside of the hull: the largest ball that gets to a "
            f"place in an open pore and covers it; {half}; {seen}",
            f"there are no open pores in {name}",
        ),
        "thickness": (
            thick, 2, "local thickness of the hull, pores filled: diameter of the largest ball "
            f"that covers a place; {half}", f"no voxel is labelled {name}, or nothing else",
        ),
    }  # fmt: skip
    result = {}
    for key, (parts, factor, words, none) in texts.items():
        radii, weights = (
            np.concatenate([np.empty(0), *(part[k] for part in parts)]) for k in (0, 1)
        )
        if not len(radii):
            result[f"{name}_{key}"] = quantity(None, "nm", none)
            continue
        middle = median_of(radii, weights)
        if middle is None:
            cut = "the end of the data cuts nearly all of these balls"
            result[f"{name}_{key}"] = quantity(None, "nm", f"{words}: {cut}")
            continue
        # A slit of n voxels has a radius of n/2 or (n + 1)/2 from centre to centre.
        value = float(factor * middle - 0.5 * (factor == 2)) * voxel_nm
        low, high = (-1.0, 1.0) if factor == 2 else (-0.75, 0.25)
        result[f"{name}_{key}"] = quantity(
            value, "nm", f"{words}; {_DIGITISED}",
            (max(value + low * voxel_nm, 0.0), value + high * voxel_nm),
        )  # fmt: skip
    return result


def _balls(matter: np.ndarray, hulls: list[Hull]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Return radii and weights of pores, ways into them, and the hull, for each hull."""
    local, access, thick = [], [], []
    for one in hulls:
        coarse = matter[one.run][(slice(None, None, one.stride),) * 3]
        pores = one.inside & ~coarse
        local.append(_weighted(local_radii(pores), np.argwhere(pores), pores.shape))
        access.append(_weighted(*access_radii(coarse, one.inside), pores.shape))
        radii = local_radii(one.inside)
        seen = bool(len(radii)) and are_seen(one.inside, float(np.median(radii)))
        thick.append((radii, np.full(len(radii), float(seen))))
    return [local, access, thick]


def corrugation(name: str, hulls: list[Hull], pixel_size_nm: float) -> dict[str, dict]:
    """Return period and direction of the ridges on the faces of the support, if it is a plate."""
    keys = (f"{name}_corrugation_period", f"{name}_corrugation_direction")
    units = ("nm", "°")
    words = (
        f"wave and overtone that fit the heights of both faces of {name}, pores filled, best",
        "angle of the ridges as seen along the beam (z), from x towards y",
    )
    largest = max(hulls, key=lambda one: np.count_nonzero(one.inside), default=None)
    found = find_corrugation(largest.inside) if largest else f"no voxel is labelled {name}"
    if isinstance(found, str) or not largest:
        return {
            key: quantity(None, unit, f"{text}: {found}")
            for key, unit, text in zip(keys, units, words, strict=True)
        }
    voxel_nm = pixel_size_nm * largest.stride
    period, off = found.period_px * voxel_nm, found.off_px * voxel_nm
    digitised = f"{_DIGITISED}; {100 * found.explained:.0f} % of the variance of the heights"
    result = {
        keys[0]: quantity(period, "nm", f"{words[0]}; {digitised}", (period - off, period + off))
    }
    y, z, x = found.along
    if abs(z) > _STEEP:
        why = "the ridges run along the beam"
        return result | {keys[1]: quantity(None, "°", f"{words[1]}: {why}")}
    angle = float(np.degrees(np.arctan2(y, x)) % 180)
    turn = float(np.degrees(off / period / np.hypot(y, x)))
    return result | {
        keys[1]: quantity(
            angle, "°", f"{words[1]}, 0 to 180; {_DIGITISED}", (angle - turn, angle + turn)
        )
    }


def reachable(
    name: str, labels: np.ndarray, phase: int, hulls: list[Hull], pixel_size_nm: float
) -> dict[str, dict]:
    """Return which share of the particles' free face molecules of each radius reach."""
    radii_nm = np.array(_MOLECULES_PM) / 1000
    found, faces = np.zeros(len(radii_nm)), 0
    beyond = np.zeros(len(radii_nm))
    voxel_nm = pixel_size_nm * (hulls[0].stride if hulls else 1)
    for one in hulls:
        coarse = labels[one.run][(slice(None, None, one.stride),) * 3]
        shares, count = reachable_shares(coarse, phase, one.inside, radii_nm / voxel_nm)
        found, faces = found + shares * count, faces + count
        within = np.zeros_like(one.inside)
        within[1:-1, 1:-1, 1:-1] = one.inside[1:-1, 1:-1, 1:-1]
        if (one.inside & ~within & (coarse == 0)).any():
            shares, _ = reachable_shares(coarse, phase, within, radii_nm / voxel_nm)
        beyond += shares * count
    result = {}
    for pm, radius_nm, share in zip(_MOLECULES_PM, radii_nm, found, strict=True):
        words = f"share of the free voxel faces of {name} that a ball of {radius_nm:g} nm radius "
        words += "from outside of the hull can touch"
        value = float(share / faces) if faces else None
        if radius_nm < voxel_nm / 2:
            value, words = None, f"{words}: it is smaller than the voxels looked at"
        elif faces and (beyond - found)[radii_nm == radius_nm][0] > _LEAST_BEYOND * faces:
            value, words = None, f"{words}: ways in may come from beyond the end of the data"
        elif faces:
            words += "; no low and high: half a voxel opens or closes a way"
        else:
            words += f": no face of {name} is free"
        result[f"{name}_reachable_{pm}pm"] = quantity(value, "1", words)
    return result


def _weighted(
    radii: np.ndarray, places: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    if not len(radii):
        return radii, np.empty(0)
    return radii, seen_weights(radii, places, shape)
