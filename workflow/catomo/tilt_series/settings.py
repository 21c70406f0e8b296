"""Settings of the verbs `simulate` and `import`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from catomo.settings.base import Settings, key


class Simulate(Settings):
    """Settings of `simulate`: everything else is in the specimen file."""

    seed: int = key(1, "seed of all random draws: pores, particles, shifts and noise", ge=0)


class ImportSeries(Settings):
    """Settings of `import`: how the recorded images are read."""

    bin: Literal[1, 2, 4, 8] = key(1, "average blocks of this many pixels", "px")
    crop_nm: list[float] | None = key(
        None, "keep the centre only, [along, across] the tilt axis; null keeps all", "nm"
    )
    contrast: Literal["haadf", "bright_field"] = key(
        "haadf", "bright_field is inverted: brightest level of the series minus the image"
    )
    tilt_axis: Literal["y", "x"] = key("y", "the image axis along which the tilt axis lies")
    angle_unit: Literal["deg", "rad"] = key("deg", "unit of the angles in files and lists")
    angle_order: Literal["as_given", "ascending", "descending"] = key(
        "as_given",
        "ascending or descending: the images are sorted by tilt though their angles are listed in "
        "another order, such as that of acquisition",
    )
    handedness: Literal[1, -1] = key(1, "-1 changes the sign of all tilt angles")
    trust_given: bool = key(
        False, "use the given angles and pixel size even where the files contradict them"
    )
    resample: bool = key(
        False, "bring pixels that are not square to the smaller of their two edges"
    )
    exclude_tilts: list[float] = key([], "tilts to leave out, as written in the file", "deg")

    @model_validator(mode="after")
    def _two_lengths(self) -> Self:
        if self.crop_nm is not None and (len(self.crop_nm) != 2 or min(self.crop_nm) <= 0):
            raise ValueError("crop_nm takes two lengths above 0: [along, across]")
        return self
