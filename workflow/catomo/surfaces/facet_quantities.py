"""Quantities of the facets of a support: how many, their shares and the angles between them."""

from __future__ import annotations

import numpy as np

from catomo.surfaces.facet_families import OTHER, family_names, lattice_angle
from catomo.surfaces.facets import LEAST_FLAT, LEAST_GATHERED, Facets
from catomo.surfaces.quantity import quantity
from catomo.surfaces.relief import Relief
from catomo.surfaces.settings import FacetRule

_OFF_RIM_PX = 0.5  # of a facet
_DIGITISED = "low and high: digitisation alone, without what the segmentation has wrong"
_MOST_PAIRS = 6  # unnamed facets, the largest, whose angles are given
_SAME_ANGLE_DEG = 10.0


def facet_quantities(
    name: str, relief: Relief | None, rule: FacetRule, pixel_size_nm: float
) -> dict[str, dict]:
    """Return the quantities of the facets of a support.

    Parameters
    ----------
    name : str
        Name of its class.
    relief : Relief or None
        None where no voxel has its label, or other classes cover all of its surface.
    rule : FacetRule
    pixel_size_nm : float
    """
    found = family_names(rule.lattice) if rule.lattice else []
    keys = ["facet_share", *(f"facet_share_{family}" for family in found)]
    if relief is None:
        none = f"no voxel is labelled {name}, or nothing of its surface is free"
        return {f"{name}_facet_count": quantity(0, "1", none)} | {
            f"{name}_{key}": quantity(None, "1", none) for key in keys
        }
    words = _words(relief, rule, pixel_size_nm)
    facets = relief.facets
    result = {f"{name}_facet_count": quantity(len(facets.facets), "1", words)}
    if not facets.facets:
        result[f"{name}_facet_share"] = quantity(0.0, "1", words)
        for key in keys[1:]:
            result[f"{name}_{key}"] = quantity(None, "1", words)
        return result
    every = np.ones(len(facets.facets), bool)
    result[f"{name}_facet_share"] = _share(relief, every, "on facets")
    for family in found:
        key = f"{name}_facet_share_{family}"
        if relief.unnamed:
            result[key] = quantity(None, "1", f"families are not told: {relief.unnamed}")
            continue
        is_here = np.array([one == family for one in relief.names])
        result[key] = _share(relief, is_here, f"on facets of the family {{{family}}}")
    return result | _angles(name, relief, rule)


def _words(relief: Relief, rule: FacetRule, pixel_size_nm: float) -> str:
    """Return how facets were sought, and where there are none the measure that says so."""
    facets = relief.facets
    length = f"normals smoothed over {rule.smoothing_px * pixel_size_nm:.3g} nm"
    if facets.facets:
        words = (
            f"directions in which the {length} gather: {LEAST_GATHERED:g} and more of what faces "
            "within 20° of a facet does within 10° (of a ball 0.25, of a cylinder 0.5; of a narrow "
            "one without the round edges beside others); here "
            f"{min(one.gathered for one in facets.facets):.2f} to "
            f"{max(one.gathered for one in facets.facets):.2f}; parallel planes are one facet; "
            f"relief narrower than about {6 * pixel_size_nm:.2g} nm is not resolved; no low and "
            "high: a facet that is as small as that may come or go"
        )
        return words + ("; the end of the data cuts the surface" if relief.is_cut else "")
    return (
        f"no facets: of the surface, {100 * facets.flat:.0f} % lies within 10° of directions in "
        f"which the {length} gather, and {100 * LEAST_FLAT:.0f} % is the least; of what faces "
        f"within 20° of the best direction, {facets.best:.2f} does within 10° (a ball has 0.25, a "
        f"cylinder 0.5, a facet {LEAST_GATHERED:g} and more)"
    )


def _share(relief: Relief, is_in: np.ndarray, words: str) -> dict:
    """Return the share of the free surface on some facets, which half a pixel moves at rims."""
    facets, elements = relief.facets, relief.elements
    total = float(elements.free_areas.sum())
    on_facets = sum(one.area for one, here in zip(facets.facets, is_in, strict=True) if here)
    share = min(on_facets / total, 1.0)  # sums of the same areas differ in their last digits
    inside = (facets.facet_of >= 0) & is_in[facets.facet_of]
    links = elements.links.tocoo()
    at_rim = inside[links.row] & ~inside[links.col] & elements.is_free[links.col]
    # An element is about as wide as the root of its area.
    rim = float(np.sqrt(elements.areas[np.unique(links.row[at_rim])]).sum())
    off = _OFF_RIM_PX * rim / total
    method = f"share of the surface of what lies free of particles {words}; {_DIGITISED}"
    if relief.is_cut:
        method += "; of what was seen: the end of the data cuts the surface"
    return quantity(share, "1", method, (max(share - off, 0.0), min(share + off, 1.0)))


def _angles(name: str, relief: Relief, rule: FacetRule) -> dict[str, dict]:
    """Return angles between planes that meet: by families, or by the numbers of facets."""
    facets = relief.facets
    pairs = sorted({line.facets for line in relief.lines})
    if relief.names and rule.lattice:
        return _angles_of_families(name, relief, rule.lattice, pairs)
    result = {}
    for one, other in pairs:
        if other < _MOST_PAIRS:
            angle, off = _angle(facets, one, other)
            result[f"{name}_facet_angle_{one + 1}_{other + 1}"] = quantity(
                angle, "°",
                f"angle between the normals of facets {one + 1} and {other + 1} of facets.csv, "
                f"which meet; {_DIGITISED}",
                (angle - off, angle + off),
            )  # fmt: skip
    return result


def _angles_of_families(
    name: str, relief: Relief, lattice: str, pairs: list[tuple[int, int]]
) -> dict[str, dict]:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for pair in pairs:
        one, other = sorted(relief.names[facet] for facet in pair)
        if OTHER in (one, other):
            continue
        angle, off = _angle(relief.facets, *pair)
        acute = min(angle, 180 - angle)
        if abs(acute - lattice_angle(lattice, one, other)) < _SAME_ANGLE_DEG:
            found.setdefault((one, other), []).append((acute, off))
    result = {}
    for (one, other), values in sorted(found.items()):
        mean = float(np.mean([value for value, _ in values]))
        off = float(np.sqrt(np.mean([off**2 for _, off in values])))
        ideal = lattice_angle(lattice, one, other)
        result[f"{name}_facet_angle_{one}_{other}"] = quantity(
            mean, "°",
            f"mean angle between planes of the families {{{one}}} and {{{other}}} that meet at the "
            f"lattice's {ideal:.1f}° or what it leaves to 180°, {len(values)} pairs of facets; "
            f"{_DIGITISED}",
            (mean - off, mean + off),
        )  # fmt: skip
    return result


def _angle(facets: Facets, one: int, other: int) -> tuple[float, float]:
    """Return the angle between two facets, and half of its interval, in degrees."""
    first, second = facets.facets[one], facets.facets[other]
    angle = np.degrees(np.arccos(np.clip(first.normal @ second.normal, -1, 1)))
    return float(angle), float(np.hypot(first.off_deg, second.off_deg))
