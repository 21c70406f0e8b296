"""The pictures of the surfaces, by a renderer and without one."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.surfaces import render as rendering
from catomo.surfaces import stage as surfaces
from conftest import balls

pytestmark = pytest.mark.slow


def rendered(path):
    """Return a view's drawn part, without legend and scale bar."""
    from matplotlib.image import imread

    picture = imread(path)[..., :3]
    return picture[: int(0.8 * len(picture))]


def has_both_colours(picture):
    red, green = picture[..., 0], picture[..., 1]
    background = np.array([0x20, 0x30, 0x3C]) / 255
    drawn = np.abs(picture - background).max(axis=2) > 0.05
    platinum = drawn & (red > 1.6 * green)
    return platinum.mean() > 0.002 and (drawn & ~platinum).mean() > 0.01


def scene():
    labels = balls((40, 40, 40), (10, 24, 12, 4), (28, 22, 30, 5))
    y, z, x = np.indices(labels.shape)
    labels[(labels == 0) & (z < 20) & (z > 8) & (x > 4) & (x < 36) & (y > 3) & (y < 30)] = 1
    return labels


def test_of_very_large_meshes_the_small_copies_are_drawn(make, monkeypatch):
    drawn = []
    monkeypatch.setattr(surfaces, "_MOST_DRAWN", 1000)

    def render(phases, background):
        drawn.extend(phase["path"].rsplit("/", 1)[1] for phase in phases)
        return None, "not asked for"

    monkeypatch.setattr(surfaces, "render", render)
    labels = balls((40, 40, 40), (10, 10, 10, 3))
    labels[5:35, 20:35, 5:35] = 1
    make(labels, views=True)
    assert drawn == ["alumina.small.vtp", "pt.vtp"]


def test_views_differ_and_show_both_classes(make):
    output, record = make(scene(), views=True)
    if record["pictures_note"]:
        pytest.skip(record["pictures_note"])
    pictures = [rendered(output / f"{name}.png") for name in rendering.VIEWS]
    assert all(has_both_colours(picture) for picture in pictures)
    for number, picture in enumerate(pictures):
        for other in pictures[:number]:
            assert np.abs(picture - other).mean() > 0.01


def test_where_no_renderer_is_installed_projections_and_one_line(make, monkeypatch, capsys):
    """The libraries of EGL find no driver, so VTK ends its process, or draws nothing."""
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/nowhere.json")
    monkeypatch.delenv("DISPLAY", raising=False)
    output, record = make(scene(), views=True)
    assert record["pictures"] == "projections"
    assert "no renderer is installed" in record["pictures_note"]
    assert "libegl1 libgl1-mesa-dri libx11-6" in record["pictures_note"]
    assert "delete quantities.json and run again" in record["pictures_note"]
    assert capsys.readouterr().err.count("libegl1") == 1
    for name in ("view_front", "view_side", "view_top", "view_opaque"):
        assert has_both_colours(rendered(output / f"{name}.png"))
