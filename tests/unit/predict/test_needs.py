"""What a prediction takes in memory, beside what it took: peaks of its process, sampled."""

import pytest

from catomo.network.inference import Inference
from catomo.network.size import UNetSize
from catomo.predict.needs import memory_bytes

DEMO = UNetSize(levels=5, base_filters=16)
COMPACT = UNetSize()


@pytest.mark.parametrize(
    ("network", "precision", "shape", "classes", "measured_gb"),
    [
        (DEMO, "float32", (702, 744, 1024), 3, 1.30),
        (DEMO, "float32", (256, 92, 256), 3, 1.00),
        (DEMO, "float32", (128, 74, 128), 3, 0.984),
        (DEMO, "bfloat16", (128, 74, 128), 3, 0.832),
        (COMPACT, "bfloat16", (256, 106, 256), 5, 0.915),
        (UNetSize(levels=3, base_filters=4), "float32", (702, 744, 1024), 3, 0.949),
    ],
)
def test_it_is_near_to_what_was_measured(network, precision, shape, classes, measured_gb):
    found = memory_bytes(network, precision, Inference(), shape, "cpu", classes)
    assert 0.95 < found / 1e9 / measured_gb < 1.15


def test_it_grows_with_what_passes_at_once_and_not_with_the_volume():
    def of(count, rows, columns):
        return memory_bytes(COMPACT, "float32", Inference(), (count, rows, columns), "cpu", 3)

    assert of(10, 744, 1024) == of(1000, 744, 1024)
    assert of(1, 744, 1024) < of(1, 1024, 1400)
    # A tile passes at a time, but the probabilities of the whole slice exist.
    whole, tiled = of(1, 2048, 1024), of(1, 2049, 1024)
    assert tiled < whole
    assert of(1, 4096, 4096) - of(1, 2048, 4096) == pytest.approx(2048 * 4096 * 3 * 4 * 20)
