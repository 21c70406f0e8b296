"""The shear projector: line integrals of slices as shifts of whole rows.

At tilt θ, row z of an image lands on the detector at ``s = (x-cx)·cosθ − (z-cz)·sinθ``:
as a copy of itself, moved by ``−(z-cz)·tanθ`` on the image's own x grid. The rows are
therefore added up in a buffer by shifts with two-point interpolation, in loops without
indexed loads, which vectorise well; one resampling per tilt, by the overlap of pixels, takes
the buffer to the detector. The adjoint makes the same steps in reverse with the same weights.
Tilts steeper than 75° are computed on the transposed image, so a needle may be turned by
more than ±90°.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np
from numba import config, njit

_STEEP_DEG = 75.0

# Number of float32 values in the widest vector register: inner loops run over whole registers.
_LANES = 16

# Kernels run without Python's global lock, one thread per slice. Fused multiply-adds are
# allowed, reordered sums are not.
_compile = {"cache": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


def threads() -> int:
    """Return the number of threads allowed: NUMBA_NUM_THREADS, or all cores."""
    return config.NUMBA_NUM_THREADS


class ShearProjector:
    """Forward projection of slices, and its exact adjoint.

    Parameters
    ----------
    tilt_deg : sequence of float
        Tilt angles in degrees.
    shape : (int, int)
        Depth and width of a slice (z, x) in pixels.
    detector : int
        Detector pixels across the tilt axis; need not equal the width.
    centre : float, optional
        Where the tilt axis lies on the detector, in pixels; the middle by default.

    Raises
    ------
    ValueError
        If a tilt angle lies outside -150 to 150 degrees.

    Notes
    -----
    Values are strip integrals: the mean line integral over a detector pixel, in image
    units times pixels of path. The sum over the detector is the sum over the part of the
    image that the detector sees.
    """

    def __init__(
        self,
        tilt_deg: Sequence[float] | np.ndarray,
        shape: tuple[int, int],
        detector: int,
        centre: float | None = None,
    ):
        self.tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        depth, width = shape
        self.shape = (int(depth), int(width))
        self.detector = int(detector)
        self.centre = (detector - 1) / 2 if centre is None else float(centre)
        steep = np.abs(self.tilt_deg) > _STEEP_DEG
        if np.any(np.abs(np.sin(np.radians(self.tilt_deg[steep]))) < 0.5):
            raise ValueError("tilt angles must lie between -150 and 150 degrees")
        both = ((np.flatnonzero(~steep), False), (np.flatnonzero(steep), True))
        self._parts = [_Part(self, tilts, transposed) for tilts, transposed in both if len(tilts)]

    def subset(self, start: int, step: int) -> ShearProjector:
        """Return the projector of the tilts ``start::step``."""
        return ShearProjector(self.tilt_deg[start::step], self.shape, self.detector, self.centre)

    def forward(self, images: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector), float32.

        The result is written into `out` where that is given; the same holds for `backward`.
        """
        images = np.ascontiguousarray(images, dtype=np.float32)
        if out is None:
            out = np.empty((len(images), len(self.tilt_deg), self.detector), np.float32)
        for part in self._parts:
            turned = images.transpose(0, 2, 1) if part.transposed else images
            source = np.ascontiguousarray(turned)
            near, far, four = _scratch(part.forward)
            where = part.tilts, part.columns, part.shears
            _forward(source, *where, self.centre, near, far, four, out)
        return out

    def backward(self, sinograms: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width): the adjoint."""
        sinograms = np.ascontiguousarray(sinograms, dtype=np.float32)
        if out is None:
            out = np.empty((len(sinograms), *self.shape), np.float32)
        for part in self._parts:
            buffers, sums = _scratch(part.backward)
            image = np.empty((len(sinograms), *part.shape), np.float32) if part.transposed else out
            where = part.tilts, part.columns, part.shears
            _backward(sinograms, *where, self.centre, buffers, sums, image)
            if part.transposed:
                out[...] = image.transpose(0, 2, 1) + (out if len(self._parts) == 2 else 0)
        return out


class _Part:
    """The tilts that shear rows of a slice, or its columns: then slices are transposed.

    Attributes
    ----------
    tilts : ndarray of int
        Their indices.
    columns, shears : ndarray of float
        d(detector)/d(column) of each, and how far its rows shift from one to the next.
    transposed : bool
    shape : (int, int)
        Rows and columns of a slice, transposed or not.
    forward, backward : list of (int, int)
        The shapes of the scratch arrays that `_forward` and `_backward` take, see `_scratch`.
    """

    def __init__(self, projector: ShearProjector, tilts: np.ndarray, transposed: bool):
        angle = np.radians(projector.tilt_deg[tilts])
        per_x, per_z = np.cos(angle), -np.sin(angle)
        column, row = (per_z, per_x) if transposed else (per_x, per_z)
        self.tilts, self.columns, self.shears = tilts, column, row / column
        self.transposed = transposed
        rows, width = projector.shape[::-1] if transposed else projector.shape
        self.shape = rows, width
        steepest = np.abs(self.shears).max()
        reach = _registers(steepest * (rows - 1) / 2 + 1)  # the largest shift of a row
        # Four rows are three shears apart; a sum starts and ends up to a register early.
        spread = _registers(3 * steepest + 1) + _LANES
        length = _registers(width + 2 * (reach + spread))
        self.forward = [
            (len(tilts), length),
            (len(tilts), length),
            (4, _registers(width + 2 * spread)),
        ]
        size = _registers(width + 1)
        padded = (len(tilts) + 3) // 4 * 4
        self.backward = [(padded, size + 2 * reach), (2, size)]


def _registers(count: float) -> int:
    """Return `count` rounded up to whole registers."""
    return math.ceil(count / _LANES) * _LANES


_memory = threading.local()


def _scratch(shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Return arrays (rows, columns) of the calling thread's memory, which the next call reuses.

    Allocating new memory for every projection would cost a fifth of its time. Rows begin at
    a multiple of a register; their lengths are whole registers.
    """
    need = sum(rows * columns for rows, columns in shapes) + _LANES
    if getattr(_memory, "flat", np.empty(0)).size < need:
        _memory.flat = np.empty(need, np.float32)
    start = -(_memory.flat.ctypes.data // 4) % _LANES
    arrays = []
    for rows, columns in shapes:
        arrays.append(_memory.flat[start : start + rows * columns].reshape(rows, columns))
        start += rows * columns
    return arrays


@njit(**_compile)
def _split(row: int, rows: int, shear: float, margin: int) -> tuple[int, np.float32, np.float32]:
    """Return a row's whole shift in the buffer, and the weights of the far and near cell."""
    shift = margin + (row - (rows - 1) / 2) * shear
    whole = math.floor(shift)
    return whole, np.float32(shift - whole), np.float32(whole + 1 - shift)


@njit(**_compile)
def _edges(
    pixel: int, pixels: int, column: float, centre: float, middle: float, last: float
) -> tuple[int, np.float32, int, np.float32, int]:
    """Return where a detector pixel begins and ends in the buffer, and the pixel's index.

    Both places are given as a cell and the fraction of the cell that lies before them.

    Cell j is the interval [j, j+1]. Pixels are counted in the direction of the cells.
    """
    size = 1 / abs(column)
    index = pixel if column > 0 else pixels - 1 - pixel
    start = (
        middle - (centre + 0.5) * size if column > 0 else middle - (pixels - 0.5 - centre) * size
    )
    low = min(max(start + pixel * size, 0.0), last)
    high = min(max(start + (pixel + 1) * size, 0.0), last)
    return int(low), np.float32(low - int(low)), int(high), np.float32(high - int(high)), index


@njit(**_compile)
def _forward(
    images: np.ndarray,
    tilts: np.ndarray,
    columns: np.ndarray,
    shears: np.ndarray,
    centre: float,
    near: np.ndarray,
    far: np.ndarray,
    four: np.ndarray,
    sinograms: np.ndarray,
) -> None:
    """Add the rows, four at a time, into two buffers per tilt; resample the buffers.

    A row adds its near part at its whole shift, and its far part one cell further. The far
    parts have a buffer of their own, which is moved by that cell once at the end, so that
    each row is read only once.
    """
    count, rows, width = images.shape
    length = near.shape[1]
    margin, spread = (length - width) // 2, (four.shape[1] - width) // 2
    four[:] = 0
    for n in range(count):
        near[:] = 0
        far[:] = 0
        for row in range(0, rows, 4):
            for i in range(4):
                target = four[i, spread : spread + width]
                if row + i < rows:
                    source = images[n, row + i]
                    for x in range(width):
                        target[x] = source[x]
                else:
                    target[:] = 0
            for t in range(len(tilts)):
                k0, f0, g0 = _split(row, rows, shears[t], margin)
                k1, f1, g1 = _split(row + 1, rows, shears[t], margin)
                k2, f2, g2 = _split(row + 2, rows, shears[t], margin)
                k3, f3, g3 = _split(row + 3, rows, shears[t], margin)
                low = min(k0, k3) // _LANES * _LANES
                size = (max(k0, k3) + width - low + _LANES - 1) // _LANES * _LANES
                a, b = four[0, spread + low - k0 :], four[1, spread + low - k1 :]
                c, d = four[2, spread + low - k2 :], four[3, spread + low - k3 :]
                here, next_ = near[t, low : low + size], far[t, low : low + size]
                for x in range(size):
                    va, vb, vc, vd = a[x], b[x], c[x], d[x]
                    here[x] += g0 * va + g1 * vb + g2 * vc + g3 * vd
                    next_[x] += f0 * va + f1 * vb + f2 * vc + f3 * vd
        middle = (width - 1) / 2 + margin + 0.5
        pixels = sinograms.shape[2]
        for t in range(len(tilts)):
            cells = near[t]
            for x in range(1, length):
                cells[x] += far[t, x - 1]
            for i in range(pixels):
                low, after, high, before, pixel = _edges(
                    i, pixels, columns[t], centre, middle, length - 1.0
                )
                total = before * cells[high] - after * cells[low]
                for cell in range(low, high):
                    total += cells[cell]
                sinograms[n, tilts[t], pixel] = total


@njit(**_compile)
def _backward(
    sinograms: np.ndarray,
    tilts: np.ndarray,
    columns: np.ndarray,
    shears: np.ndarray,
    centre: float,
    buffers: np.ndarray,
    sums: np.ndarray,
    images: np.ndarray,
) -> None:
    """Resample each tilt into its buffer; gather every row from four buffers at a time."""
    count, rows, width = images.shape
    padded, length = buffers.shape  # buffers beyond the last tilt stay zero
    near, far = sums[0], sums[1]
    size = len(near)
    margin = (length - size) // 2
    shifts = np.zeros(padded)
    shifts[: len(tilts)] = shears
    middle = (width - 1) / 2 + margin + 0.5
    pixels = sinograms.shape[2]
    for n in range(count):
        buffers[:] = 0
        for t in range(len(tilts)):
            for i in range(pixels):
                low, after, high, before, pixel = _edges(
                    i, pixels, columns[t], centre, middle, length - 1.0
                )
                value = sinograms[n, tilts[t], pixel]
                if low < high:
                    buffers[t, low] += (1 - after) * value
                    for cell in range(low + 1, high):
                        buffers[t, cell] += value
                    buffers[t, high] += before * value
        for row in range(rows):
            sums[:] = 0
            for t in range(0, padded, 4):
                k0, f0, g0 = _split(row, rows, shifts[t], margin)
                k1, f1, g1 = _split(row, rows, shifts[t + 1], margin)
                k2, f2, g2 = _split(row, rows, shifts[t + 2], margin)
                k3, f3, g3 = _split(row, rows, shifts[t + 3], margin)
                a, b = buffers[t, k0:], buffers[t + 1, k1:]
                c, d = buffers[t + 2, k2:], buffers[t + 3, k3:]
                for x in range(size):
                    va, vb, vc, vd = a[x], b[x], c[x], d[x]
                    near[x] += g0 * va + g1 * vb + g2 * vc + g3 * vd
                    far[x] += f0 * va + f1 * vb + f2 * vc + f3 * vd
            for x in range(width):
                images[n, row, x] = near[x] + far[x + 1]
