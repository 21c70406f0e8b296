"""Volumes that other programs have segmented: every format, scale and mistake in their values."""

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from catomo.errors import UserError
from catomo.files.scale import Scale
from catomo.labels.volume import open_label_volume
from helpers.segmentations import PIXEL_NM, ball_on_slab, imagej_tiff, ome_zarr

NAMES = ["background", "support", "metal"]
WORDS = ("pixel_size_nm", "trust: true", "resample: true")
LABELS = ball_on_slab()


def read(path, pixel_size_nm=None, trust=False, resample=False, names=NAMES):
    scale = Scale(pixel_size_nm, trust, resample, WORDS)
    with open_label_volume(path, names, scale) as volume:
        return np.stack(list(volume.pages())), volume


def refusal(*arguments, **options):
    with pytest.raises(UserError) as caught:
        read(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_mrc(folder, labels, size_nm=PIXEL_NM):
    path = folder / "seg.mrc"
    with mrcfile.new(path) as file:
        file.set_data(labels.astype(np.float32))
        file.voxel_size = 10 * size_nm
        file.set_volume()
    return path


def of_npy(folder, labels):
    np.save(folder / "seg.npy", labels.astype(np.int64))
    return folder / "seg.npy"


def of_hdf5(folder, labels):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "seg.h5", "w") as file:
        file["exported/labels"] = labels[..., None]
        file["grey"] = np.random.default_rng(0).normal(size=labels.shape)
    return f"{folder / 'seg.h5'}:/exported/labels"


def of_folder(folder, labels):
    (folder / "pages").mkdir()
    for number, page in enumerate(labels):
        tifffile.imwrite(folder / "pages" / f"seg_{number}.tif", page.astype(np.uint16))
    return folder / "pages"


def of_pngs_with_palette(folder, labels):
    (folder / "pages").mkdir()
    for number, page in enumerate(labels):
        image = Image.fromarray(page, "P")
        image.putpalette([0, 0, 0, 200, 200, 200, 250, 0, 0] + [0] * 759)
        image.save(folder / "pages" / f"{number}.png")
    return folder / "pages"


def of_grey_as_rgb(folder, labels):
    tifffile.imwrite(folder / "rgb.tif", np.repeat(labels[..., None], 3, -1), photometric="rgb")
    return folder / "rgb.tif"


def of_white_is_zero(folder, labels):
    tifffile.imwrite(folder / "white.tif", labels, photometric="miniswhite")
    return folder / "white.tif"


@pytest.mark.parametrize(
    "write",
    [of_npy, of_hdf5, of_folder, of_pngs_with_palette, of_grey_as_rgb, of_white_is_zero],
)
def test_labels_of_files_without_scale_are_read_as_stored(tmp_path, write):
    path = write(tmp_path, LABELS)
    assert "its pixel size is not known, the file holds none; give it as pixel_size_nm" in refusal(
        path
    )
    labels, volume = read(path, PIXEL_NM)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, LABELS)
    assert (volume.pixel_size_nm, volume.size_from) == (PIXEL_NM, "given")


@pytest.mark.parametrize(
    "write",
    [
        lambda folder, labels: imagej_tiff(folder / "seg.tif", labels),
        lambda folder, labels: ome_zarr(folder / "seg.zarr", labels),
        of_mrc,
    ],
)
def test_the_scale_of_a_file_is_used_and_compared(tmp_path, write):
    path = write(tmp_path, LABELS)
    labels, volume = read(path)
    assert np.array_equal(labels, LABELS)
    assert volume.pixel_size_nm == pytest.approx(PIXEL_NM)
    assert volume.size_from == "file"
    assert volume.notes == ()
    assert np.array_equal(read(path, PIXEL_NM)[0], LABELS)
    line = refusal(path, 10 * PIXEL_NM)
    assert "pixel size is 5 nm by the given value but 0.5 nm by the header" in line
    labels, volume = read(path, 10 * PIXEL_NM, trust=True)
    assert volume.pixel_size_nm == 10 * PIXEL_NM
    assert "the given 5 nm are used instead" in " ".join(volume.notes)


@pytest.mark.parametrize("given", [None, PIXEL_NM])
def test_voxels_that_are_no_cubes_take_the_nearest_label_on_request(tmp_path, given):
    thick = LABELS[::2]
    path = imagej_tiff(tmp_path / "seg.tif", thick, (2 * PIXEL_NM, PIXEL_NM, PIXEL_NM))
    line = refusal(path, given)
    assert "voxels are not cubes: by the header slices lie 1 nm apart, rows 0.5 nm" in line
    assert "set resample: true to resample them to 0.5 nm" in line
    labels, volume = read(path, given, resample=True)
    assert np.array_equal(labels, np.repeat(thick, 2, axis=0))
    assert volume.pixel_size_nm == pytest.approx(PIXEL_NM)
    assert "were resampled to 24 × 26 × 28 cubes" in " ".join(volume.notes)
    assert np.array_equal(read(path, PIXEL_NM, trust=True)[0], thick)


def test_a_distance_between_slices_that_no_file_holds_is_told(tmp_path):
    for number, page in enumerate(LABELS):
        imagej_tiff(tmp_path / f"{number}.tif", page[None])
    labels, volume = read(tmp_path)
    assert np.array_equal(labels, LABELS)
    assert "holds no distance between slices; voxels are taken for cubes" in volume.notes[0]


@pytest.mark.parametrize(
    ("change", "line", "mended"),
    [
        (lambda a: np.where(a, 255, 0), "Divide by 255 writes 1", lambda a: a // 255),
        (lambda a: a + 1, "found label 3, .*begin at 0: .*subtract 1", lambda a: a - 1),
        (lambda a: a * 127, "write 0, 1, 2 instead of 0, 127, 254", lambda a: a // 127),
        (
            lambda a: np.where(a == 2, np.arange(a.size).reshape(a.shape) % 9 + 1, 0),
            r"instance labels\), write the number of its class instead of each",
            lambda a: np.where(a, 2, 0),
        ),
        (lambda a: a.astype(np.float32) / 2, "without smoothing or scaling", lambda a: a * 2),
        (lambda a: np.where(a, a, np.nan), "without smoothing or scaling", np.nan_to_num),
        (
            lambda a: np.where(a, a, 255),
            "found label 255, allowed are 0 to 2 for the classes; 255 stands for 'not annotated'",
            lambda a: np.where(a == 255, 0, a),
        ),
        (
            lambda a: np.where(a, a.astype(int), -1),
            "found label -1, .*write a class there",
            lambda a: np.maximum(a, 0),
        ),
        (
            lambda a: np.random.default_rng(0).normal(a),
            "more than 4096 different values, from -.*; these are greys",
            lambda a: np.where(a > 1, 2, 0),
        ),
    ],
)
def test_values_that_are_no_classes_are_refused_with_a_way_out(tmp_path, change, line, mended):
    np.save(tmp_path / "seg.npy", change(LABELS))
    path = tmp_path / "seg.npy"
    with pytest.raises(UserError, match=line) as caught:
        read(path, PIXEL_NM)
    assert "\n" not in str(caught.value)
    np.save(path, mended(np.load(path)))
    read(path, PIXEL_NM)


def test_colours_are_refused(tmp_path):
    colours = np.array([[0, 0, 0], [200, 200, 200], [250, 0, 0]], np.uint8)[LABELS]
    tifffile.imwrite(tmp_path / "seg.tif", colours, photometric="rgb")
    assert "is a colour image" in refusal(tmp_path / "seg.tif", PIXEL_NM)


def test_a_class_without_voxels_is_told_and_measured(tmp_path):
    np.save(tmp_path / "seg.npy", np.minimum(LABELS, 1))
    _, volume = read(tmp_path / "seg.npy", PIXEL_NM)
    assert "no pixel is labelled metal (2)" in volume.notes[0]
    np.save(tmp_path / "seg.npy", np.minimum(LABELS, 1) + 1)
    _, volume = read(tmp_path / "seg.npy", PIXEL_NM)
    assert "no pixel is labelled background (0)" in volume.notes[0]
    assert "labels begin at 0: where yours begin at 1" in volume.notes[0]


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "no such file or folder" in refusal(tmp_path / "gone.tif", PIXEL_NM)
