"""The command line of `check`, `verify` and `prune`; nothing heavy is imported before they run."""

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


def _arguments_prune(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", help="its tilt series and aligned images are removed")
    parser.add_argument(
        "--volumes", action="store_true", help="remove its volume, too, and a phantom's density"
    )


def _prune(options: argparse.Namespace) -> None:
    from catomo.plan.prune import prune

    print(prune(options.dataset, options.volumes))


VERBS = {
    "check": (_arguments_check, _check),
    "verify": (_arguments_verify, _verify),
    "prune": (_arguments_prune, _prune),
}
