"""Whether another user has run the workflow in this folder, which Snakemake cannot share."""

from __future__ import annotations

import os
from pathlib import Path

_NOTES = Path(".snakemake") / "metadata"


def problem_of_other_user(notes: Path = _NOTES) -> str:
    """Return one line if Snakemake's notes on this folder are another user's; else nothing.

    Snakemake writes them so that their owner alone can read them, and ends with a traceback for
    anyone else.
    """
    try:
        with os.scandir(notes) as entries:
            closed = next((e for e in entries if not os.access(e.path, os.R_OK)), None)
    except OSError:
        return ""
    if closed is None:
        return ""
    owner = _name_of(closed.stat().st_uid)
    return (
        f"{notes}: belongs to {owner}, and Snakemake lets nobody else read it; run snakemake as "
        f"{owner}, or copy the folder without .snakemake, which plans nothing anew, and run there"
    )


def _name_of(uid: int) -> str:
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"
