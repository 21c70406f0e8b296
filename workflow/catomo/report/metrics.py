"""What the report shows of the stage `evaluate`: its scores as tables, the paper's beside them."""

from __future__ import annotations

from catomo.report.cells import cell


def metrics(record, settings) -> tuple[list[str], list[dict]]:
    """Return the words and the tables of `metrics.json`."""
    words = [record["scope"]]
    words += [
        f"{title}: {record[part]['scope']}."
        for part, title in (("volume", "Volume"), ("particles", "Particles"))
        if part in record
    ]
    present = [phase for phase in settings.classes if phase.name in record["classes"]]
    tables = [
        _score_table(record, present),
        _volume_table(record, present),
        _particle_table(record),
        _confidence_table(record, present),
    ]
    return words, tables


def _score_table(record, classes):
    """Return the paper's Table 1 with its own column beside this run's."""
    header = ["class", "measure", "this run", "± 95 % CI or SE", "median", "n"]
    rows = []
    for phase in classes:
        for measure, words in _OVERLAP.items():
            rows.append(_score_row(record, phase, measure, words, "ci95", 3))
        for percentile in record["classes"][phase.name].get("rhd_nm", ()):
            measure = f"rhd_nm.{percentile}"
            rows.append(_score_row(record, phase, measure, f"RHD {percentile} / nm", "se", 2))
    return {"header": [*header, "thresholds", "paper"], "rows": rows}


_OVERLAP = {"dsc": "DSC", "precision": "precision", "recall": "recall", "iou": "IoU"}


def _score_row(record, phase, measure: str, words: str, error: str, digits: int) -> list[dict]:
    key = f"classes.{phase.name}.{measure}"
    paper = f"paper.{phase.name}.{measure}"
    return [
        {"text": phase.title},
        {"text": words},
        *(cell(record, f"{key}.{part}", digits) for part in ("mean", error, "median")),
        cell(record, f"{key}.n", 0),
        cell(record, f"baseline.thresholds.{phase.name}.{measure}", digits),
        cell(record, f"{paper}.mean", digits, error=f"{paper}.{error}"),
    ]


def _volume_table(record, classes):
    """Return the scores of the whole volume, if its truth is known."""
    if "volume" not in record:
        return {"rows": []}
    percentiles = ("100", "95", "90")
    header = ["class, whole volume", *_OVERLAP.values(), *(f"RHD {p} / nm" for p in percentiles)]
    rows = []
    for phase in classes:
        key = f"volume.classes.{phase.name}"
        row = [cell(record, f"{key}.{score}", 3) for score in _OVERLAP]
        row += [cell(record, f"{key}.rhd_nm.{percentile}", 2) for percentile in percentiles]
        rows.append([{"text": phase.title}, *row])
    return {"header": header, "rows": rows}


def _particle_table(record):
    if "particles" not in record:
        return {"rows": []}
    keys = [("particles", "all")]
    for k, size in enumerate(record["particles"]["by_size"]):
        low, high = size["from_nm"], size["to_nm"]
        words = f"{low:g} to {high:g} nm" if high is not None else f"{low:g} nm and more"
        keys.append((f"particles.by_size.{k}", words))
    counts = {"matched": 0, "missed": 0, "false": 0, "f1": 3}
    rows = []
    for key, words in keys:
        bias = f"{key}.size_bias_nm"
        row = [cell(record, f"{key}.{count}", digits) for count, digits in counts.items()]
        rows.append([{"text": words}, *row, cell(record, f"{bias}.mean", 3, error=f"{bias}.ci95")])
    header = ["particles", "matched", "missed", "false", "F1", "error of the diameter / nm"]
    return {"header": header, "rows": rows}


def _confidence_table(record, classes):
    """Return the calibration error near boundaries and everywhere, as it was beside it."""
    if "confidence" not in record:
        return {"rows": []}
    places = {"near_boundary": "near boundaries", "everywhere": "everywhere"}
    parts = [("all classes", "")] + [(p.title, f".classes.{p.name}") for p in classes]
    rows = []
    for title, part in parts:
        keys = [f"confidence.{place}{part}" for place in places]
        cells = [
            cell(record, f"{key}.{error}", 3)
            for key in keys
            for error in ("ece", "ece_uncalibrated")
        ]
        rows.append([{"text": title}, *cells])
    header = ["calibration error"]
    for words in places.values():
        header += [words, "without temperature"]
    return {"header": header, "rows": rows}
