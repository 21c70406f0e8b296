"""Draft models: those that learnt from phantoms alone, whose labels of a real specimen are a guess.

On a phantom such a model is at home, so there its results bear no warning.
"""

from __future__ import annotations

from catomo.record.record import Record

WARNING = (
    "the model was drawn from phantoms alone. Its labels, and all numbers made of them, are "
    "a first guess for a person to correct, no measurement."
)
TITLE = "draft: the model learnt from phantoms alone; correct these labels"


def is_guess(made: dict, slices: Record | None) -> bool:
    """Return whether results are the guess of a draft model on a real specimen.

    Parameters
    ----------
    made : dict
        What says ``draft``: a model's ``catomo.json``, or a record of the stages from `train`.
    slices : Record, optional
        Of the stage `slices`; without it the specimen counts as real.
    """
    phantom = slices is not None and slices.has("truth_labels.tif")
    return bool(made.get("draft")) and not phantom
