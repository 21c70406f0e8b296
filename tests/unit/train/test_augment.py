"""Augmentation: image and mask move together, and the seed alone decides how."""

import numpy as np
import pytest
import tensorflow as tf

from catomo.network import unet
from catomo.train.augment import Cutout, augmented, batches
from catomo.train.settings import Augment, Train

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
    corner = tf.constant((np.array(image.shape) - window) // 2)
    cutout = Cutout(tf.constant(image), tf.constant(label), tf.constant(image.shape), corner)
    found = augmented(cutout, settings, window, seed, tf.constant(number, tf.int64))
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


def windows(labels, window, count=40):
    """Return the masks of `count` windows of one image, not changed in any other way."""
    settings = Train(augment=STILL, batch_size=1, steps=count, threads=1)
    data = batches([labels], [labels], settings, (window, window))
    return [mask.numpy()[0] for _, mask in data]


@pytest.mark.parametrize(("size", "window"), [(5, 9), (9, 16)])
def test_small_slices_continue_by_reflection_on_whole_pixels(size, window):
    image = np.random.default_rng(0).integers(0, 255, (size, size), dtype=np.uint8)
    before = -((size - window) // 2)
    reflected = np.pad(image, (before, window - size - before), mode="reflect")
    np.testing.assert_array_equal(windows(image, window, 1)[0], reflected)


def test_large_slices_are_cropped_anywhere():
    large = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    views = np.lib.stride_tricks.sliding_window_view(large, (9, 9))
    corners = set()
    for mask in windows(large, 9, 200):
        hits = np.argwhere((views == mask).all(axis=(2, 3)))
        assert len(hits) == 1
        corners.add(tuple(hits[0]))
    assert {min(c) for c in zip(*corners, strict=True)} == {0}
    assert {max(c) for c in zip(*corners, strict=True)} == {31}
    assert len(corners) > 150


def test_windows_lie_where_a_slice_is_annotated():
    labels = np.full((256, 256), 255, np.uint8)
    labels[200:232, 10:42] = 1
    shares = [np.mean(mask == 1) for mask in windows(labels, 64)]
    assert min(shares) > 0
    # By chance a window that meets the annotation holds a third of it, of 64² / 32² = 1/4.
    assert np.mean(shares) > 0.4 / 4


def changed(image, label=None, count=40, **only):
    """Return greys and masks of `count` samples with nothing but `only` switched on."""
    settings = STILL.model_copy(update=only)
    label = image if label is None else label
    pairs = [one(image, label, settings, image.shape, number) for number in range(count)]
    return [np.stack(arrays) for arrays in zip(*pairs, strict=True)]


def disc(radius=20.0, size=96):
    z, x = np.indices((size, size)) - (size - 1) / 2
    return (z**2 + x**2 < radius**2).astype(np.uint8)


def moments(mask):
    """Return area, centroid (z, x) and the 2 × 2 second moments of a mask."""
    places = np.argwhere(mask).astype(float)
    return len(places), places.mean(axis=0), np.cov(places.T)


def test_rotation_turns_either_way_up_to_its_limit():
    bar = np.zeros((96, 96), np.uint8)
    bar[44:52, 18:78] = 1
    angles = []
    for mask in changed(bar, rotation_deg=30.0)[1]:
        cov = moments(mask)[2]
        angles.append(np.degrees(0.5 * np.arctan2(2 * cov[0, 1], cov[1, 1] - cov[0, 0])))
    assert 20 < max(angles) < 30.5
    assert -30.5 < min(angles) < -20


def test_zoom_and_shear_keep_their_limits():
    areas = [moments(m)[0] / disc().sum() for m in changed(disc(), zoom_fraction=0.2)[1]]
    assert 1.35 < max(areas) < 1.2**2 + 0.02
    assert 1 / 1.2**2 - 0.02 < min(areas) < 0.75
    # Column = x + shear · row: the covariance of a disc gets shear · variance off its diagonal.
    masks = changed(disc(), shear=0.3)[1]
    lean = [cov[0, 1] / cov[0, 0] for cov in (moments(m)[2] for m in masks)]
    assert 0.2 < max(lean) < 0.31
    assert -0.31 < min(lean) < -0.2
    assert np.ptp([moments(m)[0] for m in masks]) < 0.03 * disc().sum()


def test_shift_moves_by_a_fraction_of_the_window_along_both_axes():
    centres = np.array([moments(m)[1] for m in changed(disc(10), shift_fraction=0.25)[1]]) - 47.5
    assert (np.abs(centres).max(axis=0) < 24.5).all()
    assert (centres.max(axis=0) > 16).all()
    assert (centres.min(axis=0) < -16).all()


def test_elastic_moves_small_things_by_its_standard_deviation():
    discs = np.zeros((256, 256), np.uint8)
    places = [(z, x) for z in range(48, 256, 64) for x in range(48, 256, 64)]
    for number, (z, x) in enumerate(places, start=1):
        discs[z - 6 : z + 7, x - 6 : x + 7] = number
    moves = []
    for mask in changed(discs, count=20, elastic_px=3.0)[1]:
        moves += [np.argwhere(mask == n).mean(axis=0) - p for n, p in enumerate(places, start=1)]
    # Between its nodes the smooth field moves less than at them: 3 px there, 2/3 of it on average.
    assert 1.5 < np.std(moves) < 3.0
    assert abs(np.mean(moves)) < 0.3


def test_greys_change_as_gain_gamma_and_noise_say():
    flat = np.full((64, 64), 51, np.uint8)  # 0.2
    levels = changed(flat, gain=0.3)[0].mean(axis=(1, 2)) / 0.2
    assert 0.7 <= levels.min() < 0.8
    assert 1.2 < levels.max() <= 1.3
    powers = np.log(changed(flat, gamma=0.3)[0].mean(axis=(1, 2))) / np.log(0.2)
    assert 0.7 <= powers.min() < 0.8
    assert 1.2 < powers.max() <= 1.3
    noisy = changed(flat, count=4, noise=0.03)[0]
    assert noisy.std(axis=(1, 2)) == pytest.approx(0.03, rel=0.05)
    assert np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1] < 0.1


def test_images_are_interpolated_and_masks_are_not():
    step = np.zeros((64, 64), np.uint8)
    step[:, 32:] = 200
    greys, masks = changed(step, shift_fraction=0.1)
    assert set(np.unique(masks)) == {0, 200}
    # The step falls between two columns: how much of a column is filled takes any value.
    filled = greys[:, 32].sum(axis=1) / (200 / 255)
    assert np.mean(np.abs(filled - np.rint(filled))) > 0.15  # 0.25 where evenly spread


def test_one_pixel_wide_slices_do_not_break():
    grey, mask = one(np.full((1, 1), 100, np.uint8), np.ones((1, 1), np.uint8), Augment(), (16, 16))
    assert np.isfinite(grey).all()
    assert (mask == 1).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_depend_on_the_seed_alone(threads):
    images = [picture(), picture((48, 48))]

    def drawn(seed, threads):
        settings = Train(batch_size=3, steps=4, seed=seed, threads=threads)
        data = batches(images, images, settings, (32, 32))
        return [(a.numpy(), b.numpy()) for a, b in data]

    first, again, other = drawn(5, 2), drawn(5, threads), drawn(6, 2)
    assert len(first) == 4
    assert first[0][0].shape == (3, 32, 32, 1)
    for (a, b), (c, d) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert not np.array_equal(first[0][0], other[0][0])


def test_a_gpu_is_fed_by_more_threads_with_the_same_windows(monkeypatch):
    rng = np.random.default_rng(0)
    images = list(rng.integers(0, 256, (3, 40, 50), np.uint8))
    labels = list(rng.integers(0, 3, (3, 40, 50), np.uint8))
    settings = Train(steps=4, batch_size=2, seed=3)
    plain = [(a.numpy(), b.numpy()) for a, b in batches(images, labels, settings, (32, 32))]
    prefetch, asked = tf.data.experimental.prefetch_to_device, []

    def to_this_device(name, count):
        asked.append(name)
        return prefetch("/CPU:0", count)

    monkeypatch.setattr(tf.data.experimental, "prefetch_to_device", to_this_device)
    monkeypatch.setattr(unet, "device", lambda: "gpu")
    monkeypatch.setattr(unet.os, "sched_getaffinity", lambda process: range(5))
    fed = [(a.numpy(), b.numpy()) for a, b in batches(images, labels, settings, (32, 32))]
    assert asked == ["/GPU:0"]
    assert len(fed) == 4
    for one_batch, same in zip(plain, fed, strict=True):
        for array, again in zip(one_batch, same, strict=True):
            np.testing.assert_array_equal(array, again)
