"""Label files of other programs: what is stored is read, and what is ambiguous is refused."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.labels.pages import is_png, label_pages

LABELS = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


def png(path, samples, colour, depth=8, palette=b""):
    """Write a PNG from the bytes of its rows."""

    def chunk(kind, data):
        end = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + end

    rows, columns = samples.shape[:2]
    packed = [
        bytes(row.ravel()) if depth == 8 else bits(row, depth) for row in samples.astype(np.uint8)
    ]
    content = b"\x89PNG\r\n\x1a\n"
    content += chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0))
    content += chunk(b"PLTE", palette) if palette else b""
    content += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in packed)))
    path.write_bytes(content + chunk(b"IEND", b""))


def bits(row, depth):
    text = "".join(f"{value:0{depth}b}" for value in row)
    return bytes(int(text[i : i + 8].ljust(8, "0"), 2) for i in range(0, len(text), 8))


def only(path):
    [page] = label_pages(path)
    return page


def test_a_png_is_read_as_stored_whatever_its_name(tmp_path):
    path = tmp_path / "a.png"
    for dtype in (np.uint8, np.uint16):
        path.write_bytes(imagecodecs.png_encode(LABELS.astype(dtype)))
        np.testing.assert_array_equal(only(path), LABELS)
    path.rename(tmp_path / "a.tif")
    assert is_png(tmp_path / "a.tif")
    np.testing.assert_array_equal(only(tmp_path / "a.tif"), LABELS)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_greys_of_few_bits_are_their_numbers(tmp_path, depth):
    values = np.array([[0, 1, 2**depth - 1], [1, 0, 0]])
    png(tmp_path / "a.png", values, colour=0, depth=depth)
    np.testing.assert_array_equal(only(tmp_path / "a.png"), values)


@pytest.mark.parametrize("depth", [2, 8])
def test_the_value_of_a_palette_is_its_index(tmp_path, depth):
    values = np.array([[0, 1, 2], [2, 1, 0]])
    colours = bytes([0, 0, 0, 255, 0, 0, 0, 255, 0])
    png(tmp_path / "colours.png", values, 3, depth, colours)
    np.testing.assert_array_equal(only(tmp_path / "colours.png"), values)
    # Fiji writes its table of 256 greys, here with the contrast set to 0 to 2, or inverted.
    for table in (np.minimum(np.arange(256) * 128, 255), 255 - np.arange(256)):
        png(tmp_path / "fiji.png", values, 3, 8, bytes(np.repeat(table, 3).astype(np.uint8)))
        np.testing.assert_array_equal(only(tmp_path / "fiji.png"), values)
    colormap = np.zeros((3, 256), np.uint16)
    colormap[:, :3] = np.eye(3) * 65535
    tifffile.imwrite(
        tmp_path / "a.tif", LABELS, photometric="palette", colormap=colormap, metadata=None
    )
    np.testing.assert_array_equal(only(tmp_path / "a.tif"), LABELS)


def test_a_palette_that_an_optimiser_made_of_labels_is_refused(tmp_path):
    path = tmp_path / "small.png"
    greys = bytes(np.repeat([0, 2, 255], 3).astype(np.uint8))
    png(path, np.array([[0, 1, 2]]), 3, 2, greys)
    with pytest.raises(UserError, match=r"small\.png: its palette shows .* 1 as 2, 2 as 255") as no:
        only(path)
    assert "8-bit greys without a palette" in str(no.value)
    path.write_bytes(imagecodecs.png_encode(np.array([[0, 2, 255]], np.uint8)))
    assert only(path).tolist() == [[0, 2, 255]]
    png(path, np.array([[0, 1, 2]]), 3, 2, bytes(np.repeat([0, 1, 2], 3).astype(np.uint8)))
    assert only(path).tolist() == [[0, 1, 2]]


def as_colours(*channels):
    return np.stack(channels, axis=-1)


OPAQUE = np.full_like(LABELS, 255)


@pytest.mark.parametrize(
    "samples",
    [as_colours(LABELS, OPAQUE), as_colours(*[LABELS] * 3), as_colours(*[LABELS] * 3, OPAQUE)],
    ids=["grey and alpha", "colours", "colours and alpha"],
)
def test_greys_stored_with_alpha_or_as_colours_are_read(tmp_path, samples):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(samples))
    np.testing.assert_array_equal(only(tmp_path / "a.png"), LABELS)
    photometric = "rgb" if samples.shape[-1] > 2 else "minisblack"
    for planar in ("contig", "separate"):
        data = samples if planar == "contig" else np.moveaxis(samples, -1, 0)
        options = {"photometric": photometric, "planarconfig": planar, "metadata": None}
        tifffile.imwrite(tmp_path / "a.tif", data, **options)
        np.testing.assert_array_equal(only(tmp_path / "a.tif"), LABELS)


def test_colours_and_transparent_pixels_are_refused_and_greys_are_the_way_out(tmp_path):
    path = tmp_path / "a.png"
    colours = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)[LABELS % 3]
    path.write_bytes(imagecodecs.png_encode(colours))
    with pytest.raises(UserError, match=r"3 colours, such as 0/0/0, 0/200/0, 200/0/0") as refused:
        only(path)
    assert "save it in 8-bit greys, whose values are the labels: 0, 1, …" in str(refused.value)
    path.write_bytes(imagecodecs.png_encode(LABELS % 3))
    np.testing.assert_array_equal(only(path), LABELS % 3)
    path.write_bytes(imagecodecs.png_encode(as_colours(LABELS, OPAQUE * (LABELS > 0))))
    with pytest.raises(UserError, match="some pixels are transparent"):
        only(path)


@pytest.mark.parametrize("samples", [3, 4])
def test_a_page_of_colours_that_is_black_all_over_is_background(tmp_path, samples):
    """An editor exports an overlay on which nothing is painted so; opaque, it is grey 0."""
    black = np.zeros((2, 3, samples), np.uint8)
    black[..., 3:] = 255
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(black))
    assert only(tmp_path / "a.png").tolist() == [[0, 0, 0], [0, 0, 0]]
    tifffile.imwrite(tmp_path / "a.tif", black, photometric="rgb", metadata=None)
    assert only(tmp_path / "a.tif").tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("cut", [5, 20, 45])
@pytest.mark.parametrize(("suffix", "compression"), [("png", ""), ("tif", "zlib"), ("tif", None)])
def test_a_damaged_file_is_one_line(tmp_path, suffix, compression, cut):
    """A label file that was cut short, as by a full disk."""
    path = tmp_path / f"s005.{suffix}"
    page = np.random.default_rng(0).integers(0, 3, (64, 64), dtype=np.uint8)
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(page))
    else:
        tifffile.imwrite(path, page, compression=compression, metadata=None)
    content = path.read_bytes()
    path.write_bytes(content[: -(cut + 20)])
    with pytest.raises(
        UserError, match=rf"s005\.{suffix}: is (damaged|cut short).*copy it"
    ) as refused:
        only(path)
    assert "\n" not in str(refused.value)
    path.write_bytes(content)
    np.testing.assert_array_equal(only(path), page)


def test_a_changed_byte_of_a_png_is_seen(tmp_path):
    path = tmp_path / "a.png"
    content = bytearray(imagecodecs.png_encode(LABELS))
    content[45] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png: is damaged or no PNG"):
        only(path)


def test_a_header_that_claims_far_more_than_the_file_holds_is_not_believed(tmp_path):
    path = tmp_path / "slice_0000.png"
    png(path, np.zeros((2, 3), np.uint8), 0)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">2I", 400_000, 400_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"would unpack to 160 GB, which images do not do"):
        only(path)


def test_an_image_without_values_is_refused(tmp_path):
    path = tmp_path / "slice_0000.tif"
    tifffile.imwrite(path, np.zeros((2, 3), np.complex64), photometric="minisblack")
    with pytest.raises(UserError, match=r"the type complex64, expected whole numbers"):
        only(path)
