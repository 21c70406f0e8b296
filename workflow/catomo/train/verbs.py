"""The command line of `train`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
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


def _train(options: Namespace, settings: Train) -> None:
    from catomo.train.stage import train

    train(options.dataset, options.output, settings)


VERBS = {"train": (_arguments_train, _train)}
