"""What `catomo check` says of work that is still to be done."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import yaml

from catomo.errors import UserError
from catomo.network.inference import VIEWS
from catomo.plan.check import check, verify
from catomo.record.record import committing, read_record
from catomo.report.settings import Report
from catomo.slices.settings import Slices
from catomo.stages import RECORDS
from catomo.train.settings import Train
from conftest import ROOT
from helpers.mrc import STACK, mrc
from helpers.records import rewrite

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"


@pytest.mark.parametrize("average", VIEWS)
def test_every_way_to_average_views_has_an_estimate(tmp_path, monkeypatch, average):
    monkeypatch.chdir(tmp_path)
    specimen = ROOT / "resources/phantoms/demo-128.yaml"
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    (tmp_path / "table.tsv").write_text(f"{header}p\tphantom\t{specimen}\t\t\ttruth\t\t\n")
    config = {"datasets": "table.tsv", "predict": {"average": average}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    problems, lines = check([tmp_path / "config.yaml"])
    assert problems == []
    assert any(line.split()[0] == "predict" and "time about" in line for line in lines)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a specimen, to check tables in."""
    monkeypatch.chdir(tmp_path)
    specimen = (ROOT / "resources/phantoms/demo-128.yaml").read_text()
    (tmp_path / "good.yaml").write_text(specimen)
    return tmp_path


def checked(folder, rows):
    (folder / "table.tsv").write_text(HEADER + rows)
    (folder / "config.yaml").write_text("datasets: table.tsv\n")
    return check([folder / "config.yaml"])


GOOD = "good\tphantom\tgood.yaml\n"

SPOILT = {
    "text.mrc": b"only words",
    "empty.tif": b"",
    "cut.tif": b"II*\0\x08\0\0\0\xff\xff",
    "noise.tif": b"II*\0" + bytes(range(256)) * 20,
    "noise.mrc": bytes(range(256)) * 20,
    "noise.dm3": bytes(range(256)) * 20,
    "noise.emd": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "zip.keras": b"PK\3\4" + bytes(50),
}


@pytest.mark.parametrize("source", ["phantom", "tilt_series", "slices"])
def test_whatever_a_file_holds_is_one_line_and_the_next_dataset_is_checked(here, source):
    rows = ""
    for name, content in SPOILT.items():
        (here / name).write_bytes(content)
        dataset = name.replace(".", "_")
        rows += f"{dataset}\t{source}\t{name}\t\t0.5\n"
    problems, lines = checked(here, rows + GOOD)
    assert len(problems) == len(SPOILT)
    for name, problem in zip(SPOILT, problems, strict=True):
        assert problem.startswith(f"{name.replace('.', '_')}: ")
        assert name in problem
        assert "\n" not in problem
    assert any(line.startswith("good: simulate") for line in lines)


def test_a_damaged_compressed_label_file_does_not_end_the_check(here):
    rng = np.random.default_rng(7)
    (here / "images").mkdir()
    (here / "labels").mkdir()
    for n in range(6):
        image = rng.integers(0, 255, (64, 64), dtype=np.uint8)
        tifffile.imwrite(here / f"images/s{n}.tif", image, metadata=None)
        labels = image // 86  # 0, 1 and 2
        tifffile.imwrite(here / f"labels/s{n}.tif", labels, compression="zlib", metadata=None)
    broken = here / "labels/s1.tif"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-60])
    row = "real\tslices\timages\t\t0.5\tlabels\n"
    problems, lines = checked(here, row + GOOD)
    assert len(problems) == 1
    assert problems[0].startswith("real: labels")
    assert any(line.startswith("good: simulate") for line in lines)
    broken.write_bytes(whole)
    assert checked(here, row + GOOD)[0] == []


@pytest.mark.parametrize(
    "text", ["[]", "{}", "{", '{"stage": "align"}', '{"stage": "align", "settings": 3, "code": []}']
)
def test_a_damaged_record_is_one_line_of_check_and_of_verify(here, text):
    folder = here / "results/good/02_align"
    folder.mkdir(parents=True)
    (folder / "alignment.json").write_text(text)
    problems, lines = checked(here, GOOD)
    assert problems == []
    damaged = [line for line in lines if "alignment.json: " in line]
    assert len(damaged) == 1
    with pytest.raises(UserError, match=r"alignment\.json: ") as error:
        verify(here / "results")
    assert "\n" not in str(error.value)


def made(folder, verb, settings, inputs):
    with committing(folder, verb, settings, inputs):
        pass
    return read_record(folder, verb)


def test_labels_edited_in_the_middle_make_the_training_stale(here):
    """More than 2 MiB; beginning, end, size and time stay the same."""
    labels = np.zeros((48, 256, 256), np.uint8)
    labels[::2] = 1
    after = labels.copy()
    after[24, 100, 100] = 2
    grey = np.random.default_rng(1).integers(0, 255, labels.shape, dtype=np.uint8)
    for name, stack in {"slices": grey, "labels": labels, "after": after}.items():
        tifffile.imwrite(here / f"{name}.tif", stack, photometric="minisblack", metadata=None)
    slices = made(here / "results/a/04_slices", "slices", Slices(), {"stack": here / "slices.tif"})
    inputs = {"a/slices": slices, "a/labels": here / "labels.tif"}
    made(here / "results/models/a/05_train", "train", Train(), inputs)
    row = "a\tslices\tslices.tif\t\t0.5\tlabels.tif\n"

    def stale():
        return [line.strip() for line in checked(here, row)[1] if "changed since" in line]

    assert stale() == []
    (here / "labels.tif").write_bytes((here / "after.tif").read_bytes())
    where = "results/models/a/05_train"
    assert stale() == [f"{where}: made from what has changed since (labels.tif)"]
    made(here / where, "train", Train(), inputs)
    assert stale() == []
    record = here / "results/a/04_slices" / RECORDS["slices"]
    record.write_text(json.dumps(json.loads(record.read_text())))
    assert stale() == [
        f"{where}: made from what has changed since (results/a/04_slices/slices.json)"
    ]


def test_the_first_and_the_last_image_are_told_with_their_tilts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = tmp_path / "series"
    images.mkdir()
    rng = np.random.default_rng(0)
    for tilt in range(-40, 101, 20):
        tifffile.imwrite(images / f"{tilt}.tif", rng.normal(9, 1, (32, 32)).astype(np.float32))
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    (tmp_path / "table.tsv").write_text(f"{header}p\ttilt_series\tseries\t\t1\t\t\t\n")
    (tmp_path / "config.yaml").write_text("datasets: table.tsv\n")
    problems, lines = check([tmp_path / "config.yaml"])
    assert problems == []
    assert "  first -40.tif at -40°, last 100.tif at 100°; angles from the file names" in lines
    assert any("images beyond ±90° (1) are mirrored" in line for line in lines)


def problems_of(folder, rows, **config):
    (folder / "table.tsv").write_text(HEADER + "".join(rows))
    content = {"datasets": "table.tsv", **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return check([folder / "config.yaml"])


def test_files_that_cannot_be_read_are_one_line_each_and_the_others_are_checked(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    greys = np.random.default_rng(7).integers(0, 255, (6, 64, 64), dtype=np.uint8)
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        for number, image in enumerate(greys):
            page = image if name == "images" else image // 86  # labels 0, 1 and 2
            path = tmp_path / name / f"s{number}.tif"
            tifffile.imwrite(path, page, compression="zlib", metadata=None)
    damaged = tmp_path / "labels" / "s1.tif"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-60])
    (tmp_path / "packed.mrc").write_bytes(gzip.compress(bytes(2000)))
    mrc(tmp_path / "angstrom.mrc", np.abs(STACK), size_nm=0.5)
    rows = [
        "one\tslices\timages\t\t0.5\tlabels\t\tyes\n",
        "two\tslices\tpacked.mrc\t\t0.5\t\t\t\n",
        "three\tslices\tangstrom.mrc\t\t5\t\t\t\n",
    ]
    problems, _ = problems_of(tmp_path, rows)
    assert len(problems) == 3
    for line, words in zip(
        problems, ["gzip", "5 nm by", "labels/s1.tif: is cut short"], strict=True
    ):
        assert words in line
        assert "\n" not in line
    damaged.write_bytes(whole)  # and the ways out
    trust = {"three": {"slices": {"trust_given": True}}}
    assert problems_of(tmp_path, [rows[0], rows[2]], overrides=trust)[0] == []


def test_a_volume_is_named_by_its_path_in_the_file(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"] = file["two"] = np.random.default_rng(0).normal(size=(5, 32, 33))
        file["three"] = np.ones((5, 32, 33))
    row = "a\tslices\ta.h5{}\t\t0.5\t\t\t\n"
    assert "name the one that is meant" in problems_of(tmp_path, [row.format("")])[0][0]
    assert problems_of(tmp_path, [row.format(":/two")])[0] == []
    assert "found no file" in problems_of(tmp_path, [row.format("x:/two")])[0][0]


@pytest.mark.parametrize(("stage", "contradicts"), [("slices", False), ("report", True)])
def test_a_colour_contradicts_only_the_record_of_a_stage_that_shows_it(
    tmp_path, monkeypatch, stage, contradicts
):
    """Records of before hold colours at every stage."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.tif").write_text("")
    classes = [
        {"name": name, "title": name, "colour": "#123456"} for name in ("background", "alumina")
    ]
    settings = {"slices": Slices(), "report": Report()}[stage]
    place = tmp_path / "results/a" / {"slices": "04_slices", "report": "09_report"}[stage]
    with committing(place, stage, settings):
        pass
    path = next(place.glob("*.json"))
    content = json.loads(path.read_text())
    content["settings"]["classes"] = classes
    rewrite(path, content)
    now = [phase | {"colour": "#654321"} for phase in classes]
    _, lines = problems_of(tmp_path, ["a\tslices\ts.tif\t\t0.5\n"], classes=now)
    assert any("made with other settings" in line for line in lines) is contradicts


def test_the_first_and_the_last_slice_are_decoded_and_that_is_said(here):
    """A header may be whole where its image is not."""
    (here / "s").mkdir()
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 255, (32, 32), dtype=np.uint8)
        path = here / f"s/a{number}.tif"
        tifffile.imwrite(path, image, compression="zlib", metadata=None)
    row = "d\tslices\ts\t\t0.5\n"
    problems, lines = checked(here, row)
    assert problems == []
    assert (
        "  images: 4 of 32 × 32 px; the first and the last were decoded; of the others the headers "
        "were read"
    ) in lines
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    path.write_bytes(whole[:start] + bytes(20) + whole[start + 20 :])
    [problem], _ = checked(here, row)
    assert problem.startswith("d: s/a3.tif: image 1 is not readable")
    path.write_bytes(whole)
    assert checked(here, row)[0] == []


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("catomo.plan.check, catomo.plan.levels", "tensorflow"),
        ("catomo.plan.plan, catomo.plan.given, catomo.plan.changes", "numpy"),
    ],
)
def test_a_start_and_a_check_import_nothing_heavy(modules, heavy):
    """Each job that Snakemake starts reads the plan again."""
    code = f"import sys, {modules}; print({heavy!r} in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
