"""What a specimen comes to by the gram, and whether the bulk's own measurements agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from catomo.surfaces.quantity import UNKNOWN, Interval, quantity
from catomo.surfaces.settings import KNOWN_MATERIALS, Bulk

_PER_GRAM = 1000.0  # from nm² per nm³ g/cm³ to m²/g
_GRAMS = 1e-21  # of one nm³ at 1 g/cm³
_VERDICTS = {
    True: "agree within both errors",
    False: "DISAGREE beyond both errors",
    None: "cannot be compared, because this specimen's error is not known",
}


def bulk_quantities(
    quantities: Mapping[str, dict], particles: str, support: str, bulk: Bulk
) -> dict[str, dict]:
    """Return dispersion, loading by weight and areas by the gram.

    Parameters
    ----------
    quantities : mapping of str to dict
        All others of this specimen.
    particles, support : str
        Names of the classes.
    bulk : Bulk
        Densities and atoms; what it leaves open is taken from `KNOWN_MATERIALS`.
    """
    metal, atoms, plane, ground = _materials(particles, support, bulk)
    volume, carrier = (quantities[f"{name}_volume"] for name in (particles, support))
    area, outside = quantities[f"{particles}_exposed_area"], quantities[f"{support}_area"]
    count = quantities[f"{particles}_count"]
    given = "with surfaces.bulk's values"
    no_metal = f"surfaces.bulk names no density and atoms of {particles}"
    no_both = f"surfaces.bulk names no density of {particles} or {support}"
    result = {}
    words = f"atoms at the exposed area over all atoms of {particles}"
    value = None
    if atoms and plane:
        value = _ratio(area, volume, plane / atoms)
        words += f", {plane:g} per nm² and {atoms:g} per nm³; a free ball of diameter d has "
        words += f"{6 * plane / atoms:.3g} nm / d"
    result[f"{particles}_dispersion"] = _told(value, "1", words, no_metal if not atoms else "")
    value = _ratio(area, volume, _PER_GRAM / metal) if metal else None
    words = f"exposed area over the mass of {particles}"
    words += f", {metal:g} g/cm³" if metal else ""
    result[f"{particles}_area_per_gram"] = _told(value, "m²/g", words, "" if metal else no_metal)
    value = _ratio(outside, carrier, _PER_GRAM / ground) if ground else None
    words = f"area of {support}, pore walls and what lies under particles included, over its mass"
    words += f", {ground:g} g/cm³; pores finer than the voxels are not in it" if ground else ""
    why = "" if ground else f"surfaces.bulk names no density of {support}"
    result[f"{support}_area_per_gram"] = _told(value, "m²/g", words, why)
    both = metal and ground
    words = f"mass of {particles} over that of {particles} and {support}, {given}"
    share = _weight_percent(volume, carrier, metal, ground) if metal and ground else None
    result[f"{particles}_weight_percent"] = _told(share, "%", words, "" if both else no_both)
    mass = _mass_grams(quantities, particles, support, bulk)
    number = (count["value"] / mass, UNKNOWN) if mass else None
    words = f"number of {particles} particles over the mass of {particles} and {support}, {given}"
    result[f"{particles}_count_per_gram"] = _told(number, "1/g", words, "" if both else no_both)
    return result


def _mass_grams(
    quantities: Mapping[str, dict], particles: str, support: str, bulk: Bulk
) -> float | None:
    """Return the mass of particles and support in g, None where a density is not known."""
    metal, _, _, ground = _materials(particles, support, bulk)
    if not metal or not ground:
        return None
    volumes = (quantities[f"{name}_volume"]["value"] for name in (particles, support))
    return sum(v * d * _GRAMS for v, d in zip(volumes, (metal, ground), strict=True))


def agreement(
    quantities: Mapping[str, dict], particles: str, support: str, bulk: Bulk
) -> dict[str, Any]:
    """Return what bulk measurements say beside these quantities, and sentences for a page."""
    measured = {
        f"{particles}_weight_percent": ("ICP", bulk.weight_percent),
        f"{support}_area_per_gram": ("BET", bulk.support_area_m2_g),
        f"{particles}_dispersion": ("chemisorption", bulk.dispersion),
    }
    rows, words = [], []
    for key, (method, given) in measured.items():
        if given is None:
            continue
        entry = quantities[key]
        agrees = _agrees(entry, given.value, given.error)
        told = _VERDICTS[agrees]
        here = "no value" if entry["value"] is None else f"{entry['value']:.3g}"
        if entry["low"] is not None and entry["high"] is not None:
            here += f" ({entry['low']:.3g} to {entry['high']:.3g})"
        unit = "" if entry["unit"] == "1" else f" {entry['unit']}"
        words.append(
            f"{key}: {here} here and {given.value:g} ± {given.error:g}{unit} of the bulk "
            f"({method}) {told}."
        )
        rows.append({"quantity": key, "bulk": given.value, "error": given.error, "agrees": agrees})
    mass = _mass_grams(quantities, particles, support, bulk)
    if mass:
        words.append(
            f"What was measured weighs {mass:.2g} g: a gram is about {1 / mass:.1g} times as much. "
            "One crystal can show how its matter is arranged, not what the mean of a gram is: in "
            "one batch the loading was reported to vary 35-fold from crystal to crystal. So a "
            "disagreement with the bulk does not show either to be wrong, and an agreement of one "
            "crystal may be chance; compare several crystals."
        )
    return {"compared": rows, "words": words}


def _materials(
    particles: str, support: str, bulk: Bulk
) -> tuple[float | None, float | None, float | None, float | None]:
    """Return density and atoms per nm³ and nm² of the particles, and the support's density."""
    known = KNOWN_MATERIALS.get(particles, {})
    carrier = KNOWN_MATERIALS.get(support, {})
    return (
        bulk.particles_density_g_cm3 or known.get("density_g_cm3"),
        bulk.particles_atoms_per_nm3 or known.get("atoms_per_nm3"),
        bulk.particles_atoms_per_nm2 or known.get("atoms_per_nm2"),
        bulk.support_density_g_cm3 or carrier.get("density_g_cm3"),
    )


def _told(found: tuple[float, Interval] | None, unit: str, words: str, why: str) -> dict:
    if found is None:
        return quantity(None, unit, f"{words}: {why or 'there is nothing to measure'}")
    value, interval = found
    if interval == UNKNOWN:
        words += "; no low and high, because not all that it is made of has them"
    else:
        words += "; low and high from those of what it is made of"
    return quantity(value, unit, words, interval)


def _ratio(top: dict, bottom: dict, factor: float) -> tuple[float, Interval] | None:
    """Return a ratio of two quantities times a factor, and its interval."""
    if not bottom["value"] or top["value"] is None:
        return None
    value = factor * top["value"] / bottom["value"]
    less = _off(top, "low"), _off(bottom, "high")
    more = _off(top, "high"), _off(bottom, "low")
    if None in (*less, *more) or not top["value"]:
        return value, UNKNOWN
    low = value * (1 - math.hypot(*(part for part in less if part is not None)))
    high = value * (1 + math.hypot(*(part for part in more if part is not None)))
    return value, (max(low, 0.0), high)


def _off(entry: dict, end: str) -> float | None:
    """Return how far an end of an interval lies from the value, as a share of it."""
    if entry[end] is None or not entry["value"]:
        return None
    return abs(entry[end] / entry["value"] - 1)


def _weight_percent(
    volume: dict, carrier: dict, metal: float, ground: float
) -> tuple[float, Interval] | None:
    one, other = volume["value"] * metal, carrier["value"] * ground
    if not one + other:
        return None
    ends: list[float | None] = []
    for first, second in (("low", "high"), ("high", "low")):
        if volume[first] is None or carrier[second] is None:
            ends.append(None)
            continue
        top = volume[first] * metal
        ends.append(100 * top / (top + carrier[second] * ground) if top else 0.0)
    return 100 * one / (one + other), (ends[0], ends[1])


def _agrees(entry: dict, given: float, error: float) -> bool | None:
    if entry["value"] is None or entry["low"] is None or entry["high"] is None:
        return None
    end = entry["low"] if given < entry["value"] else entry["high"]
    return bool(abs(given - entry["value"]) <= math.hypot(error, end - entry["value"]))
