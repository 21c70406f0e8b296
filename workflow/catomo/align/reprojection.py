"""How well the tilts predict each other: every image beside its reprojection from the others.

The tilts are dealt into interleaved folds. Each fold is left out of a coarse reconstruction,
which is then projected along the tilts left out: a shift, an angle or an image that is wrong
differs from a prediction that it had no part in. An extended specimen is reconstructed wider
than the frame, and compared without what is wide, which the missing surroundings change.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.registration import binned
from catomo.projection.mlem import MaximumLikelihood
from catomo.projection.shear import ShearProjector, threads

_ITERATIONS, _SUBSETS = 3, 5
_BEYOND_FRAME = 2.0  # width of an extended specimen's reconstruction, in frames
_FINEST, _COARSEST = 1.0, 1 / 16  # the band compared: px of binned images, part of their width
_ROWS = 8  # per thread and turn


@dataclass(frozen=True)
class Reprojection:
    """Images and what the other tilts predict of them, binned and in the band compared.

    Attributes
    ----------
    images, predicted : ndarray (tilt, y, x), float32
        In the order of `Reprojector.indices`.
    factor : int
        Raw pixels per pixel here.
    """

    images: np.ndarray
    predicted: np.ndarray
    factor: int

    def error(self) -> np.ndarray:
        """Return the share (0 to 1) of each image that the other tilts do not predict.

        The norm of what is left of the image by the norm of the image, for the brightness
        of the prediction that fits best.
        """
        ours, theirs = _dot(self.images, self.images), _dot(self.predicted, self.predicted)
        both = _dot(self.images, self.predicted)
        alike = np.divide(both**2, ours * theirs, where=ours * theirs > 0, out=np.zeros(len(ours)))
        return np.sqrt(np.clip(1 - alike, 0, 1))

    def shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each image lies from its prediction, ``(across, along)`` in raw px.

        One step of Gauss and Newton: image ≈ g·p − g·d·∇p, linear in g and g·d.
        """
        found = np.zeros((2, len(self.images)))
        for t, (image, predicted) in enumerate(zip(self.images, self.predicted, strict=True)):
            dy, dx = np.gradient(predicted)
            columns = np.stack([predicted.ravel(), -dx.ravel(), -dy.ravel()], axis=1)
            gain, across, along = np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]
            if gain > 0:
                found[:, t] = across / gain, along / gain
        found = np.clip(found, -2, 2) * self.factor  # beyond it the step is not linear
        return found[0], found[1]


class Reprojector:
    """Predicts every usable image from the others, for any geometry.

    Parameters
    ----------
    images : ndarray (tilt, y, x), float32
        Raw, without background.
    usable : ndarray (tilt,), bool
    isolated : bool
        Whether the specimen is whole within the frame.
    size : int
        Images are binned until they are no larger than this, in px.

    Attributes
    ----------
    indices : ndarray (usable tilt,)
        The tilts in the order of all results.
    """

    def __init__(self, images: np.ndarray, usable: np.ndarray, isolated: bool, size: int):
        self.factor = -(-max(images.shape[1:]) // size)
        self.indices = np.flatnonzero(usable)
        self.sign = 1
        # With the angles reversed the same images show the mirrored specimen. Both are
        # worked in the same order, so that they lead to the same figures.
        half = len(self.indices) // 2
        mass = [images[t].sum(dtype=np.float64) for t in self.indices]
        if sum(mass[:half]) > sum(mass[-half:]):
            self.indices, self.sign = self.indices[::-1], -1
        self.isolated = isolated
        self.raw_shape = images.shape[1:]
        self.images = [binned(images[t], self.factor).astype(np.float32) for t in self.indices]

    def __call__(self, geometry: Geometry, tilt_deg: np.ndarray, folds: int) -> Reprojection:
        """Return images and predictions; `tilt_deg` and `geometry` are those of all tilts."""
        small = self._aligned(geometry)
        predicted = np.empty_like(small)
        for held, there in self._predictions(small, tilt_deg, folds, only_held=True):
            predicted[held] = there
        return Reprojection(self._band(small), self._band(predicted), self.factor)

    def likeness(self, geometry: Geometry, tilt_deg: np.ndarray, folds: int) -> np.ndarray:
        """Return how each image (row) correlates with the prediction at each usable tilt.

        The best correlation over all shifts: an image in the wrong place was shifted wrongly, too.
        """
        small = self._aligned(geometry)
        images = _unit_spectra(self._band(small))
        found = np.empty((len(small), len(small)))
        for held, there in self._predictions(small, tilt_deg, folds, only_held=False):
            there = _unit_spectra(self._band(there))
            for t in held:
                products = np.fft.irfft2(images[t] * there.conj(), small.shape[1:])
                found[t] = products.max(axis=(1, 2))
        return found

    def _aligned(self, geometry: Geometry) -> np.ndarray:
        coarse = geometry.binned(self.factor, self.raw_shape)
        pairs = zip(self.indices, self.images, strict=True)
        return np.stack([coarse.warp(image, t, order=1) for t, image in pairs])

    def _predictions(self, images, tilt_deg, folds, only_held):
        """Yield the tilts left out, and the images predicted: at these tilts or at all."""
        tilt_deg = self.sign * np.asarray(tilt_deg)[self.indices]
        n, rows, detector = images.shape
        width = detector if self.isolated else round(_BEYOND_FRAME * detector)
        sinograms = np.ascontiguousarray(images.swapaxes(0, 1))
        parts = [slice(row, row + _ROWS) for row in range(0, rows, _ROWS)]
        for fold in range(folds):
            held = np.arange(n) % folds == fold
            shape = detector, width
            learn = ShearProjector(tilt_deg[~held], shape, detector)
            solve = MaximumLikelihood(learn, _ITERATIONS, min(_SUBSETS, int((~held).sum())))
            project = ShearProjector(tilt_deg[held] if only_held else tilt_deg, shape, detector)

            def predict(part, held=held, solve=solve, project=project):
                return project.forward(solve(sinograms[part][:, ~held]))

            with ThreadPoolExecutor(threads()) as pool:
                there = np.concatenate(list(pool.map(predict, parts)))
            yield np.flatnonzero(held), there.swapaxes(0, 1)

    def _band(self, images: np.ndarray) -> np.ndarray:
        out = np.empty(images.shape, np.float32)
        fade = [np.minimum(1, 4 * np.hanning(n + 2)[1:-1]) for n in images.shape[1:]]
        for image, target in zip(images, out, strict=True):
            target[:] = ndimage.gaussian_filter(image, _FINEST)
            if not self.isolated:
                target -= ndimage.gaussian_filter(image, _COARSEST * max(image.shape))
                target *= fade[0][:, None] * fade[1]
        return out


def _unit_spectra(images: np.ndarray) -> np.ndarray:
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    norms = np.sqrt(_dot(centred, centred))
    return np.fft.rfft2(centred) / np.maximum(norms, 1e-30)[:, None, None]


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.einsum("tyx,tyx->t", one, other, dtype=np.float64)
