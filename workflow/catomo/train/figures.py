"""The course of a training as a table and a picture.

A row is a dict: `step`, `learning_rate`, `loss`, and `validation_dsc_<class>` for each class.
"""

from __future__ import annotations

import csv

import numpy as np

from catomo import figures


def write(rows: list[dict], path) -> None:
    """Write the rows as CSV; what was not looked at stays empty."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.6g}" if v is not None else "" for k, v in row.items()})


def draw(rows: list[dict], classes, path) -> None:
    """Draw the loss and, where there is a validation part, its DSC."""
    watched = [row for row in rows if any(row[f"validation_dsc_{c.name}"] for c in classes)]
    figure, axes = figures.new_figure(1, 2 if watched else 1, (8, 3.5), squeeze=False)
    axes[0, 0].plot([r["step"] for r in rows], [r["loss"] for r in rows], color=figures.AFTER)
    axes[0, 0].set(xlabel="step", ylabel="training loss", ylim=(0, None))
    if watched:
        for phase in classes:
            dsc = [row[f"validation_dsc_{phase.name}"] for row in watched]
            dsc = [np.nan if value is None else value for value in dsc]
            axes[0, 1].plot(
                [row["step"] for row in watched],
                dsc,
                "o-",
                clip_on=False,
                color=phase.colour,
                label=phase.title,
            )
        axes[0, 1].set(xlabel="step", ylabel="DSC, validation part", ylim=(0, 1))
        axes[0, 1].legend(frameon=False, loc="lower right")
    figures.save(figure, path)
