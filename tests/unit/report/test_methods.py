"""The methods text: what the records know, in numbers, with what it rests on."""

import re

from catomo.record.record import Record
from catomo.report.citations import WORKS
from catomo.report.methods import methods
from catomo.report.settings import Report
from catomo.report.told import joined

CLASSES = Report().classes
COMMON = {"catomo": "0.1.0", "versions": {"numpy": "2.4.6"}, "inputs": {}}


def text_of(tmp_path, **records):
    """Return all paragraphs and what comes with them."""
    read = {
        f"{n}.json": Record(tmp_path / f"{n}.json", {**COMMON, **r}) for n, r in records.items()
    }
    made = methods(read, CLASSES)
    return dict(made.paragraphs), made


SERIES = {
    "stage": "import", "source": "a.mrc", "tilt_deg": [-60.0, 0.0, 60.0], "shape": [3, 512, 400],
    "pixel_size_nm": 0.12, "settings": {},
    "acquisition": {"microscope": "Titan", "voltage_kv": 300.0, "signal": "HAADF",
                    "probe_current_pa": 50.0},
}  # fmt: skip


def test_acquisition_says_what_the_file_knew_and_what_is_left_to_add(tmp_path):
    text, made = text_of(tmp_path, tilt_series=SERIES)
    assert text["Acquisition"].startswith(
        "A series of 3 HAADF images from −60° to 60° in steps of 60° was recorded with a Titan at "
        "300 kV, 512 × 400 pixels of 0.12 nm. The probe current was 50 pA."
    )
    assert "how the specimen was made" in made.add_yourself
    assert "the dose" in made.add_yourself
    assert "voltage" not in made.add_yourself
    assert "numpy 2.4.6" in text["Software"]


def test_all_that_the_import_changed_is_told(tmp_path):
    settings = {"bin": 2, "exclude_tilts": [-64.0, 30.0], "crop_nm": [80.0, 60.0],
                "contrast": "bright_field"}  # fmt: skip
    text, _ = text_of(tmp_path, tilt_series=SERIES | {"settings": settings})
    for words in (
        "The images at −64° and 30° were left out.",
        "Blocks of 2 × 2 pixels were averaged.",
        "The middle 80 nm along and 60 nm across the tilt axis were kept.",
        "Bright-field images were inverted",
    ):
        assert words in text["Acquisition"]


def test_reconstruction_names_algorithm_settings_and_works(tmp_path):
    record = {
        "stage": "reconstruct", "settings": {"algorithm": "osem", "tv": 0.01}, "iterations": 40,
        "subsets": 7, "backend": "astra_cuda", "stop_reason": "iterations", "residual": 0.0279,
        "shape": [702, 512, 1024], "pixel_size_nm": 0.12,
        "quality": {"edge_width": {"x": {"rise_nm": 0.68}, "z": {"rise_nm": 1.29}}},
    }  # fmt: skip
    text, made = text_of(tmp_path, reconstruction=record)
    for words in (
        "40 iterations of 7 ordered subsets",
        "(Shepp & Vardi 1982; Hudson & Larkin 1994; van Aarle et al. 2016)",
        "strength 0.01 acted within slices (Rudin et al. 1992)",
        "702 slices perpendicular to the tilt axis of 512 × 1024 voxels",
        "‖Ax − y‖/‖y‖ is 0.028",
        "0.68 nm across and 1.3 nm along",
    ):
        assert words in text["Reconstruction"]
    for key in ("shepp1982", "hudson1994", "vanaarle2016", "rudin1992", "genc2022", "catomo"):
        assert f"{{{key}," in made.bibtex
    assert "gursoy2014" not in made.bibtex


ALIGNMENT = {
    "stage": "align", "axis_angle_deg": 1.0, "axis_offset_px": 0.5, "verdict": "pass",
    "settings": {"tilt_axis_angle_deg": "auto", "interpolation": "cubic"},
}  # fmt: skip


def test_a_registration_that_only_checked_the_centre_of_mass_is_not_told_as_the_alignment(tmp_path):
    steps = {
        "centre_of_mass": {"rms_px": [3.0, 2.0]}, "pairwise": {"rms_px": [3.0, 2.0]},
        "common_line": {"rms_px": [0.1, 0.2], "accepted": True}, "tilt_axis": {},
    }  # fmt: skip
    text, _ = text_of(tmp_path, alignment=ALIGNMENT | {"steps": steps})
    assert "were checked against pairwise registration" in text["Alignment"]
    assert "were aligned by registration of the common line" in text["Alignment"]
    steps["centre_of_mass"]["accepted"] = True
    text, _ = text_of(tmp_path, alignment=ALIGNMENT | {"steps": steps})
    assert "were aligned by pairwise registration" in text["Alignment"]


def test_the_axis_of_an_alignment_from_a_file_was_not_found(tmp_path):
    steps = {"known_alignment": {"file": "a.xf"}}
    text, _ = text_of(tmp_path, alignment=ALIGNMENT | {"steps": steps})
    assert "The tilt axis, taken from that file, lies at 1.00°" in text["Alignment"]
    assert "found by" not in text["Alignment"]


def test_all_versions_that_stages_ran_with_are_told(tmp_path):
    other = ALIGNMENT | {"steps": {}, "catomo": "0.2.0", "versions": {"numpy": "1.26.4"}}
    text, _ = text_of(tmp_path, tilt_series=SERIES, alignment=other)
    assert "catomo 0.1.0 and 0.2.0" in text["Software"]
    assert "numpy 1.26.4 and 2.4.6" in text["Software"]


def test_a_review_is_told(tmp_path):
    record = {
        "stage": "surfaces", "quantities": {}, "settings": {"support": None, "particles": {}},
        "review": {"counts": {"accept": 3, "split": 1, "reject": 2}},
    }  # fmt: skip
    text, _ = text_of(tmp_path, quantities=record)
    assert "3 accepted, 1 divided and 2 rejected" in text["Surfaces and quantities"]


def test_a_record_that_lacks_a_value_does_not_end_the_page(tmp_path):
    text, _ = text_of(tmp_path, reconstruction={"stage": "reconstruct", "settings": {}})
    assert "does not hold all that belongs here" in text["Reconstruction"]


def test_every_entry_of_the_bibliography_is_whole():
    for key, work in WORKS.items():
        entry = work.bibtex(key)
        assert entry.count("{") == entry.count("}")
        assert {"author", "title"} <= work.fields.keys()
        assert {"doi", "eprint", "note"} & work.fields.keys()  # where to find it
        year = re.search(r"\d{4}", work.cited)
        assert year is None or work.fields["year"] == year[0]


def test_words_are_joined_as_in_a_sentence():
    assert [joined(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a and b", "a, b and c",
    ]  # fmt: skip
