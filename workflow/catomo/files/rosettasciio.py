"""Files of microscope software that RosettaSciIO reads: DigitalMicrograph, TIA, Velox and more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.acquisition import of_rosettasciio
from catomo.files.image_stack import ImageStack, one_line
from catomo.files.pixel_size import NM_PER_UNIT

SUFFIXES = (".dm3", ".dm4", ".ser", ".emi", ".emd", ".bcf", ".hspy", ".zspy")


@contextmanager
def open_rosettasciio_stack(path: Path) -> Iterator[ImageStack]:
    """Open the first grey images of a file that RosettaSciIO knows; all are held in memory.

    Raises
    ------
    UserError
        If RosettaSciIO is not installed, or finds no grey images.
    """
    try:
        import rsciio
    except ImportError:
        raise UserError(
            f"{path}: reading {path.suffix} needs more packages: pip install 'catomo[formats]'"
        ) from None
    from importlib import import_module

    suffix = path.suffix.lower().removeprefix(".")
    plugins = [p for p in rsciio.IO_PLUGINS if suffix in p["file_extensions"]]
    signals: list[dict[str, Any]] = []
    reason = "no reader for it"
    for plugin in plugins:  # two makers write .emd, and the wrong reader refuses
        try:
            signals = import_module(plugin["api"]).file_reader(str(path))
            break
        except Exception as error:  # a damaged file can break a reader in any way
            reason = one_line(error)
    images = [
        signal
        for signal in signals
        if np.ndim(signal["data"]) in (2, 3)
        and not str(signal["metadata"].get("Signal", {}).get("signal_type", "")).startswith("EDS")
    ]
    if not images:
        raise UserError(f"{path}: holds no readable grey images ({reason})")
    data = np.asarray(images[0]["data"])
    data = data[None] if data.ndim == 2 else data
    tilt, pixel_size = _calibration(images[0])
    yield ImageStack(
        data.shape,
        lambda number: data[number].astype(np.float32),
        tilt,
        pixel_size,
        acquisition=of_rosettasciio(images[0]["metadata"]),
    )


def _calibration(signal: dict[str, Any]) -> tuple[list[float] | None, float | None]:
    """Return angles (deg) and pixel size (nm) from RosettaSciIO's axes and metadata."""
    *stack, _, across = signal["axes"]
    factor = NM_PER_UNIT.get(str(across.get("units", "")).strip().lower())
    pixel_size = abs(across["scale"]) * factor if factor and "scale" in across else None
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
    return tilt, pixel_size
