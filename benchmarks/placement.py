"""Does the test of placement tell particles at apexes from chance? Phantoms by seed.

    PYTHONPATH=workflow python benchmarks/placement.py FOLDER [--size 128] [--seeds 201 220]
        [--kinds facet_apex random clustered facet_valley] [--model MODEL] [--relief 2]
        [--model-seeds 955 951] [--cheap 100] [--quick]

Each seed draws another plate: thickness, corrugation, turns, pores, number, size and depth of the
particles. Its labels are the true ones, without a tilt series; with `--model`, a tilt series of it
is simulated, aligned, reconstructed and labelled by that model (a folder of stage 05, which must
not have learnt from these seeds). `--model-seeds` teach such a model first, in FOLDER/model, by the
truth of so many other plates of the same size and relief. A larger plate is taken with the same
dose, so that it gives more counts, and with more tilts, as it needs. Of each kind of placement the
table gives in how many phantoms a test rejects chance (p < 0.05), and whether its p-values are
evenly spread (Kolmogorov and Smirnov), as they are where chance placed the particles.

`placement_<labels>_<size>px.csv` in FOLDER holds a row per phantom, so that an interrupted run goes
on. Without that file all is measured anew.

Of particles that chance placed, the row `specimen` tells how rare the phantom itself is: its true
distances to the nearest apex beside those of 199 other sets that the same phantom may draw. That
needs neither labels nor the random places of the test. Where these values are not evenly spread,
the specimens themselves are unusual, and those of the test cannot be evenly spread either.

With `--cheap` only one phantom per seed is measured; the places of so many other random particles
on it go straight through the test of distances to apexes, whose p-values must be evenly spread.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import yaml
from scipy.spatial import cKDTree
from scipy.stats import kstest

from catomo.errors import UserError
from catomo.files.store import read_pages
from catomo.labels.settings import Particles
from catomo.phantom.placement import draw_spheres
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import FULL, PARTICLES, PLATE, labels_of
from catomo.phantom.specimen import _draw_pores, _facets, plate_frame, render_specimen
from catomo.predict.settings import Predict
from catomo.reconstruct.settings import Reconstruct
from catomo.record.record import read_record
from catomo.surfaces.envelope import envelope_test
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import Measured, Roles, _relief_with_seats, _specimen
from catomo.surfaces.particles import measure_particles
from catomo.surfaces.placement import _Null, _Rooms
from catomo.surfaces.pores import hulls_of
from catomo.surfaces.settings import Surfaces
from catomo.train.settings import Train
from quantities import TRAINING, reconstructed

PIXEL_NM, FINER, HULL_NM = 0.25, 2, 1.5
ITERATIONS = 40  # as in the demo, whose model is at hand
STEPS = 300  # of a model that other plates teach
KINDS = ["facet_apex", "random", "clustered", "facet_valley"]
TESTS = ["apex", "facets", "neighbour"]
COLUMNS = ["kind", "seed", "particles", "apex_share", *TESTS, "specimen"]
OTHER_SETS = 199


def draw(kind: str, seed: int, size: int, relief: float = 1.0) -> tuple[np.ndarray, Specimen]:
    """Return the labels of a phantom; another is drawn where particles or pores find no room.

    With `relief` ridges are so many times as broad and high, on a plate with the same core.
    """
    for attempt in range(50):
        rng = np.random.default_rng([seed, 41, attempt])
        scale = size / 128
        period = rng.uniform(5, 8)
        thickness, edge = rng.uniform(6, 9) * scale, rng.uniform(15, 19) * scale
        depth = rng.uniform(1.2, min(1.8, period / 2.83))
        content = {
            "shape_px": [size, size, size],
            "pixel_size_nm": PIXEL_NM,
            "render_oversampling": FINER,
            "plate": {
                "thickness_nm": thickness + 2 * (relief - 1) * depth,
                "edge_nm": edge,
                "corrugation_period_nm": relief * period,
                "corrugation_depth_nm": relief * depth,
                "rotation_deg": rng.uniform([-15, -15, 0], [15, 15, 180]).tolist(),
            },
            "pores": {
                "count": int(rng.integers(0, 7)),
                "width_nm": [1.2, 2.8],
                "length_nm": [4, 12],
                "open_fraction": float(rng.uniform(0.3, 0.7)),
                "aligned": bool(rng.random() < 0.5),
            },
            "particles": {
                "count": int(rng.integers(15, 31)),
                "median_diameter_nm": rng.uniform(1.6, 2.4),
                "sigma_log": rng.uniform(0.1, 0.3),
                "clip_nm": [1.0, 4.0],
                "placement": kind,
                "embedded_fraction": float(rng.uniform(0.15, 0.45)),
            },
            "contrast": {"plate": 1.0, "particles": 19.5},
            "acquisition": {
                "tilt_deg": [-76, 76, 4 / scale], "probe_sigma_px": 0.6,
                "counts_mid_plate": 150 * scale,
                "background_counts": 15, "max_shift_px": 3, "axis_angle_deg": 1.0,
                "axis_offset_px": 1.0, "bad_pixel_fraction": 0.0,
            },
            "film": None,
            "seeds": [seed],
        }  # fmt: skip
        try:
            specimen = Specimen.model_validate(content)
            phantom = render_specimen(specimen, seed)
        except UserError:
            continue
        parts = {PLATE: 1, PARTICLES: 2}
        shares = ({k: v * FULL for k, v in one.items()} for one in phantom.shares())
        labels = np.stack([labels_of(one, parts, FULL) for one in shares]).astype(np.uint8)
        return labels, specimen
    raise SystemExit(f"seed {seed}: no specimen found room for its particles")


def measured(labels: np.ndarray, seed: int) -> Measured:
    """Return what is measured of labels, without the quantities that placement does not need."""
    names = [phase.name for phase in Surfaces().classes]
    roles = Roles(names, names[1], Particles(), HULL_NM, seed=seed)
    frame = Frame.of(labels.shape)
    hulls = hulls_of(labels == 1, HULL_NM / PIXEL_NM, frame)
    around = _specimen(labels, len(names), 1, hulls, frame)
    particles = measure_particles(labels, 2, Particles(), PIXEL_NM, around)
    relief, seats, found = _relief_with_seats(labels, hulls, roles, frame, particles)
    return Measured({}, particles, relief, seats, found, [])


def sliced(place: Path, kind: str, seed: int, options: argparse.Namespace) -> Path:
    """Return the slices of a phantom's aligned and reconstructed tilt series."""
    if not (place / "specimen.yaml").is_file():
        place.mkdir(parents=True, exist_ok=True)
        content = draw(kind, seed, options.size, options.relief)[1].model_dump(mode="json")
        (place / "specimen.yaml").write_text(yaml.safe_dump(content))
    return reconstructed(place, seed, Reconstruct(iterations=ITERATIONS))


def taught(options: argparse.Namespace) -> Path:
    """Return the model that learnt from the truth of other seeds, trained if need be."""
    from catomo.train.stage import train  # late: TensorFlow takes long to start

    folder = options.folder / "model"
    if not (folder / "training.json").is_file():
        data = [
            (f"seed{seed}", sliced(options.folder / f"taught_{seed}", KINDS[0], seed, options))
            for seed in options.model_seeds
        ]
        learning = TRAINING | {"steps": STEPS, "learning_rate": 2e-3}
        train([(*one, "truth") for one in data], folder, Train.model_validate(learning))
    return folder


def predicted(place: Path, kind: str, seed: int, options: argparse.Namespace) -> np.ndarray:
    """Return the labels that a model gives the slices of a phantom's tilt series."""
    from catomo.predict.stage import predict  # late: TensorFlow takes long to start

    if not (place / "06" / "prediction.json").is_file():
        slices = sliced(place, kind, seed, options)
        predict(slices, options.model, place / "06", Predict(threads=1))
    return read_pages(read_record(place / "06", "predict").file("labels.tif"))


def row_of(kind: str, seed: int, options: argparse.Namespace) -> dict:
    """Return the row of a phantom."""
    if options.model:
        place = options.folder / f"{options.size}px_{kind}_{seed}"
        what, own = measured(predicted(place, kind, seed, options), seed), None
    else:
        labels, specimen = draw(kind, seed, options.size, options.relief)
        what = measured(labels, seed)
        own = how_rare(what, specimen, seed) if kind == "random" else None
    found = what.placement
    assert found is not None
    assert what.particles is not None
    share = found.at_apex[found.tested].mean() if found.apex_by_chance is not None else None
    told = {key: found.tests[key] for key in TESTS}
    return {
        "kind": kind, "seed": seed, "particles": int(what.particles.kept.sum()),
        "apex_share": share, "specimen": own,
        **{key: None if isinstance(one, str) else one.envelope.p for key, one in told.items()},
    }  # fmt: skip


def how_rare(what: Measured, specimen: Specimen, seed: int) -> float | None:
    """Return the p-value of a phantom's particles among other sets of the same phantom."""
    assert what.relief is not None
    assert what.seats is not None
    apexes = what.relief.points(True, but=what.seats.walls.planes)
    if not len(apexes):
        return None
    rng = np.random.default_rng([seed, 0])  # as the phantom itself is drawn
    pores = _draw_pores(specimen, rng)
    others = (np.random.default_rng([number, seed, 77]) for number in range(OTHER_SETS))
    feet = [_feet(specimen, draw_spheres(specimen, pores, one)) for one in (rng, *others)]
    away = np.sort(cKDTree(apexes).query(np.stack(feet))[0], axis=1)
    grid = np.linspace(0, np.percentile(away[1:], 99), 65)[1:]
    own, *other = (_share_within(row, grid) for row in away)
    return envelope_test(own, np.stack(other)).p


def cheap(seed: int, size: int, count: int) -> np.ndarray:
    """Return the p-values of so many sets of random particles on one phantom."""
    labels, specimen = draw("random", seed, size)
    found = measured(labels, seed)
    relief, particles, seats = found.relief, found.particles, found.seats
    assert relief is not None
    assert particles is not None
    assert seats is not None
    tested, rng = particles.whole & seats.has_rim, np.random.default_rng(seed)
    rooms = _Rooms(relief, particles, seats, tested, Frame.of(labels.shape), rng)
    null = _Null(relief, rooms, seats)
    apexes, surface = cKDTree(null.apexes), cKDTree(relief.bare.points)
    drawn = np.sort(apexes.query(null._points[:-1])[0], axis=1)
    grid = np.linspace(0, np.percentile(drawn, 99), 65)[1:]
    curves = np.stack([_share_within(row, grid) for row in drawn])
    pores = _draw_pores(specimen, np.random.default_rng([seed, 0]))
    p = []
    for number in range(count):
        spheres = draw_spheres(specimen, pores, np.random.default_rng([number, 77]))
        seat = surface.query(_feet(specimen, spheres))[1]
        away = apexes.query(relief.bare.points[seat])[0]
        p.append(envelope_test(_share_within(np.sort(away), grid), curves).p)
    return np.array(p)


def _share_within(ordered: np.ndarray, grid: np.ndarray) -> np.ndarray:
    return np.searchsorted(ordered, grid, "right") / len(ordered)


def _feet(specimen: Specimen, spheres: list[tuple[np.ndarray, float]]) -> np.ndarray:
    """Return where spheres sit, in px: on the plane that is as far below as they are high."""
    frame = plate_frame(specimen)
    centres = np.array([frame @ centre for centre, _ in spheres])[:, [1, 2, 0]]
    diameters = np.array([diameter for _, diameter in spheres])
    above = (0.5 - specimen.particles.embedded_fraction) * diameters
    planes = _facets(specimen, frame)
    normals = np.array([plane["normal"] for plane in planes])
    heights = centres @ normals.T - [plane["offset_nm"] for plane in planes]
    own = normals[np.abs(heights - above[:, None]).argmin(axis=1)]
    middle = (np.array(specimen.shape_px) - 1) / 2
    return (centres - above[:, None] * own) / specimen.pixel_size_nm + middle


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs=2, default=(201, 220))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:3])
    parser.add_argument("--model", type=Path, help="a folder of stage 05; default: true labels")
    parser.add_argument("--model-seeds", type=int, nargs="+", help="teach a model by these seeds")
    parser.add_argument("--relief", type=float, default=1.0, help="how much larger ridges are")
    parser.add_argument("--cheap", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="two seeds of 96 px")
    options = parser.parse_args()
    if options.quick:
        options.size, options.seeds = 96, (options.seeds[0], options.seeds[0] + 1)
    if options.cheap:
        print("| seed | draws | p < 0.05 | evenly spread (KS) |")
        print("| --- | --- | --- | --- |")
        for seed in range(options.seeds[0], options.seeds[1] + 1):
            found = cheap(seed, options.size, options.cheap)
            spread = kstest(found, "uniform").pvalue
            low = np.count_nonzero(found < 0.05)
            print(f"| {seed} | {len(found)} | {low} | {spread:.2f} |", flush=True)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.model_seeds:
        options.model = taught(options)
    labels = "model" if options.model else "truth"
    path = options.folder / f"placement_{labels}_{options.size}px.csv"
    rows = list(csv.DictReader(path.open())) if path.is_file() else []
    done = {(row["kind"], int(row["seed"])) for row in rows}
    wanted = range(options.seeds[0], options.seeds[1] + 1)
    for kind, seed in ((kind, seed) for kind in options.kinds for seed in wanted):
        if (kind, seed) in done:
            continue
        rows.append(row_of(kind, seed, options))
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    print("| placement | phantoms | test | not judged | p < 0.05 | evenly spread (KS) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for kind in options.kinds:
        here = [row for row in rows if row["kind"] == kind and int(row["seed"]) in wanted]
        for test in [*TESTS, "specimen"]:
            p = np.array([float(row[test]) for row in here if row[test] not in ("", None)])
            if test == "specimen" and not len(p):
                continue
            even = f"{kstest(p, 'uniform').pvalue:.2f}" if len(p) else "–"
            print(
                f"| {kind} | {len(here)} | {test} | {len(here) - len(p)} | {(p < 0.05).sum()} | "
                f"{even} |"
            )


if __name__ == "__main__":
    main()
