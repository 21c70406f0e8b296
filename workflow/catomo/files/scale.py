"""The scale of a volume from elsewhere: what the file says against what is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catomo.errors import UserError
from catomo.files.image_stack import ImageStack
from catomo.files.pixel_size import is_same_size
from catomo.files.resample import as_cubes

_SAME_SIZE = 0.01


@dataclass(frozen=True)
class Scale:
    """The pixel size that a person gives, and what to do where a file contradicts it.

    Attributes
    ----------
    given_nm : float, optional
        None: the file must hold it.
    trust_given : bool
        Whether the given size wins over that of the file.
    resample : bool
        Whether voxels that are not cubes are brought to cubes of that size.
    words : (str, str, str)
        What a person writes to change each of the three, for messages.
    """

    given_nm: float | None
    trust_given: bool
    resample: bool
    words: tuple[str, str, str]


def to_scale(
    path: Path,
    images: ImageStack,
    scale: Scale,
    resampled: Callable[[ImageStack, float], ImageStack] = as_cubes,
) -> tuple[ImageStack, float]:
    """Return images whose voxels are cubes, and the edge of these in nm.

    Parameters
    ----------
    path : Path
        Named in messages.
    images : ImageStack
    scale : Scale
    resampled : callable
        Brings images to cubes of an edge in nm.

    Raises
    ------
    UserError
        If the file contradicts the given size, neither holds one, or voxels are not cubes.
    """
    given, (size_words, trust_words, resample_words) = scale.given_nm, scale.words
    known = [size for size in images.voxel_nm if size is not None]
    if given is not None and (scale.trust_given or not known):
        return images, given
    if not known:
        raise UserError(
            f"{path}: its pixel size is not known, the file holds none; give it as {size_words}, "
            "in nm"
        )
    if given is not None and not any(is_same_size(size, given, _SAME_SIZE) for size in known):
        raise UserError(
            f"{path}: pixel size is {given:g} nm by the given value but {known[-1]:.6g} nm by the "
            f"header; correct {size_words}, or set {trust_words} to use it all the same"
        )
    size_nm = given or (min(known) if scale.resample else known[-1])
    if scale.resample:
        return resampled(images, size_nm), size_nm
    if not all(is_same_size(size, known[-1], _SAME_SIZE) for size in known):
        trusted = trust_words if given is not None else f"{size_words} and {trust_words}"
        between, down, across = (f"{size:.6g}" if size else "?" for size in images.voxel_nm)
        raise UserError(
            f"{path}: voxels are not cubes: by the header slices lie {between} nm apart, rows "
            f"{down} nm and columns {across} nm; set {resample_words} to resample them to "
            f"{given or min(known):g} nm, or {trusted} if they are cubes all the same"
        )
    return images, size_nm
