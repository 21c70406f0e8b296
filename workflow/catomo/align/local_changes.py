"""Parts of the images that differ from what the other tilts predict, while the rest agrees.

What happens to parts of the specimen is no matter of the alignment, but of the volume: a shadow
hides them at high tilt, a crystal lights up in some images, particles move under the beam, and
thick parts lose brightness on the way. Each image is compared with its prediction block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from catomo.align.prediction import Reprojection
from catomo.align.settings import Verdict
from catomo.align.spoilt_images import listed

_BLOCKS = FEWEST_PX = 8  # along each edge of an image, which must have as many pixels
_SHOWS = 0.01  # part of the image's power, from which on a block shows something
_HIDDEN = 0.4  # times as bright as predicted, below which a block is hidden
_HIDDEN_SHARE = 0.02  # of the power of an image, from which on it is called shadowed
_ALL = 0.8  # of what is shown, from which on it counts as all of it
_BRIGHTEST = 99.9  # percentile of the predictions that counts as their brightest
_FEWEST_BLOCKS = 5  # of an image, below which nothing is said of it
_FARTHEST_PX = 3.0  # binned: a longer step is not linear
_MENTIONED_FROM = 0.6  # of what warns: where the volume begins to suffer
_BEND_MENTIONED_FROM = 0.3  # of good series it is at most half as much
_WORSE_PREDICTED = 2.3  # times as far: 1.8 to 2.2 where nothing moves
# The images were smoothed with 1 px, so their noise is alike over 4·π px², and counts as so much
# larger.
_NOISE_ALIKE = 4 * np.pi


@dataclass(frozen=True)
class ByItself:
    """What is seen where no part of the specimen changes.

    Attributes
    ----------
    flicker, bend, shift_px : float
        As of `LocalChanges`. How far parts seem to move tells only a comparison.
    """

    flicker: float = 0.0
    bend: float = 0.0
    shift_px: float = np.inf


@dataclass(frozen=True)
class LocalChanges:
    """What the blocks of images show beside their predictions.

    Attributes
    ----------
    tilt_deg : ndarray (image,)
    gain : ndarray (image, block)
        How many times as bright as predicted a block is; NaN where it shows nothing.
    shift : ndarray (image, block, 2)
        How far it lies from its prediction, in binned px, without what is common to the image: a
        shift, turn, stretch or shear; NaN where that is not known.
    weight : ndarray (image, block, 2)
        Of the shifts: one by the square of their standard error.
    power : ndarray (image, block)
        Share of the image's power that a block is predicted to have.
    bend_seen : float
        What bright places lack: the prediction p of the brightest ones is seen as p·(1 + bend).
    factor : int
        Raw pixels per binned one.
    by_itself : ByItself
        What of it is seen without any change.
    """

    tilt_deg: np.ndarray
    gain: np.ndarray
    shift: np.ndarray
    weight: np.ndarray
    power: np.ndarray
    bend_seen: float
    factor: int
    by_itself: ByItself = ByItself()

    def record(self) -> dict[str, float]:
        """Return the numbers that are compared with the limits."""
        return {
            "flicker": self.flicker,
            "bend": self.bend,
            "shadowed": int(self.shadowed.sum()),
            "moved_px": self.moved_px,
        }

    @cached_property
    def shadowed(self) -> np.ndarray:
        """Which images (image,) something hides from one side on."""
        hidden = np.where(self.gain < _HIDDEN, self.power, 0).reshape(-1, _BLOCKS, _BLOCKS)
        shown = np.where(np.isfinite(self.gain), self.power, 0).reshape(hidden.shape)
        found = np.zeros(len(hidden), bool)
        for axis in (1, 2):
            dark, all_shown = hidden.sum(axis=axis), shown.sum(axis=axis)
            for way in (1, -1):
                found |= _from_one_side(dark[:, ::way], all_shown[:, ::way])
        return found

    @property
    def flicker_seen(self) -> float:
        """How much blocks differ in brightness from their predictions (logarithm, RMS)."""
        gain = self.gain[~self.shadowed]
        logs = np.log(np.clip(gain[np.isfinite(gain)], 1 / 3, 3))
        return float(np.sqrt(np.mean((logs - np.median(logs)) ** 2))) if logs.size else 0.0

    @property
    def flicker(self) -> float:
        """How much blocks change in brightness."""
        return _without(self.flicker_seen, self.by_itself.flicker)

    @property
    def bend(self) -> float:
        """What bright places lack, below zero."""
        return self.bend_seen - self.by_itself.bend

    @property
    def moved_px(self) -> float:
        """How far parts of the specimen have moved, in raw px (RMS)."""
        return _without(self.shift_px, self.by_itself.shift_px)

    @property
    def shift_px(self) -> float:
        """How far blocks lie from their predictions, in raw px (RMS), without the part of noise."""
        shift, weight = self.shift[~self.shadowed], self.weight[~self.shadowed]
        known = np.isfinite(shift)
        if not known.any():
            return 0.0
        square = np.clip(shift[known], -_FARTHEST_PX, _FARTHEST_PX) ** 2
        total = weight[known].sum()
        mean = (weight[known] * square).sum() / total - known.sum() / total
        return float(np.sqrt(max(mean, 0.0))) * self.factor

    def reasons(self, limits: Verdict, tell_moved: bool = True) -> tuple[list[str], list[str]]:
        """Return what makes the alignment doubtful, and what is only mentioned.

        Parameters
        ----------
        limits : Verdict
        tell_moved : bool
            Whether to tell how far parts have moved, where nothing else sets them out of place;
            beside what is only mentioned they are told where they moved farther than what warns.
        """
        doubts: list[str] = []
        mentions: list[str] = []
        if self.shadowed.any():
            doubts.append(
                f"something hides part of the specimen in the images at {self._named()}, such as "
                "the shadow of the holder or a grid bar; name it in align.shadows, or leave these "
                "images out (exclude_tilts)"
            )
        for value, limit, mentioned_from, words in self._findings(limits):
            if value > mentioned_from * limit:
                (doubts if value > limit else mentions).append(words)
        limit = limits.warn_local_shift_px
        # What is mentioned moves parts a little by itself.
        least = limit if mentions else _MENTIONED_FROM * limit
        if tell_moved and not doubts and self.moved_px > least:
            (doubts if self.moved_px > limit else mentions).append(
                f"parts of the specimen lie {self.moved_px:.2f} px RMS from where the other tilts "
                "predict them, each in a way of its own: did particles move or sinter under the "
                "beam, or is the scan uneven? Record with less dose, or fewer tilts"
            )
        return doubts, mentions

    def _findings(self, limits: Verdict) -> Iterator[tuple[float, float, float, str]]:
        yield (
            -self.bend,
            limits.warn_bend,
            _BEND_MENTIONED_FROM,
            f"the brightest places lack {-self.bend:.0%} of what the other tilts predict: the "
            "images are not linear in thickness, as where a thick or heavy specimen scatters "
            "electrons past the detector, or where it is saturated; dense parts come out too thin",
        )
        yield (
            self.flicker,
            limits.warn_flicker,
            _MENTIONED_FROM,
            f"parts of the specimen are brighter or darker in single images, by "
            f"{self.flicker:.0%} RMS, as crystals are that come to lie along the beam "
            "(diffraction); a larger inner angle of the detector avoids it",
        )

    def _named(self) -> str:
        """Name the images with a shadow."""
        return listed([f"{tilt:g}°" for tilt in np.sort(self.tilt_deg[self.shadowed])])


def by_itself(known: LocalChanges, noisy: LocalChanges) -> ByItself:
    """Return what is seen where no part of the specimen changes.

    Parameters
    ----------
    known : LocalChanges
        Of images of a reconstruction. Finer structures of real ones are predicted somewhat worse.
    noisy : LocalChanges
        Of the same with the noise of the real ones.
    """
    shift_px = np.hypot(noisy.shift_px, np.sqrt(_WORSE_PREDICTED**2 - 1) * known.shift_px)
    flicker = _without(noisy.flicker_seen, known.flicker_seen)
    return ByItself(flicker, noisy.bend_seen, float(shift_px))


def _without(seen: float, other: float) -> float:
    """Return what is left of an RMS without what is independent of it."""
    return float(np.sqrt(max(seen**2 - other**2, 0.0)))


def _from_one_side(hidden: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return in which images all is hidden up to some line of blocks, and nothing beyond the next.

    Parameters
    ----------
    hidden, shown : ndarray (image, line)
        Power that is hidden, and all that is predicted.
    """
    total = shown.sum(axis=1)
    found = np.zeros(len(shown), bool)
    for line in range(1, shown.shape[1]):
        dark, outer = hidden[:, :line].sum(axis=1), shown[:, :line].sum(axis=1)
        rest = hidden[:, line + 1 :].sum(axis=1)
        found |= (dark > _HIDDEN_SHARE * total) & (dark > _ALL * outer) & (rest < dark * (1 - _ALL))
    return found & (hidden.sum(axis=1) < _ALL * total)  # an image that is dark all over has none


def local_changes(beside: Reprojection, tilt_deg: np.ndarray) -> LocalChanges:
    """Compare images with their predictions block by block.

    Parameters
    ----------
    beside : Reprojection
    tilt_deg : ndarray (image,)
        In the order of its images.

    Notes
    -----
    In each block one Gauss-Newton step like that of `Reprojection.shifts`.
    """
    images, predicted = beside.images.astype(float), beside.predicted.astype(float)
    dy, dx = np.gradient(predicted, axis=(1, 2))
    terms = [predicted, -dx, -dy]
    normal = np.stack([np.stack([_in_blocks(a * b) for b in terms], -1) for a in terms], -1)
    right = np.stack([_in_blocks(a * images) for a in terms], -1)
    whole = normal[..., 0, 0].sum(axis=1, keepdims=True)
    power = normal[..., 0, 0] / np.maximum(whole, 1e-30)
    shows = power > _SHOWS
    safe = normal + 1e-9 * np.maximum(whole, 1e-30)[..., None, None] * np.eye(3)
    solution = np.linalg.solve(safe, right[..., None])[..., 0]
    gain = np.where(shows, solution[..., 0], np.nan)
    clear = shows & (gain > _HIDDEN)
    shift = np.where(clear[..., None], solution[..., 1:] / gain[..., None], np.nan)
    scale = right[..., 0].sum(axis=1) / np.maximum(whole[:, 0], 1e-30)
    left = np.abs(images - scale[:, None, None] * predicted)
    noise = 1.4826 * np.median(left, axis=(1, 2))[:, None, None]
    weight = normal[..., [1, 2], [1, 2]] / np.maximum(_NOISE_ALIKE * noise**2, 1e-30)
    for image, its_weight in zip(shift, weight, strict=True):
        _without_common(image, its_weight)
    return LocalChanges(
        np.asarray(tilt_deg), gain, shift, weight, power, _bend(images, predicted), beside.factor
    )


def _in_blocks(values: np.ndarray) -> np.ndarray:
    """Return the sums of images (image, y, x) over blocks, (image, block)."""
    rows, columns = (size // _BLOCKS for size in values.shape[1:])
    whole = values[:, : rows * _BLOCKS, : columns * _BLOCKS]
    return (
        whole.reshape(-1, _BLOCKS, rows, _BLOCKS, columns).sum(axis=(2, 4)).reshape(-1, _BLOCKS**2)
    )


def _without_common(shift: np.ndarray, weight: np.ndarray) -> None:
    """Take from the shifts (block, 2) of an image what is common to it, in place."""
    y, x = np.indices((_BLOCKS, _BLOCKS)).reshape(2, -1) - (_BLOCKS - 1) / 2
    terms = np.stack([np.ones_like(x), x, y], axis=1)
    for way in (0, 1):
        known = np.isfinite(shift[:, way])
        if known.sum() < _FEWEST_BLOCKS:
            shift[:, way] = np.nan
            continue
        root = np.sqrt(weight[known, way])
        fit = np.linalg.lstsq(terms[known] * root[:, None], shift[known, way] * root, rcond=None)[0]
        shift[known, way] -= terms[known] @ fit


def _bend(images: np.ndarray, predicted: np.ndarray) -> float:
    """Return what the brightest places of most images lack, as a part of their prediction p.

    The images are fitted with a·p·(1 + bend·p / brightest).
    """
    brightest = np.percentile(predicted, _BRIGHTEST)
    if brightest <= 0:
        return 0.0
    bends = []
    for image, p in zip(images, predicted, strict=True):
        columns = np.stack([p.ravel(), (p**2 / brightest).ravel()], axis=1)
        once, twice = np.linalg.lstsq(columns, image.ravel(), rcond=None)[0]
        bends.append(twice / once if once > 0 else 0.0)
    return float(np.median(bends))
