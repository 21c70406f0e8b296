"""The command line of `export`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.export.settings import Export


def _arguments_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--aligned", type=Path, help="02_align (folder or its record)")
    parser.add_argument("--volume", type=Path, help="03_reconstruct (folder or its record)")
    parser.add_argument("--labels", type=Path, help="06_predict (folder or its record)")


def _export(options: argparse.Namespace, settings: Export) -> None:
    from catomo.export.stage import export

    export(
        options.output,
        settings,
        aligned=options.aligned,
        volume=options.volume,
        labels=options.labels,
    )


VERBS = {"export": (_arguments_export, _export)}
