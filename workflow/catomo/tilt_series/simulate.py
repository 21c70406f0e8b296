"""The verb `simulate`: a tilt series of a known specimen, as a STEM would record it.

Every cell of the fine specimen falls onto the detector where the geometry says, misalignment
included, so no image is ever resampled; then come the probe, the counts and the bad pixels.
The truth is kept beside the images for all later stages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from catomo.figures import new_figure, save, scale_bar
from catomo.files.store import StackWriter, read_pages, write_labels, write_stack
from catomo.phantom.shares import FULL, PT, labels_of
from catomo.phantom.specimen import mid_plate_nm, read_specimen, render_specimen
from catomo.progress import progress, say
from catomo.record.record import committing

_ROWS = 4  # rows of cells projected at once: few enough to stay in the processor's cache


@dataclass(frozen=True)
class Misalignment:
    """How raw images differ from aligned ones.

    A point `u` across and `v` along the tilt axis, in px from the centre, is found in raw
    image t, `dx` and `dy` from its centre, at ::

        dx = cos a·(u + offset + across[t]) + sin a·(v + along[t])
        dy = cos a·(v + along[t]) − sin a·(u + offset + across[t])
    """

    axis_angle_deg: float = 0.0
    axis_offset_px: float = 0.0
    across_px: Sequence[float] | None = None
    along_px: Sequence[float] | None = None

    def to_raw(self, u, v, t: int):
        """Return where the aligned point (u, v) lies in raw image t, as (dx, dy)."""
        cos, sin, across, along = self._terms(t)
        return cos * (u + across) + sin * (v + along), cos * (v + along) - sin * (u + across)

    def to_aligned(self, dx, dy, t: int):
        """Return which aligned point (u, v) raw image t shows at (dx, dy)."""
        cos, sin, across, along = self._terms(t)
        return cos * dx - sin * dy - across, sin * dx + cos * dy - along

    def _terms(self, t):
        angle = np.deg2rad(self.axis_angle_deg)
        across = 0.0 if self.across_px is None else self.across_px[t]
        along = 0.0 if self.along_px is None else self.along_px[t]
        return np.cos(angle), np.sin(angle), self.axis_offset_px + across, along


ALIGNED = Misalignment()


def project(
    density,
    tilt_deg,
    *,
    oversampling: int = 1,
    detector: tuple[int, int] | None = None,
    misalignment: Misalignment = ALIGNED,
    probe_sigma_px: float = 0.0,
) -> np.ndarray:
    """Project a volume onto the detector at each tilt.

    Each cell is a point mass shared by the four nearest fine detector pixels, which are then
    blurred by the probe and binned: another discretisation than any reconstruction uses.

    Parameters
    ----------
    density : ndarray
        Cells (y, z, x), `oversampling` per pixel along each axis.
    tilt_deg : sequence of float
    oversampling : int
    detector : (int, int), optional
        Rows and columns of an image; default as (y, x) of the volume.
    misalignment : Misalignment
    probe_sigma_px : float
        Standard deviation of the probe in detector pixels.

    Returns
    -------
    ndarray
        Integrals of density along the beam in pixels, float32 (tilt, y, x).
    """
    n = oversampling
    rows, columns = detector or (density.shape[0] // n, density.shape[2] // n)
    margin = int(np.ceil(4 * probe_sigma_px)) + 1  # blur may carry mass in from outside
    fine = np.zeros(
        (len(tilt_deg), (rows + 2 * margin) * n, (columns + 2 * margin) * n), np.float32
    )
    origin_y, origin_x = ((size - 1) / 2 for size in fine.shape[1:])
    middle_y, middle_z, middle_x = ((size - 1) / 2 for size in density.shape)
    cosines, sines = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))

    for start in progress(range(0, len(density), _ROWS), "project"):
        slab = density[start : start + _ROWS]
        y, z, x = np.nonzero(slab)
        if not len(y):
            continue
        mass = slab[y, z, x].astype(np.float64) / n**3
        y, z, x = (y + start - middle_y) / n, (z - middle_z) / n, (x - middle_x) / n
        for t, (cos, sin) in enumerate(zip(cosines, sines, strict=True)):
            dx, dy = misalignment.to_raw(x * cos - z * sin, y, t)
            _share(fine[t], dy * n + origin_y, dx * n + origin_x, mass)

    images = np.empty((len(tilt_deg), rows, columns), np.float32)
    for image, cells in zip(images, fine, strict=True):
        blurred = gaussian_filter(cells, probe_sigma_px * n, mode="constant")
        binned = blurred.reshape(rows + 2 * margin, n, columns + 2 * margin, n).sum(axis=(1, 3))
        image[:] = binned[margin:-margin, margin:-margin]
    return images


class FilmSheet:
    """A support film: flat at 0°, moving rigidly with the particle, beyond every image.

    Parameters
    ----------
    film : Film
    pixel_size_nm : float
    height_px : float
        Height z of the film's middle above the centre of the volume.
    reach_px : (float, float)
        How far the film must reach from the centre along and across the tilt axis.
    rng : Generator
    """

    def __init__(self, film, pixel_size_nm: float, height_px: float, reach_px, rng):
        self.height_px = height_px
        self.thickness_px = film.thickness_nm / pixel_size_nm
        self.contrast = film.contrast
        shape = [2 * int(np.ceil(reach)) + 1 for reach in reach_px]
        texture = gaussian_filter(
            rng.standard_normal(shape), film.texture_sigma_nm / pixel_size_nm, mode="wrap"
        )
        texture = np.clip(texture / texture.std(), -3, 3) * film.texture_amplitude
        self._texture = 1 + texture
        self._integral = np.cumsum(self._texture, axis=1)
        self._middle = [reach // 2 for reach in shape]

    def density(self, y, z, x) -> np.ndarray:
        """Return the film's density at points in px from the centre (arrays that broadcast)."""
        covered = np.clip(self.thickness_px / 2 + 0.5 - np.abs(z - self.height_px), 0, 1)
        return covered * self.contrast * self._look_up(self._texture, y, x)

    def projection(self, u, v, tilt_deg: float) -> np.ndarray:
        """Return the integral along the beam at aligned detector points, in px.

        The beam crosses the film along thickness / cos θ and, meanwhile, thickness · tan θ
        of its texture: exact means of the texture come from its running integral.
        """
        tilt = np.deg2rad(tilt_deg)
        x = (u + self.height_px * np.sin(tilt)) / np.cos(tilt)
        half = max(self.thickness_px * abs(np.tan(tilt)), 1.0) / 2
        ends = [self._look_up(self._integral, v, x + sign * half - 0.5) for sign in (1, -1)]
        mean = (ends[0] - ends[1]) / (2 * half)
        return self.thickness_px * self.contrast / np.cos(tilt) * mean

    def _look_up(self, field, y, x):
        places = np.broadcast_arrays(y + self._middle[0], x + self._middle[1])
        return map_coordinates(field, places, order=1, mode="nearest")


def tilts_of(acquisition) -> np.ndarray:
    """Return the tilt angles in degrees, the last one included."""
    first, last, step = acquisition.tilt_deg
    return first + step * np.arange(round((last - first) / step + 1e-9) + 1)


def simulate(specimen, output, settings) -> None:
    """Simulate a tilt series of a specimen and write it with its truth.

    Parameters
    ----------
    specimen : path
        Specimen file (YAML), see `catomo.phantom.settings.Specimen`.
    output : path
        Folder of the stage ``01_tilt_series``.
    settings : Simulate
    """
    path, specimen = Path(specimen), read_specimen(specimen)
    acquisition, pixel_size_nm = specimen.acquisition, specimen.pixel_size_nm
    tilts = tilts_of(acquisition)
    rng = np.random.default_rng([settings.seed, 1])
    across, along = rng.uniform(-1, 1, (2, len(tilts))) * acquisition.max_shift_px
    misalignment = Misalignment(
        acquisition.axis_angle_deg, acquisition.axis_offset_px, across, along
    )
    with committing(output, "simulate", settings, {"specimen": path}) as out:
        say(f"simulate: draw {path.stem} with seed {settings.seed}")
        phantom = render_specimen(specimen, settings.seed)
        film = _film(specimen, phantom, tilts, rng)
        images = project(
            phantom.density(specimen.contrast),
            tilts,
            oversampling=phantom.oversampling,
            misalignment=misalignment,
            probe_sigma_px=acquisition.probe_sigma_px,
        )
        if film:
            for t, tilt in enumerate(tilts):
                images[t] += film.projection(*_aligned_points(images[t], misalignment, t), tilt)
        images = record_counts(images, specimen, rng)
        write_stack(out.path("tilt_series.tif"), images, pixel_size_nm)
        _write_truth(out, specimen, phantom, film)
        out.path("truth.json").write_text(
            json.dumps(
                {
                    "axis_angle_deg": acquisition.axis_angle_deg,
                    "axis_offset_px": acquisition.axis_offset_px,
                    "across_px": across.tolist(),
                    "along_px": along.tolist(),
                    "particles": phantom.particles,
                    "facets": phantom.facets,
                },
                indent=1,
            )
        )
        _picture(out, images[np.abs(tilts).argmin()], specimen)
        out.record.update(
            {
                "source": "phantom",
                "shape": list(images.shape),
                "axes": ["tilt", "y", "x"],
                "tilt_deg": tilts.tolist(),
                "pixel_size_nm": pixel_size_nm,
                "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
            }
        )


def record_counts(images, specimen, rng) -> np.ndarray:
    """Return Poisson counts of noise-free projections, with hot and dead pixels, float32.

    Parameters
    ----------
    images : ndarray
        Projections (tilt, y, x) in px of density.
    specimen : Specimen
        `counts_mid_plate` is what a plain piece of its plate gives at 0°, background excluded.
    rng : Generator
    """
    acquisition = specimen.acquisition
    mid_plate = mid_plate_nm(specimen) / specimen.pixel_size_nm * specimen.contrast.alumina
    scale = acquisition.counts_mid_plate / mid_plate
    counts = rng.poisson(images * scale + acquisition.background_counts).astype(np.float32)
    # The same pixels in all images: defects of a detector, which also tempt an alignment
    # to hold on to them.
    pixels = images[0].size
    bad = rng.choice(pixels, round(acquisition.bad_pixel_fraction * pixels), replace=False)
    flat = counts.reshape(len(counts), pixels)
    flat[:, bad[0::2]] = 20 * acquisition.counts_mid_plate
    flat[:, bad[1::2]] = 0
    return counts


def _share(image, y, x, mass) -> None:
    """Add point masses to `image`, each shared bilinearly by its four nearest pixels."""
    rows, columns = image.shape
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    inside = (left >= 0) & (left < columns - 1) & (top >= 0) & (top < rows - 1)
    if not inside.all():
        left, top, x, y, mass = (values[inside] for values in (left, top, x, y, mass))
    if not len(left):
        return
    x, y = x - left, y - top
    first = top.min()
    window = image[first : top.max() + 2]  # cells come in few rows, so does their image
    right_mass = mass * x
    left_mass = mass - right_mass
    at = (top - first) * columns + left
    for step, share in (
        (0, left_mass * (1 - y)),
        (1, right_mass * (1 - y)),
        (columns, left_mass * y),
        (columns + 1, right_mass * y),
    ):
        window += np.bincount(at + step, share, window.size).reshape(window.shape)


def _aligned_points(image, misalignment, t):
    dy, dx = (np.arange(size) - (size - 1) / 2 for size in image.shape)
    return misalignment.to_aligned(dx, dy[:, None], t)


def _film(specimen, phantom, tilts, rng) -> FilmSheet | None:
    """Lay a film under the particle, so wide that no image ever sees its edge."""
    if specimen.film is None:
        return None
    occupied = np.flatnonzero(phantom.labels.any(axis=(0, 2)))
    size_y, size_z, size_x = specimen.shape_px
    bottom = (occupied.max() + 1) / phantom.oversampling - size_z / 2
    height = bottom + specimen.film.thickness_nm / specimen.pixel_size_nm / 2
    acquisition = specimen.acquisition
    wander = acquisition.max_shift_px + abs(acquisition.axis_offset_px)
    corner = np.hypot(size_y, size_x) / 2 + wander
    steepest = 1 / np.cos(np.deg2rad(np.abs(tilts).max()))
    reach = (corner, (corner + 2 * height) * steepest)
    return FilmSheet(specimen.film, specimen.pixel_size_nm, height, reach, rng)


def _write_truth(out, specimen, phantom, film) -> None:
    """Write density, labels and shares of the materials on the specimen's grid (y, z, x)."""
    shape, pixel_size_nm, contrast = specimen.shape_px, specimen.pixel_size_nm, specimen.contrast
    y, z, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    pages = {name: np.empty(shape, np.uint8) for name in ("labels", "alumina", "pt")}
    with StackWriter(out.path("truth_density.tif"), shape, np.float32, pixel_size_nm) as writer:
        for row, (alumina, pt) in enumerate(phantom.shares()):
            density = alumina * contrast.alumina + pt * contrast.pt
            if film:
                density = density + film.density(y[row], z[:, None], x)
            writer.write(row, density[None])
            pages["labels"][row] = labels_of(alumina, pt)
            pages["alumina"][row], pages["pt"][row] = np.rint(alumina * FULL), np.rint(pt * FULL)
    for name, stack in pages.items():
        write_labels(out.path(f"truth_{name}.tif"), stack, shape, pixel_size_nm)


def _picture(out, image, specimen) -> None:
    """Draw the 0° image beside the middle slice of the truth."""
    middle = specimen.shape_px[0] // 2
    slice_ = read_pages(out.path("truth_labels.tif"), middle, middle + 1)[0]
    figure, (left, right) = new_figure(1, 2, size=(9, 4.6))
    low, high = np.percentile(image, (0.5, 99.8))
    left.imshow(image, cmap="gray", vmin=low, vmax=high)
    scale_bar(left, specimen.pixel_size_nm, image.shape[1])
    left.set_title("image at 0°")
    right.imshow(slice_, cmap="gray", vmin=0, vmax=PT, interpolation="nearest")
    scale_bar(right, specimen.pixel_size_nm, slice_.shape[1])
    right.set_title(f"truth at y = {middle} px: alumina grey, Pt white")
    for axes in (left, right):
        axes.set_axis_off()
    save(figure, out.path("tilt_series.png"))
