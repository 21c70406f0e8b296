"""Containers for other programs: read back by those programs' own readers, and by catomo."""

import json

import mrcfile
import numpy as np
import pytest

from catomo.files import containers, mrc
from catomo.files.containers import Images
from catomo.files.readers import open_images, open_series

RNG = np.random.default_rng(3)
VOLUME = RNG.normal(5, 2, (4, 7, 9)).astype(np.float32)
LABELS = RNG.integers(0, 3, (4, 7, 9)).astype(np.uint8)
WORDS = "a volume; images along y, rows along z, columns along x"
TILTS = [-60.0, -0.25, 31.0, 60.5]


def images(array, axes=("y", "z", "x"), pixel_size_nm=0.37):
    return Images("a volume", array.shape, array.dtype, lambda: iter(array), pixel_size_nm, axes)


def series(pixel_size_nm=0.37):
    return images(VOLUME, ("tilt", "y", "x"), pixel_size_nm)


def read_all(path, opened=open_images):
    with opened(path) as stack:
        return np.array([stack.read(i) for i in range(stack.shape[0])]), stack


def test_an_mrc_volume_has_its_voxel_in_angstrom_and_is_valid(tmp_path):
    path = tmp_path / "volume.mrc"
    containers.write_mrc(path, images(VOLUME))
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        assert file.is_volume()
        np.testing.assert_array_equal(file.data, VOLUME)
        assert file.data.dtype == np.float32
        np.testing.assert_allclose(file.voxel_size.tolist(), (3.7, 3.7, 3.7), rtol=1e-6)
        np.testing.assert_allclose(file.header.cella.tolist(), (33.3, 25.9, 14.8), rtol=1e-6)
        assert file.header.origin.tolist() == (0, 0, 0)
        assert (file.header.dmin, file.header.dmax) == (VOLUME.min(), VOLUME.max())
        assert file.header.dmean == pytest.approx(VOLUME.mean(), rel=1e-6)
        assert file.header.rms == pytest.approx(VOLUME.std(), rel=1e-5)
        [label] = file.get_labels()
        assert label.rstrip() == f"catomo: {WORDS}"
    array, stack = read_all(path)
    np.testing.assert_array_equal(array, VOLUME)
    assert stack.voxel_nm == pytest.approx((0.37, 0.37, 0.37), rel=1e-6)


def test_an_mrc_tilt_series_is_a_stack_of_images(tmp_path):
    path = tmp_path / "aligned.mrc"
    containers.write_mrc(path, series())
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        assert file.is_image_stack()
        np.testing.assert_array_equal(file.data, VOLUME)
        np.testing.assert_allclose(file.voxel_size.tolist(), (3.7, 3.7, 3.7), rtol=1e-6)
    assert read_all(path)[1].voxel_nm == (None, pytest.approx(0.37), pytest.approx(0.37))


def test_labels_of_an_mrc_are_never_signed_bytes(tmp_path):
    labels = np.array([[[0, 1, 2, 255]]], np.uint8)
    containers.write_mrc(tmp_path / "labels.mrc", images(labels))
    assert mrcfile.validate(tmp_path / "labels.mrc")
    with mrcfile.open(tmp_path / "labels.mrc") as file:
        assert file.data.tolist() == labels.tolist()
    assert read_all(tmp_path / "labels.mrc")[0].tolist() == labels.tolist()


def test_one_angstrom_is_a_scale_where_catomo_wrote_it(tmp_path):
    """Other programs write it where they know none."""
    containers.write_mrc(tmp_path / "ours.mrc", images(VOLUME, pixel_size_nm=0.1))
    assert read_all(tmp_path / "ours.mrc")[1].voxel_nm == pytest.approx((0.1, 0.1, 0.1))
    content = (tmp_path / "ours.mrc").read_bytes()
    assert mrc.MADE_HERE.encode() in content[:1024]
    (tmp_path / "theirs.mrc").write_bytes(content.replace(b"catomo: ", b"others: "))
    assert read_all(tmp_path / "theirs.mrc")[1].voxel_nm == (None, None, None)


def test_ngff_zarr_reads_volume_scale_and_labels(tmp_path):
    from ngff_zarr import from_ngff_zarr

    folder = tmp_path / "volume.ome.zarr"
    containers.write_ome_zarr(folder, images(VOLUME))
    classes = [("background", "#20303c"), ("support", "#c9ced2"), ("metal", "#c0392b")]
    containers.write_ome_labels(folder / "labels/classes", images(LABELS), classes)
    for place, array in ((folder, VOLUME), (folder / "labels/classes", LABELS)):
        read = from_ngff_zarr(str(place), validate=True)
        [image] = read.images
        assert read.metadata.name == WORDS
        np.testing.assert_array_equal(np.asarray(image.data), array)
        assert tuple(image.dims) == ("z", "y", "x")
        assert dict(image.scale) == {"z": 0.37, "y": 0.37, "x": 0.37}
        assert set(dict(image.axes_units).values()) == {"nanometer"}
        read, stack = read_all(place)
        np.testing.assert_array_equal(read, array)
        assert stack.voxel_nm == (0.37, 0.37, 0.37)
    assert json.loads((folder / "labels/.zattrs").read_text()) == {"labels": ["classes"]}
    about = json.loads((folder / "labels/classes/.zattrs").read_text())["image-label"]
    assert about["source"] == {"image": "../../"}
    assert about["colors"][0] == {"label-value": 0, "rgba": [0x20, 0x30, 0x3C, 0]}
    assert about["colors"][2] == {"label-value": 2, "rgba": [0xC0, 0x39, 0x2B, 255]}
    assert about["properties"][1] == {"label-value": 1, "class": "support"}


def test_images_larger_than_a_chunk_are_cut_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "_LONGEST_CHUNK_PX", 4)
    from ngff_zarr import from_ngff_zarr

    for name, array in (("floats", VOLUME), ("labels", LABELS)):
        containers.write_ome_zarr(tmp_path / name, images(array))
        assert (tmp_path / name / "0/3/1/2").is_file()
        np.testing.assert_array_equal(read_all(tmp_path / name)[0], array)
        [image] = from_ngff_zarr(str(tmp_path / name)).images
        np.testing.assert_array_equal(np.asarray(image.data), array)


def test_an_ome_zarr_tilt_series_keeps_angles_and_scale(tmp_path):
    from ngff_zarr import from_ngff_zarr

    containers.write_ome_zarr(tmp_path / "aligned.ome.zarr", series(), {"tilt_deg": TILTS})
    [image] = from_ngff_zarr(str(tmp_path / "aligned.ome.zarr"), validate=True).images
    np.testing.assert_array_equal(np.asarray(image.data), VOLUME)
    assert (image.scale["y"], image.scale["x"]) == (0.37, 0.37)
    array, stack = read_all(tmp_path / "aligned.ome.zarr", open_series)
    np.testing.assert_array_equal(array, VOLUME)
    assert stack.tilt_deg == TILTS
    assert stack.voxel_nm == (None, 0.37, 0.37)


def test_nxtomo_reads_images_angles_keys_and_pixel_size(tmp_path):
    from nxtomo import NXtomo

    path = tmp_path / "aligned.nxs"
    containers.write_nxtomo(path, series(), TILTS, unusable=[2])
    read = NXtomo().load(str(path), "/entry", detector_data_as="as_numpy_array")
    detector = read.instrument.detector
    np.testing.assert_array_equal(detector.data, VOLUME)
    assert [key.value for key in detector.image_key_control] == [0, 0, 3, 0]
    np.testing.assert_allclose(read.sample.rotation_angle.to("degree").magnitude, TILTS)
    for size in (detector.x_pixel_size, detector.y_pixel_size):
        assert size.to("nm").magnitude == pytest.approx(0.37)
    array, stack = read_all(path, open_series)
    np.testing.assert_array_equal(array, VOLUME[[0, 1, 3]])
    assert stack.tilt_deg == [TILTS[0], TILTS[1], TILTS[3]]
    assert stack.voxel_nm == (None, pytest.approx(0.37), pytest.approx(0.37))


def test_the_same_images_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        containers.write_mrc(tmp_path / name / "a.mrc", series())
        containers.write_nxtomo(tmp_path / name / "a.nxs", series(), TILTS)
        containers.write_ome_zarr(tmp_path / name / "a.ome.zarr", series())
    for file in (tmp_path / "one").rglob("*"):
        if file.is_file():
            other = tmp_path / "two" / file.relative_to(tmp_path / "one")
            assert file.read_bytes() == other.read_bytes(), file


def test_one_image_is_held_at_a_time(tmp_path):
    """Each image is let go before the next is made, so memory does not grow with the stack."""
    import weakref

    held = []

    def pages():
        for _ in range(4):
            assert sum(one() is not None for one in held) <= 1
            page = VOLUME[0].copy()
            held.append(weakref.ref(page))
            yield page

    one = Images("a volume", VOLUME.shape, VOLUME.dtype, pages, 1.0, ("y", "z", "x"))
    containers.write_mrc(tmp_path / "a.mrc", one)
    containers.write_nxtomo(tmp_path / "a.nxs", one, TILTS)
    containers.write_ome_zarr(tmp_path / "a.ome.zarr", one)
