"""Whether a temporary file can be written, which Snakemake needs before it starts a job."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from catomo.errors import NO_TEMPORARY

_LEAST_BYTES = 65536  # more than the solver writes that chooses the next jobs


def problem_of_temporary() -> str:
    """Return one line if there is no room for a temporary file; empty if there is.

    Snakemake ends with a traceback then, which does not name the folder.
    """
    # Where its solver writes. If nobody may write there it takes the working directory.
    variable = "TMP" if "TMP" in os.environ else "TMPDIR"
    folder = os.environ.get(variable, "/tmp")
    if not (Path(folder).is_dir() and os.access(folder, os.W_OK)):
        return ""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(_LEAST_BYTES))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return (
            f"{folder}: {NO_TEMPORARY} there ({reason}); make room there, or set {variable} to "
            "another folder"
        )
    return ""
