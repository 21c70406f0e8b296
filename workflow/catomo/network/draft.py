"""Draft models: models trained on phantoms alone, whose labels of a real specimen are a guess.

On a phantom such a model does what it was trained for, so its results there carry no warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catomo.record.record import Record

WARNING = (
    "the model was trained on phantoms alone. Its labels, and all numbers made from them, are "
    "a first guess for a person to correct, not a measurement."
)
TITLE = "draft: the model was trained on phantoms alone; correct these labels"


def is_guess(made: Mapping[str, Any], slices: Record | None) -> bool:
    """Return whether results are the guess of a draft model on a real specimen.

    Parameters
    ----------
    made : mapping
        Has the key ``draft``: a record of the stages from `train` on, or a model's
        ``catomo.json``.
    slices : Record, optional
        Record of the stage `slices`; without it the specimen counts as real.
    """
    phantom = slices is not None and slices.has("truth_labels.tif")
    return bool(made.get("draft")) and not phantom
