"""Which files of a person's folder count; needs nothing but the standard library."""

from __future__ import annotations

from pathlib import Path

TIFF = (".tif", ".tiff")


def is_hidden(path: Path) -> bool:
    """Return whether a name in a path, relative to a person's folder, begins with a dot.

    Systems put such files there by themselves: ``.DS_Store``, ``._slice_0001.tif``.
    """
    return any(part.startswith(".") for part in path.parts)


def files_in(folder, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """Return what lies in a folder and is not hidden, sorted by name.

    Parameters
    ----------
    folder : path
    suffixes : tuple of str
        Endings to which the files are restricted, in small letters; all without any.
    """
    return sorted(
        path
        for path in Path(folder).iterdir()
        if not is_hidden(Path(path.name)) and (not suffixes or path.suffix.lower() in suffixes)
    )
