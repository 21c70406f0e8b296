"""Whether a projector says what catomo's own says: its values, its orientation, both directions.

Some failures are reported by no error, such as those of a GPU whose driver is too old.
"""

from __future__ import annotations

import numpy as np

from catomo.errors import UserError
from catomo.projection.projector import Projector
from catomo.projection.shear import ShearProjector

# Rays, strips and textures differ by up to 5 % on objects as small as these.
_MOST = 0.1


def check_agreement(projector: Projector, backend: str) -> None:
    """Compare a projector with the shear projector on slices without any symmetry.

    Parameters
    ----------
    projector : Projector
    backend : str
        Named in the error.

    Raises
    ------
    UserError
        If projections or back projections of any slice differ by more than 10 %.
    """
    depth, width = projector.shape
    z, x = np.ogrid[:depth, :width]
    high, wide = max(depth / 9, 3), max(width / 9, 3)  # at least as wide as pixels and rays need
    images = np.stack(
        [
            height * np.exp(-(((z - down * depth) / high) ** 2) - ((x - along * width) / wide) ** 2)
            for down, along, height in ((0.4, 0.6, 1.0), (0.55, 0.3, 20.0), (0.7, 0.45, 0.1))
        ]
    ).astype(np.float32)
    own = ShearProjector(projector.tilt_deg, projector.shape, projector.detector, projector.centre)
    sinograms = own.forward(images)
    pairs = {
        "projections": (projector.forward(images), sinograms),
        "back projections": (projector.backward(sinograms), own.backward(sinograms)),
    }
    for what, (found, wanted) in pairs.items():
        left = np.linalg.norm((found - wanted).reshape(len(images), -1), axis=1)
        if not (left < _MOST * np.linalg.norm(wanted.reshape(len(images), -1), axis=1)).all():
            raise UserError(
                f"reconstruct: the {what} of backend {backend} are wrong on this machine (they "
                f"differ from catomo's own by more than {100 * _MOST:.0f} %); use backend: cpu"
            )
