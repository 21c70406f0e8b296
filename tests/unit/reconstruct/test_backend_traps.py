"""What TomoPy and ASTRA get wrong in silence when called as they invite one to.

Each test shows the naive call failing, then that the backend does not. Where the package or
its CUDA part is not at hand, it is skipped.
"""

import numpy as np
import pytest

from catomo.projection.shear import ShearProjector
from catomo.reconstruct import backends
from catomo.reconstruct.astra import AstraProjector
from catomo.reconstruct.method import Method, TiltGeometry

TILT = np.arange(-68.0, 69, 4)
SHAPE = (32, 48)
GEOMETRY = TiltGeometry(TILT, SHAPE, 48)


@pytest.fixture(scope="module")
def image():
    image = np.zeros(SHAPE, np.float32)
    image[10:18, 8:32] = 1
    image[12:15, 27:31] = 6
    return image


@pytest.fixture(scope="module")
def data(image):
    return ShearProjector(TILT, SHAPE, 48).forward(image[None])


def likeness(found, wanted):
    return np.corrcoef(np.ravel(found), np.ravel(wanted))[0, 1]


def ours(data, iterations=20, shape=SHAPE):
    pytest.importorskip("tomopy")
    geometry = TiltGeometry(TILT, shape, data.shape[2])
    return backends.make_solver("tomopy", geometry, Method("mlem", iterations))(data)


def tomopy_mlem(data, theta=None, **settings):
    tomopy = pytest.importorskip("tomopy")
    settings = {
        "center": data.shape[2] / 2,
        "sinogram_order": True,
        "algorithm": "mlem",
        "num_gridx": SHAPE[0],
        "num_gridy": SHAPE[1],
        "num_iter": 20,
        "ncore": 1,
        **settings,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    return tomopy.recon(data.copy(), np.radians(TILT) if theta is None else theta, **settings)


def test_tomopy_takes_degrees_for_radians(data, image):
    assert likeness(tomopy_mlem(data, theta=TILT), image) < 0.8
    assert likeness(ours(data), image) > 0.9


def test_tomopy_counts_the_centre_from_the_edge_of_the_detector(data, image):
    own = ours(data)
    assert likeness(tomopy_mlem(data, center=(48 - 1) / 2), own) < 0.995
    assert likeness(tomopy_mlem(data), own) > 0.9999


def test_tomopy_reconstructs_a_square_unless_told(data):
    assert tomopy_mlem(data, num_gridx=None, num_gridy=None).shape == (1, 48, 48)
    assert ours(data).shape == (1, *SHAPE)


def test_tomopy_turns_an_empty_slice_into_nan(data):
    two = np.concatenate([data, np.zeros_like(data)])
    assert np.isnan(tomopy_mlem(two)[1]).any()
    np.testing.assert_array_equal(ours(two)[1], 0)


def test_tomopy_keeps_negative_values(data):
    below = data - 0.5
    assert tomopy_mlem(below).min() < 0
    np.testing.assert_array_equal(ours(below), ours(np.maximum(below, 0)))


def test_tomopy_writes_into_its_start(data):
    start = np.full((1, *SHAPE), 0.1, np.float32)
    tomopy_mlem(data, init_recon=start)
    assert start.max() > 0.5  # the array given is no longer what it was
    given, solve = data.copy(), backends.make_solver("tomopy", GEOMETRY, Method("mlem", 20))
    first = solve(given).copy()
    np.testing.assert_array_equal(solve(given), first)
    np.testing.assert_array_equal(given, data)


def test_tomopy_does_not_take_a_count_that_is_a_float(data, image):
    pytest.importorskip("tomopy")
    try:
        naive = likeness(tomopy_mlem(data, num_iter=20.0), image)
    except TypeError:
        naive = 0
    assert not naive > 0.5
    assert likeness(ours(data, iterations=20.0), image) > 0.9


def test_tomopy_leaves_its_start_where_no_tilt_looks(data):
    few, start = np.abs(TILT) < 10, np.full((1, *SHAPE), 7, np.float32)
    narrow = np.ascontiguousarray(data[:, few, 18:30])
    assert tomopy_mlem(narrow, np.radians(TILT[few]), init_recon=start)[0, 0, 0] == 7
    geometry = TiltGeometry(TILT[few], SHAPE, 12)
    assert backends.make_solver("tomopy", geometry, Method("mlem", 20))(narrow)[0, 0, 0] == 0


def test_tomopy_shifts_a_centre_that_is_a_whole_pixel(data):
    """By 0.01 px, and in silence: what is symmetric does not stay so."""
    middle = np.zeros_like(data[:, :, 1:])
    middle[:, :, 23] = 10  # the axis itself, seen by a detector of odd width
    found = tomopy_mlem(middle, center=23.0, num_gridx=47, num_gridy=47, num_iter=1)[0]
    assert np.abs(found - found[:, ::-1]).max() > 1e-3 * found.max()
    own = ours(middle, iterations=1, shape=(47, 47))[0]
    np.testing.assert_allclose(own, own[:, ::-1], atol=1e-3 * own.max())


def accelerated(data, **settings):
    """TomoPy's other MLEM, which catomo never calls, on a square grid unless told."""
    pytest.importorskip("tomopy")
    settings = {"accelerated": True, "device": "cpu", "interpolation": "LINEAR", **settings}
    settings = {"num_gridx": data.shape[2], "num_gridy": data.shape[2], **settings}
    try:
        return tomopy_mlem(data, **settings)
    except ModuleNotFoundError:
        pytest.skip("TomoPy was built without its accelerated MLEM: unverified")


def test_accelerated_tomopy_ignores_the_centre_and_shrinks_the_values(data):
    near, far = (accelerated(data, center=c) for c in (24.0, 28.0))
    np.testing.assert_allclose(near, far, rtol=1e-5)
    assert accelerated(data).sum() < 0.1 * ours(data).sum()


def test_accelerated_tomopy_is_wrong_on_a_grid_that_is_not_square(data, image):
    naive = accelerated(data, num_gridx=SHAPE[0], num_gridy=SHAPE[1])
    assert likeness(naive, image) < 0.8 < likeness(ours(data), image)


def test_tomopys_astra_rounds_the_centre_on_the_cpu(data, image):
    tomopy = pytest.importorskip("tomopy")
    pytest.importorskip("astra")
    options = {"proj_type": "linear", "method": "SIRT", "num_iter": 30}
    near, far = (
        tomopy.recon(
            data.copy(), np.radians(TILT), center=c, sinogram_order=True, ncore=1,
            num_gridx=SHAPE[0], num_gridy=SHAPE[1], algorithm=tomopy.astra, options=options,
        )
        for c in (24.0, 24.4)
    )  # fmt: skip
    np.testing.assert_array_equal(near, far)
    # As far as the data are concerned 0.4 pixels matter, and catomo's use of ASTRA keeps them.
    shifted = ShearProjector(TILT, SHAPE, 48, 23.9).forward(image[None])
    found = AstraProjector(TILT, SHAPE, 48, 23.9).forward(image[None])
    assert np.linalg.norm(found - shifted) < 0.3 * np.linalg.norm(data - shifted)


def test_tomopys_astra_swallows_the_lack_of_a_gpu(data):
    tomopy = pytest.importorskip("tomopy")
    if pytest.importorskip("astra").use_cuda():
        pytest.skip("there is a GPU here")
    options = {"proj_type": "cuda", "method": "EM_CUDA", "num_iter": 5, "gpu_list": [0]}
    found = tomopy.recon(
        data.copy(), np.radians(TILT), sinogram_order=True, algorithm=tomopy.astra,
        options=options, ncore=1, num_gridx=SHAPE[0], num_gridy=SHAPE[1],
    )  # fmt: skip
    assert np.ptp(found) == 0  # the start, untouched, and no word of it
    with pytest.raises(backends.UserError, match="no CUDA GPU"):
        backends.make_solver("tomopy_cuda", GEOMETRY, Method("mlem", 5))


def test_astras_cuda_projector_returns_zeros_without_a_gpu(image, data):
    astra = pytest.importorskip("astra")
    if astra.use_cuda():
        pytest.skip("there is a GPU here")
    beam = astra.create_proj_geom("parallel", 1, 48, np.radians(TILT))
    volume = astra.create_vol_geom(*SHAPE)
    projector = astra.create_projector("cuda", beam, volume)
    settings = astra.astra_dict("FP")  # the CPU's algorithm takes it, and says nothing
    settings["ProjectorId"] = projector
    settings["VolumeDataId"] = astra.data2d.create("-vol", volume, image)
    settings["ProjectionDataId"] = held = astra.data2d.create("-sino", beam, 0)
    astra.algorithm.run(astra.algorithm.create(settings))
    assert not np.any(astra.data2d.get(held))
    found = backends.make_solver("astra", GEOMETRY, Method("mlem", 20))(data)
    assert likeness(found, image) > 0.9


@pytest.mark.gpu
@pytest.mark.parametrize(("start", "unit"), [(0.0, 1.0), (1e-9, 1e-8)])
def test_em_cuda_dies_of_an_empty_start_or_a_tiny_unit(image, data, start, unit):
    astra = pytest.importorskip("astra")
    if not astra.use_cuda():
        pytest.skip("no CUDA GPU here: the CUDA path is unverified")
    beam = astra.create_proj_geom("parallel", 1, 48, np.radians(TILT))
    volume = astra.create_vol_geom(*SHAPE)
    settings = astra.astra_dict("EM_CUDA")
    settings["ProjectionDataId"] = astra.data2d.create("-sino", beam, unit * data[0])
    settings["ReconstructionDataId"] = held = astra.data2d.create("-vol", volume, start)
    astra.algorithm.run(astra.algorithm.create(settings), 20)
    assert np.ptp(astra.data2d.get(held)) == 0
    found = backends.make_solver("astra_cuda", GEOMETRY, Method("mlem", 20))(unit * data)
    assert likeness(found, image) > 0.9
