"""Which files of a person's folder count; needs nothing but the standard library."""

from __future__ import annotations

from pathlib import Path

TIFF = (".tif", ".tiff")
LABELS = (*TIFF, ".png")  # of a person's label files


def is_hidden(path: Path) -> bool:
    """Return whether a name in a path, relative to a person's folder, begins with a dot.

    Operating systems put such files there: ``.DS_Store``, ``._slice_0001.tif``.
    """
    return any(part.startswith(".") for part in path.parts)


def files_in(folder: Path | str, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """Return the paths in a folder that are not hidden, sorted by name.

    Parameters
    ----------
    folder : path
    suffixes : tuple of str
        Return only files with these suffixes (lower case, with the dot); empty returns all.
    """
    return sorted(
        path
        for path in Path(folder).iterdir()
        if not is_hidden(Path(path.name)) and (not suffixes or path.suffix.lower() in suffixes)
    )
