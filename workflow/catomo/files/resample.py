"""Images whose voxels are not cubes, brought onto cubes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from catomo.files.image_stack import ImageStack

if TYPE_CHECKING:
    from scipy import sparse

_SLICES_KEPT = 4


def as_cubes(
    stack: ImageStack, size_nm: float | None = None, along_images: bool = True
) -> ImageStack:
    """Return a stack that is resampled to cubes (or square pixels) while it is read.

    Values are interpolated linearly; where voxels become larger, they are averaged. Images of
    8-bit greys stay 8-bit greys, others become float32. For labels see `nearest_cubes`.

    Parameters
    ----------
    stack : ImageStack
        An axis whose distance is not known is left as it is.
    size_nm : float, optional
        Edge of the new voxels; by default the smallest that the stack has.
    along_images : bool
        Whether the distance between images counts, too.
    """
    old = [size if axis or along_images else None for axis, size in enumerate(stack.voxel_nm)]
    new, ratios = _ratios(old, size_nm)
    if ratios == [1.0, 1.0, 1.0]:
        return stack
    images, rows, columns = (
        _weights(length, ratio) for length, ratio in zip(stack.shape, ratios, strict=True)
    )
    greys = stack.dtype == np.uint8

    @lru_cache(maxsize=_SLICES_KEPT)  # neighbours of an image serve the next one, too
    def flat(number: int) -> np.ndarray:
        image = stack.read(number).astype(np.float32)
        return np.asarray(rows @ image @ columns.T, np.float32)

    def read(number: int) -> np.ndarray:
        row = images.getrow(number)
        image = sum(
            np.float32(weight) * flat(int(source))
            for source, weight in zip(row.indices, row.data, strict=True)
        )
        image = np.asarray(image, np.float32)
        return np.rint(image).clip(0, 255).astype(np.uint8) if greys else image

    voxel = [new if size else None for size in old]
    return replace(
        stack,
        shape=(images.shape[0], rows.shape[0], columns.shape[0]),
        dtype=np.dtype(np.uint8 if greys else np.float32),
        read=read,
        voxel_nm=(voxel[0] if along_images else stack.voxel_nm[0], voxel[1], voxel[2]),
        names=stack.names if images.shape[0] == stack.shape[0] else None,
    )


def nearest_cubes(stack: ImageStack, size_nm: float | None = None) -> ImageStack:
    """Return a stack of labels that is resampled to cubes: each voxel takes the nearest value.

    Parameters
    ----------
    stack, size_nm
        As of `as_cubes`.
    """
    new, ratios = _ratios(list(stack.voxel_nm), size_nm)
    if ratios == [1.0, 1.0, 1.0]:
        return stack
    images, rows, columns = (
        _nearest(length, ratio) for length, ratio in zip(stack.shape, ratios, strict=True)
    )

    def read(number: int) -> np.ndarray:
        return stack.read(int(images[number]))[np.ix_(rows, columns)]

    at, down, across = (new if size else None for size in stack.voxel_nm)
    return replace(
        stack,
        shape=(len(images), len(rows), len(columns)),
        read=read,
        voxel_nm=(at, down, across),
        names=stack.names if ratios[0] == 1.0 else None,
    )


def _ratios(old: list[float | None], size_nm: float | None) -> tuple[float, list[float]]:
    """Return the edge of the new voxels, and along each axis how many old ones it is long."""
    known = [size for size in old if size]
    if not known:
        return 0.0, [1.0, 1.0, 1.0]
    new = size_nm or min(known)
    return new, [1.0 if size is None or abs(size / new - 1) < 0.01 else new / size for size in old]


def _nearest(length: int, ratio: float) -> np.ndarray:
    """Return for each new voxel along an axis the old one in which its centre lies.

    Both axes begin at the outer edge of their first voxel, as in `_weights`.
    """
    count = max(int(length / ratio + 1e-6), 1)
    return np.clip((np.arange(count) + 0.5) * ratio, 0, length - 1).astype(int)


def _weights(length: int, ratio: float) -> sparse.csr_matrix:
    """Return the matrix that resamples an axis; `ratio` is the new step in old ones.

    Both axes begin at the outer edge of their first voxel. The straight lines between old values
    are read at the new places, and averaged over the new voxels where these are larger.
    """
    from scipy import sparse

    if ratio == 1.0:
        return sparse.identity(length, np.float32, format="csr")
    count = max(int(length / ratio + 1e-6), 1)
    centres = (np.arange(count) + 0.5) * ratio - 0.5
    reach = int(np.ceil(ratio / 2)) + 1
    sources = np.floor(centres)[:, None].astype(int) + np.arange(-reach, reach + 2)
    away = centres[:, None] - sources
    if ratio > 1:
        weights = (_area_of_tent(away + ratio / 2) - _area_of_tent(away - ratio / 2)) / ratio
    else:
        weights = np.clip(1 - np.abs(away), 0, None)
    rows = np.repeat(np.arange(count), sources.shape[1])
    columns = np.clip(sources, 0, length - 1)  # beyond the ends the last value goes on
    matrix = sparse.csr_matrix((weights.ravel(), (rows, columns.ravel())), (count, length))
    matrix.eliminate_zeros()
    return matrix.astype(np.float32)


def _area_of_tent(end: np.ndarray) -> np.ndarray:
    """Return the integral of max(1 - |u|, 0) from minus infinity to `end`."""
    u = np.clip(end, -1, 1)
    return np.where(u < 0, (u + 1) ** 2 / 2, 1 - (1 - u) ** 2 / 2)
