"""The settings of the training: the presets, and what they say where nothing is said."""

import numpy as np
import pytest

from catomo.train.settings import PRESETS, Train


def test_presets_fill_what_is_not_said():
    paper = Train.model_validate({"preset": "paper", "network": {"levels": 4}})
    assert paper.network.base_filters == 32
    assert paper.network.levels == 4
    assert paper.loss.dice_weight == 0
    assert paper.augment.rotation_deg == 45
    assert (paper.batch_size, paper.learning_rate, paper.clip_norm) == (2, 5e-4, 0)
    assert Train.model_validate(paper.model_dump(mode="json")) == paper
    assert Train() == Train(preset="compact")
    assert paper.changed_from_preset() == ["network"]
    assert Train(preset="paper", seed=3, steps=2200).changed_from_preset() == []
    assert set(PRESETS) == {"compact", "paper"}


def test_the_preset_paper_is_the_papers_recipe():
    """From the paper's methods, and where it is silent from the authors' train.py and unet.py."""
    paper = Train(preset="paper")
    assert paper.model_dump(include={"steps", "batch_size", "patch_px", "learning_rate"}) == {
        "steps": 100 * 22,
        "batch_size": 2,
        "patch_px": 512,
        "learning_rate": 5e-4,
    }
    assert (paper.warmup_steps, paper.decay, paper.clip_norm) == (0, "none", 0)
    assert paper.precision == "float32"
    assert paper.network.model_dump() == {"levels": 6, "base_filters": 32}
    assert paper.loss.model_dump() == {
        "focal_gamma": 1.0,
        "class_weights": [0.2, 0.3, 0.5],
        "dice_weight": 0.0,
    }
    assert paper.augment.model_dump() == {
        "rotation_deg": 45.0,
        "flips": True,
        "shift_fraction": 0.1,
        "zoom_fraction": 0.1,
        "shear": pytest.approx(np.tan(np.radians(0.1)), rel=0.05),
        **dict.fromkeys(("elastic_px", "gain", "gamma", "noise"), 0.0),
    }
    with pytest.raises(ValueError, match="must be 3 numbers, one for each of the classes"):
        Train.model_validate({"loss": {"class_weights": [1.0, 1.0]}})
