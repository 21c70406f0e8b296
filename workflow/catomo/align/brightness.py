"""How bright the images of a series are beside each other, and what is done about it.

The dose may differ between images, fade or jump. All of an isolated specimen is in every image,
so its total brightness above the background must be the same at every tilt, and images are scaled
to it. Of an extended specimen every tilt shows another part. There only neighbours are compared,
in what both show: images that stand out are named, and scaled only for as long as the alignment is
sought, so that a bright one has no more say in it than others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from catomo.align.edge import ring_of
from catomo.align.neighbours import LIMIT, Comparison, around, by_neighbours
from catomo.align.preprocess import CleanSeries, unevenness_px

_EVEN = 0.1  # good series differ by up to 0.055 (logarithm), and noise may add to that
_NOISE_SIGMAS = 5.0
_INSIDE_PX = 1.0  # pull of the surroundings, above which an image does not hold all of it
_FEWEST = 5  # images, below which a single one cannot be told from a slow change
_MOST_NAMED = 6  # images that get a sentence of their own
_SCALED_SILENTLY = 1.15  # times as bright or dark: scaled, its error stays below a tenth
_SCALED_WELL = 1.3  # times as bright or dark: what scaling mends, whatever the cause
_HARMFUL = 2.5  # times as bright or dark: even scaled, such an image is saturated or noisy


@dataclass(frozen=True)
class Brightness:
    """What was found of the brightness of the images.

    Attributes
    ----------
    tilt_deg : ndarray (tilt,)
    gain : ndarray (tilt,)
        What each image is divided by; 1 where it stays as it is.
    by_mass : bool
        Whether the total brightness gave the gains, so that images stay divided by them.
    clear : ndarray of bool, (tilt,)
        Where the total brightness differs by more than chance.
    odd : list of (float, float)
        Tilts of single images, and how many times as bright as their neighbours they are.
    jumps : list of (float, float)
        Tilts from which on all images are so many times as bright as those before.
    change : float
        How many times as bright as the first image the last is, where that changes slowly;
        1 if nothing stands out.
    """

    tilt_deg: np.ndarray
    gain: np.ndarray
    by_mass: bool = False
    clear: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    odd: list[tuple[float, float]] = field(default_factory=list)
    jumps: list[tuple[float, float]] = field(default_factory=list)
    change: float = 1.0

    def record(self) -> dict[str, Any]:
        """Return what stands in the record."""
        return {
            "scaled_by": self.gain if self.by_mass else None,
            "scaled_to_align_by": None if self.by_mass or not self.changed.size else self.gain,
            "single_images": self.odd,
            "jumps": self.jumps,
            "slow_change": self.change,
        }

    @property
    def changed(self) -> np.ndarray:
        """Numbers of the images that are divided by something."""
        return np.flatnonzero(self.gain != 1)

    def divide(self, images: np.ndarray) -> None:
        """Divide images (tilt, y, x) by their gains, in place."""
        for t in self.changed.tolist():
            images[t] /= self.gain[t]

    def undo(self, images: np.ndarray) -> None:
        """Give images their own brightness back, in place, unless the total gave the gains."""
        for t in [] if self.by_mass else self.changed.tolist():
            images[t] *= self.gain[t]

    def harmful_deg(self) -> set[float]:
        """Return the tilts of single images so bright or dark that they are better left out."""
        return {tilt for tilt, ratio in self.odd if abs(np.log(ratio)) > np.log(_HARMFUL)}

    def reasons(self) -> tuple[list[str], list[str]]:
        """Return what makes the alignment doubtful, and what is only mentioned."""
        if not self.by_mass:
            return self.words(), []
        most = np.exp(np.abs(np.log(self.gain)).max())
        if most < _SCALED_SILENTLY:
            return [], []
        return ([], self.words()) if most < _SCALED_WELL else (self.words(), [])

    def words(self) -> list[str]:
        """Return what was found, in sentences."""
        words = [self._words_on_mass()] if self.by_mass else []
        words += [
            f"the image at {tilt:g}° is {ratio:.2g} times as bright as its neighbours; scaled "
            "to them for the alignment only"
            for tilt, ratio in self.odd[:_MOST_NAMED]
        ]
        if len(self.odd) > _MOST_NAMED:
            more = ", ".join(f"{tilt:g}°" for tilt, _ in self.odd[_MOST_NAMED:])
            words.append(f"so differ the images at {more}")
        words += [
            f"from {tilt:g}° on the images are {ratio:.2g} times as bright as those before; they "
            "are written as recorded: did the dose change?"
            for tilt, ratio in self.jumps[:_MOST_NAMED]
        ]
        if self.change != 1:
            words.append(
                f"the brightness changes slowly: the last image is {self.change:.2g} times as "
                "bright as the first, and written as recorded; did the beam fade, or the specimen "
                "change?"
            )
        return words

    def _words_on_mass(self) -> str:
        differ = np.flatnonzero(self.clear)
        if len(differ) <= _MOST_NAMED:
            listed = ", ".join(f"{self.gain[t]:.2g} at {self.tilt_deg[t]:g}°" for t in differ)
        else:
            low, high = self.gain.argmin(), self.gain.argmax()
            listed = (
                f"from {self.gain[low]:.2g} at {self.tilt_deg[low]:g}° to {self.gain[high]:.2g} at "
                f"{self.tilt_deg[high]:g}°, {len(differ)} of {len(self.gain)} clearly"
            )
        return (
            f"the images hold the whole specimen and differ in total brightness (times the median: "
            f"{listed}); they are scaled to one total: did the dose differ, or the specimen change?"
        )


def brightness_of(series: CleanSeries) -> Brightness:
    """Return how bright the images are beside each other, and note it in the series.

    Parameters
    ----------
    series : CleanSeries
    """
    used = np.flatnonzero(series.usable)
    found = Brightness(series.tilt_deg, np.ones(len(series.images)))
    if len(used) >= _FEWEST:
        comparison = Comparison(series, used)
        by_mass = _by_mass(series, comparison) if series.isolated else None
        found = by_mass or _by_neighbours(series, comparison)
    series.notes["brightness"] = found.record()
    return found


def _by_mass(series: CleanSeries, comparison: Comparison) -> Brightness | None:
    """Return the gains by the total brightness; None if too few images hold the specimen."""
    used = comparison.used
    images = [series.images[t] for t in used]
    mass = np.array([image.sum(dtype=np.float64) for image in images])
    inside = np.array([unevenness_px(image) < _INSIDE_PX for image in images]) & (mass > 0)
    if inside.sum() < _FEWEST:
        return None
    logs = np.log(np.maximum(mass, 1e-30) / np.median(mass[inside]))
    for k in np.flatnonzero(inside).tolist():
        near = [j for j in around(k, len(used)) if inside[j]]
        beside = np.median(logs[near])
        if abs(logs[k] - beside) > np.log(LIMIT):
            inside[k] = comparison.differ_by_scale(k, near, np.exp(logs[k] - beside))
    logs -= np.median(logs[inside])
    noise = np.array([_noise_of_mass(image) for image in images]) / np.maximum(mass, 1e-30)
    gain = np.ones(len(series.images))
    clear = np.zeros(len(gain), bool)
    clear[used] = inside & (np.abs(logs) > np.maximum(_EVEN, _NOISE_SIGMAS * noise))
    if not clear.any():
        return Brightness(series.tilt_deg, gain)
    for k, t in enumerate(used.tolist()):
        # What the frame does not hold whole is scaled as most of those around it.
        near = [k] if inside[k] else [j for j in around(k, len(used)) if inside[j]]
        gain[t] = np.exp(np.median(logs[near])) if near else 1.0
    return Brightness(series.tilt_deg, gain, by_mass=True, clear=clear)


def _noise_of_mass(image: np.ndarray) -> float:
    """Return the standard deviation of the sum of an image.

    The noise of the background, which is subtracted, shows at the edge; that of the specimen in
    what differs between neighbouring pixels, and is all there is where counts are few.
    """
    edge = np.concatenate([block.ravel() for block in ring_of(image)])
    own = np.square(np.diff(image, n=2, axis=1), dtype=np.float64).sum() / 6
    level = edge.var() * image.size**2 / edge.size
    return float(np.sqrt(max(own, edge.var() * image.size) + level))


def _by_neighbours(series: CleanSeries, comparison: Comparison) -> Brightness:
    """Return what stands out among neighbours."""
    logs, single, lasting, change = by_neighbours(comparison)
    gain = np.ones(len(series.images))
    gain[comparison.used] = np.exp(logs)
    return Brightness(series.tilt_deg, gain, odd=single, jumps=lasting, change=change)
