"""The command line of `report`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.report.settings import Report


def _arguments_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stages", type=Path, nargs="+", help="the stages' folders or records")
    parser.add_argument("--dataset", default="", help="the dataset's name, for the title")
    parser.add_argument(
        "--crate",
        action="store_true",
        help="describe the folder above --output, that of the dataset, as an RO-Crate",
    )


def _report(options: argparse.Namespace, settings: Report) -> None:
    from catomo.report.stage import write_report

    write_report(options.stages, options.output, settings, options.dataset, options.crate)


VERBS = {"report": (_arguments_report, _report)}
