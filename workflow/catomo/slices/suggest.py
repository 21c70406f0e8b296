"""Which slices to annotate next, and why (verb `suggest`).

A slice is worth annotating if there is much to learn near it and far from every annotated
slice. At first that is material; once a model has segmented the volume, it is the pixels of
which the model is unsure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catomo.files.store import StackReader
from catomo.labels.coverage import ranked
from catomo.labels.files import stream_labels, unread_files
from catomo.labels.values import Annotation
from catomo.progress import say
from catomo.record.record import Record, read_record
from catomo.slices.spread import material_per_slice

_SURE_CONFIDENCE = 204  # confidence (255 is certain) below which a pixel counts as unsure: 80 %


def suggest_next(
    slices: Path | str,
    count: int,
    labels: Path | str | None = None,
    prediction: Path | str | None = None,
) -> list[str]:
    """Return one line for each slice to annotate next, the most useful first.

    Parameters
    ----------
    slices : path
        Folder or record of the stage `slices`.
    count : int
    labels : path or "truth", optional
        What is annotated already.
    prediction : path, optional
        Folder or record of the stage `predict` on these slices.

    Raises
    ------
    UserError
        If the labels do not fit the slices, or the prediction is of other slices.
    """
    source = read_record(slices, "slices")
    known = _annotated(labels, source) if labels else []
    if prediction:
        record = read_record(prediction, "predict")
        record.check_made_from("slices", source)
        confidence = record.file("confidence.tif")
        need = np.array([np.count_nonzero(page < _SURE_CONFIDENCE) for page in _pages(confidence)])
        what = "of the unsure pixels"
    else:
        with StackReader(source.file("slices.tif")) as reader:
            need = material_per_slice(reader.read(i, i + 1)[0] for i in range(reader.shape[0]))
        what = "of the material"
    lines = []
    left_out = source.get("unrecorded_slices", [])
    need[left_out] = 0
    for rank, (index, far, share) in enumerate(ranked(need, known, count, left_out), start=1):
        near = "nothing is annotated yet" if far is None else f"{far} slices from the nearest one"
        name = source["names"][index]
        lines.append(f"{rank}. {name}: {near}; {100 * share:.0f} % {what} are nearest to it")
    return lines


def _annotated(labels: Path | str, source: Record) -> list[int]:
    classes = source["settings"]["classes"]
    names = [phase.get("name", f"class {number}") for number, phase in enumerate(classes)]
    indices = []

    def pages() -> Iterator[np.ndarray]:
        for index, page in stream_labels(labels, source, len(names)):
            indices.append(index)
            yield page

    annotation = Annotation.of(labels, pages(), unread_files(labels, source["names"]))
    for line in annotation.told(names, "annotate some, or its model cannot learn it"):
        say(line)
    return indices


def _pages(path: Path) -> Iterator[np.ndarray]:
    """Yield the pages of a TIFF stack one by one."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        for page in tiff.pages:
            yield page.asarray()
