"""The whole configuration: `config/config.yaml` as one typed model, a block per stage."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from catomo.settings.align import Align
from catomo.settings.base import PhaseClass, Settings, classes_key, key
from catomo.settings.evaluate import Evaluate
from catomo.settings.predict import Predict
from catomo.settings.reconstruct import Reconstruct
from catomo.settings.report import Report
from catomo.settings.slices import Slices
from catomo.settings.surfaces import Surfaces
from catomo.settings.tilt_series import ImportSeries, Simulate
from catomo.settings.train import Train


class TiltSeries(Settings):
    """01 tilt_series: where a dataset begins, simulated or read from files."""

    model_config = ConfigDict(populate_by_name=True)

    simulate: Simulate = Field(Simulate(), description="for datasets with source phantom")
    import_: ImportSeries = Field(
        ImportSeries(), alias="import", description="for datasets with source tilt_series"
    )


class Config(Settings):
    """Everything in `config/config.yaml`."""

    datasets: str = key("config/datasets.tsv", "table of the datasets, relative to where you run")
    classes: list[PhaseClass] = classes_key()
    tilt_series: TiltSeries = Field(TiltSeries(), description=TiltSeries.__doc__)
    align: Align = Field(Align(), description=Align.__doc__)
    reconstruct: Reconstruct = Field(Reconstruct(), description=Reconstruct.__doc__)
    slices: Slices = Field(Slices(), description=Slices.__doc__)
    train: Train = Field(Train(), description=Train.__doc__)
    predict: Predict = Field(Predict(), description=Predict.__doc__)
    evaluate: Evaluate = Field(Evaluate(), description=Evaluate.__doc__)
    surfaces: Surfaces = Field(Surfaces(), description=Surfaces.__doc__)
    report: Report = Field(Report(), description=Report.__doc__)
    overrides: dict[str, dict[str, dict]] = key(
        {},
        "settings of one dataset (or, for train, of one model): overrides.<dataset>.<stage>.<key>",
    )


# The verb of each stage and the model of its settings.
SETTINGS: dict[str, type[Settings]] = {
    "simulate": Simulate,
    "import": ImportSeries,
    "align": Align,
    "reconstruct": Reconstruct,
    "slices": Slices,
    "train": Train,
    "predict": Predict,
    "evaluate": Evaluate,
    "surfaces": Surfaces,
    "report": Report,
}

# The place of each verb's settings in the configuration.
BLOCKS: dict[str, tuple[str, ...]] = {
    "simulate": ("tilt_series", "simulate"),
    "import": ("tilt_series", "import"),
    **{verb: (verb,) for verb in SETTINGS if verb not in ("simulate", "import")},
}
