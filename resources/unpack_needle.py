"""Take the real needle series out of the etspy wheel and check it against test_data.tsv."""

import csv
import hashlib
import sys
import zipfile
from pathlib import Path

wheels, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
with open(Path(__file__).with_name("test_data.tsv"), newline="") as table:
    expected = {row["file"]: row["sha256"] for row in csv.DictReader(table, delimiter="\t")}
with zipfile.ZipFile(next(wheels.glob("etspy-*.whl"))) as wheel:
    for name, sha256 in expected.items():
        data = wheel.read(f"etspy/tests/test_data/{name}")
        if hashlib.sha256(data).hexdigest() != sha256:
            sys.exit(f"{name}: content differs from resources/test_data.tsv")
        (target / name).write_bytes(data)
