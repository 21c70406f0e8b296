"""A small project with whole results, copied for every fault, and what may be asked of a copy."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
WHOLE = "p\tphantom\ttiny.yaml\t\t\ttruth\tm\tyes\n"
SHORT = "p\tphantom\ttiny.yaml\t\t\t\t\t\n"  # nobody segments it: five stages
CONFIG = """\
reconstruct: {iterations: 2}
slices: {suggest: 24}
train: {steps: 10, batch_size: 2, network: {base_filters: 4, levels: 3}}
surfaces: {redraws: 0}
"""
_OWN = ("Snakefile", "workflow", "envs")


class Place:
    """A folder in which the workflow runs."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *command: str, **more: object) -> subprocess.Popen[str]:
        """Start a module of Python in a group of processes of its own."""
        given = more.pop("env", {})
        environment = {**os.environ, "PYTHONPATH": "workflow", "NO_COLOR": "1"}
        assert isinstance(given, dict)
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **more,  # type: ignore[call-overload]
        )

    def run(self, *command: str, **more: object) -> tuple[int, str]:
        """Run a module of Python; return status and what it said."""
        process = self.start(*command, **more)
        said, _ = process.communicate()
        return process.returncode, said

    def snakemake(self, *arguments: str, **more: object) -> tuple[int, str]:
        """Run the workflow."""
        return self.run("snakemake", "--cores", "2", "--rerun-incomplete", *arguments, **more)

    def planned(self) -> set[str]:
        """Return the rules that a dry run would run."""
        _, said = self.snakemake("--dry-run")
        lines = [line.split() for line in said.splitlines() if line.startswith(("rule", "localru"))]
        return {words[1].rstrip(":") for words in lines} - {"all"}

    def verified(self) -> tuple[int, str]:
        """Return status and line of `catomo verify`."""
        return self.run("catomo", "verify")

    def hashes(self) -> dict[str, str]:
        """Return the sha256 of every file of the results that a stage lists, and of the records."""
        results = self.folder / "results"
        return {
            path.relative_to(results).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("*"))
            if path.is_file() and path.name != ".snakemake_timestamp"
        }


def make_base(folder: Path, row: str) -> Place:
    """Return a project whose results are whole; one that is there already is taken."""
    place = Place(folder)
    if (folder / "whole").is_file():
        return place
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _OWN:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(source, folder / name)
    shutil.copy(ROOT / "tests/workflow/tiny.yaml", folder)
    place.write("config/datasets.tsv", HEADER + row)
    place.write("config/config.yaml", CONFIG)
    status, said = place.snakemake()
    assert status == 0, said
    place.write("whole", "")
    return place


@contextmanager
def copy_of(base: Place, name: str = "copy") -> Iterator[Place]:
    """Copy a project with its results, and remove the copy afterwards."""
    folder = base.folder.parent / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base.folder, folder, symlinks=True)
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_stage(place: Place, verb: str) -> list[int]:
    """Return the processes that run a verb in a project, and no shell around them."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            is_there = (entry / "cwd").resolve() == place.folder.resolve()
            if is_there and verb.encode() in words[1:4] and b"--output" in words:
                found.append(int(entry.name))
    return found


def wait_for_stage(place: Place, verb: str, process: subprocess.Popen[str]) -> int:
    """Return the process that runs a verb as soon as there is one; 0 if the run ends before."""
    while process.poll() is None:
        if found := find_stage(place, verb):
            return found[0]
        time.sleep(0.01)
    return 0


def kill(pid: int) -> None:
    """End a process as the kernel does when memory runs out."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until_ended(pids: list[int]) -> None:
    """Wait for processes that are no children of this one."""
    while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
        time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True
