"""The ready model: what is written beside it, and which phantoms teach it."""

from pathlib import Path

import numpy as np
import pytest

from catomo.network.model_file import Model
from catomo.record.hashes import sha256_of
from helpers.models import SIZE, make_model
from helpers.records import rewrite

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ready_model(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "resources")
    return __import__("ready_model")


@pytest.fixture
def trained(tmp_path):
    """A folder of the stage `train` and its network: of six phantoms four taught."""
    folder = tmp_path / "05_train"
    folder.mkdir()
    path, net = make_model(folder / "model.keras", temperature=1.5)
    nothing, two = {"train": [], "validate": [], "test": []}, ["a", "b"]
    parts = [nothing | {"test": two}, *4 * [nothing | {"train": two}], nothing | {"validate": two}]
    content = {
        "stage": "train",
        "settings": {"network": {"levels": SIZE.levels, "base_filters": SIZE.base_filters}},
        "split": {f"phantom{k:02d}": part for k, part in enumerate(parts)},
        "test": {name: {"dsc": dsc} for name, dsc in (("background", 1), ("a", 0.9), ("pt", 0.8))},
        "steps": 5,
        "seed": 1,
        "cpu": "a processor",
        "precision": "float32",
        "code": "0123456789abcdef",
        "files": {"model.keras": {"sha256": sha256_of(path)}},
    }
    rewrite(folder / "training.json", content)
    return folder, net


def test_the_model_is_a_draft_of_the_asked_pixel_size_with_the_weights_that_were_trained(
    ready_model, trained, tmp_path
):
    folder, net = trained
    path = ready_model.write(folder, tmp_path, 0.5)
    assert path.name == "ready-model-0.5nm.keras"
    model = Model.load(path, "float32")
    assert (model.info.draft, model.info.pixel_size_nm, model.info.temperature) == (True, 0.5, 1.5)
    pairs = zip(model.net.get_weights(), net.get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


def test_the_card_names_the_file_by_its_hash_what_taught_it_and_the_licence(
    ready_model, trained, tmp_path
):
    path = ready_model.write(trained[0], tmp_path, 0.5)
    card = " ".join((tmp_path / "README.md").read_text().split())
    assert f"`{path.name}`: {sha256_of(path)}" in card
    assert "4 phantoms with 8 slices" in card
    assert "5 steps, 1 other phantoms tested it, and 1 more told" in card
    assert "Dice coefficient was a 0.900 and pt 0.800" in card
    assert "particles of 1 to 16 nm" in card
    assert "BSD 3-Clause License" in card
    assert (tmp_path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_phantoms_are_of_many_kinds_and_hold_what_the_card_says(ready_model):
    made = [ready_model.specimen_of(np.random.default_rng([1, k])) for k in range(100)]
    px = ready_model.MADE_NM
    for low, high, words in (
        (58, 250, [one.plate.thickness_nm / px for one in made]),
        (2, 33.01, [end / px for one in made for end in one.particles.clip_nm]),
        (2.9, 33.01, [end / px for one in made for end in one.pores.width_nm]),
        (19, 201, [one.acquisition.counts_mid_plate for one in made]),
    ):
        assert low <= min(words) < 1.5 * low + 1
        assert max(words) <= high < 1.5 * max(words)
    assert {one.particles.placement for one in made} == {
        "facet_apex",
        "facet_valley",
        "random",
        "clustered",
    }
    assert {one.film is None for one in made} == {True, False}
    assert {one.plate.corrugation_depth_nm == 0 for one in made} == {True, False}
