"""The next slice to annotate: far from what is annotated, near to what must be learnt."""

import json

import numpy as np
from test_train import make_slices

from catomo.hashes import sha256_of
from catomo.ranking import ranked, suggest_next
from catomo.store import write_labels


def test_the_middle_of_the_widest_gap_comes_first():
    need = np.ones(101)
    (first, far, share), *_ = ranked(need, [0, 20, 40, 100], 3)
    assert (first, far) == (69, 29)  # 69 and 70 are equally good
    assert 0.25 < share < 0.35
    (middle, none, all_of_it), *_ = ranked(need, [], 1)
    assert (middle, none) == (50, None)
    assert round(all_of_it, 9) == 1


def test_need_draws_the_choice_but_annotated_slices_satisfy_it():
    need = np.ones(60)
    need[10:14] = 100
    assert 10 <= ranked(need, [40], 1)[0][0] <= 13
    assert ranked(need, [11, 12], 1)[0][0] > 30
    chosen = [index for index, _, _ in ranked(need, [12], 59)]
    assert sorted([*chosen, 12]) == list(range(60))


def test_lines_say_why(tmp_path):
    make_slices(tmp_path / "slices", count=9)
    lines = suggest_next(tmp_path / "slices", 2)
    assert len(lines) == 2
    assert lines[0].startswith("1. slice_000")
    assert "nothing is annotated yet; 100 % of the material are nearest to it" in lines[0]
    folder = tmp_path / "prediction"
    folder.mkdir()
    confidence = np.full((9, 56, 64), 250, np.uint8)
    confidence[7] = 100
    write_labels(folder / "confidence.tif", confidence, confidence.shape, 0.25)
    record = {
        "stage": "predict",
        "files": {"confidence.tif": {"sha256": sha256_of(folder / "confidence.tif")}},
    }
    (folder / "prediction.json").write_text(json.dumps(record))
    (line,) = suggest_next(tmp_path / "slices", 1, prediction=folder)
    assert line.startswith("1. slice_0007")
    assert "100 % of the unsure pixels" in line
