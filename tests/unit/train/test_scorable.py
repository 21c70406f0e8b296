"""What is said of a split that leaves a class out, and that the way out it names works."""

import pytest

from catomo.labels.values import Annotation
from catomo.train.scorable import Labelled, lines_of_split
from catomo.train.settings import Split
from catomo.train.split import split_parts

NAMES = ["background", "alumina", "pt"]
ROW = {f"s{i:02d}": 2 * i for i in range(12)}
BOTH = frozenset({0, 1})


def said(settings, pt):
    """Split twelve slices of which those named show pt; return problems and what is told."""
    shows = {"d": {name: BOTH | ({2} if name in pt else set()) for name in ROW}}
    parts = split_parts({"d": ROW}, settings, 1, shows)
    pixels = [9, 9, 9] + [0] * 253
    labelled = Labelled.of(NAMES, [Annotation("labels", tuple(pixels))], shows)
    problems, told = lines_of_split(parts, labelled, settings)
    assert not any("\n" in line for line in problems + told)
    return problems, told


def test_nothing_is_said_where_every_part_shows_every_class():
    for method in ("blocks", "folds", "random_patches"):
        assert said(Split(method=method, gap=0), ROW) == ([], [])
    assert said(Split(test_fraction=0.0), ["s03"]) == ([], [])


def test_slices_named_for_testing_may_come_back_into_training():
    settings = Split(method="names", test=["s07", "s08"], leave_out=["s06"])
    [problem], told = said(settings, ["s06", "s07", "s08"])
    assert told == []
    assert problem == (
        "train.split (method names): no training slice shows pt (2), but s07 and s08 (test) and "
        "s06 (left out) do; take some of them out of train.split.test, validation or leave_out, "
        "or label pt in more slices"
    )
    assert said(Split(method="names", test=["s08"]), ["s06", "s07", "s08"]) == ([], [])


def test_a_fold_that_takes_all_of_a_class_is_not_trained_but_another_is():
    settings = Split(method="folds", folds=3, fold=2, gap=0)
    [problem], _ = said(settings, ["s05"])
    assert "no training slice shows pt (2), but s05 (test) does; train another fold than 2" in (
        problem
    )
    problems, [told] = said(Split(method="folds", folds=3, fold=1, gap=0), ["s05"])
    assert problems == []
    assert "s05 alone shows it, for training" in told
    assert said(settings, ["s01", "s05"]) == ([], [])  # labelled in more slices


def test_a_gap_that_leaves_no_room_is_named():
    """Any test block of two with a gap of thirty slices leaves nothing of the other ten."""
    settings = Split(gap=30)
    with pytest.raises(Exception, match="lower test_fraction or gap"):
        said(settings, ["s05"])
    assert said(Split(gap=2), ["s03", "s09"]) == ([], [])


def test_a_class_that_cannot_be_tested_is_told_with_what_to_label():
    problems, [told] = said(Split(), ["s05"])
    assert problems == []
    assert told == (
        "train.split (method blocks): no test slice shows pt (2), so it gets no test score; s05 "
        "alone shows it, for training: label pt in another slice (more than 2 slices away)"
    )
    assert said(Split(), ["s05", "s07"]) == ([], [])
    problems, [told] = said(Split(method="names", test=["s00"]), ["s05", "s07"])
    assert problems == []
    assert told.endswith("s05 and s07 show it for training: name one of them in train.split.test")
    assert said(Split(method="names", test=["s07"]), ["s05", "s07"]) == ([], [])


def test_a_validation_without_a_class_is_told():
    problems, told = said(Split(validation_fraction=0.1, gap=0), ["s00", "s11"])
    assert problems == []
    assert len(told) == 1
    assert "no validation slice shows pt (2), so it gets no validation score" in told[0]
    assert said(Split(validation_fraction=0.1, gap=0), ["s00", "s05", "s11"]) == ([], [])


def test_a_class_labelled_in_black_borders_alone_is_named():
    shows = {"d": dict.fromkeys(ROW, BOTH)}
    parts = split_parts({"d": ROW}, Split(), 1, shows)
    pixels = Annotation("labels", (9, 9, 9, *[0] * 253))
    [problem], told = lines_of_split(parts, Labelled.of(NAMES, [pixels], shows), Split())
    assert told == []
    assert problem.startswith("labels: all pixels of pt (2) lie in black borders")
    # A class that nobody labelled is not looked for here.
    pixels = Annotation("labels", (9, 9, 0, *[0] * 253))
    assert lines_of_split(parts, Labelled.of(NAMES, [pixels], shows), Split()) == ([], [])


def test_the_dataset_is_named_where_there_are_several():
    shows = {"a": dict.fromkeys(ROW, BOTH), "b": {n: BOTH | {2} for n in ROW}}
    settings = Split(method="names", test=["b/*"])
    parts = split_parts({"a": ROW, "b": ROW}, settings, 1, shows)
    pixels = Annotation("labels", (9, 9, 9, *[0] * 253))
    [problem], _ = lines_of_split(parts, Labelled.of(NAMES, [pixels], shows), settings)
    assert "but b/s00, b/s01, b/s02, b/s03 and 8 more (test) do" in problem
