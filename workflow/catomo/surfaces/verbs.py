"""The command line of `surfaces`; nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.surfaces.settings import Surfaces


def _arguments_surfaces(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prediction", type=Path, help="06_predict (folder or its record)")


def _surfaces(options: argparse.Namespace, settings: Surfaces) -> None:
    from catomo.surfaces.stage import make_surfaces

    make_surfaces(options.prediction, options.output, settings)


VERBS = {"surfaces": (_arguments_surfaces, _surfaces)}
