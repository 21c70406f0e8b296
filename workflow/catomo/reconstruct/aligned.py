"""Aligned images of which rows are read when needed: from a file or from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AlignedImages:
    """Aligned tilt images, all of them usable.

    Attributes
    ----------
    tilt_deg : list of float
        Tilt angles in degrees.
    shape : (int, int, int)
        Shape (tilt, y, x) of the images; the tilt axis runs along y, in the middle of x.
    pixel_size_nm : float
    read_rows : callable
        ``read_rows(start, stop)`` returns rows ``start:stop`` of every image as a new array
        (tilt, stop - start, x).
    origin : str
        Named in errors.
    """

    tilt_deg: list[float]
    shape: tuple[int, int, int]
    pixel_size_nm: float
    read_rows: Callable[[int, int], np.ndarray]
    origin: str

    @classmethod
    def in_memory(
        cls, images: np.ndarray, tilt_deg: Iterable[float], pixel_size_nm: float
    ) -> AlignedImages:
        """Return images (tilt, y, x) that are in memory already.

        Raises
        ------
        ValueError
            If the images do not have three axes, or there are not as many angles as images.
        """
        images, angles = np.asarray(images, np.float32), [float(angle) for angle in tilt_deg]
        if images.ndim != 3:
            raise ValueError(f"images: found {images.ndim} axes, expected three (tilt, y, x)")
        if len(angles) != len(images):
            raise ValueError(f"tilt_deg: found {len(angles)} angles for {len(images)} images")
        tilts, rows, columns = images.shape
        return cls(
            angles,
            (tilts, rows, columns),
            pixel_size_nm,
            lambda start, stop: images[:, start:stop].copy(),
            "images",
        )

    def sinograms(self, rows: range | list[int]) -> np.ndarray:
        """Return the sinograms (n, tilt, x) of some rows."""
        if isinstance(rows, range):
            images = self.read_rows(rows.start, rows.stop)
        else:
            images = np.concatenate([self.read_rows(row, row + 1) for row in rows], axis=1)
        return np.ascontiguousarray(images.swapaxes(0, 1))
