"""The table of datasets: one row per dataset, checked as a whole.

Every problem becomes one line; reading does not stop at the first.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from catomo.errors import UserError, printable
from catomo.files.folders import exists, is_zarr, split_member
from catomo.plan.table import Row, read_rows
from catomo.stages import stage_of

COLUMNS = (
    "dataset",
    "source",
    "path",
    "angles",
    "pixel_size_nm",
    "labels",
    "model",
    "trains",
    "group",
    "review",
)
SOURCES = ("phantom", "tilt_series", "slices", "segmentation")
RESERVED = ("models", "summary")
_LONGEST_GROUP = 60


@dataclass(frozen=True)
class Dataset:
    """One row of the table.

    Paths are as the user wrote them, relative to where the workflow runs; they may
    hold environment variables such as ``${CATOMO_GENC2022}``.
    """

    name: str
    source: str
    path: str
    angles: str = ""
    pixel_size_nm: float | None = None
    labels: str = ""
    model: str = ""
    trains: bool = False
    group: str = ""
    review: str = ""

    @property
    def model_is_file(self) -> bool:
        """Whether `model` is a ready ``.keras`` file rather than a name."""
        return self.model.endswith(".keras")

    @property
    def is_volume(self) -> bool:
        """Whether its slices lie on top of each other; a folder holds loose images."""
        path = Path(os.path.expandvars(self.path))
        return self.source != "slices" or not path.is_dir() or is_zarr(path)


def read_table(path: str | Path) -> tuple[list[Dataset], list[str]]:
    """Read the table of datasets.

    Parameters
    ----------
    path : path
        Text with tabs (or commas or semicolons), whose header holds names of `COLUMNS`; lines
        that begin with # are comments.

    Returns
    -------
    datasets : list of Dataset
        The rows without problems.
    problems : list of str
        One line each, with the number of the row's line.
    """
    path = Path(path)
    if not (exists(path) and path.is_file()):
        return [], [f"{path}: file not found; give the table of datasets (key 'datasets')"]
    try:
        header, *rows = read_rows(path, COLUMNS)
    except UserError as error:
        return [], [str(error)]
    except ValueError:
        return [], [f"{path}: is empty; the first line must be: {' '.join(COLUMNS)} (by tabs)"]
    problems = _header_problems(header, path)
    if problems:
        return [], problems
    datasets: list[Dataset] = []
    lines_of_names: dict[str, int] = {}
    for read in rows:
        where = f"{path} line {read.line}"
        if read.problem:
            problems.append(f"{where}: {read.problem}")
            continue
        if len(read.cells) > len(header.cells):
            problems.append(
                f"{where}: found {len(read.cells)} cells, allowed are {len(header.cells)}"
            )
            continue
        row = dict.fromkeys(COLUMNS, "") | dict(zip(header.cells, read.cells, strict=False))
        dataset, problems_of_row = _dataset(row, where)
        name = row["dataset"]
        if name in lines_of_names:
            problems_of_row.append(
                f"{where}, dataset: '{name}' stands in line {lines_of_names[name]} already; "
                "give each dataset a name of its own"
            )
        lines_of_names.setdefault(name, read.line)
        problems += problems_of_row
        if not problems_of_row:
            datasets.append(dataset)
    if not rows:
        problems.append(f"{path}: holds no dataset; add a row below the header")
    return datasets, problems


def _header_problems(header: Row, path: Path) -> list[str]:
    if header.problem:
        return [f"{path} line {header.line}: {header.problem}"]
    problems = []
    for number, column in enumerate(header.cells, start=1):
        if not column:
            problems.append(f"{path}: column {number} has no name; name it or delete it")
        elif column not in COLUMNS:
            near = difflib.get_close_matches(column, COLUMNS, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(COLUMNS)}"
            problems.append(f"{path}: unknown column '{column}'; {hint}")
        elif column in header.cells[: number - 1]:
            problems.append(f"{path}: column '{column}' stands twice; keep one of them")
    for column in ("dataset", "source", "path"):
        if column not in header.cells:
            problems.append(f"{path}: column '{column}' is missing; columns are split by tabs")
    return problems


def _dataset(row: dict[str, str], where: str) -> tuple[Dataset, list[str]]:
    """Return the dataset of one row, and a line for each problem in it."""
    problems = _name_problems(row["dataset"], f"{where}, dataset")
    if row["source"] not in SOURCES:
        problems.append(f"{where}, source: found '{row['source']}'; must be {', '.join(SOURCES)}")
    pixel_size = None
    if row["pixel_size_nm"]:
        try:
            # Many countries write 0,5; a number has no other use for one comma.
            pixel_size = float(re.sub(r"^(\d*),(\d+)$", r"\1.\2", row["pixel_size_nm"]))
        except ValueError:
            pixel_size = -1.0
        if not 0 < pixel_size < 1e4:
            problems.append(
                f"{where}, pixel_size_nm: found '{row['pixel_size_nm']}'; "
                "must be a number above 0, in nm"
            )
    elif row["source"] == "slices":
        problems.append(f"{where}, pixel_size_nm: is empty; slices need it, in nm")
    problems += _problems_of_trains(row, where)
    if row["labels"] == "truth" and row["source"] != "phantom":
        problems.append(f"{where}, labels: 'truth' is for phantoms; name a folder or a TIFF stack")
    for column in ("path", "angles", "labels", "model", "review"):
        problems += _path_problems(row[column], f"{where}, {column}", column)
    if row["group"] != printable(row["group"]) or len(row["group"]) > _LONGEST_GROUP:
        problems.append(
            f"{where}, group: found {json.dumps(row['group'])}; allowed is a line of at most "
            f"{_LONGEST_GROUP} signs, such as the name of a batch"
        )
    model = row["model"]
    if model and not model.endswith(".keras"):
        problems += _name_problems(model, f"{where}, model")
    if row["source"] == "segmentation":
        problems += _problems_of_segmentation(row, where)
    elif row["labels"] and not model:
        model = row["dataset"]
    if row["trains"] == "yes" and model.endswith(".keras"):
        problems.append(f"{where}, trains: is 'yes' but the model is a ready file; use 'no'")
    trains = row["trains"] == "yes" or (
        row["trains"] == "" and bool(row["labels"] and model) and not model.endswith(".keras")
    )
    dataset = Dataset(
        name=row["dataset"],
        source=row["source"],
        path=row["path"],
        angles=row["angles"],
        pixel_size_nm=pixel_size,
        labels=row["labels"],
        model=model,
        trains=trains,
        group=unicodedata.normalize("NFC", " ".join(row["group"].split())),
        review=row["review"],
    )
    problems += _problems_of_review(dataset, where)
    return dataset, problems


def _problems_of_trains(row: dict[str, str], where: str) -> list[str]:
    """Return a line for what the column `trains` contradicts."""
    if row["trains"] not in ("", "yes", "no"):
        return [f"{where}, trains: found '{row['trains']}'; must be yes, no or empty"]
    if row["trains"] == "yes" and not row["labels"]:
        return [f"{where}, trains: is 'yes' but 'labels' is empty; name the labels"]
    return []


def _problems_of_segmentation(row: dict[str, str], where: str) -> list[str]:
    """Return a line for each column that a dataset which is segmented already cannot have."""
    problems = [
        f"{where}, {column}: found '{row[column]}', but a segmentation has {why}; leave it empty"
        for column, why in (("angles", "no tilt series"), ("model", "no model"))
        if row[column]
    ]
    if row["trains"] == "yes":
        problems.append(
            f"{where}, trains: is 'yes', but a segmentation has no grey slices to learn from; "
            "leave it empty"
        )
    return problems


def _problems_of_review(dataset: Dataset, where: str) -> list[str]:
    """Return a line where particles are to be reviewed of a dataset that has none."""
    if not dataset.review or stage_of("surfaces").takes(dataset):
        return []
    return [
        f"{where}, review: found '{dataset.review}', but this dataset has no surfaces: it needs a "
        "model, and slices of a volume; leave it empty"
    ]


def _name_problems(name: str, where: str) -> list[str]:
    if name in RESERVED:
        return [f"{where}: '{name}' is reserved; choose another name"]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        return [
            f"{where}: found '{name}'; allowed are letters, digits, _ and - "
            "(it becomes a folder's name)"
        ]
    return []


def _path_problems(text: str, where: str, column: str) -> list[str]:
    """Return what is wrong with a path; a model's name and ``truth`` are not paths."""
    is_word = (column == "model" and not text.endswith(".keras")) or (
        column == "labels" and text == "truth"
    )
    if column == "path" and not text:
        return [f"{where}: is empty; name the file or folder of the data"]
    if not text or is_word:
        return []
    if re.search(r"[\x00-\x1f\x7f]", text):
        return [f"{where}: found {json.dumps(text)}; a path holds no such signs, delete them"]
    expanded = os.path.expandvars(text)
    if exists(split_member(expanded)[0]):
        return []
    unset = [a or b for a, b in re.findall(r"\$(?:(\w+)|\{(\w+)\})", text)]
    for variable in unset:
        if variable not in os.environ:
            return [f"{where}: the environment variable {variable} is not set; export it first"]
    return [f"{where}: found no file or folder '{expanded}'; mend the path or fetch the data"]
