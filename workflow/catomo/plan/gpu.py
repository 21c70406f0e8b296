"""What is known of GPUs before any job runs: which jobs use one, memory, and mixed backends.

No driver is asked.
"""

from __future__ import annotations

import os
from pathlib import Path

from catomo.errors import UserError
from catomo.plan.plan import Plan
from catomo.reconstruct.choices import remembered
from catomo.reconstruct.needs import WIDEST, matter_goes_on, seen_width
from catomo.reconstruct.settings import Reconstruct
from catomo.record.record import read_record
from catomo.stages import record_path

# Where the driver shows NVIDIA's cards: on Linux one file each, within Windows one for all.
_DEVICES = Path("/dev")
_PATTERNS = ("nvidia[0-9]*", "dxg")


def has_gpu() -> bool:
    """Return whether this machine shows an NVIDIA GPU to the jobs that it runs."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return any(any(_DEVICES.glob(pattern)) for pattern in _PATTERNS)


def gpus_of(settings: Reconstruct, seen: bool) -> int:
    """Return how many GPUs a reconstruction takes: the backend's name says so, or what is seen."""
    if settings.backend in ("auto", "astra"):
        return int(seen)
    return int(settings.backend.endswith("cuda"))


def pad_width_of(settings: Reconstruct, name: str) -> float | None:
    """Return the width of a dataset's slices during reconstruction, in widths of an image.

    None where only the alignment will tell, and has not been made yet.
    """
    if settings.pad_width != "auto":
        return settings.pad_width
    path = Path(record_path("align", name))
    try:
        record = read_record(path, "align") if path.is_file() else None
    except UserError:  # `stale` says so
        record = None
    if record is None:
        return None
    return seen_width(record["tilt_deg"]) if matter_goes_on(record) else 1.0


def gpu_memory_of(
    settings: Reconstruct, tilts: int, shape: tuple[int, int, int], pad_width: float | None
) -> str:
    """Return what a reconstruction takes of a GPU's memory; nothing where it takes none.

    Parameters
    ----------
    settings : Reconstruct
    tilts : int
    shape : (int, int, int)
        Of the volume (y, z, x), as wide as the images.
    pad_width : float, optional
        See `pad_width_of`.
    """
    if (
        not gpus_of(settings, has_gpu()) or settings.backend == "tomopy_cuda"
    ):  # TomoPy takes what it finds
        return ""
    from catomo.reconstruct.backends import gpu_memory, gpu_slices
    from catomo.reconstruct.method import TiltGeometry

    length, depth, width = shape

    def gigabytes(pad_width: float) -> float:
        geometry = TiltGeometry([0.0] * tilts, (depth, round(pad_width * width)), width)
        slices = gpu_slices(geometry) if settings.slab_slices == "auto" else settings.slab_slices
        slices = length if settings.tv_across else slices
        return gpu_memory(settings.backend, geometry, min(slices, length), length) / 1e9

    fewer = settings.slab_slices == "auto" and not settings.tv_across
    words = f"   GPU memory {gigabytes(pad_width or 1.0):.2f} GB"
    if pad_width is None:
        words += f", {gigabytes(WIDEST):.2f} GB if matter goes on beside the images"
    return f"{words}{', or less where less is free' if fewer else ''}"


def mixed_backends(plan: Plan) -> list[str]:
    """Return a line where backend `auto` stands for different backends in one project.

    Known are the volumes that are there, and what was measured on any machine in this folder.
    """
    names = [
        name
        for name, dataset in plan.datasets.items()
        if "reconstruct" in plan.stages(dataset)
        and plan.settings_as(Reconstruct, name).backend == "auto"
    ]
    places: dict[str, list[str]] = {}
    for name in names:
        path = Path(record_path("reconstruct", name))
        try:
            record = read_record(path, "reconstruct") if path.is_file() else None
        except UserError:  # `stale` says so
            record = None
        if record and "backend" in record:
            places.setdefault(record["backend"], []).append(name)
    lines = [_mixture("the volumes were made by", places)] if len(places) > 1 else []
    works: dict[str, dict[str, list[str]]] = {}
    for choice in remembered() if names else ():
        works.setdefault(choice.work, {}).setdefault(choice.backend, []).append(choice.machine)
    for backends in works.values():
        if len(backends) > 1:
            lines.append(_mixture("the same work is done by", backends))
            break
    return lines


def _mixture(what: str, places: dict[str, list[str]]) -> str:
    parts = " and by ".join(f"{one} ({', '.join(names)})" for one, names in sorted(places.items()))
    return (
        f"reconstruct.backend auto: {what} {parts}; backends differ by 1 to 2 %, so set "
        "reconstruct.backend to one of them where volumes are compared"
    )
