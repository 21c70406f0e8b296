"""The slices suggested for annotation: their files, their picture, and what to do with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo.figures import new_figure, save, scale_bar
from catomo.files.store import StackReader, image_bytes
from catomo.labels.tie import tie_of
from catomo.record.record import Output
from catomo.settings.base import ClassName

_PICTURES = 12
_ENOUGH = 10  # annotated slices teach about as much as 35 (benchmarks/train.py)


def write_suggested(
    out: Output, names: list[str], suggested: list[int], pixel_size_nm: float
) -> None:
    """Write the suggested slices one by one and in one picture.

    Parameters
    ----------
    out : Output
        Holds ``slices.tif``; receives ``to_annotate/<name>.tif`` and ``slices.png``.
    names : list of str
        Names of all slices.
    suggested : list of int
        Indices of the suggested slices.
    pixel_size_nm : float
    """
    with StackReader(out.path("slices.tif")) as reader:
        for index in suggested:
            image, name = reader.read(index, index + 1)[0], f"{names[index]}.tif"
            content = image_bytes(name, image, pixel_size_nm, tie_of(image))
            out.path(f"to_annotate/{name}").write_bytes(content)
        _draw(out.path("slices.png"), reader, names, suggested, pixel_size_nm)


def next_step(
    slices: int, suggested: int, classes: list[ClassName], dataset: str, is_phantom: bool
) -> str:
    """Return how to annotate, in whole sentences.

    Parameters
    ----------
    slices, suggested : int
        How many slices there are, and how many of them are suggested.
    classes : list of ClassName
    dataset : str
        Its name, for the paths in the advice.
    is_phantom : bool
        Whether the truth is known and can stand for annotations.
    """
    column = "the column labels of config/datasets.tsv"
    run = "and run snakemake again"
    if is_phantom:
        return (
            f"This is a phantom: its truth can stand for the annotation of the {suggested} "
            f"suggested slices; write the word truth into {column}, {run}."
        )
    some = "some or all" if suggested <= _ENOUGH else f"about {_ENOUGH}, evenly spread,"
    values = ", ".join(f"{value} {phase.name}" for value, phase in enumerate(classes))
    return (
        f"Annotate {some} of the {suggested} slices in 04_slices/to_annotate, chosen "
        f"from {slices}: catomo annotate results/{dataset}/04_slices --labels "
        f"labels/{dataset} opens them in napari; or paint the values {values}, and 255 where you "
        "did not look, in Fiji or any TIFF editor and save each as 8-bit TIFF under its own name "
        f"in labels/{dataset}. Then write that folder into {column}, {run}."
    )


def _draw(
    path: Path, reader: StackReader, names: list[str], suggested: list[int], pixel_size_nm: float
) -> None:
    """Draw suggested slices, evenly chosen, in a grid."""
    picks = np.unique(np.linspace(0, len(suggested) - 1, _PICTURES).round().astype(int))
    columns = min(4, len(picks))
    rows = -(-len(picks) // columns)
    height, width = reader.shape[1:]
    size = (3 * columns, (3 * height / width + 0.35) * rows)
    figure, axes = new_figure(rows, columns, size=size, squeeze=False)
    for ax in axes.ravel():
        ax.axis("off")
    for ax, pick in zip(axes.ravel(), picks, strict=False):
        index = suggested[pick]
        image = reader.read(index, index + 1)[0]
        ax.imshow(image, vmin=0, vmax=255, cmap="gray", interpolation="nearest")
        ax.set_title(names[index])
        scale_bar(ax, pixel_size_nm, width)
    save(figure, path)
