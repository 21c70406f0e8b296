"""The chain of alignment with few tilts, which start far from their places."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.align.chain import solve
from catomo.align.low_order import low_order_terms
from catomo.align.preprocess import clean
from catomo.align.settings import Align
from catomo.phantom.specimen import read_specimen
from catomo.tilt_series.microscope import simulate_tilt_series

pytestmark = pytest.mark.slow

TINY = Path(__file__).parents[2] / "workflow" / "tiny.yaml"
AXIS_DEG = 1.0  # of this specimen
FILM = {"thickness_nm": 5, "contrast": 0.35, "texture_sigma_nm": 1.5, "texture_amplitude": 0.25}


def series(kind, folder):
    """Simulate a specimen that reaches to the rim of the frame, alone or on film."""
    specimen = yaml.safe_load(TINY.read_text())
    if kind == "film":
        specimen["film"] = FILM
    (folder / "specimen.yaml").write_text(yaml.safe_dump(specimen))
    return simulate_tilt_series(read_specimen(folder / "specimen.yaml"), seed=1)


@pytest.mark.parametrize(
    ("kind", "count", "limit"),
    [("film", 5, 0.3), ("rim", 7, 0.1), ("film", 9, 0.1), ("rim", 12, 0.1)],
)
def test_few_tilts_are_aligned_by_what_the_others_predict(tmp_path, kind, count, limit):
    made = series(kind, tmp_path)
    chosen = np.round(np.linspace(0, len(made.series.images) - 1, count)).astype(int)
    images, tilts = made.series.images[chosen].astype(np.float32), made.series.tilt_deg[chosen]
    solution = solve(clean(images, tilts, Align()), Align())
    assert solution.steps["projection_matching"]["accepted"]
    difference = solution.geometry.across - np.asarray(made.misalignment.across_px)[chosen]
    free = low_order_terms(tilts)
    left = difference - free @ np.linalg.lstsq(free, difference, rcond=None)[0]
    assert np.sqrt(np.mean(left**2)) < limit
    assert solution.geometry.axis_angle_deg == pytest.approx(AXIS_DEG, abs=0.15)
    assert solution.axis_check.angle_deg == pytest.approx(AXIS_DEG, abs=0.15)
