"""Area of a class by what lies behind it: bodies and holes, large and small, at the frame."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.surfaces.areas import areas_behind
from catomo.surfaces.frame import Frame
from conftest import balls


def _areas(labels: np.ndarray, own: int = 1, classes: int = 3) -> np.ndarray:
    return areas_behind(labels, own, classes, 0.5, Frame.of(labels.shape))


def test_a_block_with_a_cap_of_another_class():
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:, :20] = 1
    labels[:, 20:26, :20] = 2
    towards = _areas(labels)
    assert towards[0] == pytest.approx(40 * 20 * 0.25, rel=0.04)
    assert towards[2] == pytest.approx(40 * 20 * 0.25, rel=0.04)
    assert towards[1] == pytest.approx(0, abs=1e-6)


def test_a_small_hole_counts_as_much_as_a_small_ball():
    ball = balls((30, 30, 30), (15.2, 14.7, 15.1, 2)) // 2
    hole = np.zeros((30, 30, 30), np.uint8)
    hole[3:27, 3:27, 3:27] = 1
    whole = _areas(hole)[0]
    hole[ball > 0] = 0
    assert _areas(ball)[0] == pytest.approx(4 * np.pi, rel=0.1)
    assert _areas(hole)[0] - whole == pytest.approx(_areas(ball)[0], rel=0.05)


def test_faces_made_by_the_frame_are_none():
    assert _areas(np.ones((12, 12, 12), np.uint8)).sum() == 0
    cut = np.zeros((30, 30, 30), np.uint8)
    cut[:15] = 1
    assert _areas(cut)[0] == pytest.approx(900 * 0.25, rel=0.01)
