"""The first look finds the depth, the unit and the slices, whatever part is reconstructed."""

import numpy as np
import pytest

from catomo.errors import UserError
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


def test_gaps_in_the_images_change_neither_the_unit_nor_the_depth():
    volume = plate(20, 10)
    stack = 40 * ShearProjector(TILT, SHAPE[1:], 160).forward(volume).swapaxes(0, 1)
    gaps = np.random.default_rng(3).random(stack.shape) < 0.05
    gaps[::3, :7] = gaps[:, :, 70:74] = True
    gaps[:20, 2] = True
    whole, partly = (
        survey_images(AlignedImages.in_memory(stack, TILT, 0.25, mask), range(SHAPE[0]))
        for mask in (None, gaps)
    )
    assert partly.unit == pytest.approx(whole.unit, rel=0.1)
    assert abs(partly.depth - whole.depth) <= 4
    assert whole.recorded.tolist() == [1.0] * SHAPE[0]
    assert partly.recorded[10] == 1
    assert partly.recorded[5] == pytest.approx(23 / 35)
    assert partly.unrecorded(0.5) == [2]
    assert partly.unrecorded(0.7) == [0, 1, 2, 3, 4, 5, 6]
    assert not set(partly.sample(8, 0.7)) & set(range(7))


def test_infinity_below_is_no_gap_but_refused():
    stack = np.ones((len(TILT), 8, 40), np.float32)
    stack[3, 2, 5] = -np.inf
    with pytest.raises(UserError, match="not finite"):
        survey_images(AlignedImages.in_memory(stack, TILT, 0.25), range(8))
    gaps = np.isinf(stack)
    assert survey_images(AlignedImages.in_memory(stack, TILT, 0.25, gaps), range(8)).mass.min() > 0
    stack[4, 2, 5] = np.nan
    with pytest.raises(UserError, match="not finite"):
        survey_images(AlignedImages.in_memory(stack, TILT, 0.25, gaps), range(8))
    with pytest.raises(ValueError, match="unmeasured: found shape"):
        AlignedImages.in_memory(np.ones_like(stack), TILT, 0.25, np.zeros((2, 2, 2), bool))
