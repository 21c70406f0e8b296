"""The particles of a class, one by one: size, areas, spacing, place and shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from catomo.labels.particles import Instances, count_split, find_particles
from catomo.labels.settings import Particles
from catomo.surfaces.along_support import gaps_along
from catomo.surfaces.crofton import areas, loss_of_small
from catomo.surfaces.frame import Frame
from catomo.surfaces.gaps import gaps

OUTER, PORE, EMBEDDED = "outer surface", "pore wall", "embedded"
DETACHED = "detached"  # touches no support
FREE = ""  # there is no support

_FACES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))

# Background voxels with a face to particle and support, per px of a rim, where particles stand
# upright: on planes oblique to the axes, and how many more on those along them; by how much one
# particle is off by chance; and the area that voxels give from the free face to the contact for
# each such voxel more (balls on planes at 60 to 180°: 0.8 to 2, by how voxels were labelled).
_UPRIGHT, _MORE_ALONG_AXES, _BY_CHANCE = 0.52, 0.47, 0.15
_CLOSED = 1.4

_LEAST_DEPTH_PX = 0.25  # of a neck at which pieces are split

# Share of the support's surface at the end of the frame from which the frame cuts it.
_LEAST_AT_END = 0.01


# Takes voxels (n, 3) and returns which of them lie in the support's hull.
InHull = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class MeasuredParticles:
    """All connected or split pieces of a class, and which of them count as particles.

    Arrays of numbers have one entry for each piece, in pixels, square pixels and so on.

    Attributes
    ----------
    pieces : Instances
        All pieces, however small.
    kept : ndarray of bool
        Which pieces are large enough to be particles.
    pixel_size_nm : float
    low, high : ndarray of int64, (pieces, 3)
        Lowest and highest corner of the box around each piece.
    cut_axes : ndarray of int64
        Along how many axes the frame cuts the piece.
    towards : ndarray of float64, (pieces, classes)
        Area towards each class.
    support : int
        Label of the support, -1 for none.
    wedge : float
        How narrow the wedges between particles and support are, in px² for each px of their
        rims; 0 where particles stand upright.
    place : ndarray of str
        `OUTER`, `PORE`, `EMBEDDED`, `DETACHED` or, where there is no support, `FREE`.
    spacing : ndarray of float64
        Gap to the nearest other particle; not a number where there is none or it is too small.
    spacing_along : ndarray of float64
        The same along the surface of the support; not a number without contact to it, and
        infinite where no way leads to another one.
    most : int
        How many pieces there would be if they were split at half the depth.
    weight, spacing_weight, along_weight : ndarray of float64
        How many particles of its kind each whole particle stands for; 0 for cut ones and for
        those too near to the frame to know their nearest neighbour.
    """

    pieces: Instances
    most: int
    kept: np.ndarray
    pixel_size_nm: float
    low: np.ndarray
    high: np.ndarray
    cut_axes: np.ndarray
    towards: np.ndarray
    support: int
    wedge: float
    place: np.ndarray
    spacing: np.ndarray
    weight: np.ndarray
    spacing_weight: np.ndarray
    spacing_along: np.ndarray
    along_weight: np.ndarray
    diameters: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "diameters", self.pieces.diameters())

    @property
    def exposed(self) -> np.ndarray:
        """Area towards background."""
        return self.towards[:, 0]

    @property
    def contact(self) -> np.ndarray:
        """Area towards the support."""
        return self.towards[:, self.support] if self.support >= 0 else 0 * self.exposed

    @property
    def whole(self) -> np.ndarray:
        """Which pieces are particles that the frame does not cut."""
        return self.kept & (self.cut_axes == 0)

    @property
    def is_placed(self) -> bool:
        """Whether there is a support that tells where on it the particles are."""
        return bool((self.place != FREE).any())

    def centres_nm(self) -> np.ndarray:
        """Return the centroids, (pieces, 3), as x, y, z in nm."""
        return self.pieces.centres()[:, [2, 0, 1]] * self.pixel_size_nm

    def sphericity(self) -> np.ndarray:
        """Return the area of the ball of equal volume over the area of each piece.

        Not a number where a piece was split from another one: the area between them is unknown.
        """
        area = self.towards.sum(axis=1)
        known = (area > 0) & (np.bincount(self.pieces.groups)[self.pieces.groups] == 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(known, np.pi * self.diameters**2 / area, np.nan)

    def elongation(self) -> np.ndarray:
        """Return the extent of each piece along the beam (z) over that across it."""
        voxels, ids, count = self.pieces.voxels, self.pieces.ids, self.pieces.count
        spread = []
        for axis, centre in zip(voxels.T, self.pieces.centres().T, strict=True):
            square = np.bincount(ids, (axis - centre[ids]) ** 2, count)
            spread.append(square / np.maximum(self.pieces.sizes(), 1) + 1 / 12)
        return np.sqrt(spread[1] / ((spread[0] + spread[2]) / 2))


def find_pieces(labels: np.ndarray, phase: int, split_depth_px: float) -> Instances:
    """Return all pieces of a class, however small, split where they touch."""
    return find_particles(labels, phase, labels.shape, 0.0, _depth(split_depth_px))


def _depth(split_depth_px: float) -> float:
    return max(split_depth_px, _LEAST_DEPTH_PX)


def measure_particles(
    labels: np.ndarray,
    phase: int,
    rule: Particles,
    pixel_size_nm: float,
    specimen: Specimen,
    pieces: Instances | None = None,
    *,
    brief: bool = False,
) -> MeasuredParticles:
    """Find and measure each piece of a class.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    phase : int
        Label of the class.
    rule : Particles
        What counts as one particle.
    pixel_size_nm : float
    specimen : Specimen
    pieces : Instances, optional
        All pieces, where they are known already.
    brief : bool
        Whether to leave out ways along the support, and to split pieces at one depth alone.
    """
    frame = specimen.frame
    known = pieces is not None
    if pieces is None:
        pieces = find_pieces(labels, phase, rule.split_depth_px)
    most = pieces.count
    if not brief:
        # A person may have divided pieces, but not their groups.
        connected = find_pieces(labels, phase, rule.split_depth_px) if known else pieces
        most = max(most, count_split(connected, _depth(rule.split_depth_px / 2)))
        del connected
    voxels, ids = pieces.voxels, pieces.ids
    low, high = _boxes(pieces)
    cut_axes = frame.cut_axes(low, high)
    kept = pieces.diameters() >= rule.smallest_diameter_px
    towards = areas(labels, voxels, ids, (pieces.count, specimen.classes), frame)
    towards /= loss_of_small(pieces.diameters())[:, None]
    is_detached = towards[:, specimen.support] <= 0
    wedge = 0.0
    if specimen.support >= 0 and pieces.count:
        wedge = _open_wedges(labels, pieces, towards, specimen)
    spacing = gaps(pieces, kept)
    along = np.full(pieces.count, np.nan)
    if specimen.places is not None and pieces.count and not brief:
        along = gaps_along(specimen.places, pieces, kept, frame)
    whole = kept & (cut_axes == 0)
    is_cut = specimen.is_cut(bool((kept & ~whole).any()))
    weights = partial(_weights, pieces, (low, high), whole, specimen if is_cut else None)
    places = _places(labels, pieces, towards, specimen)
    return MeasuredParticles(
        pieces, most, kept, pixel_size_nm, low, high, cut_axes, towards,
        specimen.support,
        wedge, np.where(is_detached & (places != FREE), DETACHED, places), spacing,
        weights(np.zeros(pieces.count)), weights(spacing), along, weights(along),
    )  # fmt: skip


def _weights(
    pieces: Instances,
    corners: tuple[np.ndarray, np.ndarray],
    whole: np.ndarray,
    specimen: Specimen | None,
    gap: np.ndarray,
) -> np.ndarray:
    """Return what each whole particle counts if its surroundings as far as a gap must be seen.

    `corners` are the lowest and the highest corner of each piece. Without `specimen` the frame
    cuts nothing, and all count alike.
    """
    known = whole & np.isfinite(gap)
    if specimen is None:
        return known.astype(float)
    reach = np.ceil(np.where(known, gap, 0))[:, None].astype(int)
    low, high = corners[0] - reach, corners[1] + reach
    known &= specimen.frame.holds(low, high)
    result = np.zeros(pieces.count)
    around = (low[known], high[known])
    result[known] = specimen.frame.weights(around, pieces.centres()[known], specimen.places)
    return result


def rim_of(contact: np.ndarray) -> np.ndarray:
    """Return the length of the rim of contacts of these areas, taken for round."""
    return 2 * np.sqrt(np.pi * contact)


@dataclass(frozen=True)
class Specimen:
    """What is around the particles.

    Attributes
    ----------
    frame : Frame
    classes : int
        Number of classes, background included.
    support : int
        Label of the support, -1 for none.
    places : ndarray, (n, 3), or None
        Voxels at the surface of the support, where particles may be; None without a support.
    in_hull : callable or None
        Tells which voxels lie in the support's hull; None without a support.
    """

    frame: Frame
    classes: int
    support: int
    places: np.ndarray | None
    in_hull: InHull | None

    def is_cut(self, particles_are: bool) -> bool:
        """Return whether the specimen goes on beyond the frame.

        It does where the frame cuts a particle, and where more than a few voxels of the
        support's surface lie at its end; a corner that just reaches there is no such thing.
        """
        if particles_are or self.places is None:
            return particles_are
        return bool(self.frame.ends(self.places).mean() > _LEAST_AT_END)


def _boxes(pieces: Instances) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest corner of each piece."""
    if not pieces.count:
        return np.empty((0, 3), np.int64), np.empty((0, 3), np.int64)
    order = np.argsort(pieces.ids, kind="stable")
    starts = np.searchsorted(pieces.ids[order], np.arange(pieces.count))
    voxels = pieces.voxels[order]
    return np.minimum.reduceat(voxels, starts), np.maximum.reduceat(voxels, starts)


def _places(
    labels: np.ndarray, pieces: Instances, towards: np.ndarray, specimen: Specimen
) -> np.ndarray:
    """Return where each piece is: by most of the free voxels beside it, in the hull or not."""
    if specimen.in_hull is None:
        return np.full(pieces.count, FREE)
    inside, free = np.zeros(pieces.count), np.zeros(pieces.count)
    for step in _FACES:
        beside = specimen.frame.neighbours(pieces.voxels, step)
        is_free = labels[tuple(beside.T)] == 0
        ids = pieces.ids[is_free]
        free += np.bincount(ids, minlength=pieces.count)
        within = specimen.in_hull(beside[is_free])
        inside += np.bincount(ids[within], minlength=pieces.count)
    return np.where(towards[:, 0] <= 0, EMBEDDED, np.where(2 * inside > free, PORE, OUTER))


def _open_wedges(
    labels: np.ndarray, pieces: Instances, towards: np.ndarray, specimen: Specimen
) -> float:
    """Give back to the free faces, in place, what voxels closed; return how narrow wedges are.

    Where a particle meets the support at a narrow wedge, its end is too thin for a voxel and
    counts as contact. The narrower the wedges, the more background voxels have a face to both
    for each px of the rims, and the more is closed.
    """
    contact = towards[:, specimen.support]
    rims = np.where(towards[:, 0] > 0, rim_of(contact), 0)  # embedded particles have none
    if not rims.any():
        return 0.0
    frame = specimen.frame
    every = [frame.neighbours(pieces.voxels, step) for step in _FACES]
    behind = [labels[tuple(there.T)] for there in every]
    beside = np.concatenate([there[is_at == 0] for there, is_at in zip(every, behind, strict=True)])
    faces = [int(np.count_nonzero(is_at == specimen.support)) for is_at in behind]
    _, first = np.unique(np.ravel_multi_index(tuple(beside.T), frame.shape), return_index=True)
    beside = beside[first]
    touches = np.zeros(len(beside), bool)
    for step in _FACES:
        touches |= labels[tuple(frame.neighbours(beside, step).T)] == specimen.support
    seen = np.count_nonzero(touches) / rims.sum()
    sure = max(seen - _upright(faces) - _BY_CHANCE / np.sqrt(np.count_nonzero(rims)), 0.0)
    closed = np.minimum(_CLOSED * sure * rims, contact)
    towards[:, specimen.support] -= closed
    towards[:, 0] += closed
    return float(max(seen - _UPRIGHT, 0.0))


def _upright(faces: list[int]) -> float:
    """Return how many background voxels there are for each px of the rims of upright particles.

    Parameters
    ----------
    faces : list of int
        How many faces of voxels there are to the support in each direction of `_FACES`.
    """
    shares = np.array(faces).reshape(3, 2).sum(axis=1) / sum(faces)
    along_axes = 1.5 * (shares**2).sum() - 0.5  # 0 where all axes share alike, 1 on one of them
    return float(_UPRIGHT + _MORE_ALONG_AXES * max(along_axes, 0.0) ** 1.5)
