"""Hashes by which files are told apart; needs nothing but the standard library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from catomo.files.folders import TIFF, files_in, is_hidden


def sha256_of(path) -> str:
    """Return the sha256 of a file's bytes as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path) -> str:
    """Return a short text that changes when a raw input file, or folder of files, changes.

    Size and both ends (1 MiB each) of every file are hashed: enough to notice another
    file, cheap enough to compute at every start of the workflow on a large series. Hidden
    files of a folder do not count, for no stage reads them.
    """
    path = Path(path)
    return _digest(path, (p for p in path.rglob("*") if not is_hidden(p.relative_to(path))))


def fingerprint_of_labels(path) -> str:
    """Return the fingerprint of a person's labels: of a folder, only what is read as labels."""
    path = Path(path)
    return _digest(path, files_in(path, TIFF) if path.is_dir() else [])


def fingerprint_of_series(path) -> str:
    """Return the fingerprint of a tilt series and of the files of its name beside it.

    A ``.rawtlt``, ``.tlt`` or ``.mdoc`` beside a series may hold its angles, so changing
    that file is changing the series.
    """
    path = Path(path)
    beside = path.parent.glob(f"{path.stem}*") if path.is_file() else []
    angles = [p for p in beside if p != path and p.suffix.lower() in (".rawtlt", ".tlt", ".mdoc")]
    return " ".join(fingerprint(p) for p in [path, *sorted(angles)])


def _digest(path: Path, inside: Iterable[Path]) -> str:
    """Return the hash of a file, or of those files of a folder that count."""
    digest = hashlib.sha256()
    files = sorted(p for p in inside if p.is_file()) if path.is_dir() else [path]
    for file in files:
        size = file.stat().st_size
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        digest.update(f"{name}\0{size}\0".encode())
        with open(file, "rb") as stream:
            digest.update(stream.read(1 << 20))
            if size > 1 << 20:
                stream.seek(max(size - (1 << 20), 1 << 20))
                digest.update(stream.read())
    return digest.hexdigest()
