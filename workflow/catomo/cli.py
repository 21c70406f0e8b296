"""The command line: one verb per stage, each reading folders and writing one folder.

Nothing heavy is imported before a verb is chosen, and nothing is computed here. The verbs are
those of `catomo.stages`; each package's module ``verbs`` adds their arguments and runs them.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from catomo import __version__
from catomo.errors import (
    DISK_FULL,
    EXTRAS,
    NO_TEMPORARY,
    OUT_OF_MEMORY,
    UNFORESEEN,
    UserError,
    line_of,
    problem_of_system,
)
from catomo.stages import STAGES, TOOLS, stage_of

if TYPE_CHECKING:
    from catomo.settings.base import Settings


def main(arguments: list[str] | None = None) -> None:
    """Run one verb; print a user's mistake as one line and exit with status 1.

    Parameters
    ----------
    arguments : list of str, optional
        Verb, arguments and options; by default those of the process.
    """
    options = parser().parse_args(arguments)
    if problem := problem_of_system():
        print(f"catomo {options.verb}: {problem}", file=sys.stderr)
        sys.exit(1)
    _prepare(options)
    with suppress(ValueError):  # not the main thread, whose business signals are
        signal.signal(signal.SIGTERM, _end)
    try:
        if "settings" in options:
            options.run(options, _settings(options))
        else:
            options.run(options)
    except UserError as error:
        print(f"catomo {options.verb}: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        advice = f"pip install 'catomo[{EXTRAS[error.name]}]'"
        print(f"catomo {options.verb}: {error.name} is not installed; {advice}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        told = _of_machine(error) or f"{line_of(error)} ({_place(error)})"
        print(f"catomo {options.verb}: {told}", file=sys.stderr)
        sys.exit(1)


def _end(number: int, _frame: object) -> None:
    """End like a stage that failed, so that its lock and its partial folder go, too."""
    sys.exit(128 + number)


def _of_machine(error: Exception) -> str:
    """Return what the machine lacks, memory or disk, and the way out; empty for other errors."""
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    if (
        isinstance(error, MemoryError)
        or number == errno.ENOMEM
        or any(sign in text for sign in ("failed to map segment", "annot allocate memory"))
    ):
        return OUT_OF_MEMORY
    if "No usable temporary directory" in text:
        return (
            f"{NO_TEMPORARY} ({' '.join(text.split())}); make room there, or "
            "set TMPDIR to another folder"
        )
    # NumPy says how much it has written, and no more.
    if (
        number in (errno.ENOSPC, errno.EDQUOT)
        or "No space left on device" in text
        or re.search(r"\d+ requested and \d+ written", text)
    ):
        name = getattr(error, "filename", None)
        of_file = f" of {name}" if isinstance(name, str) else ""
        return (
            f"{DISK_FULL}{of_file}; make room ('catomo check' estimates how much a "
            "stage needs) and run again"
        )
    return ""


def _place(error: Exception) -> str:
    """Return where in catomo an error that nobody foresaw arose, and how to see more of it."""
    package = Path(__file__).parent
    frames = traceback.extract_tb(error.__traceback__)
    last = [frame for frame in frames if Path(frame.filename).is_relative_to(package)][-1]
    where = Path(last.filename).relative_to(package.parent).as_posix()
    return f"in {where} line {last.lineno}; {UNFORESEEN}"


def helps() -> dict[str, str]:
    """Return the one line of help of each verb: the stages in pipeline order, then the tools."""
    stages = {stage.verb: f"{stage.number:02d} {stage.help}" for stage in STAGES}
    return stages | {tool.verb: tool.help for tool in TOOLS}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with all verbs and their options."""
    result = argparse.ArgumentParser(
        prog="catomo",
        description="From an electron-tomography tilt series to numbers and surfaces.",
    )
    result.add_argument("--version", action="version", version=f"catomo {__version__}")
    verbs = result.add_subparsers(dest="verb", required=True, metavar="VERB")
    lines = helps()
    for entry in (*STAGES, *TOOLS):
        add_arguments, run = import_module(f"catomo.{entry.package}.verbs").VERBS[entry.verb]
        text = lines[entry.verb]
        of_verb = verbs.add_parser(entry.verb, help=text, description=text)
        of_verb.set_defaults(run=run, settings_of=entry.settings_of)
        add_arguments(of_verb)
        if entry.settings_of:
            _add_stage_options(of_verb)
    return result


def _add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every verb that has settings and writes a folder of results."""
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write (or its record in it)"
    )
    parser.add_argument(
        "--settings",
        default="{}",
        help="settings as JSON text or as a YAML file (default: all defaults)",
    )
    parser.add_argument(
        "--threads", type=int, default=0, help="cores to use; never changes a result"
    )


def _prepare(options: argparse.Namespace) -> None:
    """Set the environment variables that libraries read once, when they are imported."""
    threads = getattr(options, "threads", 0)
    if threads:
        for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(threads)
    # The threads of a BLAS library share a sum among them, so its last digit would depend on
    # their number. Nothing that takes long is computed there.
    for name in ("OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_THREADS"] = "1"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(".catomo/numba").resolve()))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _settings(options: argparse.Namespace) -> Settings:
    """Return the checked settings of a verb, from JSON text or a YAML file."""
    from pydantic import ValidationError

    from catomo.settings.base import settings_model
    from catomo.settings.blocks import parse_blocks, read_blocks
    from catomo.settings.problems import lines_of

    given = options.settings
    if given.lstrip().startswith("{"):
        where, content = "--settings ", parse_blocks(given, "--settings")
    else:
        where, content = f"{given}: ", read_blocks(given, "give JSON or a file")
    model = settings_model(stage_of(options.settings_of))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise UserError("; ".join(lines_of(error, model, where))) from None
