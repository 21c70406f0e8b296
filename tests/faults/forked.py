"""Commands of Python in processes that have imported Snakemake already: each starts at once.

Each is a process of its own, forked from one that has done nothing but import. It has a number and
can be killed like any other. The stages that Snakemake starts are whole new processes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

_WORKFLOW = Path(__file__).parents[2] / "workflow"


class Run:
    """A command that runs.

    Attributes
    ----------
    pid : int
    """

    def __init__(self, folder: Path, command: Sequence[str], environment: dict[str, str]):
        self._said = folder.with_name(f"{folder.name}.said")
        self._said.unlink(missing_ok=True)
        self._process = _context().Process(
            target=_do, args=(folder, tuple(command), environment, self._said)
        )
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def is_over(self) -> bool:
        """Return whether it has ended."""
        return not self._process.is_alive()

    def wait(self) -> tuple[int, str]:
        """Wait until it has ended; return its status and what it said."""
        self._process.join()
        said = self._said.read_text(errors="replace") if self._said.exists() else ""
        assert self._process.exitcode is not None
        return self._process.exitcode, said


_made: list[ForkServerContext] = []


def _context() -> ForkServerContext:
    """Return what starts processes; the one that they are forked from is started once."""
    if not _made:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["faults.ready"])
        # The process they are forked from takes where modules lie from the environment alone.
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(
            map(str, [_WORKFLOW, _WORKFLOW.parent / "tests"])
        )
        try:
            multiprocessing.forkserver.ensure_running()
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before
        _made.append(context)
    return _made[0]


def _do(folder: Path, command: tuple[str, ...], environment: dict[str, str], said: Path) -> None:
    """Run a command of Python in a folder; all that it says goes to a file."""
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(file, number)
    os.setsid()
    os.chdir(folder)
    os.environ.update({"NO_COLOR": "1", **environment})
    sys.argv = list(command)
    status: object = 0
    try:
        if command[0] == "catomo":
            from catomo.cli import main

            main(list(command[1:]))
        else:
            from snakemake.cli import main as main_of_snakemake

            main_of_snakemake(list(command[1:]))
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(status or 0) if isinstance(status, int | None) else 1)
