"""Labels drawn by a person, in any of the three forms in which they come.

A folder with one TIFF per annotated slice, one stack for the whole volume, or the word
``truth`` for a phantom. Value 255 means "not annotated" and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.record import Record

IGNORE = 255
TRUTH = "truth"


def load_labels(place, slices: Record, class_count: int = 3) -> tuple[list[int], np.ndarray]:
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
        If there is no such file, a name is not that of a slice, a shape differs, a value
        is neither a class nor 255, or nothing at all is annotated.
    """
    indices, labels = zip(*stream_labels(place, slices, class_count), strict=True)
    return list(indices), np.stack(labels)


def stream_labels(place, slices: Record, class_count: int = 3) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the annotated slices of a dataset one by one, index and labels, ascending.

    Arguments and errors as for `load_labels`, which holds them all at once.
    """
    pages = _of_truth(slices) if str(place) == TRUTH else _of_person(place, slices)
    annotated = False
    for index, page, origin in pages:
        _check_page(page, slices["shape"][1:], class_count, origin)
        if np.any(page != IGNORE):
            annotated = True
            yield index, page.astype(np.uint8)
    if not annotated:
        raise UserError(f"{place}: no slice is annotated there (all pixels are {IGNORE})")


def check_labels(place, names: list[str], shape, class_count: int) -> None:
    """Check a person's labels before the slices they belong to are made.

    Parameters
    ----------
    place : path
        As in `load_labels`.
    names : list of str
        The names of the slices.
    shape : (int, int, int)
        Their number and size ``(n, z, x)``.
    class_count : int

    Raises
    ------
    UserError
        As `load_labels`.
    """
    for _, page, origin in _of_person(place, {"names": names, "shape": shape}):
        _check_page(page, shape[1:], class_count, origin)


def _of_person(place, slices) -> Iterator[tuple[int, np.ndarray, str]]:
    if Path(place).is_dir():
        return _of_folder(Path(place), slices)
    if Path(place).is_file():
        return _of_stack(Path(place), slices)
    raise UserError(
        f"{place}: labels not found; name a folder of <slice name>.tif, a stack TIFF of "
        f"{_words(slices['shape'])} pixels, or leave labels empty"
    )


def _of_truth(slices: Record) -> Iterator[tuple[int, np.ndarray, str]]:
    if not slices.has("truth_labels.tif"):
        raise UserError(
            f"{slices.path}: labels are 'truth', but this dataset is no phantom; "
            "name a folder or stack of labels"
        )
    wanted = set(slices["suggested"])
    path = slices.file("truth_labels.tif")
    for index, page in enumerate(_pages(path)):
        if index in wanted:
            yield index, page, f"{path} page {index}"


def _of_folder(folder: Path, slices) -> Iterator[tuple[int, np.ndarray, str]]:
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".tif", ".tiff"))
    if not files:
        raise UserError(f"{folder}: found no .tif there; save labels as <slice name>.tif")
    index_of = {name: index for index, name in enumerate(slices["names"])}
    for path in sorted(files, key=lambda path: index_of.get(path.stem, -1)):
        if path.stem not in index_of:
            raise UserError(
                f"{path}: no slice has the name '{path.stem}'; expected names such as "
                f"'{slices['names'][0]}'"
            )
        pages = list(_pages(path))
        if len(pages) != 1:
            raise UserError(f"{path}: found {len(pages)} pages, expected one image per slice")
        yield index_of[path.stem], pages[0], str(path)


def _of_stack(path: Path, slices) -> Iterator[tuple[int, np.ndarray, str]]:
    count = -1
    for count, page in enumerate(_pages(path)):
        yield count, page, f"{path} page {count}"
    if count + 1 != slices["shape"][0]:
        raise UserError(
            f"{path}: found {count + 1} pages, expected {slices['shape'][0]}, one for every "
            f"slice; fill slices that are not annotated with {IGNORE}"
        )


def _pages(path: Path) -> Iterator[np.ndarray]:
    """Yield the images of a TIFF one by one, whether stored as pages or as one block."""
    import tifffile

    try:
        tiff = tifffile.TiffFile(path)
    except (tifffile.TiffFileError, OSError) as error:
        raise UserError(f"{path}: not readable as TIFF ({error}); save it again") from None
    with tiff:
        if len(tiff.pages) == 1:
            block = tiff.series[0].asarray()
            yield from block.reshape(-1, *block.shape[-2:])
        else:
            for page in tiff.pages:
                yield page.asarray()


def _check_page(page: np.ndarray, shape, class_count: int, origin: str) -> None:
    if page.shape != tuple(shape):
        raise UserError(
            f"{origin}: shape is {_words(page.shape)}, expected {_words(shape)} (z x x) like the "
            "slice; draw on the exported slice without cropping or scaling"
        )
    values = np.unique(page)
    wrong = values[~np.isin(values, [*range(class_count), IGNORE])]
    if wrong.size:
        raise UserError(
            f"{origin}: found label {wrong[0]:g}, allowed are 0 to {class_count - 1} for the "
            f"classes and {IGNORE} for not annotated"
        )


def _words(shape) -> str:
    return " x ".join(str(int(n)) for n in shape)
