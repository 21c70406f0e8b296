"""What a file may ask for: it is compared with the file's size and the memory that is free.

A header is a claim. A damaged or made-up one can claim more than any computer holds, and what
it claims is never allocated before it was checked here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from catomo.errors import UserError

# Compressed images of microscopes shrink to a half or a third, blank ones to about a thousandth.
_HIGHEST_COMPRESSION = 1000
_ALWAYS_ALLOWED_BYTES = 1_000_000_000

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def check_is_file(path: Path) -> None:
    """Check that a path is a plain file: reading a pipe or a device could wait for ever.

    Raises
    ------
    UserError
        If it is not, or is empty, or may not be read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: is a pipe or a device, no file; copy its content to a file")
        with open(path, "rb"):
            pass
    except OSError as error:
        raise UserError(f"{path}: is not readable ({error.strerror})") from None
    if not found.st_size:
        raise UserError(f"{path}: file is empty")


def check_memory(path: Path, needed: int) -> None:
    """Check that bytes that are held at once fit into the memory that is free.

    Raises
    ------
    UserError
        If they do not.
    """
    free = free_memory()
    if free is not None and needed > free:
        raise UserError(
            f"{path}: would need {needed / 1e9:.3g} GB of memory at once, {free / 1e9:.3g} GB are "
            "free; save it in smaller parts, or use a computer with more memory"
        )


def check_compression(path: Path, unpacked: int) -> None:
    """Check that a file, or a folder of chunks, does not unpack to more than images ever do.

    Raises
    ------
    UserError
        If it does.
    """
    if unpacked <= _ALWAYS_ALLOWED_BYTES:
        return
    size = 0
    for file in path.rglob("*") if path.is_dir() else [path]:
        size += file.stat().st_size if file.is_file() else 0
        if unpacked <= _HIGHEST_COMPRESSION * size:
            return
    raise UserError(
        f"{path}: {size} bytes would unpack to {unpacked / 1e9:.3g} GB, which images do not "
        "do; if they are true images, save them uncompressed"
    )


def free_memory() -> int | None:
    """Return how many bytes of memory are free for this process; None if that is not known."""
    known = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                known.append(int(line.split()[1]) * 1024)
    except OSError:
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for most, used in _CGROUPS:  # the share of a container or of a cluster's job
        try:
            free = int(Path(most).read_text()) - int(Path(used).read_text())
            known.append(free + _cached(Path(used).with_name("memory.stat")))
        except (OSError, ValueError):
            continue
    return max(min(known), 0) if known else None


def _cached(statistics: Path) -> int:
    """Return the bytes of files that a container keeps in memory and gives up when asked."""
    try:
        lines = [line.split() for line in statistics.read_text().splitlines()]
    except OSError:
        return 0
    counts = {name: int(value) for name, value in lines}
    total = "total_" if "total_active_file" in counts else ""  # cgroups of version 1
    return counts.get(f"{total}active_file", 0) + counts.get(f"{total}inactive_file", 0)
