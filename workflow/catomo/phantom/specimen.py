"""The specimen of `simulate`: a plate with slit pores and particles, drawn by seed.

As a default it is γ-alumina with Pt particles (Genc et al. 2022). The plate is a rhombus
between {110} faces with {111} sides; its broad faces carry periodic ridges of {111} planes, on
whose tops, or elsewhere, the particles sit. All shapes are planes and spheres known exactly, so
the truth (labels, particles, facets) needs no measurement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from catomo.errors import UserError
from catomo.phantom.placement import Box, draw_spheres
from catomo.phantom.plate import RIDGES, SIDES, SINE, SLOPE, drop, half_width, ridge_middles
from catomo.phantom.settings import Contrast, Specimen
from catomo.phantom.shares import PARTICLES, PLATE
from catomo.settings.blocks import read_blocks
from catomo.settings.problems import lines_of

_GAP_NM = 1.0  # least wall around a closed pore

# What fills a cell of the fine grid.
EMPTY_CELL, PLATE_CELL, PARTICLE_CELL = 0, 1, 2


@dataclass(frozen=True)
class Phantom:
    """A drawn specimen.

    Attributes
    ----------
    cells : ndarray
        What fills each cell, uint8 (y, z, x), `oversampling` cells per pixel and axis: 0 is
        empty, 1 plate and 2 particles.
    oversampling : int
    particles : list of dict
        Spheres: ``centre_px`` [y, z, x] in pixels, ``diameter_nm``, ``volume_nm3``.
    facets : list of dict
        Planes of the plate: outward ``normal`` [y, z, x], distance from the centre of the
        volume ``offset_nm`` and ``kind``: "110", "111_side" or "111_ridge".
    """

    cells: np.ndarray
    oversampling: int
    particles: list[dict]
    facets: list[dict]

    def shares(self) -> Iterator[dict[str, np.ndarray]]:
        """Yield, for each y, the shares (z, x) of a pixel's cells that plate and particles fill."""
        n = self.oversampling
        for start in range(0, len(self.cells), n):
            cells = self.cells[start : start + n]
            cells = cells.reshape(n, cells.shape[1] // n, n, cells.shape[2] // n, n)
            yield {
                part: (cells == value).mean(axis=(0, 2, 4))
                for part, value in ((PLATE, PLATE_CELL), (PARTICLES, PARTICLE_CELL))
            }

    def density(self, contrast: Contrast) -> np.ndarray:
        """Return the density of every cell, float32."""
        return np.array([0, contrast.plate, contrast.particles], np.float32)[self.cells]


def read_specimen(path: Path | str) -> Specimen:
    """Read and check a specimen file (YAML).

    Raises
    ------
    UserError
        If the file is missing, no YAML, or a key is unknown, missing or out of range.
    """
    content = read_blocks(path, "name a specimen file")
    if not content:
        raise UserError(f"{path}: is no specimen file; see resources/phantoms/demo-128.yaml")
    try:
        return Specimen.model_validate(content)
    except ValidationError as error:
        raise UserError("; ".join(lines_of(error, Specimen, f"{path}: "))) from None


def render_specimen(specimen: Specimen, seed: int) -> Phantom:
    """Draw a specimen on its fine grid.

    Parameters
    ----------
    specimen : Specimen
    seed : int
        Decides pores and particles; the plate itself is the same for all seeds.

    Returns
    -------
    Phantom

    Raises
    ------
    UserError
        If the pores or particles do not fit into the plate.
    """
    rng = np.random.default_rng([seed, 0])
    frame = plate_frame(specimen)
    pores = _draw_pores(specimen, rng)
    spheres = draw_spheres(specimen, pores, rng)
    n = specimen.render_oversampling
    cells = np.zeros([size * n for size in specimen.shape_px], np.uint8)
    _draw_plate(cells, specimen, frame, pores)

    middle = (np.array(specimen.shape_px) - 1) / 2
    particles = []
    for centre, diameter in spheres:
        centre_px = middle + (frame @ centre)[[1, 2, 0]] / specimen.pixel_size_nm
        _draw_sphere(cells, (centre_px + 0.5) * n - 0.5, diameter / 2 / specimen.pixel_size_nm * n)
        particles.append(
            {
                "centre_px": centre_px.tolist(),
                "diameter_nm": float(diameter),
                "volume_nm3": float(np.pi / 6 * diameter**3),
            }
        )
    return Phantom(cells, n, particles, _facets(specimen, frame))


def plate_frame(specimen: Specimen) -> np.ndarray:
    """Return the 3 × 3 matrix from the plate's own axes to the volume's, both as (x, y, z)."""
    from scipy.spatial.transform import Rotation  # late: who only reads specimens need not wait

    return Rotation.from_euler("xyz", specimen.plate.rotation_deg, degrees=True).as_matrix()


def mid_plate_nm(specimen: Specimen) -> float:
    """Return the mean path of the beam through a plain piece of plate at 0° tilt, in nm."""
    plate = specimen.plate
    ridge = plate.corrugation_depth_nm**2 / SLOPE / plate.corrugation_period_nm
    mean = plate.thickness_nm - 2 * plate.corrugation_depth_nm + 2 * ridge
    return mean / abs(plate_frame(specimen)[2, 2])


def _draw_pores(specimen: Specimen, rng: np.random.Generator) -> list[Box]:
    """Draw pores as boxes (low, high) in nm along the two side normals and the face normal.

    In these three coordinates plate and pores are boxes alike, because the pores' walls are
    parallel to the plate's sides; an edge of length l is l·sin 70.5° long there.
    """
    for _ in range(200):
        boxes = _try_pores(specimen, rng)
        if len(boxes) == specimen.pores.count:
            return boxes
    raise UserError(
        f"pores.count: found room for {len(boxes)} of {specimen.pores.count} pores in a plate of "
        f"{specimen.plate.edge_nm:g} × {specimen.plate.thickness_nm:g} nm; "
        "ask for fewer or smaller pores"
    )


def _try_pores(specimen: Specimen, rng: np.random.Generator) -> list[Box]:
    """Draw all sizes, then place pores one by one, the largest first, until one finds no room."""
    plate, pores = specimen.plate, specimen.pores
    wall = half_width(plate)
    core = plate.thickness_nm / 2 - plate.corrugation_depth_nm
    (thinnest, widest), (shortest, longest) = pores.width_nm, pores.length_nm
    width = rng.uniform(thinnest, widest, pores.count)
    length = rng.uniform(shortest, longest, pores.count) * SINE
    height = rng.uniform(0.6, 1.0, pores.count) * np.minimum(length, 2 * (core - _GAP_NM))
    halves = np.stack([width, length, height], axis=1) / 2
    opened = rng.permutation(pores.count) < round(pores.count * pores.open_fraction)
    boxes: list[Box] = []
    for number in np.argsort(-halves.prod(axis=1), kind="stable"):
        half = halves[number]
        reach = np.array([wall, wall, core]) - _GAP_NM - half
        if opened[number]:
            reach[1] = wall
        if reach.min() < 0 or half.min() <= 0:
            break
        centres = rng.uniform(-reach, reach, (200, 3))
        if opened[number]:  # the rim crosses the pore's outer half
            depth = rng.uniform(0, half[1], 200)
            centres[:, 1] = np.sign(centres[:, 1]) * (wall - depth)
        if not pores.aligned and rng.random() < 0.5:
            half, centres = half[[1, 0, 2]], centres[:, [1, 0, 2]]
        candidates = ((centre - half, centre + half) for centre in centres)
        free = (box for box in candidates if all(_apart(box, other) for other in boxes))
        box = next(free, None)
        if box is None:
            break
        boxes.append(box)
    return boxes


def _apart(one: Box, other: Box) -> bool:
    return bool(np.any((one[0] > other[1] + _GAP_NM) | (other[0] > one[1] + _GAP_NM)))


def _draw_plate(cells: np.ndarray, specimen: Specimen, frame: np.ndarray, pores: list[Box]) -> None:
    """Fill the cells of the plate, one plane of constant y at a time."""
    plate = specimen.plate
    wall, top = half_width(plate), plate.thickness_nm / 2
    cell = specimen.pixel_size_nm / specimen.render_oversampling
    y, z, x = ((np.arange(size) - (size - 1) / 2) * cell for size in cells.shape)
    # Rows: distances along both side normals, out of the face, across the ridges.
    to_plate = np.vstack([SIDES @ frame.T, frame.T[2], frame.T[1]])
    for row, height in enumerate(y):
        near = [
            direction[1] * height + direction[2] * z[:, None] + direction[0] * x
            for direction in to_plate
        ]
        inside = (np.abs(near[0]) < wall) & (np.abs(near[1]) < wall) & (np.abs(near[2]) < top)
        if not inside.any():
            continue
        points = np.array([distance[inside] for distance in near])
        solid = np.ones(points.shape[1], bool)
        for face in (1, -1):
            solid &= face * points[2] <= top - drop(plate, points[3], face)
        for low, high in pores:
            within = (points[:3] > low[:, None]) & (points[:3] < high[:, None])
            solid &= ~within.all(axis=0)
        cells[row][inside] = np.where(solid, PLATE_CELL, EMPTY_CELL)


def _draw_sphere(cells: np.ndarray, centre: np.ndarray, radius: float) -> None:
    """Give a particle the cells whose middle is within `radius` of `centre`, both in cells."""
    low = np.maximum(np.ceil(centre - radius).astype(int), 0)
    high = np.minimum(np.floor(centre + radius).astype(int) + 1, cells.shape)
    window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    offsets = (np.arange(a, b) - c for a, b, c in zip(low, high, centre, strict=True))
    squares = np.ix_(*(offset**2 for offset in offsets))
    cells[window][squares[0] + squares[1] + squares[2] <= radius**2] = PARTICLE_CELL


def _facets(specimen: Specimen, frame: np.ndarray) -> list[dict]:
    plate = specimen.plate
    top = plate.thickness_nm / 2
    planes = [
        (sign * normal, half_width(plate), "111_side") for normal in SIDES for sign in (1, -1)
    ]
    for face in (1, -1):
        planes.append((np.array([0, 0, face]), top - plate.corrugation_depth_nm, "110"))
        for middle in ridge_middles(plate, face):
            for ridge in RIDGES:
                normal = ridge * [1, 1, face]
                planes.append((normal, normal @ [0, middle, face * top], "111_ridge"))
    return [
        {"normal": (frame @ normal)[[1, 2, 0]].tolist(), "offset_nm": float(offset), "kind": kind}
        for normal, offset, kind in planes
    ]
