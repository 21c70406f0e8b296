"""Readings of a list of angles: the orders of microscopes and of names, and the way out."""

import numpy as np
import pytest

from catomo.align.readings import Recording, orders_of_list, usual_orders

ANGLES = np.array([-9.0, -6, -3, 0, 3, 6, 9, 12])


def words_of(readings, true):
    return [words for words, angles in readings if angles.tolist() == list(true)]


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ([0, 3, 6, 9, 12, -3, -6, -9], "up from 0° and then down"),
        ([0, -3, -6, -9, 3, 6, 9, 12], "down from 0° and then up"),
        ([-3, -6, -9, 0, 3, 6, 9, 12], "down from -3° and then up"),
        ([0, 3, 6, 9, 12, -9, -6, -3], "up from 0° and then up to 0°"),
        ([0, 3, -3, 6, -6, 9, -9, 12], "up and down in turns from 0°"),
        ([3, 0, 6, -3, 9, -6, 12, -9], "down and up in turns from 3°"),
        ([0, 3, 6, -3, -6, 9, 12, -9], "up and down in turns from 0° in groups of 2"),
        ([0, -3, 3, 6, -6, -9, 9, 12], "down and up in turns from 0° in groups of 2, 0° included"),
        ([0, 3, 6, 9, -3, -6, -9, 12], "up and down in turns from 0° in groups of 3"),
    ],
)
def test_orders_of_acquisition(taken, words):
    sentence = f"the images are in the order of acquisition, {words}, while the angles are sorted"
    assert words_of(usual_orders(ANGLES), taken)[0] == sentence


def test_images_sorted_once_too_often():
    """Sorted images that were sorted again by the angles 0, 3, -3, 6, … listed for them."""
    taken = np.array([0, 3, -3, 6, -6, 9, -9, 12])
    true = ANGLES[np.argsort(taken)]
    words = words_of(usual_orders(ANGLES), true)
    assert any("sorted already" in one and "up and down in turns from 0°" in one for one in words)


@pytest.mark.parametrize(
    "key", [str, lambda angle: (str(abs(angle)), angle), lambda angle: (str(abs(angle)), -angle)]
)
def test_names_as_text(key):
    taken = sorted(range(-20, 21, 2), key=key)
    words = words_of(usual_orders(np.arange(-20.0, 21, 2)), taken)
    assert "the images are in the order of their names, where the angles are text" in words[0]


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_as_text(first):
    names = sorted(str(number) for number in range(first, first + 21))
    angles = np.arange(-20.0, 21, 2)
    words = words_of(usual_orders(angles), angles[[int(name) - first for name in names]])
    assert f"where {first + 10} comes before {first + 2}" in words[0]


def test_what_a_list_suggests():
    listed = np.array([0.0, 3, -3, 6])
    assert [angles.tolist() for _, angles in orders_of_list(listed)] == [
        [-3, 0, 3, 6],
        [6, 3, 0, -3],
        [6, -3, 3, 0],
    ]


def imported(listed, order, angles_from="a.mdoc", handedness=1):
    return Recording.of(
        {
            "order": order,
            "listed_deg": listed,
            "acquisition": {"angles_from": angles_from},
            "settings": {"handedness": handedness},
        }
    )


def test_the_way_out():
    listed, order = [0.0, 3.0, -3.0], [2, 0, 1]
    rising, falling, other = np.array([-3.0, 0, 3]), np.array([3.0, 0, -3]), np.array([3.0, -3, 0])
    assert imported(listed, order).way_out(rising).endswith("angle_order: ascending")
    assert imported(listed, order).way_out(falling).endswith("angle_order: descending")
    mirrored = imported(listed, order, handedness=-1)
    assert mirrored.way_out(rising).endswith("angle_order: descending")
    assert imported(listed, order).way_out(other).endswith("name the copy in the column 'angles'")
    assert "trust_given: true" in imported(listed, order, "the header").way_out(other)
    assert "exclude_tilts" in imported(listed, order[:2]).way_out(other)
    assert Recording.of({"tilt_deg": [0, 1]}).way_out(other) == "check the angles"


def test_the_way_out_where_the_import_changed_the_angles():
    other = np.array([3.0, -3, 0])
    source = {
        "order": [2, 0, 1],
        "listed_deg": [-3.0, 0.0, 3.0],
        "acquisition": {"angles_from": "a.mdoc"},
        "settings": {"handedness": 1, "angle_order": "ascending"},
    }
    assert "set tilt_series.import.angle_order: as_given" in Recording.of(source).way_out(other)
    assert Recording.of(source | {"mirrored_deg": [100.0]}).way_out(other) == "check the angles"
