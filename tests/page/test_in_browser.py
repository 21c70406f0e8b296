"""The page in a browser, offline: slices, the 3-D view, particles, and what it exports.

It drives the Chromium of the system; where there is none the tests are skipped.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright", reason="needs playwright")
pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.files.store import StackWriter, write_labels
from catomo.predict.settings import Predict
from catomo.record.record import committing, read_record
from catomo.report.settings import Report
from catomo.report.stage import write_report
from catomo.slices.settings import Slices
from catomo.surfaces import stage as surfaces
from catomo.surfaces.settings import Surfaces
from conftest import pixels

SIZE = 0.5
SHAPE = (24, 30, 40)  # slices, rows, columns: y, z, x
BALLS = ((8, 12, 10, 4), (15, 16, 28, 5), (6, 20, 32, 3))  # y, z, x, radius
# Where `make test` puts it.
AXE = Path(__file__).parents[2] / ".venv/node_modules/axe-core/axe.min.js"


def _specimen():
    """Return labels of a plate with three balls, and grey values to match."""
    y, z, x = np.indices(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:-2, 6:24, 4:-4] = 1
    for at_y, at_z, at_x, radius in BALLS:
        labels[(y - at_y) ** 2 + (z - at_z) ** 2 + (x - at_x) ** 2 <= radius**2] = 2
    noise = np.random.default_rng(1).integers(0, 12, SHAPE)
    return labels, (np.array([4, 80, 230])[labels] + noise).astype(np.uint8)


@pytest.fixture(scope="module")
def stages(tmp_path_factory) -> Path:
    """Slices, their segmentation and its surfaces, as the stages write them."""
    folder = tmp_path_factory.mktemp("stages")
    labels, grey = _specimen()
    names = [f"slice_{number:04d}" for number in range(len(grey))]
    common = {"pixel_size_nm": SIZE, "shape": SHAPE, "names": names, "contiguous": True}
    with committing(folder / "04", "slices", Slices(), {}) as out:
        with StackWriter(out.path("slices.tif"), SHAPE, np.uint8, SIZE) as writer:
            writer.write(0, grey)
        write_labels(out.path("truth_labels.tif"), labels, SHAPE, SIZE)
        out.record |= common | {"contrast": {"gamma": 0.5}, "next_step": "Look."}
    inputs = {"slices": read_record(folder / "04", "slices")}
    with committing(folder / "06", "predict", Predict(), inputs) as out:
        write_labels(out.path("labels.tif"), labels, SHAPE, SIZE)
        write_labels(out.path("confidence.tif"), 255 - 60 * (labels == 1), SHAPE, SIZE)
        classes = [phase.name for phase in Surfaces().classes]
        out.record |= common | {"classes": classes, "fractions": dict.fromkeys(classes, 0.3)}
    with pytest.MonkeyPatch.context() as patch:  # projections of the labels are views enough
        patch.setattr(surfaces, "render", lambda *_: (None, "not asked for"))
        surfaces.make_surfaces(folder / "06", folder / "08", Surfaces())
    write_report([folder / name for name in ("04", "06", "08")], folder / "09", Report(), "balls")
    return folder


@pytest.fixture
def page(opened, stages):
    return opened(stages / "09" / "report.html")


def _slice(page, number: int) -> np.ndarray:
    page.wait_for_function(f"document.querySelector('#slice-canvas').dataset.slice === '{number}'")
    return pixels(page, "#slice-canvas")


def test_the_slider_and_the_keys_turn_slices(page):
    middle = _slice(page, SHAPE[0] // 2)
    page.fill("#slices input[type=range]", "8")
    chosen = _slice(page, 8)
    assert (chosen != middle).any()
    page.focus("#slice-canvas")
    for key, number in (("ArrowRight", 9), ("PageUp", 19), ("Home", 0), ("End", SHAPE[0] - 1)):
        page.keyboard.press(key)
        _slice(page, number)
    assert page.input_value("#slice-number") == str(SHAPE[0] - 1)
    page.keyboard.press(" ")
    _slice(page, 1)  # it plays, from the beginning again
    page.keyboard.press(" ")


def test_the_overlay_is_the_labels_in_their_colours(page):
    page.fill("#slice-number", "8")
    page.fill("#overlay-opacity", "100")
    page.wait_for_timeout(100)
    labels, grey = _specimen()
    shown = pixels(page, "#slice-canvas")
    assert shown.shape[:2] == SHAPE[1:]
    colours = [phase.colour for phase in Surfaces().classes]
    for label in (1, 2):
        colour = [int(colours[label][place : place + 2], 16) for place in (1, 3, 5)]
        assert (shown[labels[8] == label][:, :3] == colour).all()
    page.uncheck("#overlay-on")
    page.wait_for_timeout(100)
    bare = pixels(page, "#slice-canvas")[..., 0]
    assert np.abs(bare - grey[8].astype(int)).mean() < 6  # the pictures lose a little
    page.check("#overlay-on")
    page.select_option("#overlay-layer", "difference")
    page.wait_for_timeout(100)
    assert np.abs(pixels(page, "#slice-canvas")[..., 0] - bare).max() == 0  # all is right


def test_the_pointer_tells_place_label_truth_and_confidence(page):
    page.fill("#slice-number", "8")
    _slice(page, 8)
    page.locator("#slice-canvas").scroll_into_view_if_needed()
    box = page.locator("#slice-canvas").bounding_box()
    y, z, x, _ = BALLS[0]
    page.mouse.move(
        box["x"] + (x + 0.5) / SHAPE[2] * box["width"],
        box["y"] + (z + 0.5) / SHAPE[1] * box["height"],
    )
    page.wait_for_function("document.querySelector('#slice-pointer').textContent.includes('nm')")
    text = page.text_content("#slice-pointer")
    assert f"x {x * SIZE:.1f} nm, z {z * SIZE:.1f} nm (column {x}, row {z})" in text
    assert "· Pt ·" in text
    assert 0.96 <= float(text.partition("confidence about ")[2].split()[0]) <= 1
    assert "truth: Pt" in text
    assert y == 8


def test_classes_opacity_cuts_and_views_change_the_picture(page):
    canvas = "#view3d canvas"
    first = pixels(page, canvas)
    assert np.ptp(first[..., :3], axis=(0, 1)).max() > 50

    def differs(act) -> bool:
        before = pixels(page, canvas)
        act()
        return bool((pixels(page, canvas) != before).any())

    boxes = page.locator("#view3d input[type=checkbox]")
    assert boxes.count() == 2
    assert differs(boxes.first.uncheck)
    assert differs(boxes.first.check)
    assert differs(lambda: page.fill("[data-opacity-of=alumina]", "90"))
    assert differs(lambda: page.select_option("#clip-axis", "0"))
    assert differs(lambda: page.fill("#clip-place", "250"))
    page.select_option("#clip-axis", "")
    page.focus(canvas)
    assert differs(lambda: page.keyboard.press("ArrowLeft"))
    assert differs(lambda: page.keyboard.press("+"))
    assert differs(lambda: page.click("[data-view=view_top]"))
    page.click("[data-view=view_front]")
    assert (pixels(page, canvas) == first).all()  # as it was at the beginning
    with page.expect_download() as saved:
        page.click("#save-picture")
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_row_moves_the_camera_to_its_particle_and_shows_its_cuts(page, stages):
    rows = page.locator("#particles tbody tr")
    with (stages / "08" / "particles.csv").open() as file:
        particles = list(csv.DictReader(file))
    assert rows.count() == len(particles) == len(BALLS)
    seen = set()
    for number, particle in enumerate(particles):
        rows.nth(number).click()
        page.wait_for_selector(f"#particle-shown[data-particle='{particle['id']}']")
        camera = page.get_attribute("#view3d canvas", "data-camera")
        target = [float(word) for word in camera.split()[:3]]
        centre = [float(particle[f"{axis}_nm"]) for axis in "xyz"]
        assert np.abs(np.array(target) - centre).max() < SIZE
        seen.add(camera)
        cut = pixels(page, "#particle-shown canvas")
        red = cut[..., 0] - cut[..., 2]
        assert red[len(cut) // 2, len(cut) // 2] > 30  # Pt in the middle
    assert len(seen) == len(particles)


def test_the_table_is_sorted_by_numbers(page):
    page.click("#particles th:has-text('diameter') button")
    column = "rows => rows.map(row => Number(row.cells[1].dataset.value))"
    rising = page.eval_on_selector_all("#particles tbody tr", column)
    assert rising == sorted(rising)
    page.click("#particles th:has-text('diameter') button")
    assert page.eval_on_selector_all("#particles tbody tr", column) == rising[::-1]


def test_decisions_are_exported_and_read_back_by_the_surfaces(
    page, opened, stages, tmp_path, monkeypatch
):
    monkeypatch.setattr(surfaces, "render", lambda *_: (None, "not asked for"))

    def decide(on, word, number):
        on.locator("#particles tbody tr select").nth(number).select_option(word)

    def export(on, name):
        with on.expect_download() as saved:
            on.click("#export-review")
        assert saved.value.suggested_filename == "review_balls.csv"
        path = tmp_path / name
        shutil.copy(saved.value.path(), path)
        return path

    decide(page, "reject", 0)
    decide(page, "split", 1)
    assert page.text_content("#review-count") == "2 decisions"
    first = export(page, "first.csv")
    record = _reviewed(stages, first, tmp_path)
    before = json.loads((stages / "08" / "quantities.json").read_text())["quantities"]
    assert record["review"]["counts"] == {"accept": 0, "split": 1, "reject": 1}
    assert record["quantities"]["pt_count"]["value"] == before["pt_count"]["value"]  # − 1 + 1
    assert record["quantities"]["pt_volume"]["value"] < before["pt_volume"]["value"]
    # The page of the reviewed particles carries the decisions on.
    places = [stages / "04", stages / "06", tmp_path / "08"]
    write_report(places, tmp_path / "09", Report(), "balls")
    again = opened(tmp_path / "09" / "report.html")
    decide(again, "accept", 0)
    second = export(again, "second.csv")
    assert second.read_text().startswith(first.read_text())
    record = _reviewed(stages, second, tmp_path)
    assert record["review"]["counts"] == {"accept": 1, "split": 1, "reject": 1}


def _reviewed(stages: Path, review: Path, folder: Path) -> dict:
    surfaces.make_surfaces(stages / "06", folder / "08", Surfaces(), review)
    return json.loads((folder / "08" / "quantities.json").read_text())


def test_without_webgl_the_views_and_a_sentence_stay(browser, stages):
    page = browser.new_page()
    page.add_init_script(
        """const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
            return kind.startsWith("webgl") ? null : get.call(this, kind, ...more);
        };"""
    )
    page.goto((stages / "09" / "report.html").as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.is_visible("#view3d .without-webgl")
    assert not page.is_visible("#view3d .webgl")
    assert page.locator("#view3d img:visible").count() == 4
    page.click("#particles tbody tr")  # the cuts do without
    page.wait_for_selector("#particle-shown[data-particle]")
    page.close()


def test_parts_that_a_dataset_lacks_say_why(opened, stages, tmp_path):
    write_report([stages / "04"], tmp_path / "09", Report(), "only")
    page = opened(tmp_path / "09" / "report.html")
    assert "neither labels nor a model" in page.text_content("#slices")
    assert "There is no segmentation to measure" in page.text_content("#view3d")
    assert "There is no segmentation to measure" in page.text_content("#particles")
    page.fill("#slice-number", "3")
    _slice(page, 3)


def test_a_phone_shows_all_without_scrolling_sideways(opened, stages):
    page = opened(stages / "09" / "report.html", viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_screen_reader_meets_nothing_serious(page):
    if not AXE.is_file():
        pytest.skip(f"{AXE} is not there; make test fetches it where there is npm")
    page.add_script_tag(content=AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    told = {rule["id"]: rule["help"] for rule in found if rule["impact"] in ("serious", "critical")}
    assert told == {}
