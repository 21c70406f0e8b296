"""Captions follow the classes, the support, and how the pictures were drawn."""

import pytest

from catomo.record.record import Record
from catomo.report.pictures import caption
from catomo.settings.base import PhaseClass


def classes(*titles):
    return [
        PhaseClass(name=f"class{number}", title=title, colour="#000000")
        for number, title in enumerate(titles)
    ]


def record(path, support=None, **content):
    return Record(path, {"settings": {"support": support}, **content})


@pytest.mark.parametrize(
    ("titles", "support", "expected"),
    [
        (("vacuum", "carrier", "metal"), "class1", "carrier translucent, metal opaque."),
        (("vacuum", "carrier", "metal"), None, "carrier and metal opaque."),
        (("vacuum", "a", "b", "c"), "class2", "b translucent, a and c opaque."),
        (("vacuum", "a", "b", "c"), None, "a, b and c opaque."),
        (("vacuum", "carrier"), "class1", "carrier translucent."),
    ],
)
def test_a_view_names_what_is_translucent_and_what_is_opaque(tmp_path, titles, support, expected):
    made = record(tmp_path / "quantities.json", support)
    words = f"Along the beam: {expected}"
    assert caption(made, "view_front.png", classes(*titles)) == words


def test_all_is_opaque_in_one_view(tmp_path):
    made = record(tmp_path / "quantities.json", "class1")
    words = "Obliquely: carrier and metal opaque."
    assert caption(made, "view_opaque.png", classes("vacuum", "carrier", "metal")) == words


def test_projections_are_no_views(tmp_path):
    made = record(tmp_path / "quantities.json", "class1", pictures="projections")
    shown = {
        name: caption(made, f"{name}.png", classes("vacuum", "carrier", "metal"))
        for name in ("view_side", "view_opaque")
    }
    assert shown == {
        "view_side": "From the side: a projection of the labels, the highest label of each ray.",
        "view_opaque": "Along the beam: a projection of the labels, the first label of each ray.",
    }


def test_the_tilt_series_of_a_phantom_shows_its_truth(tmp_path):
    real, phantom = (record(tmp_path / "t.json", source=source) for source in ("file", "phantom"))
    assert "truth" not in caption(real, "tilt_series.png", [])
    assert "truth" in caption(phantom, "tilt_series.png", [])
    assert caption(real, "phase_map.png", []) == "phase map"
