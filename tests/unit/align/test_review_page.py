"""The page of a review: what a person does on it comes back as the geometry that it shows."""

import base64
import gzip
import json
import shutil

import numpy as np
import pytest

from catomo.align.review import read_review
from catomo.align.review_page import write_review_page
from catomo.errors import UserError
from catomo.record.record import read_record
from helpers.balls import TILTS, phantom, run
from helpers.records import rewrite

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aligned")
    record, _ = run(phantom(folder / "01_tilt_series"), folder / "02_align")
    return record


@pytest.fixture(scope="module")
def html(aligned, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "review.html"
    write_review_page(aligned.path, path)
    return path


@pytest.fixture
def page(opened, html):
    return opened(html)


def saved(page, folder, aligned):
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(folder / download.value.suggested_filename)
    series = read_record(aligned.path.parent.parent / "01_tilt_series", "simulate")
    return read_review(folder / "alignment.review.yaml", series)


def slide(page, name, value):
    page.eval_on_selector(
        name, f"e => {{ e.value = {value}; e.dispatchEvent(new Event('input')) }}"
    )


def across(record):
    return np.array(record["across_px"]) + record["axis_offset_px"]


def test_a_page_that_nobody_touched_decides_nothing(page, tmp_path, aligned):
    review = saved(page, tmp_path, aligned)
    assert (review.axis_angle_deg, review.known, review.left_out.any()) == (None, None, False)


def test_an_angle_alone_leaves_the_shifts_to_be_found(page, tmp_path, aligned):
    slide(page, "#angle", -3.5)
    review = saved(page, tmp_path, aligned)
    assert (review.axis_angle_deg, review.known) == (-3.5, None)


def test_what_is_moved_comes_back(page, tmp_path, aligned):
    """An image moved to the right lies farther left in the raw one: across becomes less."""
    slide(page, "#offset", 4)
    slide(page, "#tilt", 20)
    page.click("#right")
    page.click("#down")
    page.check("#out")
    review = saved(page, tmp_path, aligned)
    moved = np.arange(len(TILTS)) == 20
    np.testing.assert_allclose(
        review.start.across, across(aligned) + 4 - 5 * moved, rtol=0, atol=1e-3
    )
    np.testing.assert_allclose(review.start.along, aligned["along_px"] - 5 * moved, atol=1e-3)
    assert review.left_out.tolist() == moved.tolist()


def test_a_turn_leaves_the_specimen_in_its_place(page, tmp_path, aligned):
    slide(page, "#offset", 0.25)
    slide(page, "#offset", 0)
    slide(page, "#angle", 12)
    review = saved(page, tmp_path, aligned)
    known = review.start.turned(aligned["axis_angle_deg"] - 12)
    np.testing.assert_allclose(known.across, across(aligned), atol=2e-3)
    np.testing.assert_allclose(known.along, aligned["along_px"], atol=2e-3)


def test_images_beyond_move_together(page, tmp_path, aligned):
    slide(page, "#tilt", 20)
    page.check("#beyond")
    page.click("#left")
    review = saved(page, tmp_path, aligned)
    beyond = np.arange(len(TILTS)) >= 20
    np.testing.assert_allclose(review.start.across, across(aligned) + 5 * beyond, atol=1e-3)


def shown(html):
    """Return what a page holds, and its images."""
    data = json.loads(html.read_text().split("const D = ", 1)[1].split(";\n", 1)[0])
    packed = data["images"]
    grey = gzip.decompress(base64.b64decode(packed["gzip"]))
    return data, np.frombuffer(grey, np.uint8).reshape(packed["shape"]).astype(float)


def test_images_are_shown_as_they_were_mended(tmp_path, aligned, html):
    """What lies off the middle by r in an image that was enlarged by 1.1 belongs at r / 1.1."""
    before, plain = shown(html)
    shutil.copytree(aligned.path.parent, tmp_path / "02_align")
    enlarged = np.tile(np.eye(2), (len(TILTS), 1, 1))
    enlarged[20] *= 1.1
    record = json.loads(aligned.path.read_text())
    record |= {"distortion": enlarged.tolist(), "recorded_tilt_deg": TILTS.tolist()}
    record |= {"tilt_deg": (1.02 * TILTS).tolist(), "blank_tilts_deg": [1.02 * TILTS[3]]}
    rewrite(tmp_path / "02_align" / aligned.path.name, record)
    series = aligned.path.parent.parent / "01_tilt_series"
    write_review_page(tmp_path / "02_align", tmp_path / "page.html", series)
    data, mended = shown(tmp_path / "page.html")
    np.testing.assert_array_equal(data["tilt_deg"], before["tilt_deg"])
    np.testing.assert_allclose(data["angles_deg"], 1.02 * TILTS)
    assert data["left_out_deg"] == [TILTS[3]]
    from_middle = np.indices(plain.shape[1:]) - (plain.shape[1] - 1) / 2
    spread = [np.sum(from_middle**2 * images[20]) / images[20].sum() for images in (plain, mended)]
    assert spread[0] / spread[1] == pytest.approx(1.1**2, rel=0.02)
    np.testing.assert_allclose(np.delete(mended, 20, 0), np.delete(plain, 20, 0), atol=2)


def test_another_series_is_refused_though_its_tilts_are_the_same(aligned, tmp_path):
    other = phantom(tmp_path / "other", noise=True)
    with pytest.raises(UserError, match="was made from other tilt_series than"):
        write_review_page(aligned.path, tmp_path / "page.html", other)
    assert not list(tmp_path.glob("*page.html*"))


def test_only_a_page_is_written(aligned, tmp_path):
    with pytest.raises(UserError, match=r"ends with \.html"):
        write_review_page(aligned.path, tmp_path / "config.yaml")
