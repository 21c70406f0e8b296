"""Stage `predict`: a trained network labels every slice, with the confidence per pixel.

Slices stream through the network in small batches, so memory does not grow with the volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catomo import blend, figures, model_file, unet
from catomo.errors import UserError
from catomo.hashes import sha256_of
from catomo.progress import progress
from catomo.record import Record, committing, read_record
from catomo.store import StackReader, StackWriter, write_labels

_PIXEL_SIZE_TOLERANCE = 0.05


def predict(slices, model, output, settings) -> None:
    """Segment all slices of a dataset.

    Parameters
    ----------
    slices : path
        Folder or record of the stage `slices`.
    model : path
        Folder or record of the stage `train`, or a ``.keras`` file written by it.
    output : path
        Folder to write: ``labels.tif`` (n, z, x) uint8, ``confidence.tif`` (the probability
        of the label, 255 for certain), ``prediction.png``, ``prediction.json``.
    settings : catomo.settings.predict.Predict

    Raises
    ------
    UserError
        If the model's classes are not those of the settings, or its pixel size differs
        from that of the slices by more than 5 %.
    """
    source = read_record(slices, "slices")
    model = Path(model)
    if model.suffix == ".keras":
        file = origin = model
    else:
        origin = read_record(model, "train")
        file = origin.file("model.keras")
    unet.start(settings.threads)
    precision = unet.resolved_precision(settings.precision)
    net, about = model_file.load(file, precision)
    _check_fit(file, about, source, settings)
    pixel_size_nm = source["pixel_size_nm"]
    shape = source["shape"]
    whole = shape[1] * shape[2] <= settings.whole_slice_max_px
    with (
        committing(output, "predict", settings, {"slices": source, "model": origin}) as out,
        StackReader(source.file("slices.tif")) as reader,
    ):
        shown = dict.fromkeys(_shown(shape[0]))
        counts = np.zeros(len(settings.classes), np.int64)
        spool = out.path("confidence.spool")

        def labelled() -> Iterator[np.ndarray]:
            """Yield the labels of each slice; put its confidence and pictures aside."""
            with StackWriter(spool, shape, np.uint8, pixel_size_nm) as writer:
                pages = _segmented(reader, net, about["downsampling"], whole, settings)
                for index, (grey, labels, confidence) in enumerate(
                    progress(pages, "predict", shape[0])
                ):
                    writer.write(index, confidence[None])
                    counts[:] += np.bincount(labels.ravel(), minlength=len(counts))
                    if index in shown:
                        shown[index] = (source["names"][index], grey, labels)
                    yield labels

        write_labels(out.path("labels.tif"), labelled(), shape, pixel_size_nm)
        with StackReader(spool) as confidence:
            pages = (confidence.read(i, i + 1)[0] for i in range(shape[0]))
            write_labels(out.path("confidence.tif"), pages, shape, pixel_size_nm)
        spool.unlink()
        _draw(list(shown.values()), settings.classes, pixel_size_nm, out.path("prediction.png"))
        out.record.update(
            {
                "pixel_size_nm": pixel_size_nm,
                "shape": shape,
                "names": source["names"],
                "contiguous": source["contiguous"],
                "classes": about["classes"],
                "fractions": dict(zip(about["classes"], counts / counts.sum(), strict=True)),
                "precision": precision,
                "tiled": not whole,
                "model": {
                    "sha256": sha256_of(file),
                    "weights_sha256": model_file.weights_sha256(net),
                    "preset": about.get("preset"),
                    "pixel_size_nm": about["pixel_size_nm"],
                },
            }
        )


def _segmented(
    reader: StackReader, net, multiple: int, whole: bool, settings
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield grey values, labels and confidence of each slice, all uint8."""
    run = unet.runner(net)
    count, rows, columns = reader.shape
    batch = max(1, settings.batch_px // (rows * columns))
    for start in range(0, count, batch):
        grey = reader.read(start, start + batch)
        found = blend.probabilities(
            run,
            grey,
            multiple=multiple,
            average=settings.average,
            tile=None if whole else settings.tile_px,
            overlap=settings.overlap_px,
            window=settings.window,
        )
        labels = found.argmax(axis=-1).astype(np.uint8)
        confidence = np.rint(255 * found.max(axis=-1)).astype(np.uint8)
        yield from zip(grey, labels, confidence, strict=True)


def _check_fit(file: Path, about: dict, source: Record, settings) -> None:
    wanted = [phase.name for phase in settings.classes]
    if about["classes"] != wanted:
        raise UserError(
            f"{file}: the model knows the classes {', '.join(about['classes'])}, the "
            f"configuration names {', '.join(wanted)}; make them equal or train a model"
        )
    there, here = about["pixel_size_nm"], source["pixel_size_nm"]
    if abs(there / here - 1) > _PIXEL_SIZE_TOLERANCE:
        raise UserError(
            f"{file}: the model learnt at {there:g} nm per pixel, {source.path} has {here:g}; "
            f"bring the slices within 5 % of {there:g} nm or train a model at {here:g} nm"
        )


def _shown(count: int) -> list[int]:
    return sorted({round(f * (count - 1)) for f in (0.3, 0.5, 0.7)})


def _draw(shown, classes, pixel_size_nm: float, path) -> None:
    """Draw slices above, and below the same with the classes laid over in their colours."""
    from matplotlib.patches import Patch

    rows, columns = shown[0][1].shape
    size = (3 * len(shown), 6 * rows / columns + 0.6)
    figure, axes = figures.new_figure(2, len(shown), size, squeeze=False)
    palette = np.array([[int(c.colour[i : i + 2], 16) for i in (1, 3, 5)] for c in classes])
    for column, (name, grey, labels) in enumerate(shown):
        rgb = np.repeat(grey[..., None], 3, axis=-1)
        material = labels > 0
        laid = rgb.copy()
        laid[material] = 0.45 * rgb[material] + 0.55 * palette[labels[material]]
        axes[0, column].set_title(name)
        for row, image in enumerate((rgb, laid)):
            axes[row, column].imshow(image, interpolation="nearest")
            axes[row, column].set_axis_off()
        figures.scale_bar(axes[1, column], pixel_size_nm, columns)
    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes[1:]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figures.save(figure, path)
