"""What several tests of evaluate begin with: the folders of the stages before it."""

import numpy as np
import pytest

from catomo.record.hashes import sha256_of
from helpers.scored import PIXEL_NM, as_labels, as_stack, scene, stage


@pytest.fixture
def stages(tmp_path):
    """Make 04_slices, 06_predict and 05_train of a small phantom; return their folders."""

    def make(
        truth=None, found=None, contiguous=True, full_truth=True, test=(1, 4), known=True, inputs=()
    ):
        truth = scene() if truth is None else truth
        found = scene(move=1) if found is None else found
        names = [f"slice_{i:04d}" for i in range(len(truth))]
        grey = np.array([20, 90, 220], np.uint8)[np.minimum(truth, 2)]
        common = {"names": names, "contiguous": contiguous, "pixel_size_nm": PIXEL_NM}
        files = {"slices": (as_stack, grey)}
        if full_truth:
            files["truth_labels"] = (as_labels, truth)
        slices = stage(
            tmp_path / "04_slices",
            "slices",
            {**common, "shape": truth.shape, "suggested": list(range(len(truth)))},
            **files,
        )
        sure = np.where(truth == found, 250, 130).astype(np.uint8)
        prediction = stage(
            tmp_path / "06_predict",
            "predict",
            {
                **common,
                "classes": ["background", "alumina", "pt"],
                "temperature": 1.5,
                "inputs": {"slices": {"sha256": sha256_of(slices / "slices.json")}},
            },
            labels=(as_labels, found),
            confidence=(as_labels, sure),
        )
        sha256 = sha256_of(slices / "slices.tif") if known else "another"
        training = stage(
            tmp_path / "05_train",
            "train",
            {
                "data": {"phantom": {"slices_sha256": sha256, "pixel_size_nm": PIXEL_NM}},
                "split": {"phantom": {"test": [names[i] for i in test], "train": []}},
                "baseline": {"thresholds": {"values": [55.0, 155.0], "sigma_px": 0.5}},
                "inputs": {name: {} for name in inputs},
            },
        )
        return prediction, slices, training

    return make
