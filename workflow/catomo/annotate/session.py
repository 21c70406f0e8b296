"""Slices that a person annotates in one sitting: what stands in them at first, how it is kept.

No window is opened here (see `annotate`). A slice begins with the person's own labels, else
with what a model found, as a draft, else empty. A file of the person is only replaced as a
whole, and only if it is still the one that was read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, image_bytes, read_pages
from catomo.labels.files import (
    IGNORE,
    TRUTH,
    check_values,
    label_files,
    read_label_file,
    wrong_values,
)
from catomo.labels.tie import is_tied_elsewhere, mark_of
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, read_record


@dataclass
class Page:
    """One slice of a sitting.

    Attributes
    ----------
    name : str
    path : Path
        The person's file, there or not.
    layer : str
        Whose labels are shown: ``yours``, ``draft`` or ``empty``.
    note : str
        What the person must know of them.
    seen : str or None
        sha256 of the person's file as it was read; None if there was none.
    aside : Path or None
        Where this sitting kept what it could not save.
    """

    name: str
    path: Path
    layer: str
    note: str
    seen: str | None
    aside: Path | None = None


class Session:
    """Slices and their labels while a person works on them. Made by `open_session`.

    Attributes
    ----------
    greys, labels : ndarray of uint8, (n, z, x)
        The labels are painted in place.
    classes : list of dict
        ``name``, ``title`` and ``colour`` of each class.
    pixel_size_nm : float
    pages : list of Page
    """

    def __init__(self, pages, greys, labels, classes, pixel_size_nm):
        self.pages, self.greys, self.labels = pages, greys, labels
        self.classes, self.pixel_size_nm = classes, pixel_size_nm
        self._kept = labels.copy()

    def title(self, number: int) -> str:
        """Return a line about a slice: which it is, whose labels these are."""
        page = self.pages[number]
        return f"{page.name} ({number + 1} of {len(self.pages)}): {page.layer}, {page.note}"

    def save(self, number: int) -> Path:
        """Write the labels of one slice as the person's file; return its path.

        Raises
        ------
        UserError
            If the file is no longer the one that was read, or a value is no class. The file is
            left alone, and what was painted is kept beside it.
        """
        page, labels = self.pages[number], self.labels[number]
        mark = mark_of(self.greys[number])
        content = image_bytes(page.path.name, labels, self.pixel_size_nm, mark, "zlib")
        page.path.parent.mkdir(parents=True, exist_ok=True)
        if (sha256_of(page.path) if page.path.exists() else None) != page.seen:
            aside = _keep_aside(page, content)
            raise UserError(
                f"{page.path}: was changed by somebody else since it was opened, so it is left as "
                f"it is; what you painted is in {aside}: keep one of the two"
            )
        try:
            check_values(labels, len(self.classes), f"{page.path}: not saved")
        except UserError as error:
            aside = _keep_aside(page, content)
            raise UserError(
                f"{error}; what you painted is in {aside}: paint over that value and save, or "
                f"rename that file to {page.path.name} to go on another time"
            ) from None
        _write_whole(page.path, content)
        if page.aside:  # a former state of what is saved now
            page.aside.unlink(missing_ok=True)
            page.aside = None
        page.layer, page.note, page.seen = "yours", "saved", sha256_of(page.path)
        self._kept[number] = labels
        return page.path

    def save_changed(self) -> tuple[list[Path], list[str]]:
        """Save all slices painted on since they were opened or saved.

        Returns
        -------
        saved : list of Path
        problems : list of str
            A line for each slice that could not be saved.
        """
        saved, problems = [], []
        for number in range(len(self.pages)):
            if np.array_equal(self.labels[number], self._kept[number]):
                continue
            try:
                saved.append(self.save(number))
            except UserError as error:
                problems.append(str(error))
        return saved, problems


def open_session(slices, labels, names=None, prediction=None) -> Session:
    """Read the slices to annotate and the labels they begin with.

    Parameters
    ----------
    slices : path
        Folder or record of the stage `slices`.
    labels : path
        The person's folder of ``<slice name>.tif``; it need not be there yet.
    names : list of str, optional
        The slices; without it those that are suggested or annotated already.
    prediction : path, optional
        Folder or record of the stage `predict` on these slices, for draft labels.

    Raises
    ------
    UserError
        If `labels` is no folder or holds unfit files, there is no slice of a name, or the
        prediction is of other slices.
    """
    source = read_record(slices, "slices")
    folder = Path(labels)
    if folder.is_file() or str(labels) == TRUTH:
        raise UserError(
            f"{labels}: is no folder; give one, such as labels/my_sample, with a file per slice"
        )
    files = label_files(folder, source["names"]) if folder.is_dir() else {}
    drafts = _drafts(prediction, source) if prediction else None
    pages, greys, drawn = [], [], []
    with StackReader(source.file("slices.tif")) as reader:
        for index in _chosen(source, files, names):
            name, grey = source["names"][index], reader.read(index, index + 1)[0]
            page = Page(name, files.get(name, folder / f"{name}.tif"), "empty", "", None)
            drawn.append(_first_labels(page, grey, index, source, drafts))
            greys.append(grey)
            pages.append(page)
    classes = source["settings"]["classes"]
    return Session(pages, np.stack(greys), np.stack(drawn), classes, source["pixel_size_nm"])


def _chosen(source: Record, files: dict[str, Path], names) -> list[int]:
    for name in names or []:
        if name not in source["names"]:
            raise UserError(
                f"--slice {name}: there is no such slice; names are such as '{source['names'][0]}'"
            )
    wanted = names or [*(source["names"][i] for i in source["suggested"]), *files]
    return sorted({source["names"].index(name) for name in wanted})


def _first_labels(page: Page, grey, index: int, source: Record, drafts) -> np.ndarray:
    """Return the labels that a page begins with, and note whose they are."""
    if page.path.exists():
        page.layer, page.seen = "yours", sha256_of(page.path)
        class_count = len(source["settings"]["classes"])
        labels = read_label_file(page.path, grey.shape, class_count)
        doubts = [f"holding {v}, which is no class" for v in wrong_values(labels, class_count)[:1]]
        if is_tied_elsewhere(page.path, grey):
            doubts.append("painted when this slice had other grey values")
        page.note = f"but {' and '.join(doubts)}: check, then save" if doubts else "as saved"
        return labels
    if drafts:
        record, stack = drafts
        page.layer, page.note = "draft", "what the model found: correct it, then save"
        if record.get("draft"):
            page.note = "of a model drawn from phantoms alone: correct it, then save"
        return read_pages(stack, index, index + 1)[0]
    page.note = f"all {IGNORE}: not annotated"
    return np.full(grey.shape, IGNORE, np.uint8)


def _drafts(prediction, source: Record) -> tuple[Record, Path]:
    record = read_record(prediction, "predict")
    record.check_made_from("slices", source)
    return record, record.file("labels.tif")


def _keep_aside(page: Page, content: bytes) -> str:
    """Write beside the person's file what cannot become that file; return its name."""
    page.aside = page.path.with_name(f"{page.path.name}.unsaved")
    _write_whole(page.aside, content)
    return page.aside.name


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
