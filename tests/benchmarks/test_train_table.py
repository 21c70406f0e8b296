"""The figures of benchmarks/train.py: the fixed keys, and seeds averaged before images."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def train_table(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return __import__("train_table")


def cell(name, pt, minutes=3.0):
    dsc = {"alumina": [0.9, 0.94], "pt": pt}
    other = {f"dsc_{word}": dsc for word in ("flips", "thresholds")}
    return {"cell": name, "dsc": dsc, **other, "cpu_min": minutes, "wall_min": 1.0,
            "peak_memory_gb": 1.0, "versions": {}}  # fmt: skip


def test_figures_have_their_keys_and_average_seeds_then_images(train_table):
    baseline = {"dsc": {"alumina": [0.5, 0.7], "pt": [0.2, np.nan]}, "cpu_min": 0.1}
    lines = [
        {"cell": "baselines/blocked", "sides": dict.fromkeys(("thresholds", "copy_nearest"),
         baseline), "versions": {}},
        cell("compact/blocked/seed1", [0.8, 0.9], 2.0),
        cell("compact/blocked/seed2", [0.7, 0.8], 4.0),
        cell("published/blocked/seed1/precision=bfloat16", [0.6, 0.7]),
        cell("compact/blocked/seed1/steps=9", [0.1, 0.1]),
        cell("compact/blocked/seed1/patches5.1/steps=9", [0.4, 0.6]),
        cell("compact/blocked/seed1/patches5.2/steps=9", [0.6, 0.8]),
        cell("compact/blocked/seed1/patches5.1/steps=9/start=a/b.keras", [0.8, 0.8]),
    ]  # fmt: skip
    found = train_table.figures(lines)
    compact = found["blocked"]["compact"]
    assert compact["pt"]["dsc"] == pytest.approx(0.8)
    assert compact["pt"]["seed_dsc"] == pytest.approx([0.85, 0.75])
    # Images at 0.75 and 0.85: Student's t of one degree of freedom is 12.706.
    assert compact["pt"]["ci95"] == pytest.approx(12.706 * 0.05, rel=1e-3)
    assert compact["pt"]["over_thresholds"] == {"mean": 0, "low": 0, "high": 0}
    assert (compact["cpu_minutes"], compact["seeds"]) == (3.0, 2)
    assert found["blocked"]["reference"]["alumina"]["dsc"] == pytest.approx(0.92)
    assert found["blocked"]["compact/steps=9"]["pt"]["dsc"] == pytest.approx(0.1)
    assert found["blocked"]["thresholds"]["pt"]["dsc"] == pytest.approx(0.2)
    assert found["blocked"]["copy_nearest"]["cpu_minutes"] == pytest.approx(0.1)
    assert found["label_efficiency"]["5"]["pt"] == pytest.approx(0.6)
    assert found["label_efficiency"]["5"]["pt_pretrained"] == pytest.approx(0.8)
    rows = train_table.table(lines)
    assert "| baselines/blocked: thresholds | 0.1 |" in rows
