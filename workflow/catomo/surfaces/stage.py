"""Stage 08: from labels to surfaces, views and quantities.

Each class becomes one closed surface (VTP, STL, and all together GLB); from voxels and
surfaces follow the numbers of `catomo.surfaces.quantities` and a table of the particles.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.figures import new_figure, save, scale_bar
from catomo.files.store import read_pages
from catomo.labels.particles import find_particles
from catomo.progress import progress, say
from catomo.record.record import Record, committing, read_record
from catomo.surfaces import quantities
from catomo.surfaces.meshes import surface, write_glb, write_stl, write_vtp
from catomo.surfaces.render import VIEWS, render

_TRANSLUCENT = 0.3


def make_surfaces(prediction, output, settings) -> None:
    """Make surfaces, views and quantities of a segmented volume.

    Parameters
    ----------
    prediction : path
        Folder (or record) of the stage `predict`.
    output : path
        Folder to write: ``<class>.vtp``, ``<class>.stl``, ``surfaces.glb``,
        ``view_*.png``, ``particles.csv`` and ``quantities.json``.
    settings : Surfaces

    Raises
    ------
    UserError
        If the labels are of loose images, or hold a label that is no class.
    """
    prediction = read_record(prediction, "predict")
    _check(prediction)
    labels = read_pages(prediction.file("labels.tif"))
    if labels.max() >= len(settings.classes):
        raise UserError(
            f"{prediction.folder / 'labels.tif'}: found label {labels.max()}, but 'classes' has "
            f"{len(settings.classes)}; use the classes of the model"
        )
    pixel_size_nm = prediction["pixel_size_nm"]
    with committing(output, "surfaces", settings, {"prediction": prediction}) as out:
        materials = list(enumerate(settings.classes))[1:]
        meshes = {}
        for label, phase in progress(materials, "surfaces"):
            mesh = meshes[phase.name] = surface(labels == label, pixel_size_nm)
            write_vtp(out.path(f"{phase.name}.vtp"), mesh)
            write_stl(out.path(f"{phase.name}.stl"), mesh, phase.name)
        opacity = {
            phase.name: _TRANSLUCENT if phase.name == settings.support else 1.0
            for phase in settings.classes
        }
        write_glb(
            out.path("surfaces.glb"),
            [(p.name, meshes[p.name], p.colour, opacity[p.name]) for _, p in materials],
        )
        numbers, particles = _measure(labels, meshes, pixel_size_nm, settings)
        _write_particles(out.path("particles.csv"), particles)
        reason = _draw_views(out, labels, opacity, pixel_size_nm, settings)
        out.record.update(
            {
                "pixel_size_nm": pixel_size_nm,
                "axes": ["x", "y", "z"],
                "draft": prediction.get("draft", False),
                "quantities": numbers,
                "triangles": {name: len(mesh.faces) for name, mesh in meshes.items()},
                "pictures": "projections" if reason else "surfaces",
                "pictures_note": reason,
            }
        )


def _check(prediction: Record) -> None:
    if not prediction["contiguous"]:
        raise UserError(
            f"{prediction.path}: the labels are of loose images, not of a volume; "
            "surfaces need a contiguous stack of slices"
        )


def _measure(labels, meshes, pixel_size_nm, settings):
    """Return all quantities, and the particles (None when no class consists of any)."""
    names = [phase.name for phase in settings.classes]
    support, rule = settings.support, settings.particles
    carrier = names.index(support) if support else -1
    voxels = np.bincount(labels.ravel(), minlength=len(names))
    numbers = {}
    for label, name in list(enumerate(names))[1:]:
        numbers |= quantities.of_phase(name, voxels[label], meshes[name], pixel_size_nm)
    if support:
        numbers |= quantities.of_support(
            support, labels, carrier, settings.hull_radius_nm, pixel_size_nm
        )
    if not rule.phase:
        return numbers, None
    label = names.index(rule.phase)
    everything = find_particles(labels, label, labels.shape, 0.0, rule.split_depth_px)
    particles = quantities.measure_particles(
        labels, label, carrier, everything, rule.smallest_diameter_px, pixel_size_nm
    )
    numbers |= quantities.of_particles(rule.phase, particles, meshes[rule.phase])
    if support:
        numbers |= quantities.loading(
            rule.phase, numbers[f"{rule.phase}_count"], support, numbers[f"{support}_area"]
        )
    return numbers, particles


def _write_particles(path: Path, particles) -> None:
    header = ["id", "x_nm", "y_nm", "z_nm", "volume_nm3", "diameter_nm", "contact_fraction"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "position"])
        if particles is None:
            return
        columns = zip(
            particles.centres_nm(),
            particles.volumes_nm3(),
            particles.diameters_nm(),
            particles.contact[particles.kept],
            particles.exposed[particles.kept],
            particles.faces[particles.kept],
            strict=True,
        )
        for number, (centre, volume, diameter, contact, exposed, faces) in enumerate(columns, 1):
            values = [*centre, volume, diameter, contact / max(faces, 1)]
            position = "surface" if exposed else "buried"
            writer.writerow([number, *(f"{value:.6g}" for value in values), position])


def _draw_views(out, labels, opacity, pixel_size_nm, settings) -> str | None:
    """Draw the views, or projections when there is no renderer; return why, then."""
    material = settings.classes[1:]
    background = settings.classes[0].colour
    phases = [
        {
            "path": str(out.path(f"{phase.name}.vtp")),
            "colour": phase.colour,
            "opacity": opacity[phase.name],
        }
        for phase in material
    ]
    views, reason = render(phases, background)
    if views is None:
        say(f"surfaces: {reason}")
        views = _projections(labels, pixel_size_nm, settings.classes)
    for name, (picture, nm_per_px) in views.items():
        note = "projection of the labels (no renderer)" if reason else None
        _save_view(out.path(f"{name}.png"), picture, nm_per_px, material, background, note)
    return reason


def _projections(labels: np.ndarray, pixel_size_nm: float, classes) -> dict:
    """Return, for each view, the highest label along its axis, in the colours of the classes."""
    palette = np.array(
        [[int(phase.colour[i : i + 2], 16) for i in (1, 3, 5)] for phase in classes], np.uint8
    )
    # (y, z, x) seen along z, along x (turned, so that y points down) and along y.
    highest = {
        "view_front": labels.max(axis=1),
        "view_side": labels.max(axis=2),
        "view_top": labels.max(axis=0),
    }
    highest["view_opaque"] = _first_seen(labels)
    return {name: (palette[highest[name]], pixel_size_nm) for name in VIEWS}


def _first_seen(labels: np.ndarray) -> np.ndarray:
    """Return the first label other than background along the beam, (y, x)."""
    first = (labels > 0).argmax(axis=1)
    return np.take_along_axis(labels, first[:, None, :], axis=1)[:, 0]


def _save_view(path, picture, nm_per_px, phases, background, note) -> None:
    from matplotlib.patches import Patch

    rows, columns = picture.shape[:2]
    figure, axes = new_figure(size=(8.4, 8.4 * rows / columns + 0.3))
    figure.set_facecolor(background)
    axes.imshow(picture, interpolation="antialiased")
    scale_bar(axes, nm_per_px, columns)
    axes.set_axis_off()
    handles = [Patch(color=phase.colour, label=phase.title) for phase in phases]
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, title=note
    )
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_color("white")
    save(figure, path)
