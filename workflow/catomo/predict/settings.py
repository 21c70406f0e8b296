"""Settings of the stage `predict`: how slices pass a trained network."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from catomo.network.inference import BATCH_PX, Average, Inference, Window
from catomo.settings.base import ClassName, Settings, class_names_key, key


class Predict(Settings):
    """Stage `predict`."""

    average: Average = key(
        Inference.average,
        "average over no other view, 4 flips, 4 quarter turns, or all 8; turned slices suit a "
        "network only where the missing wedge leaves no marks in them",
    )
    whole_slice_max_px: int = key(
        Inference.whole_slice_max_px,
        "slices of at most this many pixels pass the network whole, larger ones in tiles",
        unit="px",
        ge=0,
    )
    tile_px: int = key(Inference.tile_px, "edge of a tile", unit="px", ge=16, le=4096)
    overlap_px: int = key(Inference.overlap_px, "overlap of neighbouring tiles", unit="px", ge=0)
    window: Window = key(Inference.window, "how the weight of a tile falls towards its border")
    batch_px: int = key(
        Inference.batch_px,
        "pixels that pass the network at once; sets the memory needed; 0 for "
        f"{BATCH_PX['cpu']} on a CPU and {BATCH_PX['gpu']} on a GPU",
        unit="px",
        ge=0,
    )
    write_probabilities: bool = key(
        False, "write probability_<class>.tif, the probability of every class per pixel"
    )
    precision: Literal["auto", "float32", "bfloat16"] = key(
        "auto",
        "arithmetic of the network; auto takes bfloat16 where the GPU, or else the CPU, has it",
    )
    threads: int = key(
        2, "threads of TensorFlow; another number gives other last digits", ge=1, le=128
    )
    classes: list[ClassName] = class_names_key()

    def inference(self) -> Inference:
        """Return how slices pass the network by these settings."""
        return Inference(
            average=self.average,
            whole_slice_max_px=self.whole_slice_max_px,
            tile_px=self.tile_px,
            overlap_px=self.overlap_px,
            window=self.window,
            batch_px=self.batch_px,
        )

    @model_validator(mode="after")
    def _tiles_advance(self) -> Predict:
        if self.overlap_px >= self.tile_px:
            raise ValueError(
                f"overlap_px: found {self.overlap_px}, must be smaller than tile_px {self.tile_px}"
            )
        return self
