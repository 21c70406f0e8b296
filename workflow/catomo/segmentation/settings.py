"""Settings of the stage `segmentation`."""

from __future__ import annotations

from catomo.settings.base import ClassName, Settings, class_names_key, key


class Segmentation(Settings):
    """How a segmentation of another program is taken in."""

    classes: list[ClassName] = class_names_key()
    trust_given: bool = key(
        False, "use the pixel size of the table even where the file contradicts it"
    )
    resample: bool = key(
        False,
        "bring voxels that are no cubes to cubes of the pixel size, each with the nearest label",
    )
