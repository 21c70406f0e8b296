"""What the records of each dataset say: its numbers, and the stage at which it stopped.

Only results count that follow from one another without a gap. After a stage that failed, files of
an earlier run may still lie in the folders of the stages behind it; they are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catomo.errors import UserError
from catomo.network.draft import is_guess
from catomo.plan.chain import source_of
from catomo.record.lock import is_running
from catomo.record.record import Record, read_record
from catomo.stages import record_path, stage_of
from catomo.summary.settings import SummaryRow

# What reading a record ends with that another version, or a person, wrote in another form.
_ODD = (KeyError, TypeError, AttributeError, ValueError)
_BACKGROUND = 0  # the place of the class that is no material


@dataclass(frozen=True)
class Value:
    """A number of a dataset; intervals that are not known are None.

    Attributes
    ----------
    value, low, high : float
        `low` and `high` for this specimen.
    sample_low, sample_high : float
        For what its particles are a sample of.
    unit, method : str
    """

    value: float
    low: float | None = None
    high: float | None = None
    sample_low: float | None = None
    sample_high: float | None = None
    unit: str = ""
    method: str = ""


@dataclass
class Row:
    """A dataset in the summary.

    Attributes
    ----------
    name, title, group : str
    state : str
        ``complete``, ``failed``, ``running``, ``not run`` or ``out of date``.
    stage, line : str
        The first stage that is not complete, and why; empty for a dataset that is complete.
    page : str
        Path of its page beside the summary; empty if it has none.
    verdict : str
        Of the alignment; empty if there is none.
    draft : bool
        Whether its numbers rest on a model that only phantoms taught.
    values : dict of Value
        Its numbers by column, in the order of the stages.
    titles : dict of str
        Titles of its classes by their names.
    records : dict of Record
        All that was read of its own stages, by verb and in order.
    """

    name: str
    title: str
    group: str
    state: str = "complete"
    stage: str = ""
    line: str = ""
    page: str = ""
    verdict: str = ""
    draft: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)


class Results:
    """The records below a folder of results, each read once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._known: dict[Path, tuple[Record | None, str]] = {}

    def record(self, verb: str, name: str) -> tuple[Record | None, str]:
        """Return a stage's record, or None and why it does not count (empty if it is missing)."""
        return self._at(self.place(verb, name), verb)

    def place(self, verb: str, name: str) -> Path:
        """Return where the record of a stage lies."""
        return self.folder / Path(*Path(record_path(verb, name)).parts[1:])

    def _at(self, path: Path, verb: str) -> tuple[Record | None, str]:
        if path not in self._known:
            self._known[path] = None, "is made from itself"
            self._known[path] = self._read(path, verb)
        return self._known[path]

    def _read(self, path: Path, verb: str) -> tuple[Record | None, str]:
        if not path.is_file():
            return None, ""
        try:
            record = read_record(path, verb)
            for word, entry in record["inputs"].items():
                if why := self._why_not(record, word, entry):
                    return None, f"{path}: {why}"
        except UserError as error:
            return None, str(error)
        except _ODD as error:
            return None, _odd_line(path, error)
        return record, ""

    def _why_not(self, record: Record, word: str, entry: dict[str, str]) -> str:
        """Return what is wrong with an input of a record; empty if it still counts."""
        if "stage" not in entry:
            return ""
        place, is_there, is_same = source_of(record, word, entry)
        if place is None:
            return ""
        if not is_same:
            return f"{place} {'has changed' if is_there else 'is missing'} since"
        source, why = self._at(place, entry["stage"])
        return "" if source else f"{place} does not count ({why})"


def read_row(results: Results, asked: SummaryRow, reasons: Mapping[str, str]) -> Row:
    """Return the row of a dataset from the records that there are.

    Parameters
    ----------
    results : Results
    asked : SummaryRow
    reasons : mapping of str to str
        Why stages have no record, or one that does not count, by the path of the record below the
        folder of the workflow.
    """
    row = Row(asked.name, asked.title or asked.name, asked.group)
    for stage in asked.stages.split():
        verb, _, model = stage.partition("/")
        name = model or asked.name
        place = results.place(verb, name)
        reason = reasons.get(str(Path(record_path(verb, name))), "")
        if not reason and is_running(place.parent, verb):
            row.state, row.stage = "running", stage
            break
        record, why = results.record(verb, name)
        if record is not None and not reason and not model:
            why = _take(row, record)
        if record is None or reason or why:
            is_old = why or record is not None
            row.state = "out of date" if is_old else "failed" if reason else "not run"
            row.stage, row.line = stage, reason or why
            break
    return row


def _take(row: Row, record: Record) -> str:
    """Add what a record says to a row; return why it cannot be read, and then add nothing."""
    verb = record["stage"]
    try:
        values, titles = dict(_values(record)), _titles(record)
        verdict = record["verdict"] if verb == "align" else row.verdict
        draft = is_guess(record, row.records.get("slices")) if verb == "predict" else row.draft
    except UserError as error:
        return str(error)
    except _ODD as error:
        return _odd_line(record.path, error)
    row.verdict, row.draft = verdict, draft
    row.records[verb] = record
    row.values |= values
    row.titles |= titles
    if verb == "report":
        row.page = f"{row.name}/{stage_of(verb).folder}/report.html"
    return ""


def _odd_line(path: Path, error: Exception) -> str:
    """Return what is wrong with a record that has another form than this version writes."""
    what = f"lacks {error}" if isinstance(error, KeyError) else f"has another form ({error})"
    return f"{path}: {what}; run snakemake again"


def _values(record: Record) -> Iterator[tuple[str, Value]]:
    """Yield the columns of a record: what a person compares between specimens."""
    stage = record["stage"]
    if stage == "reconstruct":
        yield "residual", Value(record["residual"])
    if stage == "evaluate":
        for number, (name, scores) in enumerate(record["classes"].items()):
            if number != _BACKGROUND:
                yield f"dsc_{name}", _mean(scores["dsc"])
    if stage == "surfaces":
        for name, entry in record["quantities"].items():
            yield name, Value(**{key: entry.get(key) for key in Value.__annotations__})


def _mean(scores: dict[str, Any]) -> Value:
    return Value(scores["mean"], scores.get("low"), scores.get("high"))


def _titles(record: Record) -> dict[str, str]:
    """Return the titles of the classes that a record's settings hold."""
    classes = record["settings"].get("classes", [])
    return {phase["name"]: phase["title"] for phase in classes if phase.get("title")}
