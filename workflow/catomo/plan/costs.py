"""What each stage of a dataset costs in memory, disk and time, estimated before a run.

The figures were measured on phantoms of 64³ to 256³ voxels (`benchmarks/costs.py`). Memory is all
that the processes of a stage hold at its peak, shared libraries included.
"""

from __future__ import annotations

from typing import NamedTuple

from catomo.network.inference import VIEWS
from catomo.plan.datasets import Dataset
from catomo.plan.fit import Data
from catomo.plan.gpu import gpu_memory_of
from catomo.plan.plan import Plan
from catomo.predict.settings import Predict
from catomo.reconstruct.settings import Reconstruct
from catomo.surfaces.settings import Surfaces
from catomo.train.settings import Train

# Seconds on two cores like those of the README's table; only a guide.
_SECONDS_PER_VOXEL_TILT_ITERATION = 1.1e-10
_SECONDS_PER_TRAINED_PIXEL = 1.2e-6  # base 16, bfloat16; grows with the square of the base
_SECONDS_PER_PREDICTED_PIXEL = 4e-7
_SECONDS_PER_MEASURED_VOXEL = 8e-7

# Share of the width that the depth of a volume takes where it is found in the aligned images:
# 0.4 to 0.72 in phantoms and in a needle.
_DEPTH_OF_SPECIMEN = 0.75


class Cost(NamedTuple):
    """What one stage takes: bytes of memory and of disk, and seconds on two cores."""

    stage: str
    memory: float
    disk: float
    seconds: float
    more: str = ""

    def in_words(self) -> str:
        """Return one line for a person."""
        return (
            f"{self.stage:12s} memory {self.memory / 1e9:5.1f} GB   "
            f"disk {self.disk / 1e9:6.2f} GB   time about {_time(self.seconds)}{self.more}"
        )


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def costs(dataset: Dataset, plan: Plan, data: Data) -> list[Cost]:
    """Return what each costly stage takes, in pipeline order.

    Parameters
    ----------
    dataset : Dataset
    plan : Plan
    data : Data
        Sizes of the dataset's images or volume.

    Returns
    -------
    list of Cost
    """
    tilts, (slices, depth, width) = data.tilts, data.shape
    voxels = slices * depth * width
    area = voxels ** (2 / 3)  # compressed labels, and meshes, grow with it
    found = []
    verbs = plan.stages(dataset)
    if tilts:
        pixels = tilts * slices * width
        stack = 4.0 * pixels
        if dataset.source == "phantom":  # the truth is kept, too
            found.append(
                Cost("simulate", 0.1e9 + 43 * voxels, stack + 4.1 * voxels, voxels * 2.5e-6)
            )
        else:
            found.append(Cost("import", 0.11e9 + stack, stack, pixels * 5e-7))
        found.append(Cost("align", 0.33e9 + 4 * stack, stack, 10 + pixels * 1e-6))
        settings = plan.settings_as(Reconstruct, dataset.name)
        if settings.depth_nm != "auto":
            depth = max(1, round(settings.depth_nm / data.pixel_size_nm))
        else:
            depth = round(_DEPTH_OF_SPECIMEN * depth)
        voxels = slices * depth * width
        seconds = 10 + voxels * tilts * settings.iterations * _SECONDS_PER_VOXEL_TILT_ITERATION
        card = gpu_memory_of(settings, tilts, data.shape)
        found.append(Cost("reconstruct", 0.3e9, 4.0 * voxels, seconds, card))
    if "slices" in verbs:
        found.append(Cost("slices", 0.13e9, 0.45e6 + 1.09 * voxels, voxels * 2e-8))
    if "segmentation" in verbs:
        found.append(Cost("segmentation", 0.065e9, 3.3 * area, voxels * 2e-8))
    if dataset.trains:
        train = plan.settings_as(Train, dataset.model)
        pixels = train.steps * train.batch_size * min(train.patch_px**2, depth * width)
        weight = (train.network.base_filters / 16) ** 2
        seconds = pixels * _SECONDS_PER_TRAINED_PIXEL * weight
        found.append(Cost("train", train.memory_bytes(), 4.0 * train.parameters(), seconds))
    if "predict" in verbs:
        passes = len(VIEWS[plan.settings_as(Predict, dataset.name).average])
        seconds = voxels * passes * _SECONDS_PER_PREDICTED_PIXEL
        found.append(Cost("predict", 0.8e9, 17.5 * area, seconds))
    if "surfaces" in verbs:
        # Noise in the labels makes far more surface, and so more of both.
        disk = 1.5e6 + 430 * area
        redraws = plan.settings_as(Surfaces, dataset.name).redraws if "predict" in verbs else 0
        seconds = 20 + voxels * (1 + redraws) * _SECONDS_PER_MEASURED_VOXEL
        memory = 0.65e9 + (15.0 if redraws else 6.0) * voxels
        found.append(Cost("surfaces", memory, disk, seconds))
    return found
