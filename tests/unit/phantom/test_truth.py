"""Truth moves by exactly the recorded shift, in slabs as in one piece."""

import numpy as np
import pytest

from catomo.phantom.shares import labels_of
from catomo.phantom.truth import Likeness, _move_slab, to_volume_frame

NOT = {"y": 0, "z": 0, "x": 0}


def test_whole_shifts_move_shares_exactly():
    shares = np.random.default_rng(1).integers(0, 255, (6, 7, 8), dtype=np.uint8)
    moved = to_volume_frame(shares, {"y": 1, "z": -2, "x": 3}, shares.shape)
    np.testing.assert_array_equal(moved[1:, :-2, 3:], shares[:-1, 2:, :-3])
    assert not moved[0].any()
    assert not moved[:, -2:].any()
    assert not moved[:, :, :3].any()


def test_centres_coincide_on_another_grid():
    small = np.zeros((5, 5, 5), np.float32)
    small[2, 2, 2] = 1
    large = to_volume_frame(small, NOT, (9, 7, 11))
    assert large[4, 3, 5] == 1
    assert large.sum() == 1
    np.testing.assert_array_equal(to_volume_frame(large, NOT, (5, 5, 5)), small)


@pytest.mark.parametrize("shift", [{"y": 0.3, "z": -1.75, "x": 2.6}, {"y": -2.5, "z": 0, "x": 0.5}])
def test_a_fraction_moves_the_centre_of_mass(shift):
    density = np.zeros((16, 16, 16), np.float32)
    density[6:9, 7:9, 5:8] = 2
    moved = to_volume_frame(density, shift, density.shape)
    grid = np.indices(density.shape)
    centre = [(g * density).sum() / density.sum() for g in grid]
    for axis, before, g in zip("yzx", centre, grid, strict=True):
        assert (g * moved).sum() / moved.sum() == pytest.approx(before + shift[axis], abs=1e-5)


def test_slabs_are_pieces_of_the_whole():
    source = np.random.default_rng(2).random((9, 6, 7), dtype=np.float32)
    shift, shape = {"y": -3.4, "z": 0.6, "x": 1.2}, (14, 6, 8)
    whole = to_volume_frame(source, shift, shape)

    def read(start, stop):
        assert 0 <= start < stop <= 9  # as files demand it
        return source[start:stop]

    slabs = [
        _move_slab(read, source.shape, shift, shape, start, start + 2) for start in range(0, 14, 2)
    ]
    np.testing.assert_array_equal(np.concatenate(slabs), whole)


def test_a_surface_moves_by_a_fraction_of_a_pixel():
    """A slab that fills 3.4 … 7.4, moved by 0.3: its label is that of 3.7 … 7.7."""
    share = np.zeros((1, 1, 12), np.float32)
    share[..., 3:8] = [0.6, 1, 1, 1, 0.4]
    moved = to_volume_frame(share, NOT | {"x": 0.3}, share.shape)
    np.testing.assert_array_equal(np.flatnonzero(labels_of(moved, 0 * moved)), [4, 5, 6, 7])
    np.testing.assert_array_equal(np.flatnonzero(labels_of(share, 0 * share)), [3, 4, 5, 6])


def test_likeness_by_hand():
    rng = np.random.default_rng(3)
    truth = rng.random((4, 5, 6), dtype=np.float32)
    volume = 7 * truth + 0.5 * rng.random((4, 5, 6), dtype=np.float32)
    inside = rng.random((4, 5, 6)) > 0.4
    likeness = Likeness()
    likeness.add(volume[:1], truth[:1], inside[:1])
    likeness.add(volume[1:], truth[1:], inside[1:])
    v, t = volume[inside].astype(float), truth[inside].astype(float)
    scale = (v @ t) / (v @ v)
    result = likeness.result()
    assert result["correlation"] == pytest.approx(np.corrcoef(v, t)[0, 1], abs=1e-9)
    wanted = np.linalg.norm(scale * v - t) / np.linalg.norm(t)
    assert result["nrmse"] == pytest.approx(wanted, abs=1e-9)
