"""The command line of `surfaces`; nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError

if TYPE_CHECKING:
    from catomo.surfaces.settings import Surfaces


def _arguments_surfaces(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument(
        "prediction",
        type=Path,
        nargs="?",
        help="06_predict or 06_segmentation (folder or its record)",
    )
    group.add_argument(
        "--labels", type=Path, help="instead, a volume of labels that any program has made"
    )
    parser.add_argument(
        "--review",
        type=Path,
        help="decisions on single particles, as the page exports them; not with --labels",
    )
    parser.add_argument(
        "--pixel-size-nm", type=float, help="pixel size in nm, with --labels (default: the file's)"
    )
    parser.add_argument(
        "--trust-given", action="store_true", help="use that size even where the file has another"
    )
    parser.add_argument(
        "--resample",
        action="store_true",
        help="bring voxels of --labels that are no cubes to cubes, with the nearest label",
    )


def _surfaces(options: argparse.Namespace, settings: Surfaces) -> None:
    if options.labels is None:
        for name in ("pixel_size_nm", "trust_given", "resample"):
            if getattr(options, name):
                raise UserError(
                    f"--{name.replace('_', '-')}: is for --labels; the record of "
                    f"{options.prediction} holds the scale, leave it out"
                )
        from catomo.surfaces.stage import make_surfaces

        make_surfaces(options.prediction, options.output, settings, options.review)
        return
    if options.review:
        raise UserError(
            "--review: its decisions are on the labels of a stage; leave it out, or give the "
            "stage's folder instead of --labels"
        )
    from catomo.surfaces.of_labels import surfaces_of_labels

    surfaces_of_labels(
        options.labels,
        options.output,
        settings,
        options.pixel_size_nm,
        trust_given=options.trust_given,
        resample=options.resample,
    )


VERBS = {"surfaces": (_arguments_surfaces, _surfaces)}
