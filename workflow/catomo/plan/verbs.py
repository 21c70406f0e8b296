"""The command line of `check` and `verify`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def _arguments_check(parser: argparse.ArgumentParser) -> None:
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
        help="values that win over all files, as for snakemake: 'reconstruct={\"iterations\": 5}'",
    )


def _check(options: argparse.Namespace) -> None:
    from catomo.plan.check import check

    problems, lines = check(options.configfile, options.config)
    print("\n".join(lines + problems))
    if problems:
        sys.exit(1)


def _arguments_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results"))


def _verify(options: argparse.Namespace) -> None:
    from catomo.plan.check import verify

    print(verify(options.folder))


VERBS = {"check": (_arguments_check, _check), "verify": (_arguments_verify, _verify)}
