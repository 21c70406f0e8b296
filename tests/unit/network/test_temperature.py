"""The temperature undoes exactly the overconfidence it should, where classes meet."""

import numpy as np
import pytest

from catomo.network.temperature import fit_temperature


def made(sharpness, seed=0):
    """Return probabilities `sharpness` times surer than the labels drawn from them deserve."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=(80, 80, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    labels = (rng.random((80, 80, 1)) > p.cumsum(axis=-1)).sum(axis=-1).astype(np.uint8)
    sure = np.exp(sharpness * logits)
    return sure / sure.sum(axis=-1, keepdims=True), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_is_how_much_too_sure_the_network_is(sharpness):
    pairs = [made(sharpness, seed) for seed in (0, 1)]
    assert fit_temperature(pairs) == pytest.approx(sharpness, rel=0.05)


def test_pixels_without_annotation_or_far_from_boundaries_do_not_count():
    p, labels = made(2.0)
    labels[:, 40:] = 255
    wrong = p.copy()
    wrong[:, 40:] = [1, 0, 0]
    assert fit_temperature([(wrong, labels)]) == fit_temperature([(p, labels)])
    plain = np.zeros((20, 20), np.uint8)
    assert fit_temperature([(p[:20, :20], plain)]) is None
