"""What each stage of a dataset costs in memory, disk and time, estimated before a run.

The figures were measured on phantoms of 64³ to 702 × 744 × 1024 voxels and on a needle
(`benchmarks/costs.py`). Memory is all that the processes of a stage hold at its peak, shared
libraries included.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from math import ceil, prod
from pathlib import Path
from typing import NamedTuple

from catomo.files import rosettasciio
from catomo.files.folders import split_member
from catomo.files.store import pages_of
from catomo.network.cpu import has_bfloat16
from catomo.network.inference import VIEWS
from catomo.plan.datasets import Dataset
from catomo.plan.fit import Data
from catomo.plan.gpu import gpu_memory_of, pad_width_of
from catomo.plan.plan import Plan
from catomo.plan.sizes import recorded_shape
from catomo.predict.needs import memory_bytes
from catomo.predict.settings import Predict
from catomo.reconstruct.needs import peak_bytes
from catomo.reconstruct.settings import Reconstruct
from catomo.report.settings import Report
from catomo.slices.settings import Slices
from catomo.stages import record_path
from catomo.surfaces.needs import area_of, count_faces, needs, usual_faces
from catomo.surfaces.settings import Surfaces
from catomo.train.settings import Train

# Seconds of one core like those of the README's table; only a guide.
_SECONDS_PER_VOXEL_TILT_ITERATION = 8e-10
_SECONDS_PER_TRAINED_PIXEL = 1.2e-6  # base 16, bfloat16; grows with the square of the base
_SECONDS_PER_STEP = 0.05
_SECONDS_PER_PREDICTED_PIXEL = 4e-7
_FLOAT32_TIMES = 6.5  # as long, for each pixel, on a CPU that has no instructions for bfloat16
_VIEWS_SCORED = 100  # of whole slices at the end of a training, of about 20 in four views each
# Of a phantom: to draw a cell, to project one that is not empty, and for a pixel of the fine
# images, both at each tilt.
_SECONDS_PER_CELL = 3.5e-8
_SECONDS_PER_PROJECTED_CELL = 5e-8
_SECONDS_PER_FINE_PIXEL = 1.5e-7

# Share of the width that the depth of a volume takes where it is found in the aligned images:
# 0.4 to 0.72 in phantoms and in a needle.
_DEPTH_OF_SPECIMEN = 0.75

# By how much a volume may exceed what fills it, before its emptiness shows in files of labels.
_MOST_AROUND = 16.0

_SPECKS = "; many times as much if the segmentation is full of specks"

# Series of these are read as a whole, all others image by image.
_READ_WHOLE = (".mat", *rosettasciio.SUFFIXES)

_MOST_ON_PAGE = 6e7  # pixels of slices, about; larger volumes are binned
_MATCHED_PX = 256  # larger images are binned for what compares them with the volume
_SLAB_SLICES = 16  # on a CPU, see `slab_slices`
_MOST_WORKERS = 8  # the threads that the rule of `reconstruct` asks for


class Cost(NamedTuple):
    """What one stage takes: bytes of memory and of disk, and seconds of one core."""

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
    """Return what each stage takes, in pipeline order.

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
    found = []
    shape = data.shape
    if data.tilts:
        shape = _shape_of_volume(dataset, plan, data)
        found += _of_tilts(dataset, data)
        found.append(_of_reconstruction(dataset, plan, data, shape))
    slices, depth, width = shape
    voxels = slices * depth * width
    verbs = plan.stages(dataset)
    if "slices" in verbs:
        suggested = min(plan.settings_as(Slices, dataset.name).suggest, slices) * depth * width
        memory = 0.125e9 + 190 * depth * width + _of_truth(dataset, depth * width)
        of_voxel = 11e-8 if dataset.source == "phantom" else 6e-8  # its truth is moved, too
        seconds = 2.5 + voxels * of_voxel
        found.append(Cost("slices", memory, 0.15e6 + voxels + suggested, seconds))
    if "segmentation" in verbs:
        disk = 3.3 * voxels ** (2 / 3)
        found.append(Cost("segmentation", 0.065e9, disk, 1 + voxels * 2e-8))
    if dataset.trains:
        found.append(_of_training(plan.settings_as(Train, dataset.model), depth * width))
    return found + _of_labels(dataset, plan, shape, data.filled)


def _of_training(train: Train, of_slice: int) -> Cost:
    """Return what a training takes on slices of so many pixels."""
    window = min(train.patch_px**2, of_slice)
    weight = (train.network.base_filters / 16) ** 2 * _times(train.precision)
    of_step = train.batch_size * window * weight * _SECONDS_PER_TRAINED_PIXEL
    of_view = of_slice * weight * _SECONDS_PER_PREDICTED_PIXEL
    seconds = 8 + train.steps * (_SECONDS_PER_STEP + of_step) + _VIEWS_SCORED * of_view
    disk = 0.1e6 + 4.0 * train.parameters()
    return Cost("train", train.memory_bytes(window), disk, seconds)


def _precision(asked: str) -> str:
    """Return the arithmetic that counts on this CPU: without its instructions, bfloat16 is slow."""
    return "bfloat16" if asked != "float32" and has_bfloat16() else "float32"


def _times(asked: str) -> float:
    """Return how many times as long a network takes for a pixel as in bfloat16."""
    return 1.0 if _precision(asked) == "bfloat16" else _FLOAT32_TIMES


def _of_tilts(dataset: Dataset, data: Data) -> list[Cost]:
    """Return what the stages before the reconstruction take."""
    slices, depth, width = data.shape
    pixels = data.tilts * slices * width
    stack = 4.0 * pixels
    if dataset.source == "phantom":  # the truth is kept, too
        voxels = slices * depth * width
        memory, finer = 0.125e9 + 5.9 * data.cells, data.cells / voxels
        of_tilt = data.of_plate * finer * _SECONDS_PER_PROJECTED_CELL
        of_tilt += slices * width * finer ** (2 / 3) * _SECONDS_PER_FINE_PIXEL
        seconds = 1.8 + data.cells * _SECONDS_PER_CELL + data.tilts * of_tilt
        first = Cost("simulate", memory, 0.06e6 + stack + 4.1 * voxels, seconds)
    else:
        is_whole = split_member(dataset.path)[0].suffix.lower() in _READ_WHOLE
        memory = 0.115e9 + 40.0 * slices * width + (stack if is_whole else 0.0)
        first = Cost("import", memory, stack, 1 + pixels * 6e-8)
    # Each image is resampled whole, and binned to be compared with the volume.
    binned = pixels / ceil(max(slices, width) / _MATCHED_PX) ** 2
    memory = 0.31e9 + 5 * pixels + 24.8 * binned
    seconds = 8 + 1.8e-6 * pixels + 9.5e-6 * binned
    # A quarter for the pixels that were not measured, in a file of their own.
    return [first, Cost("align", memory, 0.35e6 + 1.25 * stack, seconds)]


def _shape_of_volume(dataset: Dataset, plan: Plan, data: Data) -> tuple[int, int, int]:
    """Return the shape of the volume that is, or will be, reconstructed."""
    settings = plan.settings_as(Reconstruct, dataset.name)
    known = recorded_shape(record_path("reconstruct", dataset.name))
    slices, depth, width = data.shape
    if settings.depth_nm != "auto":
        depth = max(1, round(settings.depth_nm / data.pixel_size_nm))
    else:
        depth = known[1] if len(known) == 3 else round(_DEPTH_OF_SPECIMEN * depth)
    if settings.length_nm != "auto":
        slices = min(slices, max(1, round(settings.length_nm / data.pixel_size_nm)))
    if settings.width_nm != "auto":
        width = min(width, max(1, round(settings.width_nm / data.pixel_size_nm)))
    return slices, depth, width


def _of_reconstruction(
    dataset: Dataset, plan: Plan, data: Data, shape: tuple[int, int, int]
) -> Cost:
    """Return what the reconstruction of a volume takes."""
    settings = plan.settings_as(Reconstruct, dataset.name)
    slices, depth, width = shape
    detector = data.shape[2]
    pad_width = pad_width_of(settings, dataset.name)
    image = depth, round((pad_width or 1.0) * detector)
    in_slab = _SLAB_SLICES if settings.slab_slices == "auto" else settings.slab_slices
    in_slab = slices if settings.tv_across else min(in_slab, slices)
    workers = min(_MOST_WORKERS, os.cpu_count() or 1)
    subsets = settings.subsets if settings.algorithm == "osem" else 1
    memory = peak_bytes((data.tilts, detector), image, in_slab, workers, subsets)
    memory += _of_truth(dataset, depth * width)
    work = slices * image[0] * image[1] * data.tilts * settings.iterations
    seconds = 5 + work * _SECONDS_PER_VOXEL_TILT_ITERATION
    card = gpu_memory_of(settings, data.tilts, data.shape, pad_width)
    return Cost("reconstruct", memory, 0.2e6 + 4.0 * slices * depth * width, seconds, card)


def _of_truth(dataset: Dataset, of_slice: int) -> float:
    """Return the memory for the truth of a phantom, 16 slices of which are moved at once."""
    return 400.0 * of_slice if dataset.source == "phantom" else 0.0


def _of_labels(
    dataset: Dataset, plan: Plan, shape: tuple[int, int, int], filled: float
) -> list[Cost]:
    """Return what the stages take that make labels, or are made from them."""
    slices, depth, width = shape
    voxels = slices * depth * width
    # Compressed labels, and meshes, grow with the area: of a volume that is nearly filled, or of
    # what is known to fill it.
    around = min(voxels, _MOST_AROUND * filled)
    area = around ** (2 / 3)
    verbs = plan.stages(dataset)
    found = []
    of_classes = area_of(around, len(plan.settings_as(Surfaces, dataset.name).classes))
    if "predict" in verbs:
        found.append(_of_prediction(dataset, plan, shape, 0.008e6 + 15 * area))
    if "evaluate" in verbs:
        disk = 0.48e6 + 0.32 * depth * width  # pictures of single slices
        memory = 0.16e9 + 350 * depth * width
        found.append(Cost("evaluate", memory, disk, 5 + 9e-8 * voxels))
    if "surfaces" in verbs:
        surfaces = plan.settings_as(Surfaces, dataset.name)
        redraws = surfaces.redraws if "predict" in verbs else 0
        faces = _faces_to_mesh(dataset, verbs) or usual_faces(of_classes)
        unsure = "predict" in verbs and not Path(record_path("predict", dataset.name)).is_file()
        needed = needs(of_classes, faces, voxels, redraws)
        found.append(Cost("surfaces", *needed, _SPECKS if unsure else ""))
    if "report" in verbs:
        # Each surface has a limited number of triangles, and slices become coarser until the
        # page is not larger than its limit; a picture lies beside it.
        page = 2.6e6 + min(130 * of_classes, 3.5e6) + 0.05 * around
        largest = 1e6 * plan.settings_as(Report, dataset.name).size_mb
        disk = min(page, largest) + 0.2e6
        memory = 0.15e9 + 100 * depth * width
        seconds = 4 + 8e-8 * voxels + 1.7e-7 * min(voxels, _MOST_ON_PAGE)
        found.append(Cost("report", memory, disk, seconds))
    return found


def _of_prediction(dataset: Dataset, plan: Plan, shape: tuple[int, int, int], disk: float) -> Cost:
    """Return what labels take that a network makes, whatever it leaves on the disk."""
    settings = plan.settings_as(Predict, dataset.name)
    size = plan.settings_as(Train, dataset.model).network.size()
    inference, precision = settings.inference(), _precision(settings.precision)
    memory = memory_bytes(size, precision, inference, shape, "cpu", len(settings.classes))
    views = len(VIEWS[settings.average]) * (size.base_filters / 16) ** 2
    passes = views * _times(settings.precision)
    seconds = 6 + prod(shape) * passes * _SECONDS_PER_PREDICTED_PIXEL
    return Cost("predict", memory, disk, seconds)


def _faces_to_mesh(dataset: Dataset, verbs: Collection[str]) -> int:
    """Return how many voxel faces the labels have, of which no surfaces are made yet.

    0 if there are no labels, or surfaces are there, so that labels need not be read.
    """
    record = record_path("predict" if "predict" in verbs else "segmentation", dataset.name)
    if not Path(record).is_file() or Path(record_path("surfaces", dataset.name)).is_file():
        return 0
    with suppress(Exception):  # damaged labels are told of elsewhere
        return count_faces(pages_of(Path(record).with_name("labels.tif")))
    return 0
