"""The Dice coefficient that the confidence foretold, to stand beside the measured one."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from catomo.evaluate.scores import ImageScores
from catomo.network.accuracy import Accuracy
from catomo.record.record import Record

_TABLE = "expected_dsc.csv"


def expected_scores(
    predicted: Record, scored: Sequence[ImageScores], told_it: bool
) -> dict[str, Any] | None:
    """Return the DSC to expect of the scored images, and of the whole volume.

    Parameters
    ----------
    predicted : Record
        Of the stage `predict`.
    scored : sequence of ImageScores
    told_it : bool
        Whether the test part of these very slices was scored.

    Returns
    -------
    dict or None
        ``classes``: of each class ``dsc``, ``low`` and ``high``, means over those images that have
        a measured DSC (0 where no pixel is labelled as the class), or None; ``volume``: the same
        of all slices together; ``scope``: what told how right the confidence is. None where
        nothing was foretold.
    """
    content = predicted.get("accuracy")
    foretold = predicted.get("expected_dsc") or {}
    if content is None or not any(foretold.values()):
        return None
    accuracy = Accuracy.of(content)
    assert accuracy is not None
    with open(predicted.file(_TABLE), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    classes = {}
    for k, name in enumerate(foretold):
        ends = []
        for image in scored:
            soft = rows[image.index][f"soft_dsc_{name}"]
            if soft and math.isfinite(image.overlap()["dsc"][k]):
                one = accuracy.expected(k, float(soft))
                ends.append((one.dsc, one.low, one.high) if one else (0.0, 0.0, 0.0))
        means = np.mean(ends, axis=0).tolist() if ends else None
        classes[name] = means and dict(zip(("dsc", "low", "high"), means, strict=True))
    part = {"validate": "validation", "test": "test"}[accuracy.part]
    scope = f"{accuracy.images} {part} images told how right the confidence is"
    if told_it and accuracy.part == "test":
        scope += ", the scored ones among them, so it is no independent check"
    return {"classes": classes, "volume": foretold, "scope": scope}
