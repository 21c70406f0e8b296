"""Reconstruction backends by name: `cpu`, `astra`, `tomopy`, and `auto`.

A backend turns a slab of sinograms into a slab of slices. `cpu` and `astra` run catomo's own
MLEM over their projectors; `tomopy` runs its own. All keep the same orientation, with the
tilt axis in the middle of the detector. What any of them returns is checked: it must
be finite, and catomo's own projections of it tell how much of the data it explains.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from catomo.errors import UserError
from catomo.mlem import MaximumLikelihood
from catomo.projector import ShearProjector


def threads() -> int:
    """Return the number of threads allowed: NUMBA_NUM_THREADS, or all cores."""
    from numba import config

    return config.NUMBA_NUM_THREADS


def resolve(name: str) -> str:
    """Return the backend that `auto` stands for here: a usable GPU, else the CPU."""
    if name != "auto":
        return name
    try:
        import astra

        _agrees(AstraProjector([-40.0, 25.0], (24, 32), 32))
    except (ImportError, UserError):
        return "cpu"
    return "astra" if astra.use_cuda() else "cpu"


def make_solver(name: str, tilt_deg, shape, detector: int, iterations: int, subsets: int):
    """Return a function from sinograms (n, tilt, detector) to slices (n, depth, width).

    Parameters
    ----------
    name : str
        ``cpu``, ``astra`` or ``tomopy``.
    tilt_deg : sequence of float
    shape : (int, int)
        Depth and width of a slice.
    detector : int
    iterations, subsets : int
        As in `MaximumLikelihood`.

    Raises
    ------
    UserError
        If the package of the backend is missing or cannot do what is asked.
    """
    if name == "cpu":
        solve = MaximumLikelihood(ShearProjector(tilt_deg, shape, detector), iterations, subsets)
        return _slice_per_thread(solve)
    if name == "astra":
        projector = AstraProjector(tilt_deg, shape, detector)
        _agrees(projector)
        return MaximumLikelihood(projector, iterations, subsets)
    if name == "tomopy":
        if subsets != 1:
            raise UserError("reconstruct: backend tomopy runs MLEM only; set algorithm: mlem")
        return _tomopy_solver(tilt_deg, shape, iterations)
    raise ValueError(f"unknown backend {name!r}")


def residual_norms(name: str, images: np.ndarray, projector, sinograms: np.ndarray) -> np.ndarray:
    """Return ``[‖Ax−y‖², ‖y‖²]`` of every slice, (n, 2); negative y count as zero.

    Raises
    ------
    UserError
        If the images hold not-a-number or infinity.
    """
    if not np.isfinite(images).all():
        raise UserError(f"reconstruct: backend {name} returned values that are not finite")
    measured = np.maximum(sinograms, 0)
    left = projector.forward(images) - measured
    return np.array([[_square(a), _square(b)] for a, b in zip(left, measured, strict=True)])


class AstraProjector:
    """ASTRA's projectors: 3-D on a usable GPU, else 2-D `linear` slice by slice.

    Same parameters, values and orientation as `ShearProjector`; the axis is in the middle.
    """

    def __init__(self, tilt_deg, shape, detector: int):
        try:
            import astra
        except ImportError as error:
            raise _missing("astra", "astra-toolbox", error) from None
        self.astra = astra
        self.tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        self.shape = tuple(shape)
        self.detector = int(detector)
        # Asked first and always: without a GPU, ASTRA's cuda projectors return zeros in silence.
        self.gpu = self.astra.use_cuda()
        self._operators = {}

    def subset(self, start: int, step: int) -> AstraProjector:
        """Return the projector of the tilts ``start::step``."""
        return AstraProjector(self.tilt_deg[start::step], self.shape, self.detector)

    def forward(self, images: np.ndarray) -> np.ndarray:
        """Project slices (n, depth, width) to sinograms (n, tilt, detector)."""
        if self.gpu:
            return self._operator(len(images)).FP(np.ascontiguousarray(images))
        return np.stack([self._operator(1).FP(image) for image in images])

    def backward(self, sinograms: np.ndarray) -> np.ndarray:
        """Spread sinograms (n, tilt, detector) over slices (n, depth, width)."""
        if self.gpu:
            return self._operator(len(sinograms)).BP(np.ascontiguousarray(sinograms))
        return np.stack([self._operator(1).BP(one) for one in sinograms])

    def _operator(self, slices: int):
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
            identity = astra.create_projector(kernel, beam, volume)
            self._operators[slices] = astra.OpTomo(identity)
        return self._operators[slices]


def _agrees(projector: AstraProjector) -> None:
    """Compare with the shear projector on an object without any symmetry."""
    depth, width = projector.shape
    z, x = np.ogrid[:depth, :width]
    image = np.exp(-(((z - 0.4 * depth) / depth * 9) ** 2) - ((x - 0.6 * width) / width * 9) ** 2)
    image = image[None].astype(np.float32)
    own = ShearProjector(projector.tilt_deg, projector.shape, projector.detector).forward(image)
    other = projector.forward(image)
    if not np.linalg.norm(other - own) < 0.1 * np.linalg.norm(own):
        raise UserError(
            "reconstruct: the projections of backend astra are wrong on this machine "
            "(they differ from catomo's own by more than 10 %); use backend: cpu"
        )


def _slice_per_thread(solve):
    def run(sinograms):
        with ThreadPoolExecutor(threads()) as pool:
            return np.concatenate(list(pool.map(lambda one: solve(one[None]), sinograms)))

    return run


def _tomopy_solver(tilt_deg, shape, iterations: int):
    try:
        import tomopy
    except ImportError as error:
        raise _missing("tomopy", "tomopy, from conda-forge only", error) from None
    depth, width = shape

    def run(sinograms):
        images = np.zeros((len(sinograms), depth, width), np.float32)
        filled = np.flatnonzero((sinograms > 0).any(axis=(1, 2)))  # an empty one would give NaN
        if len(filled):
            # TomoPy starts from 1e-6 and has no unit of its own: bring the data to order 1.
            data = np.maximum(sinograms[filled], 0)
            scale = data.mean(dtype=np.float64)
            images[filled] = scale * tomopy.recon(
                (data / scale).astype(np.float32),
                np.radians(tilt_deg),
                center=data.shape[2] / 2,  # its pixel centres lie at half-integers
                sinogram_order=True,
                algorithm="mlem",
                num_gridx=depth,
                num_gridy=width,
                num_iter=int(iterations),
                ncore=threads(),
            )
        return images

    return run


def _missing(name: str, package: str, error: ImportError) -> UserError:
    return UserError(
        f"reconstruct: backend {name} needs the package {package}, which cannot be "
        f"imported here ({error}); install it or use backend: cpu"
    )


def _square(values) -> float:
    return float(np.sum(np.square(values, dtype=np.float64)))
