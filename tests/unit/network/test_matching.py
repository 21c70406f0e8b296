"""Greys of slices at the levels of a model: supports come to one grey, whatever else is there."""

import json
from dataclasses import replace

import numpy as np
import pytest

from catomo.network.levels import KEPT, MATTER_BINS, MATTER_STEP, Contrast, Levels
from catomo.network.matching import Match, common_levels, match

RICH = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (6.0,), 121.0)
BARE = Levels(Contrast(0.0, 7.2, 0.5, "percentiles"), 0.0, (6.0,), 8.0)
GIVEN = Levels(KEPT, 5.0, (58.0,), 255.0)


def scaled(levels, factor, offset=0.0):
    """The same slices of a volume whose values are multiplied and moved."""
    contrast = levels.contrast
    return Levels(
        replace(contrast, low=factor * contrast.low + offset, high=factor * contrast.high + offset),
        factor * levels.background + offset,
        (factor * levels.support + offset,),
        factor * levels.brightest + offset,
    )


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0, 1e-4, 1e5])
@pytest.mark.parametrize("offset", [0.0, -250.0])
@pytest.mark.parametrize("kind", [RICH, BARE])
def test_a_support_gets_the_grey_that_it_had_in_training(kind, factor, offset):
    levels = scaled(kind, factor, offset)
    found = match(levels, RICH)
    assert found.factor == pytest.approx(factor)
    greys = found.apply(levels.contrast.greys(np.array([levels.background, levels.support])))
    # A step of grey of the bare support is 2.5 % of its value, half a grey of the model.
    np.testing.assert_allclose(greys, [0, 255 * np.sqrt(6 / 120)], atol=1)
    values = np.linspace(levels.background, levels.contrast.high, 50)
    expected = RICH.contrast.greys((values - offset) / factor)
    shown = found.apply(levels.contrast.greys(values)).astype(int)
    assert np.abs(shown - expected)[5:].max() <= 1
    told = " ".join(found.notes)
    assert ("times those of the slices that the model learnt" in told) == (factor != 1)


def test_the_slices_that_taught_a_model_keep_their_greys_without_a_word():
    for levels in (RICH, GIVEN, replace(RICH, peaks=())):
        assert match(levels, levels) == Match(factor=1.0)
    greys = np.arange(256, dtype=np.uint8)
    assert match(RICH, RICH).apply(greys) is greys


def test_8_bit_images_of_about_one_scale_are_kept_and_others_brought_to_it():
    near = replace(GIVEN, background=6.0, peaks=(65.0,))
    assert match(near, GIVEN).table is None
    assert match(near, GIVEN).notes == ()
    stretched = replace(GIVEN, background=8.0, peaks=(220.0,))
    found = match(stretched, GIVEN)
    np.testing.assert_array_equal(found.apply(np.array([8, 220])), [5, 58])
    assert found.factor == pytest.approx(212 / 53)
    assert "8-bit images do not tell their scale" in found.notes[0]


def test_8_bit_images_beside_a_recorded_rule_are_matched_by_grey_and_told():
    for levels, learnt in ((BARE, GIVEN), (GIVEN, RICH)):
        found = match(levels, learnt)
        own = [levels.contrast.grey(v) for v in (levels.background, levels.support)]
        there = [learnt.contrast.grey(v) for v in (learnt.background, learnt.support)]
        greys = found.apply(np.rint(own).astype(np.uint8))
        np.testing.assert_allclose(greys, there, atol=1)
        assert "matched by background and support alone" in found.notes[0]
        assert found.factor is None


@pytest.mark.parametrize(
    ("levels", "learnt", "words"),
    [
        (replace(RICH, peaks=()), RICH, "greys of these slices show no support"),
        (RICH, replace(RICH, background=None, peaks=()), "learnt show no background and supp"),
        (RICH, None, "model does not say at which grey levels it learnt"),
        (None, RICH, "slices do not say their grey levels"),
    ],
)
def test_what_cannot_be_compared_stays_as_it_is_and_is_told(levels, learnt, words):
    found = match(levels, learnt)
    assert found.table is None
    [note] = found.notes
    assert words in note
    assert "\n" not in note


def test_what_does_not_suit_the_model_is_told():
    linear = replace(RICH, contrast=replace(RICH.contrast, gamma=1.0))
    [note] = match(linear, RICH).notes
    assert "slices.gamma: 0.5" in note
    cut = replace(BARE, brightest=118.0)
    [note] = match(cut, RICH).notes
    assert "cut off what is brighter than 1.2 times the support" in note
    [note] = match(RICH, BARE).notes
    assert "brightest matter is 20.2 times as bright as the support" in note
    assert match(replace(RICH, peaks=(6.1,)), RICH).notes == ()


def test_levels_set_alike_by_hand_mean_one_scale():
    one = replace(RICH, background=0.0, peaks=(1.0,))
    other = replace(BARE, background=0.0, peaks=(1.0,))
    found = match(other, one)
    assert found.factor == 1
    values = np.linspace(0.5, 7, 20)
    shown = found.apply(other.contrast.greys(values)).astype(int)
    assert np.abs(shown - one.contrast.greys(values)).max() <= 1


def test_a_model_of_several_datasets_learns_where_bright_matter_has_most_room():
    assert common_levels([BARE, scaled(RICH, 0.2), None]) == scaled(RICH, 0.2)
    blind = replace(RICH, peaks=())
    assert common_levels([blind, BARE]) == BARE
    assert common_levels([blind]) == blind
    assert common_levels([None, None]) is None


def test_a_match_comes_back_from_a_record():
    found = match(BARE, RICH)
    again = Match.of(json.loads(json.dumps(found.record())))
    np.testing.assert_array_equal(again.table, found.table)
    assert (again.factor, again.notes) == (found.factor, found.notes)
    assert Match.of(None).table is None


def matter(*peaks, white=120.0):
    """A distribution with peaks at some values, each with its share of all values."""
    logs = np.log(white) - MATTER_STEP * (np.arange(MATTER_BINS)[::-1] + 0.5)
    heights = sum(s * np.exp(-(((logs - np.log(v)) / 0.15) ** 2) / 2) for v, s in peaks)
    return tuple((heights * MATTER_STEP / 0.376).tolist())


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_of_several_peaks_those_of_the_same_matter_belong_together(factor):
    """A film, a support, or plenty of particles may have the highest peak."""
    taught = replace(RICH, peaks=(6.0,), matter=matter((0.3, 0.08), (6.0, 0.12), (110.0, 0.03)))
    film = scaled(BARE, factor)
    film = replace(
        film,
        peaks=(0.3 * factor, 6.0 * factor),
        matter=matter((0.3, 0.15), (6.0, 0.12), white=7.2),
    )
    assert match(film, taught).factor == pytest.approx(factor)
    loaded = scaled(RICH, factor)
    loaded = replace(
        loaded,
        peaks=(110.0 * factor, 6.0 * factor),
        matter=matter((0.3, 0.08), (6.0, 0.09), (110.0, 0.08)),
    )
    assert match(loaded, taught).factor == pytest.approx(factor)
    assert common_levels([film, taught, loaded]) in (taught, loaded)


def test_two_supports_that_are_as_likely_are_told():
    """Plenty of particles beside their support, and a specimen of one brightness alone."""
    both = replace(RICH, peaks=(6.0, 110.0), matter=matter((6.0, 0.1), (110.0, 0.1)))
    one = replace(BARE, matter=matter((6.0, 0.1), white=7.2))
    found = match(one, both)
    assert found.factor == 1
    assert any("may also be what has" in note for note in found.notes)
    known = replace(both, peaks=(6.0,))  # labels tell a model which of the two is its support
    assert match(one, known).notes == ()


def on_film(factor, film=0.12):
    """A bare support on a film that has as much matter, and the model that learnt without one."""
    taught = replace(RICH, matter=matter((6.0, 0.15), (110.0, 0.03)))
    given = matter((0.3, film), (6.0, 0.12), white=7.2)
    specimen = scaled(BARE, factor)
    return replace(specimen, peaks=(0.3 * factor, 6.0 * factor), matter=given), taught


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("film", [0.1, 0.11, 0.12])
def test_a_bare_support_on_a_film_is_on_one_scale_with_a_batch_without_film(factor, film):
    specimen, taught = on_film(factor, film)
    found = match(specimen, taught)
    assert found.factor == pytest.approx(factor)
    assert not found.is_undecided


def test_the_likelier_peak_does_not_win_where_it_is_hardly_likelier():
    """By matter alone the film would be the support, and all would be taken for 20 times dimmer."""
    specimen, taught = on_film(1.0)
    found = match(specimen, taught)
    assert found.factor == pytest.approx(1)
    [note] = [note for note in found.notes if "may also be what has 0.3" in note]
    assert "factor 0.05" in note


@pytest.mark.parametrize("factor", [0.1, 5.0, 1e4])
def test_where_neither_matter_nor_scale_decides_nothing_is_brought_anywhere(factor):
    specimen, taught = on_film(factor)
    specimen = replace(specimen, matter=())
    found = match(specimen, taught)
    assert found.is_undecided
    assert (found.table, found.factor) == (None, None)
    [note] = found.notes
    assert "set slices.background and slices.support" in note
    assert "\n" not in note
    named = match(replace(specimen, peaks=(6.0 * factor,)), taught)
    assert named.factor == pytest.approx(factor)
    assert not named.is_undecided
