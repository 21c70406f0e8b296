"""The slices of a dataset as the page carries them: small pictures that its script lays over.

Grey values are WebP pictures of a stated quality, binned where the page would become too large.
Labels and the truth are one WebP picture without loss: the label is its red, the truth its green.
The confidence is coarse.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from catomo.files.store import pages_of, read_pages
from catomo.record.record import Record
from catomo.settings.base import PhaseClass

# How grey values and labels become smaller until they fit: (voxels per pixel, quality).
_GREY = ((1, 85), (1, 60), (1, 40), (2, 60), (2, 40), (4, 60), (8, 60), (16, 60))
_LABELS = (1, 2, 4, 8, 16)
_CONFIDENCE = ((2, 30), (4, 30), (8, 30))
_TRIED = 8  # slices that are encoded to find out how large all will be
_SHARES = {"labels": 0.4, "confidence": 0.1}  # of the room, before they become coarser
_GAMMA = 0.5  # slices, most of which are dark, are seen better so
_BASE64 = 4 / 3

# Takes the pages of all files of a kind, returns a WebP file.
_Encode = Callable[..., bytes]


@dataclass(frozen=True)
class _Kind:
    """Pictures of one kind: the files they come from, and the ways to encode them.

    Attributes
    ----------
    files : tuple of path
        Stacks of the same shape.
    ways : sequence of (int, callable)
        Voxels along an edge of a pixel, and the function, the finest first.
    """

    files: tuple[Path, ...]
    ways: Sequence[tuple[int, _Encode]]

    def chosen(self, count: int, room: float) -> tuple[int, _Encode, float]:
        """Return the finest way that fits into a room, or the last, and the size of all."""
        tried = sorted({round(part) for part in np.linspace(0, count - 1, min(_TRIED, count))})
        pages = [[read_pages(file, n, n + 1)[0] for file in self.files] for n in tried]
        for way in self.ways:
            _, encode = way
            size = float(_BASE64 * count * np.mean([len(encode(*page)) for page in pages]))
            if size <= room:
                break
        return *way, size

    def pictures(self, encode: _Encode) -> Iterator[str]:
        """Yield each slice as text."""
        for page in zip(*map(pages_of, self.files), strict=True):
            yield base64.b64encode(encode(*page)).decode()


def stack_for_page(
    records: Mapping[str, Record], classes: Sequence[PhaseClass], room: float
) -> dict[str, Any]:
    """Return the slices of a dataset, their labels and what is known of both.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    classes : sequence of PhaseClass
        All classes, background first.
    room : float
        About how many bytes all may take; the slices become coarser until they fit.

    Returns
    -------
    dict
        What ``viewer/src/stack.js`` reads; empty where there are neither slices nor labels.
    """
    source = _first(records)
    kinds = _kinds(records)
    if source is None or not kinds:
        return {}
    count, rows, columns = source["shape"]
    left = room
    pictures: dict[str, list[str]] = {}
    steps: dict[str, int] = {}
    for name in ("labels", "confidence", "grey"):  # grey values take what is left
        if name in kinds:
            share = _SHARES[name] * room if name in _SHARES else left
            steps[name], encode, size = kinds[name].chosen(count, share)
            left -= size
            pictures[name] = list(kinds[name].pictures(encode))
    return {
        "count": count,
        "rows": rows,
        "columns": columns,
        "pixelSizeNm": source["pixel_size_nm"],
        "isVolume": bool(source["contiguous"]),
        "names": source["names"],
        "isRaised": "gamma" in source.get("contrast", {}),
        "hasTruth": "labels" in kinds and len(kinds["labels"].files) > 1,
        "classes": [{"title": phase.title, "colour": phase.colour} for phase in classes],
        "steps": steps,
        "pictures": pictures,
    }


def _first(records: Mapping[str, Record]) -> Record | None:
    """Return the record that tells of the slices."""
    return records.get("slices.json") or records.get("segmentation.json")


def _kinds(records: Mapping[str, Record]) -> dict[str, _Kind]:
    """Return the kinds of pictures that a dataset has."""
    slices = records.get("slices.json")
    labelled = records.get("prediction.json") or records.get("segmentation.json")
    kinds = {}
    if slices and slices.has("slices.tif"):
        # The slices of the workflow have a gamma already; those from elsewhere stay as they are.
        gamma = _GAMMA / slices["contrast"].get("gamma", _GAMMA)
        ways = [(step, partial(_grey, step, quality, gamma)) for step, quality in _GREY]
        kinds["grey"] = _Kind((slices.file("slices.tif"),), ways)
    if labelled and labelled.has("labels.tif"):
        files = [labelled.file("labels.tif")]
        if slices:
            labelled.check_made_from("slices", slices)
            if slices.has("truth_labels.tif"):
                files.append(slices.file("truth_labels.tif"))
        kinds["labels"] = _Kind(tuple(files), [(step, partial(_labels, step)) for step in _LABELS])
        if labelled.has("confidence.tif"):
            ways = [(step, partial(_grey, step, quality, 1.0)) for step, quality in _CONFIDENCE]
            kinds["confidence"] = _Kind((labelled.file("confidence.tif"),), ways)
    return kinds


def _grey(step: int, quality: int, gamma: float, page: np.ndarray) -> bytes:
    """Return a page of grey values (uint8), binned and with a gamma, as WebP with loss."""
    import imagecodecs

    binned = binned_mean(page, step)
    if gamma != 1:
        binned = 255 * (binned / 255) ** gamma
    picture = np.round(binned).astype(np.uint8)
    rgb = np.repeat(picture[..., None], 3, axis=2)
    return bytes(imagecodecs.webp_encode(rgb, level=quality, lossless=False, method=4))


def _labels(step: int, labels: np.ndarray, truth: np.ndarray | None = None) -> bytes:
    """Return every `step`-th label, and the truth, as WebP without loss."""
    import imagecodecs

    labels = labels[::step, ::step]
    rgb = np.zeros((*labels.shape, 3), np.uint8)
    rgb[..., 0] = labels
    if truth is not None:
        rgb[..., 1] = truth[::step, ::step]
    return bytes(imagecodecs.webp_encode(rgb, lossless=True, method=2))


def binned_mean(page: np.ndarray, step: int) -> np.ndarray:
    """Return the means of blocks of `step` × `step` pixels; the last ones may be smaller."""
    if step == 1:
        return page.astype(np.float64)
    starts = [np.arange(0, length, step) for length in page.shape]
    sums = np.add.reduceat(np.add.reduceat(page, starts[0], 0, dtype=np.float64), starts[1], 1)
    lengths = [np.diff(start, append=n) for start, n in zip(starts, page.shape, strict=True)]
    return sums / np.outer(*lengths)
