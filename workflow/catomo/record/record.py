"""The record of a stage: what it made, from what, with which settings and which code.

Every stage reads folders and writes one folder. The last file it writes there is its
record, a small JSON (named in `catomo.stages.RECORDS`): as long as there is no record,
there is no result. The record holds the sha256 of every file beside it, so the next
stage, `catomo check` and Snakemake all see from a small file whether a big one changed.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catomo import __version__
from catomo.errors import UserError
from catomo.files.folders import split_member
from catomo.files.ome import files_of_set
from catomo.record import code
from catomo.record.hashes import fingerprint, fingerprint_of_labels, sha256_of
from catomo.record.remembered import sha256_of_files
from catomo.settings.base import Settings
from catomo.stages import RECORDS, STAGES


class Record(dict[str, Any]):
    """The content of a record, with the folder it was read from."""

    def __init__(self, path: Path, content: dict[str, Any]):
        super().__init__(content)
        self.path = path
        self.folder = path.parent

    def __missing__(self, name: str) -> Any:
        raise UserError(f"{self.path}: lacks '{name}'; {AGAIN}")

    def file(self, name: str) -> Path:
        """Return the path of a file of this stage, after checking its sha256.

        Raises
        ------
        UserError
            If the stage made no such file, or the file is missing or changed since.
        """
        if name not in self["files"]:
            raise UserError(f"{self.path}: lists no file '{name}', only {sorted(self['files'])}")
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{path}: file is missing though {self.path.name} lists it; rerun it")
        if sha256_of(path) != self["files"][name].get("sha256"):
            raise UserError(
                f"{path}: content differs from the sha256 in {self.path.name}; "
                f"delete {self.path.name} and run the stage '{self['stage']}' again"
            )
        return path

    def has(self, name: str) -> bool:
        """Return whether the stage made a file of this name."""
        return name in self["files"]

    def check_made_from(self, word: str, source: Record) -> None:
        """Check that the input that this stage calls `word` was the record `source` as it is now.

        Raises
        ------
        UserError
            If this stage read another record, or `source` has changed since.
        """
        if self["inputs"].get(word, {}).get("sha256") != sha256_of(source.path):
            raise UserError(
                f"{self.path}: was made from other {word} than {source.path}; run snakemake again"
            )


def read_record(place: Path | str, *verbs: str) -> Record:
    """Read a stage's record from its folder, or from the path of the record itself.

    Parameters
    ----------
    place : path
        The stage's folder (``results/phantom/02_align``) or its record.
    *verbs : str
        The stages the record may be of, such as ``"simulate", "import"``.

    Raises
    ------
    UserError
        If there is no record, or it is of another stage.
    """
    place = Path(place)
    allowed = " or ".join(sorted({RECORDS[verb] for verb in verbs}))
    run_first = f"run {' or '.join(repr(verb) for verb in verbs)} first"
    if place.suffix != ".json":
        paths = [place / RECORDS[verb] for verb in verbs if (place / RECORDS[verb]).is_file()]
        if not paths:
            raise UserError(f"{place}: found no {allowed} there; {run_first}")
        place = paths[0]
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{place}: file not found; {run_first}") from None
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: not readable as JSON ({error}); {AGAIN}") from None
    if not isinstance(content, dict):
        raise UserError(f"{place}: is no record (it must hold keys and values); {AGAIN}")
    if content.get("stage") not in verbs:
        raise UserError(
            f"{place}: is the record of '{content.get('stage')}', expected {' or '.join(verbs)}"
        )
    _check_form(place, content)
    return Record(place, content)


def _check_form(place: Path, content: dict[str, Any]) -> None:
    """Check that what is there of a record has the form in which a stage writes it.

    Raises
    ------
    UserError
        Naming the first key of another form.
    """
    for name, is_right in _FORMS.items():
        if name in content and not is_right(content[name]):
            found = json.dumps(content[name])
            found = found if len(found) <= 40 else f"{found[:37]}..."
            raise UserError(f"{place}: '{name}' is damaged (found {found}); {AGAIN}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_blocks(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(block, dict) for block in value.values())


def _are_files(value: Any) -> bool:
    return _are_blocks(value) and all(isinstance(b.get("sha256", ""), str) for b in value.values())


def _are_inputs(value: Any) -> bool:
    verbs = [stage.verb for stage in STAGES]
    return _are_blocks(value) and all(b.get("stage", verbs[0]) in verbs for b in value.values())


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(_is_number(item) for item in value)


def _are_counts(value: Any) -> bool:
    return _are_numbers(value) and all(isinstance(n, int) and n >= 0 for n in value)


AGAIN = "delete it and run the stage again"

# The form of what all or many records hold.
_FORMS: dict[str, Callable[[Any], bool]] = {
    "code": lambda value: isinstance(value, str),
    "settings": lambda value: isinstance(value, dict),
    "inputs": _are_inputs,
    "files": _are_files,
    "pixel_size_nm": lambda value: value is None or (_is_number(value) and 0 < value < math.inf),
    "shape": lambda value: _are_counts(value) and len(value) == 3 and min(value) > 0,
    "names": lambda value: isinstance(value, list) and all(isinstance(n, str) for n in value),
    **dict.fromkeys(("suggested", "unrecorded_slices", "slices_left_out"), _are_counts),
    # How far the steps of an alignment came, or how many steps a training took.
    "steps": lambda value: (
        isinstance(value.get("known_alignment") or {}, dict)
        if isinstance(value, dict)
        else _is_number(value)
    ),
    "tilt_deg": _are_numbers,
    "order": _are_numbers,
    "axes": lambda value: isinstance(value, list),
    "classes": lambda value: isinstance(value, list | dict),
}


class Output:
    """A stage's folder while it is being written. Made by `committing`."""

    def __init__(self, folder: Path, stage: str):
        self.folder = folder
        self.stage = stage
        self.record: dict[str, Any] = {}
        self.temporary = folder / f".{stage}.partial"
        self._hashed: dict[str, Future[str]] = {}

    def path(self, name: str) -> Path:
        """Return where to write the file `name`; it is renamed when the stage has ended well."""
        path = self.temporary / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def complete(self, name: str) -> None:
        """Say that the file `name` will not change any more.

        It is hashed in a thread of its own from now on: gigabytes take seconds.
        """
        pool = ThreadPoolExecutor(1)
        self._hashed[name] = pool.submit(sha256_of, self.temporary / name)
        pool.shutdown(wait=False)

    def sha256(self, name: str) -> str:
        """Return the sha256 of the file `name`."""
        known = self._hashed.get(name)
        return known.result() if known else sha256_of(self.temporary / name)


@contextmanager
def committing(
    output: Path | str,
    stage: str,
    settings: Settings,
    inputs: Mapping[str, Record | Path] | None = None,
) -> Iterator[Output]:
    """Write a stage's folder as a whole or not at all.

    Inputs are hashed at the start: a person may save other labels while a stage works for
    hours, and the record must name those that the stage began with. Files are written into a
    temporary folder. When the block ends well they are hashed and renamed into place, and the
    record comes last. When it fails, nothing is left. The names of the files are also kept in
    a hidden list, so that after a kill in the middle of the renaming the next run can tell
    these files from a person's own.

    Parameters
    ----------
    output : path
        The stage's folder, or the path of its record in it.
    stage : str
        The verb, a key of `RECORDS`.
    settings : Settings
        The settings used; stored in full.
    inputs : mapping
        What is read, by a word: records of other stages, or raw files. It is read once, at the
        start. A word that ends in ``labels`` means a person's labels.

    Yields
    ------
    Output
        `path(name)` for each file to write; `record` takes the stage's own keys.

    Raises
    ------
    UserError
        If the folder holds a file of that name that catomo did not make.
    """
    output = Path(output)
    folder = output.parent if output.suffix == ".json" else output
    out = Output(folder, stage)
    begun = {
        "stage": stage,
        "catomo": __version__,
        "code": code.code_of(stage),
        "settings": settings.model_dump(mode="json"),
        "inputs": {
            word: identity(source, word.endswith("labels"))
            for word, source in sorted((inputs or {}).items())
        },
        "versions": code.versions_of(stage),
    }
    shutil.rmtree(out.temporary, ignore_errors=True)
    out.temporary.mkdir(parents=True)
    try:
        yield out
        _commit(out, begun)
    finally:
        shutil.rmtree(out.temporary, ignore_errors=True)


def _commit(out: Output, begun: dict[str, Any]) -> None:
    """Move the files of a stage into its folder, then write its record."""
    target = out.folder / RECORDS[out.stage]
    written = sorted(p for p in out.temporary.rglob("*") if p.is_file())
    names = [p.relative_to(out.temporary).as_posix() for p in written]
    list_of_files = out.folder / f".{out.stage}.files"
    former = set(list_of_files.read_text().splitlines()) if list_of_files.is_file() else set()
    for name in [*names, target.name]:
        if (out.folder / name).exists() and name not in former:
            raise UserError(
                f"{out.folder / name}: exists and was not made by catomo; "
                "move it away or choose another --output"
            )
    record = {
        **begun,
        "files": {
            name: {"sha256": out.sha256(name), "bytes": path.stat().st_size}
            for name, path in zip(names, written, strict=True)
        },
        **out.record,
    }
    text = json.dumps(_plain(record), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    _write_lines(list_of_files, {*former, *names, target.name})
    target.unlink(missing_ok=True)
    for name in former - {*names, target.name}:
        (out.folder / name).unlink(missing_ok=True)
        for folder in list(Path(name).parents)[:-1]:
            with suppress(OSError):  # it holds other files, or is gone already
                (out.folder / folder).rmdir()
    for name, path in zip(names, written, strict=True):
        (out.folder / name).parent.mkdir(parents=True, exist_ok=True)
        path.replace(out.folder / name)
    last = out.temporary / target.name
    last.write_text(text)
    last.replace(target)
    _write_lines(list_of_files, {*names, target.name})


def _write_lines(path: Path, names: set[str]) -> None:
    path.write_text("".join(f"{name}\n" for name in sorted(names)))


def identity(source: Record | Path, are_labels: bool) -> dict[str, str]:
    """Return what identifies an input by its content; the folder that it lies in does not count.

    Parameters
    ----------
    source : Record or path
        The record of another stage, or a file or folder of a person.
    are_labels : bool
        Whether a folder holds labels, of which only the label files count.
    """
    if isinstance(source, Record):
        return {"stage": source["stage"], "sha256": sha256_of(source.path)}
    source, _ = split_member(source)
    if source.is_dir():
        made_of = fingerprint_of_labels if are_labels else fingerprint
        return {"folder": source.name, "fingerprint": made_of(source)}
    found = {"file": source.name, "sha256": sha256_of_files([source])[0]}
    return found | ({"fingerprint": fingerprint(source)} if files_of_set(source) else {})


def _plain(value: Any) -> Any:
    """Return a value in JSON's types: NumPy's become plain, NaN and infinity become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
