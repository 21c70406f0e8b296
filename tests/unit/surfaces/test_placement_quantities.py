"""What quantities.json, placement.csv and placement.png say of where particles sit."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from catomo.surfaces.envelope import envelope_test
from catomo.surfaces.placement import Judged, Placement
from catomo.surfaces.placement_quantities import (
    placement_quantities,
    placement_words,
    write_placement,
)

PARTICLES = SimpleNamespace(kept=np.ones(12, bool))
TESTED = np.arange(12) < 10


def curve(places, observed):
    drawn = np.random.default_rng(1).uniform(0, 1, (99, len(places)))
    observed = np.array(observed)
    return Judged(places, observed, envelope_test(observed, drawn))


def found(**tests):
    on = np.arange(10) < 8
    return Placement(TESTED, TESTED & (np.arange(12) < 7), 0.4, {"111": on}, tests)


@pytest.fixture
def judged():
    return found(
        apex=curve([2.0, 4.0, 8.0], [0.5, 0.9, 3.0]),
        facets=curve(["111", "apex"], [0.8, 0.7]),
        neighbour=curve([3.0, 6.0], [0.2, 0.5]),
    )


def test_shares_and_p_values_are_those_of_the_tests(judged):
    result = placement_quantities("pt", "alumina", judged, PARTICLES, ["100", "111"])
    assert result["pt_apex_share"]["value"] == 0.7
    # Wilson's interval of 7 in 10.
    assert result["pt_apex_share"]["sample_low"] == pytest.approx(0.397, abs=1e-3)
    assert result["pt_apex_share"]["sample_high"] == pytest.approx(0.892, abs=1e-3)
    assert "random places have 0.40" in result["pt_apex_share"]["method"]
    assert result["pt_facet_share_111"]["value"] == 0.8
    assert result["pt_facet_share_100"]["value"] is None
    assert result["pt_placement_p"]["value"] == judged.tests["apex"].envelope.p == 0.01
    assert "10 particles, without 2 that the frame cuts" in result["pt_placement_p"]["method"]
    assert set(result) == {
        "pt_apex_share", "pt_facet_share_100", "pt_facet_share_111", "pt_placement_p",
        "pt_placement_p_facets", "pt_placement_p_neighbour",
    }  # fmt: skip


def test_what_is_not_judged_says_why(tmp_path):
    none = found(apex="there are no facets", facets="there are no facets", neighbour="so")
    none = Placement(none.tested, none.at_apex, None, {}, none.tests)
    result = placement_quantities("pt", "alumina", none, PARTICLES, ["111"])
    for key in ("pt_placement_p", "pt_apex_share", "pt_facet_share_111"):
        assert result[key]["value"] is None
        assert result[key]["method"].endswith("not judged, because there are no facets")
    write_placement(folder(tmp_path), none, 0.5)
    assert rows(tmp_path / "placement.csv") == []
    assert not (tmp_path / "placement.png").exists()


def test_without_support_nothing_is_told():
    result = placement_quantities("pt", "alumina", None, PARTICLES)
    assert {one["value"] for one in result.values()} == {None}
    assert result["pt_placement_p"]["method"].startswith("no voxel is labelled alumina, or nothing")


def test_what_chance_does_not_do_is_said_in_words(judged):
    placed, several = placement_words("pt", "alumina", judged, 0.5)
    assert "10 pt particles" in placed
    assert (
        "to the nearest apex are NOT as chance makes them (p = 0.010): particles are closer to"
        in (placed)
    )
    assert "70 % lie across an apex, and 40 % of random ones would" in placed
    assert "to the nearest other particle are as chance makes them" in placed
    assert "one specimen in 20" in several
    far = found(apex="there are no facets", facets="", neighbour=curve([3.0, 6.0], [-1.0, -1.0]))
    placed, _ = placement_words("pt", "alumina", far, 0.5)
    assert "was not judged, because there are no facets" in placed
    assert "particles are farther apart" in placed


def judged_at(places, observed, p=0.01):
    """Return a test whose envelope is 0.4 to 0.6 everywhere."""
    told = curve(places, observed)
    even = np.full(len(places), 0.5)
    return replace(told, envelope=replace(told.envelope, p=p, low=even - 0.1, high=even + 0.1))


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        # The direction is that where the curve leaves, not that of the area between curves.
        ([0.7, 0.41, 0.41, 0.41, 0.41], "particles are closer together"),
        ([0.59, 0.59, 0.59, 0.59, 0.35], "particles are farther apart"),
        (
            [0.5, 0.7, 0.5, 0.5, 0.3],
            "counted up to 2 nm particles are closer together, up to 5 nm farther apart",
        ),
        ([0.5, 0.5, 0.5, 0.5, 0.5], "NOT as chance makes them (p = 0.010)."),
    ],
)
def test_the_direction_is_that_in_which_the_curve_leaves(observed, words):
    one = found(apex="so", facets="so", neighbour=judged_at([2.0, 4.0, 6.0, 8.0, 10.0], observed))
    assert words in placement_words("pt", "alumina", one, 0.5)[0]


def test_where_the_curve_leaves_and_p_is_the_level_chance_is_rejected():
    one = found(apex="so", facets="so", neighbour=judged_at([2.0], [0.7], p=0.05))
    assert "are NOT as chance makes them (p = 0.050)" in placement_words("pt", "al", one, 1.0)[0]


def test_a_rare_column_and_a_constant_one_are_drawn(tmp_path):
    rare, constant = np.zeros(999), np.full(999, 1 / 3)
    rare[:20] = 0.1
    drawn = np.stack([rare, constant, 0.1 * np.arange(999) / 999], axis=1)
    test = envelope_test(np.array([0.0, 1 / 3, 0.05]), drawn)
    assert test.middle[0] > test.high[0]  # the mean of all draws, outside of most of them
    judged = Judged(["100", "111", "apex"], np.array([0.0, 1 / 3, 0.05]), test)
    write_placement(folder(tmp_path), found(apex="so", facets=judged, neighbour="so"), 0.5)
    assert (tmp_path / "placement.png").read_bytes()[:4] == b"\x89PNG"


def test_what_limits_a_test_is_in_its_method_and_a_skin_in_the_words(judged):
    noted = replace(judged.tests["neighbour"], note="2 that touch a larger one count as one")
    limited = replace(
        judged, tests={**judged.tests, "neighbour": noted}, covered=0.31, passed_over=2
    )
    result = placement_quantities("pt", "alumina", limited, PARTICLES)
    for key in ("pt_placement_p", "pt_placement_p_neighbour"):
        assert (
            "no random places on the 31 % of the surface that lie below other"
            in (result[key]["method"])
        )
        assert "10 particles drawn among 12;" in result[key]["method"]
    assert (
        "; 2 that touch a larger one count as one; no low"
        in (result["pt_placement_p_neighbour"]["method"])
    )
    words = placement_words("pt", "alumina", limited, 0.5, has_skin=True)
    assert "(2 that touch a larger one count as one)." in words[0]
    assert words[1].startswith("The skin of alumina around pt hides where it sits")


def test_without_a_test_the_words_say_why():
    why = "only 4 whole particles sit on the support, and 5 are the least"
    none = found(apex=why, facets=why, neighbour=why)
    assert placement_words("pt", "alumina", none, 0.5) == [
        f"Whether chance puts pt where it is was not judged, because {why}."
    ]
    assert placement_words("pt", "alumina", None, 0.5) == []


def test_curves_are_written_with_their_envelopes_and_drawn(tmp_path, judged):
    write_placement(folder(tmp_path), judged, 0.5)
    written = rows(tmp_path / "placement.csv")
    apex = [row for row in written if row["statistic"] == "apex"]
    assert [float(row["place"]) for row in apex] == [1.0, 2.0, 4.0]
    assert [float(row["observed"]) for row in apex] == [0.5, 0.9, 3.0]
    low, high = (float(apex[0][key]) for key in ("envelope_low", "envelope_high"))
    assert low < float(apex[0]["by_chance"]) < high
    assert [row["place"] for row in written if row["statistic"] == "facets"] == ["111", "apex"]
    assert (tmp_path / "placement.png").read_bytes()[:4] == b"\x89PNG"


def folder(path):
    return SimpleNamespace(path=lambda name: path / name)


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
