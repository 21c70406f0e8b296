"""Does the accuracy that the ready model foretells hold on phantoms that it has never seen?

    PYTHONPATH=workflow:resources python benchmarks/expected.py FOLDER MODEL.keras
        [--numbers 100 104] [--quick]

The phantoms are drawn like those that taught the model (`resources/ready_model.py`), with other
numbers. The stage `predict` labels their slices and foretells the DSC of each class with its 95 %
interval; beside it stands the DSC of all slices together against the truth. What is in FOLDER is
not made again.
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from ready_model import dataset

from catomo.files.store import read_pages
from catomo.labels.overlap import confusion_matrix
from catomo.predict.settings import Predict
from catomo.predict.stage import predict
from catomo.record.record import read_record


def rows_of(name: str, slices: Path, labels: Path, model: Path) -> list[list[str]]:
    """Return a row for each class: what was foretold and what the truth says."""
    place = slices.parent / "06_predict"
    if not (place / "prediction.json").is_file():
        predict(slices, model, place, Predict())
    record = read_record(place, "predict")
    found, truth = read_pages(record.file("labels.tif")), tifffile.imread(labels)
    matrix = confusion_matrix(truth, found, len(record["classes"]))
    dsc = 2 * np.diagonal(matrix) / (matrix.sum(axis=0) + matrix.sum(axis=1))
    rows = []
    for k, phase in list(enumerate(record["classes"]))[1:]:
        foretold = record["expected_dsc"][phase]
        if foretold is None:
            cells = ["nothing", "–"]
        else:
            low, high = foretold["low"], foretold["high"]
            is_held = "yes" if low <= dsc[k] <= high else "no"
            cells = [f"{foretold['dsc']:.3f} ({low:.3f} to {high:.3f})", is_held]
        rows.append([name, phase, f"{dsc[k]:.3f}", *cells])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--numbers", type=int, nargs=2, default=[100, 104])
    parser.add_argument("--quick", action="store_true", help="one phantom")
    options = parser.parse_args()
    first, last = options.numbers
    print("| phantom | class | DSC | foretold | held |\n| --- | --- | ---: | --- | --- |")
    for number in range(first, first + 1 if options.quick else last + 1):
        of_one = dataset(options.folder / f"phantom{number}", number)
        for row in rows_of(*of_one, options.model):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
