"""The verb `import`: a microscope's tilt series, checked and written in catomo's form.

Images are streamed one by one, so memory does not grow with the series.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.figures import new_figure, save, scale_bar
from catomo.files.folders import split_member
from catomo.files.readers import open_series
from catomo.files.store import StackReader, StackWriter
from catomo.progress import progress, say
from catomo.record.record import Output, Record, committing
from catomo.tilt_series.inspection import Inspection, inspect_stack
from catomo.tilt_series.reading import prepared_images
from catomo.tilt_series.settings import ImportSeries
from catomo.tilt_series.sources import GivenAngles


def import_tilt_series(
    series: Path | str,
    output: Path | str,
    settings: ImportSeries,
    angles: GivenAngles | None = None,
    pixel_size_nm: float | None = None,
) -> None:
    """Import a tilt series.

    Parameters
    ----------
    series, settings, angles, pixel_size_nm
        As for `catomo.tilt_series.reading.read_tilt_series`.
    output : path
        Folder of the stage ``01_tilt_series``.

    Raises
    ------
    UserError
        If anything about the series is broken, contradictory or unknown.
    """
    series = Path(series)
    with open_series(series, settings.resample) as stack:
        seen = inspect_stack(series, stack, angles, pixel_size_nm, settings)
        for line in [*stack.notes, *seen.in_words()]:
            say(f"import: {line}")
        inputs: dict[str, Record | Path] = {"series": split_member(series)[0]}
        if seen.angle_file:
            inputs["angles"] = seen.angle_file
        with committing(output, "import", settings, inputs) as out:
            target = out.path("tilt_series.tif")
            with StackWriter(target, seen.shape, np.float32, seen.pixel_size_nm) as writer:
                images = prepared_images(stack, seen, settings)
                for t, image in enumerate(progress(images, "import", len(seen.order))):
                    writer.write(t, image[None])
            _draw(out, seen)
            if stack.notes:
                out.record["notes"] = list(stack.notes)
            out.record.update(
                {
                    "source": series.name,
                    "shape": list(seen.shape),
                    "axes": ["tilt", "y", "x"],
                    "tilt_deg": seen.tilt_deg,
                    "order": seen.order,
                    "listed_deg": seen.listed_deg,
                    "recorded_images": stack.shape[0],
                    "pixel_size_nm": seen.pixel_size_nm,
                    "orientation": {"tilt_axis": "y", "angle_unit": "deg", "handedness": 1},
                    "mirrored_deg": seen.mirrored_deg(),
                    "acquisition": {
                        **seen.acquisition,
                        "angles_from": seen.sources["tilt_deg"],
                        "pixel_size_from": seen.sources["pixel_size_nm"],
                        "recorded_pixel_size_nm": seen.pixel_size_nm / settings.bin,
                    },
                }
            )


def _draw(out: Output, seen: Inspection) -> None:
    """Draw the image nearest to 0°."""
    t = int(np.abs(seen.tilt_deg).argmin())
    with StackReader(out.path("tilt_series.tif")) as reader:
        image = reader.read(t, t + 1)[0]
    figure, axes = new_figure(size=(5, 5 * image.shape[0] / image.shape[1] + 0.5))
    low, high = np.percentile(image, (0.5, 99.8))
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    scale_bar(axes, seen.pixel_size_nm, image.shape[1])
    axes.set_title(
        f"{seen.tilt_deg[t]:g}° of {len(seen.tilt_deg)} tilts, "
        f"{seen.tilt_deg[0]:g}° to {seen.tilt_deg[-1]:g}°"
    )
    axes.set_axis_off()
    save(figure, out.path("tilt_series.png"))
