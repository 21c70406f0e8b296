"""Images that are turned, enlarged or sheared against what the other tilts predict of them.

The alignment moves images and turns them all by one angle. What else a microscope does to single
images stays in them and blurs the volume, unless it is asked to be mended (`catomo.align.mends`):
the image rotates or grows with the focus, or the scan drifts. All of it shows beside the
predictions, long before the volume looks wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from catomo.align.prediction import Reprojection
from catomo.align.settings import Mend, Verdict

_MENTIONED_FROM = 0.5  # of what warns: where the volume begins to suffer
_MENDS: dict[str, Mend] = {
    "rotation_deg": "rotation",
    "magnification": "magnification",
    "shear": "scan_drift",
}
_MOST_NAMED = 6
_STANDS_OUT = 4.0  # times the spread of the others
# The images were smoothed with 1 px, so their noise is alike over 4·π px², and counts as so much
# larger.
_NOISE_ALIKE = np.sqrt(4 * np.pi)


@dataclass(frozen=True)
class Distortion:
    """How each image differs from its prediction, but for shifts, about the median image.

    Attributes
    ----------
    tilt_deg : ndarray (image,)
    rotation_deg, magnification, shear : ndarray (image,)
        Turn; growth along the tilt axis, as a part; shear, as the tangent of its angle.
    noise : ndarray (3,)
        Standard error of the three, RMS over the images.
    """

    tilt_deg: np.ndarray
    rotation_deg: np.ndarray
    magnification: np.ndarray
    shear: np.ndarray
    noise: np.ndarray

    def record(self) -> dict[str, float]:
        """Return the RMS of each over the images, without the part of noise."""
        return {key: value for key, value, *_ in self._parts()}

    def reasons(self, limits: Verdict) -> tuple[list[str], list[str]]:
        """Return what makes the alignment doubtful, and what is only mentioned."""
        doubts: list[str] = []
        mentions: list[str] = []
        for key, value, values, tell in self._parts():
            limit = getattr(limits, f"warn_{key}")
            if value > _MENTIONED_FROM * limit:
                reason = (
                    f"{tell(value)}{self._named(values)}; align.mend: [{_MENDS[key]}] may undo it"
                )
                (doubts if value > limit else mentions).append(reason)
        return doubts, mentions

    def _parts(self) -> Iterator[tuple[str, float, np.ndarray, Callable[[float], str]]]:
        """Yield the key of each, its RMS without noise, its values and its words."""
        words: tuple[tuple[str, Callable[[float], str]], ...] = (
            ("rotation_deg", lambda v: f"the images are turned against each other by {v:.1f}° RMS"),
            ("magnification", lambda v: f"the images differ in magnification by {v:.1%} RMS"),
            ("shear", lambda v: f"the images are sheared by {v:.1%} RMS, as by drift in the scan"),
        )
        for (key, tell), noise in zip(words, self.noise.tolist(), strict=True):
            values = getattr(self, key)
            square = float(np.mean(values**2)) - noise**2
            yield key, float(np.sqrt(max(square, 0.0))), values, tell

    def _named(self, values: np.ndarray) -> str:
        """Name the images that stand out, if a few of them do."""
        away = np.abs(values) > _STANDS_OUT * 1.4826 * np.median(np.abs(values))
        if not 0 < away.sum() <= _MOST_NAMED:
            return ""
        return f", most of all at {', '.join(f'{tilt:g}°' for tilt in self.tilt_deg[away])}"


def affine_terms(predicted: np.ndarray) -> np.ndarray:
    """Return the columns (pixel, 7) that an image is a combination of where it is little distorted.

    With r from the centre and the gain g: image ≈ g·p − g·(d + A·r)·∇p. The factors are g, g·dx,
    g·dy, and of g·A those of x by x, x by y, y by x, y by y.
    """
    dy, dx = np.gradient(predicted)
    y, x = (np.arange(n) - (n - 1) / 2 for n in predicted.shape)
    terms = [predicted, -dx, -dy, -x * dx, -y[:, None] * dx, -x * dy, -y[:, None] * dy]
    return np.stack([term.ravel() for term in terms], axis=1).astype(float)


def distortion_of(reprojection: Reprojection, tilt_deg: np.ndarray) -> Distortion:
    """Measure turn, magnification and shear of images against their predictions.

    Parameters
    ----------
    reprojection : Reprojection
    tilt_deg : ndarray (image,)
        In the order of its images.

    Notes
    -----
    One Gauss-Newton step like that of `Reprojection.shifts`, with `affine_terms`. The growth across
    the axis is left out of the result, because predictions from few or missing tilts are wider
    there by themselves.
    """
    steps, errors = [], []
    for image, predicted in zip(reprojection.images, reprojection.predicted, strict=True):
        columns = affine_terms(predicted)
        inverse = np.linalg.pinv(columns.T @ columns)
        solution = inverse @ (columns.T @ image.ravel())
        residual = image.ravel() - columns @ solution
        gain, _, _, _, x_by_y, y_by_x, growth = solution
        spread = np.sqrt(np.diag(inverse) * residual.var()) * _NOISE_ALIKE / max(abs(gain), 1e-30)
        gain = gain if gain > 0 else np.inf
        steps.append(np.array([(y_by_x - x_by_y) / 2, growth, (y_by_x + x_by_y) / 2]) / gain)
        turn_error = np.hypot(spread[4], spread[5]) / 2
        errors.append([turn_error, spread[6], turn_error])
    values = np.array(steps)
    values -= np.median(values, axis=0)
    noise = np.sqrt(np.mean(np.square(errors), axis=0))
    units = np.array([np.degrees(1), 1, 1])
    rotation, magnification, shear = (values * units).T
    return Distortion(np.asarray(tilt_deg), rotation, magnification, shear, noise * units)
