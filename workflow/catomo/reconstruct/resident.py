"""The iteration loop with all arrays on a device: projections, ratios, corrections, and sums.

It is `catomo.projection.iteration.Iteration` for a GPU. Sinograms are copied to the
device once, slices back once; in between nothing leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from catomo.projection.iteration import FLOOR, Watch, inverse_sensitivity, scaled
from catomo.projection.projector import Projector
from catomo.reconstruct import kernels as k
from catomo.reconstruct.kernels import Kernels, Subset
from catomo.reconstruct.method import Method, TiltGeometry
from catomo.reconstruct.stopping import Convergence
from catomo.reconstruct.tilt_sums import Fit, data_sums


class DeviceProjector:
    """The projections of `Kernels` for arrays of the host; a `Projector`.

    Parameters
    ----------
    kernels : Kernels
    subset : Subset, optional
        By default all tilts.
    """

    def __init__(self, kernels: Kernels, subset: Subset | None = None):
        self.kernels, self._subset = kernels, subset or kernels.all
        self.tilt_deg = kernels.tilt_deg[self._subset.first :: self._subset.every]
        self.shape, self.detector, self.centre = kernels.shape, kernels.detector, kernels.centre

    def subset(self, start: int, step: int) -> DeviceProjector:
        """Return the projector of the tilts ``start::step``; not of a subset again."""
        return DeviceProjector(self.kernels, self.kernels.subset(start, step))

    def forward(self, images: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector)."""
        device = self.kernels.device
        with device.stream():
            given = k.fold(device, np.asarray(images, np.float32))
            made = device.empty((len(self._subset), self.detector, given.shape[2]))
            self.kernels.project(given, made, self._subset)
            return _into(out, k.unfold(device, made, np.ones(len(images), np.float32)))

    def backward(self, sinograms: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width)."""
        device = self.kernels.device
        with device.stream():
            given = k.fold(device, np.asarray(sinograms, np.float32))
            made = device.empty((*self.shape, given.shape[2]))
            self.kernels.spread(given, made, self._subset)
            return _into(out, k.unfold(device, made, np.ones(len(sinograms), np.float32)))


@dataclass
class State:
    """Arrays on the device while some slices are reconstructed, in the layout of a loop.

    Attributes
    ----------
    slices : int
        Slices that count; the arrays may hold more.
    measured, work : array
        Sinograms: the data, negative where nothing was measured, and what the loop makes of
        projections.
    floors : array
        Least projected value of each slice that may serve as a divisor.
    images, spare : array
        The slices, and where the next ones are written.
    partial : bool
        Whether a loop whose rules are NumPy's must look for pixels that were not measured.
    """

    slices: int
    measured: Any
    work: Any
    floors: Any
    images: Any
    spare: Any
    partial: bool = False


class DeviceLoop:
    """Iterative reconstruction on a device; call it with sinograms like any `Iteration`.

    Subclasses say how arrays lie in memory and who projects. What is computed together with a
    slice changes none of its bytes.

    Parameters
    ----------
    device : Device
    method : Method
    tilts : int
        Number of tilts.

    Attributes
    ----------
    lanes : int
        Threads that may call the loop at a time.
    """

    lanes = 1

    def __init__(self, device: k.Device, method: Method, tilts: int):
        self.device, self.method = device, method
        count = 1 if method.algorithm == "sirt" else min(method.subsets, tilts)
        self.subsets = [Subset(start, count, tilts) for start in range(count)]

    def __call__(self, sinograms: np.ndarray, watch: Watch | None = None) -> np.ndarray:
        """Reconstruct slices (n, depth, width) from sinograms (n, tilt, detector)."""

        def look(state: State, scales: np.ndarray) -> bool:
            return watch is not None and bool(watch(self._images(state, scales)))

        with self.device.stream():
            state, scales = self._iterated(sinograms, look)
            return self._images(state, scales)

    def converge(self, sinograms: np.ndarray, convergence: Convergence) -> None:
        """Reconstruct slices for the sake of their convergence alone."""
        self(sinograms, convergence)

    def solve(self, sinograms: np.ndarray) -> tuple[np.ndarray, Fit]:
        """Reconstruct slices (n, depth, width), and say how well they explain the data."""
        with self.device.stream():
            state, scales = self._iterated(sinograms, lambda *_: False)
            projected, squares, mass = self._sums(state)
            images = self._images(state, scales)
        scale = scales.astype(np.float64)[:, None]
        total, measured = (np.array(sums) for sums in zip(*map(data_sums, sinograms), strict=True))
        fit = Fit(squares * scale**2, total, measured, projected * scale, mass * scale[:, 0])
        return images, fit

    def _iterated(
        self, sinograms: np.ndarray, look: Callable[[State, np.ndarray], bool]
    ) -> tuple[State, np.ndarray]:
        y, scales, means = scaled(sinograms, self.method.unit)
        state = self._start(y, np.where(means > 0, FLOOR * means, 1).astype(np.float32), means)
        for _ in range(self.method.iterations):
            for number in range(len(self.subsets)):
                self._update(state, number)
                state.images, state.spare = state.spare, state.images
            if look(state, scales):
                break
        return state, scales

    def _start(self, y: np.ndarray, floors: np.ndarray, means: np.ndarray) -> State:
        """Return the arrays before the first iteration, the images flat."""
        raise NotImplementedError

    def _update(self, state: State, number: int) -> None:
        """Set the spare images to the images after an update with a subset."""
        raise NotImplementedError

    def _images(self, state: State, scales: np.ndarray) -> np.ndarray:
        """Return the images (n, depth, width), each times its scale; the spare ones are lost."""
        raise NotImplementedError

    def _sums(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return sums of projections and of squared differences (n, tilt), and of images (n)."""
        raise NotImplementedError


class Resident(DeviceLoop):
    """The loop of backend `cuda`: with `Kernels`, slices the fastest axis.

    Several threads may call it at once, each has a stream of its own then.

    Parameters
    ----------
    kernels : Kernels
    method : Method
    """

    lanes = 2  # one slab is computed while another one is copied

    def __init__(self, kernels: Kernels, method: Method):
        super().__init__(kernels.device, method, len(kernels.tilt_deg))
        self.kernels = kernels
        parts = [DeviceProjector(kernels, subset) for subset in self.subsets]
        self._gains = [self.device.put(inverse_sensitivity(part)) for part in parts]
        self._weights = None
        if method.algorithm == "sirt":
            self._weights = self.device.put(inverse_path(DeviceProjector(kernels)))

    def _start(self, y: np.ndarray, floors: np.ndarray, means: np.ndarray) -> State:
        device, (depth, width) = self.device, self.kernels.shape
        measured = k.fold(device, y)
        filling = (0, measured.shape[2] - len(y))
        return State(
            len(y),
            measured,
            device.empty(measured.shape),
            device.put(np.pad(floors, filling, constant_values=1)),
            k.filled(device, np.pad(means / depth, filling), (depth, width)),
            device.empty((depth, width, measured.shape[2])),
        )

    def _update(self, state: State, number: int) -> None:
        rules = (k.RATIO, k.TIMES) if self._weights is None else (k.DIFFERENCE, k.PLUS)
        subset, gain = self.subsets[number], self._gains[number]
        work = state.work[: len(subset)]
        self.kernels.project(
            state.images,
            work,
            subset,
            rule=rules[0],
            measured=state.measured,
            floors=state.floors,
            weights=self._weights,
        )
        self.kernels.spread(
            work, state.spare, subset, rule=rules[1], images=state.images, gain=gain
        )
        if self.method.tv:
            tv, across = self.method.tv, self.method.across
            k.smooth(
                self.device, state.images, state.spare, state.slices, strength=tv, across=across
            )

    def _images(self, state: State, scales: np.ndarray) -> np.ndarray:
        return k.unfold(self.device, state.images, scales, state.spare)

    def _sums(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self.kernels.project(state.images, state.work)
        projected, left, _ = k.line_sums(self.device, state.work, state.measured)
        rows, _, _ = k.line_sums(self.device, state.images, state.images)
        count = state.slices
        return projected.T[:count], left.T[:count], rows.sum(axis=0)[:count]

    def converge(self, sinograms: np.ndarray, convergence: Convergence) -> None:
        """Reconstruct slices for the sake of their convergence alone, observed here."""
        last: list[Any] = []

        def look(state: State, scales: np.ndarray) -> bool:
            figures = self._figures(state, scales, last[0] if last else None, convergence)
            last[:] = [state.images.copy()]
            return convergence.take(figures)

        with self.device.stream():
            self._iterated(sinograms, look)

    def _figures(
        self, state: State, scales: np.ndarray, last: Any, convergence: Convergence
    ) -> dict[str, float]:
        """Return the figures of `Convergence` after an iteration."""
        self.kernels.project(state.images, state.work)
        filling = (0, state.images.shape[2] - state.slices)
        scale = np.pad(scales.astype(np.float64), filling)
        filled = np.where(scale > 0, scale, 1)
        counts = scale * (convergence.gain or 0.0)
        noise = convergence.read_noise**2
        _, left, _ = k.line_sums(self.device, state.work, state.measured)
        masses, _, total = k.line_sums(self.device, state.measured, state.measured)
        likelihood, chi2, counted = k.poisson_sums(
            self.device, state.work, state.measured, convergence.floor / filled, counts, noise
        )
        # Values inside are those of the data per scale: y log p - p needs the scale's own log.
        likelihood += masses * np.log(filled)
        before = state.images if last is None else last
        _, moved, present = k.line_sums(self.device, state.images, before)
        change = np.sqrt((moved * scale**2).sum() / ((present * scale**2).sum() or 1.0))
        figures = {
            "residual": np.sqrt((left * scale**2).sum() / ((total * scale**2).sum() or 1.0)),
            "log_likelihood": (likelihood * scale).sum() / convergence.pixels,
            "change": np.nan if last is None else change,
        }
        if convergence.gain is not None:
            figures["chi2"] = chi2.sum() / counted.sum() if counted.any() else np.nan
        return {name: float(value) for name, value in figures.items()}


def inverse_path(projector: Projector) -> np.ndarray:
    """Return 1 / A1 (tilt, detector) for SIRT, and 0 where a ray meets nothing."""
    path = projector.forward(np.ones((1, *projector.shape), np.float32))[0]
    seen = path > FLOOR * projector.shape[0]
    return np.where(seen, 1 / np.where(seen, path, 1), 0).astype(np.float32)


def gpu_bytes(geometry: TiltGeometry, slices: int) -> int:
    """Return how much memory of the device so many slices take while they are reconstructed."""
    depth, width = geometry.shape
    sinogram = len(geometry.tilt_deg) * geometry.detector
    return 4 * k.padded(slices) * (2 * depth * width + 3 * sinogram)


def _into(out: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    """Return the result, written into `out` where that is given."""
    if out is None:
        return result
    out[...] = result
    return out
