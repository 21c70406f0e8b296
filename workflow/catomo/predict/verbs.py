"""The command line of `predict`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.predict.settings import Predict


def _arguments_predict(parser: ArgumentParser) -> None:
    parser.add_argument("slices", type=Path, help="04_slices (folder or its record)")
    parser.add_argument("--model", type=Path, required=True, help="05_train or a .keras file")


def _predict(options: Namespace, settings: Predict) -> None:
    from catomo.predict.stage import predict

    predict(options.slices, options.model, options.output, settings)


VERBS = {"predict": (_arguments_predict, _predict)}
