"""How a series was recorded, where its files say so; told for information, never computed with.

All of it is kept in one dict with these keys, each only where it is known: ``microscope``,
``voltage_kv``, ``detector``, ``signal``, ``magnification``, ``probe_current_pa``,
``dwell_time_us``, ``exposure_time_s``, ``dose_per_image_e_per_nm2``, ``date``. Exposure and dose
are means over the images; the date is that of the first image.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Acquisition = dict[str, Any]

_NM2_PER_M2 = 1e18
_DAY_0 = datetime.datetime(1899, 12, 30)  # of the clock in FEI's headers, which counts days


def in_common(acquisitions: Sequence[Acquisition]) -> Acquisition:
    """Return what all images have in common, and the date of the first."""
    first = acquisitions[0]
    return {
        key: value
        for key, value in first.items()
        if key == "date" or all(one.get(key) == value for one in acquisitions)
    }


def of_fei_2003(record: np.ndarray) -> Acquisition:
    """Return what FEI's record of 2003 (32 floats) says of its image."""
    return _known(
        {
            "voltage_kv": float(record[13]) / 1e3,
            "magnification": float(record[12]),
            "exposure_time_s": float(record[8]),
        }
    )


def of_fei(extended: bytes, kind: bytes, order: str) -> Acquisition:
    """Return what the first record of an extended header FEI1 or FEI2 says of its image."""
    from mrcfile.dtypes import get_ext_header_dtype

    dtype = get_ext_header_dtype(kind, order)
    record = np.frombuffer(extended[: dtype.itemsize].ljust(dtype.itemsize, b"\0"), dtype)[0]

    def text(name: str) -> str:
        return bytes(record[name]).partition(b"\0")[0].decode("latin-1").strip()

    found = _known(
        {
            "voltage_kv": float(record["HT"]) / 1e3,
            "magnification": float(record["Magnification"]),
            "exposure_time_s": float(record["Integration time"]),
            "dwell_time_us": float(record["Dwell time"]) * 1e6,
            "dose_per_image_e_per_nm2": float(record["Dose"]) / _NM2_PER_M2,
        }
    )
    names = {
        "microscope": text("Microscope type"),
        "detector": text("Camera name"),
        "signal": text("STEM Detector name"),
    }
    found |= {key: name for key, name in names.items() if name}
    days = float(record["Timestamp"])
    if 30000 < days < 80000:  # from 1982 to 2119: else it is no such clock
        date = _DAY_0 + datetime.timedelta(days=days)
        found["date"] = date.isoformat(sep=" ", timespec="seconds")
    return found


def of_rosettasciio(metadata: Mapping[str, Any]) -> Acquisition:
    """Return what RosettaSciIO found out about a file; its units are keV, nA and s."""
    microscope = metadata.get("Acquisition_instrument", {}).get("TEM", {})
    general = metadata.get("General", {})
    found = _known(
        {
            "voltage_kv": microscope.get("beam_energy"),
            "magnification": microscope.get("magnification"),
            "probe_current_pa": _times(microscope.get("beam_current"), 1e3),
            "dwell_time_us": _times(microscope.get("dwell_time"), 1e6),
        }
    )
    names = {
        "microscope": microscope.get("microscope"),
        "signal": general.get("title"),
        "date": " ".join(str(general[key]) for key in ("date", "time") if general.get(key)),
    }
    return found | {key: str(name).strip() for key, name in names.items() if name}


def _times(value: object, factor: float) -> object:
    return value * factor if isinstance(value, int | float) else None


def _known(values: Mapping[str, object]) -> Acquisition:
    """Return the numbers above 0, with six digits; headers hold zeros for what is not known."""
    return {
        key: float(f"{value:.6g}")
        for key, value in values.items()
        if isinstance(value, int | float) and math.isfinite(value) and value > 0
    }
