"""Surfaces of one file of labels, without any other stage: ``catomo surfaces --labels``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.files.folders import split_member
from catomo.files.scale import Scale
from catomo.labels.volume import open_label_volume
from catomo.progress import say
from catomo.record.record import committing
from catomo.surfaces.settings import Surfaces
from catomo.surfaces.stage import write_surfaces

_WORDS = ("--pixel-size-nm", "--trust-given", "--resample")


def surfaces_of_labels(
    path: Path | str,
    output: Path,
    settings: Surfaces,
    pixel_size_nm: float | None = None,
    *,
    trust_given: bool = False,
    resample: bool = False,
) -> None:
    """Make surfaces, views and quantities of a volume that any program has segmented.

    Parameters
    ----------
    path : path
        A volume of labels; see `catomo.labels.volume.open_label_volume`.
    output, settings
        As of `catomo.surfaces.stage.make_surfaces`.
    pixel_size_nm : float, optional
        Edge of a voxel; by default that of the file.
    trust_given : bool
        Whether the given pixel size wins over that of the file.
    resample : bool
        Whether voxels that are no cubes are brought to cubes, each with the nearest label.

    Raises
    ------
    UserError
        As of `open_label_volume`.
    """
    names = [phase.name for phase in settings.classes]
    scale = Scale(pixel_size_nm, trust_given, resample, _WORDS)
    with open_label_volume(path, names, scale) as volume:
        for note in volume.notes:
            say(note)
        labels = np.empty(volume.shape, np.uint8)
        for number, page in enumerate(volume.pages()):
            labels[number] = page
        inputs = {"segmentation": split_member(path)[0]}
        with committing(output, "surfaces", settings, inputs) as out:
            facts = volume.facts()
            out.record |= {key: facts[key] for key in ("pixel_size_from", "lacks", "notes")}
            out.record["draft"] = False
            write_surfaces(out, labels, volume.pixel_size_nm, settings)
