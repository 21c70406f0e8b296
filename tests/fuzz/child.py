"""The process in which Atheris calls a door again and again; `fuzz.run` starts it."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
import tracemalloc
import warnings
from pathlib import Path

import atheris

_SECONDS_BETWEEN_NOTES = 1.0
_WORTH_A_LOOK = 50_000_000  # bytes
_TRACED_EVERY = 50


def main() -> None:
    """Fuzz until libFuzzer's time is up.

    The arguments are target, folder to work in, folder for findings, and libFuzzer's options.
    """
    program, target, folder, found, *options = sys.argv
    with atheris.instrument_imports(include=["catomo", "tifffile"]):
        from fuzz import doors
        from fuzz.contract import outcome_of
        from fuzz.mutate import changed_json

        doors.prepare(target, Path(folder))
    notes = _Notes(Path(folder, "stats.json"), Path(found))
    door = doors.TARGETS[target]
    warnings.simplefilter("ignore")

    def one(data: bytes) -> None:
        try:
            outcome = outcome_of(door, data, Path(folder))
            if outcome.allocated_bytes > _WORTH_A_LOOK or not notes.executions % _TRACED_EVERY:
                tracemalloc.start()  # it makes everything three times slower
                outcome = outcome_of(door, data, Path(folder))
        except Exception as error:
            notes.fault(f"crash: {_place(error)}", data, str(error))
            return
        finally:
            tracemalloc.stop()
        if outcome.hangs:
            notes.fault("hang", data)
        if outcome.is_too_large:
            notes.fault("memory", data)
        notes.count(outcome.allocated_bytes, outcome.stated_bytes)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        # The first byte chooses the door.
        new = changed_json(data[1:], seed) if seed % 2 else None
        return atheris.Mutate(data, most) if new is None else (data[:1] + new)[:most]

    atheris.Setup([program, *options], one, custom_mutator=mutated)
    atheris.Fuzz()


class _Notes:
    """Counts, written to a file from time to time, and inputs that do something wrong."""

    def __init__(self, stats: Path, found: Path):
        self.stats, self.found = stats, found
        self.executions = 0
        self.faults: dict[str, int] = {}
        self.largest = [0, 0]
        self.written = 0.0

    def count(self, allocated: int, stated: int) -> None:
        self.executions += 1
        self.largest = max(self.largest, [allocated, stated])
        if time.monotonic() - self.written > _SECONDS_BETWEEN_NOTES:
            self._write()

    def fault(self, kind: str, data: bytes, words: str = "") -> None:
        if kind not in self.faults:
            name = f"fault-{hashlib.sha256(kind.encode()).hexdigest()[:8]}"
            (self.found / name).write_bytes(data)
            with open(self.found / "faults.txt", "a") as file:
                file.write(f"{name}: {kind} {words[:200]!r}\n")
        self.faults[kind] = self.faults.get(kind, 0) + 1
        self.count(0, 0)

    def _write(self) -> None:
        content = {
            "executions": self.executions,
            "faults": self.faults,
            "largest": self.largest,
        }
        self.stats.write_text(json.dumps(content))
        self.written = time.monotonic()


def _place(error: Exception) -> str:
    """Return the kind of an error and the last three places that it went through."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return f"{type(error).__name__} at {' '.join(places)}"


if __name__ == "__main__":
    main()
