"""The sha256 of files that a person's data consists of, remembered while a file stays as it is.

A series of many gigabytes is read once, not at every start of the workflow. What is remembered
stands in ``.catomo/hashes.jsonl`` below the folder one works in. It counts only for a file of
the same path, size, times and inode; whatever is damaged or missing there is read from the
file again, so no result depends on it.
"""

# A start looks at thousands of files, and os is several times quicker than pathlib.
# ruff: noqa: PTH100, PTH109, PTH116

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from catomo.errors import UserError
from catomo.progress import progress

_PLACE = Path(".catomo") / "hashes.jsonl"
_BLOCK = 1 << 20
_MOST_SILENT = 512 << 20  # bytes that are read in about a second

# A file that changed this shortly before it was read may change again without another time
# stamp, on systems that count whole seconds or two. It is read again the next time.
_SECONDS_OF_A_STAMP = 3.0

# Lines that are no longer of use, above which the file is written anew.
_MOST_STALE = 1000

# Size, times of content and of the entry in the folder, and inode.
_State = tuple[int, int, int, int]


def sha256_of_files(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 of the whole content of each file; one that is remembered is not read.

    Raises
    ------
    UserError
        If a file cannot be read.
    """
    memory, now = _memory(), time.time()
    try:
        keys = [os.path.abspath(path) for path in paths]
        states = [_state(path) for path in paths]
        digests = {
            key: digest
            for key, state in zip(keys, states, strict=True)
            if (digest := memory.get(key, state))
        }
        unread = [index for index, key in enumerate(keys) if key not in digests]
        read = read_sha256([paths[index] for index in unread])
        for index, digest in zip(unread, read, strict=True):
            digests[keys[index]] = digest
            if _state(paths[index]) == states[index] and _is_old(states[index], now):
                memory.keep(keys[index], states[index], digest)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{error.filename}: cannot be read ({reason})") from None
    memory.write()
    return [digests[key] for key in keys]


def read_sha256(paths: Sequence[Path]) -> list[str]:
    """Return the sha256 of the whole content of each file, read now.

    If there is much to read, standard error says what is read and how long it still takes.
    """
    sizes = [os.stat(path).st_size for path in paths]
    blocks = _digests(paths)
    if sum(sizes) > _MOST_SILENT:
        more = f" and {len(paths) - 1} more files" if len(paths) > 1 else ""
        label = f"read {paths[0]}{more} to see whether they changed, 16 MiB at a time"
        blocks = progress(blocks, label, sum(-(-size // _BLOCK) + 1 for size in sizes))
    return [digest for digest in blocks if digest is not None]


def _digests(paths: Sequence[Path]) -> Iterator[str | None]:
    """Read files; yield None for every block and the sha256 at the end of each file."""
    for path in paths:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                yield None
        yield digest.hexdigest()


def _state(path: Path) -> _State:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _is_old(state: _State, now: float) -> bool:
    """Return whether a file was last changed long enough before it was read."""
    return now - state[2] / 1e9 > _SECONDS_OF_A_STAMP


class _Memory:
    """What stands in one file of remembered hashes.

    Processes add lines at the end at the same time. A line carries a check of its own, so one
    that got torn is not taken.
    """

    def __init__(self, place: Path):
        self.place = place
        self.entries: dict[str, tuple[_State, str]] = {}
        self.added: list[str] = []
        try:
            lines = place.read_bytes().split(b"\n")
        except OSError:
            lines = []
        for line in lines:
            entry = _entry_of(line)
            if entry:
                key, state, digest = entry
                self.entries[key] = state, digest
        if len(lines) > 2 * len(self.entries) + _MOST_STALE:
            self._write_anew()

    def get(self, key: str, state: _State) -> str | None:
        """Return the remembered hash of a file, if it is still as it was."""
        known = self.entries.get(key)
        return known[1] if known and known[0] == state else None

    def keep(self, key: str, state: _State, digest: str) -> None:
        """Remember the hash of a file."""
        self.entries[key] = state, digest
        self.added.append(_line(key, state, digest))

    def write(self) -> None:
        """Add what is new at the end of the file; where that is not allowed, it is left out."""
        if not self.added:
            return
        text = "".join(self.added).encode()
        self.added = []
        try:
            self.place.parent.mkdir(exist_ok=True)
            with open(self.place, "ab", buffering=0) as file:
                # It begins with a line end, in case another process was stopped inside a line.
                file.write(b"\n" + text)
        except OSError:
            pass

    def _write_anew(self) -> None:
        temporary = self.place.with_name(f"{self.place.name}.{os.getpid()}")
        text = "".join(_line(key, *entry) for key, entry in self.entries.items())
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self.place)
        except OSError:
            temporary.unlink(missing_ok=True)


_memories: dict[str, _Memory] = {}


def _memory() -> _Memory:
    """Return what is remembered in the folder one works in; it is read once per process."""
    folder = os.getcwd()
    if folder not in _memories:
        _memories[folder] = _Memory(folder / _PLACE)
    return _memories[folder]


def _line(key: str, state: _State, digest: str) -> str:
    text = json.dumps([key, state, digest])
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _entry_of(line: bytes) -> tuple[str, _State, str] | None:
    """Return path, state and hash in a line; None for a line that is damaged."""
    check, _, text = line.partition(b" ")
    if check != f"{zlib.crc32(text):08x}".encode():
        return None
    try:
        key, (size, changed, entered, inode), digest = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    if not (isinstance(key, str) and isinstance(digest, str)):
        return None
    return key, (size, changed, entered, inode), digest
