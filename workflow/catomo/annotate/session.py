"""A session of annotating: the labels that each slice begins with, and how they are saved.

No window is opened here (see `catomo.annotate.napari_window`). A slice begins with the
person's own labels, or else with those that a model predicts (a draft), or else empty. A
label file is only replaced as a whole, and only if nobody changed it since it was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, image_bytes, read_pages
from catomo.files.whole import write_whole
from catomo.labels.files import TRUTH, label_files, read_label_file, unread_files
from catomo.labels.tie import is_tied_elsewhere, tie_of
from catomo.labels.values import IGNORE, Annotation, problem_of_values, wrong_values
from catomo.plan.classes import classes_shown
from catomo.progress import say
from catomo.record.classes import check_classes
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, read_record
from catomo.settings.base import PhaseClass


@dataclass
class Page:
    """One slice of a session.

    Attributes
    ----------
    name : str
    path : Path
        The person's label file; it need not exist.
    layer : str
        Whose labels are shown: ``yours``, ``draft`` or ``empty``.
    note : str
        What the person must know about them.
    read_sha256 : str or None
        sha256 of the label file when it was read or saved; None if there was none.
    unsaved : Path or None
        The file in which this session kept labels that it could not save.
    """

    name: str
    path: Path
    layer: str = "empty"
    note: str = f"all {IGNORE}: not annotated"
    read_sha256: str | None = None
    unsaved: Path | None = None


class Session:
    """Slices and their labels while a person works on them. Made by `open_session`.

    Attributes
    ----------
    pages : list of Page
    greys, labels : ndarray of uint8, (n, z, x)
        The labels are painted in place.
    classes : list of PhaseClass
    pixel_size_nm : float
    """

    def __init__(
        self,
        pages: list[Page],
        greys: np.ndarray,
        labels: np.ndarray,
        classes: list[PhaseClass],
        pixel_size_nm: float,
    ) -> None:
        self.pages, self.greys, self.labels = pages, greys, labels
        self.classes, self.pixel_size_nm = classes, pixel_size_nm
        self._saved = labels.copy()

    def title(self, number: int) -> str:
        """Return a line that says which slice this is and whose labels it has."""
        page = self.pages[number]
        return f"{page.name} ({number + 1} of {len(self.pages)}): {page.layer}, {page.note}"

    def save(self, number: int) -> Path:
        """Write the labels of one slice to the person's file; return its path.

        Raises
        ------
        UserError
            If the file was changed since it was read, or a value is no class. The file is then
            left as it is, and the labels are kept in another file beside it.
        """
        page, labels = self.pages[number], self.labels[number]
        tie = tie_of(self.greys[number])
        # A PNG cannot hold the tie to its slice, so a TIFF takes its place.
        was_png = page.path.suffix.lower() == ".png"
        target = page.path.with_suffix(".tif") if was_png else page.path
        content = image_bytes(target.name, labels, self.pixel_size_nm, tie, "zlib")
        page.path.parent.mkdir(parents=True, exist_ok=True)
        now = sha256_of(page.path) if page.path.exists() else None
        if now != page.read_sha256 or (was_png and target.exists()):
            unsaved = _keep_unsaved(page, content)
            raise UserError(
                f"{page.path}: was changed by somebody else since it was opened, so it is left as "
                f"it is; your labels are in {unsaved}: keep one of the two files"
            )
        if problem := problem_of_values(labels, len(self.classes)):
            unsaved = _keep_unsaved(page, content)
            raise UserError(
                f"{page.path}: not saved: {problem}; your labels are in {unsaved}: paint over that "
                f"value and save, or rename that file to {target.name} to continue another time"
            )
        write_whole(target, content)
        if was_png:
            page.path.unlink()
            page.path = target
        if page.unsaved:  # an earlier state of the labels that are saved now
            page.unsaved.unlink(missing_ok=True)
            page.unsaved = None
        page.layer, page.note, page.read_sha256 = "yours", "saved", sha256_of(page.path)
        self._saved[number] = labels
        return page.path

    def save_changed(self) -> tuple[list[Path], list[str]]:
        """Save all slices whose labels changed since they were opened or saved.

        Returns
        -------
        saved : list of Path
        problems : list of str
            A line for each slice that could not be saved.
        """
        saved, problems = [], []
        for number in range(len(self.pages)):
            if np.array_equal(self.labels[number], self._saved[number]):
                continue
            try:
                saved.append(self.save(number))
            except UserError as error:
                problems.append(str(error))
        return saved, problems


def open_session(
    slices: Path,
    labels: Path | str,
    names: list[str] | None = None,
    prediction: Path | None = None,
    configfiles: Sequence[Path] = (),
) -> Session:
    """Read the slices to annotate and the labels that they begin with.

    Parameters
    ----------
    slices : path
        Folder or record of the stage `slices`.
    labels : path
        The person's folder of ``<slice name>.tif``; it need not exist yet.
    names : list of str, optional
        Names of the slices; by default those that are suggested or already annotated.
    prediction : path, optional
        Folder or record of the stage `predict` on these slices, for draft labels.
    configfiles : sequence of path
        Files with titles and colours of the classes, beside ``config/config.yaml``.

    Raises
    ------
    UserError
        If `labels` is no folder or a file in it does not fit, a slice does not exist, or the
        prediction is of other slices.
    """
    source = read_record(slices, "slices")
    folder = Path(labels)
    if folder.is_file() or str(labels) == TRUTH:
        raise UserError(
            f"{labels}: is no folder; name one, such as labels/my_sample, for a file per slice"
        )
    files = label_files(folder, source["names"]) if folder.is_dir() else {}
    drafts = _drafts(prediction, source) if prediction else None
    pages, greys, first_labels = [], [], []
    with StackReader(source.file("slices.tif")) as reader:
        for index in _chosen(source, files, names):
            name, grey = source["names"][index], reader.read(index, index + 1)[0]
            page = Page(name, files.get(name, folder / f"{name}.tif"))
            first_labels.append(_first_labels(page, grey, index, source, drafts))
            greys.append(grey)
            pages.append(page)
    classes = classes_shown([phase["name"] for phase in source["settings"]["classes"]], configfiles)
    yours = [one for page, one in zip(pages, first_labels, strict=True) if page.layer == "yours"]
    if yours:
        annotation = Annotation.of(labels, yours, unread_files(folder, source["names"]))
        for line in annotation.told([phase.name for phase in classes], "paint some of it"):
            say(line)
    return Session(pages, np.stack(greys), np.stack(first_labels), classes, source["pixel_size_nm"])


def _chosen(source: Record, files: dict[str, Path], names: list[str] | None) -> list[int]:
    """Return the indices of the slices to open, ascending."""
    for name in names or []:
        if name not in source["names"]:
            raise UserError(
                f"--slice {name}: there is no such slice; a name is '{source['names'][0]}'"
            )
    wanted = names or [*(source["names"][i] for i in source["suggested"]), *files]
    return sorted({source["names"].index(name) for name in wanted})


def _first_labels(
    page: Page, grey: np.ndarray, index: int, source: Record, drafts: tuple[Record, Path] | None
) -> np.ndarray:
    """Return the labels that a page begins with, and note on the page whose they are."""
    if page.path.exists():
        page.layer, page.read_sha256 = "yours", sha256_of(page.path)
        class_count = len(source["settings"]["classes"])
        labels = read_label_file(page.path, grey.shape, class_count)
        problems = [f"with {v}, which is no class" for v in wrong_values(labels, class_count)[:1]]
        if is_tied_elsewhere(page.path, grey):
            problems.append("painted when this slice had other grey values")
        page.note = f"but {' and '.join(problems)}: check, then save" if problems else "as saved"
        return labels
    if drafts:
        record, stack = drafts
        page.layer, page.note = "draft", "predicted by the model: correct it, then save"
        if record.get("draft"):
            page.note = "predicted by a model trained on phantoms alone: correct it, then save"
        return read_pages(stack, index, index + 1)[0]
    return np.full(grey.shape, IGNORE, np.uint8)


def _drafts(prediction: Path, source: Record) -> tuple[Record, Path]:
    record = read_record(prediction, "predict")
    record.check_made_from("slices", source)
    names = [phase["name"] for phase in source["settings"]["classes"]]
    check_classes(record, names, "correct the draft of a model of these classes")
    return record, record.file("labels.tif")


def _keep_unsaved(page: Page, content: bytes) -> str:
    """Write labels that cannot be saved to a file beside the person's; return its name."""
    page.unsaved = page.path.with_name(f"{page.path.name}.unsaved")
    write_whole(page.unsaved, content)
    return page.unsaved.name
