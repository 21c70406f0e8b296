"""The command line of `simulate` and `import`: arguments and the call, without heavy imports."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.tilt_series.settings import ImportSeries, Simulate


def _arguments_simulate(parser: ArgumentParser) -> None:
    parser.add_argument("specimen", type=Path, help="the phantom's YAML file")


def _simulate(options: Namespace, settings: Simulate) -> None:
    from catomo.tilt_series.simulate import simulate

    simulate(options.specimen, options.output, settings)


def _arguments_import(parser: ArgumentParser) -> None:
    parser.add_argument("series", type=Path, help="tilt series: a file, or a folder of images")
    parser.add_argument("--angles", type=Path, help="tilt angles: .rawtlt, .tlt or .mdoc")
    parser.add_argument("--pixel-size-nm", type=float, help="pixel size in nm")


def _import(options: Namespace, settings: ImportSeries) -> None:
    from catomo.tilt_series.import_series import import_tilt_series

    import_tilt_series(
        options.series, options.output, settings, options.angles, options.pixel_size_nm
    )


VERBS = {"simulate": (_arguments_simulate, _simulate), "import": (_arguments_import, _import)}
