"""What surfaces need: faces that can be counted by hand, and what was measured."""

import numpy as np
import pytest

from catomo.surfaces.needs import area_of, count_faces, needs, usual_faces


def test_faces_are_those_at_which_each_class_ends():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[2:6, 2:6, 2:6] = 1
    assert count_faces(labels) == 6 * 16
    labels[2:6, 2:6, 6:8] = 2  # 4 × 4 × 2: the face between them belongs to both
    assert count_faces(labels) == 6 * 16 + 2 * 16 + 4 * 8
    assert count_faces(iter(labels)) == count_faces(labels)


def test_the_end_of_the_data_is_no_face():
    assert count_faces(np.ones((5, 6, 7), np.uint8)) == 0
    half = np.zeros((5, 6, 7), np.uint8)
    half[:, :3] = 1
    assert count_faces(half) == 5 * 7


# Faces, voxels, classes and redraws; gigabytes, megabytes and seconds that were measured.
SPECKS = (714_344, 96 * 82 * 176, 3, 0), (1.23, 134.2, 43.2)
DEMO = (42_656, 128 * 91 * 128, 3, 0), (0.690, 10.54, 11.2)
SMALL = (4_847, 32 * 33 * 48, 3, 20), (0.702, 2.55, 11.9)
CUBE = (155_268, 256 * 111 * 256, 3, 20), (0.996, 32.8, 73)
SLAB = (320_152, 128 * 242 * 1024, 3, 10), (1.168, 72.98, 144)
LARGE = (1_835_050, 702 * 512 * 1024, 3, 20), (4.720, 329.6, 1300)  # measuring takes most
SPECKS_REDRAWN = (95_735, 48 * 48 * 96, 3, 20), (0.791, 21.2, 29.7)


@pytest.mark.parametrize(
    ("labels", "measured"), [SPECKS, DEMO, SMALL, CUBE, SLAB, LARGE, SPECKS_REDRAWN]
)
def test_needs_are_near_what_was_measured(labels, measured):
    faces, voxels, classes, redraws = labels
    found = needs(area_of(voxels, classes), faces, voxels, redraws)
    assert 0.9 <= found.memory / 1e9 / measured[0] <= 1.5
    assert 0.9 <= found.disk / 1e6 / measured[1] <= 1.5
    assert 0.5 <= found.seconds / measured[2] <= 2


def test_specks_are_far_more_than_usual_and_the_demo_is_not():
    for (faces, voxels, classes, _), factor in ((SPECKS[0], 18), (DEMO[0], 1.04)):
        usual = usual_faces(area_of(voxels, classes))
        assert faces / usual == pytest.approx(factor, rel=0.02)
