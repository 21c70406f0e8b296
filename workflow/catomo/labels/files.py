"""Annotations: labels of slices, read from any of the three forms in which they are given.

A folder with one TIFF per annotated slice, one stack for the whole volume, or the word
``truth`` for a phantom. The value 255 means "not annotated"; such pixels are never counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import TIFF, files_in, split_member
from catomo.files.readers import open_images
from catomo.files.store import StackReader
from catomo.labels.tie import check_tie
from catomo.record.record import Record

IGNORE = 255
TRUTH = "truth"


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
    """Return what labels must fit, from the record of the stage `slices`."""

    @cache
    def file() -> Path:  # hashing a large stack is slow: once, and only for a tied label file
        return record.file("slices.tif")

    def read(index: int) -> np.ndarray:
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


def check_labels(place: Path | str, slices: Expected, class_count: int) -> None:
    """Check labels given by a person; the slices they belong to need not be exported yet.

    Parameters
    ----------
    place : path
        As in `load_labels`.
    slices : Expected
    class_count : int

    Raises
    ------
    UserError
        As `load_labels`.
    """
    for _, page, origin in _of_person(place, slices):
        _check_page(page, slices.shape[1:], class_count, origin)


def label_files(folder: Path, names: list[str]) -> dict[str, Path]:
    """Return the label files of a folder by the names of the slices they belong to.

    `catomo.record.hashes.fingerprint_of_labels` hashes the same files.

    Raises
    ------
    UserError
        If a file has the name of no slice, or two files have the name of the same slice.
    """
    files: dict[str, Path] = {}
    for path in files_in(folder, TIFF):
        if path.stem not in names:
            raise UserError(
                f"{path}: no slice has the name '{path.stem}'; expected names such as '{names[0]}'"
            )
        if path.stem in files:
            raise UserError(
                f"{path}: has the same slice as {files[path.stem].name}; keep one of the two"
            )
        files[path.stem] = path
    return files


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


def wrong_values(page: np.ndarray, class_count: int) -> np.ndarray:
    """Return the values, ascending, that are neither a class nor 255."""
    values = np.unique(page)
    return values[~np.isin(values, [*range(class_count), IGNORE])]


def check_values(page: np.ndarray, class_count: int, origin: str) -> None:
    """Check that all values are classes or 255.

    Raises
    ------
    UserError
        If there is another value; the message begins with `origin`.
    """
    wrong = wrong_values(page, class_count)
    if wrong.size:
        raise UserError(
            f"{origin}: found label {wrong[0]:g}, allowed are 0 to {class_count - 1} for the "
            f"classes and {IGNORE} for not annotated"
        )


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
    for index, page in enumerate(_pages(path)):
        if index in wanted:
            yield index, page, f"{path} page {index}"


def _of_folder(folder: Path, slices: Expected) -> Iterator[tuple[int, np.ndarray, str]]:
    files = label_files(folder, slices.names)
    if not files:
        raise UserError(f"{folder}: found no .tif in it; save labels as <slice name>.tif")
    for index, name in enumerate(slices.names):
        if name not in files:
            continue
        path = files[name]
        page = _only_page(path)
        if page.shape == slices.shape[1:]:
            check_tie(path, partial(slices.read, index), slices.pixel_size_nm)
        yield index, page, str(path)


def _only_page(path: Path) -> np.ndarray:
    pages = list(_pages(path))
    if len(pages) != 1:
        raise UserError(f"{path}: found {len(pages)} pages, expected one image per slice")
    return pages[0]


def _of_stack(path: Path, slices: Expected) -> Iterator[tuple[int, np.ndarray, str]]:
    count = -1
    for count, page in enumerate(_pages(path)):
        # Only a TIFF can hold the tie.
        if count == 0 and page.shape == slices.shape[1:] and path.suffix.lower() in TIFF:
            check_tie(path, lambda: None, slices.pixel_size_nm)
        yield count, page, f"{path} page {count}"
    if count + 1 != slices.shape[0]:
        raise UserError(
            f"{path}: found {count + 1} pages, expected {slices.shape[0]}, one for every "
            f"slice; fill the slices that are not annotated with {IGNORE}"
        )


def _pages(path: Path) -> Iterator[np.ndarray]:
    """Yield the images of a file one by one, with the numbers that are stored."""
    with open_images(path, as_stored=True) as images:
        for number in range(images.shape[0]):
            yield images.read(number)


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
