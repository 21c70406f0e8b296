"""The particles of a class with their contact to the support, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from catomo.files.tables import number_text, write_csv
from catomo.labels.particles import Instances

_HEADER = [
    "id",
    "x_nm",
    "y_nm",
    "z_nm",
    "volume_nm3",
    "diameter_nm",
    "contact_fraction",
    "position",
]


@dataclass(frozen=True)
class MeasuredParticles:
    """All connected or split pieces of a class, and which of them count as particles.

    Attributes
    ----------
    pieces : Instances
        All pieces, however small.
    kept : ndarray of bool, (pieces,)
        Which pieces are large enough to be particles.
    pixel_size_nm : float
    contact, exposed, faces : ndarray of int64, (pieces,)
        Number of voxel faces of each piece towards the support, towards background, and in
        total. Faces towards another particle, or at the end of the volume, are not counted.
    """

    pieces: Instances
    kept: np.ndarray
    pixel_size_nm: float
    contact: np.ndarray
    exposed: np.ndarray
    faces: np.ndarray

    def diameters_nm(self) -> np.ndarray:
        """Return the diameter of the ball of equal volume of each particle, in nm."""
        return self.pieces.diameters()[self.kept] * self.pixel_size_nm

    def volumes_nm3(self) -> np.ndarray:
        """Return the volume of each particle, in nm³."""
        return self.pieces.sizes()[self.kept] * self.pixel_size_nm**3

    def centres_nm(self) -> np.ndarray:
        """Return the centroids, (particles, 3), as x, y, z in nm."""
        return self.pieces.centres()[self.kept][:, [2, 0, 1]] * self.pixel_size_nm


def measure_particles(
    labels: np.ndarray,
    phase_and_support: tuple[int, int],
    pieces: Instances,
    smallest_px: float,
    pixel_size_nm: float,
) -> MeasuredParticles:
    """Count the voxel faces of each piece by what lies behind them.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    phase_and_support : (int, int)
        Label values of the particles and of the support (-1 for none).
    pieces : Instances
        All pieces of the class, found without a lower limit of size.
    smallest_px : float
        Equivalent diameter from which a piece counts as a particle.
    pixel_size_nm : float
    """
    phase, support = phase_and_support
    contact, exposed, faces = (np.zeros(pieces.count, np.int64) for _ in range(3))
    for axis, step in product(range(3), (-1, 1)):
        neighbour = pieces.voxels.copy()
        neighbour[:, axis] += step
        within = (neighbour[:, axis] >= 0) & (neighbour[:, axis] < labels.shape[axis])
        behind = labels[tuple(neighbour[within].T)]
        ids = pieces.ids[within]
        for count, is_counted in (
            (contact, behind == support),
            (exposed, behind == 0),
            (faces, behind != phase),
        ):
            count += np.bincount(ids[is_counted], minlength=pieces.count)
    kept = pieces.diameters() >= smallest_px
    return MeasuredParticles(pieces, kept, pixel_size_nm, contact, exposed, faces)


def write_particles(path: Path, particles: MeasuredParticles | None) -> None:
    """Write a table with a row per particle; without particles it has its header only."""
    rows = []
    if particles is not None:
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
            rows.append([number, *map(number_text, values), position])
    write_csv(path, _HEADER, rows)
