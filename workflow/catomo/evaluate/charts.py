"""Pictures of the scores: distances, the confusion matrix, the confidence, the particles."""

from __future__ import annotations

import numpy as np

from catomo.evaluate.calibration import reliability, risk_coverage, without_temperature
from catomo.evaluate.distances import PERCENTILES
from catomo.evaluate.pictures import FALSE, readable
from catomo.figures import AFTER, ALERT, BEFORE, INK, new_figure, save


def rhd(path, summary: dict, classes, paper: dict) -> None:
    """Draw the robust Hausdorff distance against its percentile (the paper's Figure 4)."""
    figure, axes = new_figure(size=(6.5, 4))
    percentiles = [str(p) for p in sorted(PERCENTILES)]  # evenly apart: most are above 90
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
                label=f"{title}, Genc et al. 2022",
            )
    axes.set_xticks(range(len(percentiles)), percentiles)
    axes.set(xlabel="percentile of the edge distances", ylabel="distance / nm (mean ± SE)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper left")
    save(figure, path)


def confusion(path, matrix: np.ndarray, classes) -> None:
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


def confidence(path, counts: np.ndarray, scores: dict, classes) -> None:
    """Draw how often the network is right at each confidence, and where its errors are.

    Parameters
    ----------
    path : path
    counts : ndarray of int64, (2, classes, 256, 2)
        Of `catomo.evaluate.calibration.tally`.
    scores : dict
        Of `catomo.evaluate.confidence.confidence_scores`.
    classes : list of PhaseClass
    """
    figure, (left, right) = new_figure(1, 2, (10, 4.5))
    near = scores["near_boundary"]
    left.plot([0, 1], [0, 1], color=BEFORE, linestyle=":")

    def draw(curve: dict, title: str, error: float, **style) -> None:
        pixels = np.array(curve["pixels"])
        told = pixels > 0.001 * pixels.sum()  # what a handful of pixels does is chance
        sure, hit = (np.array(curve[word])[told] for word in ("confidence", "accuracy"))
        left.plot(sure, hit, label=f"{title}, error {error:.3f}", **style)

    for label, phase in enumerate(classes):
        style = {"color": readable(phase.colour), "marker": "o", "markersize": 3, "linewidth": 1}
        draw(
            reliability(counts[1, label]), phase.title, near["classes"][phase.name]["ece"], **style
        )
    draw(near["reliability"], "all", near["ece"], color=AFTER, linewidth=2.5)
    if near["ece_uncalibrated"] is not None:
        before = reliability(without_temperature(counts[1], scores["temperature"]))
        words = "all, without temperature"
        draw(before, words, near["ece_uncalibrated"], color=AFTER, linestyle="--")
    left.set(
        xlabel="confidence",
        ylabel="share that is right",
        xlim=(0.3, 1.01),
        ylim=(0, 1.03),
        title=f"within {scores['near_boundary_px']:g} px of a boundary",
    )
    left.legend(frameon=False, fontsize=8, loc="lower right")
    for place, colour, words in ((0, INK, "everywhere"), (1, AFTER, "near boundaries")):
        curve = risk_coverage(counts[place])
        if curve["coverage"] and curve["risk"][-1]:
            risk = np.array(curve["risk"]) * 100
            right.plot(100 * np.array(curve["coverage"]), risk, color=colour)
            right.axhline(risk[-1], color=colour, linestyle=":", linewidth=1)
            right.text(2, risk[-1], words, color=colour, va="bottom")
    right.set(
        xlabel="pixels taken, most certain first / %",
        ylabel="wrong among them / %",
        xlim=(0, 100),
        title="risk and coverage (dotted: all pixels)",
    )
    if right.lines:  # none where nothing is wrong
        right.set_yscale("log", nonpositive="mask")  # near boundaries far more is wrong
        right.margins(y=0.1)
    save(figure, path)


def particles(path, scores: dict, diameters) -> None:
    """Draw found against true diameters, and how many of each size were found.

    Parameters
    ----------
    path : path
    scores : dict
        Of `catomo.evaluate.detection.detection`.
    diameters : list of ndarray
        Of pairs (true, found), of missed and of false particles, in nm.
    """
    figure, (left, right) = new_figure(1, 2, (9, 4))
    pairs, missed, false = diameters
    top = 1.05 * max((d.max() for d in diameters if d.size), default=1)
    left.plot([0, top], [0, top], color=BEFORE, linestyle=":")
    left.plot(*pairs.T, "o", color=AFTER, markersize=4, alpha=0.6, label="matched")
    left.plot(missed, 0 * missed, "x", color=ALERT, label="missed", clip_on=False)
    left.plot(0 * false, false, "+", color=FALSE, label="false", clip_on=False)
    left.set(xlabel="true diameter / nm", ylabel="found diameter / nm", aspect="equal")
    left.set(xlim=(0, top), ylim=(0, top))
    left.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    names, bottom = [], np.zeros(len(scores["by_size"]))
    for entry in scores["by_size"]:
        low, high = entry["from_nm"], entry["to_nm"]
        names.append(f"≥ {low:g}" if np.isinf(high) else f"{low:g} to {high:g}")
    for kind, colour in (("matched", AFTER), ("missed", ALERT), ("false", FALSE)):
        count = np.array([entry[kind] for entry in scores["by_size"]])
        right.bar(names, count, bottom=bottom, color=colour, label=kind)
        bottom += count
    for place, entry in enumerate(scores["by_size"]):
        if bottom[place]:
            right.text(place, bottom[place], f"F1 {entry['f1']:.2f}", ha="center", va="bottom")
    right.set(xlabel="diameter / nm", ylabel="particles")
    right.yaxis.get_major_locator().set_params(integer=True)
    right.set_ylim(0, 1.08 * max(bottom.max(), 1))
    right.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    save(figure, path)


def paired(path, scores: dict, differences: dict, classes) -> None:
    """Draw the differences of two on the same images: each image, their mean and interval.

    Parameters
    ----------
    path : path
    scores : dict
        Of each class and measure: ``difference`` with ``mean`` and ``ci95``.
    differences : dict
        Of each class and measure: the difference in every image.
    classes : list of PhaseClass
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


_MEASURES = {"dsc": "DSC", "iou": "IoU"} | {f"rhd{p}_nm": f"RHD {p}" for p in PERCENTILES}
