"""How far apart particles are: straight, and along the surface of the support."""

from __future__ import annotations

import numpy as np

from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.quantity import SAMPLE, quantity, ratio_of, resampled

DIGITISED = (
    "low and high: digitisation alone, as measured on phantoms with round particles, without what "
    "the segmentation has wrong"
)
_OFF_SPACING_PX = (0.3, 0.25)  # below and above

# How many particles may count as one with another: one in twenty, and one in six of those with a
# neighbour this near (phantoms: 0 to 3 of 20).
_BY_CHANCE, _OF_NEAR, _NEAR_PX = 1 / 20, 1 / 6, 2.0
# Below and above, share: close particles merged, planes along the worst directions.
_OFF_ALONG = (0.35, 0.15)


def hidden(particles: MeasuredParticles) -> float:
    """Return how many particles may have merged with a neighbour without a trace."""
    near = np.count_nonzero(particles.spacing[particles.kept] < _NEAR_PX)
    count = np.count_nonzero(particles.kept)
    return float(min(count * _BY_CHANCE, 1.0) + near * _OF_NEAR)


def spacing(particles: MeasuredParticles) -> dict:
    """Return the mean gap from each particle to the nearest other one."""
    method = "mean gap from the surface of each particle to that of the nearest other"
    weight = particles.spacing_weight
    known = weight > 0
    if not known.any():
        lone = np.count_nonzero(particles.kept) < 2
        why = "there are not two particles" if lone else "the frame cuts all neighbourhoods"
        return quantity(None, "nm", f"{method}: {why}")
    weight, gap = weight[known], particles.spacing[known] * particles.pixel_size_nm
    mean = float((weight * gap).sum() / weight.sum())
    below, above = (off * particles.pixel_size_nm for off in _OFF_SPACING_PX)
    merged = 2 * hidden(particles) / len(gap)  # each hides two gaps
    return quantity(
        mean, "nm",
        f"{method}; those nearer to the end of the data than to their neighbour are left out and "
        f"the others weighted for it; {DIGITISED}; {SAMPLE}",
        (max((1 - merged) * mean - below, 0.0), mean + above),
        resampled(ratio_of(weight * gap, weight), len(gap)),
    )  # fmt: skip


def spacing_along(particles: MeasuredParticles, support: str) -> dict:
    """Return the mean way along the support from each particle to the nearest other one."""
    method = (
        f"mean way along the surface of {support} from the rim of each particle to that of the "
        "nearest other"
    )
    weight = particles.along_weight
    known = weight > 0
    if not known.any():
        joined = np.count_nonzero(np.isfinite(particles.spacing_along))
        why = "the frame cuts all neighbourhoods" if joined else "no way joins two particles"
        return quantity(None, "nm", f"{method}: {why}")
    size = particles.pixel_size_nm
    weight, way = weight[known], particles.spacing_along[known] * size
    mean = float((weight * way).sum() / weight.sum())
    below, above = _OFF_ALONG
    return quantity(
        mean, "nm",
        f"{method}, from voxel to voxel and divided by 1.07, which such ways are longer on the "
        "average of directions; those nearer to the end of the data than to their neighbour are "
        f"left out and the others weighted for it; {DIGITISED}; {SAMPLE}",
        (max((1 - below) * mean - size, 0.0), (1 + above) * mean + size),
        resampled(ratio_of(weight * way, weight), len(way)),
    )  # fmt: skip
