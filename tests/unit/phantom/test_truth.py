"""Truth moves by exactly the recorded shift, in slabs as in one piece."""

import numpy as np
import pytest

from catomo.files.store import write_labels, write_stack
from catomo.phantom.shares import FULL, labels_of
from catomo.phantom.truth import Likeness, Truth, _move_slab
from catomo.record.record import committing, read_record
from catomo.settings.base import Settings

NOT = {"y": 0, "z": 0, "x": 0}


def moved_whole(array, shift_px, shape):
    """Move an array onto a grid of another shape in one piece, as the stages do in slabs."""
    return _move_slab(lambda a, b: array[a:b], array.shape, shift_px, shape, 0, shape[0])


def test_whole_shifts_move_shares_exactly():
    shares = np.random.default_rng(1).integers(0, 255, (6, 7, 8), dtype=np.uint8)
    moved = moved_whole(shares, {"y": 1, "z": -2, "x": 3}, shares.shape)
    np.testing.assert_array_equal(moved[1:, :-2, 3:], shares[:-1, 2:, :-3])
    assert not moved[0].any()
    assert not moved[:, -2:].any()
    assert not moved[:, :, :3].any()


def test_centres_coincide_on_another_grid():
    small = np.zeros((5, 5, 5), np.float32)
    small[2, 2, 2] = 1
    large = moved_whole(small, NOT, (9, 7, 11))
    assert large[4, 3, 5] == 1
    assert large.sum() == 1
    np.testing.assert_array_equal(moved_whole(large, NOT, (5, 5, 5)), small)


@pytest.mark.parametrize("shift", [{"y": 0.3, "z": -1.75, "x": 2.6}, {"y": -2.5, "z": 0, "x": 0.5}])
def test_a_fraction_moves_the_centre_of_mass(shift):
    density = np.zeros((16, 16, 16), np.float32)
    density[6:9, 7:9, 5:8] = 2
    moved = moved_whole(density, shift, density.shape)
    grid = np.indices(density.shape)
    centre = [(g * density).sum() / density.sum() for g in grid]
    for axis, before, g in zip("yzx", centre, grid, strict=True):
        assert (g * moved).sum() / moved.sum() == pytest.approx(before + shift[axis], abs=1e-5)


def test_slabs_are_pieces_of_the_whole():
    source = np.random.default_rng(2).random((9, 6, 7), dtype=np.float32)
    shift, shape = {"y": -3.4, "z": 0.6, "x": 1.2}, (14, 6, 8)
    whole = moved_whole(source, shift, shape)

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
    moved = moved_whole(share, NOT | {"x": 0.3}, share.shape)
    np.testing.assert_array_equal(np.flatnonzero(labels_of({"plate": moved})), [4, 5, 6, 7])
    np.testing.assert_array_equal(np.flatnonzero(labels_of({"plate": share})), [3, 4, 5, 6])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, [0, 0, 1, 1, 2, 2]),  # a record that does not name its parts
        ({"particles": 3, "plate": 2, "film": 1}, [1, 1, 2, 2, 3, 3]),
        ({"particles": 1, "plate": 1}, [0, 0, 1, 1, 1, 1]),
        ({"particles": 1, "plate": 0}, [0, 0, 0, 0, 1, 1]),
    ],
)
def test_the_truth_has_the_labels_of_the_specimen(tmp_path, labels, expected):
    """Columns of film, film, plate, plate, particle, particle, each alone in its pixels."""
    shape = (5, 5, 12)
    filled = {
        part: np.broadcast_to(np.isin(np.arange(12), columns), shape)
        for part, columns in {"film": (0, 1), "plate": (4, 5), "particles": (8, 9)}.items()
    }
    names = {"particles": "truth_pt.tif", "plate": "truth_alumina.tif"}
    if labels:
        names = {part: f"truth_{part}.tif" for part in labels}
    with committing(tmp_path, "simulate", Settings()) as out:
        write_stack(out.path("truth_density.tif"), np.ones(shape, np.float32), 1.0)
        for part, name in names.items():
            write_labels(out.path(name), FULL * filled[part].astype(np.uint8), shape, 1.0)
        if labels:
            out.record["truth_parts"] = {
                part: {"file": names[part], "label": label} for part, label in labels.items()
            }
    truth = Truth(read_record(tmp_path, "simulate"), NOT, shape)
    np.testing.assert_array_equal(truth.labels(0, 5)[2, 2, [0, 1, 4, 5, 8, 9]], expected)
    within = np.flatnonzero(truth.plate(0, 5)[2, 2])
    np.testing.assert_array_equal(within, np.arange(2, 12))  # 2 px around plate and particles


def test_the_first_part_that_fills_half_a_pixel_claims_it():
    shares = {"particles": 0.3, "plate": 0.3, "film": 0.3}
    labels = {"particles": 3, "plate": 2, "film": 1}

    def label(**changed):
        return labels_of({k: np.array([v]) for k, v in (shares | changed).items()}, labels)[0]

    assert label() == 2
    assert label(particles=0.5) == 3
    assert label(plate=0.1) == 1
    assert label(plate=0.0, film=0.1) == 0


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
