"""Stage 08: from labels to surfaces, views and quantities.

Each class becomes one closed surface (VTP with a small copy, STL, and all together GLB and VTM).
The quantities and a table of the particles are computed from the voxels and the surfaces.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation

from catomo.errors import UserError
from catomo.files.store import read_pages
from catomo.files.tables import runs_text
from catomo.progress import say
from catomo.record.classes import with_classes_of
from catomo.record.record import Output, Record, committing, read_record
from catomo.surfaces.bulk import agreement
from catomo.surfaces.contours import Reader
from catomo.surfaces.facet_files import write_facets
from catomo.surfaces.measure import Roles, all_quantities
from catomo.surfaces.mesh_export import opacity_of, write_meshes
from catomo.surfaces.needs import area_of, count_faces, needs, usual_faces
from catomo.surfaces.placement_quantities import placement_words, write_placement
from catomo.surfaces.quantity import of_a_model
from catomo.surfaces.redraw import Doubt
from catomo.surfaces.render import render
from catomo.surfaces.review import Review, Reviewed, apply_review, read_review
from catomo.surfaces.segmentation_error import measure_redraws, with_segmentation
from catomo.surfaces.settings import Surfaces
from catomo.surfaces.table import seats_of, write_particles
from catomo.surfaces.views import project_labels, save_view

_CONFIDENCE = "confidence.tif"
_AROUND_PX = 3  # of a rejected particle, whose halo is as little in doubt as it is
_LEAST_OTHERS = 5  # specimens that tested a model, before they tell of one that did not
_MANY_FACES = 3.0  # times what is usual; of phantoms and the needle it is up to 1.3
_MOST_DRAWN = 8_000_000  # triangles; a renderer needs about 200 bytes for each


def make_surfaces(
    prediction: Path, output: Path, settings: Surfaces, review: Path | None = None
) -> None:
    """Make surfaces, views and quantities of a segmented volume.

    Parameters
    ----------
    prediction : path
        Folder (or record) of the stage `predict` or `segmentation`.
    output : path
        Folder to write: ``<class>.vtp``, ``<class>.small.vtp``, ``<class>.stl``,
        ``surfaces.glb``, ``surfaces.vtm``, ``open_in_paraview.py``, ``view_*.png``,
        ``particles.csv``, ``facets.csv``, ``facet_lines.csv``, ``pole_figure.csv``,
        ``pole_figure.png``, ``placement.csv``, ``placement.png`` and ``quantities.json``.
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
        # Labels without a confidence are taken as they are, like those of a person.
        is_sure = not record.has(_CONFIDENCE)
        write_surfaces(
            *(out, labels, record["pixel_size_nm"], settings),
            recorded=recorded,
            confidence=None if is_sure else partial(read_pages, record.file(_CONFIDENCE)),
            doubt=None if is_sure else _doubt(record, settings, recorded),
            review=decided,
        )


def write_surfaces(
    out: Output,
    labels: np.ndarray,
    pixel_size_nm: float,
    settings: Surfaces,
    *,
    recorded: np.ndarray | None = None,
    confidence: Reader | None = None,
    doubt: Doubt | str | None = None,
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
    confidence : callable, optional
        How certain a model is, for the meshes (`catomo.surfaces.contours.field_of`).
    doubt : Doubt or str, optional
        How sure a model is of its labels, or why that is not known. By default the labels are
        taken as they are.
    review : Review, optional
        Rejected particles get the class around them, others are divided.
    """
    if recorded is not None and not recorded.all():
        labels = np.where(recorded[:, None, None], labels, labels.dtype.type(0))
    after = None
    if review is not None:
        names = [phase.name for phase in settings.classes]
        after = apply_review(review, labels, names, settings.particles, pixel_size_nm)
        if isinstance(doubt, Doubt):
            doubt = doubt.settled(binary_dilation(labels != after.labels, iterations=_AROUND_PX))
        labels = after.labels
        out.record["review"] = after.record
    _tell_of_specks(labels, settings, doubt.redraws if isinstance(doubt, Doubt) else 0)
    meshes = write_meshes(
        out, labels, pixel_size_nm, settings, recorded=recorded, confidence=confidence
    )
    quantities = _measure(out, labels, pixel_size_nm, settings, recorded, doubt=doubt, after=after)
    small = {name for name, facts in meshes.items() if facts["triangles"] > _MOST_DRAWN}
    reason = _draw_views(out, labels, pixel_size_nm, settings, small)
    out.record.update(
        {
            "pixel_size_nm": pixel_size_nm,
            "axes": ["x", "y", "z"],
            "quantities": quantities,
            "meshes": meshes,
            "meshes_from": "labels and confidence" if confidence else "labels",
            "pictures": "projections" if reason else "surfaces",
            "pictures_note": reason or None,
        }
    )


def _tell_of_specks(labels: np.ndarray, settings: Surfaces, redraws: int) -> None:
    """Say what labels need that have far more surface than `catomo check` could foresee."""
    area, faces = area_of(labels.size, len(settings.classes)), count_faces(labels)
    if faces < _MANY_FACES * usual_faces(area):
        return
    needed = needs(area, faces, labels.size, redraws)
    say(
        f"surfaces: the classes end at {faces:,} voxel faces, "
        f"{faces / usual_faces(area):.0f} times as many as smooth bodies have in such a volume (a "
        "fine structure, or labels full of specks): this takes about "
        f"{needed.memory / 1e9:.1f} GB of memory, {needed.disk / 1e9:.2f} GB on the disk and "
        f"{needed.seconds / 60:.0f} min of one core"
    )


def _measure(
    out: Output,
    labels: np.ndarray,
    pixel_size_nm: float,
    settings: Surfaces,
    recorded: np.ndarray | None,
    *,
    doubt: Doubt | str | None,
    after: Reviewed | None,
) -> dict[str, dict]:
    """Write the table of the particles; return the quantities with what the doubt leaves open."""
    roles = Roles(
        [phase.name for phase in settings.classes],
        settings.support,
        settings.particles,
        settings.hull_radius_nm,
        settings.facets,
        settings.bulk,
        settings.seed,
    )
    pieces, marks = (None, None) if after is None else (after.pieces, after.marks)
    measured = all_quantities(labels, pixel_size_nm, roles, recorded, pieces=pieces)
    quantities, particles = measured.quantities, measured.particles
    if measured.doubts:
        out.record["doubts"] = measured.doubts
        for words in measured.doubts:
            say(f"surfaces: DOUBTFUL: {words}")
    probability = None
    if isinstance(doubt, Doubt):
        of_redrawn = partial(_redrawn_quantities, pixel_size_nm, roles, recorded)
        redraws = measure_redraws(labels, doubt, of_redrawn, particles)
        quantities, probability = with_segmentation(quantities, redraws), redraws.probability
        out.record["redraws"] = doubt.record()
    elif doubt:
        quantities = of_a_model(quantities, doubt)
    write_particles(
        out.path("particles.csv"), particles, probability, marks,
        seats_of(particles, measured.relief, measured.seats),
    )  # fmt: skip
    write_facets(out, measured.relief, pixel_size_nm)
    write_placement(out, measured.placement, pixel_size_nm)
    if particles is not None and roles.support:
        names = (str(roles.particles.phase), roles.support)
        placed = placement_words(
            *names, measured.placement, pixel_size_nm, has_skin=bool(measured.doubts)
        )
        out.record["bulk"] = agreement(quantities, *names, settings.bulk)
        out.record["placement"] = {"words": placed}
    return quantities


def _redrawn_quantities(
    pixel_size_nm: float, roles: Roles, recorded: np.ndarray | None, labels: np.ndarray
) -> dict[str, dict]:
    return all_quantities(labels, pixel_size_nm, roles, recorded, brief=True)[0]


def _doubt(prediction: Record, settings: Surfaces, recorded: np.ndarray) -> Doubt | str:
    """Return how sure a model is of its labels, or in words why that is not known."""
    errors = prediction.get("errors")
    if not errors:
        return (
            "as its training has not measured how its errors hang together, which needs validation "
            "slices (train.split.validation_fraction) and slices to test"
        )
    others = None if errors["here"] else errors.get("specimens", 1)
    if others is not None and not errors.get("of_a_kind", True):
        return "as it learnt from phantoms alone, whose errors tell nothing of a real specimen"
    if others is not None and others < _LEAST_OTHERS:
        return (
            "as its errors were measured on other slices than these: of another specimen, or of "
            f"another reconstruction, and of {others}, where {_LEAST_OTHERS} specimens would tell "
            "how far errors go from one to the next"
        )
    if not settings.redraws:
        return "as surfaces.redraws is 0"
    confidence = read_pages(prediction.file(_CONFIDENCE))
    confidence[~recorded] = 255  # nothing counts there
    length, common = errors["length_px"], errors["common"]
    return Doubt(confidence, length, common, settings.redraws, settings.seed, others)


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


def _draw_views(
    out: Output, labels: np.ndarray, pixel_size_nm: float, settings: Surfaces, small: set[str]
) -> str:
    """Draw the views, or projections if there is no renderer; return the reason then.

    Of the classes `small` the small copies are drawn.
    """
    classes = settings.classes
    phases = [
        {
            "path": str(out.path(f"{phase.name}{'.small' if phase.name in small else ''}.vtp")),
            "colour": phase.colour,
            "opacity": opacity_of(phase.name, settings),
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
