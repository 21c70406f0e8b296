"""The table of stages: everything that is known of a stage before it runs, in pipeline order.

The command line, the records, the folders of results, the blocks of the configuration, the
titles on the page, the rules' stopping points and the tests all derive from `STAGES`. To add
a stage, write one entry here, one package ``catomo/<word>/`` and one rule file
``workflow/rules/<number>_<word>.smk``. It only names modules; whoever needs one imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class DatasetRow(Protocol):
    """What a stage may ask of a row of the table of datasets (`catomo.plan.datasets`)."""

    @property
    def source(self) -> str:
        """Where it begins: ``phantom``, ``tilt_series``, ``slices`` or ``segmentation``."""

    @property
    def labels(self) -> str:
        """Path of its labels, ``truth``, or empty."""

    @property
    def model(self) -> str:
        """Name or file of the model that segments it; empty for none."""

    @property
    def trains(self) -> bool:
        """Whether its labels train that model."""

    @property
    def is_volume(self) -> bool:
        """Whether its slices lie on top of each other, so that they make a volume."""


@dataclass(frozen=True, kw_only=True)
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
        Name of the record that it writes into its folder.
    title : str
        Heading on the page.
    help : str
        One line for the command line.
    settings : str
        Class of its settings in ``catomo.<word>.settings``.
    takes : callable
        Returns whether a row of the table of datasets passes through this stage.
    module : str
        Module of ``catomo.<word>`` in which its work begins.
    stopping_point : str
        Name of the workflow's target that ends with this stage; empty for none. Stages that do
        the same for different datasets share one.
    per_model : bool
        Whether it runs once for each model instead of once for each dataset.
    does_without : tuple of str
        Verbs of stages before it that its result does not depend on, not even through others.
    """

    number: int
    word: str
    verb: str
    record: str
    title: str
    help: str
    settings: str
    takes: Callable[[DatasetRow], bool]
    module: str = "stage"
    stopping_point: str = ""
    per_model: bool = False
    does_without: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of the folder of its results, such as ``02_align``."""
        return f"{self.number:02d}_{self.word}"

    @property
    def package(self) -> str:
        """The package whose module ``verbs`` runs it."""
        return self.word

    @property
    def settings_of(self) -> str:
        """The verb whose settings it takes: its own."""
        return self.verb


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A verb that is not a stage of the workflow.

    Attributes
    ----------
    verb, help : str
        As for `Stage`.
    package : str
        The package whose module ``verbs`` runs it.
    record : str
        Name of the record that it writes; empty if it writes no folder of results.
    settings_of : str
        The verb of the stage whose settings it takes; empty if it takes none.
    module : str
        Module of the package in which its work begins; empty if it writes no record.
    """

    verb: str
    help: str
    package: str
    record: str = ""
    settings_of: str = ""
    module: str = ""


def _every_dataset(_: DatasetRow) -> bool:
    return True


def _has_tilt_series(dataset: DatasetRow) -> bool:
    return dataset.source in ("phantom", "tilt_series")


def _is_segmented(dataset: DatasetRow) -> bool:
    return bool(dataset.model) or dataset.source == "segmentation"


STAGES = (
    Stage(
        number=1,
        word="tilt_series",
        verb="simulate",
        record="tilt_series.json",
        title="Tilt series",
        help="make the tilt series of a phantom, with the truth kept",
        settings="Simulate",
        takes=lambda dataset: dataset.source == "phantom",
        module="simulate",
    ),
    Stage(
        number=1,
        word="tilt_series",
        verb="import",
        record="tilt_series.json",
        title="Tilt series",
        help="read a tilt series from a microscope's files",
        settings="ImportSeries",
        takes=lambda dataset: dataset.source == "tilt_series",
        module="import_series",
    ),
    Stage(
        number=2,
        word="align",
        verb="align",
        record="alignment.json",
        title="Alignment",
        help="align the tilt series: shifts, tilt-axis angle and offset",
        settings="Align",
        takes=_has_tilt_series,
        stopping_point="aligned",
    ),
    Stage(
        number=3,
        word="reconstruct",
        verb="reconstruct",
        record="reconstruction.json",
        title="Reconstruction",
        help="reconstruct the volume by MLEM or OSEM",
        settings="Reconstruct",
        takes=_has_tilt_series,
        stopping_point="volumes",
    ),
    Stage(
        number=4,
        word="slices",
        verb="slices",
        record="slices.json",
        title="Slices",
        help="export 8-bit slices and suggest which to annotate",
        settings="Slices",
        takes=lambda dataset: dataset.source != "segmentation",
        stopping_point="slices_ready",
    ),
    Stage(
        number=5,
        word="train",
        verb="train",
        record="training.json",
        title="Training",
        help="train the U-Net on annotated slices",
        settings="Train",
        takes=lambda dataset: dataset.trains,
        stopping_point="models",
        per_model=True,
    ),
    Stage(
        number=6,
        word="predict",
        verb="predict",
        record="prediction.json",
        title="Segmentation",
        help="segment all slices with a trained model",
        settings="Predict",
        takes=lambda dataset: bool(dataset.model),
        stopping_point="segmented",
    ),
    Stage(
        number=6,
        word="segmentation",
        verb="segmentation",
        record="segmentation.json",
        title="Segmentation",
        help="take in a volume that another program has segmented",
        settings="Segmentation",
        takes=lambda dataset: dataset.source == "segmentation",
        stopping_point="segmented",
    ),
    Stage(
        number=7,
        word="evaluate",
        verb="evaluate",
        record="metrics.json",
        title="Evaluation",
        help="score a segmentation against annotated slices",
        settings="Evaluate",
        takes=lambda dataset: _is_segmented(dataset) and bool(dataset.labels),
    ),
    Stage(
        number=8,
        word="surfaces",
        verb="surfaces",
        record="quantities.json",
        title="Surfaces and quantities",
        help="make surfaces, views and quantities",
        settings="Surfaces",
        takes=lambda dataset: _is_segmented(dataset) and dataset.is_volume,
        does_without=("evaluate",),
    ),
    Stage(
        number=9,
        word="report",
        verb="report",
        record="provenance.json",
        title="Report",
        help="write one page with everything about a dataset",
        settings="Report",
        takes=_every_dataset,
    ),
    Stage(
        number=10,
        word="export",
        verb="export",
        record="export.json",
        title="Export",
        help="write results for other programs: MRC, OME-Zarr, NXtomo",
        settings="Export",
        takes=lambda dataset: _has_tilt_series(dataset) or bool(dataset.model),
        stopping_point="exported",
        does_without=("evaluate", "surfaces", "report"),
    ),
)

TOOLS = (
    Tool(verb="review", help="mend an alignment by eye, in the browser", package="align"),
    Tool(
        verb="compare",
        help="compare two models, or two annotations, image by image",
        package="evaluate",
        record="comparison.json",
        settings_of="evaluate",
        module="compare",
    ),
    Tool(verb="suggest", help="rank the slices to annotate next, and say why", package="slices"),
    Tool(
        verb="annotate", help="paint labels in napari, from a draft or nothing", package="annotate"
    ),
    Tool(
        verb="check",
        help="check configuration, tables and data; estimate memory, disk and time",
        package="plan",
    ),
    Tool(
        verb="verify",
        help="check that every file in a results folder is what its record says",
        package="plan",
    ),
    Tool(
        verb="summary",
        help="put the numbers of all datasets on one page, and compare their groups",
        package="summary",
        record="summary.json",
        module="stage",
    ),
    Tool(verb="prune", help="let large files of a dataset go on purpose", package="plan"),
)

# `reconstruct --slices` writes a preview for no later stage, with a record under this word.
_PREVIEW = "preview"

# The name of the record that each verb writes, in pipeline order.
RECORDS = {
    **{stage.verb: stage.record for stage in STAGES},
    _PREVIEW: "preview.json",
    **{tool.verb: tool.record for tool in TOOLS if tool.record},
}

_BY_VERB: dict[str, Stage | Tool] = {entry.verb: entry for entry in (*STAGES, *TOOLS)}
_STAGES_BY_VERB = {stage.verb: stage for stage in STAGES}


def stage_of(verb: str) -> Stage:
    """Return the stage of a verb that the workflow runs."""
    return _STAGES_BY_VERB[verb]


def module_of(verb: str) -> str:
    """Return the full name of the module in which the work of a verb in `RECORDS` begins."""
    entry = _BY_VERB["reconstruct" if verb == _PREVIEW else verb]
    return f"catomo.{entry.package}.{entry.module}"


def record_path(verb: str, name: str) -> str:
    """Return the path of a stage's record.

    Parameters
    ----------
    verb : str
    name : str
        Name of the dataset, or of the model for a stage that runs once for each model.

    Returns
    -------
    str
        Relative to the folder in which the workflow runs, with ``/`` on every system.
    """
    stage = stage_of(verb)
    owner = f"models/{name}" if stage.per_model else name
    return f"results/{owner}/{stage.folder}/{stage.record}"
