"""The command line of `evaluate` and `compare`; nothing heavy is imported before they run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.evaluate.settings import Evaluate


def _arguments_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prediction", type=Path, help="06_predict or 06_segmentation (folder or its record)"
    )
    parser.add_argument("--slices", type=Path, help="04_slices, with 06_predict")
    parser.add_argument("--labels", required=True, help="labels: folder, stack, or 'truth'")
    parser.add_argument("--training", type=Path, help="05_train, to score its test slices only")


def _evaluate(options: argparse.Namespace, settings: Evaluate) -> None:
    from catomo.evaluate.stage import evaluate

    evaluate(
        options.prediction,
        options.slices,
        options.labels,
        options.output,
        settings,
        training=options.training,
    )


def _arguments_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("one", help="07_evaluate; with --slices, labels: folder, stack, or 'truth'")
    parser.add_argument("other", help="another of the same kind")
    parser.add_argument(
        "--slices", type=Path, help="04_slices: compare two annotations of these slices"
    )


def _compare(options: argparse.Namespace, settings: Evaluate) -> None:
    from catomo.evaluate.compare import compare

    compare(options.one, options.other, options.output, settings, slices=options.slices)


VERBS = {"evaluate": (_arguments_evaluate, _evaluate), "compare": (_arguments_compare, _compare)}
