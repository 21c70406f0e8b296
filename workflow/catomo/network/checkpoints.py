"""Checkpoints of a long training, so that a kill in the middle costs minutes, not hours.

A checkpoint lies in a hidden folder of the stage. Its name is the hash of everything the result
depends on (images, labels, settings, code, versions), so that of another training is never read.
It is written under another name first and then renamed: a file of that name is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catomo.progress import say


def key_of(facts: dict[str, Any], arrays: Iterable[np.ndarray]) -> str:
    """Return the hash of what a result depends on.

    Parameters
    ----------
    facts : dict
        Anything that JSON can hold: settings, code, versions.
    arrays : iterable of ndarray
        Images and masks, in order.

    Returns
    -------
    str
        A sha256 in hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class Checkpoint:
    """The checkpoint of one training; files of other trainings in the folder are removed.

    Parameters
    ----------
    folder : path
        Holds nothing but checkpoints.
    key : str
        Hash of what the training depends on, see `key_of`.
    """

    def __init__(self, folder: Path | str, key: str):
        self._folder = Path(folder)
        self._path = self._folder / f"{key}.npz"
        others = [path for path in self._folder.glob("*") if path != self._path]
        for other in others:
            if other.is_dir() and not other.is_symlink():
                shutil.rmtree(other)
            else:
                other.unlink()
        if any(other.suffix == self._path.suffix for other in others):
            say(
                "the checkpoint that lay there is of another training (other data, settings, "
                "versions or kind of device); training starts from the beginning"
            )

    def save(self, arrays: Sequence[Any], notes: dict[str, Any]) -> None:
        """Replace what was saved before.

        Parameters
        ----------
        arrays : sequence of ndarray or of a network's variables
        notes : dict
            Anything that JSON can hold.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with open(partial, "wb") as file:
            named = {f"array_{number}": array for number, array in enumerate(arrays)}
            np.savez(file, notes=json.dumps(notes), **named)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)

    def load(self) -> tuple[list[np.ndarray], dict[str, Any]] | None:
        """Return the arrays and notes saved last; None if there are none or the file is damaged."""
        try:
            with np.load(self._path) as file:
                arrays = [file[f"array_{number}"] for number in range(len(file.files) - 1)]
                return arrays, json.loads(str(file["notes"]))
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError):
            say(
                f"{self._path.name}: this checkpoint is damaged; training starts from the beginning"
            )
            return None

    def remove(self) -> None:
        """Delete the folder, once the result is written."""
        shutil.rmtree(self._folder, ignore_errors=True)
