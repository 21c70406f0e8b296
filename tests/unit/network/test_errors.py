import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from catomo.network.errors import Errors, fit_errors


def _slice(seed: int, length_px: float, common: float) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities of three nested classes, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    z, x = np.indices((120, 140)) - np.array([60, 70])[:, None, None]
    height = 4 * np.cos(np.hypot(z, x) / 9)
    p = np.stack([ndtr(-1 - height), ndtr(1 - height) - ndtr(-1 - height), ndtr(height - 1)], -1)
    field = gaussian_filter(rng.standard_normal((200, 220)), length_px / 2)[40:160, 40:180]
    field *= 2 * np.sqrt(np.pi) * length_px / 2  # of unit variance
    hidden = np.sqrt(1 - common) * field + np.sqrt(common) * rng.standard_normal()
    place = ndtr(hidden)[..., None]
    return p.astype(np.float32), (place > np.cumsum(p, axis=-1)[..., :2]).sum(-1).astype(np.uint8)


@pytest.mark.parametrize("length_px", [2.0, 5.0])
def test_finds_the_length_of_errors(length_px: float) -> None:
    errors = fit_errors(_slice(seed, length_px, 0.0) for seed in range(6))
    assert errors is not None
    assert errors.length_px == pytest.approx(length_px, rel=0.2)
    assert errors.common < 0.05
    assert errors.images == 6


def test_finds_what_a_slice_has_in_common() -> None:
    errors = fit_errors(_slice(seed, 3.0, 0.3) for seed in range(30))
    assert errors is not None
    assert errors.common == pytest.approx(0.3, abs=0.15)
    assert Errors.of(errors.record()) == errors
    assert "marks" not in Errors(2.0, 0.1, 3, ["a"]).record()


def test_of_a_network_that_is_sure_of_all_nothing_is_known() -> None:
    labels = np.zeros((40, 40), np.uint8)
    assert fit_errors([(np.eye(3, dtype=np.float32)[labels], labels)]) is None
    assert Errors.of(None) is None


def test_what_nobody_annotated_does_not_count() -> None:
    p, labels = _slice(1, 3.0, 0.0)
    half = labels.copy()
    half[:, 70:] = 255
    errors = fit_errors([(p, half)])
    wrong = np.where(np.arange(140) < 70, labels, 2 - labels).astype(np.uint8)
    assert errors != fit_errors([(p, wrong)])
    assert errors is not None
    assert errors.length_px == pytest.approx(3.0, rel=0.4)
