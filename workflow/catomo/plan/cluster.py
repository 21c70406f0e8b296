"""What the nodes of a Slurm cluster have, so that no job asks for more than any of them.

Slurm refuses such a job, or lets it wait for ever. Snakemake knows nothing of the nodes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from typing import NamedTuple

# One line for each node of each partition, of the nodes that take jobs. `%P` marks the default
# partition with a star.
_SINFO = ("sinfo", "--noheader", "--Node", "--states=idle,mix,alloc,comp", "--format=%P|%c|%m|%l")


class Limits(NamedTuple):
    """The most that a job may ask for.

    Attributes
    ----------
    cores, memory_mb : int
        Those of the largest node.
    minutes : int, optional
        The partition's limit of time; None if it has none.
    """

    cores: int
    memory_mb: int
    minutes: int | None


def slurm_limits(partitions: Collection[str] = ()) -> Limits | None:
    """Return what a job in any of some partitions may ask for.

    Parameters
    ----------
    partitions : collection of str
        Names of partitions; an empty name is the default one. None: the default one alone.

    Returns
    -------
    Limits, optional
        None if there is no Slurm here, it does not answer, or it does not know the partitions.
    """
    try:
        run = subprocess.run(_SINFO, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return limits_in(run.stdout, partitions)


def limits_in(text: str, partitions: Collection[str] = ()) -> Limits | None:
    """Return the limits that the lines of sinfo hold; see `slurm_limits`."""
    nodes: dict[str, list[Limits]] = {}
    default = ""
    for line in text.splitlines():
        try:
            name, cores, memory, time = line.strip().split("|")
            node = Limits(int(cores), int(memory), minutes_in(time))
        except ValueError:  # not a line about a node
            continue
        if name.endswith("*"):
            default = name = name.removesuffix("*")
        nodes.setdefault(name, []).append(node)
    wanted = [name or default for name in partitions or [""]]
    largest = [
        Limits(
            max(node.cores for node in nodes[name]),
            max(node.memory_mb for node in nodes[name]),
            nodes[name][0].minutes,
        )
        for name in wanted
        if name in nodes
    ]
    if not largest:
        return None
    times = [limits.minutes for limits in largest if limits.minutes]
    return Limits(
        min(limits.cores for limits in largest),
        min(limits.memory_mb for limits in largest),
        min(times) if times else None,
    )


def minutes_in(time: str) -> int | None:
    """Return the whole minutes in one of Slurm's limits of time, such as ``1-12:30:00``.

    None stands for no limit.
    """
    if time in ("infinite", "UNLIMITED", "n/a"):
        return None
    days, _, clock = time.rpartition("-")
    hours, minutes, _seconds = ([0, 0, 0] + [int(part) for part in clock.split(":")])[-3:]
    return (int(days or 0) * 24 + hours) * 60 + minutes
