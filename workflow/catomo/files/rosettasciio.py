"""Files of microscope software that RosettaSciIO reads: DigitalMicrograph, TIA, Velox and more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files import child
from catomo.files.acquisition import of_rosettasciio
from catomo.files.image_stack import Voxel, one_line
from catomo.files.pixel_size import length_nm

SUFFIXES = (".dm3", ".dm4", ".ser", ".emi", ".emd", ".bcf", ".hspy", ".zspy")


def read(path: Path, member: str, output: Path) -> dict[str, Any]:
    """Read the first grey images that RosettaSciIO finds in a file.

    See `catomo.files.child.open_in_child`.

    Parameters
    ----------
    path : Path
    member : str
        Title of the images that are meant; empty takes the first.
    output : Path

    Raises
    ------
    UserError
        If RosettaSciIO finds no grey images.
    """
    signals, reason = _signals(path)
    images = [signal for signal in signals if _is_grey(signal)]
    titles = [str(signal["metadata"].get("General", {}).get("title", "")) for signal in images]
    if member:
        if member not in titles:
            raise UserError(f"{path}: holds no images '{member}'; images in it: {titles}")
        images = [images[titles.index(member)]]
    if not images:
        raise UserError(f"{path}: holds no readable grey images ({reason})")
    data = np.asarray(images[0]["data"])
    tilt, voxel = _calibration(images[0])
    data = data[None] if data.ndim == 2 else data
    return child.found(output, data, tilt, voxel, of_rosettasciio(images[0]["metadata"]))


def _signals(path: Path) -> tuple[list[dict[str, Any]], str]:
    """Return what the first fitting reader finds, and why there is nothing."""
    from importlib import import_module

    import rsciio

    suffix = path.suffix.lower().removeprefix(".")
    reason = "no reader for it"
    for plugin in rsciio.IO_PLUGINS:  # two makers write .emd, and the wrong reader refuses
        if suffix not in plugin["file_extensions"]:
            continue
        try:
            return import_module(plugin["api"]).file_reader(str(path)), "no images in it"
        except MemoryError:
            raise
        except Exception as error:  # a damaged file can break a reader in any way
            reason = one_line(error)
    return [], reason


def _is_grey(signal: dict[str, Any]) -> bool:
    kind = str(signal["metadata"].get("Signal", {}).get("signal_type", ""))
    data = signal["data"]
    is_number = getattr(getattr(data, "dtype", None), "kind", "") in "biuf"
    return np.ndim(data) in (2, 3) and is_number and not kind.startswith("EDS")


def _calibration(signal: dict[str, Any]) -> tuple[list[float] | None, Voxel]:
    """Return angles (deg) and voxel (nm) from RosettaSciIO's axes and metadata."""
    *stack, down, across = signal["axes"]
    rows, columns = _step_nm(down), _step_nm(across)
    tilt = None
    if stack and str(stack[0].get("units", "")).lower() in ("deg", "degree", "degrees", "°"):
        tilt = (stack[0]["offset"] + stack[0]["scale"] * np.arange(stack[0]["size"])).tolist()
    metadata = signal["metadata"]
    stored = metadata.get("Tomography", {}).get("tilts") if stack else None
    if stored is not None:
        tilt = np.ravel(stored).astype(float).tolist()
    if not stack:
        stage = metadata.get("Acquisition_instrument", {}).get("TEM", {}).get("Stage", {})
        tilt = [float(stage["tilt_alpha"])] if "tilt_alpha" in stage else None
    return tilt, (_step_nm(stack[0]) if stack else None, rows, columns)


def _step_nm(axis: dict[str, Any]) -> float | None:
    try:
        return length_nm(abs(float(axis["scale"])), axis.get("units", ""))
    except (KeyError, TypeError, ValueError):
        return None
