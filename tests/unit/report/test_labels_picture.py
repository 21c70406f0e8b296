"""The picture of a segmentation from elsewhere."""

import matplotlib.image
import numpy as np

from catomo.record.record import read_record
from catomo.report.labels_picture import draw_labels
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import take_segmentation
from catomo.settings.base import DEFAULT_CLASSES
from helpers.segmentations import PIXEL_NM, ball_on_slab


def test_each_class_shows_its_colour(tmp_path):
    np.save(tmp_path / "labels.npy", ball_on_slab())
    take_segmentation(tmp_path / "labels.npy", tmp_path / "out", Segmentation(), PIXEL_NM)
    record = read_record(tmp_path / "out", "segmentation")
    draw_labels(record, DEFAULT_CLASSES, tmp_path / "one.png")
    pixels = np.round(matplotlib.image.imread(tmp_path / "one.png")[..., :3] * 255).astype(int)
    for phase in DEFAULT_CLASSES[1:]:
        colour = [int(phase.colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.count_nonzero((abs(pixels - colour) <= 1).all(axis=-1)) > 1000
