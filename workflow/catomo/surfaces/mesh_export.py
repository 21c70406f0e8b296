"""All mesh files of the stage: of each class, and of all together."""

from __future__ import annotations

from typing import Any

import numpy as np

from catomo.progress import progress, say
from catomo.record.record import Output
from catomo.surfaces.contours import Reader, field_of
from catomo.surfaces.decimate import small_copy
from catomo.surfaces.frame import Frame
from catomo.surfaces.mesh_files import StyledMesh, write_glb, write_stl, write_vtm, write_vtp
from catomo.surfaces.meshes import Mesh, mesh_of_field
from catomo.surfaces.paraview import write_script
from catomo.surfaces.settings import Surfaces

_TRANSLUCENT = 0.3  # what is inside must be seen
# Triangles of the small copies, so that a page with all of them stays light.
_MOST, _MOST_OF_PARTICLES = 200_000, 60_000
_TOLD = 0.01  # share of the area at the end of the data from which a line tells it


def write_meshes(
    out: Output,
    labels: np.ndarray,
    pixel_size_nm: float,
    settings: Surfaces,
    *,
    recorded: np.ndarray | None = None,
    confidence: Reader | None = None,
) -> dict[str, dict[str, Any]]:
    """Write the mesh files of each class but the background; return what they hold.

    Parameters
    ----------
    out : Output
    labels : ndarray of uint8, (y, z, x)
        Background in slices that were not recorded.
    pixel_size_nm : float
    settings : Surfaces
    recorded : ndarray of bool, (slices,), optional
        Whether each slice along y was recorded; meshes are closed where they were not.
    confidence : callable, optional
        How likely the labels are (see `field_of`); boundaries then lie within a pixel where the
        class becomes as likely as everything else.

    Returns
    -------
    dict of str to dict
        For each class ``triangles``, ``small_triangles``, ``small_area_ratio`` (area of the
        small copy over that of the mesh) and ``at_frame`` (share of the area that closes the
        mesh where the data end); the ratios are None for an empty mesh.
    """
    facts: dict[str, dict[str, Any]] = {}
    styled: list[StyledMesh] = []
    runs = Frame.of(labels.shape, recorded).runs()
    for label, phase in progress(list(enumerate(settings.classes))[1:], "surfaces"):
        name = phase.name
        field = field_of(labels, label, confidence)
        mesh = mesh_of_field(field, labels.shape, runs, pixel_size_nm)
        most = _MOST_OF_PARTICLES if name == settings.particles.phase else _MOST
        small = small_copy(mesh, most, field, labels.shape, pixel_size_nm)
        write_vtp(out.path(f"{name}.vtp"), mesh)
        write_vtp(out.path(f"{name}.small.vtp"), small)
        write_stl(out.path(f"{name}.stl"), mesh, name)
        opacity = opacity_of(name, settings)
        styled.append(StyledMesh(name, mesh, phase.colour, opacity))
        facts[name] = _facts(mesh, small)
        share = facts[name]["at_frame"]
        if share and share >= _TOLD:
            say(
                f"surfaces: {100 * share:.0f} % of the mesh of {name} is no surface: it closes "
                "the mesh where the data end"
            )
    write_glb(out.path("surfaces.glb"), styled)
    write_vtm(out.path("surfaces.vtm"), list(facts))
    write_script(out.path("open_in_paraview.py"), styled, settings.classes[0].colour)
    return facts


def opacity_of(name: str, settings: Surfaces) -> float:
    """Return the opacity of a class in pictures."""
    return _TRANSLUCENT if name in settings.translucent else 1.0


def _facts(mesh: Mesh, small: Mesh) -> dict[str, Any]:
    area = mesh.area()
    ends = Mesh(mesh.points, mesh.faces[mesh.at_frame])
    return {
        "triangles": len(mesh.faces),
        "small_triangles": len(small.faces),
        "small_area_ratio": small.area() / area if area else None,
        "at_frame": ends.area() / area if area else None,
    }
