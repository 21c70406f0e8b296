"""Which jobs take a GPU."""

import re

import pytest
import yaml

from catomo.align.settings import Align
from catomo.plan import gpu
from catomo.plan.check import check
from catomo.reconstruct.choices import Choice, remember
from catomo.reconstruct.settings import Reconstruct
from catomo.record.record import committing
from conftest import ROOT


@pytest.fixture
def devices(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "_DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["nvidia0", "nvidia11", "dxg"])
def test_a_card_is_seen_unless_it_is_hidden(devices, monkeypatch, name):
    (devices / "nvidiactl").touch()  # the driver alone is no card
    assert not gpu.has_gpu()
    (devices / name).touch()
    assert gpu.has_gpu()
    for value, seen in (("0", True), ("1,0", True), ("", False), ("-1", False)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert gpu.has_gpu() == seen


@pytest.mark.parametrize(
    ("backend", "without", "with_card"),
    [("auto", 0, 1), ("astra", 0, 1), ("cpu", 0, 0), ("cuda", 1, 1), ("astra_cuda", 1, 1)],
)
def test_a_backend_takes_a_card_by_its_name_or_where_there_is_one(
    devices, backend, without, with_card
):
    settings = Reconstruct(backend=backend)
    assert gpu.gpus_of(settings, gpu.has_gpu()) == without
    (devices / "nvidia0").touch()
    assert gpu.gpus_of(settings, gpu.has_gpu()) == with_card


@pytest.fixture
def project(devices, monkeypatch):
    """A project with two phantoms; return a function that checks it with some settings."""
    monkeypatch.chdir(devices)
    (devices / "config").mkdir()
    path = ROOT / "resources" / "phantoms" / "demo-128.yaml"
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    rows = "".join(f"{name}\tphantom\t{path}\t\t\ttruth\tdraft\tyes\n" for name in "ab")
    (devices / "config" / "datasets.tsv").write_text(header + rows)

    def told(**settings):
        config = {"datasets": "config/datasets.tsv", "reconstruct": settings}
        (devices / "config" / "config.yaml").write_text(yaml.safe_dump(config))
        problems, lines = check([])
        assert not problems
        return lines

    return told


def gigabytes(lines):
    told = [line.partition("GPU memory ")[2] for line in lines]
    return [float(one) for text in told for one in re.findall(r"([0-9.]+) GB", text)]


def test_check_estimates_the_memory_of_the_gpu_where_one_is_used(project, devices):
    assert not gigabytes(project(backend="cpu"))
    assert not gigabytes(project(backend="auto"))
    usual, _, other, _ = gigabytes(project(backend="cuda"))
    assert usual == other > 0
    assert gigabytes(project(backend="cuda", slab_slices=8))[0] < usual
    assert gigabytes(project(backend="cuda", pad_width=2.0))[0] > 1.3 * usual
    (devices / "nvidia0").touch()
    assert gigabytes(project(backend="auto"))[0] == usual


def aligned(name, open_sides):
    with committing(f"results/{name}/02_align", "align", Align()) as out:
        out.record.update(tilt_deg=[-60.0, 0.0, 60.0], steps={"open_sides": open_sides})


def test_the_slices_are_as_wide_as_the_alignment_finds_matter(project):
    """Before there is one, both are told; the steepest tilt of 60 degrees shows two widths."""
    usual, widest, *_ = gigabytes(project(backend="cuda"))
    aligned("a", ["left", "right"])
    aligned("b", ["left"])
    assert gigabytes(project(backend="cuda", pad_width=2.0))[0] < widest
    wide, narrow = gigabytes(project(backend="cuda"))
    assert wide == gigabytes(project(backend="cuda", pad_width=2.0))[0]
    assert narrow == usual


def made_by(backend, name):
    with committing(f"results/{name}/03_reconstruct", "reconstruct", Reconstruct()) as out:
        out.record["backend"] = backend


def mixtures(lines):
    return [line for line in lines if line.startswith("reconstruct.backend auto")]


def test_check_warns_where_volumes_were_made_by_different_backends(project):
    made_by("cpu", "a")
    made_by("cpu", "b")
    assert not mixtures(project(backend="auto"))
    made_by("cuda", "b")
    (line,) = mixtures(project(backend="auto"))
    assert "made by cpu (a) and by cuda (b)" in line
    assert not mixtures(project(backend="cuda"))  # the way out


def test_check_warns_where_machines_would_choose_differently(project):
    remember(Choice("node1, H200, 16 threads", "512x1024", {"cpu": 1.0, "cuda": 0.1}, "cuda"))
    assert not mixtures(project(backend="auto"))
    remember(Choice("node2, K80, 64 threads", "512x1024", {"cpu": 0.2, "cuda": 3.0}, "cpu"))
    (line,) = mixtures(project(backend="auto"))
    assert "node1" in line
    assert "node2" in line
    assert not mixtures(project(backend="cpu"))
