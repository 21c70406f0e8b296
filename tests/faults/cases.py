"""The faults: each is done to a copy of whole results and says what came of it."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from faults.place import Place, find_stage, kill, wait_for_stage, wait_until_ended
from faults.seen import RECORDS, Seen, Skipped, followers, line_in, seconds_of, settle


def kill_at(place: Place, verb: str, what: str, moment: float, has_later: bool) -> Seen:
    """Kill a stage, snakemake, or both, a while after the stage began.

    Parameters
    ----------
    place : Place
    verb : str
    what : str
        ``stage``, ``snakemake`` or ``both``.
    moment : float
        After which part of the time that the stage took in the base.
    has_later : bool
        Whether the results of later stages lie there.
    """
    seen, before = Seen(), place.hashes()
    seconds = seconds_of(place, verb)
    (place.folder / RECORDS[verb]).unlink()
    for later in () if has_later else followers(before, verb) - {verb}:
        shutil.rmtree((place.folder / RECORDS[later]).parent)
    run = place.start("snakemake", "--cores", "2", RECORDS[verb])
    stage = wait_for_stage(place, verb, run)
    time.sleep(moment * seconds)
    if what in ("snakemake", "both"):
        kill(run.pid)
    if what in ("stage", "both") and stage:
        kill(stage)
    said, _ = run.communicate()
    if what == "stage":
        seen.line = line_in(said)
        is_told = "was killed by signal 9 (SIGKILL), perhaps because memory ran out" in seen.line
        seen.check(is_told or run.returncode == 0, f"no clear line: {said[-200:]}")
    else:
        place.run("snakemake", "--unlock")
    if what == "snakemake" and (orphans := find_stage(place, verb)):
        _, said = place.snakemake(RECORDS[verb])
        refused = "another catomo writes here since" in said
        seen.line = line_in(said)
        seen.check(refused or not find_stage(place, verb), "two processes on one folder")
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
    status, said = place.snakemake(RECORDS[verb], env=environment)
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
    names = [path for path in folder.rglob("*") if path.is_file()]
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
        words = ("no temporary file can be written", "o space left", "No usable temporary")
        return failing_stage(place, verb, {"TMPDIR": str(folder)}, words)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def command_of(place: Place, verb: str) -> str:
    """Return the command of a stage, as a person would type it."""
    _, shown = place.snakemake("--dry-run", "--printshellcmds", "--force", RECORDS[verb])
    start = '"$CATOMO_PYTHON"'
    [command] = [x for x in shown.splitlines() if f'{start} "$CATOMO_PACKAGE" {verb} ' in x][:1]
    return command[command.index(start) :].rpartition(" > ")[0]


def memory_short(place: Place, verb: str, megabytes: int) -> Seen:
    """Run a stage by hand where it may take only so much memory."""
    import resource

    seen, before = Seen(), place.hashes()
    command = command_of(place, verb)
    (place.folder / RECORDS[verb]).unlink()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    run = subprocess.run(
        ["bash", "-c", command],
        cwd=place.folder,
        env={**os.environ, "CATOMO_PYTHON": sys.executable, "CATOMO_PACKAGE": "workflow/catomo"},
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    seen.line = (run.stderr.strip().splitlines() or [f"signal {-run.returncode}"])[-1]
    if run.returncode == 0:
        raise Skipped(f"{megabytes} MB are enough")
    settle(place, seen, before, verb)
    return seen


def two_verbs(place: Place, verb: str) -> Seen:
    """Run one stage twice at the same time: one writes, the other is told so."""
    seen, before = Seen(), place.hashes()
    command = command_of(place, verb)
    environment = {"CATOMO_PYTHON": sys.executable, "CATOMO_PACKAGE": "workflow/catomo"}
    runs = [
        subprocess.Popen(
            ["bash", "-c", command],
            cwd=place.folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
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
    first = place.start("snakemake", "--cores", "2", RECORDS["align"])
    wait_for_stage(place, "align", first)
    status, said = place.snakemake(RECORDS["align"])
    is_refused = status != 0 and "cannot be locked" in said
    seen.check(is_refused or first.poll() is not None, "both ran")
    seen.line = next((x for x in said.splitlines() if "locked" in x), "one after the other")
    first.communicate()
    settle(place, seen, before, "align")
    return seen


def no_permission(place: Place, verb: str) -> Seen:
    """Let another user run a stage whose folder is not his."""
    if os.getuid():
        raise Skipped("only root can run a stage as another user")
    seen, before = Seen(), place.hashes()
    script = (
        "import sys, catomo.cli; from pathlib import Path\n"
        "from catomo.record.record import committing, read_record\n"
        "from catomo.report.settings import Report\n"
        "from catomo.errors import UserError\n"
        "try:\n"
        "    with committing(Path(sys.argv[1]), 'report', Report()): pass\n"
        "except (UserError, OSError) as error: sys.exit(f'catomo report: {error}')\n"
    )
    if subprocess.run(["setpriv", "--reuid=65534", sys.executable, "-V"]).returncode:
        raise Skipped("another user may not run this Python")
    run = subprocess.run(
        [sys.executable, "-c", script, str((place.folder / RECORDS[verb]).parent)],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(place.folder / "workflow")},
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    seen.line = run.stderr.strip()
    seen.check(run.returncode == 1 and "\n" not in seen.line, f"no clear line: {seen.line[-300:]}")
    settle(place, seen, before, verb)
    return seen


def kills(count: int, verbs: list[str], seed: int = 1) -> dict[str, Callable[[Place], Seen]]:
    """Return kills at random moments, over all stages and all that can be killed, by name."""
    rng = random.Random(seed)
    found: dict[str, Callable[[Place], Seen]] = {}
    for number in range(count):
        verb = verbs[number % len(verbs)]
        what = ("stage", "snakemake", "both")[number // len(verbs) % 3]
        moment, has_later = rng.random(), rng.random() < 0.7
        with_later = "" if has_later else ", nothing after it"
        found[f"kill {number:03d} {what} of {verb} after {moment:.2f} of its time{with_later}"] = (
            lambda place, v=verb, w=what, m=moment, h=has_later: kill_at(place, v, w, m, h)
        )
    return found


FILES = {
    "simulate": "tilt_series.tif",
    "align": "aligned.tif",
    "reconstruct": "volume.tif",
    "slices": "slices.tif",
    "train": "model.keras",
    "predict": "labels.tif",
    "evaluate": "evaluation.csv",
    "surfaces": "pt.vtp",
    "report": "report.html",
}


def other_faults(verbs: list[str]) -> dict[str, Callable[[Place], Seen]]:
    """Return all faults but the kills, by name."""
    found: dict[str, Callable[[Place], Seen]] = {"two workflows": two_workflows}
    for verb in verbs:
        for how in (cut, flip):
            found[f"{how.__name__} {FILES[verb]}"] = lambda place, v=verb, h=how: damage(
                place, v, h, FILES[v]
            )
        for how in (cut, edit):
            found[f"{how.__name__} record of {verb}"] = lambda place, v=verb, h=how: damage(
                place, v, h
            )
        found[f"folder of {verb} lost"] = lambda place, v=verb: lose(place, v)
        found[f"disk full in {verb}"] = lambda place, v=verb: disk_full(place, v)
        found[f"two verbs {verb}"] = lambda place, v=verb: two_verbs(place, v)
        found[f"no permission in {verb}"] = lambda place, v=verb: no_permission(place, v)
        for megabytes in (300, 700):
            found[f"memory {megabytes} MB for {verb}"] = lambda place, v=verb, m=megabytes: (
                memory_short(place, v, m)
            )
    for verb in {"surfaces", "report"} & set(verbs):
        found[f"TMPDIR full in {verb}"] = lambda place, v=verb: temporary_full(place, v)
    return found
