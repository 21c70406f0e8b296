"""The loop on a GPU with ASTRA's projectors: its arrays are CuPy's, so nothing is copied between.

ASTRA's layout is (n, z, x) and (n, tilt, detector). It keeps its angles in one place per card:
only one thread at a time may project.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from catomo.projection.iteration import inverse_sensitivity
from catomo.reconstruct.astra import AstraProjector, one_line
from catomo.reconstruct.kernels import Device, smooth
from catomo.reconstruct.method import Method
from catomo.reconstruct.resident import DeviceLoop, State, inverse_path

# As in `catomo.projection.mlem`: smaller values are set to zero.
_NEGLIGIBLE = np.float32(1e-20)


class LinkedAstra(DeviceLoop):
    """The loop of backend `astra` on a GPU.

    Parameters
    ----------
    projector : AstraProjector
        One that uses the GPU.
    device : Device
    method : Method
    """

    def __init__(self, projector: AstraProjector, device: Device, method: Method):
        super().__init__(device, method, len(projector.tilt_deg))
        self._arrays, self._whole = device.arrays, projector
        self._parts = [projector.subset(one.first, one.every) for one in self.subsets]
        self._gains = [device.put(inverse_sensitivity(part)) for part in self._parts]
        self._weights = None
        if method.algorithm == "sirt":
            self._weights = device.put(inverse_path(projector))

    def _start(self, y: np.ndarray, floors: np.ndarray, means: np.ndarray) -> State:
        device, shape = self.device, self._whole.shape
        images = device.empty((len(y), *shape))
        images[...] = device.put(means / np.float32(shape[0]))[:, None, None]
        spare, measured = device.empty(images.shape), device.put(y)
        floor = device.put(floors)[:, None, None]
        work, partial = device.empty(measured.shape), bool((y < 0).any())
        return State(len(y), measured, work, floor, images, spare, partial)

    def _update(self, state: State, number: int) -> None:
        arrays, subset, part = self._arrays, self.subsets[number], self._parts[number]
        y = state.measured[:, subset.first :: subset.every]
        work = state.work.reshape(-1)[: y.size].reshape(y.shape)
        self._project(part, state.images, work)
        if self._weights is None:
            arrays.maximum(work, state.floors, out=work)
            arrays.divide(y, work, out=work)
        else:
            arrays.subtract(y, work, out=work)
        if state.partial:  # without a measurement there is nothing to correct
            work[y < 0] = 1.0 if self._weights is None else 0.0
        if self._weights is not None:
            arrays.multiply(work, self._weights, out=work)
        self._spread(part, work, state.spare)
        gain, spare = self._gains[number], state.spare
        arrays.multiply(spare, gain, out=spare)
        # Factors of 0 let NaN pass, so that the check for finite values finds it.
        if self._weights is None:
            arrays.multiply(spare, state.images, out=spare)
            arrays.multiply(spare, spare >= _NEGLIGIBLE, out=spare)
        else:
            arrays.add(spare, state.images, out=spare)
            arrays.multiply(spare, (spare >= 0) & (gain > 0), out=spare)
        if self.method.tv:
            tv, across = self.method.tv, self.method.across
            smooth(
                self.device,
                state.images,
                spare,
                state.slices,
                strength=tv,
                across=across,
                slices_last=False,
            )

    def _images(self, state: State, scales: np.ndarray) -> np.ndarray:
        factors = self.device.put(scales)[:, None, None]
        self._arrays.multiply(state.images, factors, out=state.spare)
        return self.device.get(state.spare)

    def _sums(self, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self._project(self._whole, state.images, state.work)
        left = state.work - state.measured
        if state.partial:
            missing = state.measured < 0
            state.work[missing] = left[missing] = 0
        sums = (
            state.work.sum(axis=2, dtype=np.float64),
            self._arrays.square(left, dtype=np.float64).sum(axis=2),
            state.images.sum(axis=(1, 2), dtype=np.float64),
        )
        projected, squares, mass = (self.device.get(one) for one in sums)
        return projected, squares, mass

    def _project(self, part: AstraProjector, images: Any, out: Any) -> None:
        from astra.experimental import direct_FP3D

        self._call(direct_FP3D, part, images, out, out)

    def _spread(self, part: AstraProjector, sinograms: Any, out: Any) -> None:
        from astra.experimental import direct_BP3D

        self._call(direct_BP3D, part, out, sinograms, out)

    def _call(
        self, function: Any, part: AstraProjector, volume: Any, sinograms: Any, out: Any
    ) -> None:
        """Let ASTRA compute; where it fails without a word, NaN stays and is found later."""
        out.fill(np.nan)
        # ASTRA has streams of its own.
        self.device.synchronize()
        with one_line():
            function(part.operator(len(volume)).proj_id, volume, sinograms)
        self.device.synchronize()
