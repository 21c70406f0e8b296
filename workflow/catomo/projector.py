"""The shear projector: line integrals of slices as shifts of whole rows.

At tilt θ, row z of an image lands on the detector at ``s = (x-cx)·cosθ − (z-cz)·sinθ``:
as a copy of itself, moved by ``−(z-cz)·tanθ`` on the image's own x grid. So the rows add
up in a buffer by two-point shifts, loops without a gather that fill the vector unit, and
one box-overlap resampling per tilt carries the buffer to the detector. The adjoint takes
the same steps in reverse with the same weights. Tilts steeper than 75° run over the
transposed image, so a needle can be turned all the way.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_STEEP_DEG = 75.0

# Kernels run outside Python's lock, one thread per slice. Fused multiply-adds are allowed,
# reordered sums are not.
_compile = {"cache": True, "nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}


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

    Notes
    -----
    Values are strip integrals: the mean line integral over a detector pixel, in image
    units times pixels of path. The sum over the detector is the sum of the image as far
    as the detector sees it.
    """

    def __init__(self, tilt_deg, shape, detector: int, centre: float | None = None):
        self.tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        self.shape = tuple(shape)
        self.detector = int(detector)
        self.centre = (detector - 1) / 2 if centre is None else float(centre)
        steep = np.abs(self.tilt_deg) > _STEEP_DEG
        if np.any(np.abs(np.sin(np.radians(self.tilt_deg[steep]))) < 0.5):
            raise ValueError("tilt angles must lie between -150 and 150 degrees")
        self._flat, self._steep = np.flatnonzero(~steep), np.flatnonzero(steep)

    def subset(self, start: int, step: int) -> ShearProjector:
        """Return the projector of the tilts ``start::step``."""
        return ShearProjector(self.tilt_deg[start::step], self.shape, self.detector, self.centre)

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector), float32."""
        images = np.ascontiguousarray(images, dtype=np.float32)
        sinograms = np.empty((len(images), len(self.tilt_deg), self.detector), np.float32)
        for tilts, columns, shears, transposed in self._parts():
            source = np.ascontiguousarray(images.transpose(0, 2, 1)) if transposed else images
            _forward(source, tilts, columns, shears, self.centre, sinograms)
        return sinograms

    def backward(self, sinograms: np.ndarray) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width): the adjoint."""
        sinograms = np.ascontiguousarray(sinograms, dtype=np.float32)
        images = None
        for tilts, columns, shears, transposed in self._parts():
            rows, width = reversed(self.shape) if transposed else self.shape
            part = np.empty((len(sinograms), rows, width), np.float32)
            _backward(sinograms, tilts, columns, shears, self.centre, part)
            part = part.transpose(0, 2, 1) if transposed else part
            images = part if images is None else images + part
        return np.ascontiguousarray(images)

    def _parts(self):
        """Yield tilt indices, d(detector)/d(column), shift per row, and whether to transpose."""
        angle = np.radians(self.tilt_deg)
        for tilts, transposed in ((self._flat, False), (self._steep, True)):
            if len(tilts):
                per_x, per_z = np.cos(angle[tilts]), -np.sin(angle[tilts])
                column, row = (per_z, per_x) if transposed else (per_x, per_z)
                yield tilts, column, row / column, transposed


@njit(**_compile)
def _margin(rows, shears):
    """Return how far, in pixels, the rows of an image leave its x grid at the worst tilt."""
    return math.ceil(np.abs(shears).max() * (rows - 1) / 2) + 1


@njit(**_compile)
def _split(row, rows, shear, margin):
    """Return a row's whole shift in the buffer, and the weights of the far and near cell."""
    shift = margin + (row - (rows - 1) / 2) * shear
    whole = math.floor(shift)
    return whole, np.float32(shift - whole), np.float32(whole + 1 - shift)


@njit(**_compile)
def _cells(pixel, column, centre, middle, length):
    """Return the interval of buffer cells that a detector pixel sees (cell j is [j, j+1])."""
    one = (pixel - 0.5 - centre) / column + middle
    other = (pixel + 0.5 - centre) / column + middle
    return max(min(one, other), 0.0), min(max(one, other), float(length))


@njit(**_compile)
def _forward(images, tilts, columns, shears, centre, sinograms):
    """Add the rows, four at a time, into one buffer per tilt; resample the buffers."""
    count, rows, width = images.shape
    margin = _margin(rows, shears)
    length = width + 2 * margin + 1
    spread = math.ceil(3 * np.abs(shears).max()) + 2  # between the shifts of four rows
    for n in range(count):
        buffers = np.zeros((len(tilts), length + 2 * spread), np.float32)
        four = np.zeros((4, width + 2 * spread), np.float32)
        for row in range(0, rows, 4):
            for i in range(4):
                for x in range(width):
                    four[i, spread + x] = images[n, row + i, x] if row + i < rows else 0.0
            for t in range(len(tilts)):
                k0, f0, g0 = _split(row, rows, shears[t], margin + spread)
                k1, f1, g1 = _split(row + 1, rows, shears[t], margin + spread)
                k2, f2, g2 = _split(row + 2, rows, shears[t], margin + spread)
                k3, f3, g3 = _split(row + 3, rows, shears[t], margin + spread)
                low, high = min(k0, k3), max(k0, k3)
                size = width + high - low + 1
                buffer = buffers[t, low : low + size]
                a = four[0, spread + low - k0 - 1 :]
                b = four[1, spread + low - k1 - 1 :]
                c = four[2, spread + low - k2 - 1 :]
                d = four[3, spread + low - k3 - 1 :]
                for x in range(size):
                    buffer[x] += (f0 * a[x] + g0 * a[x + 1] + f1 * b[x] + g1 * b[x + 1]) + (
                        f2 * c[x] + g2 * c[x + 1] + f3 * d[x] + g3 * d[x + 1]
                    )
        middle = (width - 1) / 2 + margin + spread + 0.5
        for t in range(len(tilts)):
            for pixel in range(sinograms.shape[2]):
                low_edge, high_edge = _cells(pixel, columns[t], centre, middle, length + 2 * spread)
                total = np.float32(0)
                for cell in range(int(low_edge), math.ceil(high_edge)):
                    overlap = min(cell + 1.0, high_edge) - max(float(cell), low_edge)
                    total += np.float32(overlap) * buffers[t, cell]
                sinograms[n, tilts[t], pixel] = total


@njit(**_compile)
def _backward(sinograms, tilts, columns, shears, centre, images):
    """Resample each tilt into its buffer; gather every row from four buffers at a time."""
    count, rows, width = images.shape
    margin = _margin(rows, shears)
    length = width + 2 * margin + 1
    padded = (len(tilts) + 3) // 4 * 4  # buffers beyond the last tilt stay zero
    shifts = np.zeros(padded)
    shifts[: len(tilts)] = shears
    for n in range(count):
        buffers = np.zeros((padded, length), np.float32)
        middle = (width - 1) / 2 + margin + 0.5
        for t in range(len(tilts)):
            for pixel in range(sinograms.shape[2]):
                low_edge, high_edge = _cells(pixel, columns[t], centre, middle, length)
                for cell in range(int(low_edge), math.ceil(high_edge)):
                    overlap = min(cell + 1.0, high_edge) - max(float(cell), low_edge)
                    buffers[t, cell] += np.float32(overlap) * sinograms[n, tilts[t], pixel]
        for row in range(rows):
            image = images[n, row]
            image[:] = 0
            for t in range(0, padded, 4):
                k0, f0, g0 = _split(row, rows, shifts[t], margin)
                k1, f1, g1 = _split(row, rows, shifts[t + 1], margin)
                k2, f2, g2 = _split(row, rows, shifts[t + 2], margin)
                k3, f3, g3 = _split(row, rows, shifts[t + 3], margin)
                a, b, c, d = (
                    buffers[t, k0:],
                    buffers[t + 1, k1:],
                    buffers[t + 2, k2:],
                    buffers[t + 3, k3:],
                )
                for x in range(width):
                    image[x] += (g0 * a[x] + f0 * a[x + 1] + g1 * b[x] + f1 * b[x + 1]) + (
                        g2 * c[x] + f2 * c[x + 1] + g3 * d[x] + f3 * d[x + 1]
                    )
