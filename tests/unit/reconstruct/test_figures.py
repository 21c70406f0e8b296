"""The picture of the sections: slices that few tilts recorded are drawn hatched."""

import numpy as np
from matplotlib.image import imread

from catomo.figures import ALERT, rgb
from catomo.reconstruct.figures import Sections, draw_sections


def hatched_pixels(path, hatched):
    sections = Sections((24, 20, 30))
    volume = np.random.default_rng(1).random((24, 20, 30), np.float32)
    sections.add(0, volume)
    sections.hatched = hatched
    draw_sections(path, sections, 0.5)
    image = imread(path)[..., :3] * 255
    return (np.abs(image - rgb(ALERT)).max(axis=2) < 40).sum(axis=0)


def test_unrecorded_slices_are_hatched_where_they_lie(tmp_path):
    assert not hatched_pixels(tmp_path / "none.png", []).any()
    some = hatched_pixels(tmp_path / "some.png", [0, 1, 2, 22, 23])
    third = len(some) // 3
    assert not some[:third].any()  # the slice y = 12 was recorded
    assert some[third : 2 * third].any()
    assert some[2 * third :].any()
    assert hatched_pixels(tmp_path / "middle.png", [11, 12, 13])[:third].any()
