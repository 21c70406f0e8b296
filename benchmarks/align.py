"""Alignment against known truth: catomo beside ETSpy, scikit-image, tomviz and TomoPy.

    python benchmarks/align.py --specimen FILE.yaml ... [--seeds 1 2 3 4 5]
        [--counts 30] [--axis-angle -4] [--cleaning own] [--only catomo] [--work FOLDER]
        [--json FILE] [--quick]

with ``PYTHONPATH=workflow`` and, for the peers,
``pip install -r requirements.txt etspy==1.3.0 scikit-image`` in an environment of its own. What
the peers are and their settings: `align_peers.py`. TomoPy is no PyPI package; with
the conda environment of envs/tomopy.yaml it takes part.

Every seed is a specimen of its own, drawn and recorded by `catomo simulate`. ``--counts`` (the
background changes with this dose) and ``--axis-angle`` override the specimen file;
``--cleaning`` is `catomo` (a gift to the peers) or `own`, see `align_peers.py`. ``--work`` keeps
the simulated series for the next run; ``--only`` runs one package (TomoPy comes with tomviz). The
methods run one after another in one process.

The JSON holds ``<specimen>.<method>``: medians over the seeds by the names in `COLUMNS`,
the worst of each under ``worst``, every seed under ``seeds``; the specimen is the file's name
without ``-256``.

Columns, in px and degrees, each the median over the seeds and in brackets the worst:

across  RMS error across the tilt axis. Only a·cos θ + b·sin θ is removed: it is a movement
        of the specimen, which no image can tell from a misalignment. The offset counts.
jitter  the same across the true axis and with the offset removed too: what is left once the
        axis is found perfectly.
along   RMS error along the axis but for a constant (again the specimen's place).
axis    error of the tilt axis' angle. tomviz searches on a grid of 0.1°: when the truth lies on
        it (1.7° does) its error can be exactly 0.
offset  error of the axis' place, for methods that say where it is.
seconds wall clock of the whole method, cleaning included for peers; for catomo with reading,
        resampling, pictures and writing.

A method that does not find the axis angle is measured along the true one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import platform
import re
import sys
import tempfile
import time
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import yaml

from align_peers import Found, cleaned, peers
from catomo.align.geometry import Geometry
from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.align.truth import compare
from catomo.files.store import StackReader
from catomo.record.record import read_record
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate

DEMO = Path(__file__).parents[1] / "resources" / "phantoms" / "demo-128.yaml"
COLUMNS = {
    "across_rms_px": "across",
    "jitter_rms_px": "jitter",
    "along_rms_px": "along",
    "axis_error_deg": "axis",
    "offset_error_px": "offset",
    "seconds": "seconds",
}
CATOMO, NOTHING = "catomo", "as recorded"


def main() -> None:
    options = _options()
    missing = peers()[1]
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for specimen in options.specimen:
            rows: dict[str, list[dict]] = {}
            for seed in options.seeds:
                series = simulated(specimen, seed, options.counts, options.axis_angle, work)
                for name, row in measured(series, work, options.cleaning, options.only).items():
                    rows.setdefault(name, []).append({"seed": seed} | row)
                print(f"{specimen.stem}, seed {seed}: done", file=sys.stderr, flush=True)
            print(f"\n{_title(specimen, options)}\n\n{table(rows)}\n", flush=True)
            figures[specimen.stem.removesuffix("-256")] = {
                key_of(name): summary(seeds) for name, seeds in rows.items()
            }
    for name in missing:
        print(f"{name}: not installed")
    if options.json:
        asked = ("seeds", "counts", "axis_angle", "cleaning", "only", "quick")
        conditions = {name: getattr(options, name) for name in asked}
        content = {"conditions": conditions, "missing": missing, "versions": _versions()}
        options.json.write_text(json.dumps(figures | content, indent=1) + "\n")


def simulated(specimen: Path, seed: int, counts, axis_angle, work: Path) -> Path:
    """Return the folder of a simulated series, made unless `work` holds it."""
    content = yaml.safe_load(specimen.read_text())
    acquisition = content["acquisition"]
    if counts is not None:  # another dose: the background counts change with it
        acquisition["background_counts"] *= counts / acquisition["counts_mid_plate"]
        acquisition["counts_mid_plate"] = counts
    if axis_angle is not None:
        acquisition["axis_angle_deg"] = axis_angle
    name = f"{specimen.stem}-{acquisition['counts_mid_plate']:g}-{acquisition['axis_angle_deg']:g}"
    work.mkdir(parents=True, exist_ok=True)
    changed, folder = work / f"{name}.yaml", work / f"{name}-{seed}"
    if not (folder / "tilt_series.json").is_file():
        changed.write_text(yaml.safe_dump(content))
        with quiet():
            simulate(changed, folder, Simulate(seed=seed))
    return folder


def measured(series: Path, work: Path, cleaning: str, only: str | None) -> dict[str, dict]:
    """Return the errors and seconds of the methods asked for on one simulated series."""
    source = read_record(series, "simulate")
    tilt_deg = np.array(source["tilt_deg"])
    truth = true_geometry(series)
    rows = {CATOMO: _catomo(series, work, tilt_deg, truth)} if _asked(CATOMO, only) else {}
    with StackReader(source.file("tilt_series.tif")) as reader:
        recorded = reader.read()
    if _asked(NOTHING, only):
        rows[NOTHING] = errors(Found(np.zeros((len(tilt_deg), 2))), tilt_deg, truth)
    methods = [m for m in peers()[0] if _asked(m[0], only)]
    prepared = {p: _timed(cleaned, p, cleaning, recorded) for p in sorted({m[0] for m in methods})}
    for package, method, register, axis_steps in methods:
        name = f"{package} {method}"
        images, seconds = prepared[package]
        found, registering = _timed(register, images, tilt_deg)
        seconds += registering
        rows[name] = errors(found, tilt_deg, truth) | {"seconds": seconds}
        for step, find_axis in axis_steps.items():
            refined, finding = _timed(find_axis, images, tilt_deg, found)
            finding += seconds
            rows[f"{name}, {step}"] = errors(refined, tilt_deg, truth) | {"seconds": finding}
    return rows


def errors(found: Found | str, tilt_deg, truth: Geometry) -> dict:
    """Return the columns of one method but for the seconds; a string is why it failed."""
    if isinstance(found, str):
        return {"failed": found}
    geometry = found.geometry(truth.axis_angle_deg)
    if not np.isfinite([geometry.across, geometry.along]).all():
        return {"failed": "shifts or axis are not finite"}
    row = _errors(geometry, tilt_deg, truth)
    if found.angle_deg is None:
        del row["axis_error_deg"]
    if found.offset_px is None:
        del row["offset_error_px"]
    return row


def _errors(geometry: Geometry, tilt_deg, truth: Geometry) -> dict:
    seen = compare(geometry, tilt_deg, truth)
    true_axis = geometry.turned(truth.axis_angle_deg - geometry.axis_angle_deg)
    seen["jitter_rms_px"] = compare(true_axis, tilt_deg, truth)["jitter_rms_px"]
    return {column: seen[column] for column in COLUMNS if column in seen}


def true_geometry(series: Path) -> Geometry:
    truth = json.loads((series / "truth.json").read_text())
    across = np.array(truth["across_px"]) + truth["axis_offset_px"]
    return Geometry(truth["axis_angle_deg"], across, np.array(truth["along_px"]))


def key_of(name: str) -> str:
    """Return the name of a method as a key: ``ETSpy StackReg`` is ``etspy_stackreg``."""
    return re.sub("[^a-z0-9]+", "_", name.lower())


def summary(seeds: list[dict]) -> dict:
    """Return median and worst of each column over the seeds that have it, and the seeds."""
    values = {column: [row[column] for row in seeds if column in row] for column in COLUMNS}
    values = {column: found for column, found in values.items() if found}
    medians = {column: float(np.median(found)) for column, found in values.items()}
    return medians | {
        "worst": {column: max(found) for column, found in values.items()},
        "failed": sum("failed" in row for row in seeds),
        "seeds": seeds,
    }


def table(rows: dict[str, list[dict]]) -> str:
    """Return medians and worst cases as Markdown, with the best peer of every column."""
    lines = [f"| method | {' | '.join(COLUMNS.values())} |", "| --- |" + " --- |" * len(COLUMNS)]
    best = {}
    for name, seeds in rows.items():
        found = summary(seeds)
        cells = []
        for column in COLUMNS:
            known = column in found["worst"]
            cells.append(f"{found[column]:.3g} ({found['worst'][column]:.3g})" if known else "–")
            # A peer that fails on some seeds has no median to beat.
            if known and not found["failed"] and name not in (CATOMO, NOTHING):
                best[column] = min(best.get(column, (np.inf, "")), (found[column], name))
        label = f"{name} (failed {found['failed']}×)" if found["failed"] else name
        lines.append(f"| {label} | {' | '.join(cells)} |")
    if best:
        cells = [f"{best[c][0]:.3g} {best[c][1]}" if c in best else "–" for c in COLUMNS]
        lines.append(f"| *best peer* | {' | '.join(cells)} |")
    return "\n".join(lines)


def _asked(name: str, only: str | None) -> bool:
    return not only or key_of(name) == only


def _catomo(series: Path, work: Path, tilt_deg, truth: Geometry) -> dict:
    output = work / f"{series.name}-catomo"
    with quiet():
        start = time.perf_counter()
        align(series, output, Align())
        seconds = time.perf_counter() - start
    record = read_record(output, "align")
    across = np.array(record["across_px"]) + record["axis_offset_px"]
    geometry = Geometry(record["axis_angle_deg"], across, np.array(record["along_px"]))
    row = _errors(geometry, tilt_deg, truth) | {"seconds": seconds}
    return row | {"verdict": record["verdict"], "reasons": record["reasons"]}


def _timed(method, *arguments):
    """Return what a peer finds, or why it failed, and the seconds it took."""
    if isinstance(arguments[-1], str):  # the registration before it failed already
        return arguments[-1], 0.0
    start = time.perf_counter()
    try:
        with quiet():
            found = method(*arguments)
    except Exception as error:  # whatever a peer dies of must not end the comparison
        found = f"{type(error).__name__}: {error}"
    return found, time.perf_counter() - start


@contextlib.contextmanager
def quiet():
    with (
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _title(specimen: Path, options) -> str:
    changes = [f"{options.counts:g} counts"] if options.counts else []
    if options.axis_angle is not None:
        changes.append(f"axis at {options.axis_angle:g}°")
    if options.cleaning == "own":
        changes.append("peers' own cleaning")
    seeds = f"{len(options.seeds)} seed{'s' if len(options.seeds) > 1 else ''}"
    return ", ".join([f"**{specimen.stem}**", *changes, seeds])


def _versions() -> dict:
    packages = ("numpy", "scipy", "numba", "etspy", "scikit-image", "pystackreg", "tomopy")
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specimen", type=Path, nargs="+", default=[DEMO])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--counts", type=float, help="counts of a plain piece of plate at 0°")
    parser.add_argument("--axis-angle", type=float, help="degrees")
    parser.add_argument("--cleaning", choices=["catomo", "own"], default="catomo")
    parser.add_argument("--work", type=Path, help="folder for the simulated series")
    parts = ("catomo", "as_recorded", "etspy", "scikit_image", "tomviz")
    parser.add_argument("--only", choices=parts, help="one package alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--quick", action="store_true", help="the first seed only")
    options = parser.parse_args()
    if options.quick:
        options.seeds = options.seeds[:1]
    return options


if __name__ == "__main__":
    main()
