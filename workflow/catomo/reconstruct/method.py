"""What is reconstructed and how: the geometry and the algorithm that every backend is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from catomo.projection.iteration import Watch


@dataclass(frozen=True)
class TiltGeometry:
    """The geometry of slices perpendicular to the tilt axis.

    The tilt axis lies in the middle of the detector and of the slices.

    Attributes
    ----------
    tilt_deg : sequence of float
        Tilt angles in degrees.
    shape : (int, int)
        Depth and width of a slice (z, x) in pixels.
    detector : int
        Detector pixels across the tilt axis.
    """

    tilt_deg: Sequence[float] | np.ndarray
    shape: tuple[int, int]
    detector: int

    def subset(self, start: int, step: int) -> TiltGeometry:
        """Return the geometry of the tilts ``start::step``."""
        return TiltGeometry(self.tilt_deg[start::step], self.shape, self.detector)


@dataclass(frozen=True)
class Method:
    """An iterative algorithm with its parameters.

    Attributes
    ----------
    algorithm : str
        ``sirt``, or ``mlem`` and ``osem``, which differ in `subsets` alone.
    iterations : int
        Passes over the data.
    subsets : int
        Interleaved subsets of tilts; at most as many as there are tilts are used.
    unit : float, optional
        Intensity of the specimen's support per pixel of path; see `Iteration`.
    tv : float
        Strength of the total variation; see `MaximumLikelihood`.
    across : bool
        Whether total variation also acts between neighbouring slices.
    """

    algorithm: str
    iterations: int
    subsets: int = 1
    unit: float | None = None
    tv: float = 0.0
    across: bool = False


class Solver(Protocol):
    """A function from sinograms to slices."""

    def __call__(self, sinograms: np.ndarray, watch: Watch | None = None) -> np.ndarray:
        """Return slices (n, depth, width) from sinograms (n, tilt, detector)."""
