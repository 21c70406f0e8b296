"""A training that is killed goes on from its checkpoint, to the very same weights."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from catomo.network.checkpoints import Checkpoint, key_of
from catomo.network.model_file import weights_sha256
from catomo.network.unet import build_unet, start
from catomo.train.learning import Learner
from catomo.train.settings import Train
from catomo.train.stage import train
from helpers.slices import TINY, make_slices

pytestmark = pytest.mark.slow

start(threads=2)  # before anything else wakes TensorFlow

WORKFLOW = Path(__file__).parents[3] / "workflow"
QUICK = TINY | {"steps": 60, "checkpoint_every": 10, "validate_every": 30}


def command(place, output, settings):
    return [
        *(sys.executable, "-m", "catomo", "train", "--dataset", "d", str(place), "truth"),
        *("--output", str(output), "--settings", json.dumps(settings)),
    ]


def environment():
    return {**os.environ, "PYTHONPATH": str(WORKFLOW), "NO_COLOR": "1"}


def record_of(folder):
    return json.loads((folder / "training.json").read_text())


def test_killed_and_started_again_ends_as_if_nothing_had_been(tmp_path):
    make_slices(tmp_path / "slices")
    train([("d", tmp_path / "slices", "truth")], tmp_path / "whole", Train.model_validate(QUICK))
    call = command(tmp_path / "slices", tmp_path / "cut", QUICK)
    folder = tmp_path / "cut" / ".train.checkpoint"
    victim = subprocess.Popen(call, env=environment(), stderr=subprocess.DEVNULL)
    while victim.poll() is None and not list(folder.glob("*.npz")):
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert not (tmp_path / "cut" / "training.json").exists()
    (folder / "other.npz").write_bytes(b"of another training")
    again = subprocess.run(call, env=environment(), capture_output=True, text=True, check=True)
    assert "train: goes on after step" in again.stderr
    whole, cut = record_of(tmp_path / "whole"), record_of(tmp_path / "cut")
    assert whole == cut
    assert not folder.exists()


def test_the_same_seed_gives_the_same_weights_on_one_thread(tmp_path):
    make_slices(tmp_path / "slices", count=8)
    settings = json.dumps(TINY | {"steps": 12, "threads": 1})
    twice = (
        "from catomo.train.settings import Train; from catomo.train.stage import train\n"
        "for name in 'ab':\n"
        f"    train([('d', 'slices', 'truth')], name, Train.model_validate_json('{settings}'))"
    )
    call = [sys.executable, "-c", twice]
    subprocess.run(call, env=environment(), cwd=tmp_path, capture_output=True, check=True)
    a, b = record_of(tmp_path / "a"), record_of(tmp_path / "b")
    assert a["weights_sha256"] == b["weights_sha256"]


def test_the_threads_that_snakemake_can_spare_change_no_byte(tmp_path):
    """They are fewer than the settings' where it has fewer cores."""
    make_slices(tmp_path / "slices", count=8)
    settings = TINY | {"steps": 12, "threads": 2}
    for spare in ("1", "2"):
        call = [*command(tmp_path / "slices", tmp_path / spare, settings), "--threads", spare]
        subprocess.run(call, env=environment(), capture_output=True, check=True)
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / spare).iterdir() if file.is_file()}
        for spare in ("1", "2")
    )
    assert one == two
    assert {"model.keras", "training.json"} <= set(one)


def test_a_learner_goes_on_from_the_state_of_another(tmp_path):
    settings = Train.model_validate({"steps": 6, "warmup_steps": 2})
    rng = np.random.default_rng(0)
    batches = [
        (rng.random((2, 16, 16, 1), np.float32), rng.integers(0, 3, (2, 16, 16), np.uint8))
        for _ in range(6)
    ]

    def learner(seed):
        start(threads=2, seed=seed)
        return Learner(build_unet(3, levels=2, base_filters=4), settings, [0.2, 0.3, 0.5])

    whole, first, second = learner(1), learner(1), learner(2)
    for batch in batches:
        whole.improve(*batch)
    for batch in batches[:3]:
        first.improve(*batch)
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.save(first.state(), {"step": first.step})
    state, notes = checkpoint.load()
    second.restore(state, notes["step"])
    for batch in batches[3:]:
        second.improve(*batch)
    assert weights_sha256(second.net) == weights_sha256(whole.net)


def test_only_a_whole_checkpoint_of_the_same_training_is_read(tmp_path, capsys):
    folder = tmp_path / "checkpoints"
    checkpoint = Checkpoint(folder, "a")
    assert checkpoint.load() is None
    checkpoint.save([np.arange(3)], {"step": 7})
    state, notes = Checkpoint(folder, "a").load()
    np.testing.assert_array_equal(state[0], np.arange(3))
    assert notes == {"step": 7}
    (folder / "a.npz").write_bytes((folder / "a.npz").read_bytes()[:200])
    assert Checkpoint(folder, "a").load() is None
    assert "damaged; training starts from the beginning" in capsys.readouterr().err
    assert Checkpoint(folder, "b").load() is None
    assert "or kind of device); training starts from the beginning" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_the_key_is_of_settings_and_content():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    key = key_of({"steps": 1}, [image])
    assert key == key_of({"steps": 1}, [image.copy()])
    others = [
        key_of({"steps": 2}, [image]),
        key_of({"steps": 1}, [image + 1]),
        key_of({"steps": 1}, [image.T]),
        key_of({"steps": 1}, [image, image]),
    ]
    assert len({key, *others}) == 5
