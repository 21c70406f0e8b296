"""What `catomo check` says of work that is still to be done."""

import numpy as np
import pytest
import tifffile
import yaml

from catomo.network.blend import VIEWS
from catomo.plan.check import check
from conftest import ROOT


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
