"""Chosen slices: far from those chosen before, near to what must be learnt."""

import numpy as np

from catomo.labels.coverage import ranked


def test_the_middle_of_the_widest_gap_comes_first():
    need = np.ones(101)
    (first, far, share), *_ = ranked(need, [0, 20, 40, 100], 3)
    assert (first, far) == (69, 29)  # 69 and 70 are equally good
    assert 0.25 < share < 0.35
    (middle, none, all_of_it), *_ = ranked(need, [], 1)
    assert (middle, none) == (50, None)
    assert round(all_of_it, 9) == 1


def test_need_draws_the_choice_but_annotated_slices_satisfy_it():
    need = np.ones(60)
    need[10:14] = 100
    assert 10 <= ranked(need, [40], 1)[0][0] <= 13
    assert ranked(need, [11, 12], 1)[0][0] > 30
    chosen = [index for index, _, _ in ranked(need, [12], 59)]
    assert sorted([*chosen, 12]) == list(range(60))
