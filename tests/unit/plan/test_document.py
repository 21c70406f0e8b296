"""The configuration's page and its models agree, and every key explains itself."""

from pathlib import Path

import yaml
from pydantic import BaseModel

from catomo.phantom.settings import Specimen
from catomo.plan.config import SETTINGS
from catomo.plan.document import document, specimen_keys
from catomo.plan.plan import DEFAULT_CONFIG, load_plan

ROOT = Path(__file__).parents[3]


def test_the_page_is_that_of_the_models():
    page = (ROOT / "config" / "README.md").read_text()
    assert page == document(), "run 'make docs'"


def _fields(model):
    for name, field in model.model_fields.items():
        yield model, name, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields(field.annotation)


def test_every_key_has_a_meaning_and_lengths_have_units():
    for verb, settings in SETTINGS.items():
        for model, name, field in _fields(settings):
            assert field.description, f"{verb}: {model.__name__}.{name}"
            unit = (field.json_schema_extra or {}).get("unit", "")
            for ending in ("_nm", "_px", "_deg"):
                assert not name.endswith(ending) or unit, f"{verb}: {name} has no unit"


def test_every_key_of_a_specimen_file_is_on_the_page_with_its_unit():
    page = specimen_keys()
    for _, name, field in _fields(Specimen):
        if name not in ("plate", "pores", "particles", "contrast", "acquisition"):
            assert field.description, name
        unit = (field.json_schema_extra or {}).get("unit", "")
        for ending in ("_nm", "_px", "_deg"):
            assert not name.endswith(ending) or unit, f"{name} has no unit"
    assert "| `saturation` | `0.0` |  | number, ≥ 0, < 0.5 | share of the brightest" in page
    assert "## `faults`\n\nWhat goes wrong while the series is recorded" in page


def test_the_configurations_that_are_shipped_are_valid(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CATOMO_GENC2022", str(ROOT / "config"))
    _, problems = load_plan([DEFAULT_CONFIG, "config/paper.yaml"])
    assert problems == []
    for name in ("needle", "genc2022"):
        content = yaml.safe_load((ROOT / f"config/examples/{name}/config.yaml").read_text())
        _, problems = load_plan([DEFAULT_CONFIG, f"config/examples/{name}/config.yaml"])
        assert not [line for line in problems if "found no file" not in line]
        assert content["datasets"] == f"config/examples/{name}/datasets.tsv"


def test_the_paper_is_followed_where_it_says_so():
    plan, _ = load_plan([ROOT / "config/paper.yaml"])
    train = plan.settings("train", "any")
    assert (train.network.levels, train.network.base_filters) == (6, 32)
    assert train.loss.class_weights == [0.2, 0.3, 0.5]
    assert (train.loss.focal_gamma, train.loss.dice_weight) == (1.0, 0.0)
    assert (train.learning_rate, train.batch_size, train.patch_px) == (5e-4, 2, 512)
    assert plan.settings("predict", "any").window == "spline"
    assert plan.settings("reconstruct", "any").backend == "tomopy"
