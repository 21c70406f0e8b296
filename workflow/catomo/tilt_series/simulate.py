"""The verb `simulate`: a tilt series of a known specimen, written with its truth.

The images are made in `catomo.tilt_series.microscope`; the truth is kept beside them for all
later stages.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from catomo.figures import new_figure, save, scale_bar
from catomo.files.series import TiltSeries
from catomo.files.store import StackWriter, read_pages, write_labels, write_stack
from catomo.phantom.settings import Specimen
from catomo.phantom.shares import FILM, FULL, PARTICLES, PLATE, labels_of, stored_parts
from catomo.phantom.specimen import read_specimen
from catomo.progress import say
from catomo.record.record import Output, committing
from catomo.tilt_series.microscope import SimulatedSeries, simulate_tilt_series
from catomo.tilt_series.settings import Simulate


def simulate(specimen: Path | str, output: Path | str, settings: Simulate) -> None:
    """Simulate a tilt series of a specimen and write it with its truth.

    Parameters
    ----------
    specimen : path
        Specimen file (YAML), see `catomo.phantom.settings.Specimen`.
    output : path
        Folder of the stage ``01_tilt_series``.
    settings : Simulate

    Raises
    ------
    UserError
        If the specimen file is wrong, or its pores or particles do not fit.
    """
    path, specimen_settings = Path(specimen), read_specimen(specimen)
    with committing(output, "simulate", settings, {"specimen": path}) as out:
        say(f"simulate: draw {path.stem} with seed {settings.seed}")
        made = simulate_tilt_series(specimen_settings, settings.seed)
        series = made.series
        write_stack(out.path("tilt_series.tif"), series.images, series.pixel_size_nm)
        _write_truth_volumes(out, specimen_settings, made)
        _write_truth_table(out.path("truth.json"), made)
        parts = stored_parts(specimen_settings)
        _draw(out, series, {part: stored["label"] for part, stored in parts.items()})
        out.record.update(
            {
                "source": "phantom",
                "shape": list(series.images.shape),
                "axes": ["tilt", "y", "x"],
                "tilt_deg": series.tilt_deg.tolist(),
                "pixel_size_nm": series.pixel_size_nm,
                "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
                "truth_parts": parts,
            }
        )


def _write_truth_table(path: Path, made: SimulatedSeries) -> None:
    """Write misalignment, particles and facets as JSON."""
    misalignment = made.misalignment
    truth = {
        "axis_angle_deg": misalignment.axis_angle_deg,
        "axis_offset_px": misalignment.axis_offset_px,
        "across_px": np.asarray(misalignment.across_px).tolist(),
        "along_px": np.asarray(misalignment.along_px).tolist(),
        "particles": made.phantom.particles,
        "facets": made.phantom.facets,
    }
    if not np.array_equal(made.true_tilt_deg, made.series.tilt_deg):
        truth["true_tilt_deg"] = made.true_tilt_deg.tolist()
    path.write_text(json.dumps(truth, indent=1))


def _write_truth_volumes(out: Output, specimen: Specimen, made: SimulatedSeries) -> None:
    """Write density, labels and shares of the parts on the specimen's grid (y, z, x)."""
    shape, pixel_size_nm, contrast = specimen.shape_px, specimen.pixel_size_nm, specimen.contrast
    y, z, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    parts = stored_parts(specimen)
    labels = {part: stored["label"] for part, stored in parts.items()}
    label_pages = np.empty(shape, np.uint8)
    share_pages = {part: np.empty(shape, np.uint8) for part in parts}
    with StackWriter(out.path("truth_density.tif"), shape, np.float32, pixel_size_nm) as writer:
        for row, shares in enumerate(made.phantom.shares()):
            density = shares[PLATE] * contrast.plate + shares[PARTICLES] * contrast.particles
            if made.film:
                density = density + made.film.density(y[row], z[:, None], x)
                shares[FILM] = made.film.share(y[row], z[:, None], x)
            writer.write(row, density[None])
            label_pages[row] = labels_of({part: shares[part] for part in parts}, labels)
            for part, share_page in share_pages.items():
                share_page[row] = np.rint(shares[part] * FULL)
    write_labels(out.path("truth_labels.tif"), label_pages, shape, pixel_size_nm)
    for part, stack in share_pages.items():
        write_labels(out.path(parts[part]["file"]), stack, shape, pixel_size_nm)


def _draw(out: Output, series: TiltSeries, labels: dict[str, int]) -> None:
    """Draw the 0° image beside the middle slice of the truth."""
    image = series.images[np.abs(series.tilt_deg).argmin()]
    middle = image.shape[0] // 2
    slice_ = read_pages(out.path("truth_labels.tif"), middle, middle + 1)[0]
    figure, (left, right) = new_figure(1, 2, size=(9, 4.6))
    low, high = np.percentile(image, (0.5, 99.8))
    left.imshow(image, cmap="gray", vmin=low, vmax=high)
    scale_bar(left, series.pixel_size_nm, image.shape[1])
    left.set_title("image at 0°")
    right.imshow(slice_, cmap="gray", vmin=0, vmax=max(labels.values()), interpolation="nearest")
    scale_bar(right, series.pixel_size_nm, slice_.shape[1])
    named = ", ".join(f"{part} {label}" for part, label in labels.items() if label)
    right.set_title(f"true labels at y = {middle} px: {named}")
    for axes in (left, right):
        axes.set_axis_off()
    save(figure, out.path("tilt_series.png"))
