"""What a slice brings into training: its part, its annotated pixels, its window."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.store import write_stack
from catomo.network import unet
from catomo.network.levels import Contrast, Levels
from catomo.network.matching import match
from catomo.network.model_info import ModelInfo
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, read_record
from catomo.train.losses import class_weights
from catomo.train.samples import (
    Sample,
    Source,
    class_fractions,
    read_samples,
    to_common_levels,
    training_window,
    without_black_border,
)
from catomo.train.settings import Loss, Train
from catomo.train.stage import train
from helpers.slices import TINY, make_slices

unet.start(threads=2)  # before anything else wakes TensorFlow


def sample(image, labels=None):
    image = np.asarray(image, np.uint8)
    labels = np.zeros_like(image) if labels is None else np.asarray(labels, np.uint8)
    return Sample("d", "s", image, labels)


def test_black_borders_are_not_annotated_but_black_pores_are():
    image = np.full((8, 9), 7)
    image[:2] = 0
    image[:, -3:] = 0
    image[4, 3] = 0
    labels = without_black_border(sample(image)).labels
    expected = np.zeros((8, 9))
    expected[:2] = 255
    expected[:, -3:] = 255
    np.testing.assert_array_equal(labels, expected)
    assert (without_black_border(sample(np.zeros((4, 4)))).labels == 0).all()


def test_fractions_count_annotated_pixels_alone():
    labels = [[0, 0, 1], [2, 255, 255]]
    assert class_fractions([sample(np.ones((2, 3)), labels)], 3) == [0.5, 0.25, 0.25]


def test_density_weights_favour_rare_classes():
    density = Loss(class_weights="density")
    weights = class_weights(density, [0.99, 0.0099, 0.0001])
    assert sum(weights) == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(10)
    assert weights[2] / weights[1] == pytest.approx(99**0.5)
    assert class_weights(density, [0.5, 0.5, 0])[2] == 0
    assert class_weights(Loss(), [0.9, 0.1, 0]) == [0.2, 0.3, 0.5]


def test_the_window_holds_whole_slices_up_to_its_limit():
    settings = Train.model_validate({"patch_px": 64, "network": {"levels": 4}})
    few = [sample(np.ones((20, 33))), sample(np.ones((50, 12)))]
    assert training_window(few, settings) == (56, 40)
    assert training_window([sample(np.ones((200, 300)))], settings) == (64, 64)


@pytest.fixture
def labelled(tmp_path):
    """Return a function that labels slices, and makes them a dataset to learn from."""
    make_slices(tmp_path / "slices")
    slices = read_record(tmp_path / "slices", "slices")
    truth = tifffile.imread(tmp_path / "slices" / "truth_labels.tif")

    def make(name, number_of):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for index, slice_name in enumerate(slices["names"]):
            page = np.array(number_of, np.uint8)[truth[index]]
            tifffile.imwrite(folder / f"{slice_name}.tif", page, metadata=None)
        return Source(name, slices, folder)

    return make


@pytest.mark.parametrize(
    ("wrong", "message", "right"),
    [
        ([0, 255, 255], r"fiji: no pixel is labelled alumina \(1\) or pt \(2\): found", [0, 1, 2]),
        ([1, 2, 2], r"fiji: no pixel is labelled background \(0\), .*subtract 1", [0, 1, 2]),
        ([0, 1, 1], r"fiji: no pixel is labelled pt \(2\), .*label some pixels of it", [0, 1, 2]),
    ],
)
def test_a_class_that_no_pixel_has_stops_the_training(labelled, wrong, message, right):
    with pytest.raises(UserError, match=message) as refused:
        read_samples([labelled("fiji", wrong)], Train())
    assert "\n" not in str(refused.value)
    read_samples([labelled("fiji", right)], Train())


def test_a_class_may_come_from_another_dataset_or_model_and_that_is_told(labelled, capsys):
    partly, whole = labelled("partly", [0, 1, 1]), labelled("whole", [0, 1, 2])
    read_samples([partly, whole], Train())
    assert (
        "partly: no pixel is labelled pt (2): the model learns it else" in capsys.readouterr().err
    )
    read_samples([partly], Train(), starts_from_model=True)
    assert "that the training starts from may know it" in capsys.readouterr().err
    read_samples([whole], Train())
    assert "no pixel" not in capsys.readouterr().err
    mask = labelled("mask", [0, 255, 255])
    read_samples([mask, whole], Train())
    assert "if 255 is meant so, the model learns it elsewhere" in capsys.readouterr().err
    for sources in ([mask], [mask, partly]):
        with pytest.raises(UserError, match=r"mask: no pixel .* means 'not annotated'"):
            read_samples(sources, Train(), starts_from_model=True)


def test_black_borders_of_slices_without_material_are_no_masks(labelled, tmp_path):
    whole, empty = labelled("whole", [0, 1, 2]), labelled("empty", [0, 0, 0])
    stack = tifffile.imread(tmp_path / "slices" / "slices.tif")
    stack[:, :9] = 0
    write_stack(tmp_path / "slices" / "slices.tif", stack, 0.25)
    whole.slices["files"]["slices.tif"]["sha256"] = sha256_of(tmp_path / "slices" / "slices.tif")
    parts, _ = read_samples([whole, empty], Train())
    assert any((sample.labels[:9] == 255).all() for sample in parts["train"])


def test_datasets_of_one_model_come_to_common_levels(labelled, capsys):
    """The same greys stand for other values where white is another one."""
    rich = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (6.0,), 120.0)
    bare = Levels(Contrast(0.0, 2.4, 0.5, "percentiles"), 0.0, (2.0,), 2.4)
    sources = []
    for name, levels in (("bare", bare), ("rich", rich)):
        source = labelled(name, [0, 1, 2])
        slices = Record(source.slices.path, {**source.slices, "levels": levels.record()})
        sources.append(replace(source, slices=slices))
    samples, _ = read_samples(sources, Train())
    brought, learnt, matches = to_common_levels(samples, sources)
    assert learnt == rich
    for before, after in zip(samples["train"], brought["train"], strict=True):
        if before.dataset == "rich":
            assert after.image is before.image
        else:
            expected = rich.contrast.greys(3 * bare.contrast.values(before.image))
            np.testing.assert_array_equal(after.image, expected)
    assert matches["bare"].factor == pytest.approx(1 / 3)
    assert "bare: the values are 0.333 times those" in capsys.readouterr().err
    alone, _ = read_samples(sources[:1], Train())
    _, learnt, _ = to_common_levels(
        alone, sources[:1], before=ModelInfo(["a", "b"], 0.25, levels=rich)
    )
    assert learnt == rich  # a model that is trained further keeps its levels


def test_training_brings_each_dataset_to_the_levels_as_prediction_will(labelled):
    """Labels tell which peak is the support. Then it counts for the training's own slices, too."""
    rich = Levels(Contrast(0.0, 120.0, 0.5, "percentiles"), 0.0, (60.0, 12.0), 120.0)
    bare = Levels(Contrast(0.0, 2.4, 0.5, "percentiles"), 0.0, (1.26,), 2.4)
    of = {"bare": bare, "rich": rich}
    sources = []
    for name, levels in of.items():
        source = labelled(name, [0, 1, 2])
        slices = Record(source.slices.path, {**source.slices, "levels": levels.record()})
        sources.append(replace(source, slices=slices))
    samples, _ = read_samples(sources, Train())
    brought, learnt, matches = to_common_levels(samples, sources)
    assert learnt == replace(rich, peaks=(12.0,))  # alumina, the class of most labelled pixels
    assert matches["bare"].factor == pytest.approx(1.26 / 12)
    for before, after in zip(samples["train"], brought["train"], strict=True):
        predicted = match(of[before.dataset], learnt).apply(before.image)
        np.testing.assert_array_equal(after.image, predicted)


def test_a_class_that_only_test_slices_show_stops_the_training(labelled):
    source = labelled("whole", [0, 1, 2])
    with_pt = ["slice_0007", "slice_0008", "slice_0009"]
    for path in source.labels.iterdir():
        page = tifffile.imread(path)
        if path.stem not in with_pt:
            tifffile.imwrite(path, np.where(page == 2, 1, page), metadata=None)
    by_name = Train.model_validate({"split": {"method": "names", "test": with_pt}})
    with pytest.raises(
        UserError, match=r"no training slice shows pt \(2\), but slice_0007, "
    ) as no:
        read_samples([source], by_name)
    assert "\n" not in str(no.value)
    fewer = Train.model_validate({"split": {"method": "names", "test": with_pt[1:]}})
    for settings in (fewer, Train.model_validate({"split": {"gap": 0}})):
        parts, _ = read_samples([source], settings)
        assert all(any(2 in s.labels for s in parts[part]) for part in ("train", "test"))


def test_labels_in_black_borders_alone_teach_nothing_and_stop(labelled, tmp_path):
    source = labelled("border", [0, 1, 2])
    stack = tifffile.imread(tmp_path / "slices" / "slices.tif")
    stack[:, :, :10] = 0
    write_stack(tmp_path / "slices" / "slices.tif", stack, 0.25)
    source.slices["files"]["slices.tif"]["sha256"] = sha256_of(tmp_path / "slices" / "slices.tif")
    inside = {path: tifffile.imread(path) for path in source.labels.iterdir()}
    for path, page in inside.items():
        border = page.copy()
        border[:, 10:] = 255
        tifffile.imwrite(path, border, metadata=None)
    with pytest.raises(UserError, match=r"all pixels of pt .* lie in black borders"):
        read_samples([source], Train())
    parts, _ = read_samples([source], Train(), starts_from_model=True)
    with pytest.raises(UserError, match="annotated outside black borders"):
        class_fractions(parts["train"], 3)
    for path, page in inside.items():
        tifffile.imwrite(path, page, metadata=None)
    parts, _ = read_samples([source], Train())
    assert sum(class_fractions(parts["train"], 3)) == pytest.approx(1)


@pytest.mark.slow
def test_two_datasets_of_other_shapes_teach_one_model_and_labels_may_be_few(tmp_path):
    make_slices(tmp_path / "a", count=5)
    make_slices(tmp_path / "b", count=4, size=(40, 72), pixel_size_nm=0.26, seed=1)
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    for index in (1, 2):
        page = tifffile.imread(tmp_path / "b" / "truth_labels.tif")[index]
        page[:10] = 255
        tifffile.imwrite(drawn / f"slice_{index:04d}.tif", page)
    settings = Train.model_validate(
        TINY | {"steps": 2, "split": {"method": "names", "test": ["b/slice_0002"]}}
    )
    train(
        [("a", tmp_path / "a", "truth"), ("b", tmp_path / "b", drawn)], tmp_path / "out", settings
    )
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["split"]["b"] == {
        "train": ["slice_0001"],
        "validate": [],
        "test": ["slice_0002"],
        "left_out": [],
    }
    assert record["pixel_size_nm"] == pytest.approx(0.255)
    assert sorted(record["inputs"]) == ["a/slices", "b/labels", "b/slices"]
    assert record["test_by_dataset"]["b"] == record["test"]
    assert record["test_by_dataset"]["a"]["pt"] == {"dsc": None, "n": 0}


def test_pixel_sizes_that_do_not_agree_are_refused(tmp_path):
    make_slices(tmp_path / "a", count=3)
    make_slices(tmp_path / "b", count=3, pixel_size_nm=0.5)
    data = [("a", tmp_path / "a", "truth"), ("b", tmp_path / "b", "truth")]
    with pytest.raises(UserError, match=r"b: pixel_size_nm is 0\.5, but 0\.25 in 'a'"):
        train(data, tmp_path / "out", Train())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_order_of_datasets_changes_no_byte(tmp_path):
    data = [
        (name, make_slices(tmp_path / f"slices_{name}", count=10, seed=seed), "truth")
        for seed, name in enumerate("ab")
    ]
    split = {"method": "random_patches"}  # one draw over all datasets
    settings = Train.model_validate({**TINY, "steps": 3, "split": split})
    train(data, tmp_path / "one", settings)
    train(data[::-1], tmp_path / "two", settings)
    for name in ("training.json", "model.keras", "curves.csv", "curves.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert list(json.loads((tmp_path / "two/training.json").read_text())["data"]) == ["a", "b"]
