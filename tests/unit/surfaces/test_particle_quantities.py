"""Quantities of all particles: intervals or reasons, densities, shares."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import measure
from catomo.surfaces.particle_quantities import density
from catomo.surfaces.particles import Specimen, measure_particles
from conftest import balls


def _specimen() -> np.ndarray:
    labels = np.zeros((50, 40, 50), np.uint8)
    labels[:, :16] = 1
    for y, x in np.ndindex(2, 3):
        labels[balls(labels.shape, (14 + 22 * y, 18, 9 + 16 * x, 4)) > 0] = 2
    return labels


def test_every_value_has_an_interval_or_says_why_not():
    for name, entry in measure(_specimen(), 0.5).items():
        if entry["value"] is not None and None in (entry["low"], entry["high"]):
            assert "no low and high" in entry["method"], name
        elif entry["value"] is not None:
            assert entry["low"] <= entry["value"] <= entry["high"], name


def test_places_add_up_to_all_particles():
    labels = _specimen()
    labels[balls(labels.shape, (25, 34, 25, 4)) > 0] = 2
    numbers = measure(labels, 0.5)
    shares = [numbers[f"pt_share_{key}"]["value"] for key in ("outer", "pore", "embedded")]
    detached = numbers["pt_share_detached"]["value"]
    assert detached == pytest.approx(1 / 7)
    assert sum(shares) + detached == pytest.approx(1)


def test_without_particles_all_say_so():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:, :10] = 1
    kinds = ("count", "volume", "area", "loading", "weight_percent", "count_per_gram")
    zero = {f"pt_{key}" for key in kinds}
    for name, entry in measure(labels, 0.5).items():
        if name.startswith("pt_"):
            assert entry["value"] == (0 if name in zero else None), name


def test_the_density_is_as_unsure_as_its_parts():
    labels = _specimen()
    specimen = Specimen(Frame.of(labels.shape), 3, 1, None, None)
    found = measure_particles(labels, 2, Particles(phase="pt"), 0.5, specimen)
    count = {"value": 6, "low": 6, "high": 9}
    area = {"value": 600.0, "low": 576.0, "high": 600.0}
    entry = density("pt", found, "a", count, area)["pt_loading"]
    assert entry["value"] == pytest.approx(0.01)
    assert entry["low"] == pytest.approx(0.01)
    assert entry["high"] == pytest.approx(0.01 * (1 + np.hypot(0.5, 1 / 24)))
