"""OME-TIFF sets: the other files that are read with one are known before it is opened."""

import os

import numpy as np
import pytest
import tifffile

from catomo.files.ome import files_of_set
from catomo.files.readers import open_images
from catomo.record.hashes import fingerprint
from catomo.record.record import identity

OME = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{0}">
<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="5" SizeY="4"
SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
<TiffData FirstZ="0" IFD="0"><UUID FileName="a_1.ome.tif">urn:uuid:1</UUID></TiffData>
<TiffData FirstZ="1" IFD="0"><UUID FileName="a_2.ome.tif">urn:uuid:2</UUID></TiffData>
</Pixels></Image></OME>"""


def ome_set(folder, **options):
    paths = [folder / f"a_{number}.ome.tif" for number in (1, 2)]
    for number, path in enumerate(paths, start=1):
        image = np.full((4, 5), number, np.uint8)
        tifffile.imwrite(path, image, description=OME.format(number), metadata=None, **options)
    return paths


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_the_other_files_of_a_set_are_found_and_count(tmp_path, bigtiff, byteorder):
    one, other = ome_set(tmp_path, bigtiff=bigtiff, byteorder=byteorder)
    assert (files_of_set(one), files_of_set(other)) == ([other], [one])
    with open_images(one) as stack:
        assert [int(stack.read(number)[0, 0]) for number in (0, 1)] == [1, 2]
    before, known = fingerprint(one), identity(one, False)
    content = bytearray(other.read_bytes())
    times = other.stat()
    content[-1] ^= 1
    other.write_bytes(content)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint(one) != before
    assert identity(one, False) != known


def test_a_file_alone_is_no_set(tmp_path):
    one, other = ome_set(tmp_path)
    other.unlink()
    assert files_of_set(one) == []
    for path, options in ((tmp_path / "plain.tif", {}), (tmp_path / "own.ome.tif", {"ome": True})):
        tifffile.imwrite(path, np.zeros((3, 4, 5), np.uint8), **options)
        assert files_of_set(path) == []
        assert set(identity(path, False)) == {"file", "sha256"}


def test_other_and_damaged_files_are_no_set(tmp_path):
    one, _ = ome_set(tmp_path)
    whole = one.read_bytes()
    path = tmp_path / "damaged.tif"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        files_of_set(path)
    path.write_bytes(b"II*\0\xff\xff\xff\xff")
    assert files_of_set(path) == []
    path.write_bytes(b"not an image")
    assert files_of_set(path) == []
