"""Hashes that tell whether a file has changed; only the standard library is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from catomo.files.folders import LABELS, files_in, is_hidden, is_zarr, split_member
from catomo.files.ome import files_of_set
from catomo.record.remembered import read_sha256, sha256_of_files


def sha256_of(path: Path | str) -> str:
    """Return the sha256 of a file's bytes as hexadecimal text."""
    return read_sha256([Path(path)])[0]


def fingerprint(path: Path | str) -> str:
    """Return a short text that changes when a raw input file, or folder of files, changes.

    Every byte of every file counts, also of the other files of an OME-TIFF set. Hidden files of a
    folder are left out because no stage reads them; only those of Zarr are part of the format.
    """
    path, _ = split_member(path)
    all_count = is_zarr(path)
    inside = (p for p in path.rglob("*") if all_count or not is_hidden(p.relative_to(path)))
    return _digest(path, inside)


def fingerprint_of_labels(path: Path | str) -> str:
    """Return the fingerprint of a person's labels; in a folder only the label files count."""
    path, _ = split_member(path)
    return _digest(path, files_in(path, LABELS) if path.is_dir() else [])


def _digest(path: Path, inside: Iterable[Path]) -> str:
    """Return the hash of a file with the others of its set, or of the files `inside` a folder."""
    if path.is_dir():
        files = sorted(p for p in inside if p.is_file())
        names = [p.relative_to(path).as_posix() for p in files]
    else:
        files = [path, *files_of_set(path)]
        names = [file.name for file in files]
    digest = hashlib.sha256()
    for name, content in zip(names, sha256_of_files(files), strict=True):
        digest.update(f"{name}\0{content}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()
