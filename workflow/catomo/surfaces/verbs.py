"""The command line of `surfaces`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path


def _arguments_surfaces(parser) -> None:
    parser.add_argument("prediction", type=Path, help="06_predict (folder or its record)")


def _surfaces(options, settings) -> None:
    from catomo.surfaces.stage import make_surfaces

    make_surfaces(options.prediction, options.output, settings)


VERBS = {"surfaces": (_arguments_surfaces, _surfaces)}
