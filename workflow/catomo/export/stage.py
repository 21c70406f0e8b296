"""Stage `export`: results written once more for other programs, with their scale.

What is exported are the numbers of the stages themselves, in the same order. Nothing that
catomo does later reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.export.settings import MADE_BY, Export, Part
from catomo.files.containers import (
    Images,
    write_mrc,
    write_nxtomo,
    write_ome_labels,
    write_ome_zarr,
)
from catomo.files.store import pages_of
from catomo.progress import say
from catomo.record.classes import with_classes_of
from catomo.record.record import Output, Record, committing, read_record

_FRAME = "y", "z", "x"  # of the volume: y lies along the tilt axis, z along the beam
_FOREIGN_FRAME = "z", "y", "x"  # of slices made elsewhere: what a stack of images mostly is
_WAY_OUT = "export with the classes of the segmentation"
_WORDS: dict[Part, str] = {
    "aligned": "aligned tilt series",
    "volume": "reconstructed volume",
    "labels": "labels",
}


def export(
    output: Path | str,
    settings: Export,
    *,
    aligned: Path | str | None = None,
    volume: Path | str | None = None,
    labels: Path | str | None = None,
) -> None:
    """Write results for other programs, as far as the settings name them.

    Parameters
    ----------
    output : path
        Folder to write: ``aligned``, ``volume`` and ``labels``, each as ``.mrc`` and
        ``.ome.zarr``, ``aligned_nxtomo.nxs``, and ``export.json``. The angles of
        ``aligned.mrc`` stand in ``aligned.tlt``.
    settings : Export
        Without classes of their own they take those of the labels' record.
    aligned, volume, labels : path, optional
        Folder or record of the stages `align`, `reconstruct` and `predict`. Labels without a
        volume count as labels of slices that were made elsewhere.

    Raises
    ------
    UserError
        If nothing that the settings name is given, or the classes of the settings are not those
        of the labels.
    """
    given = {"aligned": aligned, "volume": volume, "labels": labels}
    records = {
        part: read_record(place, verb)
        for part, verb in MADE_BY.items()
        if (place := given[part]) is not None
    }
    parts = _parts(settings, records)
    if "labels" in parts:
        settings = with_classes_of(records["labels"], settings, _WAY_OUT)
    inputs: dict[str, Record | Path] = {part: records[part] for part in records}
    with committing(output, "export", settings, inputs) as out:
        images = {part: _images(part, records) for part in parts}
        for part in parts:
            if part in settings.mrc:
                write_mrc(out.path(f"{part}.mrc"), images[part])
        _write_ome_zarr(out, settings, images, records)
        if "aligned" in images:
            _write_angles(out, settings, images["aligned"], records["aligned"])
        out.record["parts"] = {
            part: {"axes": one.axes, "shape": one.shape, "pixel_size_nm": one.pixel_size_nm}
            for part, one in images.items()
        }
    say(f"export: {', '.join(_WORDS[part] for part in images)}")


def _parts(settings: Export, records: Mapping[Part, Record]) -> list[Part]:
    """Return what is named by the settings and given."""
    parts = [part for part in settings.parts() if part in records]
    if not parts:
        named = " or ".join(f"--{part}" for part in settings.parts())
        raise UserError(
            "nothing is to be exported; "
            + (f"give {named}" if named else "name parts in mrc or ome_zarr, or set nxtomo: true")
        )
    for part in settings.parts():
        if part not in parts:
            say(f"export: {_WORDS[part]} left out, because --{part} is not given")
    return parts


def _images(part: Part, records: Mapping[Part, Record]) -> Images:
    """Return the images of a part, after checking that its file is what the record says."""
    record = records[part]
    axes = _FRAME if "volume" in records else _FOREIGN_FRAME
    if part == "aligned":
        axes = "tilt", "y", "x"
    elif part == "labels" and not record["contiguous"]:
        axes = "image", "y", "x"
    images, rows, columns = record["shape"]
    return Images(
        _WORDS[part],
        (images, rows, columns),
        np.dtype(np.uint8 if part == "labels" else np.float32),
        partial(pages_of, record.file(f"{part}.tif")),
        record["pixel_size_nm"],
        axes,
    )


def _write_ome_zarr(
    out: Output, settings: Export, images: Mapping[Part, Images], records: Mapping[Part, Record]
) -> None:
    """Write the OME-Zarr images; labels become part of the volume's, where both are named."""
    named = [part for part in images if part in settings.ome_zarr]
    for part in named:
        if part == "labels":
            inside = "volume.ome.zarr/labels/classes"
            name = inside if "volume" in named else "labels.ome.zarr"
            classes = [(phase.name, phase.colour) for phase in settings.classes]
            write_ome_labels(out.path(name), images[part], classes)
        elif part == "aligned":
            angles = {"tilt_deg": records[part]["tilt_deg"]}
            write_ome_zarr(out.path("aligned.ome.zarr"), images[part], angles)
        else:
            write_ome_zarr(out.path(f"{part}.ome.zarr"), images[part])


def _write_angles(out: Output, settings: Export, images: Images, record: Record) -> None:
    """Write the angles of the aligned series, and the NXtomo file that holds them itself."""
    tilt_deg, blank = record["tilt_deg"], record.get("blank_tilts_deg", [])
    if "aligned" in settings.mrc:
        lines = "".join(f"{float(angle)!r}\n" for angle in tilt_deg)
        out.path("aligned.tlt").write_text(lines)
    unusable = [number for number, angle in enumerate(tilt_deg) if angle in blank]
    if unusable:
        out.record["blank_images"] = unusable
        say(
            f"export: {len(unusable)} of {len(tilt_deg)} aligned images are blank or left out, the "
            f"first at {tilt_deg[unusable[0]]:g}°; leave them out where you reconstruct"
        )
    if settings.nxtomo:
        # Not aligned.nxs: aligned.tlt beside it would count blank images, too.
        write_nxtomo(out.path("aligned_nxtomo.nxs"), images, tilt_deg, unusable)
