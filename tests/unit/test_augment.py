"""Augmentation: image and mask move together, and the seed alone decides how."""

import numpy as np
import pytest
import tensorflow as tf

from catomo import unet
from catomo.augment import augmented, batches
from catomo.settings.train import Augment

unet.start(threads=2)  # before anything else wakes TensorFlow

STILL = Augment(
    rotation_deg=0.0,
    flips=False,
    shift_fraction=0.0,
    zoom_fraction=0.0,
    shear=0.0,
    elastic_px=0.0,
    gain=0.0,
    gamma=0.0,
    noise=0.0,
)


def picture(shape=(64, 96)):
    z, x = np.indices(shape)
    return (((z - 20) ** 2 + (x - 40) ** 2 < 15**2) * 200).astype(np.uint8)


def one(image, label, settings, window, number=0, seed=1):
    found = augmented(
        tf.constant(image), tf.constant(label), tf.constant(image.shape), settings, window, seed,
        tf.constant(number, tf.int64),
    )  # fmt: skip
    return found[0].numpy()[..., 0], found[1].numpy()


def test_no_change_is_the_identity():
    image, label = picture(), picture() // 100
    grey, mask = one(image, label, STILL, image.shape)
    np.testing.assert_array_equal(mask, label)
    np.testing.assert_allclose(grey, image / 255, atol=1e-7)


def test_mask_moves_with_the_image_and_gets_no_new_values():
    image = picture()
    label = np.where(image > 0, 2, 0).astype(np.uint8)
    label[:, -5:] = 255
    settings = Augment(gain=0.0, gamma=0.0, noise=0.0)
    for number in range(8):
        grey, mask = one(image, label, settings, image.shape, number)
        assert set(np.unique(mask)) <= {0, 2, 255}
        disagree = (grey > 0.5 * 200 / 255) != (mask == 2)
        # Nearest and bilinear may differ on the rim of the disc (perimeter 94 px) alone.
        assert np.count_nonzero(disagree & (mask != 255)) < 40


def test_flips_alone_give_the_four_mirror_images():
    image = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    settings = STILL.model_copy(update={"flips": True})
    mirrors = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    seen = set()
    for number in range(24):
        _, mask = one(image, image, settings, image.shape, number)
        seen |= {i for i, m in enumerate(mirrors) if np.array_equal(m, mask)}
    assert seen == {0, 1, 2, 3}


def test_small_slices_continue_by_reflection_and_large_ones_are_cropped():
    image = np.arange(25, dtype=np.uint8).reshape(5, 5)
    _, mask = one(image, image, STILL, (9, 9))
    np.testing.assert_array_equal(mask, np.pad(image, 2, mode="reflect"))
    large = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    corners = set()
    for number in range(10):
        _, mask = one(large, large, STILL, (9, 9), number)
        hits = [
            (r, c)
            for r in range(32)
            for c in range(32)
            if np.array_equal(large[r : r + 9, c : c + 9], mask)
        ]
        assert len(hits) == 1
        corners.add(hits[0])
    assert len(corners) > 5


def test_one_pixel_wide_slices_do_not_break():
    grey, mask = one(np.full((1, 1), 100, np.uint8), np.ones((1, 1), np.uint8), Augment(), (16, 16))
    assert np.isfinite(grey).all()
    assert (mask == 1).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_depend_on_the_seed_alone(threads):
    images = [picture(), picture((48, 48))]

    def drawn(seed, threads):
        data = batches(
            images, images, Augment(), window=(32, 32), batch_size=3, steps=4, seed=seed,
            threads=threads,
        )  # fmt: skip
        return [(a.numpy(), b.numpy()) for a, b in data]

    first, again, other = drawn(5, 2), drawn(5, threads), drawn(6, 2)
    assert len(first) == 4
    assert first[0][0].shape == (3, 32, 32, 1)
    for (a, b), (c, d) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert not np.array_equal(first[0][0], other[0][0])
