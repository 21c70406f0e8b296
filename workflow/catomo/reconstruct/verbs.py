"""The command line of `reconstruct`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.reconstruct.settings import Reconstruct


def _arguments_reconstruct(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("alignment", type=Path, help="02_align (folder or its record)")
    parser.add_argument("--truth", type=Path, help="01_tilt_series of a phantom, to compare with")
    parser.add_argument(
        "--slices",
        type=_range,
        metavar="A-B",
        help="preview these slices only, first and last: writes preview.tif",
    )


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit()):
        raise argparse.ArgumentTypeError("give the first and the last slice, such as 100-120")
    return int(first), int(last)


def _reconstruct(options: argparse.Namespace, settings: Reconstruct) -> None:
    from catomo.reconstruct.stage import reconstruct

    reconstruct(
        options.alignment, options.output, settings, truth=options.truth, slices=options.slices
    )


VERBS = {"reconstruct": (_arguments_reconstruct, _reconstruct)}
