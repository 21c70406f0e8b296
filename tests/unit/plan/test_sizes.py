"""How many voxels a stage works on, from small files; what cannot be read counts as nothing."""

import json

import pytest

from catomo.plan.sizes import phantom_cells, recorded_voxels


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("shape_px: [48, 64, 64]\n", 196608),
        ("shape_px: [128, 128, 128]\nseeds: [1]\n", 2097152),
        ("shape_px: [48, 64, 64]\nrender_oversampling: 2\n", 8 * 196608),
        ("shape_px: [48, 64, 64]\nrender_oversampling: often\n", 196608),
        ("shape_px: [1, 2\n", 0),
        ("shape_px: many\n", 0),
        ("shape_px: [-1, -2, 3]\n", 0),
        ("shape_px: [true, 2, 3]\n", 0),
        ("shape_px: []\n", 0),
        ("- 1\n", 0),
        ("[" * 3000, 0),
        ("", 0),
        ("\x00", 0),
    ],
)
def test_a_specimen_says_how_large_its_phantom_is(tmp_path, monkeypatch, text, cells):
    (tmp_path / "specimen.yaml").write_text(text)
    monkeypatch.setenv("DATA", str(tmp_path))
    assert phantom_cells("${DATA}/specimen.yaml") == cells


def test_a_specimen_that_is_not_there_counts_as_nothing(tmp_path):
    assert phantom_cells(str(tmp_path / "absent.yaml")) == 0
    assert phantom_cells(str(tmp_path)) == 0


@pytest.mark.parametrize(
    ("content", "voxels"), [({"shape": [48, 46, 64]}, 141312), ({}, 0), ([], 0), ({"shape": 3}, 0)]
)
def test_a_record_says_how_large_its_volume_is(tmp_path, content, voxels):
    record = tmp_path / "prediction.json"
    with pytest.raises(FileNotFoundError):  # Snakemake asks again when it is there
        recorded_voxels(str(record))
    record.write_text(json.dumps(content))
    assert recorded_voxels(str(record)) == voxels
    record.write_text("{")
    assert recorded_voxels(str(record)) == 0
