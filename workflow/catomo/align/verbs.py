"""The command line of `align`: arguments and the call; nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path


def _arguments_align(parser) -> None:
    parser.add_argument("tilt_series", type=Path, help="01_tilt_series (folder or its record)")
    parser.add_argument(
        "--apply", type=Path, help="a known alignment: alignment.json, or IMOD's .xf"
    )


def _align(options, settings) -> None:
    from catomo.align.stage import align

    align(options.tilt_series, options.output, settings, apply=options.apply)


VERBS = {"align": (_arguments_align, _align)}
