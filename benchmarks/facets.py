"""Are facets found where they are, and nowhere else? Bodies of known planes, turned at random.

    PYTHONPATH=workflow python benchmarks/facets.py [--turns 20] [--quick]
        [--only cube octahedron "truncated octahedron" "hexagonal prism" ball sponge]

All bodies are measured by the same code with the same settings. The table gives for each in how
many orientations all facets are found and no other, in how many each family (of the lattice
`cubic`) is told right, and the largest errors of the share of a family and of an angle between
two facets. A hexagonal prism is no body of that lattice: its facets are compared without names.
A ball and a sponge have no facets.
"""

from __future__ import annotations

import argparse
from itertools import combinations, product

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from catomo.surfaces.frame import Frame
from catomo.surfaces.relief import Relief, relief_of
from catomo.surfaces.settings import FacetRule

RADIUS_PX = 24.0
_CUBE = [(np.eye(3)[axis] * sign, 1.0, "100") for axis in range(3) for sign in (1, -1)]
_OCTAHEDRON = [(np.array(signs) / 3**0.5, 1.0, "111") for signs in product((1, -1), repeat=3)]
_AROUND = [np.array([np.cos(turn), np.sin(turn), 0]) for turn in np.arange(6) * np.pi / 3]
# Normal, distance from the centre over the radius, family.
PLANES = {
    "cube": _CUBE,
    "octahedron": _OCTAHEDRON,
    "truncated octahedron": [*((n, 3**0.5 / 2, name) for n, _, name in _OCTAHEDRON), *_CUBE],
    "hexagonal prism": [
        *((normal, 1.0, "side") for normal in _AROUND),
        *((np.array([0, 0, sign]), 0.8, "base") for sign in (1, -1)),
    ],
}
# Share of the area of each family, in closed form.
SHARES = {
    "cube": {"100": 1.0},
    "octahedron": {"111": 1.0},
    "truncated octahedron": {"111": 12 * 3**0.5 / (12 * 3**0.5 + 6), "100": 6 / (12 * 3**0.5 + 6)},
    "hexagonal prism": {"side": 1.6 / 2.6, "base": 1 / 2.6},
}


def polyhedron(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return labels, true normals (y, z, x) and families of a body, turned by seed."""
    rng = np.random.default_rng([seed, 5])
    turn, off = Rotation.random(rng=rng).as_matrix(), rng.uniform(-0.5, 0.5, 3)
    size = int(3.7 * RADIUS_PX) + 6
    line = np.arange(size) - (size - 1) / 2
    normals = np.array([turn @ normal for normal, _, _ in PLANES[kind]])
    inside = np.ones((size,) * 3, bool)
    for normal, (_, distance, _) in zip(normals, PLANES[kind], strict=True):
        y, z, x = (part * (line - shift) for part, shift in zip(normal, off, strict=True))
        inside &= y[:, None, None] + z[:, None] + x <= distance * RADIUS_PX
    return inside.astype(np.uint8), normals, [name for _, _, name in PLANES[kind]]


def curved(kind: str, seed: int) -> np.ndarray:
    """Return labels of a ball or of a sponge."""
    rng = np.random.default_rng([seed, 6])
    if kind == "ball":
        radius = rng.uniform(8, 32)
        line = np.arange(int(2 * radius) + 8) - radius - 4
        y, z, x = (line - off for off in rng.uniform(-0.5, 0.5, 3))
        return (y[:, None, None] ** 2 + z[:, None] ** 2 + x**2 <= radius**2).astype(np.uint8)
    field = gaussian_filter(rng.standard_normal((80,) * 3), rng.uniform(3, 6))
    return (field > 0).astype(np.uint8)


def relief(labels: np.ndarray, lattice: bool) -> Relief | None:
    """Return the relief of a body."""
    rule = FacetRule(lattice="cubic" if lattice else None)
    return relief_of(labels, 1, rule, Frame.of(labels.shape), None)


def row_of(kind: str, turns: int) -> str:
    """Return the row of a body."""
    counts, named, shares, angles = 0, 0, [], []
    is_cubic = kind in PLANES and kind != "hexagonal prism"
    for seed in range(1, turns + 1):
        if kind not in PLANES:
            found = relief(curved(kind, seed), lattice=False)
            counts += found is not None and not found.facets.facets
            continue
        labels, normals, names = polyhedron(kind, seed)
        found = relief(labels, is_cubic)
        facets = found.facets if found else None
        if found is None or facets is None or len(facets.facets) != len(normals):
            continue
        of = (normals @ facets.normals.T).argmax(axis=0)
        counts += len(set(of)) == len(of)
        told = [names[one] for one in of]
        named += found.names == told
        total = found.elements.free_areas.sum()
        for name, share in SHARES[kind].items():
            area = sum(
                one.area for one, own in zip(facets.facets, told, strict=True) if own == name
            )
            shares.append(area / total - share)
        for one, other in combinations(range(len(of)), 2):
            here, true = facets.normals[[one, other]], normals[of[[one, other]]]
            angles.append(_angle(*here) - _angle(*true))
    words = [kind, f"{counts} of {turns}", f"{named} of {turns}" if is_cubic else "–"]
    words += [f"{100 * np.abs(shares).max():.1f} %" if len(shares) else "–"]
    words += [f"{np.abs(angles).max():.2f}°" if len(angles) else "–"]
    return f"| {' | '.join(words)} |"


def _angle(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def main() -> None:
    """Print the table."""
    bodies = [*PLANES, "ball", "sponge"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=bodies, default=bodies)
    parser.add_argument("--quick", action="store_true", help="two orientations")
    options = parser.parse_args()
    print("| body | all facets and no other | families | share off by | angle off by |")
    print("| --- | --- | --- | --- | --- |")
    for kind in options.only:
        print(row_of(kind, 2 if options.quick else options.turns), flush=True)


if __name__ == "__main__":
    main()
