"""The simulated microscope: where mass lands, and how much of it."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from catomo.phantom.specimen import mid_plate_nm, read_specimen, render_specimen
from catomo.tilt_series.microscope import Misalignment, project, record_counts, tilts_of

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"


@pytest.fixture(scope="module")
def specimen():
    return read_specimen(DEMO)


def point(shape, y, z, x):
    volume = np.zeros(shape, np.float32)
    volume[y, z, x] = 1.0
    return volume


@pytest.mark.parametrize("oversampling", [1, 2])
def test_a_voxel_lands_where_the_geometry_says(oversampling):
    """s = (x − cx)·cos θ − (z − cz)·sin θ and y stays, at 0° and at tilts of both signs."""
    n = oversampling
    tilts = np.array([-60.0, -20.0, 0.0, 20.0, 60.0])
    images = project(
        point((20 * n, 24 * n, 28 * n), 5 * n, 15 * n, 22 * n),
        tilts,
        oversampling=n,
        probe_sigma_px=0.7,
    )
    assert images.shape == (5, 20, 28)
    # A cell's middle in pixels from the centre of the volume.
    x, y, z = ((k * n + 0.5) / n - size / 2 for k, size in ((22, 28), (5, 20), (15, 24)))
    for image, tilt in zip(images, np.deg2rad(tilts), strict=True):
        row, column = center_of_mass(image)
        assert row == pytest.approx(y + 9.5, abs=1e-3)
        assert column == pytest.approx(x * np.cos(tilt) - z * np.sin(tilt) + 13.5, abs=1e-3)


def test_misalignment_moves_the_voxel():
    misalignment = Misalignment(4.0, 2.5, across_px=[0.3, -1.2], along_px=[-0.7, 1.6])
    tilts = [0.0, 30.0]
    images = project(
        point((32, 32, 40), 20, 12, 26), tilts, misalignment=misalignment, probe_sigma_px=0.8
    )
    a = np.deg2rad(4.0)
    for t, tilt in enumerate(np.deg2rad(tilts)):
        u = (26 - 19.5) * np.cos(tilt) - (12 - 15.5) * np.sin(tilt) + 2.5 + [0.3, -1.2][t]
        v = (20 - 15.5) + [-0.7, 1.6][t]
        row, column = center_of_mass(images[t])
        assert column == pytest.approx(19.5 + np.cos(a) * u + np.sin(a) * v, abs=1e-3)
        assert row == pytest.approx(15.5 - np.sin(a) * u + np.cos(a) * v, abs=1e-3)


def test_a_positive_axis_angle_leans_the_axis_to_larger_x_at_larger_y():
    """Mass on the tilt axis shows where the axis lies in the raw image."""
    volume = np.zeros((40, 16, 40), np.float32)
    volume[:, 7:9, 19:21] = 1.0
    image = project(volume, [50.0], misalignment=Misalignment(5.0))[0]
    columns = np.arange(40)
    top, bottom = ((image[row] @ columns) / image[row].sum() for row in (8, 31))
    assert (bottom - top) / 23 == pytest.approx(np.tan(np.deg2rad(5.0)), abs=2e-3)


def test_raw_and_aligned_coordinates_are_inverse():
    misalignment = Misalignment(3.3, 5.0, [1.0, 2.0], [-3.0, 4.0])
    u, v = np.array([3.0, -7.0]), np.array([11.0, 2.0])
    assert np.allclose(misalignment.to_aligned(*misalignment.to_raw(u, v, 1), 1), (u, v))


def test_mass_is_the_same_at_every_tilt(specimen):
    density = render_specimen(specimen, 1).density(specimen.contrast)[::2, ::2, ::2]
    images = project(
        density,
        tilts_of(specimen.acquisition)[::8],
        detector=(150, 150),
        misalignment=Misalignment(1.7, 3.1),
        probe_sigma_px=0.8,
    )
    mass = images.sum(axis=(1, 2), dtype=float)
    assert np.allclose(mass, density.sum(dtype=float), rtol=1e-5)


def test_projection_is_the_path_length_in_pixels():
    """A slab of 6 px is 6 at 0° and 6 / cos θ at θ, whatever the fineness of its cells."""
    for n in (1, 2):
        slab = np.zeros((16 * n, 16 * n, 96 * n), np.float32)
        slab[:, 5 * n : 11 * n] = 1.0
        images = project(slab, [0.0, 40.0], oversampling=n, probe_sigma_px=0.8)
        for image, tilt in zip(images, np.deg2rad([0.0, 40.0]), strict=True):
            middle = image[6:10, 36:60]
            assert middle.mean() == pytest.approx(6 / np.cos(tilt), rel=2e-3)
            assert np.ptp(middle) < 0.02 * middle.mean()


def test_probe_has_the_stated_width():
    image = project(point((41, 41, 41), 20, 20, 20), [0.0], probe_sigma_px=1.5)[0]
    x = np.arange(41) - 20
    assert np.sqrt((image.sum(0) @ x**2) / image.sum()) == pytest.approx(1.5, rel=1e-2)


def test_mid_plate_alumina_gives_the_stated_counts(specimen):
    bare = specimen.model_copy(
        update={
            "pores": specimen.pores.model_copy(update={"count": 0}),
            "particles": specimen.particles.model_copy(update={"count": 0}),
            "acquisition": specimen.acquisition.model_copy(update={"bad_pixel_fraction": 0.0}),
        }
    )
    density = render_specimen(bare, 1).density(bare.contrast)
    image = project(density, [0.0], oversampling=2)
    counts = record_counts(image, bare, np.random.default_rng(0))[0]
    # Two whole periods along the corrugation, which runs close to y.
    middle = counts[40:88, 52:76]
    assert middle.mean() == pytest.approx(150 + 15, rel=0.02)
    assert counts[:8].mean() == pytest.approx(15, rel=0.03)
    assert counts[:8].var() == pytest.approx(15, rel=0.1)
    assert mid_plate_nm(bare) > bare.plate.thickness_nm - 2 * bare.plate.corrugation_depth_nm


def test_bad_pixels_are_hot_or_dead_in_all_images(specimen):
    acquisition = specimen.acquisition.model_copy(update={"bad_pixel_fraction": 0.01})
    spoilt = specimen.model_copy(update={"acquisition": acquisition})
    counts = record_counts(np.full((3, 50, 60), 30.0), spoilt, np.random.default_rng(0))
    dead, hot = (counts == 0).all(axis=0).sum(), (counts == 3000).all(axis=0).sum()
    assert (dead, hot) == (15, 15)
