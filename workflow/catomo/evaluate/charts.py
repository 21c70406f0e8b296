"""Charts of the scores: distances, the confusion matrix, the confidence, the particles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from catomo.evaluate.calibration import reliability, risk_coverage, without_temperature
from catomo.evaluate.distances import PERCENTILES
from catomo.evaluate.pictures import FALSE, readable
from catomo.evaluate.presets import GENC_2022
from catomo.figures import AFTER, ALERT, BEFORE, INK, new_figure, save

if TYPE_CHECKING:
    from catomo.settings.base import PhaseClass

_MEASURES = {"dsc": "DSC", "iou": "IoU"} | {f"rhd{p}_nm": f"RHD {p}" for p in PERCENTILES}


def rhd(
    path: Path, summary: dict[str, dict], classes: Sequence[PhaseClass], paper: dict[str, dict]
) -> None:
    """Draw the robust Hausdorff distance against its percentile (the paper's Figure 4)."""
    figure, axes = new_figure(size=(6.5, 4))
    percentiles = [str(p) for p in sorted(PERCENTILES)]  # drawn evenly apart: most are above 90
    for number, phase in enumerate(classes[1:]):
        colour, title = readable(phase.colour), phase.title
        places = np.arange(len(percentiles)) + 0.1 * number
        table = [summary[phase.name]["rhd_nm"][p] for p in percentiles]
        mean, error, median = (
            np.array([entry[part] for entry in table]) for part in ("mean", "se", "median")
        )
        axes.errorbar(places, mean, error, color=colour, marker="o", capsize=3, label=title)
        axes.plot(places, median, color=colour, linestyle=":", label=f"{title}, median")
        published = paper.get(phase.name, {}).get("rhd_nm", {})
        if published:
            axes.errorbar(
                [places[percentiles.index(p)] + 0.25 for p in published],
                [entry["mean"] for entry in published.values()],
                [entry["se"] for entry in published.values()],
                color=colour,
                marker="s",
                linestyle="none",
                markerfacecolor="white",
                alpha=0.6,
                label=f"{title}, {GENC_2022}",
            )
    axes.set_xticks(range(len(percentiles)), percentiles)
    axes.set(xlabel="percentile of the edge distances", ylabel="distance / nm (mean ± SE)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper left")
    save(figure, path)


def confusion(path: Path, matrix: np.ndarray, classes: Sequence[PhaseClass]) -> None:
    """Draw the confusion matrix of all images together, each row in per cent of its class."""
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    edge = 1.3 * len(classes) + 1.6
    figure, axes = new_figure(size=(edge + 0.6, edge))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(matrix.shape):
        axes.text(
            column,
            row,
            f"{share[row, column]:.2f} %\n{matrix[row, column]:,} px".replace(",", "\u202f"),
            ha="center",
            va="center",
            color="white" if share[row, column] > 55 else INK,
        )
    titles = [phase.title.replace(" and ", "\nand ") for phase in classes]
    ticks = range(len(classes))
    axes.set_xticks(ticks, titles)
    axes.set_yticks(ticks, titles, rotation=90, va="center", multialignment="center")
    axes.set(xlabel="prediction", ylabel="annotation")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    save(figure, path)


def confidence(
    path: Path, counts: np.ndarray, scores: dict[str, Any], classes: Sequence[PhaseClass]
) -> None:
    """Draw how often the network is right at each confidence, and where its errors are.

    Parameters
    ----------
    path : Path
    counts : ndarray of int64, (2, classes, 256, 2)
        Of `catomo.evaluate.calibration.tally`.
    scores : dict
        Of `catomo.evaluate.confidence.confidence_scores`.
    classes : sequence of PhaseClass
    """
    figure, (left, right) = new_figure(1, 2, (10, 4.5))
    _reliability(left, counts, scores, classes)
    _risk_and_coverage(right, counts)
    save(figure, path)


def _reliability(
    axes: Any, counts: np.ndarray, scores: dict[str, Any], classes: Sequence[PhaseClass]
) -> None:
    near = scores["near_boundary"]
    axes.plot([0, 1], [0, 1], color=BEFORE, linestyle=":")

    def draw(curve: dict, title: str, error: float, **style: Any) -> None:
        pixels = np.array(curve["pixels"])
        enough = pixels > 0.001 * pixels.sum()  # few pixels give a point by chance
        sure, right = (np.array(curve[part])[enough] for part in ("confidence", "accuracy"))
        axes.plot(sure, right, label=f"{title}, error {error:.3f}", **style)

    for label, phase in enumerate(classes):
        error = near["classes"][phase.name]["ece"]
        style = {"color": readable(phase.colour), "marker": "o", "markersize": 3, "linewidth": 1}
        draw(reliability(counts[1, label]), phase.title, error, **style)
    draw(near["reliability"], "all", near["ece"], color=AFTER, linewidth=2.5)
    if near["ece_uncalibrated"] is not None:
        before = reliability(without_temperature(counts[1], scores["temperature"]))
        title = "all, without temperature"
        draw(before, title, near["ece_uncalibrated"], color=AFTER, linestyle="--")
    axes.set(
        xlabel="confidence",
        ylabel="share that is right",
        xlim=(0.3, 1.01),
        ylim=(0, 1.03),
        title=f"within {scores['near_boundary_px']:g} px of a boundary",
    )
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _risk_and_coverage(axes: Any, counts: np.ndarray) -> None:
    shown = []
    for place, colour, title in ((0, INK, "everywhere"), (1, AFTER, "near boundaries")):
        curve = risk_coverage(counts[place])
        if curve["coverage"] and curve["risk"][-1]:
            risk = np.array(curve["risk"]) * 100
            axes.plot(100 * np.array(curve["coverage"]), risk, color=colour)
            axes.axhline(risk[-1], color=colour, linestyle=":", linewidth=1)
            axes.text(2, risk[-1], title, color=colour, va="bottom")
            shown += [value for value in risk if value > 0]
    axes.set(
        xlabel="pixels taken, most certain first / %",
        ylabel="wrong among them / %",
        xlim=(0, 100),
        title="risk and coverage (dotted: all pixels)",
    )
    if shown:  # nothing is where nothing is wrong
        axes.set_yscale("log", nonpositive="mask")  # near boundaries far more is wrong
        axes.set_ylim(min(shown) / 1.3, 1.3 * max(shown))


def particles(path: Path, scores: dict[str, Any], diameters_nm: list[np.ndarray]) -> None:
    """Draw predicted against true diameters, and how many particles of each size were matched.

    Parameters
    ----------
    path : Path
    scores : dict
        Of `catomo.evaluate.detection.detection`.
    diameters_nm : list of ndarray
        Of matched (n, 2: true, predicted), of missed and of false particles, in nm.
    """
    figure, (left, right) = new_figure(1, 2, (9, 4))
    _diameters(left, *diameters_nm)
    _counts_by_size(right, scores["by_size"])
    save(figure, path)


def _diameters(axes: Any, matched: np.ndarray, missed: np.ndarray, false: np.ndarray) -> None:
    top = 1.05 * max((d.max() for d in (matched, missed, false) if d.size), default=1)
    axes.plot([0, top], [0, top], color=BEFORE, linestyle=":")
    axes.plot(*matched.T, "o", color=AFTER, markersize=4, alpha=0.6, label="matched")
    axes.plot(missed, 0 * missed, "x", color=ALERT, label="missed", clip_on=False)
    axes.plot(0 * false, false, "+", color=FALSE, label="false", clip_on=False)
    axes.set(xlabel="true diameter / nm", ylabel="found diameter / nm", aspect="equal")
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)


def _counts_by_size(axes: Any, sizes: list[dict[str, Any]]) -> None:
    names, bottom = [], np.zeros(len(sizes))
    for entry in sizes:
        low, high = entry["from_nm"], entry["to_nm"]
        names.append(f"≥ {low:g}" if np.isinf(high) else f"{low:g} to {high:g}")
    for kind, colour in (("matched", AFTER), ("missed", ALERT), ("false", FALSE)):
        count = np.array([entry[kind] for entry in sizes])
        axes.bar(names, count, bottom=bottom, color=colour, label=kind)
        bottom += count
    for place, entry in enumerate(sizes):
        if bottom[place]:
            axes.text(place, bottom[place], f"F1 {entry['f1']:.2f}", ha="center", va="bottom")
    axes.set(xlabel="diameter / nm", ylabel="particles")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(0, 1.08 * max(bottom.max(), 1))
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)


def paired(
    path: Path,
    scores: dict[str, dict],
    differences: dict[str, dict],
    classes: Sequence[PhaseClass],
) -> None:
    """Draw how the scores of the same images differ: each image, the mean and its interval.

    Parameters
    ----------
    path : Path
    scores : dict
        Of each class and measure: ``difference`` with ``mean`` and ``ci95``.
    differences : dict
        Of each class and measure: the difference in every image.
    classes : sequence of PhaseClass
    """
    figure, panels = new_figure(1, 2, (9, 4))
    measures = list(scores[classes[1].name])
    distances = [measure for measure in measures if measure.startswith("rhd")]
    groups = [measure for measure in measures if measure not in distances], distances
    offsets = np.linspace(-0.2, 0.2, len(classes) - 1) if len(classes) > 2 else [0]
    for axes, group in zip(panels, groups, strict=True):
        axes.axvline(0, color=BEFORE, linestyle=":")
        for offset, phase in zip(offsets, classes[1:], strict=True):
            colour = readable(phase.colour)
            place = np.arange(len(group)) + offset
            means = [scores[phase.name][measure]["difference"] for measure in group]
            for y, measure in zip(place, group, strict=True):
                values = differences[phase.name][measure]
                axes.plot(values, np.full(len(values), y), ".", color=colour, alpha=0.25)
            axes.errorbar(
                np.array([entry["mean"] for entry in means]),
                place,
                xerr=np.array([entry["ci95"] for entry in means]),
                color=colour,
                marker="o",
                linestyle="none",
                capsize=3,
                label=phase.title,
            )
        axes.set_yticks(range(len(group)), [_MEASURES.get(measure, measure) for measure in group])
        axes.invert_yaxis()
    panels[0].set(xlabel="second minus first", title="more is better")
    panels[1].set(xlabel="second minus first / nm", title="less is better")
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(classes) - 1, frameon=False)
    save(figure, path)
