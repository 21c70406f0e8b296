"""The window for annotating, with a stand-in for napari."""

import json
import sys
from types import SimpleNamespace

import pytest
import yaml

from catomo.annotate import napari_window as annotate
from catomo.annotate.session import open_session
from catomo.errors import UserError
from catomo.settings.base import DEFAULT_CLASSES, PhaseClass
from helpers.annotation import write_annotation_input
from helpers.records import rewrite


@pytest.fixture
def place(tmp_path):
    return write_annotation_input(tmp_path)


def test_without_napari_or_a_screen_one_line_says_what_to_do(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "napari", None)
    with pytest.raises(UserError, match=r"napari is not installed; .*pip install 'napari\[pyqt6\]"):
        annotate.annotate(place / "slices", place / "new")
    monkeypatch.setitem(sys.modules, "napari", SimpleNamespace())
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="there is no screen here"):
        annotate.annotate(place / "slices", place / "new")


class Viewer:
    """Stands in for napari's: remembers what it was given."""

    def __init__(self, title):
        self.keys, self.steps = {}, []
        self.scale_bar, self.text_overlay = SimpleNamespace(), SimpleNamespace()
        self.dims = SimpleNamespace(
            current_step=(0, 0, 0),
            set_current_step=lambda axis, step: None,
            events=SimpleNamespace(current_step=SimpleNamespace(connect=self.steps.append)),
        )

    def add_image(self, data, **options):
        self.image = SimpleNamespace(data=data, **options)

    def add_labels(self, data, **options):
        self.layer = SimpleNamespace(data=data, **options)
        return self.layer

    def bind_key(self, key, overwrite):
        return lambda function: self.keys.setdefault(key, function)

    def go_to(self, number):
        self.dims.current_step = (number, 0, 0)
        self.steps[0](None)


def test_the_window_shows_whose_labels_these_are_and_s_saves_the_slice_shown(place):
    napari = SimpleNamespace(Viewer=Viewer, utils=SimpleNamespace(DirectLabelColormap=dict))
    session = open_session(place / "slices", place / "new", prediction=place / "prediction")
    viewer = annotate.show(napari, session)
    assert viewer.layer.name == "draft"
    assert "trained on phantoms alone" in viewer.text_overlay.text
    assert "paint 0 background and pores, 1 γ-alumina, 2 Pt" in viewer.text_overlay.text
    assert viewer.image.scale == (1, 0.25, 0.25)
    colormap = viewer.layer.colormap
    assert colormap["color_dict"][2] == DEFAULT_CLASSES[2].colour
    assert colormap["color_dict"][255] == "transparent"
    assert colormap["color_dict"][None] == "magenta"  # a value of no class must be seen
    assert "magenta is no class" in viewer.text_overlay.text
    assert colormap["background_value"] == 255
    viewer.go_to(1)
    viewer.keys["S"](viewer)
    assert [path.name for path in (place / "new").iterdir()] == ["slice_0004.tif"]
    assert viewer.layer.name == "yours"
    viewer.go_to(0)
    assert viewer.layer.name == "draft"
    (place / "new" / "slice_0001.tif").write_bytes(b"another person's")
    viewer.keys["S"](viewer)
    assert "was changed by somebody else" in viewer.text_overlay.text


def test_titles_and_colours_are_those_of_the_configuration_now(place, monkeypatch):
    """The record of the slices holds the names of the classes alone."""
    monkeypatch.chdir(place)
    record = place / "slices/slices.json"
    content = json.loads(record.read_text())
    content["settings"]["classes"] = [{"name": n} for n in ("background", "alumina", "gold")]
    rewrite(record, content)

    def classes(*files):
        return open_session(place / "slices", place / "new", configfiles=files).classes

    before = classes()
    assert [phase.title for phase in before] == ["background and pores", "γ-alumina", "gold"]
    assert len({phase.colour for phase in before}) == 3
    (place / "config").mkdir()
    listed = [phase.model_dump() for phase in (*DEFAULT_CLASSES[:2], before[2])]
    listed[2] |= {"title": "Au", "colour": "#d4a017"}
    (place / "config/config.yaml").write_text(yaml.safe_dump({"classes": listed}))
    assert classes()[2] == PhaseClass(**listed[2])
    listed[2]["title"] = "noble metal"
    (place / "more.yaml").write_text(yaml.safe_dump({"classes": listed}))
    assert classes(place / "more.yaml")[2].title == "noble metal"
