"""SerialEM's .mdoc: what it says of each image, and of the whole series.

Sections are named after the number of the image in its stack (``[ZValue = 3]``), after the file
of the image (``[Image = tilt_03.tif]``), or after the set of frames (``[FrameSet = 0]``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any

from catomo.errors import UserError

_SECTION = re.compile(r"\[\s*(\w+)\s*=\s*(.*?)\s*\]?\s*$")
_OF_IMAGES = ("zvalue", "image", "frameset")
_FIRST_WORDS = re.compile(
    r"\s*(\[\s*(ZValue|Image|FrameSet|T)\s*=|(PixelSpacing|TiltAngle|SubFramePath)\s*=)", re.I
)
_E_PER_NM2 = 100.0  # electrons per nm², in one per Å²


@dataclass(frozen=True)
class Mdoc:
    """What an .mdoc holds.

    Attributes
    ----------
    tilt : list of float
        Angles in degrees, in the order of the images.
    images : list of str, optional
        The file of each image, where all are named.
    pixel_size_nm : float, optional
    acquisition : dict
        As in `catomo.files.acquisition`.
    """

    tilt: list[float]
    images: list[str] | None
    pixel_size_nm: float | None
    acquisition: dict[str, Any]


@dataclass
class _Section:
    kind: str
    value: str
    line: int
    entries: dict[str, tuple[str, int]] = field(default_factory=dict)


def is_mdoc(lines: list[str]) -> bool:
    """Return whether lines of text are those of an .mdoc."""
    return any(_FIRST_WORDS.match(line) for line in lines)


def read_mdoc(path: Path, lines: list[str], number: Callable[[str, str], float]) -> Mdoc:
    """Read an .mdoc, whose sections are in the order of acquisition; ZValue numbers the images.

    Parameters
    ----------
    path : Path
        For messages.
    lines : list of str
    number : callable
        ``number(text, where)`` returns the number that a text is, or raises `UserError`.
    """
    head, *sections = _sections(lines)
    with_angle = [
        one for one in sections if one.kind in _OF_IMAGES and "tiltangle" in one.entries
    ] or [one for one in (head,) if "tiltangle" in one.entries]
    if not with_angle:
        raise UserError(f"{path}: holds no TiltAngle; give an .mdoc of a tilt series")
    if all(one.kind == "zvalue" for one in with_angle):
        with_angle = _by_number(path, with_angle, number)

    def value(section: _Section, key: str) -> float | None:
        if key not in section.entries:
            return None
        text, line = section.entries[key]
        return number(text, f"{path} line {line}")

    everywhere = [head, *with_angle]
    spacing = next((s for s in (value(one, "pixelspacing") for one in everywhere) if s), None)
    tilts = [value(one, "tiltangle") for one in with_angle]
    return Mdoc(
        [tilt for tilt in tilts if tilt is not None],
        _images(with_angle),
        None if spacing is None else spacing / 10,  # Å
        _acquisition(head, with_angle, [line.strip() for line in lines]),
    )


def _sections(lines: list[str]) -> list[_Section]:
    """Return what stands before the first section, and all sections."""
    sections = [_Section("", "", 0)]
    for number, line in enumerate(lines, start=1):
        heading = _SECTION.match(line.strip())
        if heading and heading[1].lower() != "t":  # [T = …] is a title, not a section
            sections.append(_Section(heading[1].lower(), heading[2], number))
        elif not heading:
            key, equals, text = (part.strip() for part in line.partition("="))
            if equals:
                sections[-1].entries.setdefault(key.lower(), (text, number))
    return sections


def _by_number(
    path: Path, sections: list[_Section], number: Callable[[str, str], float]
) -> list[_Section]:
    """Return sections in the order of their images in the stack."""
    numbered: dict[int, _Section] = {}
    for section in sections:
        z = int(number(section.value, f"{path} line {section.line}"))
        if z in numbered:
            raise UserError(
                f"{path} line {section.line}: ZValue {z} occurs twice; keep one per image"
            )
        numbered[z] = section
    return [numbered[z] for z in sorted(numbered)]


def _images(sections: list[_Section]) -> list[str] | None:
    names = [
        one.value if one.kind == "image" else one.entries.get("subframepath", ("", 0))[0]
        for one in sections
    ]
    names = [PureWindowsPath(name).name for name in names]  # it splits at / and at \
    return names if all(names) and len(set(names)) == len(names) else None


def _acquisition(head: _Section, sections: list[_Section], lines: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, key, factor in (
        ("voltage_kv", "voltage", 1.0),
        ("magnification", "magnification", 1.0),
        ("exposure_time_s", "exposuretime", 1.0),
        ("dose_per_image_e_per_nm2", "exposuredose", _E_PER_NM2),
    ):
        texts = [one.entries[key][0] for one in sections if key in one.entries]
        texts = texts or [one.entries[key][0] for one in (head,) if key in one.entries]
        try:
            values = [float(text) for text in texts]
        except ValueError:
            continue  # it is told for information only
        if values and sum(values) > 0:
            found[name] = float(f"{factor * sum(values) / len(values):.6g}")
    dates = [one.entries["datetime"][0] for one in sections if "datetime" in one.entries]
    if dates:
        found["date"] = dates[0]
    for line in lines:
        title = re.match(r"\[T = SerialEM:\s*(?:Acquired on\s+)?(.*?)\s*\]", line, re.I)
        if title:
            found["microscope"] = re.sub(r"\s*\d+-\w+-\d+\s+[\d:]+$", "", title[1])
            break
    return found
