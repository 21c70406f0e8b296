"""Settings of the stage `export`."""

from __future__ import annotations

from typing import Literal

from catomo.settings.base import PhaseClass, Settings, classes_key, key

Part = Literal["aligned", "volume", "labels"]

# The stage that makes each part.
MADE_BY: dict[Part, str] = {"aligned": "align", "volume": "reconstruct", "labels": "predict"}


class Export(Settings):
    """Which results are written once more for other programs; what a dataset lacks is left out."""

    classes: list[PhaseClass] = classes_key()
    mrc: list[Part] = key(
        [],
        "what to write as .mrc: the aligned tilt series (with its angles as .tlt), the volume, "
        "the labels",
    )
    ome_zarr: list[Part] = key(
        [],
        "what to write as OME-Zarr 0.4; labels become a label image of the volume, where both "
        "are named",
    )
    nxtomo: bool = key(False, "whether to write the aligned tilt series as NXtomo")

    def parts(self) -> list[Part]:
        """Return what is asked for, in the order of the stages."""
        named = {*self.mrc, *self.ome_zarr}
        if self.nxtomo:
            named.add("aligned")
        return [part for part in MADE_BY if part in named]
