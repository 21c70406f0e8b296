"""Quantities of the particles together: number, sizes, spacing, contact and place."""

from __future__ import annotations

import numpy as np

from catomo.surfaces.particles import (
    DETACHED,
    EMBEDDED,
    OUTER,
    PORE,
    MeasuredParticles,
    rim_of,
)
from catomo.surfaces.quantity import (
    SAMPLE,
    SAMPLE_OF_SHARE,
    UNKNOWN,
    Interval,
    of_share,
    quantity,
    ratio_of,
    resampled,
)  # fmt: skip
from catomo.surfaces.spacing import DIGITISED, hidden, spacing, spacing_along

_WEIGHTED = (
    "whole particles, each weighted by one over its chance to be whole in the frame "
    "(Miles and Lantuéjoul)"
)
# Power, how much a mean of n equal balls grows, times n, if two of them count as one, and words.
_DIAMETERS = {
    "diameter_d10": (1, 0.26, "number-weighted mean diameter Σd / Σ1"),
    "diameter_d32": (3, 0.41, "surface-weighted mean diameter Σd³ / Σd²"),
    "diameter_d43": (4, 0.52, "volume-weighted mean diameter Σd⁴ / Σd³"),
}
# Digitisation, measured on phantoms: truth against their labels, in px or as a share.
_OFF = 0.02  # of areas of balls
_OFF_OF_ONE = 3.2  # px²: what the area of one ball may be off by chance, whatever its size
# Where particle and support meet: below and above the value, of the measure of the wedges and
# per px of the rim.
_OFF_CONTACT = ((0.6, 0.13), (0.75, 0.06))
# Of a contact area, by the direction of the plane: all particles of one plate share it.
_OFF_DIRECTION = 0.04
_OFF_EXPOSED = ((0.35, 0.0), (0.5, 0.21))
# Of a mean diameter in px: of all particles alike, below and above, and of one by chance.
_OFF_DIAMETER_PX = ((0.03, 0.09), 0.2)


_EDGES = (
    "sharp edges count as rounded, so the area of cubes and octahedra is 8 to 3 % too small where "
    "they are 7 to 20 px across, which the interval leaves out"
)
_NORMAL = 1.96  # half the width of a 95 % interval in standard deviations
_SHARES = {
    OUTER: "share_outer",
    PORE: "share_pore",
    EMBEDDED: "share_embedded",
    DETACHED: "share_detached",
}


def of_particles(name: str, particles: MeasuredParticles, support: str | None) -> dict[str, dict]:
    """Return all quantities of the particles of a class.

    Parameters
    ----------
    name : str
        Name of the class.
    particles : MeasuredParticles
    support : str or None
        Name of the class that carries them.
    """
    result = _counted(name, particles)
    result |= _sizes(name, particles)
    result[f"{name}_spacing_surface"] = spacing(particles)
    if support:
        result[f"{name}_spacing_support"] = spacing_along(particles, support)
    result |= _shapes(name, particles)
    result |= _areas(name, particles)
    if support:
        result |= _contact(name, particles, support)
    return result


def density(
    name: str, particles: MeasuredParticles, support: str, count: dict, area: dict
) -> dict[str, dict]:
    """Return the number of particles per surface area of the support.

    Parameters
    ----------
    name, support : str
        Names of the classes.
    particles : MeasuredParticles
    count, area : dict
        The quantities of the number of particles and of the support's area.
    """
    key, unit = f"{name}_loading", "nm⁻²"
    if not area["value"]:
        return {key: quantity(None, unit, f"no voxel is labelled {support}")}
    number = _number(particles)[particles.kept].sum()
    ends = (area["high"], area["low"])
    known = [end for end in ends if end]
    interval = UNKNOWN
    if len(known) == 2:
        # Whether a cut particle belongs to the frame is left to chance: 0.5 each.
        cut = _NORMAL * 0.5 * np.sqrt(np.count_nonzero(particles.kept & (particles.cut_axes > 0)))
        off = [np.hypot(count["value"] - count[end], cut) for end in ("low", "high")]
        share = number or 1
        lower = np.hypot(off[0] / share, 1 - area["value"] / ends[0])
        upper = np.hypot(off[1] / share, area["value"] / ends[1] - 1)
        value = number / area["value"]
        interval = max(value * float(1 - lower), 0.0), value * float(1 + upper)
        if not number:
            interval = 0.0, count["high"] / ends[1]
    return {
        key: quantity(
            number / area["value"], unit,
            f"number of {name} particles over {support}_area, both of what was seen; a particle "
            "counts one half for each axis along which the frame cuts it; low and high from those "
            "of the number and of the area",
            interval,
        )
    }  # fmt: skip


def _number(particles: MeasuredParticles) -> np.ndarray:
    """Return how much of each piece belongs to the frame, as a number of particles."""
    return 0.5**particles.cut_axes


def _counted(name: str, particles: MeasuredParticles) -> dict[str, dict]:
    pieces, kept = particles.pieces, particles.kept
    count = int(np.count_nonzero(kept))
    cut = int(np.count_nonzero(kept & (particles.cut_axes > 0)))
    hidden = int(np.ceil(count / 20)) if count >= 10 else 0
    if not count:
        none = f"no piece of {name} is large enough to be a particle"
        return {
            f"{name}_count": quantity(0, "1", none, (0, particles.most)),
            f"{name}_cut_share": quantity(None, "1", none),
        }
    return {
        f"{name}_count": quantity(
            count, "1",
            "particles seen, those that the frame cuts included; touching ones are split by the "
            "watershed of the distance transform; low: not split, high: split at half the depth, "
            "specks too small to be particles counted as well, and one in twenty of ten and more "
            "that no depth splits",
            (len(np.unique(pieces.groups[kept])), particles.most + hidden),
        ),
        f"{name}_cut_share": quantity(
            cut / count, "1",
            "share of the particles that reach the end of the data; their sizes and distances "
            "are not known and enter no mean; no low and high: it is as sure as the count",
        ),
    }  # fmt: skip


def _sizes(name: str, particles: MeasuredParticles) -> dict[str, dict]:
    whole = particles.whole
    if not whole.any():
        none = _no_whole(name, particles)
        return {f"{name}_{key}": quantity(None, "nm", none) for key in _DIAMETERS}
    diameter = particles.diameters[whole] * particles.pixel_size_nm
    weight = particles.weight[whole]
    (below, above), one = _OFF_DIAMETER_PX
    chance = one / np.sqrt(len(diameter))
    merged = hidden(particles) / len(diameter)
    size = particles.pixel_size_nm
    result = {}
    for key, (power, growth, words) in _DIAMETERS.items():
        top, bottom = weight * diameter**power, weight * diameter ** (power - 1)
        mean = float(top.sum() / bottom.sum())
        less = float(np.linalg.norm([below * size, chance * size, growth * mean * merged]))
        more = float(np.hypot(above, chance) * size)
        result[f"{name}_{key}"] = quantity(
            mean, "nm",
            f"{words} of balls of equal volume: {_WEIGHTED}; {DIGITISED}; {SAMPLE}",
            (max(mean - less, 0.0), mean + more), resampled(ratio_of(top, bottom), len(diameter)),
        )  # fmt: skip
    return result


def _shapes(name: str, particles: MeasuredParticles) -> dict[str, dict]:
    whole = particles.whole
    shapes = {
        "sphericity": (
            particles.sphericity(),
            "area of the ball of equal volume over the particle's area, without particles that "
            "touch another one",
        ),
        "elongation": (
            particles.elongation(),
            "extent along the beam (z) over that across it, from second moments; above 1 it is "
            "most often the missing wedge of tilts and not the particle",
        ),
    }
    result = {}
    for key, (values, words) in shapes.items():
        known = whole & np.isfinite(values)
        if not known.any():
            result[f"{name}_{key}"] = quantity(None, "1", _no_whole(name, particles))
            continue
        weight = particles.weight[known]
        top = weight * values[known]
        result[f"{name}_{key}"] = quantity(
            float(top.sum() / weight.sum()), "1",
                f"mean of {words}: {_WEIGHTED}; no low and high: what voxels make of shapes other "
                f"than balls is not known; {SAMPLE}",
            UNKNOWN, resampled(ratio_of(top, weight), len(top)),
        )  # fmt: skip
    return result


def _areas(name: str, particles: MeasuredParticles) -> dict[str, dict]:
    """Return the exposed area, of all pieces."""
    if not particles.kept.any():
        none = f"no piece of {name} is large enough to be a particle"
        return {f"{name}_exposed_area": quantity(None, "nm²", none)}
    exposed = particles.exposed.sum()
    chance = _by_chance(particles)
    less, more = (_at_rims(particles, off) + chance for off in _OFF_EXPOSED)
    square = particles.pixel_size_nm**2
    return {
        f"{name}_exposed_area": quantity(
            float(exposed * square), "nm²",
            "area towards background of all that was seen, specks included, by Crofton's formula "
            "in 13 directions; faces made by the frame are not counted, and what voxels close in "
            f"narrow wedges at the rims is given back; {_EDGES}; {DIGITISED}",
            _scaled((1 - _OFF) * exposed - less, (1 + _OFF / 4) * exposed + more, square),
        )
    }  # fmt: skip


def _contact(name: str, particles: MeasuredParticles, support: str) -> dict[str, dict]:
    keys = ("contact_area", "contact_fraction", *(_SHARES.values()))
    kept = particles.kept
    if not kept.any():
        none = f"no piece of {name} is large enough to be a particle"
        units = ["nm²", *["1"] * 5]
        return {
            f"{name}_{key}": quantity(None, unit, none)
            for key, unit in zip(keys, units, strict=True)
        }
    square = particles.pixel_size_nm**2
    contact, exposed = particles.contact * square, particles.exposed * square
    less, more = (
        _at_rims(particles, off) * square + _OFF_DIRECTION * contact.sum() for off in _OFF_CONTACT
    )
    less = min(less, contact.sum())
    result = {
        f"{name}_contact_area": quantity(
            float(contact.sum()), "nm²",
            f"area towards {support} of all that was seen, by Crofton's formula in 13 directions, "
            f"without what voxels close in narrow wedges at the rims; {DIGITISED}",
            (float(contact.sum() - less), float(contact.sum() + more)),
        ),
        f"{name}_contact_fraction": _fraction(contact, exposed, kept, (less, more)),
    }  # fmt: skip
    if not particles.is_placed:
        none = f"no voxel is labelled {support}"
        return result | {f"{name}_{key}": quantity(None, "1", none) for key in _SHARES.values()}
    number = _number(particles)[kept]
    words = {
        OUTER: f"on the outer surface of {support}: most of the free voxels beside it lie outside "
        "of the hull",
        PORE: f"on a pore wall of {support}: most of the free voxels beside it lie in the hull",
        EMBEDDED: "embedded: no free face",
        DETACHED: f"detached: no face to {support}",
    }
    for place, key in _SHARES.items():
        is_here = particles.place[kept] == place
        result[f"{name}_{key}"] = quantity(
            float(number[is_here].sum() / number.sum()), "1",
            f"share of the particles {words[place]}; no low and high: one voxel may move a "
            f"particle from one place to another; {SAMPLE_OF_SHARE}",
            UNKNOWN, of_share(number, is_here),
        )  # fmt: skip
    return result


def _fraction(
    contact: np.ndarray, exposed: np.ndarray, kept: np.ndarray, off: tuple[float, float]
) -> dict:
    """Return the contact fraction of pieces of these areas, which may be off by areas."""
    words = "contact area over contact and exposed area together"
    both = contact.sum() + exposed.sum()
    if not both:
        return quantity(None, "1", f"{words}: the particles have neither")
    value = contact.sum() / both
    low, high = resampled(ratio_of(contact[kept], (contact + exposed)[kept]), int(kept.sum()))
    return quantity(
        float(value), "1", f"{words}; {DIGITISED}; {SAMPLE}",
        (float(max(value - off[0] / both, 0)), float(min(value + off[1] / both, 1))),
        (low, None if high is None else min(high, 1.0)),
    )  # fmt: skip


def counted(particles: MeasuredParticles) -> tuple[float, Interval, str]:
    """Return the area of all particles in nm² with its interval and its method."""
    area = particles.towards.sum()
    square = particles.pixel_size_nm**2
    chance = _by_chance(particles)
    hidden = 0.7 * _at_rims(particles, _OFF_EXPOSED[1]) + chance
    return (
        float(area * square),
        _scaled((1 - _OFF) * area - chance, (1 + _OFF / 2) * area + hidden, square),
        f"by Crofton's formula in 13 directions, contact included; faces made by the frame are "
        f"not counted; {_EDGES}; {DIGITISED}",
    )


def _at_rims(particles: MeasuredParticles, off: tuple[float, float]) -> float:
    """Return the area in px² that voxels may add or hide where particles meet the support."""
    rim = rim_of(particles.contact).sum()
    return float((off[0] * particles.wedge + off[1]) * rim)


def _by_chance(particles: MeasuredParticles) -> float:
    """Return the area in px² that all pieces together may be off, by where voxels lie in them."""
    seen = np.count_nonzero(particles.towards.sum(axis=1))
    return float(_OFF_OF_ONE * np.sqrt(seen))


def _scaled(low: float, high: float, unit: float) -> Interval:
    return float(max(low, 0.0) * unit), float(high * unit)


def _no_whole(name: str, particles: MeasuredParticles) -> str:
    if not particles.kept.any():
        return f"no piece of {name} is large enough to be a particle"
    return f"the frame cuts every {name} particle"
