"""All faults by name, and to which results each is done."""

from __future__ import annotations

import random
from collections.abc import Callable

from faults.cases import (
    cut,
    damage,
    disk_full,
    edit,
    flip,
    kill_at,
    lose,
    memory_short,
    no_permission,
    temporary_full,
    two_verbs,
    two_workflows,
)
from faults.place import RECORDS, SHORT, Place
from faults.seen import Seen

# What is done to a copy of which whole results, "whole" or "short", and the last stage whose
# results are in the copy; all are, where that is empty.
Case = tuple[str, str, Callable[[Place], Seen]]


def _place_of(verb: str, has_later: bool) -> tuple[str, str]:
    return "short" if verb in SHORT else "whole", "" if has_later else verb


def kills(count: int, seed: int = 1) -> dict[str, Case]:
    """Return kills over all stages, all that can be killed, and random moments, by name.

    Each fourth is at the moment when the files are moved into place. In each fourth the results of
    all later stages lie there.
    """
    rng = random.Random(seed)
    verbs = list(RECORDS)
    found: dict[str, Case] = {}
    for number in range(count):
        verb = verbs[number % len(verbs)]
        turn = number // len(verbs)
        what = ("stage", "snakemake", "both")[turn % 3]
        moment, has_later = rng.random(), rng.random() < 0.25
        writes = turn % 4 == 3
        when = "as it writes" if writes else f"after {moment:.2f} of its time"
        with_later = ", with all that follows" if has_later else ""
        found[f"kill {number:03d} {what} of {verb} {when}{with_later}"] = (
            *_place_of(verb, has_later),
            lambda place, v=verb, w=what, m=None if writes else moment: kill_at(place, v, w, m),
        )
    return found


FILES = {
    "simulate": "tilt_series.tif",
    "align": "aligned.tif",
    "reconstruct": "volume.tif",
    "slices": "slices.tif",
    "train": "model.keras",
    "predict": "labels.tif",
    "evaluate": "evaluation.csv",
    "surfaces": "pt.vtp",
    "report": "report.html",
}


def other_faults() -> dict[str, Case]:
    """Return all faults but the kills, by name: one of each kind for every stage, kind by kind."""
    of_stages: dict[str, Callable[[Place, str], Seen]] = {
        "disk full in {verb}": disk_full,
        "{file} cut": lambda place, verb: damage(place, verb, cut, FILES[verb]),
        "record of {verb} edited": lambda place, verb: damage(place, verb, edit),
        "two verbs {verb}": two_verbs,
        "half of the memory of {verb}": lambda place, verb: memory_short(place, verb, 0.5),
        "folder of {verb} lost": lose,
        "no permission in {verb}": no_permission,
        "one bit of {file} flipped": lambda place, verb: damage(place, verb, flip, FILES[verb]),
        "record of {verb} cut": lambda place, verb: damage(place, verb, cut),
        "nine tenths of the memory of {verb}": lambda place, verb: memory_short(place, verb, 0.9),
    }
    found: dict[str, Case] = {"two workflows": ("short", "align", two_workflows)}
    for turn, (name, do) in enumerate(of_stages.items()):
        for number, verb in enumerate(RECORDS):
            has_later = (turn + number) % 4 == 0
            found[
                name.format(verb=verb, file=FILES[verb]) + has_later * ", with all that follows"
            ] = (
                *_place_of(verb, has_later),
                lambda place, v=verb, d=do: d(place, v),
            )
    for verb in ("surfaces", "report"):
        found[f"TMPDIR full in {verb}"] = (
            *_place_of(verb, False),
            lambda place, v=verb: temporary_full(place, v),
        )
    return found
