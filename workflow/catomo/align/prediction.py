"""Images beside what the other tilts predict of them: how far off they are, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Reprojection:
    """Images and what the other tilts predict of them, binned and in the band compared.

    Attributes
    ----------
    images, predicted : ndarray (tilt, y, x), float32
        In the order of `catomo.align.reprojection.Reprojector.indices`.
    factor : int
        Raw pixels per pixel here.
    """

    images: np.ndarray
    predicted: np.ndarray
    factor: int

    def error(self) -> np.ndarray:
        """Return the share (0 to 1) of each image that the other tilts do not predict.

        The prediction is scaled to fit best; the norm of the residual is divided by the norm
        of the image.
        """
        ours, theirs = dot(self.images, self.images), dot(self.predicted, self.predicted)
        both = dot(self.images, self.predicted)
        both = np.maximum(both, 0)  # an inverted image is not predicted at all
        alike = np.divide(both**2, ours * theirs, where=ours * theirs > 0, out=np.zeros(len(ours)))
        return np.sqrt(np.clip(1 - alike, 0, 1))

    def shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far each image lies from its prediction, ``(across, along)`` in raw px.

        One Gauss-Newton step: image ≈ g·p − g·d·∇p, linear in g and g·d.
        """
        shifts = np.zeros((2, len(self.images)))
        for t, (image, predicted) in enumerate(zip(self.images, self.predicted, strict=True)):
            dy, dx = np.gradient(predicted)
            columns = np.stack([predicted.ravel(), -dx.ravel(), -dy.ravel()], axis=1)
            gain, across, along = np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]
            if gain > 0:
                shifts[:, t] = across / gain, along / gain
        shifts = np.clip(shifts, -2, 2) * self.factor  # a longer step is not linear
        return shifts[0], shifts[1]

    def chosen(self, kept: np.ndarray) -> Reprojection:
        """Return some of the images (image,) with their predictions."""
        return replace(self, images=self.images[kept], predicted=self.predicted[kept])


def dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the products of images (image, y, x) with others, summed over each."""
    return np.einsum("tyx,tyx->t", one, other, dtype=np.float64)
