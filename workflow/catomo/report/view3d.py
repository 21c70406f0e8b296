"""The 3-D view of a page: surfaces for its script, and the four views of the paper as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catomo.record.record import Record
from catomo.report.meshes import Surface, packed, read_glb, read_vtp, simplified
from catomo.settings.base import PhaseClass

_TRANSLUCENT = 0.3  # what is inside must be seen

# Each view as the pictures have it: where the camera looks, what is up, whether all is opaque.
VIEWS: dict[str, dict[str, Any]] = {
    "view_front": {"title": "along the beam", "look": [0, 0, 1], "up": [0, -1, 0]},
    "view_side": {"title": "from the side", "look": [-1, 0.25, 0.3], "up": [0, -1, 0]},
    "view_top": {"title": "along the tilt axis", "look": [0, -1, 0], "up": [0, 0, -1]},
    "view_opaque": {
        "title": "obliquely, opaque", "look": [-0.6, 0.45, 0.8], "up": [0, -1, 0], "opaque": True,
    },
}  # fmt: skip

_SCENE = "surfaces.glb"


def view_for_page(
    records: Mapping[str, Record], classes: Sequence[PhaseClass], dataset: str
) -> dict[str, Any]:
    """Return what the script of the 3-D view reads; empty where there are no surfaces.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    classes : sequence of PhaseClass
        All classes, background first.
    dataset : str
    """
    record = records.get("quantities.json")
    surfaces = _surfaces(record, [phase.name for phase in classes[1:]]) if record else {}
    if record is None or not surfaces:
        return {}
    settings = record.get("settings", {})
    translucent = settings.get("translucent", [settings.get("support")])
    meshes = [
        {
            "name": phase.name,
            "title": phase.title,
            "colour": phase.colour,
            "opacity": _TRANSLUCENT if phase.name in translucent else 1.0,
            **packed(simplified(surfaces[phase.name])),
        }
        for phase in classes[1:]
        if phase.name in surfaces
    ]
    return {"dataset": dataset, "background": classes[0].colour, "views": VIEWS, "meshes": meshes}


def _surfaces(record: Record, names: Sequence[str]) -> dict[str, Surface]:
    """Return the surfaces of a dataset that are not empty: the small copies, or the full ones."""
    small = {name: f"{name}.small.vtp" for name in names}
    if any(map(record.has, small.values())):
        found = {n: read_vtp(record.file(file)) for n, file in small.items() if record.has(file)}
    else:
        found = read_glb(record.file(_SCENE)) if record.has(_SCENE) else {}
    return {name: surface for name, surface in found.items() if len(surface.faces)}
