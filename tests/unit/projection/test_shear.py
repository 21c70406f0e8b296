"""Projectors keep the relations of a parallel-beam projection: catomo's, and ASTRA's."""

from functools import cache, partial

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from catomo.projection.shear import ShearProjector
from projectors import ALL, projector_of

GEOMETRIES = {
    "even": ((32, 48), 48, None, np.arange(-68, 69, 4)),
    "odd, axis off centre, detector wider": ((33, 47), 61, 25.3, np.arange(-74, 75, 7)),
    "detector narrower": ((24, 60), 31, None, np.arange(-60, 61, 5)),
    "one tilt": ((32, 48), 48, None, [13.0]),
    "a needle turned all the way": ((40, 40), 56, None, np.arange(-90, 91, 5)),
    "fewer rows than the kernel takes at once": ((3, 9), 7, None, [-70, 0, 71]),
}


# How well forward and backward match: on a GPU ASTRA's textures interpolate more coarsely.
ADJOINT = {"astra_cuda": 1e-2}


@pytest.fixture(params=ALL)
def make(request):
    """Return a function from a geometry to the projector of a backend, which it names."""
    made = partial(projector_of, request.param, request)
    made.backend = request.param
    return made


def blob(shape, centre_z, centre_x, sigma=2.0):
    """A Gaussian about a point given from the middle of the image."""
    z, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    z, x = z - (shape[0] - 1) / 2 - centre_z, x - (shape[1] - 1) / 2 - centre_x
    return np.exp(-(z**2 + x**2) / (2 * sigma**2)).astype(np.float32)


def strip_integrals(fine, fold, tilt_deg, detector):
    """Share the cells of a finer image, as small discs, among detector pixels: an oracle."""
    depth, width = fine.shape
    z, x = np.mgrid[:depth, :width].astype(float)
    z, x = (z - (depth - 1) / 2) / fold, (x - (width - 1) / 2) / fold
    edges = np.arange(detector + 1) - detector / 2
    out = []
    for angle in np.radians(tilt_deg):
        # A square cell projects to a trapezium; nine points across it come close enough.
        total = np.zeros(detector)
        for dz in (-1 / 3, 0, 1 / 3):
            for dx in (-1 / 3, 0, 1 / 3):
                s = (x + dx / fold) * np.cos(angle) - (z + dz / fold) * np.sin(angle)
                total += np.histogram(s, edges, weights=fine)[0]
        out.append(total / (9 * fold**2))
    return np.array(out)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())
def test_backward_is_the_adjoint_of_forward(geometry, make):
    shape, detector, centre, tilt_deg = geometry
    projector = make(tilt_deg, shape, detector, centre)
    rng = np.random.default_rng(1)
    x = rng.random((3, *shape), dtype=np.float32)
    y = rng.random((3, len(tilt_deg), detector), dtype=np.float32)
    left = np.vdot(projector.forward(x).astype(float), y)
    right = np.vdot(x.astype(float), projector.backward(y))
    assert abs(left - right) <= ADJOINT.get(make.backend, 1e-6) * abs(left)


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES.keys())
def test_with_weights_they_are_adjoint_too(geometry, make):
    """Pixels of weight 0 on either side: ⟨wAx, y⟩ = ⟨x, A'wy⟩."""
    shape, detector, centre, tilt_deg = geometry
    projector = make(tilt_deg, shape, detector, centre)
    rng = np.random.default_rng(2)
    x = rng.random((2, *shape), dtype=np.float32)
    y = rng.random((2, len(tilt_deg), detector), dtype=np.float32)
    weight = (rng.random(y.shape) > 0.4).astype(np.float32)
    left = np.vdot((weight * projector.forward(x)).astype(float), y)
    right = np.vdot(x.astype(float), projector.backward(weight * y))
    assert abs(left - right) <= ADJOINT.get(make.backend, 1e-6) * abs(left)


@pytest.mark.parametrize("tilt_deg", [np.arange(-74, 75, 3), np.arange(-90, 91, 9)])
def test_a_detector_that_sees_all_receives_all(tilt_deg):
    image = np.random.default_rng(2).random((1, 21, 34), dtype=np.float32)
    sinogram = ShearProjector(tilt_deg, (21, 34), 61, 29.4).forward(image)
    np.testing.assert_allclose(sinogram.sum(axis=2), image.sum(), rtol=2e-6)


@pytest.mark.parametrize("centre", [None, 30.0, 33.37])
def test_a_point_follows_the_stated_orientation(centre, make):
    z, x, tilt_deg = 7.0, -11.0, np.arange(-90, 91, 15)
    projector = make(tilt_deg, (50, 60), 64, centre)
    sinogram = projector.forward(blob((50, 60), z, x, 1.5)[None])[0].astype(float)
    middle = 31.5 if centre is None else centre
    found = sinogram @ np.arange(64) / sinogram.sum(axis=1)
    angle = np.radians(tilt_deg)
    np.testing.assert_allclose(found, middle + x * np.cos(angle) - z * np.sin(angle), atol=0.02)


@cache
def drawn_finely(step):
    """Return tilts, an object, and its strip integrals, from a drawing four times as fine."""
    fold, depth, width = 4, 96, 128
    tilt_deg = np.arange(-68, 69, 4) if step == 4 else np.arange(-88, 89, 8)
    fine = np.zeros((depth * fold, width * fold))
    z, x = np.mgrid[: depth * fold, : width * fold] / fold
    fine[(np.abs(z - 48 + 0.2 * (x - 64)) < 14) & (np.abs(x - 64) < 44)] = 1
    fine[(z - 34) ** 2 + (x - 80) ** 2 < 36] = 6
    fine[(np.abs(z - 50) < 4) & (np.abs(x - 48) < 10)] = 0
    fine = gaussian_filter(fine, 0.8 * fold)  # the probe of the microscope
    coarse = fine.reshape(depth, fold, width, fold).mean(axis=(1, 3)).astype(np.float32)
    return tilt_deg, coarse, strip_integrals(fine, fold, tilt_deg, width)


@pytest.mark.parametrize("step", [4, 8])
def test_forward_agrees_with_strip_integrals_of_a_finer_image(step, make):
    tilt_deg, image, wanted = drawn_finely(step)
    found = make(tilt_deg, image.shape, image.shape[1]).forward(image[None])[0]
    assert np.linalg.norm(found - wanted) < 0.01 * np.linalg.norm(wanted)


def test_a_subset_is_the_same_projection_of_fewer_tilts(make):
    image = np.random.default_rng(3).random((2, 20, 30), dtype=np.float32)
    whole = make(np.arange(-60, 61, 4), (20, 30), 30, 14.2)
    part = whole.subset(2, 5)
    assert part.centre == 14.2
    if not make.backend.startswith("astra"):
        np.testing.assert_array_equal(part.forward(image), whole.forward(image)[:, 2::5])


def test_the_result_can_be_written_where_it_is_wanted(make):
    images = np.random.default_rng(5).random((2, 20, 30), dtype=np.float32)
    projector = make(np.arange(-90, 91, 6), (20, 30), 33)
    sinograms, back = projector.forward(images), projector.backward(projector.forward(images))
    out, slices = np.full_like(sinograms, np.nan), np.full_like(images, np.nan)
    assert projector.forward(images, out=out) is out
    assert projector.backward(sinograms, out=slices) is slices
    np.testing.assert_array_equal(out, sinograms)
    np.testing.assert_array_equal(slices, back)


def test_slices_do_not_know_of_each_other(make):
    images = np.random.default_rng(4).random((5, 20, 30), dtype=np.float32)
    projector = make(np.arange(-80, 81, 8), (20, 30), 30)
    alone = np.concatenate([projector.forward(images[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(projector.forward(images), alone)
