"""The cells of `train.py` as a Markdown table, and as figures a machine can read.

In the figures cells that differ in their seed alone are one side: the DSC of an image is the
mean over the seeds, `dsc` and `ci95` are its mean over the images and the half width of the 95 %
interval (Student's t; `seeds` tells how many, and `seed_dsc` is the mean of each). `dsc` is of
one view, `dsc_flips` of four; `over_thresholds` is how much the latter lies above the
thresholds, image by image. CPU-minutes are means over the seeds.

- `<split>.<recipe>`: the side of the default settings, or the first one of a recipe; further
  ones are `<recipe>/<what differs>`. The recipe `published` is called `reference` here.
- `blocked.{copy_nearest,thresholds}`: the two baselines, from the cell `baselines/blocked`.
- `label_efficiency.<n>`: `pt` after learning from n patches, mean over the choices of patches;
  `pt_pretrained` the same beginning with a model (`/start=`).
- `ceiling.<split>`, `speed.<precision>.<filters>`: as in the table.
"""

from __future__ import annotations

import numpy as np

from catomo.evaluate.intervals import mean_ci

CLASSES = ("alumina", "pt")
_NAMES = {"published": "reference"}


def table(lines: list[dict]) -> str:
    """Return what the cells found as Markdown."""
    rows = ["| cell | CPU-min | wall-min | alumina DSC | Pt DSC | Pt, 4 flips | Pt - thresholds |"]
    rows.append("| --- |" + " ---: |" * 6)
    speeds = ["| cell | train CPU-s | wall-s | forward | wall-s | augment | wall-s | memory (GB) |"]
    speeds.append("| --- |" + " ---: |" * 7)
    for line in lines:
        if "train_cpu_s" in line:
            words = ("train", "forward", "augment")
            times = [line[f"{w}_{c}_s"] for w in words for c in ("cpu", "wall")]
            cells = [f"{t:.3f}" for t in times] + [f"{line['peak_memory_gb']:.2f}"]
            speeds.append(f"| {line['cell']} | {' | '.join(cells)} |")
            continue
        for name, side in _sides(line):
            cells = [f"{side[w]:.1f}" if w in side else "" for w in ("cpu_min", "wall_min")]
            cells += [_mean(side["dsc"][c]) for c in CLASSES]
            if "dsc_flips" in side:
                gain = np.subtract(side["dsc_flips"]["pt"], side["dsc_thresholds"]["pt"])
                cells += [_mean(side["dsc_flips"]["pt"]), _mean(gain, "+.3f")]
            rows.append(f"| {name} | {' | '.join(cells)}{' | |' if len(cells) < 6 else ''} |")
    return "\n".join([*rows, "", *speeds])


def figures(lines: list[dict]) -> dict:
    """Return the figures by their fixed keys, nested; see the head of this file."""
    found: dict = {}
    sides: dict[tuple, list[dict]] = {}
    efficiency: dict[tuple, list[float]] = {}
    usual: dict[bool, str] = {}
    for line in lines:
        kind, split, *words = line["cell"].partition("/start=")[0].split("/")
        began = "/start=" in line["cell"]
        patches = [word for word in words if word.startswith("patches")]
        changes = "/".join(word for word in words[1:] if word not in patches)
        if kind == "speed":
            times = {k: v for k, v in line.items() if k.endswith("_s") or k == "peak_memory_gb"}
            found.setdefault("speed", {}).setdefault(split, {})[words[0]] = times
        elif kind == "ceiling":
            found.setdefault("ceiling", {})[split] = _side([line])
        elif kind == "baselines":
            for name, side in line["sides"].items():
                found.setdefault(split, {})[name] = _side([side])
        elif patches and split == "blocked" and kind == "compact":
            count = patches[0].removeprefix("patches").partition(".")[0]
            place = count if usual.setdefault(began, changes) == changes else f"{count}/{changes}"
            pt = float(np.nanmean(line["dsc"]["pt"]))
            efficiency.setdefault((place, began), []).append(pt)
        else:
            changes = "/".join([*words[1:], "pretrained"] if began else words[1:])
            sides.setdefault((split, kind, changes), []).append(line)
    for (split, kind, changes), group in sides.items():
        block, name = found.setdefault(split, {}), _NAMES.get(kind, kind)
        block[f"{name}/{changes}" if name in block else name] = {
            **_side(group),
            "changes": changes,
            "seeds": len(group),
        }
    for (place, began), values in efficiency.items():
        entry = found.setdefault("label_efficiency", {}).setdefault(place, {})
        word = "pt_pretrained" if began else "pt"
        entry |= {word: float(np.mean(values)), f"{word}_choices": values}
    if lines:
        found["versions"] = lines[-1]["versions"]
    return found


def _sides(line: dict) -> list[tuple[str, dict]]:
    """Return the rows of a cell: itself, or each of the baselines in it."""
    if "sides" not in line:
        return [(line["cell"], line)]
    return [(f"{line['cell']}: {name}", side) for name, side in line["sides"].items()]


def _side(group: list[dict]) -> dict:
    """Return the figures of one side from the cells of its seeds."""
    result: dict = {}
    for view in ("dsc", "dsc_flips"):
        for name in CLASSES if view in group[0] else ():
            each = np.array([line[view][name] for line in group], float)
            mean = mean_ci(each.mean(axis=0), "student")
            entry = result.setdefault(name, {})
            entry |= {view: float(mean["mean"]), view.replace("dsc", "ci95"): float(mean["ci95"])}
            if view == "dsc":
                entry["seed_dsc"] = np.nanmean(each, axis=1).tolist()
    if "dsc_thresholds" in group[0]:
        for name in CLASSES:
            pairs = [
                np.subtract(line["dsc_flips"][name], line["dsc_thresholds"][name]) for line in group
            ]
            gain = mean_ci(np.mean(pairs, axis=0), "student")
            result[name]["over_thresholds"] = {w: float(gain[w]) for w in ("mean", "low", "high")}
    if "cpu_min" in group[0]:
        result["cpu_minutes"] = float(np.mean([line["cpu_min"] for line in group]))
    return result


def _mean(values, style: str = ".4f") -> str:
    """Return the mean with its 95 % interval (Student's t), images without the class left out."""
    found = mean_ci(values, "student")
    return f"{found['mean']:{style}} ± {found['ci95']:.3f}"
