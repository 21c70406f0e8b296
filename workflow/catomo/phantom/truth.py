"""The truth of a phantom, brought to where the object lies in the reconstructed volume.

Images cannot tell where a rigid object sits, so alignment chooses a place and records it
(`truth.object_shift_px`). Both grids have the same pixel size; their centres coincide up to
that shift. Moving works on slabs of slices and gives the same bytes as on the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader, read_pages
from catomo.phantom.shares import DEFAULT_PARTS, FULL, PARTICLES, PLATE, labels_of
from catomo.record.record import Record

# The truth is compared inside the plate and this far around it, so that streaks right at its
# surface count but empty space, easy for any method, does not.
_RIM_PX = 2

# Returns the slices from one index to another.
_Read = Callable[[int, int], np.ndarray]


class Truth:
    """The truth of a phantom in the volume frame, slab by slab.

    Parameters
    ----------
    tilt_series : Record
        Record of a simulated tilt series; its ``truth_parts`` name the files of shares.
    shift_px : mapping
        Where the object lies in the volume relative to its own grid: ``y``, ``z``, ``x``.
    shape : (int, int, int)
        Shape (y, z, x) of the volume.
    """

    def __init__(
        self, tilt_series: Record, shift_px: Mapping[str, float], shape: Sequence[int]
    ) -> None:
        if not tilt_series.has("truth_density.tif"):
            raise UserError(
                f"{tilt_series.path}: holds no truth; --truth takes the record of a phantom"
            )
        self.shift_px, self.shape = shift_px, tuple(shape)
        parts = tilt_series.get("truth_parts", DEFAULT_PARTS)
        self._shares = {part: tilt_series.file(stored["file"]) for part, stored in parts.items()}
        self._labels = {part: stored["label"] for part, stored in parts.items()}
        self._density = tilt_series.file("truth_density.tif")
        with StackReader(self._density) as reader:
            self._source_shape = reader.shape

    def density(self, start: int, stop: int) -> np.ndarray:
        """Return slices ``start:stop`` of the true density, float32 (linear interpolation)."""
        with StackReader(self._density) as reader:
            return self._slab(reader.read, start, stop)

    def labels(self, start: int, stop: int) -> np.ndarray:
        """Return slices ``start:stop`` of the true labels, uint8, from the moved shares."""
        shares = {part: self._share(part, start, stop) for part in self._shares}
        return labels_of(shares, self._labels, FULL)

    def plate(self, start: int, stop: int) -> np.ndarray:
        """Return where slices ``start:stop`` lie in the plate or at most 2 pixels from it.

        The particles on the plate belong to it, a film does not, whatever their labels.
        """
        from scipy.ndimage import binary_dilation

        plate, particles = (
            self._share(part, start - _RIM_PX, stop + _RIM_PX) for part in (PLATE, PARTICLES)
        )
        solid = plate + particles >= FULL / 2
        return binary_dilation(solid, iterations=_RIM_PX)[_RIM_PX:-_RIM_PX]

    def _share(self, part: str, start: int, stop: int) -> np.ndarray:
        return self._slab(partial(read_pages, self._shares[part]), start, stop)

    def _slab(self, read: _Read, start: int, stop: int) -> np.ndarray:
        return _move_slab(read, self._source_shape, self.shift_px, self.shape, start, stop)


class Likeness:
    """Correlation and nRMSE with the truth, gathered slab by slab.

    nRMSE is ``‖a·v − t‖ / ‖t‖`` with the scale a that makes it least.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(6)

    def add(self, volume: np.ndarray, truth: np.ndarray, inside: np.ndarray) -> None:
        """Add a slab, counting only voxels `inside`."""
        for image, wanted, mask in zip(volume, truth, inside, strict=True):
            v, t = image[mask].astype(np.float64), wanted[mask].astype(np.float64)
            self._sums += [len(v), v.sum(), t.sum(), v @ v, t @ t, v @ t]

    def result(self) -> dict[str, float]:
        """Return ``correlation`` and ``nrmse``; not-a-number where they mean nothing."""
        n, v, t, vv, tt, vt = self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt((n * vv - v * v) * (n * tt - t * t))
            return {
                "correlation": float((n * vt - v * t) / spread),
                "nrmse": float(np.sqrt(max(0.0, 1 - vt * vt / (vv * tt)))),
            }


def _move_slab(
    read: _Read,
    source_shape: Sequence[int],
    shift_px: Mapping[str, float],
    shape: Sequence[int],
    start: int,
    stop: int,
) -> np.ndarray:
    """Return slices ``start:stop`` of the moved array; `read` gives slices of the source."""
    first = {}
    for axis, here, there in zip("yzx", shape, source_shape, strict=True):
        # Index in the source of index 0 of the result, whole part and fraction.
        position = (there - 1) / 2 - (here - 1) / 2 - float(shift_px[axis])
        first[axis] = (math.floor(position), position - math.floor(position))
    whole, fraction = first["y"]
    low, high = whole + start, whole + stop + 1
    begin = min(max(low, 0), source_shape[0] - 1)  # read at least one slice, also when outside
    slab = read(begin, max(min(high, source_shape[0]), begin + 1))
    slab = _window(slab, 0, low - begin, high - low)
    slab = _blend(slab, 0, fraction)
    for number, (axis, length) in enumerate(zip("zx", shape[1:], strict=True), start=1):
        whole, fraction = first[axis]
        slab = _blend(_window(slab, number, whole, length + 1), number, fraction)
    return slab


def _window(array: np.ndarray, axis: int, start: int, length: int) -> np.ndarray:
    """Return ``array[start:start+length]`` along an axis, zero where there is no array."""
    out = np.zeros((*array.shape[:axis], length, *array.shape[axis + 1 :]), array.dtype)
    low, high = max(start, 0), min(start + length, array.shape[axis])
    if low < high:
        lead = (slice(None),) * axis
        out[(*lead, slice(low - start, high - start))] = array[(*lead, slice(low, high))]
    return out


def _blend(array: np.ndarray, axis: int, fraction: float) -> np.ndarray:
    """Return the linear interpolation between neighbours along an axis; one shorter."""
    length = array.shape[axis]
    near = np.take(array, range(length - 1), axis)
    far = np.take(array, range(1, length), axis)
    return near * np.float32(1 - fraction) + far * np.float32(fraction)
