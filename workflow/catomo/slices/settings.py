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
    high_percentile: float | None = key(
        None,
        "percentile of the volume that becomes white; empty: 99.9, or the brightest matter where "
        "that is far brighter",
        "%",
        gt=0,
        le=100,
    )
    gamma: float = key(
        0.5,
        "exponent of the grey values: below 1 it brightens dark phases beside bright ones",
        gt=0,
        le=4,
    )
    background: float | None = key(
        None, "value of the empty space in the volume or 8-bit images; empty: found"
    )
    support: float | None = key(
        None,
        "value of the support, the matter that every specimen of the kind has, by which a model "
        "compares datasets; the same in all of them: they are on one scale; empty: found",
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
        if self.high_percentile is not None and self.low_percentile >= self.high_percentile:
            raise ValueError("low_percentile must be below high_percentile")
        if (
            self.background is not None
            and self.support is not None
            and (self.support <= self.background)
        ):
            raise ValueError("support must be above background")
        return self
