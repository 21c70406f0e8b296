"""The list of stages: which were run, which a dataset has no need of, which are missing."""

from catomo.record.record import Record
from catomo.report.steps import MISSING, RUN, SKIPPED, steps


def listed(tmp_path, **records):
    """Return state and reason by the number of the stage."""
    read = {f"{n}.json": Record(tmp_path / f"{n}.json", r) for n, r in records.items()}
    return {step.number: (step.state, step.why) for step in steps(read)}


def test_a_series_that_waits_for_labels(tmp_path):
    found = listed(
        tmp_path, tilt_series={}, alignment={"verdict": "warn", "reasons": ["blurred"]},
        reconstruction={}, slices={"files": {}},
    )  # fmt: skip
    assert [found[f"0{n}"][0] for n in range(1, 5)] == [RUN] * 4
    assert found["02"][1] == "verdict warn: blurred"
    assert found["05"][0] == found["06"][0] == found["08"][0] == SKIPPED
    assert "neither labels nor a model" in found["06"][1]
    assert list(found) == [f"0{n}" for n in range(1, 9)]


def test_a_verdict_of_stop_is_why_there_is_no_volume(tmp_path):
    found = listed(tmp_path, tilt_series={}, alignment={"verdict": "stop", "reasons": []})
    assert found["03"][0] == MISSING
    assert "accept_stop: true" in found["03"][1]


def test_loose_images_have_no_surfaces(tmp_path):
    found = listed(tmp_path, slices={"files": {}}, prediction={"contiguous": False}, metrics={})
    assert found["08"] == (SKIPPED, "Its images are single ones, not slices of a volume.")
    assert found["01"] == (SKIPPED, "The dataset begins with slices that were made elsewhere.")


def test_labels_from_elsewhere_need_no_slices(tmp_path):
    found = listed(tmp_path, segmentation={"contiguous": True}, quantities={})
    assert found["04"][0] == found["05"][0] == SKIPPED
    assert found["06"][0] == found["08"][0] == RUN
    assert found["07"] == (SKIPPED, "There are no labels to score against.")


def test_surfaces_that_failed_are_told(tmp_path):
    found = listed(tmp_path, slices={"files": {}}, prediction={"contiguous": True})
    assert found["08"][0] == MISSING
    assert "its log" in found["08"][1]
