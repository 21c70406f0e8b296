"""Clean raw images before they are compared: mend bad pixels and subtract the background.

A background spoils centres of mass (5.9 px off instead of 0.10 px on a test particle), and one
hot pixel exceeds the noise at every frequency of the Fourier transform.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage

from catomo.align.bad_pixels import FEW_COUNTS, even_out, few, mend_series, mirror, sigma_of
from catomo.align.clipped import clipping
from catomo.align.edge import ring_of, strips_of
from catomo.align.filled import filled_borders
from catomo.align.film import film_in_levels, rises_as_film
from catomo.align.geometry import NO_SIDES, Sides
from catomo.align.noise import half_differences, likeness, part_kept
from catomo.align.settings import Align
from catomo.align.spoilt_images import doubled_images, shadowed_images
from catomo.align.unmeasured import SIDES, hide, open_sides

_ISOLATED_BELOW_PX = 0.15  # pull of the surroundings: noise gives 0.02, film 0.3, a cut more
_BLANK_CONTRAST = 0.1  # of the median tilt: an image of less contrast shows nothing

_NO_LEVEL = (
    "matter fills the images, and what they would show without it cannot be told from how it "
    "grows with the tilt: the darkest of each image is subtracted, so that thin parts hold too "
    "little (align.background)"
)


@dataclass(frozen=True)
class CleanSeries:
    """A tilt series ready to be aligned: bad pixels mended, background at zero.

    Attributes
    ----------
    images : ndarray of float32, (tilt, y, x)
    tilt_deg : ndarray (tilt,)
        Tilt angles, ascending.
    usable : ndarray of bool, (tilt,)
        False for blank images.
    isolated : bool
        Whether the frame holds the whole specimen and nothing else.
    notes : dict
        What was done to the images, as it stands in the record.
    unmeasured : ndarray of bool (tilt, y, x), optional
        Pixels that were not measured, and hold a filling; None if all were.
    open_sides : (bool, bool, bool, bool)
        Whether matter goes on beyond the top, bottom, left and right of the images.
    told : tuple of str
        What the verdict has to say of the images.
    film : ndarray (tilt,), optional
        What was subtracted with the background, and is matter that fills the frame: the aligned
        images get it back. Without it, fewer edges of the frame are in the way of the alignment.
    mentioned : tuple of str
        What is said of the images besides, without any doubt about the alignment.
    left_out : ndarray of bool (tilt,), optional
        Images that a person left out, which are not usable either.
    """

    images: np.ndarray
    tilt_deg: np.ndarray
    usable: np.ndarray
    isolated: bool
    notes: dict[str, Any] = field(default_factory=dict)
    unmeasured: np.ndarray | None = None
    open_sides: Sides = NO_SIDES
    told: tuple[str, ...] = ()
    film: np.ndarray | None = None
    mentioned: tuple[str, ...] = ()
    left_out: np.ndarray | None = None

    @property
    def blank(self) -> np.ndarray:
        """Which images show nothing, bool (tilt,)."""
        return ~self.usable if self.left_out is None else ~self.usable & ~self.left_out

    def filled(self, shifts: np.ndarray) -> np.ndarray:
        """Return shifts (tilt, 2) with those of blank tilts interpolated between neighbours."""
        tilt_deg, usable = self.tilt_deg, self.usable
        columns = [np.interp(tilt_deg, tilt_deg[usable], column[usable]) for column in shifts.T]
        return np.stack(columns, axis=1)


def clean(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    settings: Align,
    unmeasured: np.ndarray | None = None,
    mirrored: np.ndarray | None = None,
) -> CleanSeries:
    """Mend bad pixels and subtract the background.

    Parameters
    ----------
    images : ndarray of float32, (tilt, y, x)
        Raw images. They are changed in place, so that memory holds the series once.
    tilt_deg : ndarray (tilt,)
        Ascending.
    settings : Align
    unmeasured : ndarray of bool (tilt, y, x), optional
        Pixels that were not measured, beside those that `settings.shadows` names.
    mirrored : ndarray of bool (tilt,), optional
        Images that the import mirrored: faults of the detector are mirrored with them.

    Returns
    -------
    CleanSeries
    """
    twice = doubled_images(images, tilt_deg)
    unmeasured, borders = _hidden(images, tilt_deg, settings, unmeasured)
    pixels, faults, told = mend_series(images, tilt_deg, settings.bad_pixel_sigmas, mirrored)
    unmeasured = _with_faults(unmeasured, faults.unmeasured, len(images), mirrored)
    clipped, doubts, mentioned = clipping(images, tilt_deg)
    if FEW_COUNTS not in told:
        told += even_out(images, settings.bad_pixel_sigmas, mirrored, pixels)
    mentioned += (faults.words(),) if few(faults) else ()
    levels = np.array([ring_level(image) for image in images])
    pull, isolated = _surroundings(images, levels, settings.specimen)
    doubts += twice + (shadowed_images(images, tilt_deg) if isolated else ())
    kind, suitable = ("isolated", "ring") if isolated else ("extended", "percentile")
    method = suitable if settings.background == "auto" else settings.background
    if method == "percentile":
        levels = _dark_levels(images, settings.background_percentile)
    if method != "none":
        images -= levels[:, None, None].astype(np.float32)
    notes: dict[str, Any] = {
        "bad_pixels": pixels,
        "background": {"method": method, "level": levels if method != "none" else None},
        "specimen": {"kind": kind, "surroundings_pull_px": pull},
        **borders,
        **clipped,
    }
    usable = usable_images(images)
    sides = open_sides(images[t] for t in np.flatnonzero(usable).tolist())
    if any(sides):
        notes["open_sides"] = [name for name, on in zip(SIDES, sides, strict=True) if on]
    film = None
    if method == "percentile" and settings.background == "auto" and all(sides):
        film, on_film = _film(images, tilt_deg, levels, usable, notes["background"])
        told += on_film
    return CleanSeries(
        images, tilt_deg, usable, isolated, notes, unmeasured, sides, told + doubts, film, mentioned
    )


def _surroundings(images: np.ndarray, levels: np.ndarray, specimen: str) -> tuple[float, bool]:
    """Return by how much the surroundings pull at most centres of mass, and if they are empty.

    The latter is found out if the settings leave it open.
    """

    def above() -> Iterator[np.ndarray]:
        return (image - level for image, level in zip(images, levels, strict=True))

    pull_px = float(np.median([unevenness_px(image) for image in above()]))
    if specimen != "auto" or pull_px >= _ISOLATED_BELOW_PX:
        return pull_px, specimen == "isolated"
    return pull_px, not all(open_sides(above()))


def _dark_levels(images: np.ndarray, percentile: float) -> np.ndarray:
    """Return a low percentile of each image, without its noise."""
    smooth = (ndimage.gaussian_filter(image, 2) for image in images)
    return np.array([np.percentile(image, percentile) for image in smooth])


def _film(
    images: np.ndarray,
    tilt_deg: np.ndarray,
    levels: np.ndarray,
    usable: np.ndarray,
    notes: dict[str, Any],
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return what of the levels (tilt,) that were subtracted is film, and what is to be said.

    It is noted in `notes`; None if it is nothing, or cannot be told.
    """
    film, found = film_in_levels(images[usable], tilt_deg[usable], levels[usable])
    if found is None:
        rises = rises_as_film(levels[usable], tilt_deg[usable])
        return None, (_NO_LEVEL,) if rises else ()
    if film is None:
        return None, ()
    everywhere = np.zeros(len(levels))
    everywhere[usable] = film
    notes["film"] = {
        "level": everywhere,
        "brightness": found.brightness,
        "pretilt_deg": found.pretilt_deg,
        "background": float((levels[usable] - film)[0]),
    }
    return everywhere, ()


def _hidden(
    images: np.ndarray, tilt_deg: np.ndarray, settings: Align, unmeasured: np.ndarray | None
) -> tuple[np.ndarray | None, dict[str, int]]:
    """Fill what was not measured, in place; return which pixels that is, and a note of borders."""
    filled = filled_borders(images)
    if filled is None:
        return hide(images, tilt_deg, settings.shadows, unmeasured), {}
    note = {"filled_borders": int(filled.any(axis=(1, 2)).sum())}
    if unmeasured is not None:
        filled |= unmeasured
    return hide(images, tilt_deg, settings.shadows, filled), note


def _with_faults(
    unmeasured: np.ndarray | None, faults: np.ndarray, tilts: int, mirrored: np.ndarray | None
) -> np.ndarray | None:
    """Return which pixels (tilt, y, x) were not measured, those of faults (y, x) with them."""
    if not faults.any():
        return unmeasured
    everything = np.repeat(faults[None], tilts, axis=0)
    mirror(everything, mirrored)
    if unmeasured is not None:
        everything |= unmeasured
    return everything


def usable_images(images: np.ndarray) -> np.ndarray:
    """Return which images show something: their contrast is not far below that of the others."""
    contrast = np.array([ndimage.gaussian_filter(image, 2).std() for image in images])
    rounding = 1e-6 * max(images.max(), -images.min())
    return contrast > max(_BLANK_CONTRAST * np.median(contrast), rounding)


def ring_level(image: np.ndarray) -> float:
    """Return the mean of the edge of an image, without what stands out from it.

    It is a mean and not a median, because the median of counts is a whole number, and half a
    count over the whole frame moves a centre of mass.
    """
    return _steady_mean(np.concatenate([block.ravel() for block in ring_of(image)]))


def unevenness_px(image: np.ndarray) -> float:
    """Return how far the surroundings of the specimen may pull its centre of mass, in px.

    Film, a neighbouring particle or a specimen cut by the frame make the edge uneven. If the
    whole frame were as uneven as the blocks along its edge (noise not counted), the centre of
    mass would be off by this much (one standard deviation).

    Parameters
    ----------
    image : ndarray (y, x)
        With the level of its edge subtracted.
    """
    mass = image.sum()
    if mass <= 0:
        return np.inf
    blocks = ring_of(image)
    size = blocks[0].size
    _, alike = likeness(half_differences(strip) for strip in strips_of(image, len(blocks[0])))
    kept = np.prod([part_kept(np.full(n, 1 / n), alike) for n in blocks[0].shape])
    noise = np.mean([block.var() for block in blocks]) * kept
    spread = np.var([block.mean() for block in blocks])
    # The variance of n blocks has a relative error of sqrt(2/n); twice that still is noise.
    spread = max(0.0, spread - noise * (1 + 2 * np.sqrt(2 / len(blocks))))
    lever = np.hypot(*image.shape) / 24**0.5
    return float(np.sqrt(spread * size * image.size) * lever / mass)


def _steady_mean(values: np.ndarray) -> float:
    """Return the mean of the values within four sigmas of their median."""
    middle = np.median(values)
    near = np.abs(values - middle) <= 4 * sigma_of(values - middle)
    return float(values[near].mean(dtype=np.float64))
