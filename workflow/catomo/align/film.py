"""What of the level of the images is film that fills the frame, and what is background.

A low percentile is the level of empty space where there is some. On a film that fills the frame
it takes the film away with the background, and slices that hold little else lose their mass. But
the film grows with the tilt, as the path of the beam through it does (1 / cos), and the
background does not. A straight line through what the parts of the images without particles show,
against 1 / cos, therefore meets the background where the film would vanish.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PARTS = 8  # along each side of the frame: windows this much smaller average the texture
_DARK = 5.0  # percentile of the windows that shows film alone, to begin with
_FEWEST = 8  # images
_LEAST_RANGE = 1.3  # of 1 / cos, below which the background is too far away from all images
_PRETILT_DEG = 20  # the film may lie so askew at 0°
_ROUNDS = 20
_WITHIN = 3.0  # times the texture, what a window may differ from the film that it shows
_STRICT = 2.0  # the same for a second opinion
_TEXTURE = (0.02, 0.25)  # least and highest that is believed, as a part of the film
_LEAST_SHARE = 0.15  # of the windows that show film
_AGREE = 0.3  # part of the film in which both opinions agree
_EVEN = 0.12  # part of the film by which most images differ from the line
_VACUUM = 0.1  # part of the film that the level holds at most where it shows empty space
_RISES = 0.7  # correlation of the levels with 1 / cos of a film


@dataclass(frozen=True)
class Film:
    """A film that fills the frame.

    Attributes
    ----------
    background : float
        What the images would show without it.
    brightness : float
        Of the film, with the beam at right angles to it.
    pretilt_deg : float
        The tilt at which it is so.
    """

    background: float
    brightness: float
    pretilt_deg: float


def film_in_levels(
    images: np.ndarray, tilt_deg: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray | None, Film | None]:
    """Return what of the levels (tilt,) of images is film.

    Parameters
    ----------
    images : ndarray (tilt, y, x)
        That show something, and matter at all four sides; the levels are subtracted.
    tilt_deg : ndarray (tilt,)
    levels : ndarray (tilt,)
        Low percentiles of the images before that.

    Returns
    -------
    film : ndarray (tilt,) or None
        None if the levels are those of empty space, or it cannot be told.
    found : Film or None
        None if it cannot be told.
    """
    if len(images) < _FEWEST:
        return None, None
    windows = np.array([_window_means(image) for image in images]) + levels[:, None]
    found = _fit(windows, tilt_deg, _WITHIN)
    other = found and _fit(windows, tilt_deg, _STRICT)
    if not found or not other:
        return None, None
    if abs(found.background - other.background) > _AGREE * found.brightness:
        return None, None
    # Windows hold more than the darkest spots: what lies above them all is no background.
    film = levels - min(found.background, levels.min())
    return (film if film.max() > _VACUUM * found.brightness else None), found


def rises_as_film(levels: np.ndarray, tilt_deg: np.ndarray) -> bool:
    """Tell whether levels (tilt,) grow with the tilt as a film does."""
    if len(levels) < 3 or np.ptp(levels) == 0:
        return False
    return bool(np.corrcoef(levels, _path(tilt_deg, 0.0))[0, 1] > _RISES)


def _path(tilt_deg: np.ndarray, pretilt_deg: float) -> np.ndarray:
    """Return the path of the beam through a film, in its thickness."""
    return np.asarray(1 / np.cos(np.deg2rad(np.clip(tilt_deg - pretilt_deg, -85, 85))))


def _window_means(image: np.ndarray) -> np.ndarray:
    """Return the means in windows that overlap by half."""
    sides = [max(2, round(side / _PARTS)) for side in image.shape]
    low = [
        np.unique(np.linspace(0, whole - side, 2 * _PARTS - 1).astype(int))
        for whole, side in zip(image.shape, sides, strict=True)
    ]
    total = np.pad(np.cumsum(np.cumsum(image, axis=0, dtype=np.float64), axis=1), ((1, 0), (1, 0)))
    rows = total[low[0] + sides[0]] - total[low[0]]
    return np.asarray(rows[:, low[1] + sides[1]] - rows[:, low[1]]).ravel() / np.prod(sides)


def _fit(windows: np.ndarray, tilt_deg: np.ndarray, within: float) -> Film | None:
    """Return the film that windows (tilt, n) show, or some of them; None if it is in doubt."""
    film = _start(np.percentile(windows, _DARK, axis=1), tilt_deg)
    for _ in range(_ROUNDS):
        if not film.brightness > 0:
            return None
        film, share = _closer(film, windows, tilt_deg, within)
    path = _path(tilt_deg, film.pretilt_deg)
    if (
        not film.brightness > 0
        or share < _LEAST_SHARE
        or path.max() < _LEAST_RANGE * path.min()
        or abs(film.pretilt_deg) >= _PRETILT_DEG
    ):
        return None
    left = (windows - film.background) / path[:, None] / film.brightness - 1
    shows = np.abs(left) < within * _TEXTURE[1]
    by_image = np.array(
        [np.median(one[here]) for one, here in zip(left, shows, strict=True) if here.any()]
    )
    if 1.4826 * np.median(np.abs(by_image - np.median(by_image))) > _EVEN:
        return None
    return film


def _start(dark: np.ndarray, tilt_deg: np.ndarray) -> Film:
    """Return the film that most of the dark levels (tilt,) of the images agree with."""
    best, film = np.inf, Film(0.0, 0.0, 0.0)
    for pretilt in range(-_PRETILT_DEG, _PRETILT_DEG + 1):
        path = _path(tilt_deg, pretilt)
        weights = 1 / path
        for _ in range(8):
            background, brightness = _line(path, dark, weights)
            left = np.abs(dark - background - brightness * path) / path
            spread = 1.4826 * np.median(left) + 1e-9
            weights = np.clip(1 - (left / (4.7 * spread)) ** 2, 0, None) / path
        error = float(np.minimum(left, 3 * spread).sum())
        if error < best:
            best, film = error, Film(background, brightness, pretilt)
    return film


def _closer(
    film: Film, windows: np.ndarray, tilt_deg: np.ndarray, within: float
) -> tuple[Film, float]:
    """Return the film that those windows show which do not differ much from it, and their share.

    Particles make windows brighter, so the texture of the film shows in those that are darker.
    """
    best, found, share = np.inf, film, 0.0
    for turn in (-1, 0, 1):
        path = np.repeat(_path(tilt_deg, film.pretilt_deg + turn)[:, None], windows.shape[1], 1)
        left = (windows - film.background) / path / film.brightness - 1
        darker = left[left < 0]
        texture = np.sqrt(np.mean(darker**2)) if darker.size else 0.0
        limit = within * np.clip(texture, *_TEXTURE)
        weights = np.sqrt(np.clip(1 - (left / limit) ** 2, 0, None)) / path
        if not weights.any():
            continue
        background, brightness = _line(path.ravel(), windows.ravel(), weights.ravel())
        left = (windows - background - brightness * path) / path / film.brightness
        error = float(np.minimum(left**2, limit**2).sum())
        if error < best:
            best, share = error, float((weights > 0).mean())
            found = Film(background, brightness, film.pretilt_deg + turn)
    return found, share


def _line(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return offset and slope of the line through points, each deviation times its weight."""
    columns = np.stack([weights, weights * x], axis=1)
    offset, slope = np.linalg.lstsq(columns, weights * y, rcond=None)[0]
    return float(offset), float(slope)
