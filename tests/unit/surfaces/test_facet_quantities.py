"""Numbers of facets: shares in closed form, angles of the lattice, and null with the reason."""

import numpy as np
import pytest
from tests.helpers.polyhedra import SHARES, polyhedron

from catomo.surfaces.facet_quantities import facet_quantities
from catomo.surfaces.frame import Frame
from catomo.surfaces.relief import relief_of
from catomo.surfaces.settings import FacetRule


def measured(labels, lattice="cubic", size_nm=0.5):
    rule = FacetRule(lattice=lattice)
    relief = relief_of(labels, 1, rule, Frame.of(labels.shape), None)
    return facet_quantities("ceria", relief, rule, size_nm)


@pytest.mark.parametrize("kind", ["truncated octahedron", "hexagonal prism"])
def test_shares_of_families_are_those_of_the_polyhedron(kind):
    found = measured(polyhedron(kind, 20, 7)[0])
    for family, share in SHARES[kind].items():
        entry = found[f"ceria_facet_share_{family}"]
        assert entry["value"] == pytest.approx(share, abs=0.02)
        assert entry["low"] <= share <= entry["high"]


def test_angles_of_families_are_those_of_the_lattice():
    found = measured(polyhedron("truncated octahedron", 20, 7)[0])
    assert found["ceria_facet_count"]["value"] == 14
    for key, angle in (("111_111", 70.53), ("100_111", 54.74)):
        entry = found[f"ceria_facet_angle_{key}"]
        assert entry["value"] == pytest.approx(angle, abs=1)
        assert entry["low"] <= angle <= entry["high"]


def test_without_a_lattice_angles_go_by_the_numbers_of_facets_that_meet():
    found = measured(polyhedron("cube", 15, 2)[0], None)
    angles = {key: entry for key, entry in found.items() if "angle" in key}
    assert len(angles) == 12  # a cube has so many edges
    assert all(entry["value"] == pytest.approx(90, abs=0.5) for entry in angles.values())
    assert "ceria_facet_angle_1_3" in angles or "ceria_facet_angle_1_4" in angles
    assert not any("share_" in key for key in found)


def test_of_a_ball_the_measure_says_that_there_are_none():
    line = np.arange(40) - 19.6
    ball = line[:, None, None] ** 2 + line[:, None] ** 2 + line**2 <= 17**2
    found = measured(ball.astype(np.uint8))
    assert found["ceria_facet_count"]["value"] == 0
    assert "a ball has 0.25" in found["ceria_facet_count"]["method"]
    assert found["ceria_facet_share"]["value"] == 0
    assert found["ceria_facet_share_111"]["value"] is None
    assert "no facets" in found["ceria_facet_share_111"]["method"]


def test_where_no_voxel_is_support_nothing_is_told():
    found = measured(np.zeros((8, 8, 8), np.uint8))
    assert found["ceria_facet_share"]["value"] is None
    assert "no voxel is labelled ceria" in found["ceria_facet_share"]["method"]


def test_two_flat_faces_alone_have_no_family_and_say_why():
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[:, 8:20] = 1
    found = measured(labels)
    assert found["ceria_facet_count"]["value"] == 2
    assert "the end of the data cuts" in found["ceria_facet_count"]["method"]
    assert found["ceria_facet_share_100"]["value"] is None
    assert "families are not told" in found["ceria_facet_share_100"]["method"]
