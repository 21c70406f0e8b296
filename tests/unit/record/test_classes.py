"""The classes of a record decide: defaults give way to them, other names are refused."""

import pytest

from catomo.errors import UserError
from catomo.predict.settings import Predict
from catomo.record.classes import check_classes, classes_in, with_classes_of
from catomo.record.record import Record
from catomo.settings.base import PhaseClass
from catomo.surfaces.settings import Surfaces

CLASSES = [
    {"name": "background", "title": "vacuum", "colour": "#101828"},
    {"name": "gold", "title": "Au", "colour": "#d4a017"},
    {"name": "carbon", "title": "C", "colour": "#7a6a9f"},
]
NAMES = [phase["name"] for phase in CLASSES]


def record(tmp_path, **content):
    return Record(tmp_path / "prediction.json", content)


def test_names_come_from_the_list_the_scores_or_the_settings(tmp_path):
    assert classes_in(record(tmp_path, classes=NAMES)) == NAMES
    assert classes_in(record(tmp_path, classes=dict.fromkeys(NAMES))) == NAMES
    assert classes_in(record(tmp_path, settings={"classes": CLASSES})) == NAMES
    assert classes_in(record(tmp_path, settings={})) is None


def test_defaults_give_way_to_the_record(tmp_path):
    made = record(tmp_path, classes=NAMES, settings={"classes": CLASSES})
    settings = with_classes_of(made, Surfaces(hull_radius_nm=2.0), "mend it")
    assert [phase.title for phase in settings.classes] == ["vacuum", "Au", "C"]
    assert (settings.support, settings.particles.phase) == (None, None)
    assert settings.hull_radius_nm == 2.0


def test_settings_that_name_other_classes_are_refused(tmp_path):
    made = record(tmp_path, classes=NAMES, settings={"classes": CLASSES})
    line = "has the classes background, gold, carbon, the settings name background, alumina, pt"
    with pytest.raises(UserError, match=f"{line}; mend it"):
        with_classes_of(made, Surfaces(classes=Surfaces().classes), "mend it")
    swapped = [CLASSES[0], CLASSES[2], CLASSES[1]]
    with pytest.raises(UserError, match="the settings name background, carbon, gold; mend it"):
        check_classes(made, [phase["name"] for phase in swapped], "mend it")
    same = Surfaces(classes=[PhaseClass(**phase) for phase in CLASSES])
    assert with_classes_of(made, same, "mend it") is same


def test_a_record_that_does_not_describe_its_classes_is_not_guessed(tmp_path):
    with pytest.raises(UserError, match="has the classes background, gold, carbon, the settings"):
        with_classes_of(record(tmp_path, classes=NAMES), Surfaces(), "mend it")


def test_a_role_that_is_no_class_of_the_record_is_refused(tmp_path):
    made = record(tmp_path, classes=NAMES, settings={"classes": CLASSES})
    with pytest.raises(UserError, match="its classes contradict the settings: support: found"):
        with_classes_of(made, Surfaces(support="alumina"), "mend it")
    assert with_classes_of(made, Surfaces(support=None), "mend it").support is None


def test_a_record_of_names_alone_is_as_good(tmp_path):
    """Stages that show no class record names: their titles are these, each with its colour."""
    names = [{"name": name} for name in NAMES]
    made = record(tmp_path, classes=NAMES, settings={"classes": names})
    assert classes_in(record(tmp_path, settings={"classes": names})) == NAMES
    shown = with_classes_of(made, Surfaces(), "mend it").classes
    assert shown[0] == Surfaces().classes[0]  # the default class of that name
    assert [(phase.name, phase.title) for phase in shown[1:]] == [
        ("gold", "gold"),
        ("carbon", "carbon"),
    ]
    assert len({phase.colour for phase in shown}) == 3
    assert with_classes_of(made, Predict(), "mend it").model_dump()["classes"] == names
    with pytest.raises(UserError, match="has the classes background, gold, carbon, the settings"):
        check_classes(record(tmp_path, settings={"classes": names}), ["background"], "mend it")
