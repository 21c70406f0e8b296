"""The pages of a TIFF: which of them are the images of one stack, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from catomo.errors import UserError
from catomo.files.ome import OmeImages

if TYPE_CHECKING:
    import tifffile

_SAME_RESOLUTION = 0.01
_REDUCED = 1  # bit of NewSubfileType: a smaller copy of another image


def bytes_of(page: tifffile.TiffPage) -> int:
    """Return how many bytes the image of a page has when it is unpacked."""
    values = page.imagelength * page.imagewidth * page.imagedepth * page.samplesperpixel
    return values * max(page.bitspersample, 1) // 8


def check_page(path: Path, number: int, page: tifffile.TiffPage) -> None:
    """Check that the bytes of a page lie in the file.

    Raises
    ------
    UserError
        If they do not.
    """
    size, stored = path.stat().st_size, page.databytecounts
    ends = [start + count for start, count in zip(page.dataoffsets, stored, strict=False)]
    if not ends or min(stored) < 1 or min(page.dataoffsets) < 1:
        raise UserError(f"{path}: page {number} has no image data; save the file again")
    if max(ends) > size:
        raise UserError(
            f"{path}: is cut short: page {number} ends at byte {max(ends)}, the file at {size}; "
            "copy it again"
        )
    needed = bytes_of(page)
    if page.compression == 1 and page.samplesperpixel == 1 and sum(stored) < needed:
        raise UserError(
            f"{path}: is damaged: page {number} needs {needed} bytes, but has {sum(stored)}; save "
            "it again"
        )


def alike(
    path: Path, pages: list[tifffile.TiffPage]
) -> tuple[list[tifffile.TiffPage], tuple[str, ...]]:
    """Return the pages that are the images of one stack, and what to tell about the others.

    Smaller copies of an image are left out: pages that say so, and a first page that is
    smaller than the others, as a preview is. A file with a preview of 64 × 64 px on page 1 and
    images of 512 × 512 px on pages 2 to 36 gives those 35 pages, and the note that page 1 is left
    out.

    Raises
    ------
    UserError
        If the remaining pages differ in size, type, samples, meaning of the greys or scale.
    """
    kept = [page for page in pages if not page.subfiletype & _REDUCED] or pages
    if len(kept) > 1 and _is_smaller(kept[0], kept[1]):
        kept = kept[1:]
    kept_numbers = {page.index + 1 for page in kept}
    left_out = [page.index + 1 for page in pages if page.index + 1 not in kept_numbers]
    notes: tuple[str, ...] = ()
    if left_out:
        listed = ", ".join(map(str, left_out[:5])) + (", …" if len(left_out) > 5 else "")
        notes = (f"{path}: page {listed} is a smaller copy (a preview) and is left out",)
    for page in kept[1:]:
        if _kind(page) != _kind(kept[0]):
            raise UserError(
                f"{path}: page {page.index + 1} is {_words(page)}, but page {kept[0].index + 1} is "
                f"{_words(kept[0])}; save the images that belong together in a file of their own"
            )
        if not _same_scale(page, kept[0]):
            raise UserError(
                f"{path}: the scale (resolution tags) of page {page.index + 1} is not that of page "
                f"{kept[0].index + 1}; save the images of one scale in a file of their own"
            )
    return kept, notes


def check_grey(path: Path, page: tifffile.TiffPage) -> None:
    """Check that a page is a grey image.

    Raises
    ------
    UserError
        If it is not.
    """
    if page.samplesperpixel != 1 or page.imagedepth != 1:
        raise UserError(
            f"{path}: is a colour image or has an alpha channel ({page.samplesperpixel} values "
            "per pixel), expected grey images; save it in greys"
        )
    if page.dtype is None or page.dtype.kind not in "biuf" or 0 in page.shape:
        raise UserError(f"{path}: holds {_words(page)} images, expected grey images; save it again")


def check_stack_of(path: Path, tiff: tifffile.TiffFile, ome: OmeImages | None, pages: int) -> None:
    """Check that the metadata of a file describe one row of as many images as it has pages.

    Raises
    ------
    UserError
        If they describe several axes, or more images.
    """
    axes: dict[str, int] = {}
    if pages == 1:
        return
    if ome:
        axes = ome.sizes
        if ome.images > 1:
            raise UserError(
                f"{path}: holds {ome.images} OME images; save the one that is meant in a file of "
                "its own"
            )
    elif tiff.is_imagej:
        metadata = tiff.imagej_metadata or {}
        axes = {name: int(metadata.get(name, 1)) for name in ("channels", "slices", "frames")}
        declared = int(metadata.get("images", 1))
        if declared > pages:
            raise UserError(
                f"{path}: is cut short: its metadata says {declared} images, {pages} are there; "
                "copy or save it again"
            )
    elif tiff.is_shaped and tiff.shaped_metadata:
        outer = tiff.shaped_metadata[0].get("shape", ())[:-2]
        axes = {f"axis {number + 1}": int(length) for number, length in enumerate(outer)}
    long = {name: length for name, length in axes.items() if length > 1}
    if len(long) > 1:
        found = ", ".join(f"{length} along {name}" for name, length in long.items())
        raise UserError(
            f"{path}: found several axes of images ({found}), expected grey images (n, y, x); save "
            "one of them"
        )


def _kind(page: tifffile.TiffPage) -> tuple:
    return (
        page.imagelength,
        page.imagewidth,
        page.imagedepth,
        page.dtype,
        page.bitspersample,
        page.samplesperpixel,
        page.photometric,
    )


def _is_smaller(page: tifffile.TiffPage, other: tifffile.TiffPage) -> bool:
    return page.imagelength < other.imagelength and page.imagewidth < other.imagewidth


def _same_scale(page: tifffile.TiffPage, other: tifffile.TiffPage) -> bool:
    """Return whether the resolution tags agree, where both pages have them."""
    one, another = _resolution(page), _resolution(other)
    return not (one and another) or all(
        abs(a / b - 1) <= _SAME_RESOLUTION for a, b in zip(one, another, strict=True)
    )


def _resolution(page: tifffile.TiffPage) -> list[float] | None:
    """Return pixels per length along x and y; None where a page does not say."""
    values = []
    unit = page.tags["ResolutionUnit"].value if "ResolutionUnit" in page.tags else 2
    per_cm = {2: 1 / 2.54, 3: 1.0}.get(int(unit), 1.0)
    for name in ("XResolution", "YResolution"):
        pixels, length = page.tags[name].value if name in page.tags else (0, 0)
        if not pixels or not length or pixels == length:  # 1 per length stands for not known
            return None
        values.append(pixels / length * per_cm)
    return values


def _words(page: tifffile.TiffPage) -> str:
    """Return size and type of a page in words."""
    samples = "" if page.samplesperpixel == 1 else f", {page.samplesperpixel} values per pixel"
    meaning = getattr(page.photometric, "name", str(page.photometric)).lower()
    return f"{page.imagelength} × {page.imagewidth} px {page.dtype}{samples} ({meaning})"
