"""Stage 06 of a segmentation made by another program: it is checked, and measured like ours.

There is no tilt series, no training and no model. Evaluation, surfaces and the page read its
record as they read that of a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from catomo.files.folders import split_member
from catomo.files.scale import Scale
from catomo.files.store import write_labels
from catomo.labels.volume import LabelVolume, open_label_volume
from catomo.progress import progress, say
from catomo.record.record import Output, committing
from catomo.segmentation.settings import Segmentation

_WORDS = (
    "pixel_size_nm (column of the table, or --pixel-size-nm)",
    "segmentation.trust_given: true",
    "segmentation.resample: true",
)


def inspect_segmentation(
    path: Path | str, pixel_size_nm: float | None, settings: Segmentation
) -> AbstractContextManager[LabelVolume]:
    """Open a segmentation as the stage does, for a ``with`` statement.

    Arguments and errors are those of `take_segmentation`.
    """
    scale = Scale(pixel_size_nm, settings.trust_given, settings.resample, _WORDS)
    return open_label_volume(path, [phase.name for phase in settings.classes], scale)


def take_segmentation(
    path: Path | str,
    output: Path | str,
    settings: Segmentation,
    pixel_size_nm: float | None = None,
) -> None:
    """Take in a volume that another program has segmented.

    Parameters
    ----------
    path : path
        A volume of labels (y, z, x) in any format of `catomo.files.readers.open_images`, or a
        folder of images, one for each slice.
    output : path
        Folder to write: ``labels.tif`` (y, z, x) uint8 and ``segmentation.json``.
    settings : Segmentation
    pixel_size_nm : float, optional
        Edge of a voxel; by default that of the file.

    Raises
    ------
    UserError
        If the file cannot be read, contradicts the pixel size, holds none where none is given,
        has voxels that are not cubes, or a voxel has the number of no class.
    """
    with inspect_segmentation(path, pixel_size_nm, settings) as volume:
        for note in volume.notes:
            say(note)
        file = split_member(path)[0]
        with committing(output, "segmentation", settings, {"segmentation": file}) as out:
            counts = _write(out, volume, len(settings.classes))
            names = [phase.name for phase in settings.classes]
            out.record.update(
                {
                    **volume.facts(),
                    "contiguous": True,
                    "classes": names,
                    "draft": False,
                    "fractions": dict(zip(names, counts / counts.sum(), strict=True)),
                }
            )


def _write(out: Output, volume: LabelVolume, class_count: int) -> np.ndarray:
    """Write the labels; return how many voxels each class has."""
    counts = np.zeros(class_count, np.int64)

    def counted() -> Iterator[np.ndarray]:
        for page in progress(volume.pages(), "segmentation", volume.shape[0]):
            counts[:] += np.bincount(page.ravel(), minlength=class_count)
            yield page

    write_labels(out.path("labels.tif"), counted(), volume.shape, volume.pixel_size_nm)
    return counts
