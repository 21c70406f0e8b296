"""Do faults on purpose and write a table of what came of each; a run that was stopped goes on.

``python -m faults.run`` does all, ``python -m faults.run --only kill --most 5`` some. Each fault is
done to a copy of whole results of a small phantom, below ``build/faults``. A fault whose name
stands in the table is not done again.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from faults.named import kills, other_faults
from faults.place import copy_of, make_base
from faults.seen import Skipped

COLUMNS = ("fault", "result", "seconds", "line")
# The whole road below a folder with signs that shells and Snakemake act on.
ODD = "it's a {path} with $signs"


def main() -> None:
    """Do the faults that the command line asks for; end with status 1 if one was not stood."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("build/faults"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", default="", help="only faults whose name holds this text")
    parser.add_argument("--most", type=int, default=0, help="end after so many")
    options = parser.parse_args()
    folder = (options.folder / ODD).resolve()
    table = options.folder / "table.tsv"
    table.parent.mkdir(parents=True, exist_ok=True)
    if not table.is_file():
        table.write_text("\t".join(COLUMNS) + "\n")
    done = {line.split("\t")[0] for line in table.read_text().splitlines()}
    groups = [kills(options.kills), other_faults()]
    cases = groups[0] | groups[1]
    # A run that is stopped early has done its part of each group.
    turns = {n: turn / len(group) for group in groups for turn, n in enumerate(group)}
    waiting = sorted((n for n in cases if n not in done and options.only in n), key=turns.get)
    for name in waiting[: options.most or None]:
        kind, last, do = cases[name]
        base = make_base(folder / kind)
        began = time.monotonic()
        with copy_of(base) as place:
            if last:
                place.remove_after(last)
            try:
                seen = do(place)
                result, line = "; ".join(seen.faults) or "recovered", seen.line
            except Skipped as reason:
                result, line = "skipped", str(reason)
        row = (name, result, f"{time.monotonic() - began:.0f}", " ".join(line.split())[:300])
        with table.open("a") as file:
            file.write("\t".join(cell.replace("\t", " ") for cell in row) + "\n")
        print("\t".join(row), flush=True)
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    counts = {kind: sum(row[1] == kind for row in rows) for kind in ("recovered", "skipped")}
    bad = len(rows) - sum(counts.values())
    counted = ", ".join(f"{number} {kind}" for kind, number in counts.items())
    print(f"{len(rows)} faults: {counted}, {bad} not stood")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
