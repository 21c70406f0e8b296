"""The command line of `report`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path


def _arguments_report(parser) -> None:
    parser.add_argument("stages", type=Path, nargs="+", help="the stages' folders or records")
    parser.add_argument("--dataset", default="", help="the dataset's name, for the title")


def _report(options, settings) -> None:
    from catomo.report.stage import write_report

    write_report(options.stages, options.output, settings, options.dataset)


VERBS = {"report": (_arguments_report, _report)}
