"""Hashes that tell whether a file has changed; only the standard library is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from catomo.files.folders import LABELS, files_in, is_hidden, split_member


def sha256_of(path: Path | str) -> str:
    """Return the sha256 of a file's bytes as hexadecimal text."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path | str) -> str:
    """Return a short text that changes when a raw input file, or folder of files, changes.

    Of every file its size and its first and last MiB are hashed. That is enough to notice
    another file, and quick enough to compute for a large series at every start of the
    workflow. Hidden files of a folder are left out because no stage reads them.
    """
    path, _ = split_member(path)
    return _digest(path, (p for p in path.rglob("*") if not is_hidden(p.relative_to(path))))


def fingerprint_of_labels(path: Path | str) -> str:
    """Return the fingerprint of a person's labels; in a folder only the label files count."""
    path, _ = split_member(path)
    return _digest(path, files_in(path, LABELS) if path.is_dir() else [])


def fingerprint_of_series(path: Path | str) -> str:
    """Return the fingerprints of a tilt series and of the angle files of its name beside it.

    A ``.rawtlt``, ``.tlt`` or ``.mdoc`` file beside a series may hold its angles, so a change
    of that file counts as a change of the series.
    """
    path, _ = split_member(path)
    beside = path.parent.glob(f"{path.stem}*") if path.is_file() else []
    angles = [p for p in beside if p != path and p.suffix.lower() in (".rawtlt", ".tlt", ".mdoc")]
    return " ".join(fingerprint(p) for p in [path, *sorted(angles)])


def _digest(path: Path, inside: Iterable[Path]) -> str:
    """Return the hash of a file, or of the files `inside` a folder."""
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
