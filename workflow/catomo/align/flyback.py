"""The start of the lines: a scan that begins before the beam has come back pulls an edge in.

All images are distorted there in the same way, at the same place of the frame, so that no image
stands out. But the specimen's edge comes to lie now deeper, now less deep in that zone as it tilts,
and what the others predict of it is off accordingly. A pull along the tilt axis is alike at all
tilts and cannot be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.align.prediction import Reprojection
from catomo.align.settings import Verdict

_REACH = 0.05  # of the width: how far the pull goes that is looked for
_SIDES, _SIGNS = ("left", "right"), (1, -1)
_CLEARER = 4.0  # times what images of a reconstruction show, which nothing pulls; usually twice
_CUT_PX = 3.0  # binned, from the edge: a specimen that is cut there is predicted badly
_SIGMAS = 3.0  # standard errors, of the spread from image to image, which a pull makes larger
_MENTIONED_FROM = 0.65  # of what warns: where the volume begins to suffer


@dataclass(frozen=True)
class Flyback:
    """How far the structures of the images are pulled in from an edge of the frame.

    Attributes
    ----------
    side : str
        The edge, ``left`` or ``right``; empty where none stands out.
    pull_px : float
        How far, and how much farther than from the other edge: RMS over the structures of the
        whole specimen, in raw px.
    """

    side: str = ""
    pull_px: float = 0.0

    def record(self) -> dict[str, float]:
        """Return the number that is compared with the limit."""
        return {"pull_px": self.pull_px}

    def reasons(self, limits: Verdict) -> tuple[list[str], list[str]]:
        """Return what makes the alignment doubtful, and what is only mentioned."""
        if self.pull_px <= _MENTIONED_FROM * limits.warn_flyback_px:
            return [], []
        words = [
            f"towards the {self.side} edge all images are distorted in the same way, as by a scan "
            "that begins before the beam has come back (flyback), or a lens at its edge; record "
            "with a longer flyback time, or crop the images there (tilt_series.import.crop_nm)"
        ]
        return (words, []) if self.pull_px > limits.warn_flyback_px else ([], words)


@dataclass(frozen=True)
class _Pull:
    """A pull inwards: how far it moves the edge, its standard error, and all structures (RMS)."""

    at_edge_px: float
    error_px: float
    everywhere_px: float


def flyback(beside: Reprojection, of_known: Reprojection, across_px: np.ndarray) -> Flyback:
    """Look for a pull from the left or right edge of the raw images.

    Parameters
    ----------
    beside : Reprojection
        Of the images.
    of_known : Reprojection
        Of images of their reconstruction, which nothing pulls.
    across_px : ndarray (image,)
        How far the aligned images lie off the middle of the raw ones, in raw px.
    """
    across_px = across_px / beside.factor
    pulls = [_pull(beside, across_px, sign) for sign in _SIGNS]
    # What is predicted too narrow or too wide is so on both sides.
    uneven_px = abs(pulls[0].everywhere_px - pulls[1].everywhere_px)
    stronger = int(np.argmax([abs(pull.everywhere_px) for pull in pulls]))
    pull, usual = pulls[stronger], _pull(of_known, across_px, _SIGNS[stronger])
    clear = abs(pull.at_edge_px) > _CLEARER * abs(usual.at_edge_px)
    sure = abs(pull.at_edge_px) > _SIGMAS * pull.error_px
    return Flyback(_SIDES[stronger], uneven_px) if clear and sure else Flyback()


def _pull(beside: Reprojection, across_px: np.ndarray, sign: int) -> _Pull:
    """Return the pull from one edge that sets most images apart from their predictions.

    One Gauss-Newton step for all images together, of what is left of each when its brightness and
    its shift are fitted.
    """
    columns = beside.images.shape[2]
    products, squares, whole = np.empty((3, len(beside.images)))
    for t, (image, predicted) in enumerate(zip(beside.images, beside.predicted, strict=True)):
        dy, dx = np.gradient(predicted.astype(float))
        from_left = np.arange(columns) + 0.5 + across_px[t]
        depth = np.maximum(from_left if sign > 0 else columns - from_left, 0)
        moved = -sign * np.exp(-depth / (_REACH * columns)) * dx * (depth > _CUT_PX)
        common = np.stack([predicted.ravel(), dx.ravel(), dy.ravel()], axis=1).astype(float)
        both = np.stack([image.ravel(), moved.ravel()], axis=1).astype(float)
        both -= common @ np.linalg.lstsq(common, both, rcond=None)[0]
        products[t], squares[t] = both[:, 0] @ both[:, 1], both[:, 1] @ both[:, 1]
        whole[t] = np.vdot(dx, dx)
    total = max(squares.sum(), 1e-30)
    pull = products.sum() / total * beside.factor
    error = np.sqrt(np.sum((products - squares * products.sum() / total) ** 2)) / total
    everywhere = pull * np.sqrt(total / max(whole.sum(), 1e-30))
    return _Pull(float(pull), float(error) * beside.factor, float(everywhere))
