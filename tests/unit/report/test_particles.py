"""The particles of the page: columns by name, boxes, what a review needs."""

import json

import pytest

from catomo.record.hashes import sha256_of
from catomo.record.record import Record
from catomo.report.particles import particle_table

HEADER = "id,x_nm,y_nm,z_nm,x_from_px,x_to_px,y_from_px,y_to_px,z_from_px,z_to_px,diameter_nm,"
ROWS = "1,5.5,2,3,9,13,2,6,4,8,2.25,6,0.91\n2,1,2,3,0,4,2,6,4,8,2.5,8.2,\n"


@pytest.fixture
def records(tmp_path):
    def make(text=f"{HEADER}volume_nm3,probability\n{ROWS}", **more):
        path = tmp_path / "particles.csv"
        path.write_text(text)
        entry = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        content = {"pixel_size_nm": 0.5, "files": {"particles.csv": entry}, **more}
        labels = {"files": {"labels.tif": {"sha256": "ab"}}}
        return {
            "quantities.json": Record(tmp_path / "quantities.json", content),
            "prediction.json": Record(tmp_path / "prediction.json", labels),
        }

    return make


def test_each_row_of_the_file_is_a_row_of_the_page(records):
    table = particle_table(records(), "x")
    assert table.header == ["particle", "diameter / nm", "volume / nm³", "probability"]
    assert [row.id for row in table.rows] == ["1", "2"]
    assert [cell.text for cell in table.rows[0].cells] == ["1", "2.25", "6", "0.910"]
    assert [cell.text for cell in table.rows[1].cells] == ["2", "2.50", "8.20", "–"]
    assert "Probability that it is one: 0.910." in table.rows[0].words
    assert "Labels alone do not tell" in table.rows[1].words
    assert json.loads(table.rows[0].where) == ["5.5", "2", "3", "2.25"]
    assert table.data["labelsSha256"] == "ab"
    assert table.data["boxes"]["1"] == {"low": [9, 2, 4], "high": [13, 6, 8]}


def test_a_table_without_boxes_gets_those_of_balls(records):
    text = "id,x_nm,y_nm,z_nm,diameter_nm,volume_nm3\n7,5,6,7,2,4\n"
    table = particle_table(records(text), "x")
    assert table.data["boxes"] == {"7": {"low": [8, 10, 12], "high": [12, 14, 16]}}


def test_decisions_of_before_are_carried_on(records):
    row = ["3", "reject", "1", "2", "3", "4"]
    table = particle_table(records(review={"rows": [row]}), "x")
    assert [json.loads(text) for text in table.earlier] == [row]


def test_without_particles_there_is_no_table(records):
    assert particle_table(records(f"{HEADER}volume_nm3\n"), "x") is None
    assert particle_table({}, "x") is None
