"""What a stage costs: the estimates beside what was measured with `benchmarks/costs.py`."""

import pytest
import yaml

from catomo.plan.check import data_problems
from catomo.plan.costs import Cost, costs
from catomo.plan.plan import load_plan
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"

# Gigabytes of memory and megabytes of disk of phantoms, by their edge in voxels. The meshes are
# those of a trained network, or of the truth.
MEASURED = {
    128: {
        "simulate": (0.193, 13.2),
        "align": (0.35, 4.88),
        "reconstruct": (0.28, 6.16),
        "slices": (0.13, 2.13),
        "train": (0.80, 7.91),
        "predict": (0.79, 0.29),
        "surfaces": (0.663, 9.06),
    },
    256: {
        "simulate": (0.826, 85.9),
        "align": (0.372, 18.6),  # without matching of projections
        "reconstruct": (0.300, 35.9),
        "slices": (0.130, 10.4),
        "predict": (0.833, 0.99),
        "surfaces": (0.742, 28.9),
    },
}


@pytest.fixture
def estimated(tmp_path, monkeypatch):
    """Return a function that gives the costs of the demo's phantom, drawn with another edge."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()

    def of(edge, reconstruct=None):
        specimen = yaml.safe_load((ROOT / "resources/phantoms/demo-128.yaml").read_text())
        (tmp_path / "specimen.yaml").write_text(yaml.safe_dump(specimen | {"shape_px": [edge] * 3}))
        row = "phantom\tphantom\tspecimen.yaml\t\t\ttruth\tphantom\tyes\n"
        (tmp_path / "config/datasets.tsv").write_text(HEADER + row)
        config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        config["overrides"]["phantom"]["reconstruct"] |= reconstruct or {}
        (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config))
        plan, problems = load_plan(["config/config.yaml"], {})
        assert not problems
        [dataset] = plan.datasets.values()
        _, data, _ = data_problems(dataset, plan)
        return {cost.stage: cost for cost in costs(dataset, plan, data)}

    return of


@pytest.mark.parametrize("edge", MEASURED)
def test_memory_and_disk_are_not_much_below_or_above_what_was_measured(estimated, edge):
    found = estimated(edge)
    for stage, (memory_gb, disk_mb) in MEASURED[edge].items():
        assert 0.9 <= found[stage].memory / 1e9 / memory_gb <= 1.5, stage
        assert 0.9 <= found[stage].disk / 1e6 / disk_mb <= 1.5, stage


def test_the_files_of_images_are_as_large_as_their_numbers(estimated):
    """Four bytes for each of 128 × 128 × 69 pixels, and for each voxel of a known depth."""
    found = estimated(128, {"depth_nm": 16})  # of 0.25 nm
    assert found["align"].disk == 4 * 128 * 128 * 69
    assert found["reconstruct"].disk == 4 * 128 * 64 * 128


def test_a_cost_is_one_line_for_a_person():
    line = Cost("align", 0.35e9, 4.9e6, 200).in_words()
    assert line == "align        memory   0.3 GB   disk   0.00 GB   time about 3 min"
