"""Bodies between planes, turned at random: what facets are there is known exactly."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.spatial.transform import Rotation

_CUBE = [(np.eye(3)[axis] * sign, 1.0, "100") for axis in range(3) for sign in (1, -1)]
_OCTAHEDRON = [(np.array(signs) / 3**0.5, 1.0, "111") for signs in product((1, -1), repeat=3)]

# Normal, distance from the centre and family of each plane.
PLANES = {
    "cube": _CUBE,
    "octahedron": _OCTAHEDRON,
    # All edges alike: 8 hexagons of 3√3/2 and 6 squares of 1.
    "truncated octahedron": [
        *((normal, 3**0.5 / 2, name) for normal, _, name in _OCTAHEDRON),
        *_CUBE,
    ],
    "hexagonal prism": [
        *(
            (np.array([np.cos(turn), np.sin(turn), 0]), 1.0, "110")
            for turn in np.arange(6) * np.pi / 3
        ),
        *((np.array([0, 0, sign]), 0.8, "111") for sign in (1, -1)),
    ],
}

# Share of the area of each family, in closed form.
SHARES = {
    "cube": {"100": 1.0},
    "octahedron": {"111": 1.0},
    "truncated octahedron": {"111": 12 * 3**0.5 / (12 * 3**0.5 + 6), "100": 6 / (12 * 3**0.5 + 6)},
    "hexagonal prism": {"110": 1.6 / 2.6, "111": 1 / 2.6},
}


def polyhedron(
    kind: str, radius: float, seed: int, size: int = 0
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return labels (y, z, x) of 0 and 1, the true normals (y, z, x) and their families.

    `radius` is the distance of the planes of distance 1 from the centre, in px.
    """
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    off = np.random.default_rng(seed).uniform(-0.5, 0.5, 3)
    size = size or int(2 * radius * (1.8 if kind == "octahedron" else 1.75)) + 6
    line = np.arange(size) - (size - 1) / 2
    normals = np.array([turn @ normal for normal, _, _ in PLANES[kind]])
    inside = np.ones((size,) * 3, bool)
    for normal, (_, distance, _) in zip(normals, PLANES[kind], strict=True):
        y, z, x = (part * (line - shift) for part, shift in zip(normal, off, strict=True))
        inside &= y[:, None, None] + z[:, None] + x <= distance * radius
    return inside.astype(np.uint8), normals, [name for _, _, name in PLANES[kind]]


def corrugated(
    period: float, slope_deg: float, size: tuple[int, int, int], thickness: float
) -> np.ndarray:
    """Return labels of a plate whose upper side is a zigzag along x, its lower side flat."""
    y, z, x = (np.arange(n, dtype=float) - (n - 1) / 2 for n in size)
    across = np.abs(x / period - np.round(x / period)) * period
    top = thickness / 2 - across * np.tan(np.radians(slope_deg))
    page = (z[:, None] <= top) & (z[:, None] >= -thickness / 2)
    page &= np.abs(x) < size[2] / 2 - 4
    return np.where(np.abs(y)[:, None, None] < size[0] / 2 - 4, page, False).astype(np.uint8)
