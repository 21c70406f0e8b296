"""The angle of the tilt axis: along it, and only along it, all tilts look the same.

By the projection-slice theorem the Fourier transforms of all tilts share one line, in the
direction of the tilt axis. The angle searched is the one at which the images differ least
along that line. Complex values, weighted by their noise, are compared: this works down to a
count per pixel, where a comparison of magnitudes fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.signal.windows import tukey

from catomo.align.geometry import rotation
from catomo.align.preprocess import CleanSeries
from catomo.projection.binning import binned

_SIZE = 256  # px: larger images are binned, which still gives 0.1°
_PAD = 2  # times the size of the Fourier transform, so that interpolation does no harm
_TAPER = 0.6  # part of the frame over which extended specimens fade out
_MODEL_ERROR = 3e-3  # part of the power (5 % in amplitude) in which images differ without noise
_LEAST_NOISE = 1e-8  # part of the highest power: below it are rounding and side lobes
_STEP_DEG = 0.2  # of the search
_VERTEX_DEG = 0.6  # to both sides of the best step: range of the parabola through it
_HIGHEST_FREQUENCY = 0.3  # part of the sampling frequency: nothing finer is common to all tilts
_BLOCKS = 6  # of neighbouring tilts, each of which is left out once
_ROUNDS = 5  # of shifting all lines onto their mean


@dataclass(frozen=True)
class AxisScan:
    """Result of `find_axis`.

    Attributes
    ----------
    angle_deg : float
        The angle found, from the vertical.
    angles_deg, disagreement : ndarray
        The angles searched around the vertical, and the share (0 to 1) of the lines' power
        that differs between tilts.
    least : float
        Disagreement at the angle found.
    contrast : float
        1 - least / median over all directions: 0 means no axis, 1 a perfect one.
    at_the_end : bool
        Whether the least disagreement lies at an end of the range.
    elsewhere_deg, elsewhere_disagreement : float
        The best direction outside the range: about 90° if the axis lies along x.
    error_deg : float
        Standard error of the angle, from parts of the tilts.
    """

    angle_deg: float
    angles_deg: np.ndarray
    disagreement: np.ndarray
    least: float
    contrast: float
    at_the_end: bool
    elsewhere_deg: float
    elsewhere_disagreement: float
    error_deg: float = 0.0

    def better_elsewhere(self, ratio: float) -> bool:
        """Tell whether the best direction outside has less than this part of the disagreement."""
        return self.elsewhere_disagreement < ratio * self.least


def find_axis(series: CleanSeries, shifts: np.ndarray, search_deg: float) -> AxisScan:
    """Search the tilt axis around the vertical.

    Parameters
    ----------
    series : CleanSeries
        Images of an extended specimen fade out towards the frame, so that its cut edges leave
        no cross in the Fourier transform, and their shifts are a first guess only.
    shifts : ndarray (tilt, 2)
        Where the specimen lies in each image, raw (y, x) in px.
    search_deg : float
        Searched to both sides of the vertical.
    """
    steps = round(search_deg / _STEP_DEG)
    near = np.arange(-steps, steps + 1) * _STEP_DEG
    others = np.arange(search_deg + 2, 180 - search_deg - 1, 2.0)
    angles = np.concatenate([near, others])
    # Noise adds the same power at all angles, so the power finds the angle without bias. The
    # share of the lines' own power compares directions far apart.
    lines, weights, frequency = _lines(series, shifts, angles)
    own_power = np.array([np.abs(line) ** 2 @ weights for line in lines])
    everything = own_power.mean(axis=0)
    mean = lines.mean(axis=0) if series.isolated else _shifted_mean(lines, weights, frequency)
    common = np.abs(mean) ** 2 @ weights
    power = everything - common
    share = 1 - np.divide(common, everything, where=everything > 0, out=np.zeros(len(common)))
    within, outside = share[: len(near)], share[len(near) :]
    best = int(power[: len(near)].argmin())
    middle = float(np.median(share))

    def angle_without(left_out: np.ndarray) -> float:
        rest = np.delete(lines[:, : len(near)], left_out, axis=0)
        differing = np.delete(own_power[:, : len(near)], left_out, axis=0).mean(axis=0)
        differing -= np.abs(rest.mean(axis=0)) ** 2 @ weights
        return _vertex(near, differing, int(differing.argmin()))

    return AxisScan(
        angle_deg=_vertex(near, power[: len(near)], best),
        angles_deg=near,
        disagreement=within,
        least=float(within[best]),
        contrast=float(1 - within[best] / middle) if middle > 0 else 0.0,
        at_the_end=best in (0, len(near) - 1),
        elsewhere_deg=float((others[outside.argmin()] + 90) % 180 - 90),
        elsewhere_disagreement=float(outside.min()),
        error_deg=jackknife(len(lines), angle_without),
    )


def _lines(
    series: CleanSeries, shifts: np.ndarray, angles_deg: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lines through the Fourier transforms (tilt, angle, radius).

    With them the weights of the radii, and their frequencies in radians per px.
    """
    images, isolated, indices = series.images, series.isolated, np.flatnonzero(series.usable)
    factor = -(-max(images.shape[1:]) // _SIZE)
    size = _PAD * (max(images.shape[1:]) // factor)
    radii = np.arange(_PAD, int(_HIGHEST_FREQUENCY * size))
    along = np.stack([rotation(angle)[:, 0] for angle in angles_deg], axis=1)
    places = size // 2 + along[:, :, None] * radii
    lines = np.empty((len(indices), *places.shape[1:]), np.complex64)
    plane_power = np.zeros((size, size))
    for t, line in zip(indices, lines, strict=True):
        image = ndimage.shift(binned(images[t], factor), -shifts[t] / factor, order=1)
        spectrum = _spectrum(image if isolated else _faded(image), size)
        line[:] = ndimage.map_coordinates(spectrum, places, order=3, mode="wrap")
        plane_power += np.abs(spectrum) ** 2
    weights = _weights(plane_power, radii).astype(np.float32)
    return lines, weights, 2 * np.pi * radii / size


def jackknife(parts: int, value_without: Callable[[np.ndarray], float]) -> float:
    """Return the standard error of a value from what it is without each block of neighbours.

    What disturbs the search changes slowly with the tilt, so neighbours err alike.

    Parameters
    ----------
    parts : int
        Number of images.
    value_without : callable
        Takes the numbers of images that are left out.
    """
    blocks = np.array_split(np.arange(parts), min(_BLOCKS, parts))
    values = [value_without(block) for block in blocks]
    return float(np.std(values) * np.sqrt(len(blocks) - 1))


def _shifted_mean(lines: np.ndarray, weights: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Return the mean over the tilts of lines shifted to agree best with it (Newton's method).

    The lines themselves are shifted in place.

    Pairwise registration drifts along the axis, and a wrong angle then fits better than the
    right one; with the shifts left free at every angle the drift does not matter.
    """
    shifts = np.zeros(lines.shape[:2])
    frequency = frequency.astype(np.float32)
    mean = lines.mean(axis=0)
    for turn in range(_ROUNDS):
        total = np.zeros_like(mean)
        for line, shift in zip(lines, shifts, strict=True):
            moved = line * np.exp(1j * frequency * shift[:, None].astype(np.float32))
            product = mean.conj() * moved * weights
            slope = -(product.imag @ frequency)
            bend = product.real @ frequency**2
            step = np.divide(slope, bend, where=bend > 0, out=np.zeros(len(slope)))
            shift += np.clip(step, -1, 1)
            total += moved
            if turn == _ROUNDS - 1:
                line[:] = moved
        shifts -= shifts.mean(axis=0)
        mean = total / len(lines)
    return mean


def _faded(image: np.ndarray) -> np.ndarray:
    """Return an image about its mean, fading to zero at its edges."""
    rows, columns = (tukey(n, _TAPER) for n in image.shape)
    window = rows[:, None] * columns
    return (image - np.vdot(image, window) / window.sum()) * window


def _spectrum(image: np.ndarray, size: int) -> np.ndarray:
    """Return the Fourier transform of an image padded to `size`, its origin at the centre."""
    rows, columns = image.shape
    padded = np.zeros((size, size))
    padded[:rows, :columns] = image
    # The centre of the frame becomes the origin, so that values vary slowly with frequency.
    padded = np.roll(padded, (-(rows // 2), -(columns // 2)), axis=(0, 1))
    return np.fft.fftshift(np.fft.fft2(padded))


def _weights(power: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return the weight of each radius: one over noise and model error, zero below the noise."""
    size = len(power)
    axis = np.arange(size) - size // 2
    radius = np.hypot(axis[:, None], axis).round().astype(int)
    noise = np.median(power[radius > 0.45 * size])
    power = ndimage.mean(power, radius, radii)
    noise = max(noise, _LEAST_NOISE * power.max())
    weights = np.maximum(power - 4 * noise, 0)
    return np.divide(
        weights, power * (noise + _MODEL_ERROR * power), where=weights > 0, out=np.zeros(len(radii))
    )


def _vertex(x: np.ndarray, y: np.ndarray, best: int) -> float:
    """Return the vertex of a parabola through the points around the least one."""
    reach = min(round(_VERTEX_DEG / _STEP_DEG), best, len(x) - 1 - best)
    if reach == 0:
        return float(x[best])
    near = slice(best - reach, best + reach + 1)
    bend, slope, _ = np.polyfit(x[near] - x[best], y[near], 2)
    if bend <= 0:
        return float(x[best])
    return float(x[best] + np.clip(-slope / (2 * bend), -_STEP_DEG * reach, _STEP_DEG * reach))
