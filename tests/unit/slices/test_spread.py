"""Suggested slices: spread over the material, whatever its brightness."""

import numpy as np

from catomo.slices.spread import spread, suggest


def test_suggestions_follow_the_material():
    content = np.zeros(100)
    content[20:80] = 1
    chosen = spread(content, 6)
    assert chosen == [24, 34, 44, 54, 64, 74]
    assert spread(content, 200) == list(range(100))
    lone = np.zeros(10)
    lone[4] = 1
    assert 4 in spread(lone, 3)
    assert len(spread(lone, 3)) == len(spread(np.zeros(10), 3)) == 3


def test_bright_particles_do_not_hide_the_support():
    rng = np.random.default_rng(2)
    stack = rng.integers(0, 12, (40, 64, 64), dtype=np.uint8)
    stack[10:30, 16:48, 16:48] += 50
    stack[10:13, 5:12, 5:12] = 230
    chosen = suggest(stack, 10)
    assert chosen[0] < 12
    assert np.ptp(np.diff(chosen)) <= 1


def test_slices_that_are_left_out_are_not_suggested():
    stack = np.zeros((12, 8, 8), np.uint8)
    stack[:, 2:6] = 200
    assert not {0, 1, 11} & set(suggest(stack, 5, [0, 1, 11]))
    assert suggest(stack, 20, [0, 1, 11]) == list(range(2, 11))
    assert suggest(stack, 20, list(range(12))) == list(range(12))  # something must be annotated
