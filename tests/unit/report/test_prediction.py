"""The section of the prediction: the warning, the accuracy to expect, and how slices look."""

from pathlib import Path

from catomo.record.record import Record
from catomo.report.prediction import fit_warning, prediction
from catomo.settings.base import PhaseClass

CLASSES = [
    PhaseClass(name="background", title="background", colour="#000000"),
    PhaseClass(name="pt", title="Pt", colour="#ff0000"),
]
LOOKS = {
    "grey": [2.0, 200.0],
    "bright": [10.0, 230.0],
    "texture": [3.0, 5.0],
    "noise": [1.0, 4.0],
    "edge_z": [None, 40.0],
    "edge_x": [None, 50.0],
}
FITS = {
    "fractions": {"background": 0.9, "pt": 0.1},
    "levels": {"notes": ["the values are twice as large"]},
    "fit": {
        "judged": True,
        "warning": "",
        "differs": [],
        "appearance": LOOKS,
        "learnt": [LOOKS],
        "missing_wedge_deg": 44.0,
        "learnt_missing_wedge_deg": None,
    },
    "annotate_next": [],
    "accuracy": {"part": "validate", "images": 6, "specimens": 2},
    "expected_dsc": {"background": None, "pt": {"dsc": 0.81234, "low": 0.7, "high": 0.9}},
}


def record(**changes):
    return Record(Path("prediction.json"), {**FITS, **changes})


def test_a_model_that_fits_shows_the_accuracy_to_expect():
    words, (expected, looks) = prediction(record(), CLASSES)
    assert "The slices look like those that taught the model." in words
    assert "on 6 validation images" in words[-1]
    assert [[one.text for one in row] for row in expected.rows] == [
        ["Pt", "0.812", "0.700 … 0.900"]
    ]
    assert expected.rows[0][1].key == "expected_dsc.pt.dsc"
    assert [one.text for one in looks.rows[1]] == ["mean grey, Pt", "200.00", "200.00"]
    assert [one.text for one in looks.rows[3]][1:] == ["230.00", "230.00"]
    assert [one.text for one in looks.rows[-1]] == ["missing wedge / °", "44.0", "–"]
    assert fit_warning(record()) == ""


def test_a_model_that_does_not_fit_says_what_differs_and_what_to_annotate():
    fit = {**FITS["fit"], "warning": "The slices differ in noise.", "differs": [{"what": "noise"}]}
    worse = record(fit=fit, annotate_next=["a", "b"], expected_dsc={"background": None, "pt": None})
    words, (expected, _) = prediction(worse, CLASSES)
    text = "The slices differ in noise. Annotate a, b next, and train the model further."
    assert text in words
    assert fit_warning(worse) == text
    assert not expected.rows
    assert "The slices look like those that taught the model." not in words


def test_predictions_of_before_show_what_they_have():
    old = Record(Path("prediction.json"), {"fractions": FITS["fractions"]})
    words, tables = prediction(old, CLASSES)
    assert words == ["Share of all voxels: background 90.00 %, Pt 10.00 %."]
    assert not any(table.rows for table in tables)


def test_predictions_without_a_figure_that_came_later_show_the_others():
    looks = {name: values for name, values in LOOKS.items() if name != "bright"}
    old = record(fit={"judged": True, "warning": "", "appearance": looks, "learnt": [looks]})
    _, (_, table) = prediction(old, CLASSES)
    assert len(table.rows) == len(prediction(record(), CLASSES)[1][1].rows) - len(CLASSES) - 1
