"""A label file fits its slice through rounding, and no slice that was moved or is another one."""

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter, shift

from catomo.errors import UserError
from catomo.files.store import image_bytes
from catomo.labels.tie import check_tie, is_tied_elsewhere, mark_of, tie_in, tie_of


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    """A support with a few particles, (80, 150) uint8."""
    rng = np.random.default_rng(3)
    z, x = np.mgrid[:80, :150]
    image = 90.0 * (np.hypot(z - 40, (x - 70) / 1.6) < 30)
    for row, column in rng.integers(20, 60, (12, 2)):
        image[np.hypot(z - row, x - column - 30) < 3] = 230
    return np.rint(gaussian_filter(image, 0.8)).astype(np.uint8)


def drawn_on(path, image: np.ndarray, tie: str) -> None:
    path.write_bytes(image_bytes(path.name, np.zeros(image.shape, np.uint8), 0.5, tie, "zlib"))


def test_greys_that_differ_by_rounding_are_the_same_slice(tmp_path, grey):
    path = tmp_path / "slice_0001.tif"
    drawn_on(path, grey, tie_of(grey))
    step = np.random.default_rng(0).integers(-1, 2, grey.shape)
    rounded = np.clip(grey.astype(int) + step, 0, 255).astype(np.uint8)
    for image in (grey, rounded):
        check_tie(path, lambda image=image: image, 0.5)
        assert not is_tied_elsewhere(path, image)


@pytest.mark.parametrize(
    "change",
    [
        lambda grey: np.roll(grey, 1, axis=0),
        lambda grey: np.rint(shift(grey.astype(float), (0, 0.5), order=1)).astype(np.uint8),
        lambda grey: grey[:, ::-1],
        lambda grey: (grey * 0.9).astype(np.uint8),
        lambda grey: np.zeros_like(grey),
        lambda grey: grey[:20, :20],
    ],
    ids=["a pixel further", "half a pixel further", "mirrored", "darker", "empty", "cut"],
)
def test_another_slice_is_refused(tmp_path, grey, change):
    path = tmp_path / "slice_0001.tif"
    drawn_on(path, grey, tie_of(grey))
    other = np.ascontiguousarray(change(grey))
    assert is_tied_elsewhere(path, other)
    with pytest.raises(UserError, match=r"slice_0001\.tif: was painted on another slice"):
        check_tie(path, lambda: other, 0.5)


def test_a_file_of_a_former_version_fits_its_very_greys_alone(tmp_path, grey):
    path = tmp_path / "slice_0001.tif"
    drawn_on(path, grey, mark_of(grey))
    with tifffile.TiffFile(path) as tiff:
        assert tie_in(tiff) == mark_of(grey)
    check_tie(path, lambda: grey, 0.5)
    other = grey.copy()
    other[0, 0] += 1
    assert is_tied_elsewhere(path, other)
