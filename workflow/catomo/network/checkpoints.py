"""What a long training leaves on disk, so that a kill in the middle costs minutes, not hours.

A checkpoint lies in a hidden folder of the stage and bears the hash of everything the result
depends on (images, labels, settings, code, versions): one of another training is never read.
It is written under another name first, so a file that has its name is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np

from catomo.progress import say


def key_of(facts: dict, arrays) -> str:
    """Return the hash of what a training depends on.

    Parameters
    ----------
    facts : dict
        Whatever can be JSON: settings, code, versions.
    arrays : iterable of ndarray
        Images and masks, in order.
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
        See `key_of`.
    """

    def __init__(self, folder, key: str):
        self._folder = Path(folder)
        self._path = self._folder / f"{key}.npz"
        for other in self._folder.glob("*"):
            if other != self._path:
                other.unlink()

    def save(self, arrays: list, notes: dict) -> None:
        """Replace what was saved before by `arrays` and `notes` (whatever can be JSON).

        The arrays may be variables of a network: they are copied one by one.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with open(partial, "wb") as file:
            named = {f"array_{number}": array for number, array in enumerate(arrays)}
            np.savez(file, notes=json.dumps(notes), **named)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self._path)

    def load(self) -> tuple[list[np.ndarray], dict] | None:
        """Return what was saved last; None if there is nothing, or a damaged file."""
        try:
            with np.load(self._path) as file:
                arrays = [file[f"array_{number}"] for number in range(len(file.files) - 1)]
                return arrays, json.loads(str(file["notes"]))
        except FileNotFoundError:
            return None
        except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError):
            say(f"{self._path.name}: this checkpoint is damaged; training starts anew")
            return None

    def remove(self) -> None:
        """Delete the folder: the result is safe."""
        shutil.rmtree(self._folder, ignore_errors=True)
