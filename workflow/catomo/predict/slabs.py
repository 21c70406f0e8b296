"""Finished slabs of a stack on disk, from which a run goes on after a kill.

Slabs lie in a hidden folder of the stage. Its name is the hash of everything they depend on, so
a slab of another run is never used. A slab is written under another name first and then
renamed: a file of that name is complete. Other threads may read slabs while more are made.
"""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from catomo.progress import say


class Slabs:
    """The slabs of one run, numbered from 0.

    Use it as a context: an error in the block ends all waiting in `pages`.

    Parameters
    ----------
    folder : path
        Holds nothing but slabs; those of other keys are removed.
    key : str
        Hash of what the slabs depend on, as `catomo.network.checkpoints.key_of` makes it.
    count : int
        How many slabs there will be.

    Attributes
    ----------
    missing : list of int
        Numbers of the slabs that had not been made at the start.
    """

    def __init__(self, folder: Path | str, key: str, count: int):
        self._root = Path(folder)
        self._folder = self._root / key
        self._count = count
        others = [path for path in self._root.glob("*") if path != self._folder]
        for other in others:
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other)
            else:
                other.unlink()
        if others:
            say(
                "the slices that were labelled before a kill are of another prediction (another "
                "model, other settings, versions or kind of device); it starts from the beginning"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ready = {number for number in range(count) if _is_whole(self._path(number))}
        self.missing = [number for number in range(count) if number not in self._ready]
        self._news = threading.Condition()
        self._given_up = False

    def save(self, number: int, arrays: dict[str, np.ndarray]) -> None:
        """Write a slab: arrays by name, with slices along their first axis."""
        unfinished = self._path(number).with_suffix(".partial")
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            for name, array in arrays.items():
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        unfinished.replace(self._path(number))
        with self._news:
            self._ready.add(number)
            self._news.notify_all()

    def pages(self, name: str) -> Iterator[np.ndarray]:
        """Yield the slices of one array in order, waiting for those still to be made."""
        for number in range(self._count):
            with self._news:
                self._news.wait_for(partial(self._is_over, number))
                if number not in self._ready:
                    return
            with np.load(self._path(number)) as file:
                yield from file[name]

    def remove(self) -> None:
        """Delete all slabs, once the result is written."""
        shutil.rmtree(self._root, ignore_errors=True)

    def __enter__(self) -> Slabs:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind:
            with self._news:
                self._given_up = True
                self._news.notify_all()

    def _is_over(self, number: int) -> bool:
        """Return whether there is nothing to wait for: the slab is ready, or an error ended all."""
        return number in self._ready or self._given_up

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def _is_whole(path: Path) -> bool:
    """Return whether a slab exists and is undamaged; a power cut may damage it."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
