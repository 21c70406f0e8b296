"""Give a door made-up bytes for some minutes, and count what it does wrong.

``python -m fuzz.run TARGET --minutes 30`` prints one line of JSON. Atheris (Google's fuzzer for
Python) changes the inputs so that ever more lines of catomo are reached. The fuzzing itself runs
in a process of its own: a library that ends it counts as a crash, and the fuzzing goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

_LONGEST_INPUT = 1 << 16
_LIBFUZZER_SECONDS = 60  # after which it ends a hang; what is over 10 s counts as one
_MOST_RESIDENT_MB = 6000


def main() -> None:
    """Run one target, or the part of it that is a process of its own."""
    from fuzz.doors import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--found", type=Path, default=Path("build/fuzz"), help="for its findings")
    options = parser.parse_args()
    found = (options.found / options.target).resolve()
    found.mkdir(parents=True, exist_ok=True)
    result = fuzz(options.target, options.minutes, found)
    print(json.dumps(result), flush=True)
    sys.exit(bool(result["faults"] or result["error"]))


def fuzz(target: str, minutes: float, found: Path) -> dict[str, object]:
    """Fuzz a target and return what came of it.

    Parameters
    ----------
    target : str
    minutes : float
    found : path
        Folder for the inputs that do something wrong, and for the corpus as it grows.
    """
    start = time.monotonic()
    executions, largest, error = 0, [0, 0], ""
    faults: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_in_memory()) as name:
        folder = Path(name)
        _write_seeds(target, folder)
        while not error and (left := 60 * minutes - (time.monotonic() - start)) > 1:
            ended, seen = _fuzz_once(target, left, folder, found)
            executions += seen["executions"]
            faults.update(seen["faults"])
            faults.update(ended)
            largest = max(largest, seen["largest"])
            if not seen["executions"]:
                error = f"no input was tried; see {found / 'log.txt'}"
    minutes_needed = round((time.monotonic() - start) / 60, 1)

    def count(*kinds: str) -> int:
        return sum(number for kind, number in faults.items() if kind.startswith(kinds))

    return {
        "target": target,
        "minutes": minutes_needed,
        "executions": executions,
        "crashes": count("crash"),
        "hangs": count("hang", "timeout"),
        "too_much_memory": count("memory", "oom"),
        "largest_allocation_bytes": largest[0],
        "its_header_states_bytes": largest[1],
        "faults": dict(faults),
        "error": error,
    }


def _write_seeds(target: str, folder: Path) -> None:
    from fuzz.seeds import seeds

    (folder / "seeds").mkdir()
    inputs = seeds(target, folder)
    mended = Path(__file__).with_name("found") / target
    inputs |= {path.name: path.read_bytes() for path in mended.glob("*")}
    for name, content in inputs.items():
        (folder / "seeds" / name.replace(" ", "_")).write_bytes(content)


def _fuzz_once(
    target: str, seconds: float, folder: Path, found: Path
) -> tuple[list[str], dict[str, Any]]:
    """Run the process that fuzzes; return how it ended, if not well, and its counts."""
    before = set(found.glob("*-*"))
    (found / "corpus").mkdir(exist_ok=True)
    (folder / "stats.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "fuzz.child", target, str(folder), str(found)]
    command += [
        f"-max_total_time={seconds:.0f}",
        f"-timeout={_LIBFUZZER_SECONDS}",
        f"-rss_limit_mb={_MOST_RESIDENT_MB}",
        f"-max_len={_LONGEST_INPUT}",
        f"-artifact_prefix={found}/",
        str(found / "corpus"),
        str(folder / "seeds"),
    ]
    with open(found / "log.txt", "a") as log:
        subprocess.run(command, stdout=log, stderr=log, check=False)
    kinds = [path.name.partition("-")[0] for path in set(found.glob("*-*")) - before]
    ended = [f"{kind}: process ended" for kind in kinds if kind in ("crash", "timeout", "oom")]
    stats = folder / "stats.json"
    seen = {"executions": 0, "faults": {}, "largest": [0, 0]}
    return ended, json.loads(stats.read_text()) if stats.exists() else seen


def _in_memory() -> str | None:
    """Return a folder in memory, where the system has one: files are written all the time."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    main()
