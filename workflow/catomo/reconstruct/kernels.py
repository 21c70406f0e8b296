"""The kernels of backend `cuda` as functions of arrays: launch shapes, layouts, and geometry.

Nothing here knows CuPy: a `Device` launches the kernels, on a GPU or, in the tests, on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

SOURCE = Path(__file__).with_name("kernels.cu")

# Slices that one thread of `project` and `spread` computes: a float4.
VECTOR = 4

_THREADS = 256

# As the enumerations in the source.
PROJECTION, RATIO, DIFFERENCE = 0, 1, 2
SPREAD, TIMES, PLUS = 0, 1, 2


class Device(Protocol):
    """Memory and kernels of a device.

    Attributes
    ----------
    name : str
    arrays : module
        CuPy, or another with NumPy's functions: arrays on the device are its arrays.
    """

    name: str
    arrays: Any

    def launch(
        self, kernel: str, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Any
    ) -> None:
        """Start a kernel on the calling thread's stream; numbers are NumPy scalars."""

    def empty(self, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
        """Return an array on the device, with whatever its memory holds."""

    def put(self, array: np.ndarray) -> Any:
        """Copy an array to the device."""

    def get(self, array: Any) -> np.ndarray:
        """Copy an array from the device."""

    def synchronize(self) -> None:
        """Wait for all that runs on the device."""

    def free_bytes(self) -> int:
        """Return how much memory can be had."""

    def stream(self) -> AbstractContextManager:
        """Return a context in which the calling thread has a stream of its own."""


class Subset(NamedTuple):
    """The tilts ``first::every`` of `total` tilts in all."""

    first: int
    every: int
    total: int

    def __len__(self) -> int:
        return len(range(self.first, self.total, self.every))


def padded(slices: int) -> int:
    """Return the number of slices rounded up to whole vectors."""
    return -(-slices // VECTOR) * VECTOR


class Kernels:
    """Projection of images [z][x][n] to sinograms [tilt][detector][n] on a device, and back.

    Parameters
    ----------
    device : Device
    tilt_deg : sequence of float
        Tilt angles in degrees.
    shape : (int, int)
        Depth and width of a slice (z, x) in pixels.
    detector : int
        Detector pixels across the tilt axis.
    centre : float, optional
        Where the tilt axis lies on the detector, in pixels; the middle by default.

    Notes
    -----
    The number of slices n, of the arrays given, is a multiple of `VECTOR`.
    """

    def __init__(
        self,
        device: Device,
        tilt_deg: Sequence[float] | np.ndarray,
        shape: tuple[int, int],
        detector: int,
        centre: float | None = None,
    ):
        self.device = device
        self.tilt_deg = np.asarray(tilt_deg, np.float64)
        self.shape = int(shape[0]), int(shape[1])
        self.detector = int(detector)
        self.centre = (detector - 1) / 2 if centre is None else float(centre)
        self.all = Subset(0, 1, len(self.tilt_deg))
        self._tilts = device.put(tilt_table(self.tilt_deg))
        self._none = device.put(np.zeros(VECTOR, np.float32))

    def subset(self, first: int, every: int) -> Subset:
        """Return the tilts ``first::every``."""
        return Subset(first, every, len(self.tilt_deg))

    def project(
        self,
        images: Any,
        out: Any,
        subset: Subset | None = None,
        *,
        rule: int = PROJECTION,
        measured: Any = None,
        floors: Any = None,
        weights: Any = None,
    ) -> None:
        """Set `out` (tilt of the subset, detector, n) to projections, or to what a rule makes.

        Values of `measured` below 0 stand for pixels without a measurement.

        ``RATIO``: `measured` (tilt, detector, n) by the projection, which counts as `floors` (n)
        at the least. ``DIFFERENCE``: the difference from `measured`, times `weights` (tilt,
        detector).
        """
        subset = subset or self.all
        vectors = images.shape[2] // VECTOR
        grid, block = _launch(vectors, self.detector, len(subset))
        self.device.launch(
            "project",
            grid,
            block,
            images,
            self._tilts,
            *(self._none if array is None else array for array in (measured, floors, weights)),
            out,
            *_whole(vectors, *self.shape, self.detector),
            np.float32(self.centre),
            *_whole(subset.first, subset.every, rule),
        )

    def spread(
        self,
        sinograms: Any,
        out: Any,
        subset: Subset | None = None,
        *,
        rule: int = SPREAD,
        images: Any = None,
        gain: Any = None,
    ) -> None:
        """Set `out` (z, x, n) to sinograms spread over slices, or to what a rule makes of them.

        ``TIMES``: `images` times the result and `gain` (z, x). ``PLUS``: `images` plus the result
        times `gain`, never negative. `images` may be `out`.
        """
        subset = subset or self.all
        vectors = out.shape[2] // VECTOR
        grid, block = _launch(vectors, self.shape[1], self.shape[0])
        self.device.launch(
            "spread",
            grid,
            block,
            sinograms,
            self._tilts,
            *(self._none if array is None else array for array in (images, gain)),
            out,
            *_whole(vectors, *self.shape, self.detector),
            np.float32(self.centre),
            *_whole(subset.first, subset.every, len(subset), rule),
        )


def line_sums(device: Device, one: Any, other: Any) -> np.ndarray:
    """Return sums along i of `one` (line, i, n), of (one - other)², and of one²: (3, line, n).

    What stands where `other` is negative does not count: nothing was measured there.
    """
    lines, length, count = one.shape
    sums = device.empty((3, lines, count), np.float64)
    grid, block = _launch(count, lines, 1)
    device.launch("line_sums", grid, block, one, other, sums, *_whole(count, lines, length))
    return device.get(sums)


def poisson_sums(
    device: Device,
    projected: Any,
    measured: Any,
    floors: np.ndarray,
    counts: np.ndarray,
    variance: float,
) -> np.ndarray:
    """Return sums along the detector of Poisson data (tilt, detector, n): (3, tilt, n).

    The log-likelihood ``y log p - p``, where p counts as `floors` (n) at the least within the
    logarithm; χ² of the pixels at which at least one count is expected, with `counts` (n) per
    unit and a variance of the detector's own; and the number of those pixels. Pixels where
    `measured` is negative do not count.
    """
    tilts, detector, count = projected.shape
    sums = device.empty((3, tilts, count), np.float64)
    grid, block = _launch(count, tilts, 1)
    device.launch(
        "poisson_sums",
        grid,
        block,
        projected,
        measured,
        device.put(floors),
        device.put(counts),
        np.float64(variance),
        sums,
        *_whole(count, tilts, detector),
    )
    return device.get(sums)


def fold(device: Device, array: np.ndarray) -> Any:
    """Bring slices (n, rows, columns) to the device as [row][column][n], n in whole vectors."""
    slices, rows, columns = array.shape
    source, target = device.put(array), device.empty((rows, columns, padded(slices)))
    grid, block = _launch(columns, padded(slices), rows)
    device.launch(
        "fold", grid, block, source, target, *_whole(slices, padded(slices), rows, columns)
    )
    return target


def unfold(device: Device, array: Any, scales: np.ndarray, spare: Any = None) -> np.ndarray:
    """Return the slices (n, row, column) of [row][column][n], each times its scale.

    There are as many slices as scales. `spare` is memory of the same size that is not needed.
    """
    rows, columns, count = array.shape
    slices = len(scales)
    target = device.empty(array.shape) if spare is None else spare
    target = target.reshape(-1)[: slices * rows * columns]
    grid, block = _launch(columns, slices, rows)
    device.launch(
        "unfold",
        grid,
        block,
        array,
        device.put(scales),
        target,
        *_whole(slices, count, rows, columns),
    )
    return device.get(target).reshape(slices, rows, columns)


def filled(device: Device, values: np.ndarray, shape: tuple[int, int]) -> Any:
    """Return slices (z, x, n) on the device, each filled with its value (n)."""
    images = device.empty((*shape, len(values)))
    grid, block = _launch(len(values), shape[1], shape[0])
    device.launch("set", grid, block, device.put(values), images, *_whole(len(values), *shape))
    return images


def smooth(
    device: Device,
    images: Any,
    corrections: Any,
    slices: int,
    *,
    strength: float,
    across: bool = False,
    slices_last: bool = True,
) -> None:
    """Divide `corrections` by ``1 + strength · ∂TV/∂u`` of `images`, in place.

    Both are (z, x, n), or (n, z, x) where `slices_last` is false; slices from `slices` on do not
    count. With `across` the total variation also acts between neighbouring slices.
    """
    if slices_last:
        depth, width, count = images.shape
        steps = (1, width * count, count)
        grid, block = _launch(slices, width, depth)
    else:
        _, depth, width = images.shape
        steps = (depth * width, width, 1)
        grid, block = _launch(width, slices, depth)
    device.launch(
        "smooth",
        grid,
        block,
        images,
        corrections,
        *_whole(slices, depth, width),
        *map(np.int64, steps),
        np.int32(across),
        np.float32(strength),
    )


def tilt_table(tilt_deg: np.ndarray) -> np.ndarray:
    """Return what the kernels know of each tilt, (tilt, 7), as ``struct Tilt`` in the source.

    Its members are cos, sin, the larger of their magnitudes c, 1 / c², the step of a ray along
    its line of pixels per detector pixel, its slope from line to line, and whether lines are
    columns.
    """
    angle = np.radians(np.asarray(tilt_deg, np.float64))
    cosine, sine = np.cos(angle), np.sin(angle)
    steep = np.abs(sine) > np.abs(cosine)
    # Rows: x = (s + z sin) / cos. Columns: z = (x cos - s) / sin.
    step = np.where(steep, -1 / np.where(steep, sine, 1), 1 / np.where(steep, 1, cosine))
    slope = np.where(steep, cosine / np.where(steep, sine, 1), sine / np.where(steep, 1, cosine))
    larger = np.where(steep, np.abs(sine), np.abs(cosine))
    members = [cosine, sine, larger, 1 / larger**2, step, slope, steep]
    return np.stack(members, axis=1).astype(np.float32)


def _whole(*values: int) -> Iterator[np.int32]:
    return map(np.int32, values)


def _launch(fast: int, middle: int, slow: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return grid and block for a box of threads; neighbours along `fast` share a block."""
    x = 1
    while x < min(fast, 32):
        x *= 2
    y = min(_THREADS // x, middle)
    return (-(-fast // x), -(-middle // y), slow), (x, y, 1)
