"""align: a series spoilt in a usual way gets a warning that names it; a good one passes."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from catomo.files.store import StackReader
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.record.record import read_record
from catomo.tilt_series.import_series import import_tilt_series
from catomo.tilt_series.settings import ImportSeries, Simulate
from catomo.tilt_series.simulate import simulate
from helpers.balls import BALLS, SIZE, TILTS, good_series, phantom, project, run, write_series

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"
FILM = {"thickness_nm": 5, "contrast": 0.35, "texture_sigma_nm": 1.5, "texture_amplitude": 0.25}
MIDDLE = int(np.argmin(np.abs(TILTS)))  # -2°, the nearest to 0° with that at 2°


def exchange(one, other):
    def change(images):
        images[[one, other]] = images[[other, one]]
        return images

    return change


def in_order_of_acquisition(images):
    return images[[*range(MIDDLE, len(TILTS)), *range(MIDDLE - 1, -1, -1)]]


def in_turns(images):
    outwards = [MIDDLE + (k + 1) // 2 * (1 if k % 2 else -1) for k in range(len(TILTS))]
    return images[outwards]


def thrown_about(images):
    far = np.random.default_rng(4).uniform(-0.4, 0.4, (len(images), 2)) * SIZE
    moved = np.full_like(images, 7.0)
    for image, target, (y, x) in zip(images, moved, far.astype(int), strict=True):
        rows, columns = np.indices(image.shape)
        inside = (rows - y >= 0) & (rows - y < SIZE) & (columns - x >= 0) & (columns - x < SIZE)
        target[inside] = image[rows[inside] - y, columns[inside] - x]
    return moved


def blank(images):
    images[7] = 7.0
    return images


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (exchange(9, 16), ["-30° is not what", "-2° is not what", "it resembles -30°"]),
        pytest.param(
            exchange(3, 29),
            ["-54° is not what", "50° is not what", "it resembles -54°"],
            marks=pytest.mark.thorough,
        ),
        (blank, ["the images at -38° show nothing"]),
        (in_order_of_acquisition, ["in the order of acquisition, up from 0° and then down"]),
        (in_turns, ["in the order of acquisition, up and down in turns from 0°"]),
        (thrown_about, ["outside the recorded frame"]),
    ],
)
def test_the_cause_is_named(tmp_path, change, words):
    record, _ = run(phantom(tmp_path / "series", noise=True, change=change), tmp_path / "out")
    assert record["verdict"] in ("warn", "stop")
    said = "; ".join(record["reasons"])
    assert all(word in said for word in words), said


@pytest.mark.parametrize(("factor", "word"), [(0.5, "twice"), (2.0, "half")])
def test_a_wrong_step_is_named(tmp_path, factor, word):
    tilts = TILTS if factor == 0.5 else TILTS / 2
    across, along = np.random.default_rng(8).uniform(-4, 4, (2, len(tilts)))
    images = project(BALLS, 1.0, across, along, tilts=tilts) + 7.0
    record, _ = run(write_series(tmp_path / "series", images, tilts * factor), tmp_path / "out")
    assert record["verdict"] == "stop"
    assert f"if the true angles are {word} the given ones" in record["reasons"][0]


def recorded(taken=TILTS):
    """Return noisy images taken at angles, with shifts that follow the tilt."""
    across, along = np.random.default_rng(8).uniform(-4, 4, (2, len(TILTS)))
    by_tilt = np.searchsorted(TILTS, taken)
    images = project(BALLS, 1.0, across, along) + 7.0
    return np.random.default_rng(9).poisson(4 * images).astype(np.float32)[by_tilt]


def in_turns_by(group):
    """Return the angles of a dose-symmetric scheme: a group up, a group down, and so on."""
    up, down = TILTS[MIDDLE + 1 :].tolist(), TILTS[:MIDDLE][::-1].tolist()
    taken = [TILTS[MIDDLE]]
    for k in range(0, len(TILTS), group):
        taken += up[k : k + group] + down[k : k + group]
    return taken


def imported(folder, series, angles=None, **settings):
    import_tilt_series(series, folder / "01", ImportSeries(**settings), angles, 0.5)
    return run(folder / "01", folder / "02")[0]


@pytest.mark.parametrize(
    "listed",
    [
        in_turns_by(3),
        pytest.param(in_turns_by(1), marks=pytest.mark.thorough),
        pytest.param([*TILTS[MIDDLE:], *TILTS[:MIDDLE][::-1]], marks=pytest.mark.thorough),
    ],
)
def test_a_sorted_stack_with_angles_in_order_of_acquisition_is_stopped(tmp_path, listed):
    """As after newstack -reorder: the .mdoc keeps the order of acquisition."""
    tifffile.imwrite(tmp_path / "a.tif", recorded())
    sections = [f"[ZValue = {z}]\nTiltAngle = {tilt}\n" for z, tilt in enumerate(listed)]
    (tmp_path / "a.tif.mdoc").write_text("\n".join(sections))
    record = imported(tmp_path / "before", tmp_path / "a.tif")
    assert record["verdict"] == "stop"
    reason = record["reasons"][0]
    assert "the images are sorted by tilt while the angles are in the order of acqu" in reason
    way_out = "set tilt_series.import.angle_order: ascending"
    assert reason.endswith(way_out)
    # The way out gives the series that passes in the next test.
    ascending = ImportSeries(angle_order="ascending")
    import_tilt_series(tmp_path / "a.tif", tmp_path / "after", ascending, None, 0.5)
    record = read_record(tmp_path / "after", "import")
    assert record["tilt_deg"] == TILTS.tolist()
    with StackReader(record.file("tilt_series.tif")) as reader:
        assert np.array_equal(reader.read(), recorded())


def test_a_stack_in_the_order_of_names_is_stopped(tmp_path):
    """As a program stacks files whose minus it does not count; the angles are listed ascending."""
    by_text = np.argsort([f"{tilt:+.0f}" for tilt in TILTS], kind="stable")
    tifffile.imwrite(tmp_path / "a.tif", recorded()[by_text])
    angles = tmp_path / "a.tlt"
    angles.write_text("".join(f"{tilt:g}\n" for tilt in TILTS))
    record = imported(tmp_path / "before", tmp_path / "a.tif", angles)
    assert record["verdict"] == "stop"
    reason = record["reasons"][0]
    assert "the images are in the order of their names, where the angles are text" in reason
    assert "copy suggested_angles.tlt, written beside this alignment, to the series" in reason
    assert "name the copy in the column 'angles'" in reason
    suggested = (tmp_path / "before" / "02" / "suggested_angles.tlt").read_bytes()
    (tmp_path / "right.tlt").write_bytes(suggested)
    angles.unlink()
    record = imported(tmp_path / "after", tmp_path / "a.tif", tmp_path / "right.tlt")
    assert record["verdict"] == "pass", record["reasons"]
    assert "suggested_angles.tlt" not in record["files"]


def test_misplaced_tilts_are_suggested_for_exclusion(tmp_path):
    series = phantom(tmp_path / "series", change=exchange(9, 16))
    record, _ = run(series, tmp_path / "out")
    assert record["suggested_exclusions_deg"] == [-30.0, -2.0]


def test_reversed_angles_give_the_exact_mirror(tmp_path):
    across, along = np.random.default_rng(6).uniform(-4, 4, (2, len(TILTS)))
    images = project(BALLS, 1.5, across, along) + 7.0
    volumes, shifts = [], []
    for name, order in (("right", 1), ("reversed", -1)):
        series = write_series(tmp_path / name, images[::order])
        record, _ = run(series, tmp_path / f"{name}-aligned")
        assert record["verdict"] == "pass", record["reasons"]
        shifts.append([record["across_px"][::order], record["along_px"][::order]])
        settings = Reconstruct(backend="cpu", algorithm="mlem", iterations=5, tv=0.0)
        reconstruct(tmp_path / f"{name}-aligned", tmp_path / f"{name}-volume", settings)
        with StackReader(tmp_path / f"{name}-volume" / "volume.tif") as reader:
            volumes.append(reader.read())
    assert np.array(shifts[0]) == pytest.approx(np.array(shifts[1]), abs=1e-5)
    right, mirror = volumes
    assert np.abs(right - mirror[:, ::-1]).max() < 1e-4 * right.max()
    assert np.abs(right - mirror).max() > 0.1 * right.max()  # or the test shows nothing


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(k, marks=pytest.mark.thorough) for k in range(4, 10))]
)
def test_ten_good_series_pass(tmp_path, seed):
    images, _ = good_series(seed)
    record, _ = run(write_series(tmp_path / "series", images), tmp_path / "out")
    assert record["verdict"] == "pass", record["reasons"]


@pytest.mark.parametrize(
    ("seed", "counts"), [(2, 60), pytest.param(3, 400, marks=pytest.mark.thorough)]
)
def test_good_series_on_film_pass(tmp_path, seed, counts):
    specimen = yaml.safe_load(DEMO.read_text()) | {"film": FILM}
    specimen |= {"shape_px": [64, 64, 64], "pixel_size_nm": 0.5}
    specimen["acquisition"] |= {"counts_mid_plate": counts, "background_counts": counts / 10}
    specimen["acquisition"] |= {"tilt_deg": [-68, 68, 4]}
    (tmp_path / "film.yaml").write_text(yaml.safe_dump(specimen))
    simulate(tmp_path / "film.yaml", tmp_path / "series", Simulate(seed=seed))
    record, _ = run(tmp_path / "series", tmp_path / "out")
    assert record["steps"]["specimen"]["kind"] == "extended"
    assert record["verdict"] == "pass", record["reasons"]
