"""Projection and reconstruction of whole volumes in memory: arrays in, arrays out.

They call the projector and the loop of the stage `reconstruct` on all slices at once. Axes
are those of the stages: a volume is (y, z, x) with the tilt axis along y and the beam along z
at tilt 0; images are (tilt, y, x). The tilt axis lies in the middle of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from catomo.projection.iteration import solve_in_threads
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector, threads

TiltAngles = Sequence[float] | np.ndarray


def project(volume: np.ndarray, tilt_deg: TiltAngles, detector: int | None = None) -> np.ndarray:
    """Project a volume along the beam at every tilt angle.

    Parameters
    ----------
    volume : ndarray (y, z, x)
        Any real dtype; computed in float32.
    tilt_deg : sequence of float
        Tilt angles in degrees, between -150 and 150.
    detector : int, optional
        Width of the images in pixels; by default that of the volume.

    Returns
    -------
    ndarray of float32, (tilt, y, x)
        Line integrals: the volume's values times pixels of path.

    Raises
    ------
    ValueError
        If the volume does not have three axes, or an angle is out of range.

    See Also
    --------
    back_project : The exact adjoint.
    """
    volume = _checked(volume, "volume", "(y, z, x)")
    length, depth, width = volume.shape
    projector = ShearProjector(tilt_deg, (depth, width), detector or width)
    sinograms = np.empty((length, len(projector.tilt_deg), projector.detector), np.float32)
    _in_threads(projector.forward, volume, sinograms)
    return np.ascontiguousarray(sinograms.swapaxes(0, 1))


def back_project(
    images: np.ndarray, tilt_deg: TiltAngles, shape: tuple[int, int] | None = None
) -> np.ndarray:
    """Spread tilt images over a volume: the adjoint of `project`, without any filter.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
    tilt_deg : sequence of float
        Tilt angles in degrees, one per image.
    shape : (int, int), optional
        Depth and width (z, x) of the volume in pixels; by default both are the images' width.

    Returns
    -------
    ndarray of float32, (y, z, x)

    Raises
    ------
    ValueError
        If the images do not have three axes, or there are not as many angles as images.
    """
    sinograms, projector = _geometry(images, tilt_deg, shape)
    volume = np.empty((len(sinograms), *projector.shape), np.float32)
    _in_threads(projector.backward, sinograms, volume)
    return volume


def mlem(
    images: np.ndarray,
    tilt_deg: TiltAngles,
    iterations: int = 20,
    shape: tuple[int, int] | None = None,
    tv: float = 0.0,
    unit: float | None = None,
) -> np.ndarray:
    """Reconstruct a volume by maximum-likelihood expectation maximisation (MLEM).

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        Aligned images: intensities proportional to the projected mass, background removed.
        Negative values count as 0.
    tilt_deg : sequence of float
        Tilt angles in degrees, one per image.
    iterations : int
        Passes over the images.
    shape : (int, int), optional
        Depth and width (z, x) of the volume in pixels; by default both are the images' width.
    tv : float
        Strength of the total-variation prior, which smooths noise but keeps edges: 0 turns it
        off, up to 0.02 is safe. Needs `unit`.
    unit : float, optional
        About the value of the specimen's support in the volume: the scale on which `tv` works.
        Take it from a reconstruction without `tv`; the stage `reconstruct` finds it by itself
        and records it as ``specimen_value``.

    Returns
    -------
    ndarray of float32, (y, z, x)
        Intensity of the images per pixel of path; never negative.

    Raises
    ------
    ValueError
        If the images do not have three axes or hold NaN or infinity, if there are not as many
        angles as images, or if `tv` is given without `unit`.

    Notes
    -----
    Shepp & Vardi (1982), Lange & Carson (1984); total variation by the one-step-late rule
    (Green 1990; Panin, Zeng & Gullberg 1999).
    """
    return osem(images, tilt_deg, iterations, 1, shape, tv, unit)


def osem(
    images: np.ndarray,
    tilt_deg: TiltAngles,
    iterations: int = 5,
    subsets: int = 10,
    shape: tuple[int, int] | None = None,
    tv: float = 0.0,
    unit: float | None = None,
) -> np.ndarray:
    """Reconstruct a volume by MLEM over ordered subsets of the tilts (OSEM).

    Parameters
    ----------
    images, tilt_deg, iterations, shape, tv, unit
        As in `mlem`.
    subsets : int
        Interleaved subsets of tilts; at most as many as there are images are used. With s
        subsets, one iteration does about as much as s iterations of MLEM.

    Returns
    -------
    ndarray of float32, (y, z, x)
        As `mlem`.

    Raises
    ------
    ValueError
        As `mlem`.

    Notes
    -----
    Hudson & Larkin (1994).
    """
    sinograms, projector = _geometry(images, tilt_deg, shape)
    if not np.isfinite(sinograms).all():
        raise ValueError("images hold NaN or infinity; replace those values first")
    if tv and unit is None:
        raise ValueError("tv needs unit: give about the value of the support in the volume")
    subsets = min(subsets, len(projector.tilt_deg))
    solve = MaximumLikelihood(projector, iterations, subsets, unit, tv)
    return solve_in_threads(solve, sinograms)


def _geometry(
    images: np.ndarray, tilt_deg: TiltAngles, shape: tuple[int, int] | None
) -> tuple[np.ndarray, ShearProjector]:
    """Return the sinograms (y, tilt, x) of tilt images, and the projector that fits them."""
    images = _checked(images, "images", "(tilt, y, x)")
    if len(tilt_deg) != len(images):
        raise ValueError(f"tilt_deg: found {len(tilt_deg)} angles for {len(images)} images")
    detector = images.shape[2]
    projector = ShearProjector(tilt_deg, shape or (detector, detector), detector)
    return np.ascontiguousarray(images.swapaxes(0, 1)), projector


def _checked(array: np.ndarray, name: str, axes: str) -> np.ndarray:
    array = np.asarray(array, dtype=np.float32)
    if array.ndim != 3:
        raise ValueError(f"{name}: found {array.ndim} axes, expected three {axes}")
    return array


def _in_threads(
    operate: Callable[..., np.ndarray], slices: np.ndarray, results: np.ndarray
) -> None:
    """Fill `results` with ``operate(slices)``, one slice per thread."""

    def one(i: int) -> None:
        operate(slices[i : i + 1], out=results[i : i + 1])

    with ThreadPoolExecutor(threads()) as pool:
        list(pool.map(one, range(len(slices))))
