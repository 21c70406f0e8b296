"""Stage `predict`: a trained network labels every slice, with the confidence per pixel.

Slices stream through the network while others are read and written, so memory does not grow
with the volume. A killed prediction goes on where it was, to the same bytes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from catomo import figures
from catomo.errors import UserError
from catomo.files.store import StackReader, read_pages, write_labels
from catomo.network import blend, draft, model_file, unet
from catomo.network.checkpoints import key_of
from catomo.predict import inference
from catomo.predict.slabs import Slabs
from catomo.progress import say
from catomo.record import code
from catomo.record.hashes import sha256_of
from catomo.record.record import Record, committing, read_record

_PIXEL_SIZE_TOLERANCE = 0.05
_INPUT = {"dtype": "uint8", "scale": 1 / 255}  # how `unet.runner` feeds a network


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
        of the label at the model's temperature, 255 for certain), on request
        ``probability_<class>.tif``, ``prediction.png``, ``prediction.json``.
    settings : catomo.predict.settings.Predict

    Raises
    ------
    UserError
        If the model's classes are not those of the settings, it takes its input in another
        scaling, or its pixel size differs from that of the slices by more than 5 %.
    """
    source = read_record(slices, "slices")
    file, origin = model_file.locate(model)
    unet.start(settings.threads)
    precision = unet.resolved_precision(settings.precision)
    net, about = model_file.load(file, precision)
    _check_fit(file, about, source, settings)
    temperature = about.get("temperature") or 1.0
    pixel_size_nm, shape = source["pixel_size_nm"], source["shape"]
    plane = shape[1] * shape[2]
    whole = plane <= settings.whole_slice_max_px
    batch = max(1, settings.batch_px // plane)
    classes = about["classes"]
    asked = classes if settings.write_probabilities else []
    with (
        committing(output, "predict", settings, {"slices": source, "model": origin}) as out,
        StackReader(source.file("slices.tif")) as reader,
    ):
        counts = np.zeros(len(classes), np.int64)

        def write(name: str) -> None:
            write_labels(out.path(f"{name}.tif"), pages(name), shape, pixel_size_nm)

        def pages(name: str):
            for page in slabs.pages(name):
                if name == "labels":
                    counts[:] += np.bincount(page.ravel(), minlength=len(counts))
                yield page

        key = _key(file, source, settings, precision)
        slabs = Slabs(out.folder / ".predict.slabs", key, -(-shape[0] // batch))
        _announce(shape, batch, whole, len(slabs.missing), about, precision, settings)
        title = draft.TITLE if draft.is_guess(about, source) else None
        if title:
            say(f"predict: {title}")
        names = ["labels", "confidence", *(f"probability_{name}" for name in asked)]
        inference.convey(
            slabs,
            read=lambda number: reader.read(number * batch, (number + 1) * batch),
            segment=inference.segmenter(net, about["downsampling"], whole, settings),
            decide=lambda p: inference.decided(p, temperature, asked),
            followers=[partial(write, name) for name in names],
            label="predict" if batch == 1 else f"predict, {batch} slices at a time",
        )
        shown = []
        for i in _shown(shape[0]):
            made = [read_pages(out.path(f"{name}.tif"), i, i + 1)[0] for name in names[:2]]
            shown.append((source["names"][i], reader.read(i, i + 1)[0], *made))
        _draw(shown, settings.classes, pixel_size_nm, out.path("prediction.png"), title)
        out.record.update(
            {
                "pixel_size_nm": pixel_size_nm,
                "shape": shape,
                "names": source["names"],
                "contiguous": source["contiguous"],
                "classes": classes,
                "draft": about.get("draft", False),
                "fractions": dict(zip(classes, counts / counts.sum(), strict=True)),
                "temperature": temperature,
                "calibrated": about.get("temperature") is not None,
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
    slabs.remove()


def _key(file: Path, source: Record, settings, precision: str) -> str:
    """Return the hash of all that decides the result, for the slabs a kill leaves behind."""
    facts = {
        "model": sha256_of(file),
        "slices": source["files"]["slices.tif"]["sha256"],
        "settings": settings.model_dump(mode="json"),
        "precision": precision,
        "code": code.code_of("predict"),
        "versions": code.versions_of("predict"),
    }
    return key_of(facts, [])


def _announce(shape, batch: int, whole: bool, missing: int, about, precision: str, settings):
    count, rows, columns = shape
    edge = max(rows, columns) if whole else settings.tile_px
    passing = batch * min(rows, edge) * min(columns, edge)
    size = passing, batch * rows * columns, len(about["classes"])
    need = inference.memory_bytes(about["network"], precision, *size)
    say(
        f"predict: {count} slices of {rows} x {columns} px, "
        f"{'whole' if whole else f'in tiles of {settings.tile_px} px'}, "
        f"views per slice: {len(blend.VIEWS[settings.average])}, memory about {need / 1e9:.1f} GB"
    )
    if done := -(-count // batch) - missing:
        say(f"predict: goes on after {min(done * batch, count)} slices, where it was ended")


def _check_fit(file: Path, about: dict, source: Record, settings) -> None:
    wanted = [phase.name for phase in settings.classes]
    if about["classes"] != wanted:
        raise UserError(
            f"{file}: the model knows the classes {', '.join(about['classes'])}, the "
            f"configuration names {', '.join(wanted)}; make them equal or train a model"
        )
    scaling = about.get("input", _INPUT)
    if scaling != _INPUT:
        raise UserError(
            f"{file}: the model takes {scaling.get('dtype')} times {scaling.get('scale')}, "
            "slices are uint8 times 1/255; train a model with this catomo"
        )
    there, here = about["pixel_size_nm"], source["pixel_size_nm"]
    if abs(there / here - 1) > _PIXEL_SIZE_TOLERANCE:
        raise UserError(
            f"{file}: the model learnt at {there:g} nm per pixel, {source.path} has {here:g}; "
            f"bring the slices within 5 % of {there:g} nm or train a model at {here:g} nm"
        )


def _shown(count: int) -> list[int]:
    return sorted({round(f * (count - 1)) for f in (0.3, 0.5, 0.7)})


def _draw(shown, classes, pixel_size_nm: float, path, title: str | None) -> None:
    """Draw slices, below them the classes laid over in their colours, and the confidence."""
    from matplotlib.patches import Patch

    rows, columns = shown[0][1].shape
    size = (3 * len(shown) + 0.9, 9 * rows / columns + 0.9)
    figure, axes = figures.new_figure(3, len(shown), size, squeeze=False)
    if title:
        figure.suptitle(title, color=figures.ALERT)
    palette = np.array([[int(c.colour[i : i + 2], 16) for i in (1, 3, 5)] for c in classes])
    for column, (name, grey, labels, confidence) in enumerate(shown):
        rgb = np.repeat(grey[..., None], 3, axis=-1)
        material = labels > 0
        laid = rgb.copy()
        laid[material] = 0.45 * rgb[material] + 0.55 * palette[labels[material]]
        axes[0, column].set_title(name)
        for row, image in enumerate((rgb, laid)):
            axes[row, column].imshow(image, interpolation="nearest")
        doubt = axes[2, column].imshow(
            confidence / 255, interpolation="nearest", cmap="magma", vmin=1 / len(classes), vmax=1
        )
        for row in range(3):
            axes[row, column].set_axis_off()
        figures.scale_bar(axes[1, column], pixel_size_nm, columns)
    figure.colorbar(doubt, ax=axes[2], shrink=0.8, label="confidence")
    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes[1:]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figures.save(figure, path)
