"""Training: a tiny network learns a synthetic catalyst, twice the same, and is tested fairly."""

import json
import zipfile

import numpy as np
import pytest
import tensorflow as tf
import tifffile

from catomo.errors import UserError
from catomo.files.store import write_stack
from catomo.labels.overlap import dice
from catomo.network import model_file, unet
from catomo.network.model_file import Model
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from catomo.record.hashes import sha256_of
from catomo.record.record import read_record
from catomo.train.samples import Source, read_samples
from catomo.train.settings import Train
from catomo.train.stage import train
from helpers.slices import TINY, make_slices

pytestmark = pytest.mark.slow

unet.start(threads=2)  # before anything else wakes TensorFlow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("train")
    make_slices(place / "slices")
    for name in ("one", "two"):
        train([("d", place / "slices", "truth")], place / name, Train.model_validate(TINY))
    return place


def test_the_same_seed_gives_the_same_bytes(trained):
    one, two = (json.loads((trained / n / "training.json").read_text()) for n in ("one", "two"))
    assert one["weights_sha256"] == two["weights_sha256"]
    assert one == two
    for name in one["files"]:
        assert (trained / "one" / name).read_bytes() == (trained / "two" / name).read_bytes()


def test_the_record_tells_everything_that_is_promised(trained):
    record = json.loads((trained / "one" / "training.json").read_text())
    assert record["preset"] == "compact"
    assert record["steps"] == 120
    assert record["device"] == unet.device()
    assert record["reproducible"] is True
    parts = record["split"]["d"]
    assert [len(parts[p]) for p in ("train", "validate", "test", "left_out")] == [10, 2, 4, 4]
    assert 0 < record["leak"]["nearest_correlation"] < 0.97
    assert record["baseline"]["copy_nearest"]["alumina"]["dsc"] < 0.9
    assert len(record["baseline"]["thresholds"]["values"]) == 2
    assert record["test"]["pt"]["n"] == 4
    with zipfile.ZipFile(trained / "one" / "model.keras") as file:
        about = json.loads(file.read("catomo.json"))
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert about["classes"] == ["background", "alumina", "pt"]
    assert about["pixel_size_nm"] == 0.25
    assert about["downsampling"] == 4
    assert about["draft"] is record["draft"] is True
    assert 0.1 < about["temperature"] == record["temperature"] < 20
    assert record["temperature_from"] == "validate"
    told = about["errors"] or {"marks": []}
    assert (told.pop("marks") != []) == (record["errors"] is not None)
    assert (told or None) == record["errors"]
    assert list(record["class_weights"].values()) == [0.2, 0.3, 0.5]
    assert sum(record["class_fractions"].values()) == pytest.approx(1)
    lines = (trained / "one" / "curves.csv").read_text().splitlines()
    assert lines[0].startswith("step,learning_rate,loss,validation_dsc_background")
    assert [line.split(",")[0] for line in lines[1:]] == [str(step) for step in range(10, 130, 10)]
    assert ",," not in lines[4]
    assert lines[2].endswith(",,,")


def test_the_network_learns(trained):
    record = json.loads((trained / "one" / "training.json").read_text())
    assert record["test"]["alumina"]["dsc"] > 0.95
    assert record["test"]["pt"]["dsc"] > 0.8


def test_the_model_keeps_how_its_slices_looked_and_how_right_its_confidence_was(trained):
    record = json.loads((trained / "one" / "training.json").read_text())
    info = model_file.read_info(trained / "one" / "model.keras")
    assert info.accuracy.record() == record["accuracy"]
    assert (info.accuracy.part, info.accuracy.images, info.accuracy.specimens) == ("validate", 2, 1)
    (looks,) = info.appearance
    assert looks.record() == record["appearance"]["d"]
    assert looks.grey[0] == pytest.approx(12, abs=2)
    assert looks.grey[1] == pytest.approx(80, abs=3)
    assert info.missing_wedge_deg == record["missing_wedge_deg"] == 44


def test_slices_of_the_same_kind_fit_and_noisy_ones_do_not(trained, tmp_path, capsys):
    for name, seed, noise in (("like", 5, 0), ("noisy", 5, 25)):
        folder = make_slices(tmp_path / name, seed=seed)
        stack = tifffile.imread(folder / "slices.tif")
        noisy = stack + np.random.default_rng(0).normal(0, noise, stack.shape)
        write_stack(folder / "slices.tif", np.clip(noisy, 0, 255).astype(np.uint8), 0.25)
        record = json.loads((folder / "slices.json").read_text())
        record["files"]["slices.tif"] = {"sha256": sha256_of(folder / "slices.tif")}
        (folder / "slices.json").write_text(json.dumps(record))
        predict(folder, trained / "one", tmp_path / f"{name}_out", Predict())
    like, noisy = (
        json.loads((tmp_path / f"{name}_out" / "prediction.json").read_text())
        for name in ("like", "noisy")
    )
    assert like["fit"] | {"appearance": 0, "learnt": 0} == {
        "judged": True,
        "warning": "",
        "differs": [],
        "appearance": 0,
        "learnt": 0,
        "missing_wedge_deg": 44.0,
        "learnt_missing_wedge_deg": 44.0,
    }
    assert like["annotate_next"] == []
    truth = tifffile.imread(tmp_path / "like" / "truth_labels.tif")
    found = tifffile.imread(tmp_path / "like_out" / "labels.tif")
    for label, name in ((1, "alumina"), (2, "pt")):
        expected = like["expected_dsc"][name]
        assert expected["low"] < dice(truth, found)[label] < expected["high"]
    assert "noise" in {one["what"] for one in noisy["fit"]["differs"]}
    assert len(noisy["annotate_next"]) == 3
    assert set(noisy["expected_dsc"].values()) == {None}
    assert f"Annotate {noisy['annotate_next'][0]}, " in capsys.readouterr().err


def test_slices_from_fewer_tilts_are_told(trained, tmp_path):
    folder = make_slices(tmp_path / "few", seed=5)
    path = folder / "slices.json"
    for wedge, warned in ((60.0, []), (80.0, ["missing wedge"])):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"missing_wedge_deg": wedge}))
        predict(folder, trained / "one", tmp_path / f"{wedge}", Predict())
        record = json.loads((tmp_path / f"{wedge}" / "prediction.json").read_text())
        assert [one["what"] for one in record["fit"]["differs"]] == warned
    assert "leave out 80°, in training 44°" in record["fit"]["warning"]


def test_the_widest_wedge_is_of_what_teaches_and_unknown_where_one_is(trained, tmp_path):
    def widest(wedges, split=None, **more):
        data = []
        for name, wedge in wedges.items():
            folder = tmp_path / name
            if not folder.is_dir():
                make_slices(folder, seed=len(data))
            record = json.loads((folder / "slices.json").read_text())
            record["missing_wedge_deg"] = wedge
            (folder / "slices.json").write_text(json.dumps(record))
            data.append((name, folder, "truth"))
        settings = TINY | {"steps": 1, "warmup_steps": 0} | ({"split": split} if split else {})
        train(data, tmp_path / "05", Train.model_validate(settings), **more)
        return model_file.read_info(tmp_path / "05" / "model.keras").missing_wedge_deg

    assert widest({"a": 40.0, "b": 60.0}) == 60
    assert widest({"a": 40.0, "b": None}) is None
    tested = {"method": "names", "test": ["b/*"], "validation": []}
    assert widest({"a": 40.0, "b": 60.0}, tested) == 40
    assert widest({"a": 40.0}, init_from=trained / "one") == 44


def test_the_seed_of_the_settings_decides_the_weights(trained, tmp_path):
    hashes = set()
    for seed in (2, 3):
        settings = Train.model_validate(TINY | {"steps": 1, "learning_rate": 1e-9, "seed": seed})
        train([("d", trained / "slices", "truth")], tmp_path / str(seed), settings)
        net = Model.load(tmp_path / str(seed) / "model.keras", "float32").net
        hashes.add(round(float(np.abs(net.get_weights()[0]).sum()), 4))
    assert len(hashes) == 2


def test_weights_from_density_come_from_what_is_annotated(trained, tmp_path):
    changes = {"steps": 1, "loss": {"class_weights": "density"}}
    train(
        [("d", trained / "slices", "truth")],
        tmp_path / "out",
        Train.model_validate(TINY | changes),
    )
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    taught = [int(name[-4:]) for name in record["split"]["d"]["train"]]
    labels = tifffile.imread(trained / "slices" / "truth_labels.tif")[taught]
    root = np.bincount(labels.ravel()) ** -0.5
    assert list(record["class_weights"].values()) == pytest.approx(list(root / root.sum()))


def test_a_test_slice_that_was_nearly_seen_is_told(tmp_path, capsys):
    folder = make_slices(tmp_path / "slices", count=6)
    for name in ("slices.tif", "truth_labels.tif"):
        stack = tifffile.imread(folder / name)
        stack[5] = stack[0]
        write_stack(folder / name, stack, 0.25)
    record = json.loads((folder / "slices.json").read_text())
    record["files"] = {name: {"sha256": sha256_of(folder / name)} for name in record["files"]}
    (folder / "slices.json").write_text(json.dumps(record))
    split = {"method": "names", "test": ["slice_0004", "slice_0005"]}
    settings = Train.model_validate(TINY | {"steps": 1, "split": split})
    train([("d", folder, "truth")], tmp_path / "out", settings)
    leak = json.loads((tmp_path / "out" / "training.json").read_text())["leak"]
    assert leak["nearest_correlation"] == pytest.approx(1)
    assert leak["mean_correlation"] < 0.95
    assert leak["nearest"]["d/slice_0005"]["image"] == "d/slice_0000"
    said = capsys.readouterr().err
    assert "correlates with a test image by 1.000 at most" in said
    assert "test slices were nearly seen in training" in said


def test_black_borders_teach_nothing_but_are_tested(tmp_path):
    folder = make_slices(tmp_path / "slices", count=6)
    stack = tifffile.imread(folder / "slices.tif")
    stack[:, :, :10] = 0
    write_stack(folder / "slices.tif", stack, 0.25)
    record = json.loads((folder / "slices.json").read_text())
    record["files"]["slices.tif"] = {"sha256": sha256_of(folder / "slices.tif")}
    (folder / "slices.json").write_text(json.dumps(record))
    settings = Train.model_validate(TINY | {"split": {"gap": 0}})
    samples, _ = read_samples([Source("d", read_record(folder, "slices"), "truth")], settings)
    for part, ignored in (("train", True), ("test", False)):
        assert samples[part]
        for sample in samples[part]:
            assert (sample.labels[:, :10] == 255).all() == ignored
            assert not (sample.labels[:, 10:] == 255).any()


def test_a_time_limit_is_admitted(tmp_path):
    make_slices(tmp_path / "slices", count=6)
    settings = Train.model_validate(TINY | {"max_minutes": 1e-9, "split": {"gap": 0}})
    train([("d", tmp_path / "slices", "truth")], tmp_path / "out", settings)
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["steps"] == 1
    assert record["reproducible"] is False


def test_a_model_may_start_from_another(trained, tmp_path):
    start = trained / "one" / "model.keras"
    settings = TINY | {"steps": 3, "learning_rate": 1e-7, "init_from": str(start)}
    data = [("d", trained / "slices", "truth")]
    train(data, tmp_path / "out", Train.model_validate(settings))
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["inputs"]["init_from"]["sha256"] == sha256_of(start)
    first = json.loads((trained / "one" / "training.json").read_text())
    assert record["test"]["pt"]["dsc"] == pytest.approx(first["test"]["pt"]["dsc"], abs=2e-3)
    other = settings | {"network": {"levels": 3, "base_filters": 4}}
    with pytest.raises(UserError, match="has network base_filters 8, levels 3, the settings say"):
        train(data, tmp_path / "no", Train.model_validate(other))
    coarse = make_slices(tmp_path / "coarse", pixel_size_nm=0.3)
    with pytest.raises(UserError, match=r"learnt at 0\.25 nm per pixel, the slices have 0\.3"):
        train([("d", coarse, "truth")], tmp_path / "no", Train.model_validate(settings))
    with pytest.raises(UserError, match=r"found no training\.json there"):
        train(data, tmp_path / "no", Train.model_validate(settings | {"init_from": str(tmp_path)}))


def test_slices_that_taught_the_model_to_start_from_cannot_test(trained, tmp_path, capsys):
    first = json.loads((trained / "one" / "training.json").read_text())
    taught, tested = (first["split"]["d"][part] for part in ("train", "test"))
    split = {"method": "names", "test": [taught[0], tested[0]], "leave_out": [taught[1]]}
    settings = TINY | {"steps": 1, "init_from": str(trained / "one"), "split": split}
    data = [("d", trained / "slices", "truth")]
    train(data, tmp_path / "out", Train.model_validate(settings))
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["split"]["d"]["test"] == tested[:1]
    assert set(record["split"]["d"]["left_out"]) == set(taught[:2])
    assert f"d/{taught[0]}: taught the model to start from" in capsys.readouterr().err
    # What the first model learnt from stays known to the third of a chain.
    one, two = (model_file.read_info(p / "model.keras").taught for p in
                (trained / "one", tmp_path / "out"))  # fmt: skip
    assert set(one) < set(two)


def draft_of(folder):
    record = json.loads((folder / "training.json").read_text())
    assert model_file.read_info(folder / "model.keras").draft is record["draft"]
    return record["draft"]


def test_a_model_is_a_draft_until_real_labels_teach_it(trained, tmp_path):
    drawn = tmp_path / "drawn"
    drawn.mkdir()
    for index, page in enumerate(tifffile.imread(trained / "slices" / "truth_labels.tif")[:6]):
        tifffile.imwrite(drawn / f"slice_{index:04d}.tif", page)
    phantom = ("phantom", trained / "slices", "truth")
    real = ("real", make_slices(tmp_path / "real"), drawn)

    def taught(name, data, **changes):
        settings = Train.model_validate(TINY | {"steps": 1} | changes)
        train(data, tmp_path / name, settings)
        return draft_of(tmp_path / name)

    start = str(trained / "one")
    assert draft_of(trained / "one")
    assert taught("more_phantoms", [phantom], init_from=start)
    assert not taught("tuned", [real], init_from=start, split={"gap": 0})
    assert not taught("both", [phantom, real], split={"gap": 0})
    # Weights that real labels formed are kept by more phantoms; real slices that only test
    # form none.
    assert not taught("back", [phantom], init_from=str(tmp_path / "tuned"))
    tests = {"method": "names", "test": ["real/*"]}
    assert taught("tested", [phantom, real], split=tests)


def test_a_training_begun_on_another_kind_of_device_begins_again_and_says_so(
    trained, tmp_path, monkeypatch, capsys
):
    data = [("d", trained / "slices", "truth")]
    settings = Train.model_validate(TINY | {"steps": 3, "checkpoint_every": 1})

    def full(*_):
        raise OSError("no space left")

    with monkeypatch.context() as before:
        before.setattr(unet, "device", lambda: "gpu")
        before.setattr(tf.data.experimental, "prefetch_to_device", lambda *_: lambda data: data)
        before.setattr("catomo.train.stage.figures.write", full)
        with pytest.raises(OSError, match="no space left"):
            train(data, tmp_path / "out", settings)
    train(data, tmp_path / "out", settings)
    said = capsys.readouterr().err
    assert "is of another training" in said
    assert "goes on after" not in said
    train(data, tmp_path / "whole", settings)
    name = "training.json"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
