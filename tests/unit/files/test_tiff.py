"""TIFF of any program: every page is read as what it is, or named in one line."""

import uuid

import numpy as np
import pytest
import tifffile

from catomo.errors import UserError
from catomo.files.readers import open_images, open_series

GREYS = np.random.default_rng(0).integers(0, 255, (6, 20, 24), dtype=np.uint8)
PLAIN = {"metadata": None, "photometric": "minisblack"}


def read_all(path, **options):
    with open_images(path, **options) as stack:
        images = np.stack([stack.read(number) for number in range(stack.shape[0])])
        assert images.shape == stack.shape
        assert images.dtype == stack.dtype
        return images, stack


def refusal(path):
    with pytest.raises(UserError) as caught:
        read_all(path)
    message = str(caught.value)
    assert str(path.name) in message
    assert "\n" not in message
    return message


def write_pages(path, pages, options=()):
    """Write one page after another, each with its own options."""
    with tifffile.TiffWriter(path) as tiff:
        for number, page in enumerate(pages):
            tiff.write(page, **PLAIN | (options[number] if options else {}))
    return path


STORED = [
    {},
    {"compression": "lzw"},
    {"compression": "zlib", "predictor": True},
    {"compression": "zlib", "rowsperstrip": 3},
    {"tile": (16, 16)},
    {"compression": "packbits"},
]


def test_pages_that_differ_in_storage_only_are_one_stack(tmp_path):
    path = write_pages(tmp_path / "mixed.tif", GREYS, STORED)
    np.testing.assert_array_equal(read_all(path)[0], GREYS)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "f4", "f8", "f2"])
def test_every_type_in_both_byte_orders(tmp_path, order, kind):
    stack = (GREYS.astype(float) * 1.5).astype(kind)
    for number, options in enumerate(STORED[:3]):
        path = tmp_path / f"{number}.tif"
        predictor = options.get("predictor") and kind[0] != "f"
        tifffile.imwrite(
            path, stack, byteorder=order, **PLAIN, **options | {"predictor": predictor}
        )
        images, found = read_all(path)
        np.testing.assert_array_equal(images, stack)
        assert found.dtype == np.dtype(kind)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (GREYS[0, :-1], "page 4 is 19 × 24 px uint8 .*, but page 1 is 20 × 24 px uint8"),
        (GREYS[0].astype(np.uint16), "page 4 is 20 × 24 px uint16"),
        (np.zeros((20, 24, 3), np.uint8), "page 4 is 20 × 24 px uint8, 3 values per pixel"),
    ],
)
def test_a_page_of_another_kind_is_named(tmp_path, odd, words):
    options = [{"photometric": "rgb"} if page.ndim == 3 else {} for page in [*GREYS[:3], odd]]
    path = write_pages(tmp_path / "a.tif", [*GREYS[:3], odd, GREYS[4]], [*options, {}])
    message = refusal(path)
    import re

    assert re.search(words, message)
    # The way out: the images that belong together in a file of their own.
    np.testing.assert_array_equal(read_all(write_pages(path, GREYS[:3]))[0], GREYS[:3])


def test_pages_of_another_meaning_or_scale_are_named(tmp_path):
    meaning = [{}, {}, {"photometric": "miniswhite"}]
    message = refusal(write_pages(tmp_path / "a.tif", GREYS[:3], meaning))
    assert "page 3 is 20 × 24 px uint8 (miniswhite), but page 1" in message
    scale = [
        {"resolution": (size, size), "resolutionunit": "CENTIMETER"} for size in (2e7, 2e7, 1e7)
    ]
    message = refusal(write_pages(tmp_path / "b.tif", GREYS[:3], scale))
    assert "the scale (resolution tags) of page 3 is not that of page 1" in message
    partly = [scale[0], {}, scale[1]]  # a page that says nothing contradicts nothing
    assert read_all(write_pages(tmp_path / "c.tif", GREYS[:3], partly))[0].shape == (3, 20, 24)


@pytest.mark.parametrize("preview", [GREYS[0, :5, :6], np.zeros((10, 12, 3), np.uint8)])
@pytest.mark.parametrize("told", [True, False])
def test_a_preview_before_the_images_is_left_out_and_told(tmp_path, preview, told):
    first = {"subfiletype": 1} if told else {}
    first |= {"photometric": "rgb"} if preview.ndim == 3 else {}
    path = write_pages(tmp_path / "a.tif", [preview, *GREYS], [first, *[{}] * 6])
    images, stack = read_all(path)
    np.testing.assert_array_equal(images, GREYS)
    assert "page 1 is a smaller copy" in stack.notes[0]


def test_a_preview_after_the_images_that_says_so_is_left_out(tmp_path):
    path = write_pages(
        tmp_path / "a.tif", [*GREYS, GREYS[0, :5, :6]], [{}] * 6 + [{"subfiletype": 1}]
    )
    np.testing.assert_array_equal(read_all(path)[0], GREYS)


@pytest.mark.parametrize("kind", ["u1", "u2", "i2"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_is_zero_is_read_as_seen_and_labels_as_stored(tmp_path, kind, compression):
    seen = GREYS.astype(kind)
    stored = ~seen
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, photometric="miniswhite", metadata=None, compression=compression)
    images, stack = read_all(path)
    np.testing.assert_array_equal(images, seen)
    assert "0 is white" in stack.notes[0]
    images, stack = read_all(path, as_stored=True)
    np.testing.assert_array_equal(images, stored)
    assert not stack.notes
    with open_series(path) as series:
        np.testing.assert_array_equal(series.read(2), seen[2].astype(np.float32))


def test_imagej_writes_a_large_stack_as_one_page(tmp_path):
    """One page stands for all images, as in ImageJ's stacks of more than 4 GB."""
    path = tmp_path / "a.tif"
    description = "ImageJ=1.54f\nimages=6\nslices=6\nunit=nm\nspacing=0.5\n"
    tifffile.imwrite(path, GREYS[0], description=description, **PLAIN, resolution=(2, 2))
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    path.write_bytes(path.read_bytes()[:start] + GREYS.tobytes())
    images, stack = read_all(path)
    np.testing.assert_array_equal(images, GREYS)
    assert stack.voxel_nm == (0.5, 0.5, 0.5)
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut short" in refusal(path)


def test_fewer_images_than_imagej_says_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    description = "ImageJ=1.54f\nimages=6\nslices=6\n"
    write_pages(path, GREYS[:4], [{"description": description}, {}, {}, {}])
    assert "its metadata says 6 images, 4 are there" in refusal(path)


def test_several_axes_of_images_are_refused(tmp_path):
    stack = GREYS.reshape(2, 3, 20, 24)
    tifffile.imwrite(tmp_path / "ij.tif", stack[:, :, None], imagej=True)
    tifffile.imwrite(tmp_path / "shaped.tif", stack, photometric="minisblack")
    tifffile.imwrite(
        tmp_path / "x.ome.tif", stack, photometric="minisblack", metadata={"axes": "TZYX"}
    )
    for name in ("ij.tif", "shaped.tif", "x.ome.tif"):
        assert "several axes of images" in refusal(tmp_path / name)
    for name in ("ij.tif", "shaped.tif", "x.ome.tif"):  # the way out: save one of them
        tifffile.imwrite(tmp_path / name, stack[0], photometric="minisblack")
        np.testing.assert_array_equal(read_all(tmp_path / name)[0], stack[0])


def test_damaged_bytes_of_one_page_are_named(tmp_path):
    path = write_pages(tmp_path / "a.tif", GREYS, [{"compression": "zlib"}] * 6)
    with tifffile.TiffFile(path) as tiff:
        start = tiff.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start : start + 60] = b"\xff" * 60
    path.write_bytes(content)
    assert "image 3 is not readable" in refusal(path)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_file_that_is_cut_short_says_so(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREYS[0], compression=compression, metadata=None)
    path.write_bytes(path.read_bytes()[:-60])
    assert "is cut short: page 1 ends at byte" in refusal(path)


def test_a_header_that_asks_for_too_much_is_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREYS[0], compression="zlib", **PLAIN)
    with tifffile.TiffFile(path) as tiff:
        places = [tiff.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
    content = bytearray(path.read_bytes())
    for place in places:
        content[place : place + 4] = (2_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    assert "GB" in refusal(path)
    for place in places:  # 1.6 GB: fits into memory, but no image packs so well
        content[place : place + 4] = (40_000).to_bytes(4, "little")
    path.write_bytes(content)
    assert "would unpack to 1.6 GB" in refusal(path)


def ome_set(folder, images, axis="T", size_nm=0.5):
    """Write a set of OME files as Micro-Manager does: each names all of them."""
    folder.mkdir()
    count, rows, columns = images.shape
    ids = [f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, str(i))}" for i in range(count)]
    sizes = " ".join(f'Size{k}="{count if k == axis else 1}"' for k in "ZCT")
    parts = "".join(
        f'<TiffData First{axis}="{k}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="i{k}.ome.tif">{ids[k]}</UUID></TiffData>'
        for k in range(count)
    )
    for k in range(count):
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{ids[k]}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            f'Type="uint8" SizeX="{columns}" SizeY="{rows}" {sizes} PhysicalSizeX="{size_nm}" '
            f'PhysicalSizeXUnit="nm" PhysicalSizeY="{size_nm}" PhysicalSizeYUnit="nm">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{parts}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / f"i{k}.ome.tif", images[k], description=xml.encode(), **PLAIN)
    return folder


@pytest.mark.parametrize("axis", "TZC")
def test_each_file_of_an_ome_set_gives_its_own_image(tmp_path, axis):
    folder = ome_set(tmp_path / "set", GREYS, axis)
    images, stack = read_all(folder)
    np.testing.assert_array_equal(images, GREYS)
    assert stack.pixel_size_nm == 0.5
    # One file of it, given alone, stands for the whole set.
    np.testing.assert_array_equal(read_all(folder / "i3.ome.tif")[0], GREYS)
    (folder / "i2.ome.tif").unlink()
    assert "of which that of image 3 (i2.ome.tif) is missing" in refusal(folder / "i3.ome.tif")
    np.testing.assert_array_equal(read_all(folder)[0], GREYS[[0, 1, 3, 4, 5]])


def test_two_ome_images_in_one_file_are_refused(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for part in (GREYS[:3], GREYS[3:]):
            tiff.write(part, photometric="minisblack", metadata={"axes": "ZYX"})
    assert "holds 2 OME images" in refusal(path)


def test_damaged_metadata_are_no_traceback(tmp_path):
    path = tmp_path / "a.tif"
    for xml in ("<OME", "<?xml version='1.0'?><OME><Image><Pixels SizeZ='x'/></Image></OME>"):
        tifffile.imwrite(path, GREYS, description=f"<?xml {xml}", **PLAIN)
        np.testing.assert_array_equal(read_all(path)[0], GREYS)
