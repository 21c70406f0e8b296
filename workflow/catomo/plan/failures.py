"""Why the jobs of a run failed: one line for each, read from Snakemake's log and the jobs' logs.

A stage that a person's mistake ends says so in one line of its own. What ends without such a line
was killed, found no room on the disk, or was never started; the last thing it said is then no
reason, so signals, the disk and what the executor says are asked instead.
"""

from __future__ import annotations

import re
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import printable
from catomo.record.lock import peak_of_killed

if TYPE_CHECKING:
    from catomo.plan.plan import Plan

_WORD = r"('[^'\n]*'|[^\s']+)"
_COMMAND = re.compile(
    rf'"\$CATOMO_PACKAGE" (\w+) [^\n]*?--output {_WORD} [^\n]*> {_WORD} 2>&1(?P<rest>[^\n]*)'
)
_STATUS = re.compile(r"returned non-zero exit status (\d+)|died with <Signals\.\w+: (\d+)>")
# What an executor says may have empty lines; the command ends what is said of a job.
_BLOCK = re.compile(
    r"Error in rule \w+[^\n]*:\n(.*?)(?=\(command exited with non-zero|\nError in rule |\Z)", re.S
)
_OF_PERSON = re.compile(r"catomo \w+: .+")
_OF_ERROR = re.compile(
    r"\b\w*(Error|Exception|Interrupt)\b|No space left|command not found|Killed|[Ee]rror:|cannot "
)
_FULL = re.compile(r"[Nn]o space (is )?left|Disk quota exceeded")
_LEAST_FREE = 1_000_000  # bytes; below it a disk is full
# Signals that a process gets, or gives itself, when memory runs out.
_OF_MEMORY = ("SIGKILL", "SIGABRT", "SIGSEGV", "SIGBUS")


@dataclass
class Failure:
    """A job that failed.

    Attributes
    ----------
    verb : str
    record : str
        Path of the record that it did not write.
    log : str
        Path of its log.
    signal : int
        The one that ended it; 0 if none is known.
    executor : str
        What the executor says, as of a cluster.
    """

    verb: str
    record: str
    log: str
    signal: int = 0
    executor: str = ""


def failures_in(log: str) -> list[Failure]:
    """Return the jobs that failed, from the text of Snakemake's log; none that a retry has done."""
    found: dict[str, Failure] = {}
    for line in log.splitlines():
        if line.startswith("Command '"):
            failure = _of_command(line, found)
            status = _STATUS.search(line)
            if failure and status:
                number = int(status[1]) - 128 if status[1] else int(status[2])
                # A shell says 128 + the number of a signal; 255 is no signal but -1.
                failure.signal = number if number in signal.valid_signals() else 0
    for block in _BLOCK.finditer(log):
        failure = _of_command(block[1], found)
        if not failure:
            continue
        if _is_done_later(block[1], log[block.start() :]):
            del found[failure.log]
            continue
        said = re.search(
            r"    message: (.+?)(?=\n    (?:jobid|input|output|log):|\Z)", block[1], re.S
        )
        if said and said[1].strip() != "None":
            failure.executor = _reason_of(said[1])
    return list(found.values())


def _is_done_later(block: str, rest: str) -> bool:
    """Return whether the job that a block tells of has finished in the rest of the log."""
    job = re.search(r"^    jobid: (\d+)$", block, re.M)
    return bool(job and re.search(rf"^Finished jobid: {job[1]}\b", rest, re.M))


def _of_command(text: str, found: dict[str, Failure]) -> Failure | None:
    """Return the failure of the command in a text, a new one or the one already found."""
    command = _COMMAND.search(text)
    if not command:
        return None
    verb, record, log = (part.strip("'") for part in command.groups()[:3])
    return found.setdefault(log, Failure(verb, record, log))


def _reason_of(message: str) -> str:
    """Return the reason in what an executor says, as one line."""
    told = re.search(r"error message was '(.+?)'", message, re.S)
    text = told[1] if told else message.partition("For further error details")[0]
    return " ".join(text.split())


def line_of(failure: Failure, asked_mb: int = 0, plan: Plan | None = None) -> str:
    """Return why a job failed, in one line.

    Parameters
    ----------
    failure : Failure
    asked_mb : int
        The memory that was reserved for it; 0 if that is not known.
    plan : Plan, optional
        Where it is given and the disk is full, the line says how much room the stage needs.
    """
    log = Path(failure.log)
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    of_person = [line for line in lines if _OF_PERSON.fullmatch(line)]
    of_error = [line for line in lines if _OF_ERROR.search(line)]
    if of_person and not failure.signal:
        line = of_person[-1]
    elif failure.signal:
        line = _of_signal(failure, asked_mb)
    elif (_is_full(log) or _is_full(Path(failure.record))) and not of_error:
        line = f"catomo {failure.verb}: No space left on the disk of {log.parent}"
    elif of_error:
        line = of_error[-1]
    elif failure.executor:
        line = f"catomo {failure.verb}: {failure.executor}"
    else:
        line = f"catomo {failure.verb}: ended without a message"
    if plan is not None and _FULL.search(line):
        need = ""
        with suppress(Exception):  # what is wrong with the data must not hide the full disk
            need = _disk_needed(plan, failure)
        line += f"; the stage needs about {need} there" if need else ""
    return printable(line)


def _of_signal(failure: Failure, asked_mb: int) -> str:
    try:
        name = signal.Signals(failure.signal).name
    except ValueError:
        name = "unknown"
    line = f"catomo {failure.verb}: was killed by signal {failure.signal} ({name})"
    if name not in _OF_MEMORY:
        return line
    seen = peak_of_killed(Path(failure.record).parent, failure.verb)
    amounts = [f"{asked_mb} MB were asked for"] if asked_mb else []
    amounts += [f"{seen} MB were in use at most"] if seen else []
    return f"{line}, perhaps because memory ran out" + (
        f" ({', '.join(amounts)})" if amounts else ""
    )


def _is_full(path: Path) -> bool:
    for folder in path.absolute().parents:
        if folder.is_dir():
            return shutil.disk_usage(folder).free < _LEAST_FREE
    return False


def _disk_needed(plan: Plan, failure: Failure) -> str:
    """Return how much disk `check` estimates for a stage; empty if it has no estimate."""
    from catomo.plan.check import data_problems
    from catomo.plan.costs import costs

    name = Path(failure.record).parent.parent.name
    datasets = [plan.datasets[name]] if name in plan.datasets else plan.trainers(name)
    for dataset in datasets[:1]:
        _, data, _ = data_problems(dataset, plan)
        for cost in costs(dataset, plan, data) if data else []:
            if cost.stage == failure.verb:
                return f"{cost.disk / 1e9:.2f} GB"
    return ""
