"""The command line of `segmentation`; nothing heavy is imported before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catomo.segmentation.settings import Segmentation


def _arguments_segmentation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "segmentation", type=Path, help="a volume of labels: a file or a folder of images"
    )
    parser.add_argument(
        "--pixel-size-nm", type=float, help="pixel size in nm (default: the file's)"
    )


def _segmentation(options: argparse.Namespace, settings: Segmentation) -> None:
    from catomo.segmentation.stage import take_segmentation

    take_segmentation(
        options.segmentation, options.output, settings, pixel_size_nm=options.pixel_size_nm
    )


VERBS = {"segmentation": (_arguments_segmentation, _segmentation)}
