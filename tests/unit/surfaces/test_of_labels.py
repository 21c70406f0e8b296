"""Surfaces of one file of labels: the quantities of a ball, and one door with the stage."""

import json

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.errors import UserError
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import take_segmentation
from catomo.surfaces import stage
from catomo.surfaces.of_labels import surfaces_of_labels
from catomo.surfaces.settings import Surfaces
from helpers.segmentations import PIXEL_NM, RADIUS_PX, ball_on_slab, ome_zarr

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_renderer(monkeypatch):
    monkeypatch.setattr(stage, "render", lambda *_: (None, "not asked for"))


def test_a_ball_has_its_volume_and_the_stage_gives_the_same(tmp_path):
    labels = ball_on_slab()
    path = ome_zarr(tmp_path / "seg.zarr", labels)
    surfaces_of_labels(path, tmp_path / "one", Surfaces(), PIXEL_NM)
    one = json.loads((tmp_path / "one" / "quantities.json").read_text())
    ball = one["quantities"]["pt_volume"]["value"]
    assert ball == np.count_nonzero(labels == 2) * PIXEL_NM**3
    assert ball == pytest.approx(4 / 3 * np.pi * (RADIUS_PX * PIXEL_NM) ** 3, rel=0.03)
    assert one["quantities"]["pt_count"]["value"] == 1
    assert "without confidence" in one["lacks"]
    assert list(one["inputs"]) == ["segmentation"]
    take_segmentation(path, tmp_path / "06", Segmentation())
    stage.make_surfaces(tmp_path / "06", tmp_path / "08", Surfaces())
    other = json.loads((tmp_path / "08" / "quantities.json").read_text())
    assert other["quantities"] == one["quantities"]


def test_a_scale_that_the_file_contradicts_is_refused_with_the_options(tmp_path):
    path = ome_zarr(tmp_path / "seg.zarr", ball_on_slab())
    with pytest.raises(UserError, match="correct --pixel-size-nm, or set --trust-given"):
        surfaces_of_labels(path, tmp_path / "one", Surfaces(), 0.1)
    surfaces_of_labels(path, tmp_path / "one", Surfaces(), 0.1, trust_given=True)
    record = json.loads((tmp_path / "one" / "quantities.json").read_text())
    assert record["pixel_size_nm"] == 0.1
    assert "the given 0.1 nm are used instead" in record["notes"][0]
