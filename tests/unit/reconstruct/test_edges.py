"""The width of edges that were blurred by a known amount."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.edges import edge_width, missing_wedge_deg

TURNED_DEG = [2, 5, 8, 14]


def plates(blur_z=0.0, blur_x=0.0, pt=0.0, shape=(160, 240), fold=4):
    """Plates, turned a little, with a particle on a face, blurred before they meet pixels."""
    z, x = np.mgrid[: shape[0] * fold, : shape[1] * fold] / fold
    z, x = z - shape[0] / 2, x - shape[1] / 2
    out = []
    for angle in np.radians(TURNED_DEG):
        u, v = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
        fine = ((np.abs(u) < 60) & (np.abs(v) < 35)).astype(np.float32)
        if pt:
            fine[(u - 20) ** 2 + (v - 36) ** 2 < 25] = pt
        fine = gaussian_filter(fine, (blur_z * fold, blur_x * fold))
        out.append(fine.reshape(shape[0], fold, shape[1], fold).mean(axis=(1, 3)))
    return np.array(out)


@pytest.mark.parametrize(
    ("tilts", "wedge"),
    [
        (np.arange(-68, 69, 2), 44),
        (np.arange(68, -69, -2), 44),
        ([*range(-60, -10, 2), *range(50, 71, 2)], 62 + 50),
        ([*range(-70, -19, 2), *range(20, 71, 2)], 40 + 40),
        (np.arange(-60, 61, 10), 60),
        (
            np.rad2deg(np.arcsin(np.linspace(-0.93, 0.93, 69))),
            180 - 2 * np.rad2deg(np.arcsin(0.93)),
        ),
        (np.arange(0, 180, 3), 3),
        (np.arange(-90, 91, 2), 2),
        ([0.0], 180),
    ],
)
def test_the_missing_wedge_is_what_the_tilts_leave_out(tilts, wedge):
    assert missing_wedge_deg(tilts) == pytest.approx(wedge)


@pytest.mark.parametrize("pt", [0, 20])
@pytest.mark.parametrize(("blur_z", "blur_x"), [(1, 1), (2, 2), (3, 1), (1, 2.5), (4, 1)])
def test_a_known_blur_is_found_in_each_direction(blur_z, blur_x, pt):
    found = edge_width(plates(blur_z, blur_x, pt), 0.5)
    turned = np.mean(np.sin(np.radians(TURNED_DEG)) ** 2)
    for name, blur, other in (("x", blur_x, blur_z), ("z", blur_z, blur_x)):
        # Along the normal of a turned edge both blurs meet; and the pixel belongs to the edge.
        wanted = 0.5 * np.sqrt((1 - turned) * blur**2 + turned * other**2 + 1 / 12)
        assert found[name]["sigma_nm"] == pytest.approx(wanted, rel=0.025)
        assert found[name]["rise_nm"] == pytest.approx(2.5631 * found[name]["sigma_nm"], rel=1e-3)
        assert found[name]["edges"] > 300
    assert found["elongation"] == found["z"]["sigma_nm"] / found["x"]["sigma_nm"]


def test_noise_changes_the_width_little():
    noise = np.random.default_rng(6).standard_normal((4, 160, 240))
    found = edge_width(plates(2, 1) + 0.2 * noise, 1.0)
    assert found["x"]["sigma_nm"] == pytest.approx(1.04, rel=0.1)
    assert found["z"]["sigma_nm"] == pytest.approx(2.02, rel=0.1)


def test_a_sharp_edge_is_as_wide_as_a_pixel():
    found = edge_width(plates(), 1.0)
    assert found["x"]["sigma_nm"] == pytest.approx(12**-0.5, rel=0.3)
    assert found["z"]["sigma_nm"] == pytest.approx(12**-0.5, rel=0.3)


@pytest.mark.parametrize("content", [0.0, 1.0])
def test_without_edges_there_is_no_width(content):
    found = edge_width(np.full((2, 40, 50), content, np.float32), 1.0)
    assert found["x"]["edges"] == 0
    assert np.isnan(found["z"]["rise_nm"])
    assert np.isnan(found["elongation"])


def test_the_missing_wedge_is_seen_as_elongation():
    image = plates(0.7, 0.7).astype(np.float32)
    elongation = []
    for limit in (89, 68, 52):
        projector = ShearProjector(np.arange(-limit, limit + 1, 4.0), image.shape[1:], 240)
        found = MaximumLikelihood(projector, 10, 6)(projector.forward(image))
        elongation.append(edge_width(found, 1.0)["elongation"])
    assert elongation[0] < 1.35
    assert elongation[2] > 1.3 * elongation[1] > 5
