"""Names of quantities in words."""

import pytest

from catomo.report.words import quantity_in_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gold_count", "Au: number of particles"),
        ("gold_rim_volume", "rim: volume"),
        ("gold_reachable_250pm", "Au: share of surface that a ball of 0.25 nm radius reaches"),
        ("gold_new_thing", "Au: new thing"),
        ("of_no_class", "of no class"),
    ],
)
def test_a_quantity_has_the_title_of_its_class(name, words):
    assert quantity_in_words(name, {"gold": "Au", "gold_rim": "rim"}) == words
