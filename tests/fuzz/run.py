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
from pathlib import Path

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
    print(json.dumps(fuzz(options.target, options.minutes, found)), flush=True)


def fuzz(target: str, minutes: float, found: Path) -> dict[str, object]:
    """Fuzz a target and return what came of it.

    Parameters
    ----------
    target : str
    minutes : float
    found : path
        Folder for the inputs that do something wrong, and for the corpus as it grows.
    """
    from fuzz.seeds import seeds

    (found / "corpus").mkdir(exist_ok=True)
    start = time.monotonic()
    total: dict[str, object] = {"target": target, "minutes": 0.0, "executions": 0}
    faults: dict[str, int] = {}
    largest: list[int] = [0, 0]
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_in_memory()) as folder:
        seed_folder, stats = Path(folder, "seeds"), Path(folder, "stats.json")
        seed_folder.mkdir()
        inputs = seeds(target, Path(folder))
        mended = Path(__file__).with_name("found") / target
        inputs |= {path.name: path.read_bytes() for path in mended.glob("*")}
        for name, content in inputs.items():
            (seed_folder / name.replace(" ", "_")).write_bytes(content)
        while (left := 60 * minutes - (time.monotonic() - start)) > 1:
            before = set(found.glob("*-*"))
            stats.unlink(missing_ok=True)
            command = [sys.executable, "-m", "fuzz.child", target, folder, str(found)]
            command += [
                f"-max_total_time={left:.0f}",
                f"-timeout={_LIBFUZZER_SECONDS}",
                f"-rss_limit_mb={_MOST_RESIDENT_MB}",
                f"-max_len={_LONGEST_INPUT}",
                f"-artifact_prefix={found}/",
                "-print_final_stats=1",
                str(found / "corpus"),
                str(seed_folder),
            ]
            with open(found / "log.txt", "a") as log:
                code = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
            seen = json.loads(stats.read_text()) if stats.exists() else {"executions": 0}
            total["executions"] += seen["executions"]
            for kind, count in seen.get("faults", {}).items():
                faults[kind] = faults.get(kind, 0) + count
            largest = max(largest, seen.get("largest", [0, 0]))
            for path in set(found.glob("*-*")) - before:
                kind = path.name.partition("-")[0]
                if kind in ("crash", "timeout", "oom"):
                    faults[f"{kind}: process ended"] = faults.get(f"{kind}: process ended", 0) + 1
            if code and not seen["executions"]:
                total["error"] = f"the process ended with {code}; see {found / 'log.txt'}"
                break
    total["minutes"] = round((time.monotonic() - start) / 60, 1)

    def count(*kinds: str) -> int:
        return sum(n for name, n in faults.items() if name.startswith(kinds))

    return total | {
        "crashes": count("crash"),
        "hangs": count("hang", "timeout"),
        "too_much_memory": count("memory", "oom"),
        "largest_allocation_bytes": largest[0],
        "its_header_states_bytes": largest[1],
        "faults": faults,
    }


def _in_memory() -> str | None:
    """Return a folder in memory, where the system has one: files are written all the time."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    main()
