"""Settings of `slices`."""

from __future__ import annotations

from pydantic import model_validator

from catomo.settings.base import ClassName, Settings, class_names_key, key


class Slices(Settings):
    """How the volume becomes 8-bit slices, and how many of them to annotate."""

    classes: list[ClassName] = class_names_key()
    low_percentile: float = key(
        0.5, "percentile of the volume that becomes black", "%", ge=0, lt=100
    )
    high_percentile: float = key(
        99.9, "percentile of the volume that becomes white", "%", gt=0, le=100
    )
    gamma: float = key(
        0.5,
        "exponent of the grey values: below 1 it brightens dark phases beside bright ones",
        gt=0,
        le=4,
    )
    trust_given: bool = key(
        False, "use the given pixel size for stacks from elsewhere even where they contradict it"
    )
    resample: bool = key(
        False, "bring stacks from elsewhere, whose voxels are no cubes, to the given pixel size"
    )
    suggest: int = key(30, "how many slices to suggest for annotation", ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Slices:
        if self.low_percentile >= self.high_percentile:
            raise ValueError("low_percentile must be below high_percentile")
        return self
