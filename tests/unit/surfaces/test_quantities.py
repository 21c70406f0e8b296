"""Quantities of classes and of the support, of numbers that are known."""

import numpy as np
import pytest

from catomo.surfaces import quantities
from catomo.surfaces.frame import Frame
from catomo.surfaces.pores import hulls_of


def test_a_volume_may_be_off_by_half_a_voxel_at_its_boundary():
    result = quantities.of_phase("pt", 1000, (300.0, (290.0, 310.0), "counted"), 0.5)
    volume = result["pt_volume"]
    assert (volume["value"], volume["low"], volume["high"]) == (125.0, 50.0, 200.0)
    assert (result["pt_area"]["low"], result["pt_area"]["high"]) == (290.0, 310.0)
    none = quantities.of_phase("pt", 0, (0.0, (0.0, 0.0), "counted"), 0.5)
    assert none["pt_volume"]["value"] == none["pt_area"]["value"] == 0
    assert "no voxel" in none["pt_volume"]["method"]


def _slit() -> tuple[np.ndarray, list]:
    """Return a block with a slit of 5 px through it, and its hull."""
    solid = np.zeros((40, 50, 40), bool)
    solid[4:36, 5:45, 4:36] = True
    solid[4:36, 20:25, 10:36] = False
    return solid, hulls_of(solid, 4.0, Frame.of(solid.shape))


def test_porosity_and_widths_of_a_slit():
    solid, hulls = _slit()
    result = quantities.of_support("a", solid, hulls, (2.0, 0.5), 5000 * 0.25)
    truth = 32 * 5 * 26 / (32 * 40 * 32)
    # The ball dips into the openings: less by a segment of its circle along 84 px.
    truth -= 84 * (16 * np.arcsin(2.5 / 4) - 2.5 * np.sqrt(16 - 2.5**2)) / (32 * 40 * 32)
    assert result["a_porosity"]["value"] == pytest.approx(truth, rel=0.06)
    assert result["a_porosity_open"]["value"] == result["a_porosity"]["value"]
    assert result["a_porosity_closed"]["value"] == 0
    widths = quantities.widths("a", solid, hulls, (2.0, 0.5))
    assert widths["a_pore_diameter"]["low"] <= 2.5 <= widths["a_pore_diameter"]["high"]
    assert widths["a_access_radius"]["low"] <= 1.25 <= widths["a_access_radius"]["high"]


def test_every_quantity_has_an_interval_or_says_why_not():
    solid, hulls = _slit()
    labels = solid.astype(np.uint8)
    labels[15:20, 20:23, 20:25] = 2
    result = quantities.of_support("a", solid, hulls, (2.0, 0.5), 1250.0)
    result |= quantities.widths("a", solid, hulls, (2.0, 0.5))
    result |= quantities.corrugation("a", hulls, 0.5)
    result |= quantities.reachable("p", labels, 2, hulls, 0.5)
    result |= quantities.sides("a", 100.0, 20.0)
    for name, entry in result.items():
        if entry["value"] is not None and entry["low"] is None:
            assert "no low and high" in entry["method"], name


def test_nothing_to_measure_says_so():
    nothing = np.zeros((10, 10, 10), bool)
    hulls = hulls_of(nothing, 2.0, Frame.of(nothing.shape))
    for entries in (
        quantities.of_support("a", nothing, hulls, (2.0, 0.5), 0.0),
        quantities.widths("a", nothing, hulls, (2.0, 0.5)),
        quantities.corrugation("a", hulls, 0.5),
        quantities.reachable("p", nothing.astype(np.uint8), 2, hulls, 0.5),
    ):
        for entry in entries.values():
            assert entry["value"] is None
            assert len(entry["method"]) > 10
