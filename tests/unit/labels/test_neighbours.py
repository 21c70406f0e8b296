"""Slices that do not go on from one to the next are told; those of any volume are not."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from catomo.labels.neighbours import unrelated


def _said(volume):
    return unrelated(volume.__getitem__, len(volume))


def _blobs(shape, seed, sigma=4.0):
    return (gaussian_filter(np.random.default_rng(seed).random(shape), sigma) > 0.5).astype(
        np.uint8
    )


def _patches(count, edge=80):
    """Images of other places each, with a support across and particles."""
    pages = np.stack([_blobs((edge, edge), seed) for seed in range(count)])
    return np.where(_blobs(pages.shape, 99, (0, 2, 2)) & pages == 1, 2, pages).astype(np.uint8)


@pytest.mark.parametrize("count", [4, 12, 90])
def test_a_stack_of_unrelated_images_is_told(count):
    said = _said(_patches(count))
    assert "unrelated images" in said
    assert "mean nothing" in said


def test_slices_in_a_wrong_order_are_told():
    volume = _blobs((60, 64, 64), 1)
    assert _said(volume[np.random.default_rng(0).permutation(60)])
    assert not _said(volume)


def _ball_grid():
    seeds = np.random.default_rng(3).random((40, 64, 64)) < 0.001
    return binary_dilation(seeds, iterations=1).astype(np.uint8)


def _sheet(thick):
    y, z, _ = np.indices((40, 64, 64))
    return (np.abs(y - z + 12) < thick).astype(np.uint8)


@pytest.mark.parametrize(
    "volume",
    [
        _blobs((60, 64, 64), 1)[::6],
        _ball_grid(),
        _sheet(0.5),
        np.broadcast_to(_blobs((64, 64), 2), (20, 64, 64)),
        np.ones((20, 16, 16), np.uint8),
        np.zeros((20, 16, 16), np.uint8),
        _blobs((60, 64, 64), 1)[30:34],
        _blobs((40, 2, 3), 1),
    ],
    ids=["every sixth", "3 px balls", "a leaning sheet", "a film", "full", "empty", "four", "thin"],
)
def test_volumes_are_not_told(volume):
    assert _said(volume) == ""


def test_two_or_three_images_are_too_few_to_tell():
    assert _said(_patches(3)) == ""
