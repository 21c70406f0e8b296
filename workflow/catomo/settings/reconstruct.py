"""Settings of `reconstruct`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from catomo.settings.base import Settings, key


class Reconstruct(Settings):
    """How the volume is reconstructed. The number of threads is NUMBA_NUM_THREADS."""

    backend: Literal["auto", "cpu", "astra", "tomopy"] = key(
        "auto",
        "cpu: catomo's own; astra: ASTRA's projectors; tomopy: TomoPy's MLEM, as in the paper; "
        "auto: astra on a usable GPU, else cpu",
    )
    algorithm: Literal["mlem", "osem"] = key(
        "osem", "osem goes through the tilts in subsets and needs that many fewer iterations"
    )
    iterations: int = key(8, "passes over the data", ge=1, le=1000)
    subsets: int = key(7, "interleaved subsets of tilts, for osem", ge=2, le=50)
    depth_nm: float | Literal["auto"] = key(
        "auto", "depth of the volume along the beam; auto: as deep as the images are wide", "nm"
    )
    pad_width: float = key(
        1.0,
        "reconstruct this many times the image width, then crop; 2 to 2.7 for a film that "
        "leaves the frame",
        ge=1,
        le=4,
    )
    accept_stop: bool = key(False, "reconstruct although the alignment's verdict is stop")
    slab_slices: int = key(16, "slices held in memory at once", ge=1, le=4096)

    @model_validator(mode="after")
    def _possible(self):
        if self.backend == "tomopy" and self.algorithm != "mlem":
            raise ValueError("backend tomopy runs MLEM only: set algorithm: mlem")
        if self.depth_nm != "auto" and self.depth_nm <= 0:
            raise ValueError("depth_nm must be above 0, or auto")
        return self
