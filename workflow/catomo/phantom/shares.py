"""Shares: how much of a phantom's pixel each part fills, and the label that follows.

Shares, unlike labels, can be moved by a fraction of a pixel: rounding a particle's truth to
whole pixels costs 1.5 % of its DSC before any method has begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from catomo.phantom.settings import Labels, Specimen

# The parts of a specimen, in the order in which they claim a pixel.
PARTICLES, PLATE, FILM = PARTS = ("particles", "plate", "film")

# A file of shares holds uint8: 255 is a pixel filled completely.
FULL = 255

_DEFAULT_LABELS = Labels().model_dump()

# Files and labels of a phantom with the default labels. Records that were made before
# specimens had labels do not name them, and are of such phantoms.
DEFAULT_PARTS: dict[str, dict[str, Any]] = {
    PARTICLES: {"file": "truth_pt.tif", "label": _DEFAULT_LABELS[PARTICLES]},
    PLATE: {"file": "truth_alumina.tif", "label": _DEFAULT_LABELS[PLATE]},
}


def stored_parts(specimen: Specimen) -> dict[str, dict[str, Any]]:
    """Return the ``file`` of shares and the ``label`` of each part whose truth is kept.

    Plate and particles are always kept, a film where it has a label. The files of a phantom
    with the default labels are named after its materials, those of any other after its parts.
    """
    labels = specimen.labels.model_dump()
    if labels == _DEFAULT_LABELS:
        return DEFAULT_PARTS
    kept = [part for part in PARTS if part != FILM or labels[FILM]]
    return {part: {"file": f"truth_{part}.tif", "label": labels[part]} for part in kept}


def labels_of(
    shares: Mapping[str, np.ndarray],
    labels: Mapping[str, int] = _DEFAULT_LABELS,
    full: float = 1.0,
) -> np.ndarray:
    """Return the label of each pixel from the shares of the parts.

    Particles claim a pixel that they fill by half, then the plate a pixel that plate and
    particles fill by half, then the film likewise. Parts of label 0 are background and claim
    nothing.

    Parameters
    ----------
    shares : mapping of str to ndarray
        Share of each part, by its name in `PARTS`; arrays of one shape.
    labels : mapping of str to int, optional
        Label of each part; by default plate 1, particles 2 and film 0.
    full : float
        The share of a pixel that is filled completely.

    Returns
    -------
    ndarray of uint8
        Labels, 0 for background.
    """
    result = np.zeros(next(iter(shares.values())).shape, np.uint8)
    filled: np.ndarray | float = 0.0
    for part in PARTS:
        if part in shares and labels[part]:
            filled = filled + shares[part]
            result[(result == 0) & (filled >= full / 2)] = labels[part]
    return result
