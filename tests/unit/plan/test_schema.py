"""The schema of the configuration agrees with the models, and accepts what they accept."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from catomo.plan.schema import schema

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(
    [*(ROOT / "config").glob("*.yaml"), *(ROOT / "config/examples").rglob("config.yaml")]
)


def _problems(config):
    validator = jsonschema.Draft202012Validator(schema())
    return [error.message for error in validator.iter_errors(config)]


def test_the_file_is_that_of_the_models():
    assert json.loads((ROOT / "config/schema.json").read_text()) == schema(), "run 'make docs'"


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_configurations_are_valid_and_name_the_schema(path):
    text = path.read_text()
    comment = text.splitlines()[0]
    assert comment.startswith("# yaml-language-server: $schema=")
    named = path.parent / comment.partition("=")[2]
    assert named.resolve() == ROOT / "config/schema.json"
    assert _problems(yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"reconstruct": {"iteratons": 3}}, "'iteratons' was unexpected"),
        ({"reconstruct": {"iterations": "many"}}, "'many' is not of type 'integer'"),
        ({"reconstruct": {"iterations": 0}}, "0 is less than the minimum of 1"),
        ({"overrides": {"phantom": {"polish": {}}}}, "'polish' was unexpected"),
        ({"overrides": {"phantom": {"align": {"x": 1}}}}, "'x' was unexpected"),
    ],
)
def test_mistakes_are_found_below_overrides_too(config, problem):
    [message] = _problems(config)
    assert problem in message


def test_a_key_shows_its_meaning_with_the_unit():
    crop = schema()["$defs"]["ImportSeries"]["properties"]["crop_nm"]["description"]
    assert crop.endswith("[nm]")
