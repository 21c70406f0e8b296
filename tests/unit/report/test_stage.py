"""The page of a dataset: what it warns of, and what it says to do next."""

import json

import pytest

from catomo.report.settings import Report
from catomo.report.stage import write_report

COMMON = {"catomo": "0", "code": "c", "settings": {}, "inputs": {}, "versions": {}, "files": {}}
SLICES = {"stage": "slices", "shape": [4, 8, 8], "contrast": {}, "next_step": "Annotate some."}
PREDICTION = {"stage": "predict", "fractions": {"background": 0.7, "alumina": 0.2, "pt": 0.1}}
TRAINING = {"stage": "train", "preset": "compact", "changed_from_preset": [], "steps": 1, "seed": 1}
TRAINING |= {"reproducible": True, "leak": {"nearest_correlation": None}, "split": {}}
TRAINING["files"] = {"model.keras": {"bytes": 1, "sha256": "0"}}


@pytest.fixture
def page(tmp_path):
    """Write the page of some records; return its text."""

    def write(**records):
        for name, content in records.items():
            (tmp_path / f"{name}.json").write_text(json.dumps({**COMMON, **content}))
        places = [tmp_path / f"{name}.json" for name in records]
        write_report(places, tmp_path / "out", Report(), "needle")
        return (tmp_path / "out" / "report.html").read_text()

    return write


def test_a_draft_is_flagged_and_the_page_says_how_to_correct_it(page):
    text = page(slices=SLICES, prediction={**PREDICTION, "draft": True})
    assert "<b>Draft:</b> the model was drawn from phantoms alone" in text
    assert "catomo annotate results/needle/04_slices" in text
    assert "labels/needle" in text


@pytest.mark.parametrize("draft", [{"draft": False}, {}])
def test_a_model_that_a_person_taught_is_not_flagged(page, draft):
    text = page(slices=SLICES, prediction={**PREDICTION, **draft})
    assert "drawn from phantoms" not in text
    assert "<b>Next:</b>" not in text


@pytest.mark.parametrize("stage", ["prediction", "training"])
def test_a_phantom_segmented_by_a_model_of_phantoms_is_no_draft(page, stage):
    made = {"prediction": PREDICTION, "training": TRAINING}[stage] | {"draft": True}
    phantom = SLICES | {"files": {"truth_labels.tif": {"bytes": 1, "sha256": "0"}}}
    assert "drawn from phantoms" in page(slices=SLICES, **{stage: made})
    text = page(slices=phantom, **{stage: made})
    assert "drawn from phantoms" not in text
    assert "correct the draft" not in text


def test_without_a_segmentation_the_page_asks_for_labels(page):
    text = page(slices=SLICES)
    assert "<b>Next:</b> Annotate some." in text
    assert "drawn from phantoms" not in text
