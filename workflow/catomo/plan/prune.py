"""Large files of a dataset that are let go on purpose, so that nothing takes them for lost.

Each can be made again from what is kept, to the same bytes. What was let go stands with its
sha256 in ``pruned.json`` beside the record, which stays as it is: so does all that was made from
it. The stage runs again only when a later one has to read such a file.
"""

from __future__ import annotations

from pathlib import Path

from catomo.errors import UserError
from catomo.record.listed import pruned, write_pruned
from catomo.record.lock import locked
from catomo.record.record import read_record
from catomo.report.crate_text import without
from catomo.stages import STAGES, stage_of

# The files of each stage, and the stage that must have read them before they may go.
_SERIES = {"import": ("tilt_series.tif",), "simulate": ("tilt_series.tif",)}
_ALIGNED = {"align": ("aligned.tif",)}
_VOLUMES = {"simulate": ("truth_density.tif",), "reconstruct": ("volume.tif",)}
_READ_BY = {
    "tilt_series.tif": "align",
    "truth_density.tif": "reconstruct",
    "aligned.tif": "reconstruct",
    "volume.tif": "slices",
}


def prune(dataset: str, volumes: bool = False, results: Path | str = "results") -> str:
    """Let the tilt series and the aligned images of a dataset go, and perhaps its volumes.

    Parameters
    ----------
    dataset : str
    volumes : bool
        Whether the volume goes, too, and the density of a phantom.
    results : path
        The folder of all results.

    Returns
    -------
    str
        One line that says what was let go and how large it was.

    Raises
    ------
    UserError
        If there is no such dataset, a record cannot be read, or a stage that reads such a file
        has not run yet. Then nothing is removed.
    """
    folder = Path(results, dataset)
    if dataset == "models" or not folder.is_dir():
        raise UserError(f"{folder}: found no results of a dataset '{dataset}' there")
    groups = [_SERIES, _ALIGNED, *([_VOLUMES] if volumes else [])]
    going: dict[Path, tuple[str, dict[str, dict[str, object]]]] = {}
    for stage in STAGES:
        names = [name for group in groups for name in group.get(stage.verb, ())]
        place = folder / stage.folder
        if not names or not (place / stage.record).is_file():
            continue
        verbs = [s.verb for s in STAGES if (s.folder, s.record) == (stage.folder, stage.record)]
        record = read_record(place, *verbs)
        there = {n: record["files"][n] for n in names if record.has(n) and (place / n).is_file()}
        for name in there:
            _check_read(folder, name, place / name)
        if there and record["stage"] == stage.verb:
            going[place] = stage.verb, there
    size = 0
    for place, (verb, files) in going.items():
        with locked(place, verb):
            write_pruned(place, verb, pruned(place) | files)
            for name in files:
                size += (place / name).stat().st_size
                (place / name).unlink()
    paths = [place / name for place, (_, files) in going.items() for name in files]
    if not paths:
        return f"{folder}: nothing is there that could be let go"
    page = folder / stage_of("report").folder
    if page.is_dir():
        with locked(page, "report"):
            without(folder, [path.relative_to(folder).as_posix() for path in paths])
    return f"{folder}: let go of {', '.join(map(str, paths))} ({size / 1e6:.1f} MB)"


def _check_read(folder: Path, name: str, path: Path) -> None:
    """Check that the stage that reads a file has done so."""
    reader = stage_of(_READ_BY[name])
    if not (folder / reader.folder / reader.record).is_file():
        raise UserError(
            f"{path}: stays, because {folder / reader.folder} has no {reader.record} yet, which is "
            "made from it; run snakemake first"
        )
