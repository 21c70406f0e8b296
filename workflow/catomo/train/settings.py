"""Settings of the stage `train`: the network, how it learns, and which slices test it.

The defaults are the preset ``compact``. Another preset replaces some of them; keys named
in the configuration win over both, and the record stores what came out.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from catomo.network.size import UNetSize
from catomo.settings.base import (
    ClassName,
    Settings,
    class_names_key,
    contradiction,
    key,
    names_in,
    with_default,
)
from catomo.settings.blocks import merged

# The paper's weights, of background, alumina and Pt.
_WEIGHTS = [0.2, 0.3, 0.5]


class Network(Settings):
    """Size of the U-Net."""

    levels: int = key(
        UNetSize.levels,
        "resolution levels; slices are padded to a multiple of 2^(levels-1)",
        ge=2,
        le=7,
    )
    base_filters: int = key(
        UNetSize.base_filters,
        "filters of the first level; doubled at each further one",
        ge=2,
        le=64,
    )

    def size(self) -> UNetSize:
        """Return the size of the network that these settings ask for."""
        return UNetSize(self.levels, self.base_filters)


class Loss(Settings):
    """Weighted focal loss plus a Dice term."""

    focal_gamma: float = key(
        1.0, "exponent of the focal loss; the larger, the less weight have easy pixels", ge=0, le=5
    )
    class_weights: list[float] | Literal["density"] = key(
        _WEIGHTS,
        "weight of each class, background first; density gives rare classes larger weights, and "
        "is the default where there are not three classes",
    )
    dice_weight: float = key(0.5, "weight of -log(soft Dice) beside the focal loss", ge=0, le=10)


class Augment(Settings):
    """Random changes of every training image; each value is the largest change."""

    rotation_deg: float = key(
        180.0, "largest rotation in either direction", unit="deg", ge=0, le=180
    )
    flips: bool = key(True, "mirror along both axes at random")
    shift_fraction: float = key(0.12, "largest shift as a fraction of the window", ge=0, le=0.5)
    zoom_fraction: float = key(
        0.15, "largest change of scale, up or down, as a fraction", ge=0, le=0.5
    )
    shear: float = key(0.1, "largest shear, as the tangent of its angle", ge=0, le=0.5)
    elastic_px: float = key(2.0, "standard deviation of the elastic shift", unit="px", ge=0, le=20)
    gain: float = key(0.08, "largest change of brightness, as a fraction", ge=0, le=0.5)
    gamma: float = key(0.08, "largest change of the exponent of grey values", ge=0, le=0.5)
    noise: float = key(0.02, "standard deviation of added noise, where white is 1", ge=0, le=0.5)


class Split(Settings):
    """Which annotated slices are used for training, for validation and for testing."""

    method: Literal["blocks", "folds", "names", "random_patches"] = key(
        "blocks",
        "contiguous blocks of slices; one of several blocks in turn (folds); by name, also whole "
        "datasets; or single images at random, which leaks: neighbouring slices are nearly equal",
    )
    test_fraction: float = key(
        0.2, "fraction of the annotated slices for testing (not by name)", ge=0, le=0.3
    )
    validation_fraction: float = key(
        0.0, "fraction for validation during training (not by name)", ge=0, le=0.3
    )
    gap: int = key(
        2,
        "slices this near to a test or validation block are left out (methods blocks and folds)",
        unit="slices",
        ge=0,
    )
    folds: int = key(5, "blocks that the slices are cut into (method folds)", ge=2, le=20)
    fold: int = key(1, "which of these blocks is for testing, from 1 (method folds)", ge=1, le=20)
    test: list[str] = key(
        [],
        "names for testing (method names); wildcards * ? [a-b]; dataset/name where names repeat, "
        "dataset/* for a whole dataset",
    )
    validation: list[str] = key([], "names for validation (method names)")
    leave_out: list[str] = key([], "names used for nothing (method names)")

    @model_validator(mode="after")
    def _fold_of_folds(self) -> Split:
        if self.fold > self.folds:
            raise ValueError(f"fold: found {self.fold}, but there are {self.folds} folds")
        return self


# What a preset changes against the defaults, which are `compact`. `paper` follows the
# authors' train.py and unet.py (100 epochs of 22 batches; shear_range 0.1 there is degrees).
PRESETS: dict[str, dict[str, Any]] = {
    "compact": {},
    "paper": {
        "steps": 2200,
        "batch_size": 2,
        "learning_rate": 5e-4,
        "warmup_steps": 0,
        "decay": "none",
        "clip_norm": 0.0,
        "precision": "float32",
        "network": {"levels": 6, "base_filters": 32},
        "loss": {"focal_gamma": 1.0, "class_weights": _WEIGHTS, "dice_weight": 0.0},
        "augment": {
            "rotation_deg": 45.0,
            "flips": True,
            "shift_fraction": 0.1,
            "zoom_fraction": 0.1,
            "shear": 0.0017,
            "elastic_px": 0.0,
            "gain": 0.0,
            "gamma": 0.0,
            "noise": 0.0,
        },
    },
}

# The keys that decide how a network learns. The others name data, classes, seed and hardware.
_RECIPE = (
    "steps",
    "batch_size",
    "patch_px",
    "learning_rate",
    "warmup_steps",
    "decay",
    "clip_norm",
    "precision",
    "network",
    "loss",
    "augment",
)


class Train(Settings):
    """Stage `train`."""

    preset: Literal["compact", "paper"] = key(
        "compact", "small and quick, or the network and training of the paper"
    )
    seed: int = key(1, "seed of all random numbers", ge=0, le=2**31 - 1)
    steps: int = key(2000, "training steps, each of one batch", ge=1)
    max_minutes: float = key(
        0.0,
        "stop early after this time, 0 for never; a run that is cut "
        "short is marked as not reproducible",
        unit="min",
        ge=0,
    )
    batch_size: int = key(1, "images per step; many short steps learn more than few", ge=1, le=64)
    patch_px: int = key(
        512, "edge of the training window; smaller slices are used whole", unit="px", ge=16, le=4096
    )
    learning_rate: float = key(5e-4, "peak learning rate of Adam", gt=0, le=0.1)
    warmup_steps: int = key(80, "steps over which the learning rate rises from zero", ge=0)
    decay: Literal["cosine", "none"] = key("cosine", "how the learning rate falls afterwards")
    clip_norm: float = key(
        1.0, "largest norm of the gradient, longer ones are shortened; 0 for no limit", ge=0
    )
    validate_every: int = key(
        200, "steps between scores on the validation part", unit="steps", ge=1
    )
    checkpoint_every: int = key(
        200, "steps after which a killed training can go on; changes no result", unit="steps", ge=1
    )
    init_from: str = key(
        "",
        "model to start from: another one of the table by its name (it is trained first), a "
        ".keras file or a folder 05_train; empty: random weights",
    )
    precision: Literal["auto", "float32", "bfloat16"] = key(
        "auto",
        "arithmetic of the network; auto takes bfloat16 where the GPU, or else the CPU, has it",
    )
    threads: int = key(
        2, "threads of TensorFlow; another number gives other last digits", ge=1, le=128
    )
    network: Network = key(Network(), "size of the U-Net")
    loss: Loss = key(Loss(), "loss function")
    augment: Augment = key(Augment(), "random changes of training images")
    split: Split = key(Split(), "which slices are for training, validation and testing")
    classes: list[ClassName] = class_names_key()

    def memory_bytes(self, window_px: float | None = None) -> int:
        """Return about how much memory training takes, measured from 8 to 32 filters.

        Parameters
        ----------
        window_px : float, optional
            Pixels of a training window; by default as many as it has where slices are large.
        """
        number = 2 if self.precision == "bfloat16" else 4
        pixels = self.patch_px**2 if window_px is None else window_px
        window = self.batch_size * pixels * self.network.base_filters * number
        return int(0.85e9 + 16 * self.parameters() + 18 * window)

    def parameters(self) -> float:
        """Return about how many numbers the network learns."""
        return 30_400 * self.network.base_filters**2 * 4 ** (self.network.levels - 6)

    def changed_from_preset(self) -> list[str]:
        """Return the names of the keys whose values are not those of the preset."""
        pure = Train(preset=self.preset, classes=self.classes)
        return [name for name in _RECIPE if getattr(self, name) != getattr(pure, name)]

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if len(names_in(data)) not in (0, len(_WEIGHTS)):
            data = with_default(data, "loss.class_weights", "density")
        return merged(PRESETS.get(data.get("preset", "compact"), {}), data)

    @model_validator(mode="after")
    def _weight_per_class(self) -> Train:
        weights = self.loss.class_weights
        if weights != "density" and len(weights) != len(self.classes):
            names = ", ".join(phase.name for phase in self.classes)
            raise contradiction(
                "loss.class_weights",
                weights,
                f"must be {len(self.classes)} numbers, one for each of the classes {names}, "
                "or density",
            )
        return self
