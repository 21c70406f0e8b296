"""`catomo check` says where grey levels of a dataset and its model do not fit."""

import json
from dataclasses import replace

import pytest
import yaml

from catomo.network.levels import Contrast, Levels
from catomo.plan.check import check
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
RICH = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (6.0,), 121.0)
BARE = Levels(Contrast(0.0, 2.0, 0.5, "percentiles"), 0.0, (1.8,), 2.3)


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Return a function that checks two datasets of one model, and gives lines about levels."""
    monkeypatch.chdir(tmp_path)
    phantom = ROOT / "resources/phantoms/demo-128.yaml"
    rows = f"rich\tphantom\t{phantom}\t\t\ttruth\tm\tyes\nbare\tphantom\t{phantom}\t\t\t\tm\tno\n"
    (tmp_path / "table.tsv").write_text(HEADER + rows)

    def run(**config):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"datasets": "table.tsv", **config}))
        problems, lines = check([tmp_path / "config.yaml"])
        assert problems == []
        return [line.strip() for line in lines if "grey levels" in line]

    return run


def write(folder, verb, name, levels):
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "stage": verb,
        "settings": {},
        "inputs": {},
        "files": {},
        "code": "",
        "levels": levels and levels.record(),
    }
    (folder / name).write_text(json.dumps(record))


def test_levels_are_compared_once_slices_exist(tmp_path, checked):
    assert checked() == []
    results = tmp_path / "results"
    write(results / "bare" / "04_slices", "slices", "slices.json", BARE)
    assert checked() == []
    write(results / "rich" / "04_slices", "slices", "slices.json", RICH)
    [line] = checked()
    assert line.startswith("grey levels for the model m: the values are 0.3 times those of")
    blind = replace(BARE, peaks=())
    write(results / "bare" / "04_slices", "slices", "slices.json", blind)
    [line] = checked()
    assert "show no support" in line
    # Once it is trained, the model itself says what it learnt.
    write(results / "bare" / "04_slices", "slices", "slices.json", replace(RICH, peaks=(6.01,)))
    write(results / "models" / "m" / "05_train", "train", "training.json", RICH)
    assert checked() == []


def test_another_gamma_is_told_before_anything_runs(checked):
    [line] = checked(overrides={"bare": {"slices": {"gamma": 1.0}}})
    assert "slices.gamma is 1 here and 0.5 for rich, which teaches it" in line
