"""Aligned images of which rows are read when needed: from a file or from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from catomo.projection.iteration import UNMEASURED
from catomo.reconstruct.needs import seen_width

_MOST_MISSING = 1 / 3  # of a row, for a tilt to have recorded it


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
    read_unmeasured : callable, optional
        ``read_unmeasured(start, stop)`` returns for the same pixels whether nothing was measured
        there; without it all was.
    goes_on : bool
        Whether matter goes on beyond the left and the right of the images.
    """

    tilt_deg: list[float]
    shape: tuple[int, int, int]
    pixel_size_nm: float
    read_rows: Callable[[int, int], np.ndarray]
    origin: str
    read_unmeasured: Callable[[int, int], np.ndarray] | None = None
    goes_on: bool = False

    @classmethod
    def in_memory(
        cls,
        images: np.ndarray,
        tilt_deg: Iterable[float],
        pixel_size_nm: float,
        unmeasured: np.ndarray | None = None,
        goes_on: bool = False,
    ) -> AlignedImages:
        """Return images (tilt, y, x) that are in memory already.

        Raises
        ------
        ValueError
            If the images do not have three axes, there are not as many angles as images, or
            `unmeasured` has another shape.
        """
        images, angles = np.asarray(images, np.float32), [float(angle) for angle in tilt_deg]
        if images.ndim != 3:
            raise ValueError(f"images: found {images.ndim} axes, expected three (tilt, y, x)")
        if len(angles) != len(images):
            raise ValueError(f"tilt_deg: found {len(angles)} angles for {len(images)} images")
        tilts, rows, columns = images.shape
        read_unmeasured = None
        if unmeasured is not None:
            missing = np.asarray(unmeasured, bool)
            if missing.shape != images.shape:
                raise ValueError(
                    f"unmeasured: found shape {missing.shape}, expected that of the images, "
                    f"{images.shape}"
                )
            read_unmeasured = lambda start, stop: missing[:, start:stop]  # noqa: E731
        return cls(
            angles,
            (tilts, rows, columns),
            pixel_size_nm,
            lambda start, stop: images[:, start:stop].copy(),
            "images",
            read_unmeasured,
            goes_on,
        )

    @property
    def seen_width(self) -> float:
        """Width of what the steepest tilt shows, in image widths; 1 if nothing goes on there."""
        return seen_width(self.tilt_deg) if self.goes_on else 1.0

    def masked(self, images: np.ndarray, start: int) -> np.ndarray:
        """Set rows (tilt, n, x) from `start` on to `UNMEASURED` where nothing was measured."""
        if self.read_unmeasured is not None:
            images[self.read_unmeasured(start, start + images.shape[1])] = UNMEASURED
        return images

    def recorded(self, rows: range) -> np.ndarray:
        """Return the share (row) of the tilts that recorded at least two thirds of each row.

        Where the tilt axis leans, all tilts miss the same part of the first and last rows; a film
        that they saw half of came out 18 % too heavy, one that they saw two thirds of 8 %.
        """
        if self.read_unmeasured is None:
            return np.ones(len(rows))
        missing = [self.read_unmeasured(row, row + 1)[:, 0].mean(axis=1) for row in rows]
        return (np.array(missing) <= _MOST_MISSING).mean(axis=1)

    def sinograms(self, rows: range | list[int]) -> np.ndarray:
        """Return the sinograms (n, tilt, x) of some rows, `UNMEASURED` where nothing was."""
        if isinstance(rows, range):
            images = self._measured_rows(rows.start, rows.stop)
        else:
            images = np.concatenate([self._measured_rows(row, row + 1) for row in rows], axis=1)
        return np.ascontiguousarray(images.swapaxes(0, 1))

    def _measured_rows(self, start: int, stop: int) -> np.ndarray:
        return self.masked(self.read_rows(start, stop), start)
