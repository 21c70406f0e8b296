"""Settings of `reconstruct`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from catomo.settings.base import Settings, key


class Reconstruct(Settings):
    """How the volume is reconstructed. NUMBA_NUM_THREADS sets the number of threads."""

    backend: Literal["auto", "cpu", "cuda", "astra", "astra_cuda", "tomopy", "tomopy_cuda"] = key(
        "auto",
        "cpu: catomo's own; cuda: the same on an NVIDIA GPU; astra: ASTRA's projectors, on a GPU "
        "where there is one; tomopy: TomoPy's MLEM, as in the paper; astra_cuda, tomopy_cuda: on a "
        "GPU only; auto: cuda where there is a GPU that is measured to be faster, else cpu",
    )
    algorithm: Literal["mlem", "osem", "sirt"] = key(
        "osem",
        "osem is mlem with an update after every subset of the tilts, and needs as many times "
        "fewer iterations as there are subsets; sirt is offered for comparison",
    )
    iterations: int = key(
        15, "passes over the data; an upper limit unless stop is count", ge=1, le=1000
    )
    subsets: int = key(7, "interleaved subsets of tilts, for osem", ge=2, le=50)
    tv: float = key(
        0.01,
        "strength of the total-variation prior, which smooths noise but keeps edges: 0 turns it "
        "off, up to 0.02 is safe; without it half the iterations are enough",
        ge=0,
        le=0.05,
    )
    tv_across: bool = key(
        False,
        "total variation in 3-D, also from slice to slice: needs memory for two whole volumes",
    )
    stop: Literal["count", "change", "chi2"] = key(
        "count",
        "count: after the set iterations; change: when an iteration changes little; chi2: when "
        "the data are explained to within their noise. Decided for all slices on a sample",
    )
    stop_change: float = key(
        0.01, "for stop: change, the relative change per iteration below which it stops", gt=0, lt=1
    )
    counts_per_unit: float | None = key(
        None, "electrons (or counts) per unit of intensity; gives χ², needed for stop: chi2"
    )
    read_noise_counts: float = key(
        0.0, "standard deviation of the detector's own noise per pixel, for χ²", "counts", ge=0
    )
    depth_nm: float | Literal["auto"] = key(
        "auto",
        "depth of the volume along the beam; auto: the specimen's depth in a coarse "
        "reconstruction with a margin, or the images' width where it cannot be determined",
        "nm",
    )
    width_nm: float | Literal["auto"] = key(
        "auto", "width of the volume kept, about its middle; auto: that of the images", "nm"
    )
    length_nm: float | Literal["auto"] = key(
        "auto",
        "length of the volume along the tilt axis, about its middle; auto: all of it",
        "nm",
    )
    pad_width: float | Literal["auto"] = key(
        "auto",
        "width of the slices during reconstruction, in image widths, 1 to 4, before they are "
        "cropped; auto: 1, or up to 2.7, as much as the steepest tilt shows, where the alignment "
        "found matter that goes on beyond the left and the right of the images",
    )
    least_recorded: float = key(
        0.5,
        "slices that less than this share of the tilts recorded are named; they are not "
        "suggested for annotation and not measured",
        ge=0,
        le=1,
    )
    accept_stop: bool = key(False, "reconstruct even if the alignment's verdict is stop")
    slab_slices: int | Literal["auto"] = key(
        "auto",
        "slices held in memory at once, from 1; fewer than the threads leave some of these idle; "
        "auto: 16 or the number of threads on a CPU, by the free memory on a GPU",
    )

    @model_validator(mode="after")
    def _possible(self) -> Reconstruct:
        if self.backend.startswith("tomopy"):
            if self.algorithm != "mlem":
                raise ValueError(f"backend {self.backend} runs MLEM only: set algorithm: mlem")
            if self.tv or self.stop != "count":
                raise ValueError(
                    f"backend {self.backend} has no tv and stops by count: set tv: 0, stop: count"
                )
        if self.algorithm == "sirt" and self.tv:
            raise ValueError("tv works with algorithm mlem or osem only: for sirt set tv: 0")
        if self.tv_across and not self.tv:
            raise ValueError("tv_across needs a strength: set tv, 0.01 is safe")
        if self.stop == "chi2" and self.counts_per_unit is None:
            raise ValueError("stop: chi2 needs counts_per_unit")
        if self.counts_per_unit is not None and self.counts_per_unit <= 0:
            raise ValueError("counts_per_unit must be above 0")
        if self.slab_slices != "auto" and not 1 <= self.slab_slices <= 4096:
            raise ValueError("slab_slices must lie between 1 and 4096, or be auto")
        if self.pad_width != "auto" and not 1 <= self.pad_width <= 4:
            raise ValueError("pad_width must lie between 1 and 4, or be auto")
        for name in ("depth_nm", "width_nm", "length_nm"):
            value = getattr(self, name)
            if value != "auto" and value <= 0:
                raise ValueError(f"{name} must be above 0, or auto")
        return self
