"""The curves of a training as a table and a picture.

A row is a dict: `step`, `learning_rate`, `loss`, and `validation_dsc_<class>` for each class.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catomo import figures
from catomo.files.tables import number_text, write_csv
from catomo.settings.base import ClassName

Row = dict[str, float | None]


def write(rows: list[Row], path: Path) -> None:
    """Write the rows as CSV; cells without a value stay empty."""
    write_csv(path, list(rows[0]), ([number_text(v) for v in row.values()] for row in rows))


def draw(rows: list[Row], classes: list[ClassName], path: Path) -> None:
    """Draw the loss and, where there is a validation part, its DSC.

    Classes have their names, and colours by their order: for a class's title or colour in the
    configuration nothing is trained again.
    """
    watched = [row for row in rows if any(row[f"validation_dsc_{c.name}"] for c in classes)]
    figure, axes = figures.new_figure(1, 2 if watched else 1, (8, 3.5), squeeze=False)
    axes[0, 0].plot([r["step"] for r in rows], [r["loss"] for r in rows], color=figures.AFTER)
    axes[0, 0].set(xlabel="step", ylabel="training loss", ylim=(0, None))
    if watched:
        for label, phase in enumerate(classes):
            scores = [row[f"validation_dsc_{phase.name}"] for row in watched]
            dsc = [np.nan if score is None else score for score in scores]
            axes[0, 1].plot(
                [row["step"] for row in watched],
                dsc,
                "o-",
                clip_on=False,
                color=f"C{label}",
                label=phase.name,
            )
        axes[0, 1].set(xlabel="step", ylabel="DSC, validation part", ylim=(0, 1))
        axes[0, 1].legend(frameon=False, loc="lower right")
    figures.save(figure, path)
