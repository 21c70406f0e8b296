"""How well the tilts predict each other: every image beside its reprojection from the others.

The tilts are dealt into interleaved folds. Each fold is left out of a coarse reconstruction,
which is then projected along the tilts left out. No image takes part in its own prediction, so
a wrong shift, angle or image differs from it. An extended specimen is reconstructed wider than
the frame, and wide structures, which the missing surroundings change, are not compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy

import numpy as np
from scipy import ndimage

from catomo.align.geometry import HIDDEN_FROM, NO_SIDES, Geometry
from catomo.align.noise import added_noise
from catomo.align.prediction import Reprojection, dot
from catomo.align.preprocess import CleanSeries
from catomo.align.registration import along_from_neighbours, common_line
from catomo.align.unmeasured import unmeasured_pixels
from catomo.projection.binning import binned
from catomo.projection.iteration import UNMEASURED
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector, threads

_ITERATIONS, _SUBSETS = 3, 5
_BEYOND_FRAME = 2.0  # width of an extended specimen's reconstruction, in frames
_FINEST, _COARSEST = 1.0, 1 / 16  # the band compared: px of binned images, part of their width
_ROWS_AT_ONCE = 8  # reconstructed by a thread

# How geometries are compared with each other: other folds than those of the matching.
JUDGE_SIZE, JUDGE_FOLDS = 128, 4
FEWEST_IMAGES = 10  # fewer tilts predict each other too badly to vouch for a geometry
FEWEST_COMPARED = 5  # fewer cannot even tell which of two geometries is the better one
_FEWEST_LEARNT = 14  # images to predict from: of fewer, every one that is left out is missed


class Reprojector:
    """Predict every usable image from the others, for any geometry.

    Parameters
    ----------
    series : CleanSeries
    size : int
        Images are binned until they are no larger than this, in px.

    Attributes
    ----------
    indices : ndarray (usable tilt,)
        The tilts in the order of all results.
    """

    def __init__(self, series: CleanSeries, size: int):
        images = series.images
        self.tilt_deg = series.tilt_deg
        self.isolated = series.isolated
        self.open_sides = series.open_sides
        self.factor = -(-max(images.shape[1:]) // size)
        self.indices = np.flatnonzero(series.usable)
        self.sign = 1
        # With the angles reversed the same images show the mirrored specimen. Both series are
        # computed in the same order, so that they lead to the same numbers.
        half = len(self.indices) // 2
        mass = [images[t].sum(dtype=np.float64) for t in self.indices]
        if sum(mass[:half]) > sum(mass[-half:]):
            self.indices, self.sign = self.indices[::-1], -1
        rows, columns = images.shape[1:]
        self.raw_shape = rows, columns
        self.images = [binned(images[t], self.factor).astype(np.float32) for t in self.indices]
        self.hidden: list[np.ndarray | None] = [None] * len(self.indices)
        if (hidden := series.unmeasured) is not None:
            self.hidden = [binned(hidden[t], self.factor) > HIDDEN_FROM for t in self.indices]

    def smoothed(self, sigma: float) -> Reprojector:
        """Return the same of images without structures finer than `sigma` binned px."""
        coarser = copy(self)
        coarser.images = [ndimage.gaussian_filter(image, sigma) for image in self.images]
        return coarser

    def with_closed_sides(self) -> Reprojector:
        """Return the same with nothing beyond the frame, so that it counts what leaves it."""
        closed = copy(self)
        closed.open_sides = NO_SIDES
        return closed

    def of_reconstruction(self, geometry: Geometry) -> Reprojector:
        """Return the same of aligned images that a reconstruction from all of them shows."""
        sinograms = np.ascontiguousarray(self._aligned(geometry).swapaxes(0, 1))
        detector = sinograms.shape[2]
        width = detector if self.isolated else round(_BEYOND_FRAME * detector)
        angles = self.sign * np.asarray(self.tilt_deg)[self.indices]
        project = ShearProjector(angles, (detector, width), detector)
        seen = project.forward(MaximumLikelihood(project, _ITERATIONS, _SUBSETS)(sinograms))
        other = copy(self)
        other.images = list(np.ascontiguousarray(seen.swapaxes(0, 1)))
        other.hidden = [None] * len(self.images)
        other.raw_shape = len(sinograms) * self.factor, detector * self.factor
        return other

    def with_noise_of(self, recorded: Reprojector, geometry: Geometry) -> Reprojector:
        """Return the same with as much noise as other images of the same specimen have.

        Parameters
        ----------
        recorded : Reprojector
            The other images, of which these are the reconstruction (`of_reconstruction`).
        geometry : Geometry
            Of the other images. Where they are moved, their noise becomes less.
        """
        draws = np.random.default_rng(0)
        white = copy(recorded)
        shape = recorded.images[0].shape
        white.images = [draws.normal(size=shape).astype(np.float32) for _ in recorded.images]
        ours, theirs = recorded._aligned(geometry), white._aligned(geometry)
        triples = zip(ours, self.images, theirs, strict=True)
        noisy = copy(self)
        noisy.images = [seen + added_noise(image, seen, noise) for image, seen, noise in triples]
        return noisy

    def __call__(
        self, geometry: Geometry, folds: int, tilt_deg: np.ndarray | None = None
    ) -> Reprojection:
        """Return images and predictions.

        Parameters
        ----------
        geometry : Geometry
            Of all tilts.
        folds : int
            There are more with few images (`folds_of`).
        tilt_deg : ndarray (tilt,), optional
            Angles of all tilts to use instead of those of the series.
        """
        small = self._aligned(geometry)
        missing = self._missing(geometry)
        predicted = np.empty_like(small)
        angles = self.tilt_deg if tilt_deg is None else tilt_deg
        given = small if missing is None else np.where(missing, UNMEASURED, small)
        for held, at_held in self._predictions(given, angles, folds):
            predicted[held] = at_held
        del given
        if missing is not None:
            # A prediction in the place of what was not measured leaves no edge in the band.
            np.copyto(small, predicted, where=missing)
        ours = self._band(small)
        del small
        theirs = self._band(predicted)
        if missing is not None:
            ours[missing] = theirs[missing] = 0
        return Reprojection(ours, theirs, self.factor)

    def by_angle(
        self, geometry: Geometry, folds: int, step_deg: float
    ) -> tuple[Reprojection, np.ndarray]:
        """Return images and predictions, and how the latter change with the tilt, per degree.

        Each image is predicted at its own tilt and so far to both sides of it.
        """
        small, missing = self._aligned(geometry), self._missing(geometry)
        given = small if missing is None else np.where(missing, UNMEASURED, small)
        turns = (0.0, -step_deg, step_deg)
        predicted = np.empty((len(turns), *small.shape), np.float32)
        for held, at_held in self._predictions(given, self.tilt_deg, folds, turns=turns):
            predicted[:, held] = at_held.reshape(len(turns), len(held), *small.shape[1:])
        if missing is not None:
            np.copyto(small, predicted[0], where=missing)
        ours, theirs, below, above = (self._band(images) for images in (small, *predicted))
        change = (above - below) / (2 * step_deg)
        if missing is not None:
            ours[missing] = theirs[missing] = change[missing] = 0
        return Reprojection(ours, theirs, self.factor), change

    def likeness(self, geometry: Geometry, folds: int) -> np.ndarray:
        """Return how each image (row) correlates with the prediction at each usable tilt.

        It is the best correlation over all shifts, because an image in the wrong place of the
        series was also shifted wrongly.
        """
        small = self._aligned(geometry)
        missing = self._missing(geometry)
        given = small if missing is None else np.where(missing, UNMEASURED, small)
        images = _unit_spectra(self._band(small))
        correlation = np.empty((len(small), len(small)))
        for held, at_all in self._predictions(given, self.tilt_deg, folds, turns=()):
            predicted = _unit_spectra(self._band(at_all))
            for t in held:
                products = np.fft.irfft2(images[t] * predicted.conj(), small.shape[1:])
                correlation[t] = products.max(axis=(1, 2))
        return correlation

    def resemblance(self) -> np.ndarray:
        """Return how the usable images, sorted by tilt, correlate with each other.

        It is the best correlation over all shifts, of the images as recorded: neither angles nor
        a geometry take part.
        """
        by_tilt = np.argsort(self.indices)
        still = np.zeros(len(self.tilt_deg))
        spectra = _unit_spectra(self._band(self._aligned(Geometry(0.0, still, still))))[by_tilt]
        shape = self.images[0].shape
        return np.array(
            [np.fft.irfft2(one * spectra.conj(), shape).max(axis=(1, 2)) for one in spectra]
        )

    def registered_along(self, geometry: Geometry, tilt_deg: np.ndarray) -> Geometry:
        """Return a geometry whose shifts along the axis suit other angles.

        Neighbours under these angles are registered to each other, and the common line mends
        what adds up. The shifts of tilts that are not usable become zero.

        Parameters
        ----------
        geometry : Geometry
            Of all tilts; its shifts along the axis do not count.
        tilt_deg : ndarray (tilt,)
            Angles of all tilts.
        """
        along = np.zeros(len(self.tilt_deg))
        still = Geometry(geometry.axis_angle_deg, geometry.across, along)
        order = np.argsort(np.asarray(tilt_deg)[self.indices], kind="stable")
        used = self.indices[order]
        along[used] = along_from_neighbours(self._band(self._aligned(still)[order])) * self.factor
        first = Geometry(geometry.axis_angle_deg, geometry.across, along.copy())
        profiles = self._aligned(first)[order].sum(axis=2)
        wide = None if self.isolated else _COARSEST * profiles.shape[1]
        along[used] += common_line(profiles, wide)[0] * self.factor
        return Geometry(geometry.axis_angle_deg, geometry.across, along)

    def _aligned(self, geometry: Geometry) -> np.ndarray:
        """Return the aligned images (tilt, y, x), which lie in memory as sinograms do."""
        coarse = geometry.binned(self.factor, self.raw_shape)
        rows, columns = self.images[0].shape
        aligned = np.empty((rows, len(self.images), columns), np.float32).swapaxes(0, 1)
        for target, t, image in zip(aligned, self.indices.tolist(), self.images, strict=True):
            target[:] = coarse.warp(image, t, order=1)
        return aligned

    def _missing(self, geometry: Geometry) -> np.ndarray | None:
        """Return which pixels of the aligned images were not measured; None if all were."""
        if not any(self.open_sides) and all(raw is None for raw in self.hidden):
            return None
        coarse = geometry.binned(self.factor, self.raw_shape)
        rows, columns = self.images[0].shape
        pairs = zip(self.indices.tolist(), self.hidden, strict=True)
        return np.stack(
            [
                unmeasured_pixels(coarse, t, (rows, columns), raw, self.open_sides)
                for t, raw in pairs
            ]
        )

    def _predictions(
        self,
        images: np.ndarray,
        tilt_deg: np.ndarray,
        folds: int,
        turns: Sequence[float] = (0.0,),
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the tilts left out, and the images predicted at these, turned so far (deg).

        Without turns the images are predicted at all tilts.
        """
        tilt_deg = self.sign * np.asarray(tilt_deg)[self.indices]
        n, rows, detector = images.shape
        width = detector if self.isolated else round(_BEYOND_FRAME * detector)
        sinograms = np.ascontiguousarray(images.swapaxes(0, 1))
        parts = [slice(row, row + _ROWS_AT_ONCE) for row in range(0, rows, _ROWS_AT_ONCE)]
        folds = folds_of(n, folds)
        for fold in range(folds):
            held = np.arange(n) % folds == fold
            shape = detector, width
            learn = ShearProjector(tilt_deg[~held], shape, detector)
            solve = MaximumLikelihood(learn, _ITERATIONS, min(_SUBSETS, int((~held).sum())))
            wanted = [tilt_deg[held] + self.sign * turn for turn in turns] or [tilt_deg]
            project = ShearProjector(np.concatenate(wanted), shape, detector)

            def predict(
                part: slice,
                held: np.ndarray = held,
                solve: MaximumLikelihood = solve,
                project: ShearProjector = project,
            ) -> np.ndarray:
                return project.forward(solve(sinograms[part][:, ~held]))

            with ThreadPoolExecutor(threads()) as pool:
                predicted = np.concatenate(list(pool.map(predict, parts)))
            yield np.flatnonzero(held), predicted.swapaxes(0, 1)

    def _band(self, images: np.ndarray) -> np.ndarray:
        """Return images in the band compared, those of an extended specimen faded out."""
        out = np.empty(images.shape, np.float32)
        fade = [np.minimum(1, 4 * np.hanning(n + 2)[1:-1]) for n in images.shape[1:]]
        for image, target in zip(images, out, strict=True):
            target[:] = ndimage.gaussian_filter(image, _FINEST)
            if not self.isolated:
                target -= ndimage.gaussian_filter(image, _COARSEST * max(image.shape))
                target *= fade[0][:, None] * fade[1]
        return out


def judging_reprojector(series: CleanSeries) -> Reprojector | None:
    """Return the reprojector that geometries are compared by, None if too few images show anything.

    It is called with `JUDGE_FOLDS`.
    """
    return Reprojector(series, JUDGE_SIZE) if series.usable.sum() >= FEWEST_COMPARED else None


def folds_of(images: int, folds: int) -> int:
    """Return the number of folds: so many that enough images remain to predict each fold from.

    At the most it is the number of images: then one alone is left out at a time.
    """
    while folds < images and images - math.ceil(images / folds) < _FEWEST_LEARNT:
        folds += 1
    return folds


def _unit_spectra(images: np.ndarray) -> np.ndarray:
    """Return the Fourier transforms of images about their means, divided by their norms."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    norms = np.sqrt(dot(centred, centred))
    return np.fft.rfft2(centred) / np.maximum(norms, 1e-30)[:, None, None]
