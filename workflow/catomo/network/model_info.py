"""What a model file says of its network: the content of its member ``catomo.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from catomo.files.pixel_size import is_same_size
from catomo.network.accuracy import Accuracy
from catomo.network.appearance import Appearance
from catomo.network.errors import Errors
from catomo.network.levels import Levels
from catomo.network.size import UNetSize


@dataclass(frozen=True)
class InputScaling:
    """How grey values become the input of the network: values of `dtype` times `scale`."""

    dtype: str = "uint8"
    scale: float = 1 / 255


@dataclass(frozen=True)
class ModelInfo:
    """What is needed to use a trained network, and what it was taught.

    Attributes
    ----------
    classes : list of str
        Names of the classes, in the order of their label values.
    pixel_size_nm : float or None
        Pixel size of the slices it was taught; None where the caller of `train_unet` gave none.
    network : UNetSize
    input : InputScaling
    preset : str or None
        Preset of its training.
    draft : bool
        Whether phantoms alone taught it.
    taught : list of str
        Marks of the slices it was taught, see `catomo.labels.tie.mark_of`; sorted.
    temperature : float or None
        Temperature of its confidence, see `catomo.network.temperature`; None if not fitted.
    levels : Levels or None
        Grey levels of the slices it was taught; None where nobody recorded them.
    errors : Errors or None
        How its errors hang together, see `catomo.network.errors`; None if not measured.
    accuracy : Accuracy or None
        How right its confidence is, see `catomo.network.accuracy`; None if not measured.
    missing_wedge_deg : float or None
        The widest missing wedge of the datasets that taught it, and of those that taught the model
        which it started from; None where not all are known.
    appearance : tuple of Appearance
        How the training slices of each dataset looked to it; empty if not measured.
    """

    classes: list[str]
    pixel_size_nm: float | None
    network: UNetSize = field(default_factory=UNetSize)
    input: InputScaling = InputScaling()
    preset: str | None = None
    draft: bool = False
    taught: list[str] = field(default_factory=list)
    temperature: float | None = None
    levels: Levels | None = None
    errors: Errors | None = None
    accuracy: Accuracy | None = None
    missing_wedge_deg: float | None = None
    appearance: tuple[Appearance, ...] = ()

    def has_pixel_size(self, pixel_size_nm: float) -> bool:
        """Return whether the model was taught at this pixel size, or one within 5 % of it."""
        return self.pixel_size_nm is not None and is_same_size(self.pixel_size_nm, pixel_size_nm)

    @property
    def pixel_size_text(self) -> str:
        """The pixel size in words, for messages."""
        if self.pixel_size_nm is None:
            return "an unknown pixel size"
        return f"{self.pixel_size_nm:g} nm per pixel"

    def to_json(self) -> dict[str, Any]:
        """Return the content of ``catomo.json``."""
        return {**asdict(self), "downsampling": self.network.downsampling}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ModelInfo:
        """Return what a ``catomo.json`` says; keys that are not attributes are left out.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a key is missing or of another form.
        """
        known = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
        known["network"] = UNetSize(**content["network"])
        if "input" in content:
            known["input"] = InputScaling(**content["input"])
        known["levels"] = Levels.of(content.get("levels"))
        known["errors"] = Errors.of(content.get("errors"))
        known["accuracy"] = Accuracy.of(content.get("accuracy"))
        known["appearance"] = tuple(map(Appearance.of, content.get("appearance", ())))
        return cls(**known)
