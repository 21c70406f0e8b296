"""Quantities of the classes and of the support: volumes, areas, pores.

Volumes come from voxels, areas from smoothed surfaces without the faces that the frame makes.
"""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from catomo.surfaces.pores import Hull, Pores, find_pores
from catomo.surfaces.quantity import Interval, quantity

# Area of a digitised ball from flying edges and Taubin smoothing, divided by its true area:
# 0.97 at a radius of 2 px, 1.012 at 40 px (measured).
_AREA_RATIO = (0.97, 1.012)


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
        "pore walls and contact included, faces made by the frame not; low and high: what "
        "digitised balls of 2 to 40 px radius are off",
    )


def of_support(
    name: str, matter: np.ndarray, hulls: list[Hull], radius_nm: float
) -> dict[str, dict]:
    """Return the porosity of the support: of all pores, of open and of closed ones.

    Parameters
    ----------
    name : str
    matter : ndarray of bool, (y, z, x)
        Everything but background.
    hulls : list of Hull
        Of the support, in each run of slices.
    radius_nm : float
        Radius of the ball that closed them.
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
    stride = hulls[0].stride
    binned = f"; from every {stride}th voxel along each axis" if stride > 1 else ""
    is_open, closed = pores.open / pores.hull, pores.closed / pores.hull
    unknown = pores.unknown / pores.hull
    frame_words = "; pores that the frame cuts count where their way out is seen"
    return {
        keys[0]: quantity(
            is_open + closed + unknown, "1",
            f"share of background in the hull, {name} closed by a ball of {radius_nm:g} nm "
            f"radius and filled{binned}",
        ),
        keys[1]: quantity(
            is_open, "1",
            f"share of pores with a way out of the hull through voxel faces{frame_words}{binned}",
        ),
        keys[2]: quantity(
            closed, "1",
            f"share of pores without a way out through voxel faces{frame_words}{binned}",
        ),
    }  # fmt: skip
