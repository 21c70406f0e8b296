"""Whether a model fits what it is used for: one comparison for `predict`, `train` and `check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from catomo.errors import UserError
from catomo.files.pixel_size import is_same_size
from catomo.network.model_info import InputScaling, ModelInfo


@dataclass(frozen=True)
class Use:
    """What a model is to be used for; whatever must fit the model is an attribute here.

    Attributes
    ----------
    where : str
        The slices, for messages.
    classes : list of str
        Names of the classes that the settings name, in their order.
    pixel_size_nm : float
        Pixel size of the slices.
    input : InputScaling
        The form in which the slices are given to the network.
    """

    where: str
    classes: list[str]
    pixel_size_nm: float
    input: InputScaling = field(default_factory=InputScaling)


def contradictions(model: object, info: ModelInfo, use: Use) -> list[str]:
    """Return a line for each thing in which a model does not fit its use.

    Parameters
    ----------
    model : path or str
        Names the model in messages.
    info : ModelInfo
    use : Use
    """
    lines = []
    if info.classes != use.classes:
        lines.append(
            f"{model}: the model knows the classes {', '.join(info.classes)}, the "
            f"configuration names {', '.join(use.classes)}; make them equal or train a model"
        )
    if info.input != use.input:
        lines.append(
            f"{model}: the model takes {info.input.dtype} times {info.input.scale}, "
            f"slices are {use.input.dtype} times 1/{1 / use.input.scale:g}; train a model with "
            "this catomo"
        )
    if not info.has_pixel_size(use.pixel_size_nm):
        lines.append(
            f"{model}: the model learnt at {info.pixel_size_text}, {use.where} has "
            f"{use.pixel_size_nm:g}; bring the slices within 5 % of the model's pixel size or "
            f"train a model at {use.pixel_size_nm:g} nm"
        )
    return lines


def start_contradictions(start: object, saved: ModelInfo, new: ModelInfo) -> list[str]:
    """Return a line for each reason why a new model cannot start from a saved one.

    Parameters
    ----------
    start : path or str
        Names the saved model in messages.
    saved, new : ModelInfo
        The pixel size of the new one is None where it does not count.
    """
    lines = [
        f"train.init_from: {start} has {word} {theirs}, the settings say {ours}; "
        "make them equal or start from another model"
        for word, theirs, ours in (
            ("classes", ", ".join(saved.classes), ", ".join(new.classes)),
            ("network", _size_text(saved), _size_text(new)),
        )
        if theirs != ours
    ]
    if new.pixel_size_nm is not None and not saved.has_pixel_size(new.pixel_size_nm):
        lines.append(
            f"train.init_from: {start} learnt at {saved.pixel_size_text}, the slices have "
            f"{new.pixel_size_nm:g}; bring them within 5 % of each other or start from another "
            "model"
        )
    return lines


def common_pixel_size(sizes: Mapping[str, float]) -> float:
    """Return the mean pixel size in nm of the datasets that teach a model.

    Parameters
    ----------
    sizes : dict of float
        Pixel size of each dataset, by name.

    Raises
    ------
    UserError
        If two of them differ by more than 5 %.
    """
    small, large = min(sizes, key=lambda name: sizes[name]), max(sizes, key=lambda n: sizes[n])
    if not is_same_size(sizes[large], sizes[small]):
        raise UserError(
            f"{large}: pixel_size_nm is {sizes[large]:g}, but {sizes[small]:g} in '{small}'; "
            "a model learns one pixel size (5 % apart at most): bin the finer one, or train two"
        )
    return float(np.mean(list(sizes.values())))


def _size_text(info: ModelInfo) -> str:
    return f"base_filters {info.network.base_filters}, levels {info.network.levels}"
