"""Ways along the support between particles: planes in any direction, round a rod."""

import numpy as np
import pytest

from catomo.labels.particles import find_particles
from catomo.surfaces.along_support import gaps_along
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import measure, surface_voxels


def _gaps(labels: np.ndarray) -> np.ndarray:
    frame = Frame.of(labels.shape)
    pieces = find_particles(labels, 2, labels.shape, 0.0, 1.0)
    places = surface_voxels(labels, 1, frame)
    return gaps_along(places, pieces, np.ones(pieces.count, bool), frame)


def test_between_half_balls_on_planes_it_is_the_straight_way():
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(8):
        normal, side = rng.standard_normal((2, 3))
        normal /= np.linalg.norm(normal)
        way = np.cross(normal, side) / np.linalg.norm(np.cross(normal, side))
        away = np.indices((64, 64, 64)) - 31.5 - rng.uniform(-0.5, 0.5, (3, 1, 1, 1))
        height = np.tensordot(normal, away, 1)
        labels = np.where(height < 0, 1, 0).astype(np.uint8)
        for end in (-15, 15):
            centre = (end * way)[:, None, None, None]
            labels[(((away - centre) ** 2).sum(axis=0) <= 25) & (height >= 0)] = 2
        gaps = _gaps(labels)
        assert gaps[0] == gaps[1] == pytest.approx(20, rel=0.16)
        ratios.append(gaps[0] / 20)
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)


def test_round_a_rod_the_way_is_half_its_circumference():
    y, z, x = np.indices((30, 60, 60)) - np.array([14.5, 29.5, 29.5])[:, None, None, None]
    labels = np.where((np.hypot(z, x) < 16) & (np.abs(y) < 12), 1, 0).astype(np.uint8)
    for end in (-1, 1):
        labels[(y**2 + z**2 + (x - end * 18) ** 2 < 16) & (labels == 0)] = 2
    gaps = _gaps(labels)
    assert gaps == pytest.approx(np.pi * 16 - 2 * 4, rel=0.15)
    numbers = measure(labels, 0.5)
    straight, along = (numbers[f"pt_spacing_{key}"] for key in ("surface", "support"))
    assert along["low"] <= 0.5 * (np.pi * 16 - 2 * 4) <= along["high"]
    assert straight["value"] == pytest.approx(0.5 * 32, rel=0.05)  # through the rod


def test_where_no_way_leads_it_is_infinite_and_without_contact_it_is_none():
    labels = np.zeros((30, 30, 60), np.uint8)
    labels[10:20, 10:20, 5:25] = labels[10:20, 10:20, 35:55] = 1
    labels[12:16, 20:24, 10:14] = labels[12:16, 20:24, 40:44] = labels[2:6, 2:6, 2:6] = 2
    gaps = _gaps(labels)
    assert np.isnan(gaps[0])
    assert np.isinf(gaps[1:]).all()
    entry = measure(labels, 1.0)["pt_spacing_support"]
    assert entry["value"] is None
    assert "no way joins two particles" in entry["method"]
