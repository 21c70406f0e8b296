"""The command line of `align`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.align.settings import Align


def _arguments_align(parser: ArgumentParser) -> None:
    parser.add_argument("tilt_series", type=Path, help="01_tilt_series (folder or its record)")
    parser.add_argument(
        "--apply", type=Path, help="a known alignment: alignment.json, or IMOD's .xf"
    )


def _align(options: Namespace, settings: Align) -> None:
    from catomo.align.stage import align

    align(options.tilt_series, options.output, settings, apply=options.apply)


def _arguments_review(parser: ArgumentParser) -> None:
    parser.add_argument("alignment", type=Path, help="02_align (folder or its record)")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("alignment.review.html"),
        help="the page to write (default: alignment.review.html here)",
    )
    parser.add_argument(
        "--tilt-series", type=Path, help="its 01_tilt_series, if that is not the folder beside it"
    )


def _review(options: Namespace) -> None:
    from catomo.align.review_page import write_review_page

    write_review_page(options.alignment, options.output, options.tilt_series)


VERBS = {"align": (_arguments_align, _align), "review": (_arguments_review, _review)}
