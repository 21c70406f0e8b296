"""ASTRA's projectors behind catomo's interface: CUDA on a usable GPU, else its CPU kernels.

ASTRA reports some failures by no error: without a GPU its cuda projectors return zeros. So
the GPU is asked for first, and the projections are compared with those of the shear projector
(`catomo.reconstruct.agreement`), which also confirms their orientation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from catomo.errors import UserError, line_of


class AstraProjector:
    """ASTRA's projectors: 3-D on a usable GPU, else 2-D `linear` slice by slice.

    Same parameters, values and orientation as `ShearProjector`. Forward and backward are
    adjoint to 1e-6 on the CPU, and to 1e-2 on a GPU, whose textures interpolate more coarsely.

    Attributes
    ----------
    gpu : bool
        Whether the GPU is used.
    links : bool
        Whether this version of ASTRA takes arrays that lie on the GPU.

    Raises
    ------
    UserError
        If ASTRA cannot be imported.
    """

    def __init__(
        self,
        tilt_deg: Sequence[float] | np.ndarray,
        shape: tuple[int, int],
        detector: int,
        centre: float | None = None,
    ):
        try:
            import astra
        except ImportError as error:
            raise missing_package("astra", "astra-toolbox", error) from None
        check_version(astra.__version__)
        self.astra = astra
        # Since this version its projectors take arrays that lie on the GPU.
        self.links = _numbers(astra.__version__) >= (2, 5)
        self.tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        depth, width = shape
        self.shape = (int(depth), int(width))
        self.detector = int(detector)
        self.centre = (detector - 1) / 2 if centre is None else float(centre)
        # Without a GPU, ASTRA's cuda projectors would return zeros and raise nothing.
        self.gpu = bool(self.astra.use_cuda())
        self._operators: dict[int, Any] = {}

    def subset(self, start: int, step: int) -> AstraProjector:
        """Return the projector of the tilts ``start::step``."""
        return AstraProjector(self.tilt_deg[start::step], self.shape, self.detector, self.centre)

    def forward(self, images: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector)."""
        with one_line():
            if self.gpu:
                return _into(out, self.operator(len(images)).FP(np.ascontiguousarray(images)))
            return _into(out, np.stack([self.operator(1).FP(image) for image in images]))

    def backward(self, sinograms: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width)."""
        with one_line():
            if self.gpu:
                given = np.ascontiguousarray(sinograms)
                return _into(out, self.operator(len(sinograms)).BP(given))
            return _into(out, np.stack([self.operator(1).BP(one) for one in sinograms]))

    def operator(self, slices: int) -> Any:
        """Return ASTRA's operator for so many slices; it is made once."""
        if slices not in self._operators:
            astra, angles = self.astra, np.radians(self.tilt_deg)
            depth, width = self.shape
            if self.gpu:
                # ASTRA's rows run upwards in 2-D and downwards in 3-D: the angle changes sign.
                beam = astra.create_proj_geom("parallel3d", 1, 1, slices, self.detector, -angles)
                volume = astra.create_vol_geom(depth, width, slices)
                kernel = "cuda3d"
            else:
                beam = astra.create_proj_geom("parallel", 1, self.detector, angles)
                volume = astra.create_vol_geom(depth, width)
                kernel = "linear"
            # Moving the detector allows fractions of a pixel; ASTRA would round an option.
            moved = (self.detector - 1) / 2 - self.centre
            beam = astra.geom_postalignment(beam, (moved, 0.0) if self.gpu else moved)
            identity = astra.create_projector(kernel, beam, volume)
            self._operators[slices] = astra.OpTomo(identity)
        return self._operators[slices]


def check_version(version: str) -> None:
    """Refuse versions of ASTRA that are known to be wrong.

    Raises
    ------
    UserError
        If it is older than 2.4.1, which mistook axes of one pixel.
    """
    if _numbers(version) < (2, 4, 1):
        raise UserError(
            f"reconstruct: backend astra needs astra-toolbox 2.4.1 or newer, found {version}; "
            "install a newer one or use backend: cpu"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what ASTRA raises into one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # AstraError is a plain Exception, and CuPy has errors of its own
        raise UserError(
            f"reconstruct: ASTRA failed ({line_of(error)}); lower slab_slices where memory is "
            "short, or use backend: cpu"
        ) from None


def missing_package(name: str, package: str, error: ImportError) -> UserError:
    """Return the error for a backend whose package cannot be imported."""
    return UserError(
        f"reconstruct: backend {name} needs the package {package}, which cannot be "
        f"imported here ({error}); install it or use backend: cpu"
    )


def _into(out: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    """Return the result, written into `out` where that is given."""
    if out is None:
        return result
    out[...] = result
    return out
