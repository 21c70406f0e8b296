"""What `verify` finds in a folder of results: missing, changed, edited, or of another chain."""

import json
import shutil

import pytest

from catomo.align.settings import Align
from catomo.errors import UserError
from catomo.plan.check import verify
from catomo.predict.settings import Predict
from catomo.reconstruct.settings import Reconstruct
from catomo.record.listed import write_pruned
from catomo.record.record import committing, read_record
from catomo.report.settings import Report
from catomo.slices.settings import Slices
from catomo.stages import record_path
from catomo.tilt_series.settings import ImportSeries
from catomo.train.settings import Train


@pytest.fixture
def results(tmp_path):
    """A dataset through seven stages, each with one file; its model was trained on its slices."""

    def make(verb, settings, **inputs):
        place = tmp_path / record_path(verb, "m" if verb == "train" else "p")
        with committing(place, verb, settings, inputs) as out:
            out.path(f"{verb}.tif").write_text(f"of {verb}")
            out.record["pixel_size_nm"] = 0.5
        return read_record(place, verb)

    series = make("import", ImportSeries())
    aligned = make("align", Align(), tilt_series=series)
    volume = make("reconstruct", Reconstruct(), alignment=aligned)
    slices = make("slices", Slices(), reconstruction=volume)
    model = make("train", Train(), **{"p/slices": slices})
    labels = make("predict", Predict(), slices=slices, model=model)
    words = {"alignment": aligned, "reconstruction": volume, "slices": slices}
    make("report", Report(), **words, training=model, prediction=labels)
    return tmp_path / "results"


def problems(folder):
    with pytest.raises(UserError) as error:
        verify(folder)
    assert "\n" not in str(error.value)
    return str(error.value).split("; ")


def test_whole_results_are_as_recorded(results):
    assert verify(results) == f"{results}: 7 stages, 7 files, all as recorded"
    assert verify(results / "p") == f"{results / 'p'}: 6 stages, 6 files, all as recorded"


def test_a_stage_that_failed_is_named_with_what_was_made_from_it(results):
    """Snakemake removes the files that its rule names; the hidden list stays."""
    folder = results / "p/03_reconstruct"
    for path in folder.glob("recon*"):
        path.unlink()
    line = f"{folder}/reconstruction.json: was made before and is missing"
    way_out = "run snakemake again, or delete its folder if the table asks for it no more"
    assert problems(results) == [line, way_out]


@pytest.mark.parametrize(
    ("lost", "users"),
    [
        ("p/04_slices", ["06_predict/prediction", "09_report/provenance", "05_train/training"]),
        ("p/01_tilt_series", ["02_align/alignment"]),
        ("p/06_predict", ["09_report/provenance"]),
        ("models/m/05_train", ["09_report/provenance"]),
    ],
)
def test_a_folder_that_is_gone_is_named_by_what_was_made_from_it(results, lost, users):
    shutil.rmtree(results / lost)
    line, way_out = problems(results)
    assert lost.split("/")[-1] in line
    assert "is missing, but " in line
    for user in users:
        assert f"{user}.json" in line
    assert way_out == "run snakemake again"


def test_one_digit_of_a_record_and_one_byte_of_a_file_are_named(results):
    record, file = results / "p/02_align/alignment.json", results / "p/04_slices/slices.tif"
    whole = record.read_text(), file.read_text()
    record.write_text(whole[0].replace('"pixel_size_nm": 0.5', '"pixel_size_nm": 0.4'))
    file.write_text("0" + whole[1][1:])
    said = "; ".join(problems(results))
    assert f"{record}: was changed after its stage wrote it" in said
    assert f"{file}: content differs from the sha256 in slices.json" in said
    assert "another one" not in said
    record.write_text(whole[0])
    file.write_text(whole[1])
    verify(results)


def test_a_stage_that_was_made_anew_does_not_fit_what_was_made_from_it(results):
    aligned = read_record(results / "p/02_align", "align")
    folder = results / "p/03_reconstruct"
    with committing(folder, "reconstruct", Reconstruct(iterations=3), {"alignment": aligned}):
        pass
    line, _ = problems(results)
    assert line.startswith(f"{folder}/reconstruction.json: is another one than ")
    assert "04_slices/slices.json" in line
    assert "09_report/provenance.json were made from" in line


def test_a_stage_that_the_table_asks_for_no_more_is_no_problem_once_its_folder_is_deleted(results):
    shutil.rmtree(results / "p/09_report")
    folder = results / "p/07_evaluate"
    labels = read_record(results / "p/06_predict", "predict")
    with committing(folder, "evaluate", Report(), {"prediction": labels}):
        pass
    with committing(results / "p/06_predict", "predict", Predict(average="flips")):
        pass
    line, way_out = problems(results)
    assert line.startswith(f"{results}/p/06_predict/prediction.json: is another one than ")
    assert way_out == f"delete {folder}/metrics.json and run snakemake again"
    (folder / "metrics.json").unlink()
    assert "or delete its folder if the table asks for it no more" in problems(results)[1]
    shutil.rmtree(folder)
    verify(results)


def test_files_that_were_let_go_are_counted_and_others_are_named(results):
    volume = results / "p/03_reconstruct/reconstruct.tif"
    entry = json.loads((volume.parent / "reconstruction.json").read_text())["files"][volume.name]
    volume.unlink()
    assert "file is missing though" in problems(results)[0]
    write_pruned(volume.parent, "reconstruct", {volume.name: entry})
    assert verify(results).endswith("all as recorded; 1 of them let go with 'catomo prune'")


def test_results_beside_each_other_in_other_folders_are_no_chain(tmp_path):
    """A person who runs stages by hand may read and write anywhere."""
    with committing(tmp_path / "elsewhere/a", "align", Align()):
        pass
    aligned = read_record(tmp_path / "elsewhere/a", "align")
    for place in ("made/03_reconstruct", "made/b"):
        with committing(
            tmp_path / place, "reconstruct", Reconstruct(), {"alignment": aligned}
        ) as out:
            out.path("volume.tif").write_text("x")
    assert verify(tmp_path / "made").endswith("2 stages, 2 files, all as recorded")
