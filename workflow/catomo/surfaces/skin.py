"""A skin of support around particles: thin layers that labels may have where there is none.

Where the grey of a particle fades into that of the background it passes that of the support. A
network taught too little, and thresholds always, then put a layer of support one or two voxels
thick around particles, which turns exposed area into contact. Labels alone do not tell such a
layer from a coat that is really there, but they tell that it is there.
"""

from __future__ import annotations

import re

import numpy as np

from catomo.surfaces.crofton import STEP_AREAS
from catomo.surfaces.frame import Frame
from catomo.surfaces.quantity import SKIN_FROM, without_interval

_THICK_PX = 2.0

_SPOILT = (
    r"(exposed_area|contact_area|contact_fraction|share_(outer|pore|embedded|detached)|dispersion"
    r"|area_per_gram|reachable_\d+pm|apex_share|facet_share_\w+|placement_p\w*)"
)


def skin_share(labels: np.ndarray, voxels: np.ndarray, support: int, frame: Frame) -> float | None:
    """Return which share of the area of particles, were there no skin, a skin covers.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    voxels : ndarray of int64, (n, 3)
        Voxels of the particles.
    support : int
        Label of the support.
    frame : Frame

    Returns
    -------
    float or None
        None where all particles are far below the surface of the support.
    """
    covered = free = 0.0
    for step, area in STEP_AREAS:
        place = frame.neighbours(voxels, step)
        behind = labels[tuple(place.T)]
        free += area * np.count_nonzero(behind == 0)
        inside = place[behind == support]
        for _ in range(int(_THICK_PX / np.linalg.norm(step))):
            inside = frame.neighbours(inside, step)
            behind = labels[tuple(inside.T)]
            covered += area * np.count_nonzero(behind == 0)
            inside = inside[behind == support]
    return float(covered / (covered + free)) if covered + free else None


def told_of_skin(
    quantities: dict[str, dict], particles: str, support: str, share: float | None
) -> tuple[dict[str, dict], list[str]]:
    """Return quantities without intervals where a skin may have spoilt them, and warnings.

    Parameters
    ----------
    quantities : dict of str to dict
    particles, support : str
        Names of the classes.
    share : float or None
        As of `skin_share`.

    Returns
    -------
    dict of str to dict
        Those that a skin spoils have no interval, and their method says so.
    list of str
        The warning, in whole sentences; empty where there is no skin.
    """
    if share is None or share < SKIN_FROM:
        return quantities, []
    what = f"a skin of {support} no more than two voxels thick covers {100 * share:.0f} % of the "
    what += f"surface of {particles} that would be free without it"
    spoilt = re.compile(f"{re.escape(particles)}_{_SPOILT}")
    result = {
        name: _spoilt(entry, what)
        if entry["value"] is not None and spoilt.fullmatch(name)
        else entry
        for name, entry in quantities.items()
    }
    return result, [
        f"{what[:1].upper()}{what[1:]}. A network taught too little, or thresholds, put "
        "such a skin around particles that have none. Then exposed area, dispersion and what "
        "molecules reach are too small, and contact and the share of embedded particles too "
        "large; on which facets particles sit, and whether chance puts them there, is told of the "
        f"skin. Look at the particles slice by slice. Where {support} really covers them, the "
        "values stand; where it does not, do not quote them, and teach the model longer or with "
        "slices whose particles are drawn to their edge."
    ]


def _spoilt(entry: dict, what: str) -> dict:
    words = [
        word
        for word in without_interval(entry, "")["method"].split("; ")
        if not word.startswith(("no low and high", "sample_low"))
    ]
    words.append(f"no intervals: {what}, and may be an error of the labels")
    ends = dict.fromkeys(("low", "high", "sample_low", "sample_high"))
    return {**entry, **ends, "method": "; ".join(words)}
