"""Names of quantities in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

# What stands after the name of the class. A name that is not here is its own words.
_WORDS = {
    "area": "surface area",
    "area_outer": "free outer surface",
    "area_pore": "free surface of pores",
    "porosity_open": "open porosity",
    "porosity_closed": "closed porosity",
    "pore_diameter": "median diameter of pores",
    "access_radius": "median radius of access",
    "thickness": "median thickness",
    "count": "number of particles",
    "cut_share": "share of particles that the frame cuts",
    "diameter_d10": "mean diameter d10",
    "diameter_d32": "surface-weighted diameter d32",
    "diameter_d43": "volume-weighted diameter d43",
    "spacing_surface": "straight gap between neighbours",
    "spacing_support": "gap between neighbours along the support",
    "contact_fraction": "share of surface in contact",
    "share_outer": "share of particles on the outer surface",
    "share_pore": "share of particles in pores",
    "share_embedded": "share of particles embedded",
    "share_detached": "share of particles detached",
    "loading": "particles per area of support",
}
_REACHABLE = re.compile(r"reachable_(\d+)pm")


def quantity_in_words(name: str, titles: Mapping[str, str]) -> str:
    """Return the name of a quantity in words, with the title of its class.

    Parameters
    ----------
    name : str
        As in ``quantities.json``: ``<class>_<quantity>``.
    titles : mapping of str to str
        Titles of classes by their names. A name of none of them loses its underscores alone.
    """
    of = [phase for phase in titles if name.startswith(f"{phase}_")]
    if not of:
        return name.replace("_", " ")
    phase = max(of, key=len)
    quantity = name.removeprefix(f"{phase}_")
    words = _WORDS.get(quantity, quantity.replace("_", " "))
    if reachable := _REACHABLE.fullmatch(quantity):
        words = f"share of surface that a ball of {int(reachable[1]) / 1000:g} nm radius reaches"
    return f"{titles[phase]}: {words}"
