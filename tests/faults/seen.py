"""What comes of a fault: what was said, and whether a rerun makes whole results again."""

from __future__ import annotations

from dataclasses import dataclass, field

from faults.place import RECORDS, Place, followers


class Skipped(Exception):
    """A fault that cannot be done on this machine."""


@dataclass
class Seen:
    """What came of a fault.

    Attributes
    ----------
    line : str
        The one line that told of it.
    faults : list of str
        What should not have happened: ``stale``, ``falsely whole``, ``other bytes``, …
    """

    line: str = ""
    faults: list[str] = field(default_factory=list)

    def check(self, is_right: bool, fault: str) -> None:
        """Note a fault."""
        if not is_right:
            self.faults.append(fault)


def line_in(said: str) -> str:
    """Return the line of a failed job, or else of a failed verb, in what was said."""
    lines = [line.strip() for line in said.splitlines()]
    of_jobs = [line for line in lines if line.endswith(".log)") and "(see " in line]
    return (of_jobs or [line for line in lines if line.startswith("catomo ")] or [""])[-1]


def settle(place: Place, seen: Seen, before: dict[str, str], verb: str) -> None:
    """Run again after a fault of a stage; its bytes must be those of before, and all be whole."""
    whole, said = place.verified()
    following = followers(before, verb)
    if not (place.folder / RECORDS[verb]).exists():
        # What has left nothing behind and was used for nothing is unknown to all but the plan.
        has_list = (place.folder / RECORDS[verb]).with_name(f".{verb}.files").exists()
        is_known = has_list or any((place.folder / RECORDS[v]).exists() for v in following)
        seen.check(whole != 0 or not is_known, "falsely whole")
        planned = place.planned()
        seen.check(planned == following, f"stale: planned {sorted(planned)}")
    else:
        seen.check(whole == 0, f"left damaged: {said.strip()[-200:]}")
    status, said = place.snakemake(*place.targets)
    seen.check(status == 0, f"not run again: {line_in(said) or said[-200:]}")
    after = place.hashes()
    other = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    seen.check(not other, f"other bytes: {other[:3]}")
    seen.check(place.verified()[0] == 0, "not whole in the end")
    seen.check(place.planned() == set(), "planned once more")
