"""The split: what tests was never nearly seen in training."""

import pytest

from catomo.errors import UserError
from catomo.train.settings import Split
from catomo.train.split import PARTS, places_of, slice_of, split_parts

VOLUME = {f"slice_{i:04d}": i for i in range(0, 120, 4)}


def parts_of(settings, places=VOLUME, seed=1):
    return split_parts({"d": places}, settings, seed)["d"]


def test_every_slice_falls_into_exactly_one_part():
    for method in ("blocks", "folds", "names", "random_patches"):
        parts = parts_of(Split(method=method, validation_fraction=0.1))
        assert sorted(name for part in PARTS for name in parts[part]) == sorted(VOLUME)


def test_a_block_is_contiguous_and_a_gap_surrounds_it():
    parts = parts_of(Split(test_fraction=0.2, validation_fraction=0.1, gap=5))
    test, taught = ([VOLUME[n] for n in parts[p]] for p in ("test", "train"))
    assert test == list(range(test[0], test[0] + 24, 4))
    assert min(abs(a - b) for a in test for b in taught) > 5
    assert min(abs(VOLUME[a] - b) for a in parts["validate"] for b in taught) > 5
    # One annotated slice on either side of each of the two blocks lies within five slices.
    assert [len(parts[p]) for p in PARTS] == [30 - 6 - 3 - 4, 3, 6, 4]


def test_every_slice_tests_in_exactly_one_fold():
    settings = [Split(method="folds", folds=4, fold=k, gap=5) for k in (1, 2, 3, 4)]
    folds = [parts_of(one) for one in settings]
    assert sorted(name for parts in folds for name in parts["test"]) == sorted(VOLUME)
    for parts in folds:
        test, taught = ([VOLUME[n] for n in parts[p]] for p in ("test", "train"))
        assert test == list(range(test[0], test[-1] + 4, 4))
        assert min(abs(a - b) for a in test for b in taught) > 5
    watched = parts_of(Split(method="folds", folds=4, fold=2, gap=5, validation_fraction=0.1))
    places = [VOLUME[name] for name in watched["validate"]]
    assert places == list(range(places[0], places[0] + 12, 4))
    assert places[0] > max(VOLUME[name] for name in watched["test"])
    with pytest.raises(ValueError, match="found 4, but there are 3 folds"):
        Split(method="folds", folds=3, fold=4)


def test_fewer_slices_than_folds_are_refused():
    with pytest.raises(UserError, match="found 5, but only 3 annotated slices"):
        parts_of(Split(method="folds", folds=5, gap=0), {"a": 0, "b": 1, "c": 2})


@pytest.mark.parametrize("count", range(2, 12))
def test_few_slices_still_give_a_test_and_a_training_part(count):
    places = {f"s{i}": 10 * i for i in range(count)}
    parts = parts_of(Split(), places)
    assert parts["test"]
    assert parts["train"]


def test_patches_of_a_slice_stay_together():
    names = [f"s{i:02d}_patch{p}" for i in range(10) for p in (0, 1)]
    places = places_of(names, contiguous=False)
    assert places["s03_patch0"] == places["s03_patch1"] == 3
    parts = parts_of(Split(gap=1), places)
    for part in PARTS:
        for name in parts[part]:
            assert f"{slice_of(name)}_patch0" in parts[part]
            assert f"{slice_of(name)}_patch1" in parts[part]
    with pytest.raises(UserError, match="'s04_patch0' and 's04_patch1' are patches of one slice"):
        parts_of(Split(method="names", test=["s04_patch1"]), places)


def test_names_may_be_wildcards_and_datasets():
    a = {f"set{s}_slice{i:02d}": i for s in (1, 2) for i in range(15)}
    settings = Split(method="names", test=["set2_slice1[0-4]*"], leave_out=["set2_slice09*"])
    parts = parts_of(settings, a)
    assert parts["test"] == [f"set2_slice{i}" for i in range(10, 15)]
    assert parts["left_out"] == ["set2_slice09"]
    assert len(parts["train"]) == 24
    both = split_parts({"a": VOLUME, "b": VOLUME}, Split(method="names", test=["b/*"]), 1)
    assert len(both["a"]["train"]) == len(both["b"]["test"]) == len(VOLUME)


def test_mistakes_in_names_give_one_line():
    with pytest.raises(UserError, match=r"pattern 'nope\*' matches no annotated slice"):
        parts_of(Split(method="names", test=["nope*"]))
    with pytest.raises(UserError, match="named for both test and validate"):
        parts_of(Split(method="names", test=["slice_0000"], validation=["slice_0000"]))
    with pytest.raises(UserError, match="no slice is left to train on"):
        parts_of(Split(method="names", test=["*"]))


def test_random_patches_depend_on_the_seed_alone():
    settings = Split(method="random_patches", test_fraction=0.2)
    assert parts_of(settings, seed=3) == parts_of(settings, seed=3)
    assert parts_of(settings, seed=3) != parts_of(settings, seed=4)
    assert len(parts_of(settings)["test"]) == 6
