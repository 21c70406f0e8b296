"""What goes wrong while a simulated series is recorded: the block `faults` of a specimen file.

Each fault draws from a random stream of its own (`_stream`), so that the specimen, the shifts and
the noise are those of the series without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from catomo.phantom.settings import Faults, Specimen
from catomo.phantom.specimen import PARTICLE_CELL, Phantom, mid_plate_nm
from catomo.tilt_series.misalignment import Misalignment

_FLYBACK_REACH = 0.1  # of the width: how far the pull of the flyback goes
_SHADOW_LEAVES = 0.1  # of the counts
_COVERED_FROM = 0.05  # of a plain plate's brightness: matter that contamination grows on
_COVER_BLUR_PX = 2.0
_CONTAMINATION = 0.5  # its density, of that of the plate


def true_tilts(recorded_deg: np.ndarray, faults: Faults, seed: int) -> np.ndarray:
    """Return the angles (tilt,) at which the images are really taken."""
    step = recorded_deg[1] - recorded_deg[0]
    true = recorded_deg.copy()
    if faults.missing_image:
        true[faults.missing_image - 1 :] += step
    if faults.doubled_image:
        true[faults.doubled_image :] -= step
    true = true * faults.angle_scale
    if faults.backlash_deg:
        true[recorded_deg < 0] += faults.backlash_deg
    if faults.angle_jitter_deg:
        jitter = _stream(seed, "angle_jitter_deg").normal(size=len(true))
        true += faults.angle_jitter_deg * jitter
    double((true,), faults)
    return true


def double(per_image: Iterable[np.ndarray], faults: Faults) -> None:
    """Store one image of each array (image, …) again in the place of the next, in place."""
    number = faults.doubled_image
    for values in per_image:
        if number is not None and number < len(values):
            values[number] = values[number - 1]


@dataclass(frozen=True)
class Distorted:
    """A misalignment whose images are turned, stretched, sheared and pulled in besides.

    Attributes
    ----------
    misalignment : Misalignment
    matrix : ndarray (tilt, 2, 2)
        Takes (dx, dy) of a raw image without faults to where it is recorded.
    flyback_px : float
        How far the left edge is pulled in.
    width_px : int
    """

    misalignment: Misalignment
    matrix: np.ndarray
    flyback_px: float
    width_px: int

    def to_raw(self, u: np.ndarray, v: np.ndarray | float, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return where the aligned point (u, v) lies in raw image t, as (dx, dy)."""
        dx, dy = _through(self.matrix[t], *self.misalignment.to_raw(u, v, t))
        return dx + self._pull(dx), dy

    def to_aligned(self, dx: np.ndarray, dy: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Return which aligned point (u, v) raw image t shows at (dx, dy)."""
        x = self._before_pull(dx)
        return self.misalignment.to_aligned(*_through(np.linalg.inv(self.matrix[t]), x, dy), t)

    def keep_brightness(self, images: np.ndarray) -> None:
        """Give stretched images (tilt, y, x) the brightness of the specimen, in place.

        A beam that dwells as long on each pixel counts as much there, however close the pixels.
        """
        images *= np.linalg.det(self.matrix).astype(np.float32)[:, None, None]
        if self.flyback_px:
            columns = np.arange(images.shape[2]) - (images.shape[2] - 1) / 2
            slope = self._pull(self._before_pull(columns)) / (_FLYBACK_REACH * self.width_px)
            images *= np.maximum(1 - slope, 0).astype(np.float32)

    def _pull(self, dx: np.ndarray) -> np.ndarray:
        from_left = np.maximum(dx + self.width_px / 2, 0)
        return self.flyback_px * np.exp(-from_left / (_FLYBACK_REACH * self.width_px))

    def _before_pull(self, dx: np.ndarray) -> np.ndarray:
        """Return from where the flyback pulls points of a raw image to dx.

        A strong one pulls what lies at the very edge over what lies further in; of such points that
        further in is meant.
        """
        reach, left = _FLYBACK_REACH * self.width_px, -self.width_px / 2
        turns = left + max(reach * np.log(max(self.flyback_px / reach, 1.0)), 0.0)
        x = np.concatenate([np.linspace(turns, turns + 10 * reach, 2001), [10.0 * self.width_px]])
        return np.where(dx < x[0] + self._pull(x[0]), turns, np.interp(dx, x + self._pull(x), x))


def _through(matrix: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return matrix[0, 0] * dx + matrix[0, 1] * dy, matrix[1, 0] * dx + matrix[1, 1] * dy


def distorted(
    misalignment: Misalignment, specimen: Specimen, tilts: int, seed: int
) -> Misalignment | Distorted:
    """Return how points of the specimen come to lie in raw images."""
    faults = specimen.faults
    rows, _, columns = specimen.shape_px
    turn = np.deg2rad(faults.rotation_deg) * _stream(seed, "rotation_deg").normal(size=tilts)
    growth = 1 + faults.magnification * np.linspace(-1, 1, tilts)
    shear = faults.shear * _stream(seed, "shear").normal(size=tilts)
    # The specimen goes on from row to row, so that rows shift and their distance changes.
    drift_x, drift_y = (
        faults.scan_drift_px / rows * _stream(seed, "scan_drift_px").normal(size=(2, tilts))
    )
    matrix = np.empty((tilts, 2, 2))
    matrix[:, 0, 0], matrix[:, 0, 1] = np.cos(turn), np.sin(turn) + shear + drift_x
    matrix[:, 1, 0], matrix[:, 1, 1] = -np.sin(turn), np.cos(turn) + drift_y
    matrix *= growth[:, None, None]
    if not faults.flyback_px and np.array_equal(matrix, np.tile(np.eye(2), (tilts, 1, 1))):
        return misalignment
    return Distorted(misalignment, matrix, faults.flyback_px, columns)


@dataclass(frozen=True)
class Bodies:
    """Parts of the specimen that move or change their brightness from tilt to tilt.

    Attributes
    ----------
    number : ndarray of uint16, cells (y, z, x)
        Which body a cell is of; 0 for none.
    moved_px : ndarray (tilt, 1 + body, 3)
        How far each body is from its true place (y, z, x).
    gain : ndarray (tilt, 1 + body)
        How many times as bright each body is.
    """

    number: np.ndarray
    moved_px: np.ndarray
    gain: np.ndarray

    def at(
        self, t: int, which: np.ndarray, points: np.ndarray, mass: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return points (3, cell), as (y, z, x) in px, and masses of cells at a tilt."""
        return points + self.moved_px[t][which].T, mass * self.gain[t][which]


def bodies_of(phantom: Phantom, specimen: Specimen, tilts: int, seed: int) -> Bodies | None:
    """Return how the particles move and change; None if they do not."""
    faults, count = specimen.faults, len(phantom.particles)
    if not faults.particle_drift_nm and not faults.diffraction_share:
        return None
    direction = _stream(seed, "particle_drift_nm").normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    way = faults.particle_drift_nm / specimen.pixel_size_nm * np.linspace(-0.5, 0.5, tilts)
    moved = np.zeros((tilts, count + 1, 3))
    moved[:, 1:] = way[:, None, None] * direction
    rng = _stream(seed, "diffraction_share")
    shown = rng.random((tilts, count)) < faults.diffraction_share
    brighter = rng.random((tilts, count)) < 0.5
    gain = np.ones((tilts, count + 1))
    factor = np.where(brighter, faults.diffraction_factor, 1 / faults.diffraction_factor)
    gain[:, 1:] = np.where(shown, factor, 1.0)
    return Bodies(_numbers(phantom, specimen), moved, gain)


def _numbers(phantom: Phantom, specimen: Specimen) -> np.ndarray:
    """Return which particle, from 1, each cell is of, uint16; 0 for none."""
    n = phantom.oversampling
    numbers = np.zeros(phantom.cells.shape, np.uint16)
    for number, particle in enumerate(phantom.particles, 1):
        centre = (np.array(particle["centre_px"]) + 0.5) * n - 0.5
        radius = particle["diameter_nm"] / 2 / specimen.pixel_size_nm * n
        low = np.maximum(np.ceil(centre - radius).astype(int), 0)
        high = np.minimum(np.floor(centre + radius).astype(int) + 1, numbers.shape)
        window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        numbers[window][phantom.cells[window] == PARTICLE_CELL] = number
    return numbers


def contaminate(images: np.ndarray, specimen: Specimen, tilt_deg: np.ndarray) -> None:
    """Let carbon grow on what the images (tilt, y, x) show, from tilt to tilt, in place."""
    thickness_px = specimen.faults.contamination_nm / specimen.pixel_size_nm
    if not thickness_px:
        return
    matter = _COVERED_FROM * mid_plate_px(specimen) * specimen.contrast.plate
    for grown, image, tilt in zip(
        np.linspace(0, 1, len(images)), images, np.deg2rad(tilt_deg), strict=True
    ):
        cover = gaussian_filter((image > matter).astype(np.float32), _COVER_BLUR_PX)
        density = _CONTAMINATION * specimen.contrast.plate
        image += (2 * grown * thickness_px * density / np.cos(tilt)) * cover


def damp(images: np.ndarray, specimen: Specimen) -> None:
    """Let thick places lose brightness, in place."""
    damping = specimen.faults.damping
    if damping:
        plate = mid_plate_px(specimen) * specimen.contrast.plate
        images[:] = plate / damping * -np.expm1(-damping / plate * images)


def shade(counts: np.ndarray, faults: Faults) -> np.ndarray:
    """Return expected counts (tilt, y, x) with the shadow of the holder."""
    if not faults.shadow_images or not faults.shadow_share:
        return counts
    counts = counts.copy()
    covered = min(faults.shadow_images, len(counts))
    columns = np.arange(counts.shape[2]) + 0.5
    for t in range(covered):
        edge = faults.shadow_share * (1 - t / faults.shadow_images) * counts.shape[2]
        counts[t] *= np.clip(columns - edge + 0.5, _SHADOW_LEAVES, 1)
    return counts


def detect(counts: np.ndarray, faults: Faults, rng: np.random.Generator) -> None:
    """Do to counts (tilt, y, x) what a poor detector does, in place."""
    if faults.dead_lines:
        counts[:, rng.choice(counts.shape[1], faults.dead_lines, replace=False)] = 0
    if faults.offset_counts:
        np.maximum(counts + np.float32(faults.offset_counts), 0, out=counts)
    if faults.saturation:
        np.minimum(counts, np.quantile(counts, 1 - faults.saturation, method="lower"), out=counts)


def mid_plate_px(specimen: Specimen) -> float:
    """Return the mean path of the beam through a plain piece of plate at 0°, in px."""
    return mid_plate_nm(specimen) / specimen.pixel_size_nm


def _stream(seed: int, fault: str) -> np.random.Generator:
    return np.random.default_rng([seed, 2, *fault.encode()])
