"""The stage of a segmentation from elsewhere: its record is what later stages need."""

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.record.record import read_record
from catomo.segmentation.settings import Segmentation
from catomo.segmentation.stage import take_segmentation
from helpers.segmentations import PIXEL_NM, SHAPE, ball_on_slab, ome_zarr


def test_labels_shares_and_scale_are_recorded(tmp_path):
    labels = ball_on_slab()
    path = ome_zarr(tmp_path / "seg.zarr", labels)
    take_segmentation(path, tmp_path / "out", Segmentation())
    record = read_record(tmp_path / "out", "segmentation")
    assert np.array_equal(tifffile.imread(record.file("labels.tif")), labels)
    assert record["pixel_size_nm"] == PIXEL_NM
    assert record["shape"] == list(SHAPE)
    assert record["axes"] == ["y", "z", "x"]
    assert record["fractions"]["pt"] == np.count_nonzero(labels == 2) / labels.size
    assert "without grey slices and without confidence" in record["lacks"]
    [(word, entry)] = record["inputs"].items()
    assert (word, entry["folder"]) == ("segmentation", "seg.zarr")


def test_a_refusal_names_the_keys_and_leaves_nothing(tmp_path):
    path = ome_zarr(tmp_path / "seg.zarr", ball_on_slab(), (1.0, 0.5, 0.5))
    with pytest.raises(UserError, match=r"segmentation\.resample: true"):
        take_segmentation(path, tmp_path / "out", Segmentation())
    assert not list((tmp_path / "out").glob("*"))
    take_segmentation(path, tmp_path / "out", Segmentation(resample=True))
    assert read_record(tmp_path / "out", "segmentation")["shape"][0] == 2 * SHAPE[0]
