"""The paper's scores: beside its own classes, and beside no others."""

from catomo.evaluate.presets import paper_scores
from catomo.settings.base import DEFAULT_CLASSES


def test_the_papers_scores_are_shown_beside_its_own_classes_only():
    names = [phase.name for phase in DEFAULT_CLASSES]
    paper = paper_scores(names)
    assert list(paper) == names
    assert paper[names[2]]["dsc"] == {"mean": 0.845, "ci95": 0.034}
    assert paper[names[2]]["rhd_nm"]["90"] == {"mean": 1.81, "se": 1.05}
    assert paper_scores(["background", "silica", "gold"]) == {}
    assert paper_scores(names[:2]) == {}
