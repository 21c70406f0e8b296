"""Facets of polyhedra in closed form, in any direction; none on curved bodies."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from tests.helpers.polyhedra import PLANES, corrugated, polyhedron

from catomo.surfaces.facet_surface import surface_elements
from catomo.surfaces.facets import LEAST_FLAT, find_facets
from catomo.surfaces.frame import Frame


def facets(labels):
    elements = surface_elements(labels, 1, Frame.of(labels.shape), 1.5)
    return find_facets(elements), elements


@pytest.mark.parametrize("kind", PLANES)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_plane_of_a_polyhedron_is_a_facet_in_its_direction(kind, seed):
    labels, normals, _ = polyhedron(kind, 20, seed)
    found, elements = facets(labels)
    assert len(found.facets) == len(normals)
    nearest = (found.normals @ normals.T).argmax(axis=1)
    assert sorted(nearest) == list(range(len(normals)))
    off = np.degrees(np.arccos(np.clip((found.normals * normals[nearest]).sum(axis=1), -1, 1)))
    assert off.max() < 1.5
    assert all(turn <= one.off_deg for turn, one in zip(off, found.facets, strict=True))
    areas = sum(one.area for one in found.facets)
    assert areas == pytest.approx(elements.areas.sum(), rel=0.01)
    assert max(one.flatness for one in found.facets) < 0.4


def offset(radius, shift):
    size = int(2 * radius) + 9
    line = np.arange(size) - size // 2 + shift
    squares = line[:, None, None] ** 2 + line[:, None] ** 2 + line**2
    return (squares <= radius**2).astype(np.uint8)


def sponge(size, sigma, seed):
    noise = np.random.default_rng(seed).standard_normal((size,) * 3)
    return (gaussian_filter(noise, sigma) > 0).astype(np.uint8)


@pytest.mark.parametrize(
    "labels",
    [
        offset(8.01, 0.3), offset(15.01, 0.0), offset(19.01, 0.0), offset(21.01, 0.0),
        offset(28.0, 0.2), sponge(56, 4, 1), sponge(64, 7, 2),
    ],
    ids=["small ball", "voxels meet it 15", "19", "21", "ball", "sponge", "coarse sponge"],
)  # fmt: skip
def test_curved_surfaces_have_none_even_where_voxels_make_flat_poles(labels):
    found, _ = facets(labels)
    assert not found.facets
    assert found.flat < LEAST_FLAT
    assert (found.facet_of == -1).all()
    assert (found.plane_of == -1).all()


@pytest.mark.parametrize(("radius", "shift"), [(12.01, 0.5), (18, 0.3), (26.01, 0.25)])
def test_a_cylinder_has_its_two_ends_alone_though_voxels_make_flat_strips(radius, shift):
    line = np.arange(64) - 32 + shift
    round_ = line[:, None] ** 2 + line**2 <= radius**2
    labels = (round_ & (np.abs(line) <= 16)[:, None, None]).astype(np.uint8)
    found, _ = facets(labels)
    assert len(found.facets) == 2
    assert np.abs(found.normals[:, 0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("slope", [35.26, 25.0])
def test_a_zigzag_has_two_inclined_facets_of_many_planes(slope):
    labels = corrugated(24, slope, (56, 48, 80), 30)
    found, _ = facets(labels)
    lean = np.degrees(np.arccos(np.clip(found.normals[:, 1], -1, 1)))
    inclined = np.flatnonzero((lean > 10) & (lean < 60))
    assert len(inclined) == 2
    assert all(abs(lean[one] - slope) < found.facets[one].off_deg < 3 for one in inclined)
    assert min(np.bincount(found.facet_of_plane)[inclined]) >= 2


def test_a_narrow_floor_is_a_facet_though_labels_round_the_edges_beside_it():
    slope, turn = 35.26, np.radians(7)
    y, z, x = (np.arange(size) - (size - 1) / 2 for size in (60, 64, 96))
    along = np.cos(turn) * x - np.sin(turn) * z[:, None]
    up = np.sin(turn) * x + np.cos(turn) * z[:, None]
    across = np.abs(along - 44 * np.round(along / 44))
    top = 22 - np.minimum(across, 18) * np.tan(np.radians(slope))  # the floor is 8 px wide
    page = (up <= top) & (up >= -14) & (np.abs(along) < 38)
    sharp = page & (np.abs(y) < 26)[:, None, None]
    rounded = gaussian_filter(sharp.astype(np.float32), 2.5) > 0.5
    found, elements = facets(rounded.astype(np.uint8))
    assert len(found.facets) == 8  # floor, two flanks, four sides and the lower face
    lean = np.degrees(np.arccos(found.normals @ [0, np.cos(turn), np.sin(turn)]))
    assert np.sort(lean)[:3] == pytest.approx([0, slope, slope], abs=2.5)
    assert elements.areas[found.facet_of >= 0].sum() > 0.97 * elements.areas.sum()


@pytest.mark.parametrize(("kind", "sigma"), [("cube", 3.5), ("hexagonal prism", 3.0)])
def test_facets_end_at_edges_that_labels_round(kind, sigma):
    labels, normals, _ = polyhedron(kind, 24, 2)
    rounded = gaussian_filter(np.pad(labels, 4).astype(np.float32), sigma) > 0.5
    found, _ = facets(rounded.astype(np.uint8))
    nearest = (found.normals @ normals.T).argmax(axis=1)
    assert sorted(nearest) == list(range(len(normals)))
    off = np.degrees(np.arccos(np.clip((found.normals * normals[nearest]).sum(axis=1), -1, 1)))
    assert off.max() < 1.5


def test_the_density_of_directions_is_one_on_the_average():
    found, _ = facets(polyhedron("cube", 15, 3)[0])
    assert found.density.mean() == pytest.approx(1, abs=0.01)
    assert found.density.max() > 20
