"""The chain of alignment with few tilts, where the images can still tell the better geometry."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.align.chain import solve
from catomo.align.low_order import low_order_terms
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.files.store import StackReader
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate

pytestmark = pytest.mark.slow

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"
TILTS = np.arange(-68.0, 69, 4)
FILM = {"thickness_nm": 5, "contrast": 0.35, "texture_sigma_nm": 1.5, "texture_amplitude": 0.25}


@pytest.fixture(scope="module", params=["rim", "tall", "film"])
def phantom(request, tmp_path_factory):
    """Images and true shifts across the axis: two specimens at the rim of the frame, one on film.

    Of the last two the frame cuts more where fewer tilts are taken.
    """
    specimen = yaml.safe_load(TINY.read_text())
    if request.param == "film":
        specimen["film"] = FILM
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "specimen.yaml").write_text(yaml.safe_dump(specimen))
    seed = 2 if request.param == "tall" else 1
    simulate(folder / "specimen.yaml", folder / "01", Simulate(seed=seed))
    with StackReader(folder / "01" / "tilt_series.tif") as reader:
        images = reader.read()
    truth = json.loads((folder / "01" / "truth.json").read_text())
    return request.param, images, np.array(truth["across_px"])


@pytest.mark.parametrize(("count", "limit"), [(5, 0.3), (7, 0.15), (9, 0.15), (12, 0.25)])
def test_few_tilts_are_aligned_by_what_the_others_predict(phantom, count, limit):
    name, images, across = phantom
    chosen = np.round(np.linspace(0, len(TILTS) - 1, count)).astype(int)
    tilts = TILTS[chosen]
    solution = solve(clean(images[chosen].copy(), tilts, Align()), Align())
    difference = solution.geometry.across - across[chosen]
    free = low_order_terms(tilts)
    left = difference - free @ np.linalg.lstsq(free, difference, rcond=None)[0]
    if (name, count) == ("tall", 5):  # five tilts of it do not predict each other any better
        assert not solution.steps["projection_matching"]["accepted"]
        limit = 1.0
    assert np.sqrt(np.mean(left**2)) < limit
