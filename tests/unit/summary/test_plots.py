"""The plots of the summary."""

import re

from catomo.summary.plots import plot
from catomo.summary.records import Row, Value
from catomo.summary.statistics import group_of


def draw(numbers, group="fresh", **intervals):
    rows = [
        Row(f"d{n}", f"d{n}", group, values={"x": Value(number, **intervals)})
        for n, number in enumerate(numbers)
    ]
    return plot(rows, "x", [group_of(group, numbers, [None] * len(numbers))], "length (nm)")


def test_the_same_numbers_give_the_same_bytes_without_a_date():
    one, other = draw([1.0, 2.0, 4.0], low=0.5, high=4.5), draw([1.0, 2.0, 4.0], low=0.5, high=4.5)
    assert one == other
    assert one.startswith("<svg")
    assert "<dc:date>" not in one


def test_names_groups_and_units_are_text_of_the_drawing():
    text = draw([1.0, 2.0, 4.0], group="5 % Pt & <fresh>")
    for words in ("d0", "d2", "length (nm)", "5 % Pt &amp; &lt;fresh&gt;"):
        assert f">{words}</text>" in text


def test_a_name_with_a_dollar_sign_is_no_formula():
    assert ">a$b$</text>" in draw([1.0, 2.0], group="a$b$")


def test_the_interval_of_two_crystals_leaves_room_for_their_values():
    """3.0 ± 6.4 by Student's t: on an axis of the whole band the points would stand as one."""
    texts = re.findall(r">(−?[\d.]+)</text>", draw([2.5, 3.5]))
    ticks = [float(text.replace("−", "-")) for text in texts]
    assert min(ticks) >= 1.9
    assert max(ticks) <= 4.1


def test_one_value_and_many_datasets_are_drawn():
    assert ">d0</text>" in draw([0.0])
    many = draw([float(n) for n in range(60)])
    assert ">d0</text>" not in many
    assert many.count("<use") >= 60
