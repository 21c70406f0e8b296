"""Names of facets by the angles of a lattice."""

import numpy as np
import pytest
from tests.helpers.polyhedra import PLANES

from catomo.surfaces.facet_families import families, family_names, lattice_angle
from catomo.surfaces.facets import Facet, Facets


def made(normals, areas=None):
    areas = np.ones(len(normals)) if areas is None else areas
    every = [
        Facet(np.asarray(n, float), a, 0.9, 0.1, 0.5) for n, a in zip(normals, areas, strict=False)
    ]
    none = np.empty(0, int)
    return Facets(every, none, none, np.empty(0), none, 0.9, 0.9, np.ones(1))


def turned(normals, seed=0):
    from scipy.spatial.transform import Rotation

    return Rotation.random(rng=np.random.default_rng(seed)).apply(np.asarray(normals, float))


@pytest.mark.parametrize("kind", PLANES)
def test_polyhedra_get_the_names_of_their_planes(kind):
    normals = turned([normal for normal, _, _ in PLANES[kind]], 4)
    assert families(made(normals), "cubic") == [name for _, _, name in PLANES[kind]]


def test_angles_that_are_not_of_the_lattice_give_no_names():
    normals = turned([[1, 0, 0], [np.cos(0.4), np.sin(0.4), 0]])  # 23°
    assert "no two facets meet at an angle of the cubic lattice" in families(made(normals), "cubic")


def test_two_planes_at_right_angles_may_be_of_several_families():
    assert "several namings" in families(made(turned([[1, 0, 0], [0, 1, 0]])), "cubic")


def test_a_facet_that_fits_nowhere_is_other():
    normals = [normal for normal, _, _ in PLANES["octahedron"]]
    odd = np.array([0.9, 0.42, 0.1]) / np.linalg.norm([0.9, 0.42, 0.1])
    names = families(made(turned([*normals, odd]), [1.0] * 8 + [0.1]), "cubic")
    assert names == ["111"] * 8 + ["other"]


def test_angles_of_the_cubic_lattice():
    assert family_names("cubic") == ["100", "110", "111"]
    for one, other, angle in (
        ("111", "111", 70.53), ("100", "100", 90), ("100", "111", 54.74), ("110", "111", 35.26),
        ("110", "110", 60), ("100", "110", 45),
    ):  # fmt: skip
        assert lattice_angle("cubic", one, other) == pytest.approx(angle, abs=0.01)
