"""Alignment against known truth: catomo beside ETSpy, scikit-image, tomviz and TomoPy.

    python benchmarks/align.py --specimen FILE.yaml ... [--seeds 1 2 3 4 5]
        [--counts 30] [--axis-angle -4] [--cleaning own] [--work FOLDER] [--output FILE.json]
        [--quick]

with ``PYTHONPATH=workflow`` and, for the peers,
``pip install -r requirements.txt etspy==1.3.0 scikit-image`` in an environment of its own. What
the peers are and their settings: `align_peers.py`. TomoPy is no PyPI package; with
the conda environment of envs/tomopy.yaml it takes part.

Every seed is a specimen of its own, drawn and recorded by `catomo simulate`. ``--counts`` (the
background changes with this dose) and ``--axis-angle`` override the specimen file;
``--cleaning`` is `catomo` (a gift to the peers) or `own`, see `align_peers.py`. ``--work`` keeps
the simulated series for the next run. The methods run one after another in one process.

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
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import yaml

from align_peers import Found, cleaned, peers
from catomo.align import align, compare
from catomo.geometry import Geometry
from catomo.record import read_record
from catomo.settings.align import Align
from catomo.settings.tilt_series import Simulate
from catomo.simulate import simulate
from catomo.store import StackReader

DEMO = Path(__file__).parents[1] / "resources" / "phantoms" / "demo-128.yaml"
COLUMNS = {
    "across": "across_rms_px",
    "jitter": "jitter_rms_px",
    "along": "along_rms_px",
    "axis": "axis_error_deg",
    "offset": "offset_error_px",
}
CATOMO, NOTHING = "**catomo**", "as recorded"


def main() -> None:
    options = _options()
    missing = peers()[1]
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for specimen in options.specimen:
            rows: dict[str, list[dict]] = {}
            for seed in options.seeds:
                series = simulated(specimen, seed, options.counts, options.axis_angle, work)
                for name, row in measured(series, work, options.cleaning).items():
                    rows.setdefault(name, []).append(row | {"seed": seed})
                print(f"{specimen.stem}, seed {seed}: done", file=sys.stderr, flush=True)
            title = _title(specimen, options)
            print(f"\n{title}\n\n{table(rows)}\n", flush=True)
            results.append({"title": title, "seeds": options.seeds, "rows": rows})
    for name in missing:
        print(f"{name}: not installed")
    if options.output:
        content = {"results": results, "missing": missing, "versions": _versions()}
        options.output.write_text(json.dumps(content, indent=1))


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
        with _quiet():
            simulate(changed, folder, Simulate(seed=seed))
    return folder


def measured(series: Path, work: Path, cleaning: str) -> dict[str, dict]:
    """Return the errors and seconds of every method on one simulated series."""
    source = read_record(series, "simulate")
    tilt_deg = np.array(source["tilt_deg"])
    truth = true_geometry(series)
    rows = {CATOMO: _catomo(series, work)}
    with StackReader(source.file("tilt_series.tif")) as reader:
        recorded = reader.read()
    rows[NOTHING] = errors(Found(np.zeros((len(tilt_deg), 2))), tilt_deg, truth)
    methods = peers()[0]
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
    """Return the columns of one method; a string is why it failed."""
    if isinstance(found, str):
        return {"failed": found}
    geometry = found.geometry(truth.axis_angle_deg)
    if not np.isfinite([geometry.across, geometry.along]).all():
        return {"failed": "shifts or axis are not finite"}
    true_axis = replace(found, angle_deg=None).geometry(truth.axis_angle_deg)
    seen = compare(geometry, tilt_deg, truth)
    row = {column: seen[key] for column, key in COLUMNS.items()}
    row["jitter"] = compare(true_axis, tilt_deg, truth)["jitter_rms_px"]
    if found.angle_deg is None:
        del row["axis"]
    if found.offset_px is None:
        del row["offset"]
    return row


def true_geometry(series: Path) -> Geometry:
    truth = json.loads((series / "truth.json").read_text())
    across = np.array(truth["across_px"]) + truth["axis_offset_px"]
    return Geometry(truth["axis_angle_deg"], across, np.array(truth["along_px"]))


def table(rows: dict[str, list[dict]]) -> str:
    """Return medians and worst cases as Markdown, with the best peer of every column."""
    columns = [*COLUMNS, "seconds"]
    lines = [f"| method | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    best = {}
    for name, seeds in rows.items():
        cells = []
        for column in columns:
            values = [row[column] for row in seeds if column in row]
            cells.append(f"{np.median(values):.3g} ({max(values):.3g})" if values else "–")
            # A peer that fails on some seeds has no median to beat.
            if len(values) == len(seeds) and name not in (CATOMO, NOTHING):
                best[column] = min(best.get(column, (np.inf, "")), (np.median(values), name))
        failed = sum("failed" in row for row in seeds)
        label = f"{name} (failed {failed}×)" if failed else name
        lines.append(f"| {label} | {' | '.join(cells)} |")
    if best:
        cells = [f"{best[c][0]:.3g} {best[c][1]}" if c in best else "–" for c in columns]
        lines.append(f"| *best peer* | {' | '.join(cells)} |")
    return "\n".join(lines)


def _catomo(series: Path, work: Path) -> dict:
    output = work / f"{series.name}-catomo"
    with _quiet():
        start = time.perf_counter()
        align(series, output, Align())
        seconds = time.perf_counter() - start
    record = read_record(output, "align")
    row = {column: record["truth"][key] for column, key in COLUMNS.items()}
    return row | {"seconds": seconds, "verdict": record["verdict"], "reasons": record["reasons"]}


def _timed(method, *arguments):
    """Return what a peer finds, or why it failed, and the seconds it took."""
    if isinstance(arguments[-1], str):  # the registration before it failed already
        return arguments[-1], 0.0
    start = time.perf_counter()
    try:
        with _quiet():
            found = method(*arguments)
    except Exception as error:  # whatever a peer dies of must not end the comparison
        found = f"{type(error).__name__}: {error}"
    return found, time.perf_counter() - start


@contextlib.contextmanager
def _quiet():
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
    parser.add_argument("--output", type=Path, help="JSON with every figure")
    parser.add_argument("--quick", action="store_true", help="the first seed only")
    options = parser.parse_args()
    if options.quick:
        options.seeds = options.seeds[:1]
    return options


if __name__ == "__main__":
    main()
