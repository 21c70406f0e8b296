"""The corrugation of a plate: how far apart its ridges are and where they run.

The heights of both broad faces above the plate's middle plane are fitted by a wave and its
first overtone; the wave that explains most of them is the corrugation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len, rfft2
from scipy.ndimage import binary_closing, binary_erosion
from scipy.optimize import minimize

_FLATTEST = 0.65  # thickness over width of what counts as a plate, by second moments
_LEAST_PERIODS = 2.5  # in the length of the plate
_SHORTEST_PX = 5.0
_LEAST_EXPLAINED = 0.3  # share of the variance of the heights; of rough faces it is below 0.2
# Standard deviation of the wave; steps of voxels on a leaning plane have up to 0.29.
_LEAST_HIGH_PX = 0.38
_RIM_PX = 3  # of a face, where its sides begin
_LEAST_PLACES = 200
_OFF = 0.03  # turns over the length: twice what phantoms of 64 px were off at most (measured)
_FINER = 4  # of the first search, against the resolution of the plate's length


@dataclass(frozen=True)
class Corrugation:
    """Ridges of a plate.

    Attributes
    ----------
    period_px : float
    off_px : float
        Half of a 95 % interval of the period.
    along : ndarray of float64, (3,)
        Unit vector (y, z, x) along the ridges.
    explained : float
        Share of the variance of the heights.
    """

    period_px: float
    off_px: float
    along: np.ndarray
    explained: float


def find_corrugation(inside: np.ndarray) -> Corrugation | str:
    """Return the corrugation of a plate, or in words why there is none.

    Parameters
    ----------
    inside : ndarray of bool, (y, z, x)
        The plate, pores filled.
    """
    surface = np.argwhere(inside & ~binary_erosion(inside, border_value=1)).astype(np.float64)
    if len(surface) < _LEAST_PLACES:
        return "there is too little of it"
    middle = surface.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((surface - middle).T))
    if np.sqrt(spread[0] / spread[1]) > _FLATTEST:
        return "it is no plate"
    faces = _faces(surface, middle, axes, inside.shape)
    places = sum(len(heights) for _, heights in faces)
    if places < _LEAST_PLACES:
        return "the end of the data cuts too much of its faces"
    wave, explained, length = _best_wave(faces)
    high = np.sqrt(explained * np.var(np.concatenate([heights for _, heights in faces])))
    if explained < _LEAST_EXPLAINED or high < _LEAST_HIGH_PX:
        return "its faces have no regular ridges"
    frequency = float(np.linalg.norm(wave))
    along = axes[:, 2] * -wave[1] + axes[:, 1] * wave[0]
    # Of a wave the phase is known to a part of a turn over the length of the plate.
    off = _OFF / length / frequency**2 * np.sqrt(1 / explained)
    return Corrugation(1 / frequency, float(off), along / np.linalg.norm(along), explained)


def _faces(
    surface: np.ndarray, middle: np.ndarray, axes: np.ndarray, shape: tuple[int, ...]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return places (n, 2) in the plane and heights (n,) of both faces, without their rims."""
    place = (surface - middle) @ axes[:, [2, 1]]
    height = (surface - middle) @ axes[:, 0]
    at_end = ((surface == 0) | (surface == np.array(shape) - 1)).any(axis=1)
    first = place.min(axis=0)
    column = np.rint(place - first).astype(np.intp)
    size = column.max(axis=0) + 1
    flat = np.ravel_multi_index(tuple(column.T), tuple(size))
    faces = []
    for sign in (1, -1):
        order = np.lexsort((sign * height, flat))
        last = np.append(np.flatnonzero(np.diff(flat[order])), len(order) - 1)
        chosen = order[last]  # the outermost voxel of each column
        is_there = np.zeros(size, bool)
        good = ~at_end[chosen] & (sign * height[chosen] > 0)
        is_there.ravel()[flat[chosen[good]]] = True
        inner = binary_erosion(_closed(is_there), iterations=_RIM_PX).ravel()
        chosen = chosen[good & inner[flat[chosen]]]
        faces.append((place[chosen], _flattened(place[chosen], height[chosen])))
    return faces


def _closed(mask: np.ndarray) -> np.ndarray:
    return binary_closing(np.pad(mask, 2), iterations=2)[2:-2, 2:-2] | mask


def _flattened(place: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Return heights above the plane that fits best."""
    if len(height) < 4:
        return height
    columns = np.column_stack([place, np.ones(len(place))])
    return height - columns @ np.linalg.lstsq(columns, height, rcond=None)[0]


def _best_wave(faces: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, float, float]:
    """Return the wave vector, per px, that explains most, how much, and the plate's length."""
    length = max(float(np.ptp(place, axis=0).max()) for place, _ in faces if len(place))
    size = next_fast_len(int(np.ceil(_FINER * length)), real=True)
    power = sum(_power(place, height, size) for place, height in faces)
    one, other = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)
    frequency = np.hypot(one, other)
    allowed = (frequency >= _LEAST_PERIODS / length) & (frequency <= 1 / _SHORTEST_PX)
    if not allowed.any():
        return np.array([1.0, 0.0]), 0.0, length
    best = np.unravel_index(np.where(allowed, power, -1).argmax(), allowed.shape)
    start = np.array([one[best[0], 0], other[best[1]]])
    step = 1 / size

    def unexplained(wave: np.ndarray) -> float:
        return 1 - _explained(wave, faces)

    simplex = start + step / 2 * np.array([[0, 0], [1, 0], [0, 1]])
    found = minimize(
        unexplained, start, method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 1e-6, "fatol": 1e-6, "maxiter": 120},
    )  # fmt: skip
    return found.x, float(1 - found.fun), length


def _power(place: np.ndarray, height: np.ndarray, size: int) -> np.ndarray:
    """Return the power of heights by frequency, from a grid that is wider than they are."""
    grid = np.zeros((size, size))
    if len(place):
        column = np.rint(place - place.min(axis=0)).astype(np.intp)
        grid[tuple(column.T)] = height
    return np.abs(rfft2(grid)) ** 2 / max(len(place), 1)


def _explained(wave: np.ndarray, faces: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the share of the variance of heights that a wave and its overtone explain."""
    left = total = 0.0
    for place, height in faces:
        if len(height) < 10:
            continue
        phase = 2 * np.pi * place @ wave
        waves = [f(k * phase) for k in (1, 2) for f in (np.cos, np.sin)]
        columns = np.column_stack([*waves, np.ones(len(phase))])
        rest = height - columns @ np.linalg.lstsq(columns, height, rcond=None)[0]
        left += float(rest @ rest)
        total += float(height @ height)
    return 1 - left / total if total else 0.0
