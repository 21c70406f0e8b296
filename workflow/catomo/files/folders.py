"""Which files of a person's folder count; needs nothing but the standard library."""

from __future__ import annotations

from pathlib import Path

from catomo.files.names import in_natural_order

TIFF = (".tif", ".tiff")
_OF_EXPLORER = ("thumbs.db", "desktop.ini", "ehthumbs.db")
LABELS = (*TIFF, ".png")  # of a person's label files


def is_hidden(path: Path) -> bool:
    """Return whether a path, relative to a person's folder, is one that systems put there.

    These are names that begin with a dot (``.DS_Store``, ``._slice_0001.tif``) and the files of
    Windows Explorer.
    """
    return any(part.startswith(".") or part.lower() in _OF_EXPLORER for part in path.parts)


def files_in(folder: Path | str, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """Return the paths in a folder that are not hidden, in the order of the numbers in their names.

    Parameters
    ----------
    folder : path
    suffixes : tuple of str
        Return only files with these suffixes (lower case, with the dot); empty returns all.
    """
    paths = {
        path.name: path
        for path in Path(folder).iterdir()
        if not is_hidden(Path(path.name)) and (not suffixes or path.suffix.lower() in suffixes)
    }
    return [paths[name] for name in in_natural_order(paths)]


def exists(path: Path) -> bool:
    """Return whether a path exists; one that cannot even be looked up does not."""
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def is_zarr(path: Path) -> bool:
    """Return whether a path is a folder that holds a Zarr array or group, not loose images."""
    return any((path / name).is_file() for name in (".zarray", ".zgroup", "zarr.json"))


def split_member(path: Path | str) -> tuple[Path, str]:
    """Return a file, and the name of what is meant inside it: ``volume.h5:/path/in/file``.

    The name is empty where the whole file is meant.
    """
    whole = Path(path)
    if not exists(whole):
        file, _, member = str(path).rpartition(":")
        if member and exists(Path(file)) and Path(file).is_file():
            return Path(file), member
    return whole, ""
