"""Annotations: labels of slices, read from any of the three forms in which they are given.

A folder with one TIFF or PNG per annotated slice, one stack for the whole volume, or the word
``truth`` for a phantom. The value 255 means "not annotated"; such pixels are never counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import LABELS, TIFF, files_in, split_member
from catomo.files.store import StackReader
from catomo.labels.pages import label_pages
from catomo.labels.tie import check_tie
from catomo.labels.values import (
    IGNORE,
    Annotation,
    check_values,
    classes_in,
    without_black_border,
)
from catomo.record.record import Record

TRUTH = "truth"
_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".mrc", ".npy", ".webp")  # that may hold labels
_NAME = r"slice_\d{4,}"  # of a slice that catomo reconstructed


@dataclass(frozen=True)
class Expected:
    """The slices that labels must fit.

    Attributes
    ----------
    names : list of str
        Name of each slice.
    shape : (int, int, int)
        Number of slices, rows (z) and columns (x).
    pixel_size_nm : float
    read : callable
        Returns the exported slice of an index, or None if it is not available.
    """

    names: list[str]
    shape: tuple[int, int, int]
    pixel_size_nm: float
    read: Callable[[int], np.ndarray | None]


def expected_of(record: Record) -> Expected:
    """Return what labels must fit, from the record of the stage `slices` or `segmentation`.

    A segmentation that was made elsewhere comes without the greys of its slices.
    """

    @cache
    def file() -> Path:  # hashing a large stack is slow: once, and only for a tied label file
        return record.file("slices.tif")

    def read(index: int) -> np.ndarray | None:
        if not record.has("slices.tif"):
            return None
        with StackReader(file()) as reader:
            return reader.read(index, index + 1)[0]

    count, rows, columns = record["shape"]
    return Expected(record["names"], (count, rows, columns), record["pixel_size_nm"], read)


def load_labels(
    place: Path | str, slices: Record, class_count: int
) -> tuple[list[int], np.ndarray]:
    """Read the annotated slices of a dataset.

    Parameters
    ----------
    place : path or "truth"
        A folder of ``<slice name>.tif``, a stack TIFF ``(n, z, x)`` of all slices, or
        ``"truth"``: the truth of a phantom at its suggested slices.
    slices : Record
        The record of the stage `slices`.
    class_count : int
        Labels may be 0 … `class_count` - 1, or 255.

    Returns
    -------
    indices : list of int
        The annotated slices, ascending, as indices into ``slices.tif``.
    labels : ndarray of uint8, (len(indices), z, x)
        ``labels[i]`` belongs to slice ``indices[i]``.

    Raises
    ------
    UserError
        If there is no such file, a file has the name of no slice, a shape or scale differs, a
        file was painted on other grey values, a value is neither a class nor 255, or nothing
        is annotated.
    """
    indices, labels = zip(*stream_labels(place, slices, class_count), strict=True)
    return list(indices), np.stack(labels)


def stream_labels(
    place: Path | str, slices: Record, class_count: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield index and labels of the annotated slices of a dataset one by one, ascending.

    Arguments and errors are those of `load_labels`, which holds all labels in memory.
    """
    expected = expected_of(slices)
    pages = _of_truth(slices) if str(place) == TRUTH else _of_person(place, expected)
    annotated = False
    for index, page, origin in pages:
        _check_page(page, expected.shape[1:], class_count, origin)
        if np.any(page != IGNORE):
            annotated = True
            yield index, page.astype(np.uint8)
    if not annotated:
        raise UserError(f"{place}: no slice is annotated there (all pixels are {IGNORE})")


def count_labels(place: Path | str, slices: Record, class_count: int) -> Annotation:
    """Return which labels there are; arguments and errors are those of `load_labels`."""
    pages = (labels for _, labels in stream_labels(place, slices, class_count))
    return Annotation.of(place, pages, unread_files(place, slices["names"]))


def check_labels(place: Path | str, slices: Expected, class_count: int) -> Annotation:
    """Check labels given by a person; the slices they belong to need not be exported yet.

    Parameters
    ----------
    place : path
        As in `load_labels`.
    slices : Expected
    class_count : int

    Returns
    -------
    Annotation
        Which labels there are.

    Raises
    ------
    UserError
        As `load_labels`.
    """
    shown: dict[int, frozenset[int]] = {}

    def checked() -> Iterator[np.ndarray]:
        for index, page, origin in _of_person(place, slices):
            _check_page(page, slices.shape[1:], class_count, origin)
            if (page != IGNORE).any():
                image = slices.read(index)
                measured = page if image is None else without_black_border(page, image)
                shown[index] = classes_in(measured)
            yield page

    annotation = Annotation.of(place, checked(), unread_files(place, slices.names))
    return replace(annotation, shown=shown)


def check_label_values(place: Path | str, class_count: int) -> Annotation:
    """Check the values of labels whose slices catomo has yet to reconstruct.

    Arguments, result and errors are those of `check_labels`; shapes, ties and black borders are
    not checked.
    """
    path = Path(place)
    names: list[str] = []
    shown: dict[int, frozenset[int]] = {}
    if path.is_dir():
        stems = {file.stem for file in files_in(path)}
        names = sorted(stem for stem in stems if re.fullmatch(_NAME, stem)) or ["slice_0000"]

    def checked() -> Iterator[np.ndarray]:
        files = label_files(path, names) if names else {"": path}
        if not files:
            raise UserError(_nothing_in(path))
        for name, file in files.items():
            for number, page in enumerate([_only_page(file)] if names else label_pages(file)):
                check_values(page, class_count, str(file))
                if (page != IGNORE).any():
                    shown[int(name.rpartition("_")[2]) if names else number] = classes_in(page)
                yield page

    annotation = Annotation.of(place, checked(), unread_files(place, names))
    return replace(annotation, shown=shown)


def label_files(folder: Path, names: list[str]) -> dict[str, Path]:
    """Return the label files of a folder by the names of the slices they belong to.

    `catomo.record.hashes.fingerprint_of_labels` hashes the same files.

    Raises
    ------
    UserError
        If a file has the name of no slice, or two files have the name of the same slice.
    """
    files: dict[str, Path] = {}
    paths = files_in(folder, LABELS)
    foreign = [path for path in paths if path.stem not in names]
    for path in foreign:
        # A picture beside the labels may be a PNG; `unread_files` tells of it.
        if path.suffix.lower() in TIFF or len(foreign) == len(paths):
            raise UserError(
                f"{path}: no slice has the name '{path.stem}'; expected names such as '{names[0]}'"
            )
    for path in paths:
        if path in foreign:
            continue
        if path.stem in files:
            raise UserError(
                f"{path}: has the same slice as {files[path.stem].name}; keep one of the two"
            )
        files[path.stem] = path
    return files


def unread_files(place: Path | str, names: list[str]) -> tuple[str, ...]:
    """Return the names of files beside the labels that may be labels but are not read.

    These are pictures of a slice's name in another format, where the slice has no label file,
    and PNG files of another name.
    """
    folder = Path(place)
    if not folder.is_dir():
        return ()
    files = files_in(folder, LABELS)
    without = set(names) - {path.stem for path in files}
    return (
        *(path.name for path in files if path.stem not in names),
        *(path.name for path in files_in(folder, _PICTURES) if path.stem in without),
    )


def read_label_file(path: Path, shape: tuple[int, ...], class_count: int) -> np.ndarray:
    """Return the labels of one slice, uint8 (z, x), so that a person can continue painting.

    A value that is no class is accepted, so that it can be painted over. The tie to the
    slice is not checked.

    Raises
    ------
    UserError
        If the file does not hold exactly one image, has another shape, or has a value that is
        no whole number from 0 to 255.
    """
    page = _only_page(path)
    _check_shape(page, shape, str(path))
    if not np.isin(page, range(256)).all():
        check_values(page, class_count, str(path))
    return page.astype(np.uint8)


def _of_person(place: Path | str, slices: Expected) -> Iterator[tuple[int, np.ndarray, str]]:
    if Path(place).is_dir():
        return _of_folder(Path(place), slices)
    if split_member(place)[0].is_file():
        return _of_stack(Path(place), slices)
    raise UserError(
        f"{place}: labels not found; name a folder of <slice name>.tif, a stack TIFF of "
        f"{_shape_text(slices.shape)} pixels, or leave labels empty"
    )


def _of_truth(slices: Record) -> Iterator[tuple[int, np.ndarray, str]]:
    if not slices.has("truth_labels.tif"):
        raise UserError(
            f"{slices.path}: labels are 'truth', but this dataset is not a phantom; "
            "name a folder or a stack of labels"
        )
    wanted = set(slices["suggested"])
    path = slices.file("truth_labels.tif")
    for index, page in enumerate(label_pages(path)):
        if index in wanted:
            yield index, page, f"{path} page {index}"


def _of_folder(folder: Path, slices: Expected) -> Iterator[tuple[int, np.ndarray, str]]:
    files = label_files(folder, slices.names)
    if not files:
        raise UserError(_nothing_in(folder))
    for index, name in enumerate(slices.names):
        if name not in files:
            continue
        path = files[name]
        page = _only_page(path)
        if page.shape == slices.shape[1:]:
            check_tie(path, partial(slices.read, index), slices.pixel_size_nm)
        yield index, page, str(path)


def _nothing_in(folder: Path) -> str:
    return f"{folder}: found no .tif or .png in it; save labels as <slice name>.tif"


def _only_page(path: Path) -> np.ndarray:
    pages = list(label_pages(path))
    if len(pages) != 1:
        raise UserError(f"{path}: found {len(pages)} pages, expected one image per slice")
    return pages[0]


def _of_stack(path: Path, slices: Expected) -> Iterator[tuple[int, np.ndarray, str]]:
    count = -1
    for count, page in enumerate(label_pages(path)):
        # Only a TIFF can hold the tie.
        if count == 0 and page.shape == slices.shape[1:] and path.suffix.lower() in TIFF:
            check_tie(path, lambda: None, slices.pixel_size_nm)
        yield count, page, f"{path} page {count}"
    if count + 1 != slices.shape[0]:
        raise UserError(
            f"{path}: found {count + 1} pages, expected {slices.shape[0]}, one for every "
            f"slice; fill the slices that are not annotated with {IGNORE}"
        )


def _check_page(page: np.ndarray, shape: tuple[int, ...], class_count: int, origin: str) -> None:
    _check_shape(page, shape, origin)
    check_values(page, class_count, origin)


def _check_shape(page: np.ndarray, shape: tuple[int, ...], origin: str) -> None:
    if page.shape != tuple(shape):
        raise UserError(
            f"{origin}: shape is {_shape_text(page.shape)}, expected {_shape_text(shape)} (z x x) "
            "like the slice; draw on the exported slice without cropping or scaling"
        )


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(int(n)) for n in shape)
