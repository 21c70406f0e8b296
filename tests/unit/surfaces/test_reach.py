"""How much of particles molecules of some size reach."""

import numpy as np
import pytest

from catomo.surfaces.measure import measure
from catomo.surfaces.pores import hull
from catomo.surfaces.reach import reachable_shares


def test_into_an_ink_bottle_gets_what_its_throat_lets_in():
    labels = np.zeros((44, 52, 44), np.uint8)
    labels[6:38, 6:46, 6:38] = 1
    y, z, x = np.indices(labels.shape) - np.array([22, 30, 22])[:, None, None, None]
    labels[y**2 + z**2 + x**2 < 11**2] = 0
    labels[(y**2 + x**2 < 4**2) & (z < 0)] = 0
    labels[y**2 + z**2 + x**2 < 3**2] = 2
    shares, faces = reachable_shares(labels, 2, hull(labels == 1, 5.0), np.array([1.0, 3.0, 4.5]))
    assert faces == np.count_nonzero(np.diff((labels == 2).astype(int), axis=0)) * 3
    assert shares[:2] == pytest.approx([1, 1], abs=0.05)
    assert shares[2] == 0


def test_a_free_particle_is_reached_by_all_and_a_covered_one_by_none():
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[4:12, 4:12, 4:12] = 1
    labels[7:9, 7:9, 7:9] = 2
    shares, faces = reachable_shares(labels, 2, hull(labels == 1, 2.0), np.array([1.0]))
    assert (shares[0], faces) == (0, 0)
    away = ((np.indices(labels.shape) - 25) ** 2).sum(axis=0)
    labels[away < 36] = 2
    shares, _ = reachable_shares(labels, 2, hull(labels == 1, 2.0), np.array([1.0, 5.0]))
    assert shares == pytest.approx([1, 1], abs=0.01)


def test_the_curve_falls_and_says_what_it_cannot_see():
    labels = np.zeros((40, 30, 40), np.uint8)
    labels[:, :12] = 1
    labels[18:22, 6:12, :] = 0  # a furrow of 4 px
    labels[18:22, 6:8, 10:20] = 2
    numbers = measure(labels, 0.6)
    curve = [numbers[f"pt_reachable_{pm}pm"] for pm in (250, 500, 1000, 2000)]
    assert curve[0]["value"] is None
    assert "smaller than the voxels" in curve[0]["method"]
    assert 0.4 < curve[1]["value"] < 1  # the corners are too narrow
    assert curve[1]["value"] >= curve[2]["value"] >= curve[3]["value"] == 0
