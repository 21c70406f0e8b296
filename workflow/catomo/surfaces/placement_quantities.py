"""Quantities of where particles sit, as ``quantities.json`` gives them, and their files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catomo import figures
from catomo.files.tables import number_text, write_csv
from catomo.record.record import Output
from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.placement import DRAWS, Judged, Placement
from catomo.surfaces.quantity import SAMPLE_OF_SHARE, UNKNOWN, of_share, quantity

_TESTS = {
    "apex": ("placement_p", "the distances of particles to the nearest apex"),
    "facets": ("placement_p_facets", "the shares of particles on each family and at apexes"),
    "neighbour": (
        "placement_p_neighbour",
        "the ways along the surface to the nearest other particle",
    ),
}
_LEVEL = 0.05  # up to it a page says that chance does not put particles there
_COVERED = 0.005  # share of the surface, from which it is told
_SKIN = (
    "The skin of {support} around {name} hides where it sits: where the labels are wrong about the "
    "skin, do not quote what is said here of placement."
)
_COLUMNS = ["statistic", "place", "observed", "envelope_low", "envelope_high", "by_chance"]


def placement_quantities(
    name: str,
    support: str,
    found: Placement | None,
    particles: MeasuredParticles,
    families: Sequence[str] = (),
) -> dict[str, dict]:
    """Return the quantities of where particles sit.

    Parameters
    ----------
    name, support : str
        Names of the classes.
    found : Placement or None
        None where the support has no free surface.
    particles : MeasuredParticles
    families : sequence of str
        The families that facets may have.
    """
    keys = ["apex_share", *(f"facet_share_{family}" for family in families)]
    if found is None:
        why = f"no voxel is labelled {support}, or nothing of its surface is free"
        keys += [key for key, _ in _TESTS.values()]
        return {f"{name}_{key}": quantity(None, "1", why) for key in keys}
    left = int(np.count_nonzero(particles.kept & ~found.tested))
    result = {f"{name}_apex_share": _apex_share(support, found, left)}
    for family, key in zip(families, keys[1:], strict=True):
        result[f"{name}_{key}"] = _family_share(support, found, family)
    for test, (key, words) in _TESTS.items():
        result[f"{name}_{key}"] = _p_value(name, support, found, (test, words), left)
    return result


def _p_value(name: str, support: str, found: Placement, test: tuple[str, str], left: int) -> dict:
    told = found.tests[test[0]]
    method = (
        f"whether chance puts {name} where it is: p-value of a global envelope test of {test[1]}, "
        f"with {DRAWS} draws of as many particles of the same sizes at random places on {support} "
        "(as many in pores and outside of them, whole in the frame, without overlap, each taken "
        "for round along the surface); mouths of pores are no apexes"
    )
    if found.covered >= _COVERED:
        method += (
            f"; no random places on the {100 * found.covered:.0f} % of the surface that lie below "
            "other classes or around embedded particles"
        )
    if isinstance(told, str):
        return quantity(None, "1", f"{method}; not judged, because {told}")
    words = (
        f"{method}; {_number(found, left)}; {told.note + '; ' if told.note else ''}no low and "
        "high: it tells how rare chance makes this"
    )
    return quantity(told.envelope.p, "1", words)


def _number(found: Placement, left: int) -> str:
    words = f"{np.count_nonzero(found.tested)} particles"
    if found.passed_over:
        words += f" drawn among {np.count_nonzero(found.tested) + found.passed_over}"
        left -= found.passed_over
    if left > 0:
        words += f", without {left} that the frame cuts, that have no rim or that fit nowhere else"
    return words


def _apex_share(support: str, found: Placement, left: int) -> dict:
    words = (
        f"share of the particles that lie across an apex of {support}, a convex line between two "
        "facets of its outer surface"
    )
    if found.apex_by_chance is None:
        return quantity(None, "1", f"{words}; not judged, because {found.tests['apex']}")
    is_at = found.at_apex[found.tested]
    return quantity(
        float(is_at.mean()), "1",
        f"{words}; random places have {found.apex_by_chance:.2f}; {_number(found, left)}; no low "
        f"and high: half a pixel moves a particle to or from an apex; {SAMPLE_OF_SHARE}",
        UNKNOWN, of_share(np.ones(len(is_at)), is_at),
    )  # fmt: skip


def _family_share(support: str, found: Placement, family: str) -> dict:
    words = f"share of the particles that sit on a facet of the family {{{family}}} of {support}"
    told = found.tests["facets"]
    if isinstance(told, str):
        return quantity(None, "1", f"{words}; not judged, because {told}")
    if family not in found.families:
        return quantity(None, "1", f"{words}; not judged, because no facet is told to be one")
    is_on = found.families[family]
    number = [str(place) for place in told.places].index(family)
    return quantity(
        float(is_on.mean()), "1",
        f"{words}; random places have {told.envelope.middle[number]:.2f}; no low and high: half a "
        f"pixel moves a particle from one facet to the next; {SAMPLE_OF_SHARE}",
        UNKNOWN, of_share(np.ones(len(is_on)), is_on),
    )  # fmt: skip


def placement_words(
    name: str,
    support: str,
    found: Placement | None,
    pixel_size_nm: float,
    *,
    has_skin: bool = False,
) -> list[str]:
    """Return what the tests say, in whole sentences for a page; empty without support.

    Parameters
    ----------
    name, support : str
        Names of the classes.
    found : Placement or None
    pixel_size_nm : float
    has_skin : bool
        Whether a thin layer of the support covers the particles.
    """
    if found is None:
        return []
    whys = [told for told in found.tests.values() if isinstance(told, str)]
    if len(whys) == len(found.tests):
        return [f"Whether chance puts {name} where it is was not judged, because {whys[0]}."]
    number = np.count_nonzero(found.tested)
    words = [
        f"Placement of {number} {name} particles beside random places on the same surface of "
        f"{support}:"
    ]
    apex, neighbour = found.tests["apex"], found.tests["neighbour"]
    if isinstance(apex, Judged):
        share = found.at_apex[found.tested].mean()
        verdict = _verdict(apex, "closer to apexes", "farther away", pixel_size_nm)
        words.append(
            f"distances to the nearest apex {verdict}; "
            f"{100 * share:.0f} % lie across an apex, and {100 * (found.apex_by_chance or 0):.0f} "
            "% of random ones would;"
        )
    else:
        words.append(f"whether apexes draw them was not judged, because {apex};")
    if isinstance(neighbour, Judged):
        verdict = _verdict(neighbour, "closer together", "farther apart", pixel_size_nm)
        note = f" ({neighbour.note})" if neighbour.note else ""
        words.append(f"distances to the nearest other particle {verdict}{note}.")
    else:
        words.append(f"whether they keep together was not judged, because {neighbour}.")
    return [
        " ".join(words),
        *([_SKIN.format(support=support, name=name)] if has_skin else []),
        f"Where chance puts particles, each of these tests still calls one specimen in "
        f"{round(1 / _LEVEL)} unlike it, and few particles hide a weak preference: a claim needs "
        "several specimens.",
    ]


def _verdict(told: Judged, nearer: str, farther: str, pixel_size_nm: float) -> str:
    """Return what a test of distances says: their shares run above those of chance where near.

    The direction is that in which the curve leaves its envelope, wherever else it runs.
    """
    p = told.envelope.p
    if p > _LEVEL:
        return f"are as chance makes them (p = {p:.3f})"
    above = told.observed - told.envelope.high
    below = told.envelope.low - told.observed
    places = np.array(told.places, float) * pixel_size_nm
    words = f"are NOT as chance makes them (p = {p:.3f})"
    if above.max() > 0 and below.max() > 0:
        near, far = (places[int(side.argmax())] for side in (above, below))
        return (
            f"{words}: counted up to {near:.2g} nm particles are {nearer}, up to {far:.2g} nm "
            f"{farther}"
        )
    if above.max() <= 0 and below.max() <= 0:
        return words
    return f"{words}: particles are {nearer if above.max() > 0 else farther}"


def write_placement(out: Output, found: Placement | None, pixel_size_nm: float) -> None:
    """Write the curves of all tests with their envelopes, and draw them.

    ``placement.csv`` has its header only, and there is no ``placement.png``, without a test.
    """
    tests: dict[str, Judged] = {}
    if found is not None:
        tests = {key: told for key in _TESTS if isinstance(told := found.tests[key], Judged)}
    rows = []
    for key, told in tests.items():
        places = [_place(place, pixel_size_nm) for place in told.places]
        columns = (told.observed, told.envelope.low, told.envelope.high, told.envelope.middle)
        for place, values in zip(places, zip(*columns, strict=True), strict=True):
            rows.append([key, place, *map(number_text, map(float, values))])
    write_csv(out.path("placement.csv"), _COLUMNS, rows)
    if tests:
        _draw(out, tests, pixel_size_nm)


def _place(place: float | str, pixel_size_nm: float) -> str:
    return place if isinstance(place, str) else number_text(place * pixel_size_nm)


def _draw(out: Output, tests: dict[str, Judged], pixel_size_nm: float) -> None:
    figure, every = figures.new_figure(1, len(tests), (4.2 * len(tests), 3.6), squeeze=False)
    across = {
        "apex": "distance to the nearest apex / nm",
        "facets": "on facets of each family, and at apexes",
        "neighbour": "way to the nearest particle / nm",
    }
    for axes, (key, told) in zip(every[0], tests.items(), strict=True):
        band = told.envelope
        if key == "facets":
            at = np.arange(len(told.places))
            # The mean of all draws may lie outside of the envelope of most of them.
            axes.vlines(at, band.low, band.high, color=figures.BEFORE, linewidth=6)
            axes.plot(at, band.middle, "_", color=figures.INK)
            axes.plot(at, told.observed, "o", color=figures.ALERT)
            axes.set_xticks(at, [str(place) for place in told.places])
        else:
            places = np.array(told.places, float) * pixel_size_nm
            axes.fill_between(places, band.low, band.high, color=figures.BEFORE, alpha=0.6)
            axes.plot(places, band.middle, "--", color=figures.INK)
            axes.plot(places, told.observed, color=figures.ALERT)
        axes.set_xlabel(across[key])
        axes.set_ylabel("share of the particles")
        axes.set_ylim(-0.02, 1.02)
        axes.set_title(f"p = {band.p:.3f}")
    figures.save(figure, out.path("placement.png"))
