"""Contours read slab by slab: the same triangles, the boundary where it is likeliest."""

import numpy as np
import pytest

from catomo.surfaces.contours import coarser, contour, field_of

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")


def rough(shape, share):
    return (np.random.default_rng(3).random(shape) < share).astype(np.uint8)


@pytest.mark.parametrize("share", [0.02, 0.4, 0.9])
def test_slabs_change_no_triangle_and_their_order_neither(share):
    labels = rough((23, 11, 9), share)
    labels[8:12] = 0  # slabs without any
    field = field_of(labels, 1)
    whole = contour(field, labels.shape, slice(0, 23))
    for voxels in (1, 2 * 99, 5 * 99 + 1):
        found = contour(field, labels.shape, slice(0, 23), slab_voxels=voxels)
        for name in ("points", "faces", "start", "at_frame"):
            assert np.array_equal(getattr(found, name), getattr(whole, name))


def test_no_more_than_a_slab_is_read_at_once():
    labels = rough((40, 8, 8), 0.3)
    field, read = field_of(labels, 1), []

    def watched(start, stop):
        read.append(stop - start)
        return field(start, stop)

    contour(watched, labels.shape, slice(0, 40), slab_voxels=5 * 64)
    assert max(read) == 6  # five, and the one that it shares with the next


def test_the_confidence_moves_a_boundary_by_less_than_half_a_voxel():
    """A plane at 5.2: of the voxels on both sides, which one is less sure tells where it lies."""
    labels = np.zeros((6, 12, 6), np.uint8)
    labels[:, :6] = 1
    sure = np.full(labels.shape, 255, np.uint8)
    sure[:, 5], sure[:, 6] = round(255 * 0.6), round(255 * 0.9)
    found = contour(field_of(labels, 1, lambda a, b: sure[a:b]), labels.shape, slice(0, 6))
    z = found.points[:, 1] + found.start[1]
    assert z.max() == pytest.approx(5.2, abs=0.02)
    plain = contour(field_of(labels, 1), labels.shape, slice(0, 6))
    assert (plain.points[:, 1] + plain.start[1]).max() == 5.5
    assert np.array_equal(found.faces, plain.faces)


def test_triangles_that_close_it_where_the_data_end_are_told():
    labels = np.zeros((10, 12, 14), np.uint8)
    labels[:, 4:8] = 1  # a film: cut on four sides
    found = contour(field_of(labels, 1), labels.shape, slice(0, 10))
    corners = found.points[found.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    cut = area[found.at_frame].sum() / 2
    assert cut == pytest.approx(2 * 4 * (10 + 14), rel=0.2)  # but for the chamfers of its edges
    whole = np.pad(labels, ((3, 3), (0, 0), (3, 3)))
    assert not contour(field_of(whole, 1), whole.shape, slice(0, 16)).at_frame.any()


def test_larger_voxels_are_the_mean_of_theirs_also_at_the_end():
    labels = rough((7, 5, 6), 0.5)
    read, shape = coarser(field_of(labels, 1), labels.shape, 2)
    assert shape == (4, 3, 3)
    found = np.concatenate([read(0, 1), read(1, 4)])
    for place in np.ndindex(shape):
        block = labels[tuple(slice(2 * n, 2 * n + 2) for n in place)]
        mean = np.mean(254.0 * block - 127)
        assert found[place] == (round(mean) or 1)
