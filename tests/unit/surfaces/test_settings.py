"""Settings of the surfaces: what is refused says the value once and the way out."""

import pytest
from pydantic import ValidationError

from catomo.settings.problems import lines_of
from catomo.surfaces.settings import Surfaces


def test_few_redraws_are_refused_in_one_line_that_says_the_way_out():
    with pytest.raises(ValidationError) as refused:
        Surfaces(redraws=3)
    assert lines_of(refused.value, Surfaces, "surfaces.") == [
        "surfaces.redraws: found 3; fewer than 10 tell too little; take 0 for none, or more"
    ]
    assert [Surfaces(redraws=number).redraws for number in (0, 10)] == [0, 10]
