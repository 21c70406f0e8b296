"""What single images suffer besides shifts is measured, and told before it spoils the volume."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import ndimage

from catomo.align.distortion import distortion_of
from catomo.align.prediction import Reprojection
from catomo.align.settings import Align
from catomo.phantom.settings import Specimen
from catomo.phantom.specimen import render_specimen
from catomo.tilt_series.faults import distorted
from catomo.tilt_series.microscope import project
from catomo.tilt_series.misalignment import Misalignment
from helpers.balls import TILTS, phantom, run

SIZE = 96
DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"


def blobs(matrix=None):
    """Return an image of Gaussian blobs, whose points lie at `matrix` @ r from the centre."""
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    image = np.zeros((SIZE, SIZE))
    for at_y, at_x, sigma in ((-20, 14, 3), (16, -24, 4), (10, 22, 3.5), (-14, -16, 5)):
        point = np.array([at_y, at_x]) if matrix is None else matrix @ [at_y, at_x]
        image += np.exp(-((y - point[0]) ** 2 + (x - point[1]) ** 2) / (2 * sigma**2))
    return image


def turned(deg):
    a = np.deg2rad(deg)  # content from x towards y, as seen with y downwards
    return np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def measured(*matrices):
    """Return the distortion of images beside two that are as predicted, in the first places."""
    predicted = blobs()
    images = np.stack([predicted, predicted, *(blobs(m) for m in matrices)])
    return distortion_of(
        Reprojection(images, np.stack([predicted] * len(images)), 1), np.arange(len(images))
    )


def test_turn_growth_and_shear_come_back():
    sheared = np.array([[1, 0.02], [0, 1]])  # rows move by 2 % of their distance from the middle
    found = measured(turned(0.6), np.diag([1.01, 1.01]), sheared)
    turn_of_shear = np.degrees(0.01)
    np.testing.assert_allclose(np.abs(found.rotation_deg), [0, 0, 0.6, 0, turn_of_shear], atol=0.03)
    np.testing.assert_allclose(found.magnification, [0, 0, 0, 0.01, 0], atol=6e-4)
    np.testing.assert_allclose(np.abs(found.shear), [0, 0, 0, 0, 0.01], atol=6e-4)


def test_noise_is_not_taken_for_a_distortion():
    rng = np.random.default_rng(3)
    predicted = np.stack([blobs()] * 24)
    noise = ndimage.gaussian_filter(rng.normal(size=predicted.shape), (0, 1, 1))
    found = distortion_of(Reprojection(predicted + 0.3 * noise, predicted, 1), np.arange(24))
    assert np.std(found.rotation_deg) == pytest.approx(found.noise[0], rel=0.25)
    assert np.std(found.magnification) == pytest.approx(found.noise[1], rel=0.25)
    assert found.record()["rotation_deg"] < 0.6 * np.std(found.rotation_deg)


def test_an_empty_image_has_no_distortion():
    empty = np.zeros((3, 16, 16))
    found = distortion_of(Reprojection(empty, empty, 1), np.arange(3))
    assert list(found.record().values()) == [0, 0, 0]


def test_from_half_the_limit_on_it_is_told_and_beyond_it_doubted():
    limits = Align().verdict
    for deg, expected in ((0.8, (0, 0)), (2.2, (0, 1)), (6.0, (1, 0))):
        doubts, mentions = measured(turned(deg), turned(-deg)).reasons(limits)
        turns = [
            [r for r in told if "turned against each other" in r] for told in (doubts, mentions)
        ]
        assert (len(turns[0]), len(turns[1])) == expected, deg


@pytest.mark.parametrize(
    ("faults", "key", "size"),
    [
        ({"rotation_deg": 1.0}, "rotation_deg", 1.0),
        ({"magnification": 0.02}, "magnification", 0.02 / np.sqrt(3)),
        ({"scan_drift_px": 1.0}, "magnification", 1 / SIZE),
    ],
)
def test_the_faults_of_a_simulated_recording_come_back(faults, key, size):
    demo = yaml.safe_load(DEMO.read_text())
    demo |= {"shape_px": [SIZE] * 3, "render_oversampling": 1, "faults": faults}
    specimen = Specimen.model_validate(demo)
    density, tilts = render_specimen(specimen, 2).density(specimen.contrast), np.zeros(40)
    seen = distorted(Misalignment(), specimen, len(tilts), 2)
    images = project(density, tilts, misalignment=seen, probe_sigma_px=1.5)
    predicted = project(density, tilts, probe_sigma_px=1.5)
    found = distortion_of(Reprojection(images, predicted, 1), tilts)
    assert found.record()[key] == pytest.approx(size, rel=0.25)


def spoilt(change):
    """Return a change of a series: each image seen through a matrix of its own."""

    def of_series(images):
        centre = (np.array(images.shape[1:]) - 1) / 2
        for t, image in enumerate(images):
            matrix = change(t)
            images[t] = ndimage.affine_transform(image, matrix, centre - matrix @ centre, order=3)
        return images

    return of_series


DRAWN = np.random.default_rng(4).normal(size=len(TILTS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "key", "truth", "words"),
    [
        (lambda t: turned(3 * DRAWN[t]), "rotation_deg", 3.0, "turned against each other"),
        pytest.param(
            *(lambda t: np.eye(2) * (1 + 0.03 * DRAWN[t]), "magnification", 0.03),
            "in magnification",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_distorted_series_is_doubted_for_its_cause(tmp_path, change, key, truth, words):
    record, _ = run(phantom(tmp_path / "series", change=spoilt(change)), tmp_path / "out")
    assert record["verdict"] == "warn"
    assert any(words in reason for reason in record["reasons"])
    assert record["steps"]["distortion"][key] == pytest.approx(truth * np.std(DRAWN), rel=0.2)
