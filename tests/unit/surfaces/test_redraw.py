import numpy as np
import pytest

from catomo.surfaces.redraw import Doubt, redrawn


def _plane(confidence: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of three layers, and their confidence: low beside the boundaries."""
    labels = np.zeros((40, 30, 60), np.uint8)
    labels[:, :, 20:] = 1
    labels[:, :, 40:] = 2
    sure = np.full(labels.shape, 255, np.uint8)
    for edge in (20, 40):
        sure[:, :, edge - 1 : edge + 1] = confidence
    return labels, sure


def _doubt(confidence: np.ndarray, **changes) -> Doubt:
    return Doubt(
        confidence, **{"length_px": 3.0, "common": 0.0, "redraws": 20, "seed": 1} | changes
    )


def test_as_many_voxels_change_as_the_confidence_says() -> None:
    labels, confidence = _plane(204)  # 80 %
    changed = np.mean(
        [(new != labels)[confidence < 255] for new in redrawn(labels, _doubt(confidence))]
    )
    assert changed == pytest.approx(0.2, abs=0.02)


def test_sure_voxels_stay_and_unsure_ones_take_the_class_beside_them() -> None:
    labels, confidence = _plane(140)
    for new in redrawn(labels, _doubt(confidence)):
        assert (new == labels)[confidence == 255].all()
        assert set(np.unique(new[:, :, 19])) == {0, 1}
        assert set(np.unique(new[:, :, 39])) == {1, 2}


@pytest.mark.parametrize("length_px", [1.5, 4.0])
def test_errors_hang_together_over_the_length(length_px: float) -> None:
    labels = np.zeros((60, 60, 60), np.uint8)
    labels[:, :, 30:] = 1
    doubt = _doubt(np.full(labels.shape, 127, np.uint8), length_px=length_px, redraws=3)
    pairs = []
    for new in redrawn(labels, doubt):
        sign = np.where(new != labels, 1.0, -1.0)[:, :, :28]
        step = round(length_px)
        pairs.append((sign[step:] * sign[:-step]).mean())
    # Signs of two normals with the correlation r agree on average by 2/π asin r.
    expected = 2 / np.pi * np.arcsin(np.exp(-((step / length_px) ** 2)))
    assert np.mean(pairs) == pytest.approx(expected, abs=0.05)


def test_what_is_common_moves_all_boundaries_to_one_side() -> None:
    labels, confidence = _plane(150)
    doubt = _doubt(confidence, common=0.9)
    sums = [int(new.astype(int).sum()) for new in redrawn(labels, doubt)]
    assert np.corrcoef(sums, doubt.together())[0, 1] > 0.9
    alone = [int(new.astype(int).sum()) for new in redrawn(labels, _doubt(confidence))]
    assert np.std(alone) < np.std(sums) / 3
    assert doubt.together().mean() == pytest.approx(0, abs=1e-12)


def test_the_same_seed_gives_the_same_labels_and_sure_labels_stay() -> None:
    labels, confidence = _plane(150)
    one, other, third = (
        np.stack(list(redrawn(labels, _doubt(confidence, redraws=2, seed=seed))))
        for seed in (1, 1, 2)
    )
    assert (one == other).all()
    assert (one != third).any()
    sure = np.full(labels.shape, 255, np.uint8)
    assert all((new == labels).all() for new in redrawn(labels, _doubt(sure)))
