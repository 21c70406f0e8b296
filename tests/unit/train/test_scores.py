"""Slices are scored as the stage `predict` labels them by default, whole and in tiles."""

import numpy as np
import pytest
import tensorflow as tf

from catomo.network import unet
from catomo.network.inference import Inference
from catomo.network.model_file import Model
from catomo.network.model_info import ModelInfo
from catomo.network.size import UNetSize
from catomo.predict import segmentation
from catomo.predict.settings import Predict
from catomo.train.samples import Sample
from catomo.train.scores import Scorer
from catomo.train.settings import Train

unet.start(threads=2)  # before anything else wakes TensorFlow


def test_training_scores_with_the_defaults_of_predict():
    assert Predict().inference() == Inference()
    scorer = Scorer.of(lambda images: images, Train())
    assert scorer.inference == Inference()
    assert scorer.quick().inference == Predict(average="none").inference()


@pytest.mark.parametrize(("edge", "largest"), [(512, 512), (1600, Predict().tile_px)])
def test_slices_are_scored_as_predict_does_large_ones_in_tiles(edge, largest):
    size, shapes = UNetSize(2, 2), []
    net = unet.build_unet(3, size.levels, size.base_filters)
    forward = unet.forward_of(net)

    def seen(images):
        shapes.append(images.shape)
        return images

    def watched(images):
        same = tf.numpy_function(seen, [images], tf.uint8)
        return forward(tf.ensure_shape(same, (None, None, None)))

    image = np.random.default_rng(0).integers(0, 256, (edge, edge), dtype=np.uint8)
    network = {"levels": size.levels, "base_filters": size.base_filters}
    scored = Scorer.of(watched, Train(network=network)).probabilities(image)
    assert max(max(shape[1:]) for shape in shapes) == largest
    model = Model(net, ModelInfo(["a", "b", "c"], 1.0, size))
    names = model.info.classes
    predicted = segmentation.segmenter(model, Predict().inference(), names)(image[None])
    expected = segmentation.decided(scored[None], None, names)
    for name, plane in expected.items():
        np.testing.assert_array_equal(predicted[name], plane)


@pytest.mark.parametrize("datasets", [["a"], ["c", "a", "b"]])
def test_how_errors_hang_together_says_how_many_specimens_told_it(datasets):
    rng = np.random.default_rng(3)

    def unsure(images):
        """Bright is the third class, but not surely."""
        x = tf.cast(images, tf.float32)[..., None] / 255
        return tf.concat([0 * x, 0 * x + 1, 3 * x], axis=-1)

    def sample(dataset, number):
        image = rng.integers(0, 256, (48, 48), dtype=np.uint8)
        return Sample(dataset, f"s{number}", image, np.where(image > 110, 2, 1).astype(np.uint8))

    scorer = Scorer(unsure, 4, ["none", "plate", "pt"], Inference())
    slices = [sample(dataset, number) for dataset in datasets for number in range(4)]
    scores = scorer.of_parts({"train": [], "validate": slices[:2], "test": slices})
    assert scores["errors"]["specimens"] == len(datasets)
