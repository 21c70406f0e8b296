"""The page of a dataset: what it warns of, and what it says to do next."""

import dataclasses
import json
import re

import pytest

from catomo import stages
from catomo.errors import UserError
from catomo.figures import new_figure, save
from catomo.record.hashes import sha256_of
from catomo.record.record import Record
from catomo.report import sections
from catomo.report.page import make_page
from catomo.report.settings import Report
from catomo.report.stage import write_report
from catomo.settings.base import PhaseClass

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
    assert "<b>Draft:</b> the model was trained on phantoms alone" in text
    assert "catomo annotate results/needle/04_slices" in text
    assert "labels/needle" in text


@pytest.mark.parametrize("draft", [{"draft": False}, {}])
def test_a_model_that_a_person_taught_is_not_flagged(page, draft):
    text = page(slices=SLICES, prediction={**PREDICTION, **draft})
    assert "trained on phantoms" not in text
    assert "<b>Next:</b>" not in text


@pytest.mark.parametrize("stage", ["prediction", "training"])
def test_a_phantom_segmented_by_a_model_of_phantoms_is_no_draft(page, stage):
    made = {"prediction": PREDICTION, "training": TRAINING}[stage] | {"draft": True}
    phantom = SLICES | {"files": {"truth_labels.tif": {"bytes": 1, "sha256": "0"}}}
    assert "trained on phantoms" in page(slices=SLICES, **{stage: made})
    text = page(slices=phantom, **{stage: made})
    assert "trained on phantoms" not in text
    assert "correct the draft" not in text


def test_without_a_segmentation_the_page_asks_for_labels(page):
    text = page(slices=SLICES)
    assert "<b>Next:</b> Annotate some." in text
    assert "trained on phantoms" not in text


def test_head_figures_and_quantities_have_the_titles_of_the_classes(tmp_path):
    classes = [
        PhaseClass(name="background", title="vacuum", colour="#000000"),
        PhaseClass(name="gold", title="Au", colour="#d4a017"),
        PhaseClass(name="gold_oxide", title="Au2O3", colour="#d4a0ff"),
    ]
    scores = {phase.name: {"dsc": {"mean": 0.5}} for phase in classes}
    entry = {"value": 2.0, "low": 1.5, "high": 2.5, "sample_low": None, "sample_high": None}
    entry |= {"unit": "nm³", "method": "counted"}
    records = {
        "metrics.json": {"scope": "All.", "classes": scores, "paper": {}},
        "quantities.json": {
            "quantities": {"gold_volume": entry, "gold_oxide_volume": entry},
            "pictures_note": None,
        },
    }
    read = {
        name: Record(tmp_path / name, {"stage": name, **COMMON, **content})
        for name, content in records.items()
    }
    text = make_page(read, classes, "x")
    assert re.findall("</b><span>([^<]*)<", text) == ["DSC Au", "DSC Au2O3"]
    assert "<td>Au: volume</td>" in text
    assert "<td>1.50 … 2.50</td><td>–</td>" in re.sub(r"\s*\n\s*", "", text)
    assert "Quote that of the specimen for what was seen here" in text
    assert "<td>Au2O3: volume</td>" in text
    assert "catalyst</th>" not in text  # the paper's


def test_what_is_doubtful_of_the_quantities_stands_at_the_top_and_beside_them(page):
    record = {"stage": "surfaces", "quantities": {}, "pictures_note": None}
    text = page(quantities=record | {"doubts": ["A skin covers Pt."]})
    assert '<p class="next"><b>Doubtful:</b> A skin covers Pt.</p>' in text
    assert "Doubtful: A skin covers Pt." in text.partition('id="stage-')[2]
    assert "Doubtful" not in page(quantities=record)


def test_records_with_other_classes_than_the_settings_are_refused(page):
    with pytest.raises(UserError, match=r"has the classes background, gold, the settings name"):
        page(slices=SLICES, prediction={**PREDICTION, "classes": ["background", "gold"]})


def test_a_stage_without_a_section_of_its_own_gets_heading_pictures_and_files(
    tmp_path, monkeypatch
):
    """A tenth stage needs an entry in the table of stages only."""
    ready = stages.stage_of("slices")
    tenth = dataclasses.replace(
        ready, number=10, word="polish", verb="polish", record="polish.json", title="Polish"
    )
    monkeypatch.setattr(sections, "STAGES", (*stages.STAGES, tenth))
    monkeypatch.setitem(stages.RECORDS, "polish", "polish.json")
    figure, _ = new_figure()
    save(figure, tmp_path / "smooth_surface.png")
    picture = tmp_path / "smooth_surface.png"
    entry = {"bytes": picture.stat().st_size, "sha256": sha256_of(picture)}
    content = {**COMMON, "stage": "polish", "files": {picture.name: entry}}
    (tmp_path / "polish.json").write_text(json.dumps(content))
    write_report([tmp_path], tmp_path / "out", Report(), "needle")
    text = (tmp_path / "out" / "report.html").read_text()
    assert "<small>10</small>Polish" in text
    assert "<figcaption>smooth surface</figcaption>" in text
    assert "<td>smooth_surface.png</td>" in text
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert list(provenance["stages"]) == ["polish"]


def test_a_folder_without_a_record_is_named(tmp_path):
    with pytest.raises(UserError, match="found no record of a stage there"):
        write_report([tmp_path], tmp_path / "out", Report())


def test_the_page_says_how_the_series_was_recorded(page):
    series = {"stage": "import", "tilt_deg": [-80, 0, 60], "shape": [3, 32, 40], "source": "a.mrc"}
    known = {"voltage_kv": 300.0, "signal": "HAADF", "angles_from": "a.tlt (column 2 of 2)"}
    series |= {"pixel_size_nm": 0.5, "mirrored_deg": [100], "acquisition": known}
    text = page(tilt_series=series)
    for words in ("300 kV", "HAADF", "a.tlt (column 2 of 2)", "Images beyond ±90° (1)"):
        assert words in text
    assert "probe current" not in text


def test_slices_that_few_tilts_recorded_are_named(page):
    text = page(
        reconstruction={
            "stage": "reconstruct",
            "backend": "tomopy",
            "settings": {"least_recorded": 0.5},
            "unrecorded_slices": [0, 1, 2, 47],
            "unmeasured_weight": "as measured zeros",
        },
        quantities={
            "stage": "surfaces",
            "quantities": {},
            "pictures_note": None,
            "slices_left_out": [0, 1, 2, 47],
        },
    )
    assert "Slices 0-2, 47, hatched in the picture, were recorded by less than 50 %" in text
    assert "The backend tomopy took pixels that were not measured for measured zeros" in text
    assert "Slices 0-2, 47 are left out of surfaces and quantities" in text
