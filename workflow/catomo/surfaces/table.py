"""The table of the particles: a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from catomo.files.tables import number_text, write_csv
from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.relief import Relief
from catomo.surfaces.seats import Seats

_HEADER = [
    "id", "x_nm", "y_nm", "z_nm", "x_from_px", "x_to_px", "y_from_px", "y_to_px", "z_from_px",
    "z_to_px", "whole", "diameter_nm", "volume_nm3", "contact_area_nm2", "exposed_area_nm2",
    "contact_fraction", "spacing_nm", "spacing_support_nm", "location", "elongation",
    "sphericity", "probability", "weight",
]  # fmt: skip

_SEATS = ["facet", "family", "apex_nm", "valley_nm", "pore_mouth_nm", "plate_edge_nm"]


def write_particles(
    path: Path,
    particles: MeasuredParticles | None,
    probability: np.ndarray | None = None,
    marks: Mapping[int, str] | None = None,
    seats: Mapping[int, list[str]] | None = None,
) -> None:
    """Write a table with a row per particle; without particles it has its header only.

    Parameters
    ----------
    path : path
    particles : MeasuredParticles or None
        ``weight`` is how many particles of its kind each stands for, 0 for one that the frame
        cuts.
    probability : ndarray of float64, (pieces,), optional
        How sure each piece is. By default that column is empty: labels alone do not tell.
    marks : mapping of int to str, optional
        What a person decided, by the number of the piece; it becomes a column ``review``.
    seats : mapping of int to list of str, optional
        Where each piece sits on facets (`seats_of`). By default those columns are empty.
    """
    rows = [] if particles is None else _rows(particles, probability)
    if particles is not None:
        nowhere = [""] * len(_SEATS)
        every = [(seats or {}).get(int(one), nowhere) for one in np.flatnonzero(particles.kept)]
        rows = [[*row, *seat] for row, seat in zip(rows, every, strict=True)]
    if marks is None or particles is None:
        write_csv(path, [*_HEADER, *_SEATS], rows)
        return
    words = [marks.get(int(one), "") for one in np.flatnonzero(particles.kept)]
    marked = [[*row, word] for row, word in zip(rows, words, strict=True)]
    write_csv(path, [*_HEADER, *_SEATS, "review"], marked)


def _rows(particles: MeasuredParticles, probability: np.ndarray | None) -> list[list[str]]:
    size = particles.pixel_size_nm
    centres, sphericity = particles.centres_nm(), particles.sphericity()
    elongation, volumes = particles.elongation(), particles.pieces.sizes() * size**3
    rows = []
    for number, one in enumerate(np.flatnonzero(particles.kept), 1):
        contact, exposed = particles.contact[one], particles.exposed[one]
        both = contact + exposed
        box = np.stack([particles.low[one], particles.high[one]], axis=1)[[2, 0, 1]]
        values = [
            particles.diameters[one] * size,
            volumes[one],
            contact * size**2,
            exposed * size**2,
            contact / both if both else np.nan,
            particles.spacing[one] * size,
            particles.spacing_along[one] * size,
        ]
        sure = np.nan if probability is None else probability[one]
        shape = [elongation[one], sphericity[one], sure, particles.weight[one]]
        rows.append(
            [
                str(number),
                *map(number_text, centres[one]),
                *map(str, box.ravel()),
                "whole" if particles.cut_axes[one] == 0 else "cut",
                *map(number_text, values),
                str(particles.place[one]),
                *map(number_text, shape),
            ]
        )
    return rows


def seats_of(
    particles: MeasuredParticles | None, relief: Relief | None, seats: Seats | None
) -> dict[int, list[str]]:
    """Return the columns of facets for each piece that sits on the support."""
    if particles is None or relief is None or seats is None:
        return {}
    size = particles.pixel_size_nm
    result = {}
    for one in np.flatnonzero(seats.has_rim):
        facet = int(seats.facets[one])
        away = (seats.apex, seats.valley, seats.mouth, seats.edge)
        number = str(facet + 1) if facet >= 0 else ""
        distances = [number_text(float(values[one] * size)) for values in away]
        result[int(one)] = [number, relief.name_of(facet), *distances]
    return result
