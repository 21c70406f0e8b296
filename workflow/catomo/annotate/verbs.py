"""The command line of `annotate`; nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def _arguments_annotate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slices", type=Path, help="04_slices (folder or its record)")
    parser.add_argument("--labels", type=Path, required=True, help="your folder of labels")
    parser.add_argument("--prediction", type=Path, help="06_predict, for draft labels")
    parser.add_argument(
        "--slice", nargs="+", metavar="NAME", help="which (default: suggested and annotated ones)"
    )
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="files that give the classes titles and colours, beside config/config.yaml",
    )


def _annotate(options: argparse.Namespace) -> None:
    from catomo.annotate.napari_window import annotate

    annotate(
        options.slices,
        options.labels,
        options.slice,
        options.prediction,
        configfiles=options.configfile,
    )


VERBS = {"annotate": (_arguments_annotate, _annotate)}
