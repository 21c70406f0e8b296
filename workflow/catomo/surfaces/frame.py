"""The frame: where the data end, which is not where the specimen ends.

The frame cuts bodies. What it adds or hides is taken out of the numbers: the faces that it
makes are no surface, and small bodies are whole more often than large ones, so whole ones get
weights (Miles and Lantuéjoul). Slices that were not recorded are outside of the frame, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MOST_PLACES = 100_000  # of places on the support that stand for all of them


@dataclass(frozen=True)
class Frame:
    """The part of the volume that was recorded: all of it but for some slices along y.

    Attributes
    ----------
    shape : (int, int, int)
        Shape of the volume (y, z, x).
    first, last : ndarray of int64, (slices,)
        For each slice, the first and the last slice of the unbroken run that it lies in.
    recorded : ndarray of bool, (slices,)
    """

    shape: tuple[int, ...]
    first: np.ndarray
    last: np.ndarray
    recorded: np.ndarray

    @classmethod
    def of(cls, shape: tuple[int, ...], recorded: np.ndarray | None = None) -> Frame:
        """Return the frame of a volume.

        Parameters
        ----------
        shape : (int, int, int)
        recorded : ndarray of bool, (slices,), optional
            Whether each slice along y was recorded; by default all were.
        """
        known = np.ones(shape[0], bool) if recorded is None else np.asarray(recorded, bool)
        if known.shape != shape[:1]:
            raise ValueError(f"recorded has the shape {known.shape}, expected {shape[:1]}")
        first, last = np.arange(shape[0]), np.arange(shape[0])
        for run in _runs(known):
            first[run], last[run] = run.start, run.stop - 1
        return cls(shape, first, last, known)

    def runs(self) -> list[slice]:
        """Return the unbroken runs of recorded slices."""
        return _runs(self.recorded)

    def neighbours(self, voxels: np.ndarray, step: tuple[int, ...]) -> np.ndarray:
        """Return the voxels one step away; beyond the frame, where its mirror would show them."""
        moved = voxels + np.array(step)
        slices = voxels[:, 0]
        np.clip(moved[:, 0], self.first[slices], self.last[slices], out=moved[:, 0])
        for axis in (1, 2):
            np.clip(moved[:, axis], 0, self.shape[axis] - 1, out=moved[:, axis])
        return moved

    def cut_axes(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return along how many axes the frame cuts boxes of voxels, given by their corners."""
        ends = np.array(self.shape[1:]) - 1
        across = (low[:, 1:] == 0) | (high[:, 1:] == ends)
        slices = low[:, 0]
        along = (slices == self.first[slices]) | (high[:, 0] == self.last[slices])
        return across.sum(axis=1) + along

    def holds(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return which boxes of voxels lie in the frame with a voxel to spare on each side."""
        ends = np.array(self.shape[1:]) - 1
        inside = ((low[:, 1:] > 0) & (high[:, 1:] < ends)).all(axis=1)
        middle = ((low + high)[:, 0] // 2).clip(0, self.shape[0] - 1)
        return inside & (low[:, 0] > self.first[middle]) & (high[:, 0] < self.last[middle])

    def ends(self, voxels: np.ndarray) -> np.ndarray:
        """Return which voxels (n, 3) lie at the end of the frame."""
        return self.cut_axes(voxels, voxels) > 0

    def weights(
        self, boxes: tuple[np.ndarray, np.ndarray], centres: np.ndarray, places: np.ndarray | None
    ) -> np.ndarray:
        """Return one over the chance that a body, wherever it had been, would be whole.

        Parameters
        ----------
        boxes : (ndarray, ndarray), each (bodies, 3)
            Lowest and highest corner of each body.
        centres : ndarray, (bodies, 3)
        places : ndarray, (places, 3), or None
            Where bodies may be (points on the support); None for everywhere.

        Returns
        -------
        ndarray of float64, (bodies,)
            Infinite where a body fits nowhere.
        """
        before, after = centres - boxes[0], boxes[1] - centres
        # Without loss to the frame a body has a voxel to spare on either side.
        chance = np.empty(len(centres))
        if places is None:
            long = (boxes[1] - boxes[0])[:, 0] + 2
            chance[:] = 0
            for run in self.runs():
                chance += np.maximum(run.stop - run.start - long, 0)
            chance /= max(int(self.recorded.sum()), 1)
            for axis in (1, 2):
                spare = self.shape[axis] - 1 - (boxes[1] - boxes[0] + 1)[:, axis]
                chance *= np.maximum(spare, 0) / self.shape[axis]
        else:
            places = places[:: -(-len(places) // _MOST_PLACES)]
            room_before, room_after = places.copy(), np.array(self.shape) - 1 - places
            room_before[:, 0] = places[:, 0] - self.first[places[:, 0]]
            room_after[:, 0] = self.last[places[:, 0]] - places[:, 0]
            for number, (one, other) in enumerate(zip(before, after, strict=True)):
                fits = (room_before >= one + 1) & (room_after >= other + 1)
                chance[number] = max(int(fits.all(axis=1).sum()), 1) / len(places)
        with np.errstate(divide="ignore"):
            return 1 / chance


def _runs(recorded: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], recorded.astype(np.int8), [0]])))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
