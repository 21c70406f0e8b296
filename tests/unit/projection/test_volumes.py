"""Whole volumes: projection and back projection are adjoint, and MLEM inverts a projection."""

import numpy as np
import pytest

from catomo.projection.shear import ShearProjector
from catomo.projection.volumes import back_project, mlem, osem, project

TILT = np.arange(-68, 69, 4)


@pytest.fixture(scope="module")
def disc():
    """A disc along the tilt axis for some slices, empty beyond."""
    z, x = np.mgrid[:48, :48] - 23.5
    volume = np.zeros((3, 48, 48), np.float32)
    volume[:2] = 2 * (z**2 + x**2 < 14**2)
    return volume


@pytest.mark.parametrize(
    ("shape", "detector", "tilt_deg"),
    [((4, 30, 44), 44, TILT), ((2, 33, 21), 40, [13.0]), ((3, 24, 60), 31, np.arange(-90, 91, 9))],
)
def test_back_projection_is_the_adjoint(shape, detector, tilt_deg):
    rng = np.random.default_rng(1)
    volume = rng.random(shape, dtype=np.float32)
    images = rng.random((len(tilt_deg), shape[0], detector), dtype=np.float32)
    left = np.vdot(project(volume, tilt_deg, detector).astype(float), images)
    right = np.vdot(volume.astype(float), back_project(images, tilt_deg, shape[1:]))
    assert abs(left - right) <= 1e-5 * abs(left)


def test_a_projection_has_the_known_length_of_path(disc):
    images = project(disc, TILT)
    assert images.shape == (len(TILT), 3, 48)
    assert images.dtype == np.float32
    chord = 2 * 2 * np.sqrt(14**2 - (np.arange(48) - 23.5)[20:28] ** 2)  # value 2 times length
    np.testing.assert_allclose(images[:, 0, 20:28], np.tile(chord, (len(TILT), 1)), rtol=0.05)
    np.testing.assert_allclose(images[:, 0].sum(axis=1), disc[0].sum(), rtol=1e-5)
    np.testing.assert_array_equal(images[:, 2], 0)


def test_it_is_the_projector_of_the_stage(disc):
    projector = ShearProjector(TILT, (48, 48), 48)
    np.testing.assert_array_equal(project(disc, TILT), projector.forward(disc).swapaxes(0, 1))
    images = project(disc, TILT)
    wanted = projector.backward(np.ascontiguousarray(images.swapaxes(0, 1)))
    np.testing.assert_array_equal(back_project(images, TILT), wanted)


def test_a_projected_disc_is_recovered(disc):
    images = project(disc, TILT)
    for volume in (mlem(images, TILT, 60), osem(images, TILT, 6)):
        assert volume.shape == disc.shape
        assert volume.dtype == np.float32
        assert np.corrcoef(volume[0].ravel(), disc[0].ravel())[0, 1] > 0.95
        assert volume[0, 20:28, 20:28].mean() == pytest.approx(2, rel=0.05)
        np.testing.assert_allclose(volume[:2].sum(), disc.sum(), rtol=0.01)
        np.testing.assert_array_equal(volume[2], 0)


def test_more_subsets_than_images_are_as_many_as_images(disc):
    images = project(disc, [-30, 0, 30])
    np.testing.assert_array_equal(
        osem(images, [-30, 0, 30], 2, 10), osem(images, [-30, 0, 30], 2, 3)
    )


def test_arrays_that_do_not_fit_are_refused(disc):
    images = project(disc, TILT)
    with pytest.raises(ValueError, match=r"volume: found 2 axes, expected three \(y, z, x\)"):
        project(disc[0], TILT)
    with pytest.raises(ValueError, match="found 3 angles for 35 images"):
        back_project(images, [0, 1, 2])
    with pytest.raises(ValueError, match="NaN or infinity"):
        mlem(np.where(images > 1, np.nan, images), TILT)
    with pytest.raises(ValueError, match="tv needs unit"):
        osem(images, TILT, tv=0.01)
