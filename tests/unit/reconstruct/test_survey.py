"""The first look finds the depth, the unit and the slices, whatever part is reconstructed."""

import numpy as np
import pytest

from catomo.projection.shear import ShearProjector
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.survey import survey_images

TILT = np.arange(-68.0, 69, 4)
SHAPE = (24, 160, 160)  # y, z, x


def plate(thickness, angle_deg, width=60):
    """A plate turned about the tilt axis, with dim matter and a bright particle on top."""
    y, z, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    z, x = z - 79.5, x - 79.5
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    across, along = z * c - x * s, x * c + z * s
    volume = ((np.abs(across) < thickness / 2) & (np.abs(along) < width / 2)).astype(np.float32)
    volume[(y < 4) | (y >= 18)] = 0
    volume[(across - thickness / 2) ** 2 + (along - 10) ** 2 + (y - 12) ** 2 < 9] = 19.5
    return volume


def survey(volume, noise=1.0, **settings):
    sinograms = ShearProjector(TILT, SHAPE[1:], 160).forward(volume)
    rng = np.random.default_rng(1)
    stack = 40 * sinograms.swapaxes(0, 1) + rng.normal(
        0, 40 * noise, sinograms.swapaxes(0, 1).shape
    )
    aligned = AlignedImages.in_memory(stack.astype(np.float32), TILT, 0.25)
    return survey_images(aligned, range(SHAPE[0]), **settings)


@pytest.mark.parametrize(("thickness", "angle_deg"), [(10, 0), (20, 14), (30, -35), (12, 60)])
def test_the_depth_holds_the_specimen_and_no_more_than_it_needs(thickness, angle_deg):
    volume = plate(thickness, angle_deg)
    rows = np.flatnonzero(volume.any(axis=(0, 2)))
    needed = 2 * max(abs(rows[0] - 79.5), abs(rows[-1] - 79.5)) + 1
    assert needed <= survey(volume).depth <= 2.2 * needed + 12


def test_a_film_beyond_the_frame_leaves_the_depth_alone():
    wide = np.ones((1, 20, 480), np.float32)
    wide[0, 5:9, 200:210] = 10
    sinograms = ShearProjector(TILT, (20, 480), 160).forward(wide)
    stack = np.repeat(sinograms.swapaxes(0, 1), 8, axis=1)
    assert survey_images(AlignedImages.in_memory(stack, TILT, 0.25), range(8)).depth >= 60


@pytest.mark.parametrize("pt", [False, True])
def test_the_unit_is_that_of_the_support(pt):
    volume = plate(30, 10)
    if pt:
        rng = np.random.default_rng(2)
        z, x = np.nonzero(volume[12] == 1)
        for i in rng.choice(len(z), 18):
            volume[rng.integers(4, 14) :, z[i] - 2 : z[i] + 3, x[i] - 2 : x[i] + 3][:5] = 19.5
        assert volume[volume > 10].sum() > 0.6 * volume.sum()
    assert survey(volume).unit == pytest.approx(40, rel=0.3)


def test_the_sample_lies_in_the_matter():
    sample = survey(plate(20, 0), noise=0.0).sample(4)
    assert len(sample) == 4
    assert sample == sorted(sample)
    assert 4 <= sample[0] < sample[-1] < 18


def test_nothing_has_no_unit():
    found = survey(np.zeros(SHAPE, np.float32), noise=0.0)
    assert found.unit == 0
    assert found.depth == 160
    assert found.sample(5) == [12]
