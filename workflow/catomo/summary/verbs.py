"""The command line of `summary`; nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def _arguments_summary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="configuration files merged into config/config.yaml, as for snakemake",
    )
    parser.add_argument(
        "--config",
        "-C",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="values that win over all files, as for snakemake",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("results"),
        help="the folder of results, or the summary's record in it (default: results)",
    )
    parser.add_argument(
        "--datasets",
        metavar="JSON",
        help="the datasets, instead of those of configuration and table; the workflow gives them "
        "so",
    )


def _summary(options: argparse.Namespace) -> None:
    from catomo.errors import UserError
    from catomo.plan.given import values_of
    from catomo.plan.plan import DEFAULT_CONFIG, load_plan
    from catomo.summary.planned import reasons_of, summary_of, unlike_plan_of
    from catomo.summary.settings import Summary
    from catomo.summary.stage import write_summary

    if options.datasets:
        write_summary(options.output, Summary.model_validate_json(options.datasets))
        return
    default = [Path(DEFAULT_CONFIG)] if Path(DEFAULT_CONFIG).is_file() else []
    plan, problems = load_plan([*default, *options.configfile], values_of(options.config))
    if problems:
        raise UserError("; ".join(problems))
    settings = summary_of(plan)
    write_summary(options.output, settings, reasons_of(settings) | unlike_plan_of(settings, plan))


VERBS = {"summary": (_arguments_summary, _summary)}
