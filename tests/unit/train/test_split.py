"""The split: what tests was never nearly seen in training."""

import pytest

from catomo.errors import UserError
from catomo.train.scorable import PARTS
from catomo.train.settings import Split
from catomo.train.split import places_of, slice_of, split_parts

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


EVERY = frozenset({0, 1, 2})


def shown(places, pt=(), without=()):
    """Return what slices show: pt where it is named, and alumina except where it is lacking."""
    return {
        name: EVERY - (set() if name in pt else {2}) - ({1} if name in without else set())
        for name in places
    }


def classes_of(parts, shows):
    return {
        part: set().union(*(shows[d][n] for d, of in parts.items() for n in of[part]))
        for part in PARTS
    }


ROW = {f"slice_{i:04d}": i for i in range(0, 24, 2)}


@pytest.mark.parametrize("method", ["blocks", "folds", "random_patches"])
def test_a_split_that_leaves_no_class_out_stays_where_it_was(method):
    settings = Split(method=method, validation_fraction=0.1, gap=1)
    shows = {"d": dict.fromkeys(VOLUME, EVERY)}
    assert split_parts({"d": VOLUME}, settings, 1, shows) == split_parts({"d": VOLUME}, settings, 1)


def test_the_test_block_gives_way_to_a_class_that_lies_there_alone():
    """Pt is in three neighbouring slices, of which the usual block takes two and its gap one."""
    usual = parts_of(Split(), ROW)
    pt = [*usual["test"], "slice_0018"]
    assert pt == ["slice_0014", "slice_0016", "slice_0018"]
    shows = {"d": shown(ROW, pt)}
    parts = split_parts({"d": ROW}, Split(), 1, shows)
    assert parts == split_parts({"d": ROW}, Split(), 2, shows)
    seen = classes_of(parts, shows)
    assert seen["train"] == seen["test"] == EVERY
    # Two neighbours still, moved by one, with the gap around them.
    assert parts["d"]["test"] == ["slice_0012", "slice_0014"]
    assert parts["d"]["left_out"] == ["slice_0010", "slice_0016"]


def test_a_class_of_one_slice_is_for_training_in_any_block():
    settings = Split(validation_fraction=0.2, gap=2)
    for name in ROW:
        shows = {"d": shown(ROW, [name])}
        assert name in split_parts({"d": ROW}, settings, 1, shows)["d"]["train"]
        random = Split(method="random_patches", validation_fraction=0.3, test_fraction=0.3)
        assert name in split_parts({"d": ROW}, random, 1, shows)["d"]["train"]


def test_the_validation_block_gives_way_too_and_where_it_can_shows_every_class():
    settings = Split(validation_fraction=0.1, gap=0)
    usual = parts_of(settings, ROW)
    shows = {"d": shown(ROW, usual["validate"])}
    parts = split_parts({"d": ROW}, settings, 1, shows)
    assert 2 in classes_of(parts, shows)["train"]
    scattered = {"d": shown(ROW, ["slice_0000", "slice_0010", "slice_0020"])}
    seen = classes_of(split_parts({"d": ROW}, settings, 1, scattered), scattered)
    assert seen["train"] == seen["test"] == seen["validate"] == EVERY


def test_datasets_of_one_model_make_up_for_each_other():
    """Each lacks a class; the blocks of both give way, whatever their order."""
    usual = parts_of(Split(), ROW)["test"]
    shows = {
        "a": shown(ROW, usual),
        "b": shown(ROW, (), [name for name in ROW if name not in usual]),
    }
    shows["a"] = {name: labels - {1} for name, labels in shows["a"].items()}
    parts = split_parts({"a": ROW, "b": ROW}, Split(gap=1), 1, shows)
    assert classes_of(parts, shows)["train"] == EVERY
    assert parts == split_parts({"b": ROW, "a": ROW}, Split(gap=1), 1, shows)
    # A dataset without pt moves nothing where another one shows it.
    shows = {"a": dict.fromkeys(ROW, EVERY), "b": shown(ROW)}
    both = {"a": ROW, "b": ROW}
    assert split_parts(both, Split(), 1, shows) == split_parts(both, Split(), 1)


def test_of_a_fold_only_the_validation_gives_way():
    settings = Split(method="folds", folds=3, fold=1, validation_fraction=0.1, gap=0)
    usual = parts_of(settings, ROW)
    shows = {"d": shown(ROW, usual["validate"])}
    parts = split_parts({"d": ROW}, settings, 1, shows)
    assert parts["d"]["test"] == usual["test"]
    assert 2 in classes_of(parts, shows)["train"]


def test_many_slices_are_split_without_delay():
    row = {f"s{i:04d}": i for i in range(600)}
    settings = Split(validation_fraction=0.1)
    usual = parts_of(settings, row)
    shows = {"d": shown(row, usual["test"])}
    seen = classes_of(split_parts({"d": row}, settings, 1, shows), shows)
    assert seen["train"] == seen["test"] == EVERY
