"""Which stages run again for a changed key, and what changes nothing at all."""

import copy
import json
import types
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import yaml

from catomo.plan.changes import models_of_other_order, stages_by_key
from catomo.plan.config import SETTINGS, Config
from catomo.plan.plan import load_plan
from catomo.plan.schema import schema
from catomo.surfaces.settings import BulkValue

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
SHOWN = ("evaluate", "surfaces", "report")
NAMES = ("p", "t", "m")  # a phantom, a tilt series, the model of both
LATER = ["slices", "train", "predict", "segmentation", *SHOWN, "export"]


@pytest.fixture
def place(tmp_path):
    """A table of a phantom and a tilt series, and a file that settings may name."""
    (tmp_path / "phantom.yaml").write_text("{}")
    (tmp_path / "labels.tif").write_text("")
    (tmp_path / "config").mkdir()
    rows = (
        f"p\tphantom\t{tmp_path}/phantom.yaml\t\t\ttruth\tm\tyes\n",
        f"t\ttilt_series\t{tmp_path}/labels.tif\t\t0.5\t{tmp_path}/labels.tif\tm\tyes\n",
    )
    (tmp_path / "datasets.tsv").write_text(HEADER + "".join(rows))
    (tmp_path / "swapped.tsv").write_text(HEADER + "".join(rows[::-1]))
    return tmp_path


# What stands in a list whose items have keys.
LISTED = {
    "classes[*]": [c.model_dump() for c in Config().classes],
    "shadows[*]": [{"from_deg": -9.0, "to_deg": 9.0, "x": 5, "y": 5, "width": 5, "height": 5}],
}


def load(place, config, table="datasets.tsv"):
    """Return the plan of a configuration, given as content or as text, and its problems."""
    path = place / "config.yaml"
    more = place / "table.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    more.write_text(f"datasets: {place}/{table}\n")
    return load_plan([path, more])


def decides(plan):
    """Return all that the rules take from a plan, by verb."""
    return {
        verb: [plan.settings_json(verb, name) for name in NAMES]
        + [[d.name for d in plan.trainers("m")], plan.models(), plan.teacher("m")]
        for verb in SETTINGS
    }


def runs_again(before, after):
    one, other = decides(before), decides(after)
    return tuple(verb for verb in SETTINGS if one[verb] != other[verb])


def keys_of_schema():
    """Return the dotted keys of config/schema.json."""
    whole = schema()

    def walk(node, prefix):
        for name, value in node["properties"].items():
            below = value.get("items", value)
            if "$ref" in below:
                inner = whole["$defs"][below["$ref"].rpartition("/")[2]]
                yield from walk(inner, f"{prefix}{name}{'[*]' if 'items' in value else ''}.")
            else:
                yield prefix + name

    return list(walk(whole, ""))


def field_of(key):
    """Return the field of a dotted key."""
    model: Any = Config
    for part in key.split("."):
        field = model.model_fields[part.removesuffix("[*]")]
        model = get_args(field.annotation)[0] if part.endswith("[*]") else field.annotation
    return field


def candidates(annotation, default, file):
    """Yield values for a field; some of them are not allowed there."""
    if get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from candidates(part, default, file)
    elif get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation is bool:
        yield not default
    elif annotation in (int, float):
        small = default if isinstance(default, int | float) else 1
        yield from (annotation(v) for v in (small + 1, small + 0.01, small / 2, small * 2, 90, 2))
    elif get_origin(annotation) is list and get_origin(get_args(annotation)[0]) is Literal:
        yield from ([word] for word in get_args(get_args(annotation)[0]))
    elif get_origin(annotation) is list:
        yield from ([0.3, 0.3, 0.4], [1.0, 2.0], ["slice_0001"], ["volume"], ["pt"])
    elif annotation is str:
        yield from ("other", "#123456", str(file))
    elif annotation is type(None):
        yield None
    elif annotation is BulkValue:
        yield {"value": 1.0, "error": 0.1}


def put(config, key, value):
    """Return a configuration with another value at a dotted key."""
    config = copy.deepcopy(config)
    *blocks, last = key.split(".")
    block = config
    for part in blocks:
        if part.endswith("[*]"):
            listed = copy.deepcopy(LISTED[part])
            block = block.setdefault(part.removesuffix("[*]"), listed)[0]
        else:
            block = block.setdefault(part, {})
    block[last] = value
    return config


def test_every_key_of_the_schema_stands_in_the_table():
    assert sorted(stages_by_key()) == sorted(keys_of_schema())
    assert len(set(keys_of_schema())) > 100


def test_what_only_shows_runs_only_what_shows_it():
    table = stages_by_key()
    assert table["classes[*].colour"] == table["classes[*].title"] == (*SHOWN, "export")
    assert table["classes[*].name"] == tuple(LATER)
    assert table["report.title"] == ("report",)
    assert table["reconstruct.iterations"] == ("reconstruct",)
    assert table["tilt_series.simulate.seed"] == ("simulate",)
    for verb in ("slices", "train", "predict", "segmentation"):
        for shown in ("title", "colour"):
            assert table[f"{verb}.classes[*].{shown}"] == ()


@pytest.mark.parametrize("key", [k for k in keys_of_schema() if k not in ("datasets", "overrides")])
def test_a_changed_key_runs_the_stages_of_the_table(place, key):
    block = key.partition(".classes[*]")[0]
    classes = {block: {"classes": [c.model_dump() for c in Config().classes]}}
    base = classes if block in SETTINGS and "classes[*]" in key else {}
    if "shadows[*]" in key:
        base = {"align": {"shadows": LISTED["shadows[*]"]}}
    before, problems = load(place, base)
    assert not problems
    field = field_of(key)
    for value in candidates(field.annotation, field.default, place / "labels.tif"):
        after, _ = load(place, put(base, key, value))
        if after.written and value != field.default:
            assert runs_again(before, after) == stages_by_key()[key]
            return
    pytest.fail(f"no other value of {key} is valid; give one in candidates()")


def test_the_order_of_rows_changes_nothing(place):
    one, other = (load(place, {}, table)[0] for table in ("datasets.tsv", "swapped.tsv"))
    assert list(one.datasets) == list(other.datasets)[::-1]
    assert runs_again(one, other) == ()


WRITTEN = {
    "comments and blank lines": "# mine\n\ntrain:   # network\n\n  learning_rate: 0.001 # x\n"
    "  loss: {focal_gamma: 2}\nreconstruct: {tv: 0.02}\n",
    "order of keys": "reconstruct: {tv: 0.02}\ntrain: {loss: {focal_gamma: 2}, "
    "learning_rate: 0.001}\n",
    "numbers": "reconstruct: {tv: 2e-2}\n"
    "train: {learning_rate: 1.0e-3, loss: {focal_gamma: 2.0}}\n",
    "signs": "reconstruct: {tv: +.02}\ntrain: {learning_rate: 1E-3, loss: {focal_gamma: +2}}\n",
    "JSON": '{"train": {"learning_rate": 1e-3, "loss": {"focal_gamma": 2}}, '
    '"reconstruct": {"tv": 0.020}}',
    "empty blocks": "reconstruct: {tv: 0.02}\ntrain: {learning_rate: 0.001, loss: {focal_gamma: 2},"
    " split: {}}\nslices:\nreport: {}\noverrides:\n",
    "the same in overrides": "reconstruct: {tv: 0.02}\n"
    "train: {learning_rate: 0.001, loss: {focal_gamma: 2}}\n"
    "overrides: {p: {reconstruct: {tv: 0.02, iterations: 15}}, m: {train: {steps: 2000}}}\n",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_the_same_written_otherwise_changes_nothing(place, how):
    content = {
        "train": {"learning_rate": 0.001, "loss": {"focal_gamma": 2.0}},
        "reconstruct": {"tv": 0.02},
    }
    before, after = (load(place, written)[0] for written in (content, WRITTEN[how]))
    assert before.settings("reconstruct", "t").tv == 0.02
    assert after.written
    assert runs_again(before, after) == ()


def test_defaults_written_out_change_nothing(place):
    before, _ = load(place, {})
    written = Config().model_dump(mode="json", exclude={"datasets"})
    after, problems = load(place, written)
    assert not problems
    assert runs_again(before, after) == ()


def test_a_class_in_a_block_of_its_own_is_checked_and_its_colour_is_not_kept(place):
    classes = [c.model_dump() | {"colour": "#00ff00"} for c in Config().classes]
    before, after = load(place, {})[0], load(place, {"train": {"classes": classes}})[0]
    assert runs_again(before, after) == ()
    classes[1]["colour"] = "green"
    _, problems = load(place, {"train": {"classes": classes}})
    assert len(problems) == 1
    assert "train.classes.1.colour" in problems[0]
    assert '"green"' in problems[0]


def test_a_model_of_before_with_another_order_is_told(place, monkeypatch):
    monkeypatch.chdir(place)
    plan, _ = load(place, {})
    assert models_of_other_order(plan) == []
    record = place / "results/models/m/05_train/training.json"
    record.parent.mkdir(parents=True)
    content = {"stage": "train", "files": {}, "settings": {}}
    for order, lines in ((["p", "t"], 0), (["t", "p"], 1)):
        record.write_text(json.dumps({**content, "data": {name: {} for name in order}}))
        assert len(models_of_other_order(plan)) == lines
    [line] = models_of_other_order(plan)
    assert line.startswith("results/models/m/05_train: trained with its datasets in the order t, p")
    assert "by name (p, t)" in line
    record.write_text("{")
    assert models_of_other_order(plan) == []
