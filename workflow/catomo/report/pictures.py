"""The pictures of a section, embedded into the page, with their captions."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catomo.record.record import Record
from catomo.settings.base import PhaseClass

# A picture takes the whole width of the page from this ratio of its width to its height.
_WIDE = 1.6

_CAPTIONS = {
    "tilt_series": "The image nearest to 0° tilt.",
    "alignment": "Above: where the specimen lay, the search for the tilt axis, and what the other "
    "tilts predict. Below: three sinograms before and after the alignment.",
    "orthoslices": "Three orthogonal slices through the volume.",
    "convergence": "Change, residual and likelihood of a sample of slices, pass by pass.",
    "slices": "Slices spread over the volume, as the network sees them.",
    "curves": "Loss and scores during training.",
    "prediction": "Slices, the same with their segmentation as an overlay, and how sure the "
    "network is.",
    "segmentation": "Slices of the segmentation, each class in its colour.",
    "comparison": "Annotation, prediction and errors in a typical image.",
    "worst": "Annotation, prediction and errors in the three images with the lowest scores.",
    "unseen": "Slices that nobody annotated, beside their segmentation.",
    "rhd": "Robust Hausdorff distance against its percentile.",
    "confusion": "Confusion matrix: rows are the annotation, columns the prediction.",
    "confidence": "How often the network is right at each confidence, and where its errors are.",
    "pole_figure": "Which way the surface of the support faces (equal areas stay equal): bright "
    "spots are facets, with their numbers in facets.csv; a ball would be even.",
    "placement": "Where particles sit (red) and where chance would put them (grey: 95 % envelope "
    "of random places on the same surface; p of the whole curve).",
    "particles": "Particles: diameters found and true, and how many of each size were found.",
}

_DIRECTIONS = {
    "view_front": "Along the beam",
    "view_side": "From the side",
    "view_top": "Along the tilt axis",
    "view_opaque": "Obliquely",
}


@dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Attributes
    ----------
    name : str
        Its file's name.
    caption : str
    wide : bool
        Whether it takes the whole width of the page.
    data : str
        The PNG file in base64.
    """

    name: str
    caption: str
    wide: bool
    data: str


def pictures(
    record: Record, classes: Sequence[PhaseClass], drawn: Sequence[Path] = ()
) -> list[Picture]:
    """Return all PNG pictures of a stage, and those that are drawn for its section.

    Raises
    ------
    UserError
        If a picture is not what its record says.
    """
    of_stage = [record.file(name) for name in record["files"] if name.endswith(".png")]
    return [_picture(record, path, classes) for path in (*of_stage, *drawn)]


def caption(record: Record, name: str, classes: Sequence[PhaseClass]) -> str:
    """Return the caption of a picture; one that is not known gets its name in words."""
    stem = Path(name).stem
    if stem in _DIRECTIONS:
        return _caption_of_view(record, stem, classes)
    if stem == "tilt_series" and record.get("source") == "phantom":
        return "The image nearest to 0° tilt, and the labels of a slice of the truth."
    return _CAPTIONS.get(stem, stem.replace("_", " "))


def _picture(record: Record, path: Path, classes: Sequence[PhaseClass]) -> Picture:
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])  # from the PNG's header
    return Picture(
        path.name,
        caption(record, path.name, classes),
        width > _WIDE * height,
        base64.b64encode(data).decode(),
    )


def _caption_of_view(record: Record, stem: str, classes: Sequence[PhaseClass]) -> str:
    """Return the caption of a view of the surfaces: which classes are translucent or opaque."""
    direction = _DIRECTIONS[stem]
    if record.get("pictures") == "projections":
        kind = "first" if stem == "view_opaque" else "highest"
        direction = _DIRECTIONS["view_front"] if stem == "view_opaque" else direction
        return f"{direction}: a projection of the labels, the {kind} label of each ray."
    settings = record.get("settings", {})
    translucent = settings.get("translucent", [settings.get("support")])
    materials = classes[1:]
    through = [phase.title for phase in materials if phase.name in translucent]
    others = [phase.title for phase in materials if phase.name not in translucent]
    if stem == "view_opaque" or not through:
        return f"{direction}: {_listed([phase.title for phase in materials])} opaque."
    opaque = f", {_listed(others)} opaque" if others else ""
    return f"{direction}: {_listed(through)} translucent{opaque}."


def _listed(titles: list[str]) -> str:
    """Return titles as words: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = titles
    return f"{', '.join(first)} and {last}" if first else last
