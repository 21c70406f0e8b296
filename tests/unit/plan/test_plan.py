"""Configuration and table of datasets: what is combined, and every mistake in one line."""

import re

import pytest
import yaml

from catomo.plan.inputs import fingerprint_of
from catomo.plan.plan import load_plan
from catomo.train.settings import PRESETS, Augment, Train
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"


@pytest.fixture
def write(tmp_path):
    """Write a configuration and a table, load them."""
    specimen = tmp_path / "phantom.yaml"
    specimen.write_text("{}")

    def load(config=None, rows="phantom\tphantom\tSPECIMEN\t\t\ttruth\t\t\n", header=HEADER):
        table = tmp_path / "datasets.tsv"
        table.write_text(header + rows.replace("SPECIMEN", str(specimen)))
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"datasets": str(table), **(config or {})}))
        return load_plan([path])

    return load


def test_labels_without_model_train_a_model_of_the_datasets_name(write):
    plan, problems = write()
    assert not problems
    dataset = plan.datasets["phantom"]
    assert dataset.model == "phantom"
    assert dataset.trains
    assert plan.stages(dataset)[0] == "simulate"
    assert plan.stages(dataset)[-3:] == ["evaluate", "surfaces", "report"]


def test_without_labels_and_model_a_dataset_stops_at_the_slices(write):
    plan, _ = write(rows="p\tphantom\tSPECIMEN\n")
    assert plan.stages(plan.datasets["p"]) == [
        "simulate",
        "align",
        "reconstruct",
        "slices",
        "report",
    ]


def test_a_folder_of_loose_images_makes_no_surfaces(write, tmp_path):
    row = f"loose\tslices\t{tmp_path}\t\t0.12\t{tmp_path}\t\t\n"
    plan, problems = write(rows=row)
    assert not problems
    assert plan.stages(plan.datasets["loose"]) == ["slices", "predict", "evaluate", "report"]


def test_overrides_reach_one_dataset_only(write):
    rows = "a\tphantom\tSPECIMEN\nb\tphantom\tSPECIMEN\n"
    config = {
        "reconstruct": {"iterations": 7},
        "overrides": {"b": {"reconstruct": {"iterations": 9}}},
    }
    plan, problems = write(config, rows)
    assert not problems
    assert plan.settings("reconstruct", "a").iterations == 7
    assert plan.settings("reconstruct", "b").iterations == 9


def test_a_preset_of_an_override_fills_in_its_own_values(write):
    plan, problems = write({"overrides": {"phantom": {"train": {"preset": "paper"}}}})
    assert not problems
    assert plan.settings("train", "phantom").network.base_filters == 32
    assert plan.settings("train", "other").network.base_filters == 16


def test_the_paper_configuration_writes_its_preset_out():
    block = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["train"]
    assert set(block) == {"preset", "patch_px", *PRESETS["paper"]}
    assert Train.model_validate(block) == Train(preset="paper")
    assert block["augment"].keys() == Augment.model_fields.keys()


def test_all_mistakes_are_found_in_one_go(write):
    config = {
        "reconstrct": {},
        "reconstruct": {"iterations": "many", "iteratons": 3},
        "overrides": {"nobody": {"align": {}}, "p": {"polish": {}}},
    }
    rows = "p\tphantom\tSPECIMEN\np\tphantom\tmissing.yaml\nmodels\tfilm\tSPECIMEN\n"
    _, problems = write(config, rows)
    text = "\n".join(problems)
    assert "config.yaml: reconstrct: unknown key; did you mean 'reconstruct'?" in text
    assert 'config.yaml: reconstruct.iterations: found "many"; must be a valid integer' in text
    assert "reconstruct.iteratons: unknown key; did you mean 'iterations'?" in text
    assert "line 3, dataset: 'p' stands in line 2 already" in text
    assert "line 3, path: found no file or folder 'missing.yaml'" in text
    assert "line 4, dataset: 'models' is reserved" in text
    assert "line 4, source: found 'film'; must be phantom, tilt_series, slices" in text
    assert all("\n" not in line for line in problems)


def test_mistakes_in_overrides_are_found(write):
    config = {"overrides": {"nobody": {}, "phantom": {"polish": {}, "align": {"x": 1}}}}
    _, problems = write(config)
    assert len(problems) == 3
    assert any("overrides.nobody: no such dataset or model" in line for line in problems)
    assert any("overrides.phantom.polish: no such stage" in line for line in problems)
    assert any("overrides.phantom.align.x: unknown key" in line for line in problems)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../x\tphantom\tSPECIMEN\n", "dataset: found '../x'; allowed are letters"),
        ("x\ttilt_series\tSPECIMEN\t\t0\n", "pixel_size_nm: found '0'; must be a number above 0"),
        ("x\tslices\tSPECIMEN\n", "pixel_size_nm: is empty; slices need it"),
        ("x\ttilt_series\tSPECIMEN\t\t\ttruth\n", "labels: 'truth' is for phantoms"),
        ("x\tphantom\tSPECIMEN\t\t\t\t\tyes\n", "trains: is 'yes' but 'labels' is empty"),
        ("x\tphantom\tSPECIMEN\t\t\t\tm\t\n", "model 'm' is trained by no dataset"),
        ("x\tphantom\t$NOWHERE_AT_ALL/x\n", "environment variable NOWHERE_AT_ALL is not set"),
        ("x\tphantom\ta;b\n", "found no file or folder 'a;b'"),
    ],
)
def test_each_wrong_cell_gives_its_line(write, row, message):
    plan, problems = write(rows=row)
    assert "x" not in plan.datasets or "model" in message
    assert len(problems) == 1
    assert message in problems[0]


def test_unknown_column_is_named(write):
    _, problems = write(header=HEADER.replace("angles", "angels"))
    assert problems == [problems[0]]
    assert "unknown column 'angels'; did you mean 'angles'?" in problems[0]


def test_broken_yaml_names_file_and_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("align:\n  a: [1\n")
    _, problems = load_plan([path])
    assert len(problems) == 1
    assert str(path) in problems[0]
    assert "not valid YAML" in problems[0]


def test_overrides_of_another_table_are_unused_not_wrong(write, tmp_path):
    write({"overrides": {"phantom": {"align": {}}}})
    table = tmp_path / "other.tsv"
    table.write_text(HEADER + f"other\tphantom\t{tmp_path}/phantom.yaml\n")
    over = tmp_path / "over.yaml"
    over.write_text(yaml.safe_dump({"datasets": str(table)}))
    plan, problems = load_plan([tmp_path / "config.yaml", over])
    assert problems == []
    assert list(plan.datasets) == ["other"]


@pytest.mark.parametrize(
    ("stage", "key"), [("align", "apply"), ("align", "review"), ("train", "init_from")]
)
def test_a_file_that_a_setting_names_must_be_there(write, stage, key):
    _, problems = write({stage: {key: "no/such.file"}})
    assert len(problems) == 1
    assert f"{stage}.{key} of" in problems[0]
    assert "no/such.file is not there" in problems[0]


def test_a_model_may_start_from_another_one_of_the_table(write):
    rows = "a\tphantom\tSPECIMEN\t\t\ttruth\tdraft\t\nb\tphantom\tSPECIMEN\t\t\ttruth\tmine\t\n"
    plan, problems = write({"overrides": {"mine": {"train": {"init_from": "draft"}}}}, rows)
    assert not problems
    assert (plan.teacher("mine"), plan.teacher("draft")) == ("draft", "")
    assert plan.settings("train", "mine").init_from == "draft"


def test_a_model_that_would_start_from_itself_is_named(write):
    rows = "a\tphantom\tSPECIMEN\t\t\ttruth\tone\t\nb\tphantom\tSPECIMEN\t\t\ttruth\tother\t\n"
    circle = {
        name: {"train": {"init_from": start}}
        for name, start in (("one", "other"), ("other", "one"))
    }
    _, problems = write({"overrides": circle}, rows)
    assert len(problems) == 2
    assert (
        "train.init_from of model one: starts from itself (one from other from one)" in problems[0]
    )
    _, problems = write({"train": {"init_from": "one"}}, rows)
    assert len(problems) == 1
    assert "model one: starts from itself (one from one)" in problems[0]


def test_a_block_that_holds_only_comments_is_as_if_left_out(write, tmp_path):
    empty = {"slices": None, "train": {"network": None}, "overrides": {"phantom": None}}
    plan, problems = write(empty)
    assert not problems
    assert plan.settings("train", "phantom") == Train()
    over = tmp_path / "over.yaml"
    over.write_text("reconstruct:\n  # iterations: 3\noverrides: {phantom: {train: }}\n")
    write({"reconstruct": {"iterations": 7}})
    plan, problems = load_plan([tmp_path / "config.yaml", over])
    assert not problems
    assert plan.settings("reconstruct", "phantom").iterations == 7


def test_values_of_the_command_line_win_and_are_named(write, tmp_path):
    write({"reconstruct": {"iterations": 7}})
    plan, problems = load_plan([tmp_path / "config.yaml"], {"reconstruct": {"iterations": 5}})
    assert not problems
    assert plan.settings("reconstruct", "phantom").iterations == 5
    _, problems = load_plan([tmp_path / "config.yaml"], {"reconstruct": {"iterations": "x"}})
    assert problems == ['--config: reconstruct.iterations: found "x"; must be a valid integer']


def test_a_number_must_be_finite(write, tmp_path):
    path = tmp_path / "nan.yaml"
    path.write_text("train: {learning_rate: .inf}\n")
    write()
    _, problems = load_plan([tmp_path / "config.yaml", path])
    assert len(problems) == 1
    assert "must be a finite number" in problems[0]


@pytest.mark.parametrize("name", ["it's {here} ü.yaml", 'a"b`c$(d).yaml', "cost$.yaml", "$No.yaml"])
def test_a_path_may_hold_any_sign(write, tmp_path, name):
    (tmp_path / name).write_text("{}")
    plan, problems = write(rows=f"p\tphantom\t{tmp_path / name}\n")
    assert not problems
    assert plan.datasets["p"].path == str(tmp_path / name)


def test_a_decimal_comma_is_a_decimal_point(write, tmp_path):
    plan, problems = write(rows=f"p\ttilt_series\t{tmp_path}\t\t0,25\n")
    assert not problems
    assert plan.datasets["p"].pixel_size_nm == 0.25


def test_a_segmentation_begins_at_its_own_stage_and_has_no_model(write, tmp_path):
    rows = (
        f"plain\tsegmentation\t{tmp_path}\n"
        f"scored\tsegmentation\t{tmp_path}\t\t0.5\t{tmp_path}\t\t\n"
    )
    plan, problems = write(rows=rows)
    assert not problems
    assert plan.stages(plan.datasets["plain"]) == ["segmentation", "surfaces", "report"]
    scored = plan.datasets["scored"]
    assert plan.stages(scored) == ["segmentation", "evaluate", "surfaces", "report"]
    assert (scored.model, scored.trains, plan.models()) == ("", False, [])


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ("PATH\t\t\tm\t", "angles: found '.*', but a segmentation has no tilt series; leave it"),
        ("\t\t\tm\t", "model: found 'm', but a segmentation has no model; leave it empty"),
        ("\t\tPATH\t\tyes", "trains: is 'yes', but a segmentation has no grey slices to learn"),
    ],
)
def test_what_a_segmentation_cannot_have_is_refused(write, tmp_path, cells, line):
    row = f"a\tsegmentation\t{tmp_path}\t{cells.replace('PATH', str(tmp_path))}\n"
    _, problems = write(rows=row)
    assert re.search(line, "\n".join(problems)), problems


def test_a_review_belongs_to_a_dataset_with_surfaces(write, tmp_path):
    review = tmp_path / "review.csv"
    header = "dataset\tsource\tpath\tpixel_size_nm\tlabels\tmodel\treview\n"
    rows = f"a\tphantom\tSPECIMEN\t\ttruth\ta\t{review}\n"
    _, problems = write(header=header, rows=rows)
    assert [f"review: found no file or folder '{review}'" in line for line in problems] == [True]
    review.write_text("particle\n")
    plan, problems = write(header=header, rows=rows)
    assert not problems
    before = fingerprint_of(plan.datasets["a"], "review")
    review.write_text("particle,decision\n")
    assert fingerprint_of(plan.datasets["a"], "review") != before
    _, problems = write(header=header, rows=f"a\tphantom\tSPECIMEN\t\t\t\t{review}\n")
    assert ["but this dataset has no surfaces" in line for line in problems] == [True]


def test_a_line_end_inside_a_key_does_not_break_the_line_that_names_it(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text('"sli\\nces": {a: 1}\noverrides: {"x\\ry": {slices: {}}}\n')
    _, problems = load_plan([path])
    assert any(r"sli\nces: unknown key" in line for line in problems)
    assert not any("\n" in line or "\r" in line for line in problems)


def test_a_path_that_is_too_long_is_not_there(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(f"datasets: {'x' * 300}\n")
    assert any("file not found; give the table" in line for line in load_plan([path])[1])
