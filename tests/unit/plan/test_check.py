"""What `catomo check` says of work that is still to be done."""

import pytest
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
