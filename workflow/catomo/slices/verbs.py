"""The command line of `slices` and `suggest`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError

if TYPE_CHECKING:
    from catomo.slices.settings import Slices


def _arguments_slices(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--volume", type=Path, help="03_reconstruct (folder or its record)")
    group.add_argument(
        "--stack", type=Path, help="reconstructed slices: a file or a folder of images"
    )
    parser.add_argument("--truth", type=Path, help="01_tilt_series of a phantom, for its labels")
    parser.add_argument("--pixel-size-nm", type=float, help="pixel size in nm of --stack")
    parser.add_argument(
        "--labels", type=Path, help="a person's labels, to check them against the slices"
    )
    parser.add_argument(
        "--shares-model",
        action="store_true",
        help="its model learns from other datasets, too, which may show what these labels lack",
    )
    parser.add_argument("--dataset", default="DATASET", help="the dataset's name, for advice")


def _slices(options: argparse.Namespace, settings: Slices) -> None:
    from catomo.slices import stage

    if options.volume:
        stage.slices_of_reconstruction(
            options.volume,
            options.output,
            settings,
            options.dataset,
            truth=options.truth,
            given=stage.Given(options.pixel_size_nm, options.labels),
        )
    elif options.truth:
        raise UserError(
            "--truth: belongs to --volume, the reconstruction of a phantom; leave it out"
        )
    elif options.pixel_size_nm is None:
        raise UserError("--pixel-size-nm: is missing; give the pixel size of the stack in nm")
    else:
        stage.slices_of_stack(
            options.stack,
            options.output,
            settings,
            options.dataset,
            options.pixel_size_nm,
            labels=options.labels,
            shares_model=options.shares_model,
        )


def _arguments_suggest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slices", type=Path, help="04_slices (folder or its record)")
    parser.add_argument("--labels", help="what is annotated already: folder, stack, or 'truth'")
    parser.add_argument(
        "--prediction", type=Path, help="06_predict: go by where its model is unsure"
    )
    parser.add_argument("--count", type=int, default=5, help="how many to name")


def _suggest(options: argparse.Namespace) -> None:
    from catomo.slices.suggest import suggest_next

    print(
        "\n".join(suggest_next(options.slices, options.count, options.labels, options.prediction))
    )


VERBS = {"slices": (_arguments_slices, _slices), "suggest": (_arguments_suggest, _suggest)}
