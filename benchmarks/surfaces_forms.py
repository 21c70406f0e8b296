"""Closed forms for `surfaces.py`: bodies whose size, area and pores are known.

Each function yields rows: what was measured, in how many cases, the mean error, the largest
error, and the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import measure
from catomo.surfaces.meshes import Mesh, surface, surface_mesh
from catomo.surfaces.particles import Specimen, measure_particles

Row = tuple[str, int, str, str, str]


def ball(radius: float, centre: np.ndarray, size: int) -> np.ndarray:
    """Return a ball in a cube."""
    grid = np.ogrid[:size, :size, :size]
    return sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2


def _row(what: str, errors: list[float] | np.ndarray, bound: str) -> Row:
    errors = np.asarray(errors)
    worst = errors[np.abs(errors).argmax()]
    return what, len(errors), f"{100 * errors.mean():+.1f} %", f"{100 * worst:+.1f} %", bound


def bottle() -> np.ndarray:
    """Return a block with a room of 11 px radius that a throat of 4 px leads to."""
    block = np.zeros((40, 48, 40), np.uint8)
    block[4:36, 4:44, 4:36] = 1
    y, z, x = np.indices(block.shape) - np.array([20, 28, 20])[:, None, None, None]
    block[(y**2 + z**2 + x**2 < 121) | ((y**2 + x**2 < 16) & (z < 0))] = 0
    return block


def balls(quick: bool) -> Iterator[Row]:
    """Meshes of balls of 4 to 40 px radius."""
    rng = np.random.default_rng(11)
    radii = (4, 8) if quick else (4, 5, 6, 8, 12, 20, 30, 40)
    for radius in radii:
        size = 2 * radius + 6
        errors = []
        for _ in range(3 if quick else 10):
            centre = (size - 1) / 2 + rng.uniform(-0.5, 0.5, 3)
            mesh = Mesh(*surface_mesh(ball(radius, centre, size), 1.0))
            diameter = np.cbrt(6 * mesh.volume() / np.pi)
            errors.append([
                mesh.volume() / (4 / 3 * np.pi * radius**3) - 1,
                mesh.area() / (4 * np.pi * radius**2) - 1,
                diameter / (2 * radius) - 1,
            ])  # fmt: skip
        for what, column in zip(("volume", "area", "diameter"), np.transpose(errors), strict=True):
            yield _row(f"mesh of balls, r = {radius} px: {what}", column, "each 5 %")


def small_balls(quick: bool) -> Iterator[Row]:
    """Areas of balls down to one voxel, against the ball of as many voxels."""
    rng = np.random.default_rng(12)
    for radius in (0.6, 1.25, 3.0) if quick else (0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5):
        errors = []
        while len(errors) < (10 if quick else 100):
            inside = ball(radius, 6 + rng.uniform(-0.5, 0.5, 3), 13)
            if not inside.any():
                continue
            whole = np.pi * np.cbrt(6 * inside.sum() / np.pi) ** 2
            numbers = measure(inside.astype(np.uint8), 1.0, ["none", "ball"], None, "ball")
            errors.append(numbers["ball_area"]["value"] / whole - 1)
        yield _row(f"area of balls, r = {radius} px", errors, "mean 10 %")


def pores(quick: bool) -> Iterator[Row]:
    """A cuboid, a shell with an open and a closed pore, an ink bottle, two touching balls."""
    labels = np.zeros((40, 50, 60), np.uint8)
    labels[10:30, 10:40, 10:50] = 1
    mesh = Mesh(*surface_mesh(labels, 1.0, 1))
    area = 2 * (20 * 30 + 20 * 40 + 30 * 40)
    yield _row("cuboid of 20 × 30 × 40 px: volume of the mesh", [mesh.volume() / 24000 - 1], "5 %")
    yield _row("cuboid: area of the mesh", [mesh.area() / area - 1], "5 %")
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[6:34, 6:34, 6:34] = 1
    labels[10:16, 10:16, 10:16] = labels[22:28, 22:28, 22:28] = labels[24:26, 24:26, 28:34] = 0
    numbers = measure(labels, 1.0, hull_radius_nm=4.0)
    for kind, voxels in (("open", 6**3 + 24), ("closed", 6**3)):
        found = numbers[f"alumina_porosity_{kind}"]["value"] * 28**3
        yield _row(f"shell: {kind} pore", [found / voxels - 1], "5 %")
    found = measure(bottle(), 1.0, hull_radius_nm=5.0)["alumina_access_radius"]["value"]
    yield _row("ink bottle: access radius against 4 px", [found / 4 - 1], "4.00")
    grid = np.indices((40, 40, 70)) - 19.5
    two = np.zeros((40, 40, 70), np.uint8)
    for shift in (0, 15.5):
        two[(grid[0] ** 2 + grid[1] ** 2 + (grid[2] - shift) ** 2) <= 64] = 1
    numbers = measure(two, 1.0, ["none", "ball"], None, "ball")
    yield _row(
        "two touching balls, r = 8 px: number", [numbers["ball_count"]["value"] / 2 - 1], "2"
    )
    found = numbers["ball_diameter_d10"]["value"] / 16 - 1
    yield _row("two touching balls: mean diameter", [found], "5 %")


def half_balls(quick: bool) -> Iterator[Row]:
    """Half balls on planes in 50 directions."""
    rng = np.random.default_rng(13)
    normals = rng.normal(size=(4 if quick else 50, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    for radius in (9,) if quick else (4, 5, 6, 8, 9, 12, 16):
        size, errors = 2 * radius + 8, []
        for normal in normals:
            away = np.indices((size,) * 3) - (size - 1) / 2 - rng.uniform(-0.5, 0.5, (3, 1, 1, 1))
            height = np.tensordot(normal, away, 1)
            labels = (height < 0).astype(np.uint8)
            labels[((away**2).sum(axis=0) <= radius**2) & (height >= 0)] = 2
            specimen = Specimen(Frame.of(labels.shape), 3, 1, None, None)
            found = measure_particles(labels, 2, Particles(phase="pt"), 1.0, specimen)
            contact, exposed = found.contact.sum(), found.exposed.sum()
            errors.append([
                contact / (np.pi * radius**2) - 1,
                exposed / (2 * np.pi * radius**2) - 1,
                3 * contact / (contact + exposed) - 1,
            ])  # fmt: skip
        bounds = ("each 10 %, mean 5 %",) * 2 + ("each 8 %, mean 3 %",)
        for what, column, bound in zip(
            ("contact", "exposed", "contact fraction"), np.transpose(errors), bounds, strict=True
        ):
            text = f"half balls on planes, r = {radius} px: {what}"
            yield _row(text, column, bound if radius >= 9 else "–")


def corrugated(period: float, turn_deg: float, slope: float) -> tuple[np.ndarray, float]:
    """Return a plate with ridges as of a saw, and their angle seen along z, from x towards y.

    The plate leans: its normal is (−sin, cos, 0) of the slope's angle, as (y, z, x).
    """
    y, z, x = np.indices((72, 48, 80)) - np.array([35.5, 23.5, 39.5])[:, None, None, None]
    lean, turn = np.arctan(slope), np.radians(turn_deg)
    height, across = z * np.cos(lean) - y * np.sin(lean), y * np.cos(lean) + z * np.sin(lean)
    saw = 3 * np.abs(2 * ((x * np.cos(turn) + across * np.sin(turn)) / period % 1) - 1)
    inside = (np.abs(height) < 6 + saw) & (np.abs(x) < 32) & (np.abs(across) < 28)
    along = np.degrees(np.arctan2(np.cos(turn) * np.cos(lean), -np.sin(turn)))
    return inside.astype(np.uint8), along % 180


def ridges(quick: bool) -> Iterator[Row]:
    """Corrugated plates of known period and direction."""
    rng = np.random.default_rng(15)
    errors, turned, held = [], [], 0
    plates = 3 if quick else 40
    for _ in range(plates):
        period, turn, slope = rng.uniform([7, 0, -0.2], [18, 180, 0.2])
        labels, along = corrugated(period, turn, slope)
        numbers = measure(labels, 1.0, hull_radius_nm=4.0)
        found = numbers["alumina_corrugation_period"]
        angle = numbers["alumina_corrugation_direction"]["value"]
        errors.append(found["value"] / period - 1)
        turned.append((angle - along + 90) % 180 - 90)
        held += found["low"] <= period <= found["high"]
    yield _row("corrugated plates, periods of 7 to 18 px: period", errors, "5 %")
    yield "corrugated plates: period within low and high", plates, f"{held}", "–", "19 of 20"
    worst = turned[np.abs(turned).argmax()]
    mean = f"{np.mean(turned):+.2f}°"
    yield "corrugated plates: direction", plates, mean, f"{worst:+.2f}°", "2°"


def frames(quick: bool) -> Iterator[Row]:
    """Fields of 31 × 31 × 15 px that cut balls of 4.4 ± 1.2 px: mean diameter, pooled."""
    rng = np.random.default_rng(14)
    shape = np.array([31, 31, 15])
    rule, frame = Particles(phase="pt", smallest_diameter_px=0), Frame.of(tuple(shape))
    sums, truth = np.zeros(2), []
    draws = 20 if quick else 400
    for _ in range(draws):
        centres, radii = np.empty((0, 3)), np.empty(0)
        for diameter in np.clip(rng.normal(4.4, 1.2, 60), 2, 8):
            for _ in range(200):  # without touching another
                centre = rng.uniform(-6, shape + 5)
                gaps = np.linalg.norm(centres - centre, axis=1) - radii - diameter / 2
                if (gaps > 2).all():
                    centres = np.vstack([centres, centre])
                    radii = np.append(radii, diameter / 2)
                    break
        labels = np.zeros(shape, np.uint8)
        for centre, radius in zip(centres, radii, strict=True):
            low = np.maximum(np.floor(centre - radius), 0).astype(int)
            high = np.minimum(np.ceil(centre + radius) + 1, shape).astype(int)
            if (low < high).all():
                place = tuple(map(slice, low, high))
                away = np.ogrid[place]
                near = sum((g - c) ** 2 for g, c in zip(away, centre, strict=True))
                labels[place][near <= radius**2] = 2
        # Balls find room more easily at the rim of the box in which they were dropped.
        truth.append(2 * radii[((centres > -0.5) & (centres < shape - 0.5)).all(axis=1)])
        found = measure_particles(labels, 2, rule, 1.0, Specimen(frame, 3, -1, None, None))
        whole = found.whole
        sums += (found.weight[whole] * found.diameters[whole]).sum(), found.weight[whole].sum()
    error = sums[0] / sums[1] / np.concatenate(truth).mean() - 1
    yield _row(f"frames that cut, {draws} draws: mean diameter", [error], "1 %")


ALL = (balls, small_balls, pores, half_balls, ridges, frames)


def peers(
    labels: np.ndarray, hole: np.ndarray, inside: np.ndarray
) -> Iterator[tuple[str, str, Callable[[], float]]]:
    """Yield what other packages measure: its name, the package, and how.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
        A plate (1) with particles (2).
    hole, inside : ndarray of bool
        The empty voxels of `bottle`, and its hull.
    """
    solid, particles = labels == 1, labels == 2

    def skimage_area() -> float:
        from skimage.measure import marching_cubes, mesh_surface_area

        points, faces, *_ = marching_cubes(np.pad(solid, 1).astype(np.float32), 0.5)
        return mesh_surface_area(points, faces)

    def pyvista_area() -> float:
        import pyvista

        padded = np.pad(solid, 1).astype(np.uint8)
        grid = pyvista.ImageData(dimensions=padded.shape[::-1])
        grid.point_data["inside"] = padded.ravel()
        return grid.contour([0.5], "inside", method="flying_edges").area

    def trimesh_area() -> float:
        import trimesh

        mesh = surface(solid, 1.0)
        return trimesh.Trimesh(mesh.points, mesh.faces, process=False).area

    def regions() -> list:
        from skimage.measure import label, regionprops

        return regionprops(label(particles, connectivity=3))

    def diameter() -> float:
        return float(np.mean([one.equivalent_diameter_area for one in regions()]))

    def porespy_areas() -> float:
        import porespy
        from skimage.measure import label

        return float(porespy.metrics.region_surface_areas(label(particles, connectivity=3)).sum())

    def thickness() -> float:
        import porespy

        return float(porespy.filters.local_thickness(hole, sizes=24)[hole].mean())

    def porosimetry() -> float:
        import porespy

        seeds = ~inside
        found = porespy.filters.porosimetry(hole, sizes=np.arange(1, 12), inlets=seeds)
        return float(np.median(found[hole & inside & (found > 0)]))

    area, bottle_access = "area of the plate, smoothed mesh", "access radius of a bottle, median"
    return iter([
        (area, "scikit-image", skimage_area),
        (area, "pyvista", pyvista_area),
        (area, "trimesh", trimesh_area),
        ("number of particles", "scikit-image", lambda: len(regions())),
        ("d10", "scikit-image", diameter),
        ("area of the particles", "porespy", porespy_areas),
        ("local thickness of a bottle, mean", "porespy", thickness),
        (bottle_access, "porespy", porosimetry),
    ])  # fmt: skip
