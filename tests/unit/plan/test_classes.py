"""Settings follow the classes, and every one that contradicts them is found before a run."""

import pytest
import yaml

from catomo.evaluate.settings import Evaluate
from catomo.plan.plan import load_plan
from catomo.settings.base import DEFAULT_CLASSES
from catomo.surfaces.settings import Surfaces
from catomo.train.settings import Loss, Train
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
COLOURS = ("#20303c", "#7a6a4f", "#c9ced2", "#d4a017")


def classes(*names):
    return [
        {"name": name, "title": name.replace("_", " "), "colour": colour}
        for name, colour in zip(names, COLOURS, strict=False)
    ]


TWO = classes("background", "particle")
FOUR = classes("background", "carbon_film", "ceria", "gold")
TWO_LABELS = {"plate": 1, "particles": 1}


@pytest.fixture
def problems(tmp_path):
    """Return the problems of a configuration with one phantom `p` that trains `p`."""

    def found(config, labels=TWO_LABELS):
        specimen = yaml.safe_load((ROOT / "resources/phantoms/demo-128.yaml").read_text())
        if labels:
            specimen["labels"] = labels
        (tmp_path / "specimen.yaml").write_text(yaml.safe_dump(specimen))
        table = tmp_path / "datasets.tsv"
        table.write_text(HEADER + f"p\tphantom\t{tmp_path}/specimen.yaml\t\t\ttruth\t\t\n")
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({"datasets": str(table), **config}))
        return load_plan([path])[1]

    return found


def test_defaults_follow_two_or_four_classes():
    for listed in (TWO, FOUR):
        assert Train.model_validate({"classes": listed}).loss.class_weights == "density"
        assert Evaluate.model_validate({"classes": listed}).particles.phase is None
        surfaces = Surfaces.model_validate({"classes": listed})
        assert (surfaces.support, surfaces.particles.phase) == (None, None)
        assert surfaces.translucent == []


def test_what_is_given_stays_and_the_default_classes_keep_their_defaults():
    given = {"classes": FOUR, "support": "ceria", "particles": {"phase": "gold"}}
    surfaces = Surfaces.model_validate(given)
    assert (surfaces.support, surfaces.particles.phase) == ("ceria", "gold")
    assert surfaces.translucent == ["ceria"]
    assert Surfaces.model_validate_json(surfaces.model_dump_json()) == surfaces
    film = Surfaces.model_validate({"classes": FOUR, "translucent": ["carbon_film", "ceria"]})
    assert (film.support, film.translucent) == (None, ["carbon_film", "ceria"])
    listed = [phase.model_dump() for phase in DEFAULT_CLASSES]
    assert Train.model_validate({"classes": listed}) == Train()
    assert Evaluate.model_validate({"classes": listed}) == Evaluate()
    assert Surfaces.model_validate({"classes": listed}) == Surfaces()


def test_a_preset_gives_weights_to_three_classes_only():
    for listed, expected in ((None, [0.2, 0.3, 0.5]), (TWO, "density")):
        data = {"preset": "paper"} | ({"classes": listed} if listed else {})
        settings = Train.model_validate(data)
        assert settings.loss.class_weights == expected
        assert settings.loss.dice_weight == 0.0
        assert settings.changed_from_preset() == []
    loss = Loss(focal_gamma=2.0)
    assert Train.model_validate({"classes": TWO, "loss": loss}).loss.class_weights == "density"


@pytest.mark.parametrize("listed", [TWO, FOUR])
def test_a_list_of_classes_alone_is_enough(problems, listed):
    assert problems({"classes": listed}) == []


@pytest.mark.parametrize(
    ("blocks", "line"),
    [
        (
            {"train": {"loss": {"class_weights": [0.2, 0.3, 0.5]}}},
            "train.loss.class_weights: found [0.2, 0.3, 0.5]; must be 2 numbers, one for each of "
            "the classes background, particle, or density",
        ),
        (
            {"evaluate": {"particles": {"phase": "pt"}}},
            'evaluate.particles.phase: found "pt"; must be one of the classes particle, or null '
            "for none",
        ),
        (
            {"surfaces": {"particles": {"phase": "background"}}},
            'surfaces.particles.phase: found "background"; must be one of the classes particle',
        ),
        (
            {"surfaces": {"support": "alumina"}},
            'surfaces.support: found "alumina"; must be one of the classes particle',
        ),
        (
            {"surfaces": {"translucent": ["alumina"]}},
            'surfaces.translucent: found "alumina"; must be one of the classes particle',
        ),
    ],
)
def test_a_setting_that_contradicts_the_classes_is_named_where_it_is_said(
    problems, tmp_path, blocks, line
):
    """In a block, and in the overrides of a dataset."""
    found = problems({"classes": TWO, **blocks})
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/config.yaml: {line}")
    found = problems({"classes": TWO, "overrides": {"p": blocks}})
    assert len(found) == 1
    assert found[0].startswith(f"{tmp_path}/config.yaml: overrides.p.{line}")


def test_a_block_that_the_classes_of_an_override_contradict_is_named(problems, tmp_path):
    overrides = {"p": {"evaluate": {"classes": TWO}}}
    found = problems({"evaluate": {"particles": {"phase": "pt"}}, "overrides": overrides})
    assert found == [
        f'{tmp_path}/config.yaml: evaluate.particles.phase: found "pt"; must be one of the '
        "classes particle, or null for none (overrides.p)"
    ]


def test_stages_with_other_classes_than_the_rest_are_named(problems, tmp_path):
    found = problems({"classes": FOUR, "predict": {"classes": TWO}})
    assert found == [
        f"{tmp_path}/config.yaml: predict.classes: found background, particle for predict, but "
        "slices has background, carbon_film, ceria, gold; the stages of a dataset must have the "
        "same classes in the same order"
    ]


def test_a_phantom_with_labels_beyond_the_classes_is_named(problems, tmp_path):
    [line] = problems({"classes": TWO}, labels=None)
    assert line.startswith(
        f"{tmp_path}/specimen.yaml: labels.particles: found 2, but the 2 classes background, "
        f"particle ({tmp_path}/config.yaml: classes) have the labels 0 to 1"
    )


def test_wrong_classes_are_one_line_and_hide_what_hangs_on_them(problems):
    wrong = [*TWO[:1], {**TWO[1], "colour": "red"}]
    [line] = problems({"classes": wrong, "evaluate": {"particles": {"phase": "particle"}}})
    assert "classes.1.colour" in line


def test_two_classes_of_one_name_are_refused(problems):
    [line] = problems({"classes": classes("background", "gold", "gold")})
    assert " classes: found" in line
    assert "'gold' is the name of several classes; give each its own" in line
