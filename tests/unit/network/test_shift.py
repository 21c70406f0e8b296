"""Slices unlike those that taught a model: each kind of difference gets its name."""

from dataclasses import replace

import pytest

from catomo.network.appearance import Appearance
from catomo.network.levels import KEPT, Contrast, Levels
from catomo.network.shift import contrast_differences, differences, wedge_differences

NAMES = ["background", "alumina", "pt"]
TAUGHT = Appearance(
    grey=(2.0, 57.0, 220.0),
    texture=(5.0, 7.0, 12.0),
    noise=(1.0, 0.7, 2.0),
    bright=(30.0, 80.0, 250.0),
    edge_z=(None, 14.0, 60.0),
    edge_x=(None, 16.0, 70.0),
)
RULE = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (6.0,), 121.0)


def changed(factor, *figures):
    """Return `TAUGHT` with some figures so many times as large."""
    more = {name: tuple(v and v * factor for v in getattr(TAUGHT, name)) for name in figures}
    return replace(TAUGHT, **more)


def names(found, learnt=(TAUGHT,)):
    lines = differences(found, learnt, NAMES) + wedge_differences(found, learnt, NAMES, None, None)
    return {one.what for one in lines}


def leaning(alumina, pt):
    """Return `TAUGHT` with other ratios of the steps of its classes along and across the beam."""
    (_, *across) = TAUGHT.edge_x
    ratios = (alumina, pt)
    return replace(
        TAUGHT,
        edge_z=(None, *(x * r**0.5 for x, r in zip(across, ratios, strict=True))),
        edge_x=(None, *(x / r**0.5 for x, r in zip(across, ratios, strict=True))),
    )


def test_slices_that_look_alike_get_no_word():
    assert names(TAUGHT) == set()
    for figure in ("grey", "texture", "noise", "edge_z", "edge_x"):
        assert names(changed(1.1, figure)) == set()


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (changed(3, "noise"), "noise"),
        (changed(0.3, "noise"), "noise"),
        (changed(1.3, "grey"), "grey levels"),
        (changed(2.5, "texture"), "texture"),
        (changed(0.6, "edge_z", "edge_x"), "sharpness"),
        (changed(1.6, "edge_z", "edge_x"), "sharpness"),
        (replace(changed(0.75, "edge_z"), edge_x=changed(1.33, "edge_x").edge_x), "missing wedge"),
    ],
)
def test_each_difference_has_its_name(found, what):
    assert names(found) == {what}


def test_a_recorded_wedge_counts_and_edges_only_where_they_lean_far():
    for equal in (60.0, 64.0, 30.0):
        assert wedge_differences(leaning(0.65, 0.7), [TAUGHT], NAMES, equal, 44.0) == []
    for wedge in (64.5, 80.0):
        (wider,) = wedge_differences(TAUGHT, [TAUGHT], NAMES, wedge, 44.0)
        assert wider.what == "missing wedge"
    assert wider.text == "the tilts leave out 80°, in training 44° at the most"
    # What blurs along the beam need not be the wedge: a drift, a tilt axis that is off.
    (blurred,) = wedge_differences(leaning(0.5, 0.5), [TAUGHT], NAMES, 44.0, 44.0)
    assert blurred.what == "sharpness"
    assert "along the beam edges are 1.73 times more blurred" in blurred.text
    for one_known in ((None, 44.0), (80.0, None)):
        (guessed,) = wedge_differences(leaning(0.5, 0.5), [TAUGHT], NAMES, *one_known)
        assert (guessed.what, guessed.text) == ("missing wedge", blurred.text)


def test_a_class_that_looks_alike_in_all_training_tells_a_wider_wedge():
    """Tilts to ±45° instead of ±68°: greys, noise and the mean over classes tell nothing."""
    taught = [leaning(a, 0.89) for a in (0.75, 0.85, 0.9, 0.97)]
    assert names(leaning(0.7, 0.87), taught) == set()
    assert names(leaning(0.7, 0.7), taught) == {"missing wedge"}
    assert names(leaning(0.7, 0.7), taught[:3]) == set()
    (line,) = wedge_differences(leaning(0.7, 0.7), taught, NAMES, None, None)
    assert line.text.startswith("along the beam edges of pt are 1.27 times more blurred")
    assert names(leaning(0.85, 1.08), taught) == set(), "less blurred is no wider wedge"
    kinds = [leaning(0.8, pt) for pt in (0.65, 0.89, 0.75, 0.8)]
    assert names(leaning(0.8, 0.6), kinds) == set()
    # However far training ranges, not everything is allowed.
    assert names(leaning(0.35, 0.35), [leaning(r, r) for r in (0.6, 0.85, 1.0, 1.2)]) != set()


def test_edges_of_a_support_without_particles_may_be_less_steep():
    bare = replace(TAUGHT, grey=(2.0, 57.0, None), texture=(5.0, 7.0, None), noise=(1, 0.7, None))
    bare = replace(bare, bright=(30.0, 80.0, None))

    def with_edges(factor):
        return replace(bare, edge_z=(None, 14 * factor, None), edge_x=(None, 16 * factor, None))

    assert names(with_edges(0.7), [TAUGHT] * 5) == set()
    assert names(with_edges(0.5), [TAUGHT] * 5) == {"sharpness"}
    assert names(with_edges(1.4), [TAUGHT] * 5) == {"sharpness"}
    assert names(changed(0.7, "edge_z", "edge_x"), [TAUGHT] * 5) == {"sharpness"}
    assert names(with_edges(0.55), [*[TAUGHT] * 3, with_edges(0.8)]) == {"sharpness"}


def test_the_text_says_how_much_and_of_what():
    (grey, _) = differences(changed(1.3, "grey"), [TAUGHT], NAMES)
    assert grey.text == "alumina has the grey 74.1, in training 57"
    (sharp,) = differences(changed(0.5, "edge_z", "edge_x"), [TAUGHT], NAMES)
    assert sharp.text == "edges are 2 times less steep than in training"


def test_between_the_datasets_of_a_training_everything_is_known():
    noisy = changed(4, "noise")
    assert names(changed(2.2, "noise"), (TAUGHT, noisy)) == set()
    assert names(changed(9, "noise"), (TAUGHT, noisy)) == {"noise"}


def test_classes_that_one_side_does_not_show_are_left_out():
    nothing = (None, None, None)
    bare = replace(TAUGHT, grey=(2.0, 57.0, None), edge_x=(None, 16.0, None))
    assert names(bare) == set()
    assert names(TAUGHT, (bare,)) == set()
    empty = Appearance(*([nothing] * 6))
    assert names(empty) == {"matter"}
    assert names(TAUGHT, (empty,)) == set()


def test_a_class_that_hides_in_a_darker_one_is_told():
    bare = replace(
        TAUGHT, grey=(2.0, 57.0, None), edge_z=(None, 14.0, None), edge_x=(None, 16.0, None)
    )
    hidden = replace(bare, bright=(30.0, 100.0, None))
    (one,) = differences(hidden, [TAUGHT], NAMES)
    assert one.what == "a class that is not found"
    assert "no pt is found, but what is labelled alumina reaches the grey 100" in one.text
    assert "would end below 85" in one.text  # 57 + 4 · 7
    assert names(replace(bare, bright=(30.0, 84.0, None))) == set()
    # Where pt is found, alumina beside it may be that bright.
    assert names(replace(TAUGHT, bright=(30.0, 100.0, 250.0))) == set()
    # A model that never saw pt does not miss it. One whose pt was darker expects no greys above.
    assert names(hidden, (bare,)) == set()
    dark = replace(TAUGHT, grey=(2.0, 57.0, 40.0))
    assert names(replace(hidden, bright=(30.0, 250.0, None)), (dark,)) == set()
    # Particles that are too small to have an inside are found.
    assert names(replace(hidden, edge_x=(None, 16.0, 70.0))) == set()
    # What bare slices of the training were like is known.
    assert names(hidden, (TAUGHT, replace(bare, bright=(30.0, 110.0, None)))) == set()
    assert names(hidden, (TAUGHT, bare)) == {"a class that is not found"}
    # The widest of the datasets of the training counts.
    assert names(hidden, (TAUGHT, changed(2, "texture"))) == set()


def test_images_of_an_unknown_rule_are_told_unless_the_model_learnt_such():
    kept = Levels(KEPT, 5.0, (58.0,), 255.0)
    (one,) = contrast_differences(kept, RULE, 1.0)
    assert one.what == "contrast rule"
    assert contrast_differences(RULE, kept, 1.0)
    assert contrast_differences(kept, kept, 1.0) == []
    assert contrast_differences(None, RULE, None) == contrast_differences(RULE, None, None) == []


def test_a_rule_that_cuts_off_what_the_model_learnt_is_told():
    cut = replace(RULE, contrast=replace(RULE.contrast, high=8.0))
    (one,) = contrast_differences(cut, RULE, 1.0)
    assert "brighter than 1.33 times the support" in one.text
    # A bare support is stretched to white, but nothing of it is lost.
    bare = replace(cut, brightest=8.1)
    assert contrast_differences(bare, RULE, 1.0) == []
    # Nor is a rule that keeps most of it.
    assert contrast_differences(replace(RULE, brightest=300.0), RULE, 1.0) == []
