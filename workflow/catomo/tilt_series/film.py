"""The support film of a simulated specimen, in the volume and in the images."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from catomo.phantom.settings import Film, Specimen
from catomo.phantom.specimen import Phantom


class FilmSheet:
    """A textured support film, perhaps with holes, that moves rigidly with the particle.

    It lies flat at 0° and is so wide that no image shows its edge.

    Parameters
    ----------
    film : Film
    pixel_size_nm : float
    height_px : float
        Height z of the film's middle above the centre of the volume.
    reach_px : (float, float)
        How far the film must reach from the centre along and across the tilt axis.
    rng : Generator
        Draws the texture.
    """

    def __init__(
        self,
        film: Film,
        pixel_size_nm: float,
        height_px: float,
        reach_px: tuple[float, float],
        rng: np.random.Generator,
    ):
        self.height_px = height_px
        self.thickness_px = film.thickness_nm / pixel_size_nm
        self.contrast = film.contrast
        shape = [2 * int(np.ceil(reach)) + 1 for reach in reach_px]
        texture = gaussian_filter(
            rng.standard_normal(shape), film.texture_sigma_nm / pixel_size_nm, mode="wrap"
        )
        texture = np.clip(texture / texture.std(), -3, 3) * film.texture_amplitude
        self._middle = [reach // 2 for reach in shape]
        self._carbon = _between_holes(film, pixel_size_nm, shape)
        self._texture = (1 + texture) * self._carbon
        self._integral = np.cumsum(self._texture, axis=1)

    def density(self, y: np.ndarray | float, z: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the film's density at points in px from the centre (arrays that broadcast)."""
        return self._thick(z) * self.contrast * self._look_up(self._texture, y, x)

    def share(self, y: np.ndarray | float, z: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return how much of the pixels at points in px from the centre the film fills, 0 to 1."""
        places = self._look_up(self._carbon, y, x)
        # Rounded, because an interpolation between ones is not quite one.
        return self._thick(z) * np.round(places, 9)

    def _thick(self, z: np.ndarray) -> np.ndarray:
        return np.clip(self.thickness_px / 2 + 0.5 - np.abs(z - self.height_px), 0, 1)

    def projection(self, u: np.ndarray, v: np.ndarray, tilt_deg: float) -> np.ndarray:
        """Return the integral along the beam at aligned detector points, in px.

        On its way of thickness / cos θ through the film the beam passes thickness · tan θ of
        the texture. The mean over that stretch is exact: it comes from the running integral.
        """
        tilt = np.deg2rad(tilt_deg)
        x = (u + self.height_px * np.sin(tilt)) / np.cos(tilt)
        half = max(self.thickness_px * abs(np.tan(tilt)), 1.0) / 2
        ends = [self._look_up(self._integral, v, x + sign * half - 0.5) for sign in (1, -1)]
        mean = (ends[0] - ends[1]) / (2 * half)
        return self.thickness_px * self.contrast / np.cos(tilt) * mean

    def _look_up(self, field: np.ndarray, y: np.ndarray | float, x: np.ndarray) -> np.ndarray:
        places = np.broadcast_arrays(y + self._middle[0], x + self._middle[1])
        return map_coordinates(field, places, order=1, mode="nearest")


def _between_holes(film: Film, pixel_size_nm: float, shape: list[int]) -> np.ndarray:
    """Return how much of each pixel (y, x) lies between the holes of a film, 0 to 1."""
    if not film.hole_diameter_nm:
        return np.ones(shape)
    diameter, spacing = (
        length / pixel_size_nm for length in (film.hole_diameter_nm, film.hole_spacing_nm)
    )
    # From the nearest hole; in the middle of the film four of them are equally far.
    y, x = ((np.arange(size) - size // 2) % spacing - spacing / 2 for size in shape)
    return np.clip(np.hypot(y[:, None], x) - diameter / 2 + 0.5, 0, 1)


def film_under(
    phantom: Phantom, specimen: Specimen, tilt_deg: np.ndarray, rng: np.random.Generator
) -> FilmSheet | None:
    """Return the film that touches the particle from below, None if the specimen has none.

    Parameters
    ----------
    phantom : Phantom
        The drawn particle; the film lies under its lowest cell.
    specimen : Specimen
    tilt_deg : ndarray (tilt,)
        The steepest tilt decides how wide the film must be.
    rng : Generator
        Draws the texture.
    """
    if specimen.film is None:
        return None
    occupied = np.flatnonzero(phantom.cells.any(axis=(0, 2)))
    size_y, size_z, size_x = specimen.shape_px
    bottom = (occupied.max() + 1) / phantom.oversampling - size_z / 2
    height = bottom + specimen.film.thickness_nm / specimen.pixel_size_nm / 2
    acquisition = specimen.acquisition
    wander = acquisition.max_shift_px + abs(acquisition.axis_offset_px)
    corner = np.hypot(size_y, size_x) / 2 + wander
    steepest = 1 / np.cos(np.deg2rad(np.abs(tilt_deg).max()))
    reach = (corner, (corner + 2 * height) * steepest)
    return FilmSheet(specimen.film, specimen.pixel_size_nm, height, reach, rng)
