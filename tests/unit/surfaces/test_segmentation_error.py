"""What redrawn labels tell of quantities and particles."""

import numpy as np
import pytest
from scipy.special import ndtri

from catomo.surfaces.quantity import of_a_model, quantity
from catomo.surfaces.redraw import Doubt
from catomo.surfaces.segmentation_error import Redraws, measure_redraws, with_segmentation

TOGETHER = ndtri((np.arange(20) + 0.5) / 20)
TOGETHER /= np.sqrt(np.mean(TOGETHER**2))
CHANCE = np.tile([1.0, -1.0, -1.0, 1.0], 5)  # of mean zero, and without a trend


def _redraws(**values: np.ndarray) -> Redraws:
    return Redraws(values, TOGETHER, None)


def test_random_and_systematic_parts_are_told_apart() -> None:
    random, systematic = _redraws(area=50 + 3 * TOGETHER + 0.5 * CHANCE).parts("area")
    assert systematic == pytest.approx(1.96 * 3, rel=0.05)
    assert random == pytest.approx(2.1 * 0.5, rel=0.1)
    random, systematic = _redraws(area=50 + 3 * TOGETHER).parts("area")
    assert (random, systematic) == pytest.approx((0, 1.96 * 3), abs=1e-9)


def test_where_other_specimens_tested_the_model_it_says_so() -> None:
    entry = quantity(50.0, "nm²", "counted; low and high: digitisation", (47.0, 54.0))
    values = {"pt_area": 50 + 3 * TOGETHER + 0.5 * CHANCE}
    here, others = (
        with_segmentation({"pt_area": entry}, Redraws(values, TOGETHER, None, number))["pt_area"]
        for number in (None, 5)
    )
    assert (others["low"], others["high"]) == (here["low"], here["high"])
    assert others["method"] == (
        f"{here['method']}; none of its slices tested the model: how wrong its labels are was "
        "seen on 5 other specimens, so low and high hold only if this one is like them"
    )


def test_both_parts_and_digitisation_add_as_squares() -> None:
    entry = quantity(50.0, "nm²", "counted; low and high: digitisation", (47.0, 54.0))
    found = with_segmentation({"pt_area": entry}, _redraws(pt_area=50 + 3 * TOGETHER))
    result = found["pt_area"]
    assert result["low"] == pytest.approx(50 - np.hypot(3, 5.88), rel=1e-3)
    assert result["high"] == pytest.approx(50 + np.hypot(4, 5.88), rel=1e-3)
    assert result["method"].startswith("counted; low and high: what voxels leave open, and the ")


def test_a_quantity_that_many_redraws_lack_has_no_interval() -> None:
    values = np.where(np.arange(20) < 5, np.nan, 1.0)
    entry = quantity(1.0, "nm", "mean; low and high: digitisation", (0.5, 2.0))
    name = "pt_spacing_surface"
    result = with_segmentation({name: entry}, _redraws(**{name: values}))[name]
    assert (result["low"], result["high"]) == (None, None)
    assert result["method"] == "mean; no low and high: the redrawn labels often have none"


def test_values_without_an_interval_of_digitisation_get_none() -> None:
    entry = quantity(1.0, "1", "share; no interval: one wrong voxel opens a pore")
    assert with_segmentation({"a": entry}, _redraws(a=1 + TOGETHER)) == {"a": entry}


def test_what_a_network_is_wrongly_sure_of_has_no_interval() -> None:
    entry = quantity(1.0, "1", "share; low and high: digitisation", (0.5, 2.0))
    for name in ("pt_contact_fraction", "pt_exposed_area", "alumina_porosity", "pt_loading"):
        result = with_segmentation({name: entry}, _redraws(**{name: 1 + TOGETHER}))[name]
        assert (result["low"], result["high"]) == (None, None)
        assert "have not been shown to hold" in result["method"]


def test_the_volume_scatters_as_its_confidence_says() -> None:
    """Of n independent voxels with the probability p, n p (1 - p) is the variance of the sum."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:, :, 6:] = 1
    doubt = Doubt(np.full(labels.shape, 204, np.uint8), 0.2, 0.0, 400, 3)

    def measured(new: np.ndarray) -> dict[str, dict]:
        return {"volume": {"value": float(new.sum())}}

    redraws = measure_redraws(labels, doubt, measured, None)
    random, systematic = redraws.parts("volume")
    assert random == pytest.approx(1.97 * np.sqrt(12**3 * 0.8 * 0.2), rel=0.1)
    assert systematic < random / 5
    assert redraws.probability is None


def test_a_count_keeps_whole_ends() -> None:
    entry = quantity(9, "1", "counted; low and high: digitisation", (8.0, 10.0))
    result = with_segmentation({"pt_count": entry}, _redraws(pt_count=9 + 0.3 * TOGETHER))
    assert (result["pt_count"]["low"], result["pt_count"]["high"]) == (7, 11)
    assert result["pt_count"]["method"].endswith("split at half the depth, are within them")


def test_what_redraws_do_not_know_of_touching_particles_is_told() -> None:
    entry = quantity(3.0, "nm", "mean; low and high: digitisation", (2.9, 3.2))
    result = with_segmentation({"pt_diameter_d10": entry}, _redraws(pt_diameter_d10=3 + TOGETHER))
    method = result["pt_diameter_d10"]["method"]
    assert method.endswith("; touching particles split otherwise are not within them")


def test_areas_that_a_skin_around_particles_spoils_say_so() -> None:
    entry = quantity(1.0, "1", "share; low and high: digitisation", (0.5, 2.0))
    for name, is_told in (("pt_contact_fraction", True), ("pt_area", False)):
        drawn = with_segmentation({name: entry}, _redraws(**{name: 1 + TOGETHER}))[name]
        undrawn = of_a_model({name: entry}, "as nothing tested it")[name]
        assert ["a skin of support" in one["method"] for one in (drawn, undrawn)] == 2 * [is_told]
