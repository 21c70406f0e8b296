"""The command line of `train`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.train.settings import Train


def _arguments_train(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--dataset",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "SLICES", "LABELS"),
        help="a dataset's name, its 04_slices and its labels ('truth' for a phantom); repeatable",
    )
    parser.add_argument(
        "--init-from",
        type=Path,
        help="05_train or a .keras file to start from (as train.init_from)",
    )


def _train(options: Namespace, settings: Train) -> None:
    from catomo.train.stage import train

    train(options.dataset, options.output, settings, init_from=options.init_from)


VERBS = {"train": (_arguments_train, _train)}
