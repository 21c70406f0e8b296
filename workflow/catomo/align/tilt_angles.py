"""Tilt angles that are not those recorded: on another scale, off from image to image, or in steps.

A goniometer whose scale is wrong, that moves unevenly or lags behind when it turns back writes
angles that no alignment corrects; the volume is bent and blurred. Each image tells its own angle:
what the other tilts predict of it changes with the tilt, and some angle fits it best.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from catomo.align.geometry import Geometry
from catomo.align.reprojection import JUDGE_FOLDS, Reprojector
from catomo.align.settings import Verdict

_STEP_DEG = 1.0  # to both sides of a tilt, between which the change of a prediction is linear
_SCALE_STEP, _SCALE_REACH = 0.03, 5  # scales tried: so far apart, so many to one side
_SCALE_GAIN = 0.08  # part of the error by which another scale must be better
_SIDE = 3  # images on each side of a step
_FEWEST_PLACES = 5  # where a step may be, to tell which stands out
_STEP_STANDS_OUT = 6.0  # times the spread of the others
_STEP_BACK = 0.75  # of it, from which on the next one back makes it a single wrong angle
_STEP_ON = 0.5  # of it, from which on the next one makes it a slow change
_ACROSS_0_DEG = 2.0  # a step across 0° is at least so high
_STEP_GAIN = 0.08  # part of the error by which angles without it must be better: 0.17 and more
_STEP_LASTS = 0.3  # part of it that is left between three images before and three after
_UNCLEAR = 4.0  # times the median error of an image's angle,
_UNCLEAR_DEG = 0.5  # and at least so much: such an image tells nothing
_CLEARER = 4.0  # times what images of right angles seem to be off
_MOST_NAMED = 6
_STANDS_OUT = 4.0  # times the spread of the others
_MENTIONED_FROM = 0.6  # of what warns: where the volume begins to suffer
# The images were smoothed with 1 px, so their noise is alike over 4·π px², and counts as so much
# larger.
_NOISE_ALIKE = np.sqrt(4 * np.pi)


@dataclass(frozen=True)
class TiltAngles:
    """How the true tilt angles seem to differ from those recorded.

    Attributes
    ----------
    tilt_deg : ndarray (image,)
        As recorded, ascending.
    off_deg : ndarray (image,)
        By how much each image fits better at a larger angle.
    noise_deg : float
        Standard error of that, RMS over the images.
    scale : float
        By what all angles must be multiplied for the tilts to predict each other best, divided by
        what that is where all angles are right; 1 if that makes little difference.
    of_right : TiltAngles, optional
        The same measured of the images of a reconstruction, whose angles are right. Where these
        are doubted too, as those of small things in large frames are, single images tell nothing.
    has_step : bool
        Whether the tilts predict each other better without the step that is seen.
    """

    tilt_deg: np.ndarray
    off_deg: np.ndarray
    noise_deg: float
    scale: float
    of_right: TiltAngles | None = None
    has_step: bool = True

    def record(self) -> dict[str, float]:
        """Return the numbers that are compared with the limits."""
        step_deg, _ = self.step()
        return {
            "angle_scale": self.scale,
            "angle_jitter_deg": self.jitter_deg(),
            "angle_step_deg": step_deg,
        }

    def jitter_deg(self) -> float:
        """Return how far angles are off from image to image (RMS), without the part of noise.

        Each image is compared with the two beside it, because what the others predict is off
        together with them where angles change slowly; so it is not where they jump once.
        """
        away = self._away()
        if not len(away):
            return 0.0
        step_deg, after = self.step_seen()
        kept = np.ones(len(away), bool)
        if step_deg:
            kept[max(0, after - 2) : after + 1] = False
        square = float(np.mean(away[kept] ** 2)) if kept.any() else 0.0
        return float(np.sqrt(max(square - self.noise_deg**2, 0.0)))

    def reasons(self, limits: Verdict) -> tuple[list[str], list[str]]:
        """Return what makes the alignment doubtful, and what is only mentioned."""
        doubts: list[str] = []
        mentions: list[str] = []
        for value, limit, words in self._findings(limits):
            if value > _MENTIONED_FROM * limit:
                (doubts if value > limit else mentions).append(words)
        return doubts, mentions

    def _findings(self, limits: Verdict) -> Iterator[tuple[float, float, str]]:
        step_deg, after = self.step()
        if not step_deg:  # which alone makes another scale fit
            yield (
                abs(self.scale - 1),
                limits.warn_angle_scale,
                "the tilts predict each other best if all angles are "
                f"{self.scale:.3f} times those recorded: is the scale of the goniometer right? "
                "Such a volume is bent; give the true angles",
            )
        if self.of_right and not self._clearer(self.of_right, limits):
            return
        yield (
            self.jitter_deg(),
            limits.warn_angle_jitter_deg,
            f"the true angles differ from those recorded by {self.jitter_deg():.1f}° RMS from "
            f"image to image{self._named()}: did the goniometer move unevenly? Give the angles "
            "it read after each step, if they were saved",
        )
        if step_deg:
            yield (
                abs(step_deg),
                limits.warn_angle_step_deg,
                f"from {self.tilt_deg[after]:g}° on the true angles are off by {step_deg:+.1f}° "
                "against those before: did the goniometer turn back there (backlash), or is an "
                "image missing or stored twice? Give the true angles",
            )

    def _clearer(self, right: TiltAngles, limits: Verdict) -> bool:
        """Return whether angles are off from image to image more clearly than right ones seem to.

        A step has a place, which alone decides.
        """
        jitter, step_deg = self.jitter_deg(), abs(self.step()[0])
        if _MENTIONED_FROM * limits.warn_angle_jitter_deg < jitter < _CLEARER * right.jitter_deg():
            return False
        return not 0 < step_deg < _CLEARER * abs(right.step()[0])

    def _away(self) -> np.ndarray:
        """Return how far each image but the first and last is off from the two beside it."""
        off = self.off_deg
        return (off[1:-1] - (off[:-2] + off[2:]) / 2) / np.sqrt(1.5)

    def step(self) -> tuple[float, int]:
        """Return the one step of the angles and the image after it; 0 if there is none."""
        return self.step_seen() if self.has_step else (0.0, 0)

    def step_seen(self) -> tuple[float, int]:
        """Return the one step of the angles and the image after it; 0 if none stands out.

        What the others predict follows a step, so that only the images beside it show it whole. A
        single wrong angle is two steps, one back. Across 0° right angles seem to jump, too: small
        errors of the predictions change their sign there.
        """
        off, jumps = self.off_deg, np.diff(self.off_deg)
        places = np.arange(_SIDE, len(off) - _SIDE + 1)  # of images that have some before and after
        across_0 = self.tilt_deg[places - 1] * self.tilt_deg[places] <= 0
        places = places[~across_0 | (np.abs(jumps[places - 1]) > self._jumps_across_0())]
        if len(places) < _FEWEST_PLACES:
            return 0.0, 0
        spread = max(1.4826 * np.median(np.abs(jumps - np.median(jumps))), self.noise_deg)
        after = int(places[np.abs(jumps[places - 1]).argmax()])
        jump = float(jumps[after - 1])
        beside = jumps[[after - 2, after]] / (jump or 1.0)
        lasting = off[after : after + _SIDE].mean() - off[after - _SIDE : after].mean()
        clear = abs(jump) > _STEP_STANDS_OUT * spread and lasting / jump > _STEP_LASTS
        alone = beside.min() > -_STEP_BACK and beside.max() < _STEP_ON
        return (jump, after) if clear and alone else (0.0, 0)

    def _jumps_across_0(self) -> float:
        """Return how far angles that are right may seem to jump across 0°."""
        if self.of_right is None:
            return np.inf
        tilt_deg, jumps = self.of_right.tilt_deg, np.diff(self.of_right.off_deg)
        across_0 = tilt_deg[:-1] * tilt_deg[1:] <= 0
        seen = float(np.abs(jumps[across_0]).max()) if across_0.any() else np.inf
        return max(_ACROSS_0_DEG, _CLEARER * seen)

    def _named(self) -> str:
        """Name the images that stand out, if a few of them do."""
        away = np.abs(self._away())
        far = away > _STANDS_OUT * 1.4826 * np.median(away)
        # The two beside an image that is off are off from it by half as much.
        far &= away == ndimage.maximum_filter1d(away, 3)
        if not 0 < far.sum() <= _MOST_NAMED:
            return ""
        return f", most of all at {', '.join(f'{tilt:g}°' for tilt in self.tilt_deg[1:-1][far])}"


def tilt_angles(reproject: Reprojector, geometry: Geometry, known: Reprojector) -> TiltAngles:
    """Measure how the true angles differ from those recorded.

    Parameters
    ----------
    reproject : Reprojector
        A coarse one will do.
    geometry : Geometry
    known : Reprojector
        Its `of_reconstruction`, whose angles are known.

    Notes
    -----
    One Gauss-Newton step like that of `Reprojection.shifts`, with the change of the prediction
    with the tilt as one more column.
    """
    off, errors, error = _off(reproject, geometry)
    scale = _scale(reproject, geometry, known, error)
    right = _measured(known, *_off(known, Geometry.still(len(reproject.tilt_deg)))[:2])
    found = replace(_measured(reproject, off, errors), scale=scale, of_right=right)
    step_deg, after = found.step_seen()
    if step_deg:
        at = reproject.tilt_deg + step_deg * (reproject.tilt_deg >= found.tilt_deg[after])
        mended = float(reproject(geometry, JUDGE_FOLDS, at).error().mean())
        found = replace(found, has_step=mended < (1 - _STEP_GAIN) * error)
    return found


def _measured(reproject: Reprojector, off: np.ndarray, errors: np.ndarray) -> TiltAngles:
    """Return what the images that tell their angles tell together."""
    # An image that shows something else, or half of it, tells nothing of its angle.
    telling = np.flatnonzero(errors <= max(_UNCLEAR * np.median(errors), _UNCLEAR_DEG))
    telling = telling[np.argsort(reproject.indices[telling])]
    noise = float(np.sqrt(np.mean(errors[telling] ** 2)))
    tilt_deg = reproject.tilt_deg[reproject.indices[telling]]
    return TiltAngles(tilt_deg, off[telling], noise, 1.0)


def _off(reproject: Reprojector, geometry: Geometry) -> tuple[np.ndarray, np.ndarray, float]:
    """Return by how much (deg) each image fits better at a larger angle, and its error.

    The third is which part of the images is not predicted.
    """
    beside, change = reproject.by_angle(geometry, JUDGE_FOLDS, _STEP_DEG)
    off, errors = np.zeros(len(change)), np.full(len(change), np.inf)
    triples = zip(beside.images, beside.predicted, change, strict=True)
    for t, (image, predicted, per_degree) in enumerate(triples):
        dy, dx = np.gradient(predicted)
        terms = [predicted, -dx, -dy, per_degree]
        columns = np.stack([term.ravel() for term in terms], axis=1).astype(float)
        inverse = np.linalg.pinv(columns.T @ columns)
        solution = inverse @ (columns.T @ image.ravel())
        if solution[0] > 0:
            residual = image.ravel() - columns @ solution
            off[t] = solution[3] / solution[0]
            errors[t] = np.sqrt(inverse[3, 3] * residual.var()) * _NOISE_ALIKE / solution[0]
    return off, errors, float(beside.error().mean())


def _scale(reproject: Reprojector, geometry: Geometry, known: Reprojector, given: float) -> float:
    """Return the scale of the angles that fits best; 1 if it makes little difference.

    Wide structures with few tilts predict each other best at somewhat larger angles even where all
    is right. How much larger shows on the images of a reconstruction, whose angles are known.
    """
    best, gain = best_scale(reproject, geometry, given)
    if gain < _SCALE_GAIN:
        return 1.0
    return best / best_scale(known, Geometry.still(len(reproject.tilt_deg)))[0]


def best_scale(
    reproject: Reprojector, geometry: Geometry, given: float | None = None
) -> tuple[float, float]:
    """Return at which scale of all angles the tilts predict each other best, and how much better.

    Parameters
    ----------
    reproject : Reprojector
    geometry : Geometry
    given : float, optional
        The mean error with the angles as they are, where that is known.

    Returns
    -------
    scale : float
    gain : float
        The part of the error that is less at the best scale tried.
    """
    tried = {} if given is None else {0: given}

    def error(step: int) -> float:
        if step not in tried:
            angles = reproject.tilt_deg * (1 + step * _SCALE_STEP)
            tried[step] = float(reproject(geometry, JUDGE_FOLDS, angles).error().mean())
        return tried[step]

    way = 1 if error(1) < error(-1) else -1
    best = 0
    while abs(best) < _SCALE_REACH and error(best + way) < error(best):
        best += way
    low, middle, high = (error(best + k) ** 2 for k in (-1, 0, 1))
    bend = low + high - 2 * middle
    place = best + (0.0 if bend <= 0 else float(np.clip((low - high) / (2 * bend), -1, 1)))
    return 1 + place * _SCALE_STEP, 1 - error(best) / error(0) if error(0) > 0 else 0.0
