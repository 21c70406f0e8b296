"""A volume that another program has segmented: its labels, its scale, and what is wrong with them.

Every voxel must be of a class. What is told of such a volume stands in its record and on the
page, because it comes with nothing else: no grey slices and no confidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import TIFF, is_zarr, split_member
from catomo.files.image_folder import open_image_folder
from catomo.files.image_stack import UNKNOWN, ImageStack
from catomo.files.pixel_size import tiff_voxel_nm
from catomo.files.readers import is_image, open_images
from catomo.files.resample import nearest_cubes
from catomo.files.scale import Scale, to_scale
from catomo.files.tiff import open_tiff
from catomo.labels.files import Expected
from catomo.labels.neighbours import unrelated
from catomo.labels.pages import is_png, label_pages
from catomo.labels.values import IGNORE, Annotation, check_values

# More different values than this are greys: there are at most 256 labels to tell apart.
_MOST_VALUES = 4096

LACKS = (
    "The segmentation was made elsewhere: it comes without grey slices and without confidence, "
    "so pictures show labels alone, and no figure here tells how sure the labels are."
)


@dataclass(frozen=True)
class LabelVolume:
    """A segmentation from elsewhere, open for reading.

    Attributes
    ----------
    images : ImageStack
        Labels (y, z, x) at their scale; use `pages`.
    pixel_size_nm : float
        Edge of a voxel.
    size_from : str
        Where that size is from: ``file`` or ``given``.
    notes : tuple of str
        What a person must be told, in whole lines.
    """

    images: ImageStack
    pixel_size_nm: float
    size_from: str
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (y, z, x)."""
        return self.images.shape

    def pages(self) -> Iterator[np.ndarray]:
        """Yield the labels of each slice, uint8 (z, x)."""
        for number in range(self.shape[0]):
            yield self.images.read(number).astype(np.uint8)

    @property
    def names(self) -> list[str]:
        """Names of its slices, as catomo names those it reconstructs."""
        return [f"slice_{index:04d}" for index in range(self.shape[0])]

    def expected(self) -> Expected:
        """Return what labels to score it against must fit."""
        return Expected(self.names, self.shape, self.pixel_size_nm, lambda _: None)

    def in_words(self) -> str:
        """Return shape and scale in a line for a person to compare."""
        shape = " × ".join(map(str, self.shape))
        origin = {"file": "from the file", "given": "as given"}[self.size_from]
        return f"{shape} voxels of {self.pixel_size_nm:g} nm ({origin})"

    def facts(self) -> dict[str, object]:
        """Return what a record says of the volume."""
        return {
            "names": self.names,
            "shape": list(self.shape),
            "axes": ["y", "z", "x"],
            "pixel_size_nm": self.pixel_size_nm,
            "pixel_size_from": self.size_from,
            "lacks": LACKS,
            "notes": list(self.notes),
        }


@contextmanager
def open_label_volume(
    path: Path | str, classes: Sequence[str], scale: Scale
) -> Iterator[LabelVolume]:
    """Open a segmentation of another program, whose scale and values are checked.

    Parameters
    ----------
    path : path
        A stack in any format of `catomo.files.readers.open_images`, or a folder of images.
    classes : sequence of str
        Names of the classes in the order of their label values, background first.
    scale : Scale

    Raises
    ------
    UserError
        If the file cannot be read, contradicts the given pixel size, has voxels that are not
        cubes, or a voxel has the number of no class.
    """
    path = Path(path)
    with _open_labels(path) as stored:
        notes = _check_labels(path, stored, classes)
        if words := unrelated(stored.read, stored.shape[0]):
            notes.append(f"{path}: {words}")
        images, size_nm = to_scale(path, stored, scale, nearest_cubes)
        if images.shape != stored.shape:
            before, after = (" × ".join(map(str, shape)) for shape in (stored.shape, images.shape))
            notes.append(
                f"{path}: {before} voxels were resampled to {after} cubes of {size_nm:g} nm, each "
                "with the label nearest to it"
            )
        known = [size for size in stored.voxel_nm if size]
        if known and None in stored.voxel_nm:
            notes.append(
                f"{path}: holds no distance between slices; voxels are taken for cubes of "
                f"{size_nm:g} nm"
            )
        given = scale.given_nm is not None
        if given and known and scale.trust_given:
            said = " × ".join(f"{size:.6g}" for size in known)
            notes.append(f"{path}: says {said} nm; the given {size_nm:g} nm are used instead")
        told = (*stored.notes, *notes)
        yield LabelVolume(images, size_nm, "given" if given else "file", told)


@contextmanager
def _open_labels(path: Path) -> Iterator[ImageStack]:
    """Open labels as the values that are stored, which palettes and greys as RGB hide."""
    file, _ = split_member(path)
    if not file.exists():
        raise UserError(f"{file}: no such file or folder; give a file or a folder of images")
    is_folder = file.is_dir() and not is_zarr(file)
    opened = open_image_folder(file, is_image, _open_file) if is_folder else _open_file(path)
    with opened as stack:
        if min(stack.shape) < 1:
            raise UserError(f"{path}: holds no image")
        yield stack


def _open_file(path: Path) -> AbstractContextManager[ImageStack]:
    if path.is_file() and (is_png(path) or _is_colour_tiff(path)):
        return _open_colours(path)
    return open_images(path, as_stored=True)


def _is_colour_tiff(path: Path) -> bool:
    if path.suffix.lower() not in TIFF:
        return False
    with open_tiff(path) as tiff:
        return tiff.pages[0].samplesperpixel > 1


@contextmanager
def _open_colours(path: Path) -> Iterator[ImageStack]:
    """Open labels that an editor saved in colours, of which all parts are equal."""
    images = np.stack([np.ascontiguousarray(image) for image in label_pages(path)])
    voxel = UNKNOWN
    if not is_png(path):
        with open_tiff(path) as tiff:
            voxel = tiff_voxel_nm(tiff)
    shape = images.shape[0], images.shape[1], images.shape[2]
    yield ImageStack(shape, images.dtype, images.__getitem__, None, voxel)


def _check_labels(path: Path, images: ImageStack, classes: Sequence[str]) -> list[str]:
    """Check that every voxel is of a class; return what is to be told of them."""
    found = np.zeros(0)
    pixels = np.zeros(IGNORE + 1, np.int64)
    for number in range(images.shape[0]):
        values, counts = np.unique(images.read(number), return_counts=True)
        found = np.union1d(found, values)
        if found.size > _MOST_VALUES:
            break
        small = np.isin(values, range(IGNORE + 1))
        pixels[values[small].astype(int)] += counts[small]
    if found.size > _MOST_VALUES:
        raise UserError(
            f"{path}: holds more than {_MOST_VALUES} different values, from {found[0]:g} to "
            f"{found[-1]:g}; these are greys, or particles with numbers of their own: give the "
            "file whose values are the numbers of the classes"
        )
    annotation = Annotation(str(path), tuple(pixels.tolist()))
    if np.array_equal(found, [0, IGNORE]):
        annotation.check_no_mask(classes)
    check_values(found, len(classes), str(path), may_lack=False)
    return annotation.told(classes, "all its quantities are 0 or not known")
