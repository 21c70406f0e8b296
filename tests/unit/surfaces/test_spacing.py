"""Straight gaps and ways along the support, as quantities."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.surfaces.measure import measure
from conftest import balls


def test_over_a_ridge_the_way_along_the_support_is_longer():
    labels = np.zeros((60, 50, 80), np.uint8)
    labels[10:50, 5:20, 5:75] = 1
    labels[10:50, 20:28, 38:42] = 1  # a wall between two particles
    for x in (26, 54):
        labels[(balls(labels.shape, (30, 20, x, 5)) > 0) & (labels == 0)] = 2
    numbers = measure(labels, 0.5)
    straight, along = (numbers[f"pt_spacing_{key}"] for key in ("surface", "support"))
    assert straight["value"] == pytest.approx(0.5 * 18, abs=0.5)
    assert along["low"] <= 0.5 * (18 + 2 * 8) <= along["high"]
    assert along["value"] == pytest.approx(0.5 * (18 + 2 * 8), rel=0.16)


def test_one_particle_has_no_neighbour():
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[:, :10] = 1
    labels[balls(labels.shape, (15, 12, 15, 4)) > 0] = 2
    numbers = measure(labels, 0.5)
    assert "not two particles" in numbers["pt_spacing_surface"]["method"]
    assert "no way joins two" in numbers["pt_spacing_support"]["method"]
