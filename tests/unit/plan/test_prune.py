"""Large files that are let go: named with their hash, not missed, and never too early."""

import hashlib
import json

import pytest

from catomo.align.settings import Align
from catomo.errors import UserError
from catomo.plan.check import verify
from catomo.plan.lost import lost_files
from catomo.plan.prune import prune
from catomo.reconstruct.settings import Reconstruct
from catomo.record.record import committing, read_record
from catomo.slices.settings import Slices
from catomo.stages import record_path
from catomo.tilt_series.settings import ImportSeries

CHAIN = {
    "import": (ImportSeries(), ("tilt_series.tif", "tilt_series.png")),
    "align": (Align(), ("aligned.tif", "alignment.csv")),
    "reconstruct": (Reconstruct(), ("volume.tif",)),
    "slices": (Slices(), ("slices.tif",)),
}


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def of(*verbs):
        source = {}
        for verb in verbs:
            settings, names = CHAIN[verb]
            with committing(record_path(verb, "p"), verb, settings, source) as out:
                for name in names:
                    out.path(name).write_text(name)
            source = {"source": read_record(record_path(verb, "p"), verb)}
        return tmp_path / "results/p"

    return of


def stages():
    return [(verb, "p") for verb in CHAIN]


def test_series_and_aligned_images_go_and_the_record_stays_as_it_is(make):
    folder = make(*CHAIN)
    records = {path: path.read_bytes() for path in folder.rglob("*.json")}
    said = prune("p")
    assert said.startswith("results/p: let go of results/p/01_tilt_series/tilt_series.tif, ")
    assert not (folder / "01_tilt_series/tilt_series.tif").exists()
    assert not (folder / "02_align/aligned.tif").exists()
    assert (folder / "03_reconstruct/volume.tif").is_file()
    assert {path: path.read_bytes() for path in records} == records
    note = json.loads((folder / "02_align/pruned.json").read_text())
    sha256 = hashlib.sha256(b"aligned.tif").hexdigest()
    assert note == {"stage": "align", "files": {"aligned.tif": {"sha256": sha256, "bytes": 11}}}
    assert lost_files(stages()) == {}
    assert verify(folder).endswith("6 files, all as recorded; 2 of them let go with 'catomo prune'")
    assert prune("p") == "results/p: nothing is there that could be let go"
    assert "03_reconstruct/volume.tif" in prune("p", volumes=True)
    assert "3 of them let go" in verify(folder)


def test_a_stage_that_runs_again_has_its_file_again(make):
    folder = make(*CHAIN)
    prune("p", volumes=True)
    with pytest.raises(UserError, match=r"volume\.tif: was let go .*snakemake --cores 1"):
        read_record(folder / "03_reconstruct", "reconstruct").file("volume.tif")
    make(*CHAIN)
    assert verify(folder).endswith("6 files, all as recorded")


def test_nothing_goes_that_has_not_been_read_yet(make):
    folder = make("import", "align")
    line = r"aligned\.tif: stays, because .*03_reconstruct has no reconstruction\.json yet"
    with pytest.raises(UserError, match=line):
        prune("p")
    assert (folder / "01_tilt_series/tilt_series.tif").is_file()
    make(*CHAIN)  # the way out
    prune("p")
    assert not (folder / "01_tilt_series/tilt_series.tif").exists()


def test_a_dataset_that_is_not_there_is_one_line(make):
    make("import")
    for name in ("q", "models"):
        with pytest.raises(UserError, match=f"found no results of a dataset '{name}'"):
            prune(name)
