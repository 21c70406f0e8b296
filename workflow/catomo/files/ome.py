"""What the OME-XML of a TIFF says about its images, and which file of a set holds which."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from catomo.errors import UserError

_IMAGE_DESCRIPTION = 270  # number of the tag
_MOST_TAGS = 1000
_LONGEST = 64 << 20  # bytes of a description


@dataclass(frozen=True)
class OmeImages:
    """Images in the order of their number, as OME-XML describes them.

    Attributes
    ----------
    sizes : dict of str to int
        Length of the axes Z, C and T.
    images : int
        How many separate images, each with such axes, the XML describes.
    planes : dict of int to (str, int)
        By number of a plane: the name of the file of a set that holds it, and its page. Empty
        where all planes lie in the file itself.
    """

    sizes: dict[str, int]
    images: int
    planes: dict[int, tuple[str, int]]

    def files(self, path: Path) -> list[tuple[Path, int]]:
        """Return file and page of each plane of a set, in order.

        Raises
        ------
        UserError
            If a plane or its file is missing.
        """
        found = []
        for number in range(self.sizes["Z"] * self.sizes["C"] * self.sizes["T"]):
            name, page = self.planes.get(number, ("", 0))
            file = path.with_name(Path(name).name or path.name)
            if not name or not file.is_file():
                raise UserError(
                    f"{path}: belongs to a set of files, of which that of image {number + 1} "
                    f"({name or 'not named'}) is missing; copy all files of the set"
                )
            found.append((file, page))
        return found


def files_of_set(path: Path) -> list[Path]:
    """Return the other files that are read with an OME-TIFF because it is one of a set.

    It is called for every dataset at each start, so only the first description is read. It is
    empty for files of other kinds, and for damaged ones.
    """
    try:
        ome = read_ome(_description(path), path)
    except (OSError, OverflowError, struct.error):
        return []
    names = {Path(name).name for name, _ in ome.planes.values()} if ome else set()
    return [
        file for name in sorted(names - {path.name}) if (file := path.with_name(name)).is_file()
    ]


def _description(path: Path) -> str:
    """Return the description of the first image of a TIFF file; empty if there is none."""
    with open(path, "rb") as file:

        def read(kind: str, place: int) -> tuple[int, ...]:
            file.seek(place)
            return struct.unpack(order + kind, file.read(struct.calcsize(order + kind)))

        order = {b"II": "<", b"MM": ">"}.get(file.read(2), "")
        if not order:
            return ""
        (version,) = read("H", 2)
        if version not in (42, 43):
            return ""
        # Numbers of entries and places in the file are longer in BigTIFF.
        many, place = ("Q", "Q") if version == 43 else ("H", "I")
        (directory,) = read(place, 8 if version == 43 else 4)
        (entries,) = read(many, directory)
        entry = struct.calcsize(f"{order}HH{place}{place}")
        first = directory + struct.calcsize(order + many)
        for number in range(min(entries, _MOST_TAGS)):
            tag, _, length, start = read(f"HH{place}{place}", first + number * entry)
            if tag == _IMAGE_DESCRIPTION and length > struct.calcsize(place):
                file.seek(start)
                return file.read(min(length, _LONGEST)).rstrip(b"\0 ").decode(errors="replace")
    return ""


def read_ome(metadata: str, path: Path) -> OmeImages | None:
    """Return what OME-XML says; None if it is not readable as such."""
    try:
        root = ElementTree.fromstring(metadata)
        described = root.findall(".//{*}Pixels")
        if not described:
            return None
        pixels = described[0]
        sizes = {axis: int(pixels.get(f"Size{axis}", "1")) for axis in "ZCT"}
        channel = pixels.find("{*}Channel")
        samples = 1 if channel is None else int(channel.get("SamplesPerPixel", "1"))
        sizes["C"] = max(sizes["C"] // max(samples, 1), 1)
        own = {root.get("UUID", ""), path.name}
        placed = list(_placed(pixels, sizes))
    except (ElementTree.ParseError, ValueError):
        return None
    is_set = any(name and name not in own and uuid not in own for _, name, uuid, _ in placed)
    planes = {number: (name, page) for number, name, _, page in placed if name} if is_set else {}
    return OmeImages(sizes, len(described), planes)


def _placed(
    pixels: ElementTree.Element, sizes: dict[str, int]
) -> Iterator[tuple[int, str, str, int]]:
    """Yield number, file name, UUID and page of each plane."""
    order = pixels.get("DimensionOrder", "XYZCT").upper().replace("X", "").replace("Y", "")
    total = sizes["Z"] * sizes["C"] * sizes["T"]
    for data in pixels.findall("{*}TiffData"):
        number, step = 0, 1
        for axis in order:
            number += step * int(data.get(f"First{axis}", "0"))
            step *= sizes.get(axis, 1)
        page = int(data.get("IFD", "0"))
        count = int(data.get("PlaneCount", "1" if "IFD" in data.attrib else str(total)))
        uuid = data.find("{*}UUID")
        name = "" if uuid is None else uuid.get("FileName", "")
        for offset in range(min(count, total - number)):
            yield (
                number + offset,
                name,
                (uuid.text or "" if uuid is not None else ""),
                page + offset,
            )
