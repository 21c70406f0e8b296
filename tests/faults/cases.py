"""The faults: each is done to a copy of whole results and says what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from faults.place import RECORDS, ROOT, Place
from faults.processes import (
    find_stage,
    kill,
    wait_for_stage,
    wait_until_ended,
    wait_until_it_took,
    wait_until_it_writes,
)
from faults.seen import Seen, Skipped, line_in, settle


def kill_at(place: Place, verb: str, what: str, moment: float | None = None) -> Seen:
    """Kill a stage, snakemake, or both, a while after the stage began.

    Parameters
    ----------
    place : Place
    verb : str
    what : str
        ``stage``, ``snakemake`` or ``both``.
    moment : float, optional
        After which part of the time of processors that the stage took in the base; without it
        when it begins to move its files into its folder.
    """
    seen, before = Seen(), place.hashes()
    record = place.folder / RECORDS[verb]
    record.unlink()
    run = place.start(RECORDS[verb])
    stage = wait_for_stage(place.folder, verb, run)
    if moment is None:
        wait_until_it_writes(stage, record.parent)
    else:
        wait_until_it_took(stage, moment * place.cost(verb).seconds)
    if what in ("snakemake", "both"):
        kill(run.pid)
    if what in ("stage", "both") and stage:
        kill(stage)
    status, said = run.wait()
    if what == "stage":
        seen.line = line_in(said)
        is_told = "was killed by signal 9 (SIGKILL), perhaps because memory ran out" in seen.line
        seen.check(is_told or status == 0, f"no clear line: {said[-200:]}")
    elif status:
        place.snakemake("--unlock")
    if what == "snakemake" and (orphans := find_stage(place.folder, verb)):
        _, said = place.snakemake(RECORDS[verb])
        refused = "another catomo writes here since" in said
        seen.line = line_in(said)
        seen.check(refused or not find_stage(place.folder, verb), "two processes on one folder")
        wait_until_ended(orphans)
    settle(place, seen, before, verb)
    return seen


def damage(place: Place, verb: str, how: Callable[[Path], None], name: str = "") -> Seen:
    """Damage a file of a stage, or its record; `verify` names it, and its advice helps."""
    seen, before = Seen(), place.hashes()
    record = place.folder / RECORDS[verb]
    path = record.with_name(name) if name else record
    how(path)
    status, seen.line = place.verified()
    seen.line = seen.line.strip()
    seen.check(status == 1 and path.name in seen.line, "not found by verify")
    record.unlink(missing_ok=True)  # "delete it and run the stage again"
    settle(place, seen, before, verb)
    return seen


def cut(path: Path) -> None:
    """Leave the first half of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(path: Path) -> None:
    """Change one digit in the middle of a record, so that it stays a record."""
    text = path.read_text()
    place = text.index('"bytes": ') + len('"bytes": ')
    path.write_text(f"{text[:place]}{9 - int(text[place]) or 1}{text[place + 1 :]}")


def lose(place: Place, verb: str) -> Seen:
    """Remove the whole folder of a stage."""
    seen, before = Seen(), place.hashes()
    for path in sorted((place.folder / RECORDS[verb]).parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    _, seen.line = place.verified()
    settle(place, seen, before, verb)
    return seen


def failing_stage(
    place: Place, verb: str, environment: dict[str, str], words: tuple[str, ...]
) -> Seen:
    """Run a stage again in an environment in which it must fail with one of some words."""
    seen, before = Seen(), place.hashes()
    (place.folder / RECORDS[verb]).unlink()
    status, said = place.snakemake(RECORDS[verb], environment=environment)
    # Where it is Snakemake itself that cannot go on, there is no job that failed.
    of_snakemake = [x.strip() for x in said.splitlines() if any(word in x for word in words)]
    seen.line = line_in(said) or (of_snakemake or [""])[-1]
    seen.check(status != 0, "did not fail")
    seen.check(any(word in seen.line for word in words), f"no clear line: {seen.line}")
    settle(place, seen, before, verb)
    return seen


def disk_full(place: Place, verb: str) -> Seen:
    """Put the folder of a stage on a disk of 16 kB."""
    folder = (place.folder / RECORDS[verb]).parent
    seen, before = Seen(), place.hashes()
    # The hidden list of the stage's files stays below: it lay on the disk before that was full.
    names = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".files"]
    content = {path: path.read_bytes() for path in names}
    for path in names:
        path.unlink()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        for path, text in content.items():
            path.write_bytes(text)
        raise Skipped("a small disk can only be mounted by root")
    try:
        (folder / "of a person").touch()  # Snakemake removes empty folders, no mounted one
        status, said = place.snakemake(RECORDS[verb])
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    seen.line = line_in(said)
    seen.check(status != 0, "did not fail")
    seen.check("o space left on the disk" in seen.line, f"no clear line: {seen.line}")
    settle(place, seen, before, verb)
    return seen


def temporary_full(place: Place, verb: str) -> Seen:
    """Give a stage a temporary folder without room."""
    folder = place.folder / "tmp"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        raise Skipped("a small disk can only be mounted by root")
    try:
        (folder / "full").write_bytes(bytes(4096))
        words = (f"{folder}: no temporary file can be written there",)
        return failing_stage(place, verb, {"TMPDIR": str(folder)}, words)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def command_of(place: Place, verb: str) -> str:
    """Return the command of a stage, as a person would type it."""
    _, shown = place.snakemake("--dry-run", "--printshellcmds", "--force", RECORDS[verb])
    start = '"$CATOMO_PYTHON"'
    [command] = [x for x in shown.splitlines() if f'{start} "$CATOMO_PACKAGE" {verb} ' in x][:1]
    return command[command.index(start) :].rpartition(" > ")[0]


def by_hand(place: Place, command: str, **more: object) -> subprocess.Popen[str]:
    """Start the command of a stage as a person would."""
    package = str(ROOT / "workflow" / "catomo")
    return subprocess.Popen(
        ["bash", "-c", command],
        cwd=place.folder,
        env={**os.environ, "CATOMO_PYTHON": sys.executable, "CATOMO_PACKAGE": package},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **more,  # type: ignore[call-overload]
    )


def memory_short(place: Place, verb: str, part: float) -> Seen:
    """Run a stage by hand where it gets only a part of the addresses that it takes.

    OpenBLAS may ask again and again for memory that there is not, so the time is limited, too.
    """
    import resource

    seen, before = Seen(), place.hashes()
    command = command_of(place, verb)
    most = int(part * place.cost(verb).megabytes) << 20
    (place.folder / RECORDS[verb]).unlink()
    cpu = int(10 + 3 * place.cost(verb).seconds)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))

    run = by_hand(place, command, preexec_fn=limit)
    _, said = run.communicate()
    seen.line = (said.strip().splitlines() or [f"signal {-run.returncode}"])[-1]
    if run.returncode == 0:
        raise Skipped(f"{most >> 20} MB are enough")
    settle(place, seen, before, verb)
    return seen


def two_verbs(place: Place, verb: str) -> Seen:
    """Run one stage twice at the same time: one writes, the other is told so."""
    seen, before = Seen(), place.hashes()
    command = command_of(place, verb)
    runs = [by_hand(place, command) for _ in range(2)]
    said = [run.communicate()[1] for run in runs]
    refused = [text for text in said if "another catomo writes here since" in text]
    seen.line = refused[0].strip().splitlines()[-1] if refused else "one after the other"
    codes = sorted(run.returncode for run in runs)
    seen.check(codes == ([0, 1] if refused else [0, 0]), f"ended with {codes}")
    status, told = place.verified()
    seen.check(status == 0, f"a record that lies: {told.strip()[-200:]}")
    settle(place, seen, before, verb)
    return seen


def two_workflows(place: Place) -> Seen:
    """Start the workflow while it runs: Snakemake refuses the second."""
    seen, before = Seen(), place.hashes()
    (place.folder / RECORDS["align"]).unlink()
    first = place.start(RECORDS["align"])
    wait_for_stage(place.folder, "align", first)
    status, said = place.snakemake(RECORDS["align"])
    is_refused = status != 0 and "cannot be locked" in said
    seen.check(is_refused or first.is_over(), "both ran")
    seen.line = next((x for x in said.splitlines() if "locked" in x), "one after the other")
    first.wait()
    settle(place, seen, before, "align")
    return seen


def no_permission(place: Place, verb: str) -> Seen:
    """Let another user run a stage whose folder is not his."""
    if os.getuid():
        raise Skipped("only root can run a stage as another user")
    seen, before = Seen(), place.hashes()
    script = (
        "import sys; from pathlib import Path\n"
        "from catomo.record.record import committing\n"
        "from catomo.report.settings import Report\n"
        "from catomo.errors import UserError\n"
        "try:\n"
        "    with committing(Path(sys.argv[1]), 'report', Report()): pass\n"
        "except (UserError, OSError) as error: sys.exit(f'catomo report: {error}')\n"
    )
    as_other = {
        "env": {"PYTHONPATH": os.pathsep.join([str(ROOT / "workflow"), *sys.path])},
        "user": 65534,
        "group": 65534,
        "extra_groups": [],
        "capture_output": True,
        "text": True,
    }
    # Where this Python lies in a folder of root's alone, that of the system may do.
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run([python, "-c", "import catomo.report.settings"], check=True, **as_other)
            break
        except (OSError, subprocess.CalledProcessError):
            continue
    else:
        raise Skipped("another user may not run this Python")
    folder = str((place.folder / RECORDS[verb]).parent)
    run = subprocess.run([python, "-c", script, folder], cwd=place.folder, **as_other)
    seen.line = run.stderr.strip()
    seen.check(run.returncode == 1 and "\n" not in seen.line, f"no clear line: {seen.line[-300:]}")
    settle(place, seen, before, verb)
    return seen
