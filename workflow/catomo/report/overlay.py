"""The picture of a segmentation: slices, their labels and the confidence.

The page draws it, not the segmentation itself: for another colour no network runs again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo import figures
from catomo.files.store import StackReader, read_pages
from catomo.network import draft
from catomo.record.record import Record
from catomo.settings.base import PhaseClass

_SHOWN = (0.3, 0.5, 0.7)  # places in the stack of the slices that are drawn


@dataclass(frozen=True)
class Example:
    """A slice to draw: grey values, labels and confidence, all uint8 (z, x)."""

    name: str
    grey: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray


def draw_overlay(records: Mapping[str, Record], classes: Sequence[PhaseClass], path: Path) -> bool:
    """Draw some slices of a dataset with their segmentation.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    classes : sequence of PhaseClass
        All classes, background first.
    path : path
        The PNG file to write.

    Returns
    -------
    bool
        Whether there is a segmentation, and the slices that it is of.
    """
    prediction, slices = records.get("prediction.json"), records.get("slices.json")
    if not prediction or not slices or not prediction.has("labels.tif"):
        return False
    prediction.check_made_from("slices", slices)
    stacks = {name: prediction.file(f"{name}.tif") for name in ("labels", "confidence")}
    names = slices["names"]
    examples = []
    with StackReader(slices.file("slices.tif")) as reader:
        for i in sorted({round(part * (len(names) - 1)) for part in _SHOWN}):
            pages = {name: read_pages(stack, i, i + 1)[0] for name, stack in stacks.items()}
            examples.append(Example(names[i], reader.read(i, i + 1)[0], **pages))
    title = draft.TITLE if draft.is_guess(prediction, slices) else None
    draw(examples, classes, slices["pixel_size_nm"], path, title)
    return True


def draw(
    examples: Sequence[Example],
    classes: Sequence[PhaseClass],
    pixel_size_nm: float,
    path: Path,
    title: str | None = None,
) -> None:
    """Draw slices, below them the classes overlaid in their colours, and the confidence.

    Parameters
    ----------
    examples : sequence of Example
    classes : sequence of PhaseClass
        Names and colours, background first; the background is not coloured.
    pixel_size_nm : float
    path : path
        The PNG file to write.
    title : str, optional
        A warning above the picture.
    """
    from matplotlib.patches import Patch

    rows, columns = examples[0].grey.shape
    size = (3 * len(examples) + 0.9, 9 * rows / columns + 0.9)
    figure, axes = figures.new_figure(3, len(examples), size, squeeze=False)
    if title:
        figure.suptitle(title, color=figures.ALERT)
    palette = np.array([figures.rgb(phase.colour) for phase in classes])
    for column, example in enumerate(examples):
        rgb = np.repeat(example.grey[..., None], 3, axis=-1)
        material = example.labels > 0
        overlaid = rgb.copy()
        overlaid[material] = 0.45 * rgb[material] + 0.55 * palette[example.labels[material]]
        axes[0, column].set_title(example.name)
        for row, image in enumerate((rgb, overlaid)):
            axes[row, column].imshow(image, interpolation="nearest")
        confidence = axes[2, column].imshow(
            example.confidence / 255,
            interpolation="nearest",
            cmap="magma",
            vmin=1 / len(classes),
            vmax=1,
        )
        for row in range(3):
            axes[row, column].set_axis_off()
        figures.scale_bar(axes[1, column], pixel_size_nm, columns)
    figure.colorbar(confidence, ax=axes[2], shrink=0.8, label="confidence")
    handles = [Patch(color=phase.colour, label=phase.title) for phase in classes[1:]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figures.save(figure, path)
