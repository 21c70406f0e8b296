"""Are meshes and quantities of known bodies right, how large may volumes be, what do others find?

usage: PYTHONPATH=workflow python benchmarks/surfaces.py [--quick] [--only forms size large peers]

- `forms` (`surfaces_forms.py`): closed forms; errors against the true body.
- `size`: 512 × 512 × 350 labels of a corrugated plate with 150 pores and 400 particles: meshes of
  both classes, all mesh files, all quantities, and one of the redraws with its quantities, where
  the labels are unsure within about 2 px of all surfaces.
- `large`: a mask of 1024³ voxels with 1000 balls, in a memory-mapped file in --folder (1.1 GB):
  mesh and numbers per particle. Memory is anonymous memory, sampled every 10 ms.
- `peers`: the same masks given to scikit-image, PyVista, trimesh and PoreSpy; the ratio is their
  answer over catomo's, `times` their core-seconds over catomo's. No peer has to be installed.

Core-seconds are those of this process with all its threads, wall-clock seconds stand beside them.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

import surfaces_forms
from catomo.labels.settings import Particles
from catomo.surfaces.contours import field_of
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import Roles, all_quantities, measure
from catomo.surfaces.mesh_export import write_meshes
from catomo.surfaces.meshes import mesh_of_field, surface
from catomo.surfaces.radii import access_radii, local_radii
from catomo.surfaces.redraw import Doubt, redrawn
from catomo.surfaces.settings import Surfaces

PIXEL_NM = 0.5


class Memory:
    """The peak of anonymous memory of this process while the block runs, in GB."""

    def __enter__(self) -> Memory:
        self.peak, self._ended = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.peak = max(self.peak, int(line.split()[1]) / 1e6)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a function returns, its core-seconds and its seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def put(labels: np.ndarray, centre: np.ndarray, radius: float, value: int) -> None:
    """Put a ball into labels."""
    low = np.maximum(np.floor(centre - radius), 0).astype(int)
    high = np.minimum(np.ceil(centre + radius) + 1, labels.shape).astype(int)
    place = tuple(map(slice, low, high))
    near = sum((g - c) ** 2 for g, c in zip(np.ogrid[place], centre, strict=True))
    labels[place][near <= radius**2] = value


def plate(shape: tuple[int, int, int]) -> np.ndarray:
    """Return labels of a corrugated plate (1) with pores and particles (2)."""
    rng = np.random.default_rng(5)
    labels = np.zeros(shape, np.uint8)
    size = np.array(shape)
    y, z, x = np.ogrid[tuple(map(slice, shape))]

    def middle(place: Any) -> Any:
        return shape[1] / 2 + 12 * np.sin(2 * np.pi * place / 60)

    half = 0.1 * shape[1]
    across = (y > 20) & (y < shape[0] - 20) & (x > 30) & (x < shape[2] - 30)
    labels[:] = (np.abs(z - middle(x)) < half) & across
    many = np.prod(size) / 9.2e7
    for _ in range(int(150 * many) + 1):
        place = rng.uniform([30, -0.7 * half, 40], [size[0] - 30, 0.7 * half, size[2] - 40])
        place[1] += middle(place[2])
        put(labels, place, rng.uniform(5, 12), 0)
    for _ in range(int(400 * many) + 1):
        place = rng.uniform([25, 0, 35], [size[0] - 25, 0, size[2] - 35])
        place[1] = middle(place[2]) + rng.choice([-half, half])
        put(labels, place, rng.uniform(3, 7), 2)
    return labels


def balls(edge: int, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Write a mask of 10³ balls that touch nothing; return it, mapped, and their radii in px."""
    mask = np.lib.format.open_memmap(path, "w+", np.uint8, (edge,) * 3)
    rng, cell, radii = np.random.default_rng(3), edge // 10, []
    for number in np.ndindex(10, 10, 10):
        radius = cell * rng.uniform(0.1, 0.4)
        room = cell / 2 - radius - 1.5
        put(mask, cell * (np.array(number) + 0.5) + rng.uniform(-room, room, 3), radius, 1)
        radii.append(radius)
    mask.flush()
    return np.load(path, mmap_mode="r"), np.array(radii)


class Folder:
    """Where mesh files are written."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name


def size(quick: bool, _: Path) -> Iterator[tuple]:
    """Yield the costs of a volume of the paper's size."""
    labels = plate((90, 128, 128) if quick else (350, 512, 512))
    runs = Frame.of(labels.shape).runs()
    what = " × ".join(map(str, labels.shape[::-1]))
    with Memory() as memory:
        meshes, cpu, wall = timed(
            lambda: [mesh_of_field(field_of(labels, n), labels.shape, runs, 1.0) for n in (1, 2)]
        )
    many = " and ".join(f"{len(mesh.faces):,}" for mesh in meshes)
    yield f"{what}: meshes of {many} triangles", cpu, wall, memory.peak
    with tempfile.TemporaryDirectory() as folder, Memory() as memory:
        out: Any = Folder(Path(folder))
        facts, cpu, wall = timed(lambda: write_meshes(out, labels, PIXEL_NM, Surfaces()))
    ratios = " and ".join(f"{one['small_area_ratio']:.3f}" for one in facts.values())
    yield f"all mesh files (area of the small copies: {ratios})", cpu, wall, memory.peak
    with Memory() as memory:
        _, cpu, wall = timed(lambda: measure(labels, PIXEL_NM))
    yield "all quantities", cpu, wall, memory.peak
    confidence = np.full(labels.shape, 255, np.uint8)
    soft = gaussian_filter((labels > 0).astype(np.float32), 1.0)
    confidence[(soft > 0.05) & (soft < 0.95)] = 170
    del soft
    names = [phase.name for phase in Surfaces().classes]
    roles = Roles(names, names[1], Particles(), Surfaces().hull_radius_nm)
    draws = redrawn(labels, Doubt(confidence, 4.0, 0.1, 20, 1))
    next(draws)  # the first one alone looks for the other classes
    with Memory() as memory:
        _, cpu, wall = timed(lambda: all_quantities(next(draws), PIXEL_NM, roles, brief=True))
    yield "one redraw and its quantities", cpu, wall, memory.peak


def large(quick: bool, folder: Path) -> Iterator[tuple]:
    """Yield the costs of a mask of 1024³ voxels, and how right the numbers are."""
    edge = 256 if quick else 1024
    mask, radii = balls(edge, folder / "balls.npy")
    radii = radii * PIXEL_NM
    with Memory() as memory:
        mesh, cpu, wall = timed(
            lambda: mesh_of_field(field_of(mask, 1), mask.shape, [slice(0, edge)], PIXEL_NM)
        )
    off = mesh.area() / (4 * np.pi * (radii**2).sum()) - 1
    text = f"{edge}³, balls: mesh of {len(mesh.faces):,} triangles (area {100 * off:+.1f} %)"
    yield text, cpu, wall, memory.peak
    del mesh
    with Memory() as memory:
        found, cpu, wall = timed(lambda: measure(mask, PIXEL_NM, ["none", "ball"], None, "ball"))
    off = found["ball_diameter_d10"]["value"] / (2 * radii.mean()) - 1
    off_area = found["ball_area"]["value"] / (4 * np.pi * (radii**2).sum()) - 1
    text = (
        f"{edge}³, balls: numbers of {found['ball_count']['value']} of 1000 particles (mean "
        f"diameter {100 * off:+.1f} %, area {100 * off_area:+.1f} %)"
    )
    yield text, cpu, wall, memory.peak


def peers(quick: bool, _: Path) -> Iterator[tuple]:
    """Yield what others find, over what catomo finds."""
    labels = plate((90, 128, 128) if quick else (175, 256, 256))
    solid = labels == 1
    own: dict[str, tuple[Any, float]] = {}

    def mine(name: str, work: Callable[[], Any]) -> None:
        value, cpu, _ = timed(work)
        own[name] = value, cpu

    mine("area of the plate, smoothed mesh", lambda: surface(solid, 1.0).area())
    particles = (labels == 2).astype(np.uint8)
    pt, cpu, _ = timed(lambda: measure(particles, 1.0, ["none", "ball"], None, "ball"))
    own["d10"] = pt["ball_diameter_d10"]["value"], cpu
    own["number of particles"] = pt["ball_count"]["value"], cpu
    own["area of the particles"] = pt["ball_area"]["value"], cpu
    hole = surfaces_forms.bottle() == 0
    mine("local thickness of a bottle, mean", lambda: local_radii(hole).mean())
    inside = np.zeros(hole.shape, bool)
    inside[4:36, 4:44, 4:36] = True
    mine("access radius of a bottle, median", lambda: np.median(access_radii(~hole, inside)[0]))
    for name, package, work in surfaces_forms.peers(labels, hole, inside):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            yield name, package, "not installed", "–"
            continue
        value, cpu, _ = timed(work)
        known, known_cpu = own[name]
        yield name, f"{package} {version}", f"{value / known:.3f}", f"{cpu / known_cpu:.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the large mask is kept meanwhile")
    parts = ("forms", "size", "large", "peers")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    options = parser.parse_args()
    if "forms" in options.only:
        table("what | cases | mean error | largest | bound")
        for form in surfaces_forms.ALL:
            for row in form(options.quick):
                line(*row)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for part, work in (("size", size), ("large", large)):
            if part in options.only:
                table("what | core-seconds | seconds | GB")
                for text, cpu, wall, memory in work(options.quick, Path(folder)):
                    line(text, f"{cpu:.1f}", f"{wall:.1f}", f"{memory:.2f}")
        if "peers" in options.only:
            table("what | package | ratio | times")
            for row in peers(options.quick, Path(folder)):
                line(*row)


def table(header: str) -> None:
    """Print the head of a table."""
    print(f"\n| {header} |\n|{' --- |' * (header.count('|') + 1)}", flush=True)


def line(*cells: Any) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
