"""The training data of the recipe `published` in `train.py`, rebuilt from the paper's text.

Only a benchmark needs them: masks are warped bilinearly here, a fault that catomo does not repeat.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform


def published_batches(images, labels, settings):
    """Yield batches made as the paper's code made them, masks bent bilinearly and cut."""
    size, window = np.array(images[0].shape), min(settings.patch_px, images[0].shape[0])
    rng = np.random.default_rng(settings.seed)
    rounds = settings.steps * settings.batch_size // len(images) + 1
    order = np.concatenate([rng.permutation(len(images)) for _ in range(rounds)])
    for step in range(settings.steps):
        batch = []
        for chosen in order[step * settings.batch_size : (step + 1) * settings.batch_size]:
            angle, shear = np.deg2rad(rng.uniform(-45, 45)), np.deg2rad(rng.uniform(-0.1, 0.1))
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            lean = np.array([[1, -np.sin(shear)], [0, np.cos(shear)]])
            matrix = turn @ lean @ np.diag(rng.uniform(0.9, 1.1, 2))
            shift = rng.uniform(-0.1, 0.1, 2) * size
            offset = (size - 1) / 2 - matrix @ ((size - 1) / 2) + matrix @ shift
            flips = tuple(slice(None, None, -1 if rng.random() < 0.5 else 1) for _ in range(2))
            batch.append(
                [
                    affine_transform(
                        array[chosen].astype(np.float32), matrix, offset, order=1, mode="reflect"
                    )[flips][:window, :window]
                    for array in (images, labels)
                ]
            )
        greys, masks = (np.stack(arrays) for arrays in zip(*batch, strict=True))
        yield (greys / 255)[..., None], masks.astype(np.uint8)
