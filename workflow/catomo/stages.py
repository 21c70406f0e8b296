"""The table of stages: everything that is known of a stage before it runs, in pipeline order.

The command line, the records, the folders of results, the configuration, the titles on the
page, the rules' stopping points and the tests all derive from `STAGES`. Another stage is one
entry here, one package `catomo/<word>/` and one rule file `rules/<number>_<word>.smk`.
Nothing is imported here: the modules are named, and loaded by those who need them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One stage, or one of several verbs that fill the same stage's folder.

    Attributes
    ----------
    number : int
        Its place in the pipeline, and the beginning of its folder's name.
    word : str
        The word of its package, rule file, folder and block of the configuration.
    verb : str
        The word on the command line.
    record : str
        Name of the record it leaves in its folder.
    title : str
        Heading on the page.
    help : str
        One line for the command line.
    settings : str
        Class of its settings in ``catomo.<word>.settings``.
    takes : callable
        Whether a row of the table of datasets passes through this stage.
    module : str
        Module of ``catomo.<word>`` in which its work begins.
    stopping_point : str
        Name of the workflow's target that ends with this stage; empty for none.
    per_model : bool
        Whether it is run once for a model instead of once for a dataset.
    """

    number: int
    word: str
    verb: str
    record: str
    title: str
    help: str
    settings: str
    takes: Callable[[Any], bool]
    module: str = "stage"
    stopping_point: str = ""
    per_model: bool = False

    @property
    def folder(self) -> str:
        """Name of the folder of its results, such as ``02_align``."""
        return f"{self.number:02d}_{self.word}"


@dataclass(frozen=True)
class Tool:
    """A verb that is no stage of the workflow.

    Attributes
    ----------
    verb, help : str
        As for `Stage`.
    package : str
        The package whose module ``verbs`` runs it.
    record : str
        Name of the record it leaves; empty if it writes no folder of results.
    settings_of : str
        The stage whose settings it takes; empty if it takes none.
    module : str
        Module of the package in which its work begins, where that is hashed for a record.
    """

    verb: str
    help: str
    package: str
    record: str = ""
    settings_of: str = ""
    module: str = ""


def _has_images(dataset) -> bool:
    return dataset.source != "slices"


STAGES = (
    Stage(
        1, "tilt_series", "simulate", "tilt_series.json", "Tilt series",
        "make the tilt series of a phantom, with the truth kept",
        "Simulate", lambda dataset: dataset.source == "phantom", module="simulate",
    ),
    Stage(
        1, "tilt_series", "import", "tilt_series.json", "Tilt series",
        "read a tilt series from a microscope's files",
        "ImportSeries", lambda dataset: dataset.source == "tilt_series", module="import_series",
    ),
    Stage(
        2, "align", "align", "alignment.json", "Alignment",
        "align the tilt series: shifts, tilt-axis angle and offset",
        "Align", _has_images, stopping_point="aligned",
    ),
    Stage(
        3, "reconstruct", "reconstruct", "reconstruction.json", "Reconstruction",
        "reconstruct the volume by MLEM or OSEM",
        "Reconstruct", _has_images, stopping_point="volumes",
    ),
    Stage(
        4, "slices", "slices", "slices.json", "Slices",
        "export 8-bit slices and suggest which to annotate",
        "Slices", lambda dataset: True, stopping_point="slices_ready",
    ),
    Stage(
        5, "train", "train", "training.json", "Training",
        "train the U-Net on annotated slices",
        "Train", lambda dataset: dataset.trains, stopping_point="models", per_model=True,
    ),
    Stage(
        6, "predict", "predict", "prediction.json", "Segmentation",
        "segment all slices with a trained model",
        "Predict", lambda dataset: bool(dataset.model), stopping_point="segmented",
    ),
    Stage(
        7, "evaluate", "evaluate", "metrics.json", "Evaluation",
        "score a segmentation against annotated slices",
        "Evaluate", lambda dataset: bool(dataset.model and dataset.labels),
    ),
    Stage(
        8, "surfaces", "surfaces", "quantities.json", "Surfaces and quantities",
        "make surfaces, views and quantities",
        "Surfaces", lambda dataset: bool(dataset.model and dataset.is_volume),
    ),
    Stage(
        9, "report", "report", "provenance.json", "Report",
        "write one page with everything about a dataset",
        "Report", lambda dataset: True,
    ),
)  # fmt: skip

TOOLS = (
    Tool(
        "compare", "compare two models, or two annotations, image by image",
        "evaluate", record="comparison.json", settings_of="evaluate", module="compare",
    ),
    Tool("suggest", "rank the slices to annotate next, and say why", "slices"),
    Tool("annotate", "paint the labels of slices in napari, from a draft or from nothing",
         "annotate"),
    Tool("check", "check configuration, tables and data; estimate memory, disk and time", "plan"),
    Tool("verify", "check that every file in a results folder is what its record says", "plan"),
)  # fmt: skip

# `reconstruct --slices` writes a preview, which no later stage takes, with a record of its own.
_PREVIEW = "preview"

# The name of the record that each verb leaves, in pipeline order.
RECORDS = {
    **{stage.verb: stage.record for stage in STAGES},
    _PREVIEW: "preview.json",
    **{tool.verb: tool.record for tool in TOOLS if tool.record},
}

_BY_VERB = {stage.verb: stage for stage in STAGES}


def stage_of(verb: str) -> Stage:
    """Return the stage of a verb that the workflow runs."""
    return _BY_VERB[verb]


def module_of(verb: str) -> str:
    """Return the full name of the module in which the work of a recorded verb begins."""
    for tool in TOOLS:
        if tool.verb == verb:
            return f"catomo.{tool.package}.{tool.module}"
    stage = _BY_VERB["reconstruct" if verb == _PREVIEW else verb]
    return f"catomo.{stage.word}.{stage.module}"


def record_path(verb: str, name: str) -> str:
    """Return the path of a stage's record for a dataset, or for a model where it is run for one.

    Paths are relative to the folder in which the workflow runs.
    """
    stage = _BY_VERB[verb]
    owner = f"models/{name}" if stage.per_model else name
    return f"results/{owner}/{stage.folder}/{stage.record}"
