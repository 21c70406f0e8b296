"""Files of microscopes, made here byte by byte: what is read, and the one line when broken."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.angles import side_files
from catomo.files.readers import open_series
from catomo.files.store import write_stack
from helpers.mrc import STACK, fei_2003, mrc

TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]


def fei_1(tilts, size_nm):
    records = np.zeros((len(tilts), 768), np.uint8)
    for record, tilt in zip(records, tilts, strict=True):
        record[0:4] = np.frombuffer(np.array(768, "<i4").tobytes(), np.uint8)
        record[100:108] = np.frombuffer(np.array(tilt, "<f8").tobytes(), np.uint8)
        record[156:164] = np.frombuffer(np.array(size_nm * 1e-9, "<f8").tobytes(), np.uint8)
    return records.tobytes()


def read_all(path):
    with open_series(path) as series:
        images = np.stack([series.read(i) for i in range(series.shape[0])])
        assert images.shape == series.shape
        assert images.dtype == np.float32
        return images, series.tilt_deg, series.pixel_size_nm


def refusal(path):
    with pytest.raises(UserError) as caught:
        read_all(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", [".mrc", ".st", ".ali", ".rec", ".unheard"])
def test_mrc_is_known_by_its_stamp_whatever_its_name(tmp_path, suffix):
    images, tilt, size = read_all(mrc(tmp_path / f"series{suffix}"))
    assert np.array_equal(images, STACK)
    assert tilt is None
    assert size == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("mode", "dtype"), [(0, "i1"), (1, "i2"), (2, "f4"), (6, "u2")])
def test_mrc_of_every_type_and_byte_order(tmp_path, order, mode, dtype):
    stack = (np.abs(STACK) % 100).astype(dtype)
    images, _, _ = read_all(mrc(tmp_path / "series.mrc", stack, order=order, mode=mode))
    assert np.array_equal(images, stack)


def test_mrc_of_fei_without_stamp(tmp_path):
    """No 'MAP ', 1 Å in the header, zero-padded records: the real HAADF.mrc of 2011."""
    path = mrc(tmp_path / "old.mrc", size_nm=0.1, stamp=b"", extended=fei_2003(TILTS, 3.36))
    images, tilt, size = read_all(path)
    assert np.array_equal(images, STACK)
    assert tilt == TILTS
    assert size == pytest.approx(3.36, rel=1e-6)


def test_mrc_of_fei_with_typed_records(tmp_path):
    path = mrc(tmp_path / "new.mrc", extended=fei_1(TILTS, 0.75), kind=b"FEI1")
    _, tilt, size = read_all(path)
    assert tilt == TILTS
    assert size == pytest.approx(0.75)


def test_mrc_of_serialem_with_angles(tmp_path):
    sections = np.zeros((5, 8), "<i2")
    sections[:, 0] = np.array(TILTS) * 100
    path = mrc(tmp_path / "s.st", extended=sections.tobytes(), kind=b"SERI")
    content = bytearray(path.read_bytes())
    content[128:132] = np.array([16, 1], "<i2").tobytes()
    path.write_bytes(content)
    assert read_all(path)[1] == TILTS


def test_mrc_of_one_angstrom_means_unknown(tmp_path):
    assert read_all(mrc(tmp_path / "a.mrc", size_nm=0.1))[2] is None


def test_mrc_cut_short(tmp_path):
    path = mrc(tmp_path / "a.mrc")
    path.write_bytes(path.read_bytes()[:-100])
    assert "is cut short" in refusal(path)
    path.write_bytes(path.read_bytes()[:500])
    assert "is no MRC file" in refusal(path)


def test_text_named_mrc(tmp_path):
    path = tmp_path / "a.mrc"
    path.write_text("this is no image\n" * 200)
    assert "is no MRC file" in refusal(path)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_tiff_stack(tmp_path, compression):
    import tifffile

    if compression == "lzw":
        pytest.importorskip("imagecodecs")
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, STACK, compression=compression, photometric="minisblack")
    images, tilt, size = read_all(path)
    assert np.array_equal(images, STACK)
    assert tilt is None
    assert size is None


def test_tiff_pixel_size_from_imagej_and_from_catomo(tmp_path):
    import tifffile

    stack = STACK.astype(np.float32)
    path = tmp_path / "ij.tif"
    tifffile.imwrite(
        path, stack, imagej=True, resolution=(1 / 0.4, 1 / 0.4), metadata={"unit": "nm"}
    )
    images, _, size = read_all(path)
    assert np.array_equal(images, stack)
    assert size == pytest.approx(0.4, rel=1e-5)
    write_stack(tmp_path / "own.tif", stack, 0.35)
    images, _, size = read_all(tmp_path / "own.tif")
    assert np.array_equal(images, stack)
    assert size == 0.35


def test_tiff_resolution_for_a_printer_is_no_pixel_size(tmp_path):
    import tifffile

    path = tmp_path / "dpi.tif"
    tifffile.imwrite(path, STACK, resolution=(72, 72), resolutionunit="INCH")
    assert read_all(path)[2] is None


def test_folder_of_images_in_the_order_of_their_numbers(tmp_path):
    import tifffile

    for number, image in enumerate(STACK):
        tifffile.imwrite(tmp_path / f"tilt_{number + 7}.tif", image)  # 7, 8, 9, 10, 11
    (tmp_path / "notes.txt").write_text("a good day")
    (tmp_path / "angles.rawtlt").write_text("\n".join(map(str, TILTS)))
    for name in ("._tilt_7.tif", "._angles.rawtlt"):
        (tmp_path / name).write_text("what a system keeps")
    assert np.array_equal(read_all(tmp_path)[0], STACK)
    assert side_files(tmp_path) == [tmp_path / "angles.rawtlt"]


def test_folder_of_images_of_another_size(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "a_1.tif", STACK[0])
    tifffile.imwrite(tmp_path / "a_2.tif", STACK[0][:-1])
    assert "all must be alike" in refusal(tmp_path)


def test_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing yet")
    assert "holds no image" in refusal(tmp_path)


def test_broken_tiffs(tmp_path):
    import tifffile

    path = tmp_path / "a.tif"
    path.write_bytes(b"")
    assert "is empty" in refusal(path)
    path.write_bytes(b"II*\0\0\0\0\0")
    assert "holds no image" in refusal(path)
    tifffile.imwrite(path, np.zeros((5, 20, 24, 3), np.uint8), photometric="rgb")
    assert "expected grey images" in refusal(path)
    tifffile.imwrite(path, STACK)
    path.write_bytes(path.read_bytes()[:-400])  # which takes away the last pages' tags
    assert "is damaged or cut short" in refusal(path)
    write_stack(path, STACK.astype(np.float32), 0.5)
    path.write_bytes(path.read_bytes()[:-400])
    assert "cut short" in refusal(path)
    tifffile.imwrite(path, STACK, compression="zlib")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[2].dataoffsets[0]
    content[start : start + 60] = b"\xff" * 60
    path.write_bytes(content)
    assert "image 3 is not readable" in refusal(path)


def test_missing_and_unknown_files(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing.mrc")
    path = tmp_path / "movie.avi"
    path.write_bytes(b"RIFF" + bytes(2000))
    assert "format is not known" in refusal(path)


def test_formats_that_need_more_packages(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rsciio", None)
    path = tmp_path / "a.dm3"
    path.write_bytes(b"\0\0\0\3" + bytes(2000))
    assert "pip install 'catomo[formats]'" in refusal(path)
