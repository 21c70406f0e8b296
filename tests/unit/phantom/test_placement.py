"""Where particles of a phantom sit: at distances from ridges that are known."""

from pathlib import Path

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.phantom.placement import draw_spheres
from catomo.phantom.plate import SIDES, drop, half_width, ridge_middles
from catomo.phantom.specimen import read_specimen

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"


def specimen(placement, **more):
    demo = read_specimen(DEMO)
    rule = demo.particles.model_copy(update={"placement": placement, **more})
    return demo.model_copy(update={"particles": rule})


def spheres(placement, seed, pores=(), **more):
    drawn = draw_spheres(specimen(placement, **more), list(pores), np.random.default_rng(seed))
    return np.array([centre for centre, _ in drawn]), np.array([size for _, size in drawn])


def across_from_ridges(centres):
    """Return distances across the ridges of the face that each centre lies above, in nm."""
    plate = read_specimen(DEMO).plate
    return np.array(
        [np.abs(ridge_middles(plate, int(np.sign(z))) - y).min() for _, y, z in centres]
    )


def test_apex_and_valley_are_on_their_lines():
    top, _ = spheres("facet_apex", 3)
    assert across_from_ridges(top) == pytest.approx(np.zeros(24), abs=1e-9)
    foot, sizes = spheres("facet_valley", 3)
    assert across_from_ridges(foot) == pytest.approx(np.full(24, 1.5 * 2**0.5), abs=1e-9)
    assert np.abs(foot[:, 2]) == pytest.approx(4 - 1.5 + 0.2 * sizes)


def test_random_places_spread_evenly_over_the_area():
    """Of the demo's plate the closed form tells the area of ridges, floors and sides."""
    plate = read_specimen(DEMO).plate
    many = [spheres("random", seed, embedded_fraction=0.5)[0] for seed in range(60)]
    places = np.concatenate(many)  # half embedded: the centres lie on the surface
    near = np.abs(places @ SIDES.T)
    on_side = (near > half_width(plate) - 1e-6).any(axis=1)
    low = np.array([drop(plate, np.array([y]), int(np.sign(z)))[0] for _, y, z in places])
    on_ridge = ~on_side & (low < plate.corrugation_depth_nm - 1e-6)
    # On both faces ridges take 4.24 of every 6 nm, by 1/cos 35.3° more of the area.
    broad = 17**2 * 8**0.5 / 3
    ridges = 2 * broad * (3 / 2**0.5 / 6 * 2) * 1.5**0.5
    floors = 2 * broad * (1 - 3 / 2**0.5 / 6 * 2)
    mean_drop = (3 / 2**0.5 * 2 / 6) * 0.75 + (1 - 3 / 2**0.5 * 2 / 6) * 1.5
    sides = 4 * 17 * (8 - 2 * mean_drop)
    total = ridges + floors + sides
    assert on_side.mean() == pytest.approx(sides / total, abs=0.035)
    assert on_ridge.mean() == pytest.approx(ridges / total, abs=0.045)


def test_no_particles_overlap_and_none_hangs_over_a_pore_mouth():
    pore = (np.array([-3.0, 5.0, -2.0]), np.array([3.0, 9.0, 2.0]))  # through the second side
    for placement in ("random", "clustered"):
        centres, sizes = spheres(placement, 5, [pore], embedded_fraction=0.5)
        gaps = np.linalg.norm(centres[:, None] - centres, axis=2) - (sizes[:, None] + sizes) / 2
        assert gaps[~np.eye(24, dtype=bool)].min() >= 0.3 - 1e-9
        near = np.column_stack([centres @ SIDES.T, centres[:, 2]])
        inside = ((near > pore[0]) & (near < pore[1])).all(axis=1)
        assert not inside.any()


def test_clusters_have_nearer_neighbours():
    def nearest(placement):
        means = []
        for seed in range(5):
            centres, _ = spheres(placement, seed)
            apart = np.linalg.norm(centres[:, None] - centres, axis=2) + 99 * np.eye(24)
            means.append(apart.min(axis=1).mean())
        return np.mean(means)

    assert nearest("clustered") < 0.85 * nearest("random")


def test_too_many_particles_are_refused_with_a_way_out():
    with pytest.raises(UserError, match="ask for fewer or smaller particles"):
        spheres("random", 1, count=150, median_diameter_nm=4.0, sigma_log=0.0)
