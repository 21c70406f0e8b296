"""The table of facets, that of the lines between them, and the pole figure."""

import csv

import numpy as np
import pytest
from tests.helpers.polyhedra import polyhedron

from catomo.record.record import committing
from catomo.surfaces.facet_files import write_facets
from catomo.surfaces.frame import Frame
from catomo.surfaces.relief import relief_of
from catomo.surfaces.settings import FacetRule, Surfaces


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written(folder, relief):
    with committing(folder, "surfaces", Surfaces(), {}) as out:
        write_facets(out, relief, 0.5)
    return folder


def test_tables_of_a_cube(tmp_path):
    labels, normals, _ = polyhedron("cube", 16, 3)
    relief = relief_of(labels, 1, FacetRule(lattice="cubic"), Frame.of(labels.shape), None)
    folder = written(tmp_path / "08", relief)
    facets = rows(folder / "facets.csv")
    assert [row["family"] for row in facets] == ["100"] * 6
    assert sum(float(row["share"]) for row in facets) == pytest.approx(1, abs=0.01)
    # Six faces of 32 × 32 px of 0.5 nm, whose edges are rounded.
    assert [float(row["area_nm2"]) for row in facets] == pytest.approx([256] * 6, rel=0.06)
    xyz = np.array([[float(row[f"normal_{axis}"]) for axis in "xyz"] for row in facets])
    assert (xyz @ normals[:, [2, 0, 1]].T).max(axis=1) == pytest.approx(1, abs=1e-4)
    lines = rows(folder / "facet_lines.csv")
    assert len(lines) == 12
    assert {row["kind"] for row in lines} == {"apex"}
    assert [float(row["dihedral_deg"]) for row in lines] == pytest.approx([90] * 12, abs=0.6)
    for row in lines:
        ends = np.array(
            [[float(row[f"{end}_{axis}_nm"]) for axis in "xyz"] for end in ("from", "to")]
        )
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(float(row["length_nm"]), rel=1e-3)
    poles = rows(folder / "pole_figure.csv")
    best = max(poles, key=lambda row: float(row["density"]))
    direction = np.array([float(best[axis]) for axis in "xyz"])
    assert (normals[:, [2, 0, 1]] @ direction).max() > np.cos(np.radians(3))
    assert (folder / "pole_figure.png").read_bytes()[:4] == b"\x89PNG"


def test_without_a_surface_the_tables_are_empty_and_there_is_no_picture(tmp_path):
    folder = written(tmp_path / "08", None)
    assert rows(folder / "facets.csv") == rows(folder / "facet_lines.csv") == []
    assert not (folder / "pole_figure.png").exists()
