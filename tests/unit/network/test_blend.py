"""Blending: no seams, any size, every view turned back where it belongs."""

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from catomo.network import blend, unet
from catomo.network.blend import tile_starts, tile_weights
from catomo.network.inference import VIEWS, Inference

unet.start(threads=2)  # before anything else wakes TensorFlow

SIZES = [(1, 1), (1, 37), (31, 32), (33, 65), (100, 64), (257, 131), (1100, 700)]


def probabilities(forward, images, multiple, tile=None, overlap=0, **how):
    """Blend as asked for; without a tile images pass whole, and without views once.

    `forward` takes and returns arrays.
    """

    def network(grey):
        p = tf.numpy_function(forward, [grey], tf.float32)
        return tf.ensure_shape(p, (None, None, None, None))

    whole = {"whole_slice_max_px": 0 if tile else images[0].size}
    how = {"average": "none", "tile_px": tile or 16, "overlap_px": overlap} | how
    return blend.blended(network, multiple, Inference(**whole, **how))(images).numpy()


def constant(images):
    assert images.shape[1] % 16 == 0
    assert images.shape[2] % 16 == 0
    assert images.min() == images.max() == 7  # what continues an image is taken from it
    return np.broadcast_to(np.float32([0.7, 0.2, 0.1]), (*images.shape, 3))


def pointwise(images):
    """A network that looks at one pixel only: blending must give exactly its output."""
    p = images.astype(np.float32) / 255
    return np.stack([p, 1 - p], axis=-1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", ["spline", "gaussian", "hann"])
def test_a_constant_stays_constant(size, window):
    image = np.full((1, *size), 7, np.uint8)
    for tile, overlap in ((None, 0), (64, 32), (64, 0), (50, 30), (64, 63)):
        found = probabilities(
            constant, image, multiple=16, tile=tile, overlap=overlap, window=window
        )
        assert found.shape == (1, *size, 3)
        assert np.abs(found - np.float32([0.7, 0.2, 0.1])).max() < 1e-6


def test_a_constant_stays_constant_whatever_is_asked():
    rng = np.random.default_rng(0)
    for _ in range(60):
        rows, columns = np.exp(rng.uniform(0, np.log((1101, 701)))).astype(int)
        tile = int(rng.integers(16, 600))
        asked = {
            "tile": tile,
            "overlap": int(rng.integers(0, min(tile, 256))),
            "window": str(rng.choice(["spline", "gaussian", "hann"])),
            "average": str(rng.choice(list(VIEWS))),
        }
        if (rows * columns) / (tile - asked["overlap"]) ** 2 > 300:
            continue  # thousands of tiles say nothing that hundreds do not
        image = np.full((1, rows, columns), 7, np.uint8)
        found = probabilities(constant, image, multiple=16, **asked)
        assert found.shape == (1, rows, columns, 3)
        off = np.abs(found - np.float32([0.7, 0.2, 0.1])).max()
        assert off < 1e-6, (rows, columns, asked)


@pytest.mark.parametrize("average", VIEWS)
@pytest.mark.parametrize("tile", [None, 32])
@pytest.mark.parametrize("size", [(45, 70), (1, 1), (1, 37), (5, 2)])
def test_every_view_is_turned_back(average, tile, size):
    images = np.random.default_rng(0).integers(0, 256, (3, *size), dtype=np.uint8)
    found = probabilities(pointwise, images, multiple=8, average=average, tile=tile, overlap=16)
    np.testing.assert_allclose(found, pointwise(images), atol=1e-6)


def test_averaging_makes_the_result_turn_with_the_image():
    rng = np.random.default_rng(0)
    weights = rng.random((16, 16))

    def uneven(images):  # depends on the place in the window, as no good network would
        return (images * weights)[..., None].astype(np.float32)

    image = rng.integers(0, 256, (1, 16, 16), np.uint8)
    found = probabilities(uneven, image, multiple=16, average="dihedral")
    turned = probabilities(uneven, np.rot90(image, 1, (1, 2)), multiple=16, average="dihedral")
    np.testing.assert_allclose(turned, np.rot90(found, 1, (1, 2)), rtol=1e-6)
    mirrored = probabilities(uneven, image[:, ::-1], multiple=16, average="flips")
    plain = probabilities(uneven, image, multiple=16, average="flips")
    np.testing.assert_allclose(mirrored, plain[:, ::-1], rtol=1e-6)


@pytest.mark.parametrize("window", ["spline", "gaussian", "hann"])
@pytest.mark.parametrize("edge", [16, 17, 1024])
def test_weights_are_positive_symmetric_and_fall_outwards(window, edge):
    weights = tile_weights((edge, 64), window)
    assert weights.shape == (edge, 64)
    assert weights.min() > np.finfo(np.float32).tiny
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-4)
    assert (np.diff(weights[edge // 2 + 1 :, 32]) <= 0).all()
    assert (np.diff(weights[edge // 2, 33:]) <= 0).all()


@pytest.mark.parametrize(
    ("length", "edge", "overlap", "step"),
    [
        (64, 64, 0, 1),
        (65, 64, 0, 1),
        (128, 64, 0, 1),
        (1100, 512, 256, 1),
        (1120, 512, 256, 32),
        (1120, 512, 511, 32),
        (2048, 1024, 250, 32),
        (4096, 64, 0, 64),
    ],
)
def test_tiles_cover_everything_overlap_enough_and_lie_on_the_grid(length, edge, overlap, step):
    starts = tile_starts(length, edge, overlap, step)
    assert starts[0] == 0
    assert starts[-1] == length - edge
    assert all(start % step == 0 for start in starts)
    assert all(0 < b - a <= max(edge - overlap, step) for a, b in pairwise(starts))


@pytest.mark.parametrize("size", [(128, 192), (101, 150), (40, 200)])
@pytest.mark.parametrize("window", ["spline", "gaussian", "hann"])
def test_beyond_the_receptive_field_tiles_give_what_the_whole_image_gives(size, window):
    keras.utils.set_random_seed(0)
    net = unet.build_unet(3, levels=2, base_filters=4)
    traced = unet.forward_of(net)

    def forward(grey):
        return traced(grey).numpy()

    reach = 9  # two convolutions at 1 px, two at 2 px, two at 1 px, pooling
    image = np.random.default_rng(1).integers(0, 256, (1, *size), dtype=np.uint8)
    whole = probabilities(forward, image, multiple=2)
    tiled = probabilities(forward, image, multiple=2, tile=64, overlap=26, window=window)
    near = np.zeros(size, bool)
    for axis, length in enumerate(size):
        padded = length + length % 2
        edge = min(64, padded)
        starts = tile_starts(padded, edge, 26, 2)
        assert edge == padded or len(starts) > 1
        for border in {place for start in starts for place in (start, start + edge)}:
            if 0 < border < padded:
                np.moveaxis(near, axis, 0)[max(border - reach, 0) : border + reach] = True
    difference = np.abs(tiled - whole).max(axis=-1)[0]
    assert 0.2 < near.mean() < 0.9
    assert difference[~near].max() < 1e-6
    assert difference[near].max() > 1e-4  # else nothing was tried


def test_seams_vanish():
    """A network that is unsure at its border leaves a seam, which overlap takes away."""

    def bordered(images):
        distance = np.minimum.outer(*(np.minimum(np.arange(n), n - 1 - np.arange(n))
                                      for n in images.shape[1:]))  # fmt: skip
        p = np.where(distance < 4, 0.5, 1.0).astype(np.float32)
        return np.stack([p, 1 - p], axis=-1)[None].repeat(len(images), 0)

    image = np.zeros((1, 192, 192), np.uint8)
    hard = probabilities(bordered, image, multiple=16, tile=64)[0, 8:-8, 8:-8, 0]
    soft = probabilities(bordered, image, multiple=16, tile=64, overlap=32)[0, 8:-8, 8:-8, 0]
    assert hard.min() == 0.5
    assert soft.min() > 0.93


def test_the_graph_is_made_once_for_all_sizes_and_returns_what_is_asked_for():
    made = []

    def network(grey):
        made.append(grey.shape)
        p = tf.cast(grey, tf.float32)[..., None] / 255
        return tf.concat([p, 1 - p], axis=-1)

    def finish(p):
        return tf.cast(tf.round(255 * p[..., 0]), tf.uint8)

    led = blend.blended(network, 8, Inference(average="flips"), finish)
    for size in SIZES:
        images = np.random.default_rng(0).integers(0, 256, (2, *size), dtype=np.uint8)
        np.testing.assert_array_equal(led(images).numpy(), images)
    assert len(made) == len(VIEWS["flips"])
