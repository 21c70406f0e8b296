"""Stage 08: from labels to surfaces, views and quantities.

Each class becomes one closed surface (VTP, STL, and all together GLB). The quantities and a
table of the particles are computed from the voxels and the surfaces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.store import read_pages
from catomo.files.tables import runs_text
from catomo.progress import progress, say
from catomo.record.classes import with_classes_of
from catomo.record.record import Output, Record, committing, read_record
from catomo.surfaces.measure import Roles, all_quantities
from catomo.surfaces.mesh_files import StyledMesh, write_glb, write_stl, write_vtp
from catomo.surfaces.meshes import Mesh, surface
from catomo.surfaces.quantity import of_a_model
from catomo.surfaces.render import render
from catomo.surfaces.review import Review, apply_review, read_review
from catomo.surfaces.settings import Surfaces
from catomo.surfaces.table import write_particles
from catomo.surfaces.views import project_labels, save_view

_CONFIDENCE = "confidence.tif"
_SUPPORT_OPACITY = 0.3  # the particles inside must be seen


def make_surfaces(
    prediction: Path, output: Path, settings: Surfaces, review: Path | None = None
) -> None:
    """Make surfaces, views and quantities of a segmented volume.

    Parameters
    ----------
    prediction : path
        Folder (or record) of the stage `predict` or `segmentation`.
    output : path
        Folder to write: ``<class>.vtp``, ``<class>.stl``, ``surfaces.glb``,
        ``view_*.png``, ``particles.csv`` and ``quantities.json``.
    settings : Surfaces
        Without classes of their own they take those of the record.
    review : path, optional
        A person's decisions on single particles, as the page of a dataset exports them.

    Raises
    ------
    UserError
        If the labels are of loose images, hold a label that is no class, the settings name
        other classes than the record, or the review is of other labels.
    """
    record = read_record(prediction, "predict", "segmentation")
    _check(record)
    settings = with_classes_of(record, settings, "make surfaces of the classes of the record")
    labels = _read_labels(record, settings)
    inputs: dict[str, Record | Path] = {"prediction": record}
    decided = None
    if review is not None:
        review = Path(review)
        decided = read_review(review, record["files"]["labels.tif"]["sha256"])
        inputs["review"] = review
    with committing(output, "surfaces", settings, inputs) as out:
        out.record["draft"] = record.get("draft", False)
        recorded = np.ones(len(labels), bool)
        if unrecorded := record.get("unrecorded_slices", []):
            recorded[unrecorded] = False
            out.record["slices_left_out"] = unrecorded
            say(
                f"surfaces: slices {runs_text(unrecorded)} are left out of surfaces and "
                "quantities: too few tilts recorded them"
            )
        write_surfaces(
            *(out, labels, record["pixel_size_nm"], settings),
            recorded=recorded,
            # Labels without a confidence are taken as they are, like those of a person.
            is_predicted=record["stage"] == "predict" and record.has(_CONFIDENCE),
            review=decided,
        )


def write_surfaces(
    out: Output,
    labels: np.ndarray,
    pixel_size_nm: float,
    settings: Surfaces,
    *,
    recorded: np.ndarray | None = None,
    is_predicted: bool = False,
    review: Review | None = None,
) -> None:
    """Write the surfaces, views and quantities of labels (y, z, x), and what the record says.

    Parameters
    ----------
    out : Output
    labels : ndarray of uint8, (y, z, x)
    pixel_size_nm : float
    settings : Surfaces
    recorded : ndarray of bool, (slices,), optional
        Whether each slice along y was recorded; those that were not hold nothing that counts.
    is_predicted : bool
        Whether a model made the labels, and says that it is not certain of all.
    review : Review, optional
        Rejected particles get the class around them, others are divided.
    """
    if recorded is not None and not recorded.all():
        labels = np.where(recorded[:, None, None], labels, labels.dtype.type(0))
    roles = Roles(
        [phase.name for phase in settings.classes],
        settings.support,
        settings.particles,
        settings.hull_radius_nm,
    )
    pieces = marks = None
    if review is not None:
        names = [phase.name for phase in settings.classes]
        after = apply_review(review, labels, names, settings.particles, pixel_size_nm)
        labels, pieces, marks = after.labels, after.pieces, after.marks
        out.record["review"] = after.record
    meshes = _write_meshes(out, labels, pixel_size_nm, settings)
    quantities, particles = all_quantities(labels, pixel_size_nm, roles, recorded, pieces)
    write_particles(out.path("particles.csv"), particles, marks)
    reason = _draw_views(out, labels, pixel_size_nm, settings)
    out.record.update(
        {
            "pixel_size_nm": pixel_size_nm,
            "axes": ["x", "y", "z"],
            "quantities": of_a_model(quantities) if is_predicted else quantities,
            "triangles": {name: len(mesh.faces) for name, mesh in meshes.items()},
            "pictures": "projections" if reason else "surfaces",
            "pictures_note": reason or None,
        }
    )


def _check(prediction: Record) -> None:
    if not prediction["contiguous"]:
        raise UserError(
            f"{prediction.path}: the labels are of loose images, not of a volume; "
            "surfaces need a contiguous stack of slices"
        )


def _read_labels(prediction: Record, settings: Surfaces) -> np.ndarray:
    path = prediction.file("labels.tif")
    labels = read_pages(path)
    if labels.max() >= len(settings.classes):
        raise UserError(
            f"{path}: found label {labels.max()}, but 'classes' has {len(settings.classes)}; "
            "use the classes of the model"
        )
    return labels


def _write_meshes(
    out: Output, labels: np.ndarray, pixel_size_nm: float, settings: Surfaces
) -> dict[str, Mesh]:
    """Write the mesh files; return the surface of each class but the background."""
    meshes: dict[str, Mesh] = {}
    for label, phase in progress(list(enumerate(settings.classes))[1:], "surfaces"):
        mesh = meshes[phase.name] = surface(labels == label, pixel_size_nm)
        write_vtp(out.path(f"{phase.name}.vtp"), mesh)
        write_stl(out.path(f"{phase.name}.stl"), mesh, phase.name)
    write_glb(
        out.path("surfaces.glb"),
        [
            StyledMesh(p.name, meshes[p.name], p.colour, _opacity(p.name, settings))
            for p in settings.classes[1:]
        ],
    )
    return meshes


def _draw_views(out: Output, labels: np.ndarray, pixel_size_nm: float, settings: Surfaces) -> str:
    """Draw the views, or projections if there is no renderer; return the reason then."""
    classes = settings.classes
    phases = [
        {
            "path": str(out.path(f"{phase.name}.vtp")),
            "colour": phase.colour,
            "opacity": _opacity(phase.name, settings),
        }
        for phase in classes[1:]
    ]
    views, reason = render(phases, classes[0].colour)
    if views is None:
        say(f"surfaces: {reason}")
        views = project_labels(labels, pixel_size_nm, classes)
    note = "projection of the labels (no renderer)" if reason else ""
    for name, view in views.items():
        save_view(out.path(f"{name}.png"), view, classes, note)
    return reason


def _opacity(name: str, settings: Surfaces) -> float:
    return _SUPPORT_OPACITY if name == settings.support else 1.0
