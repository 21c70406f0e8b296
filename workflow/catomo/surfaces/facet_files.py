"""What is written of facets: their table, that of the lines where they meet, the pole figure."""

from __future__ import annotations

import numpy as np

from catomo import figures
from catomo.files.tables import number_text, write_csv
from catomo.record.record import Output
from catomo.surfaces.facets import directions
from catomo.surfaces.relief import Relief

_FACETS = [
    "facet", "normal_x", "normal_y", "normal_z", "normal_off_deg", "area_nm2", "share", "family",
    "planes", "flatness_nm", "gathered",
]  # fmt: skip
_LINES = [
    "line", "kind", "facet_a", "facet_b", "family_a", "family_b", "angle_deg", "dihedral_deg",
    "length_nm", "from_x_nm", "from_y_nm", "from_z_nm", "to_x_nm", "to_y_nm", "to_z_nm",
]  # fmt: skip
_XYZ = [2, 0, 1]  # of (y, z, x)


def write_facets(out: Output, relief: Relief | None, pixel_size_nm: float) -> None:
    """Write ``facets.csv``, ``facet_lines.csv``, ``pole_figure.csv`` and ``pole_figure.png``.

    Without facets the tables have their header only; without a surface there is no pole figure.
    """
    write_csv(out.path("facets.csv"), _FACETS, _rows(relief, pixel_size_nm))
    write_csv(out.path("facet_lines.csv"), _LINES, _line_rows(relief, pixel_size_nm))
    if relief is None:
        return
    rows = [
        [*map(number_text, direction[_XYZ]), number_text(value)]
        for direction, value in zip(directions(), relief.facets.density, strict=True)
    ]
    write_csv(out.path("pole_figure.csv"), ["x", "y", "z", "density"], rows)
    _draw(out, relief)


def _rows(relief: Relief | None, size: float) -> list[list[str]]:
    if relief is None:
        return []
    facets = relief.facets
    total = relief.elements.free_areas.sum()
    planes = np.bincount(facets.facet_of_plane, minlength=len(facets.facets))
    return [
        [
            str(number + 1),
            *map(number_text, one.normal[_XYZ]),
            number_text(one.off_deg),
            number_text(one.area * size**2),
            number_text(one.area / total),
            relief.name_of(number),
            str(planes[number]),
            number_text(one.flatness * size),
            number_text(one.gathered),
        ]
        for number, one in enumerate(facets.facets)
    ]


def _line_rows(relief: Relief | None, size: float) -> list[list[str]]:
    rows = []
    for number, line in enumerate(relief.lines if relief else [], 1):
        ends = line.points[[0, -1]][:, _XYZ] * size
        inside = 180 - line.angle_deg if line.is_apex else 180 + line.angle_deg
        rows.append(
            [
                str(number),
                "apex" if line.is_apex else "valley",
                *(str(facet + 1) for facet in line.facets),
                *(relief.name_of(facet) for facet in line.facets if relief),
                number_text(line.angle_deg),
                number_text(inside),
                number_text(line.length * size),
                *map(number_text, ends.ravel()),
            ]
        )
    return rows


def _draw(out: Output, relief: Relief) -> None:
    """Draw both halves of all directions so that equal areas are equal: Lambert's projection."""
    figure, both = figures.new_figure(1, 2, size=(9, 4.6))
    poles, density = directions()[:, _XYZ], relief.facets.density
    highest = float(density.max())
    for axes, half in zip(both, (1, -1), strict=True):
        here = half * poles[:, 2] >= -0.02
        place = _equal_area(poles[here], half)
        shown = axes.tripcolor(
            *place.T, density[here], cmap="viridis", vmin=0, vmax=highest, shading="gouraud"
        )
        turn = np.linspace(0, 2 * np.pi, 181)
        axes.plot(np.cos(turn), np.sin(turn), color=figures.INK, linewidth=1)
        for number, one in enumerate(relief.facets.facets):
            normal = one.normal[_XYZ]
            if half * normal[2] < 0:
                continue
            x, y = _equal_area(normal[None], half)[0]
            name = relief.name_of(number)
            axes.plot(x, y, "o", mfc="none", mec="white", markersize=9)
            words = f"{number + 1}: {{{name}}}" if name and name != "other" else str(number + 1)
            side = -1 if x > 0 else 1  # so that it stays within the disc
            axes.annotate(
                words, (x, y), (6 * side, 6), textcoords="offset points", color="white",
                ha="right" if x > 0 else "left",
            )  # fmt: skip
        axes.set_title("facing along the beam (+z)" if half > 0 else "facing against it (−z)")
        axes.set_xlabel("x")
        axes.set_ylabel("y")
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.invert_yaxis()  # as in pictures of slices and images, y runs down
    figure.colorbar(shown, ax=both, label="area by direction, over that of a ball", shrink=0.8)
    figures.save(figure, out.path("pole_figure.png"))


def _equal_area(normals: np.ndarray, half: int) -> np.ndarray:
    """Return places (n, 2) in a disc of radius one, as seen from the side that they face."""
    return normals[:, :2] / np.sqrt(np.maximum(1 + half * normals[:, 2:], 1e-9))
