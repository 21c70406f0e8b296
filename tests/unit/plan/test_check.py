"""What `catomo check` says of work that is still to be done."""

import gzip

import numpy as np
import pytest
import tifffile
import yaml

from catomo.network.blend import VIEWS
from catomo.plan.check import check
from conftest import ROOT
from helpers.mrc import STACK, mrc


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


HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"


def problems_of(folder, rows, **config):
    (folder / "table.tsv").write_text(HEADER + "".join(rows))
    content = {"datasets": "table.tsv", **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return check([folder / "config.yaml"])


def test_files_that_cannot_be_read_are_one_line_each_and_the_others_are_checked(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    greys = np.random.default_rng(7).integers(0, 255, (3, 64, 64), dtype=np.uint8)
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
