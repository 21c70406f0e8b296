"""The pages of docs/: they build without a warning, and say what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from catomo.stages import STAGES
from conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
READ_AS_THEY_ARE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_needs_no_network(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, tmp_path / "site"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for page in PAGES:
        text = (tmp_path / "site" / page.relative_to(DOCS)).with_suffix(".html").read_text()
        assert re.search(r"<h1>.+", text), page
        assert not re.search(r'(src=|<link[^>]* href=)"(https?:)?//', text), page
    words = (tmp_path / "site/reference/commands.html").read_text()
    assert all(f"usage: catomo {stage.verb} " in words for stage in STAGES)
    functions = (tmp_path / "site/reference/api.html").read_text()
    assert 'id="catomo.align_tilts"' in functions
    assert "<math" in (tmp_path / "site/explanation/geometry.html").read_text()


@pytest.mark.parametrize("page", [*READ_AS_THEY_ARE, *PAGES], ids=lambda page: page.stem)
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_pictures_are_small():
    pictures = list(DOCS.glob("images/*"))
    shown = "".join(page.read_text() for page in PAGES)
    assert all(f"images/{picture.name}" in shown for picture in pictures)
    assert 0 < sum(picture.stat().st_size for picture in pictures) < 300_000


def test_files_names_every_folder_and_record():
    text = (DOCS / "reference/files.md").read_text()
    for stage in STAGES:
        assert f"`{stage.folder}`" in text
        assert f"`{stage.record}`" in text, stage.record


def test_quantities_names_everything_that_is_measured_and_nothing_else():
    import catomo

    labels = np.zeros((12, 12, 12), np.uint8)
    labels[2:10, 2:6, 2:10] = 1
    labels[4:8, 6:9, 4:8] = 2
    names = ("background", "carrier", "metal")
    measured = set(catomo.measure(labels, 1.0, names, "carrier", "metal"))
    text = (DOCS / "reference/quantities.md").read_text()
    described = set()
    for name in re.findall(r"^\| `(<\w+>_\w+)` \|", text, re.M):
        for place, found in (("<class>", names[1:]), ("<support>", ["carrier"])):
            described |= {name.replace(place, one) for one in found if place in name}
        if "<particles>" in name:
            described.add(name.replace("<particles>", "metal"))
    assert described == measured
