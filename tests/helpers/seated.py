"""A zigzag plate with balls on it: its apexes and valleys are known exactly."""

from __future__ import annotations

from functools import partial

import numpy as np
from tests.helpers.polyhedra import corrugated

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import _specimen
from catomo.surfaces.particles import InHull, MeasuredParticles, measure_particles
from catomo.surfaces.pores import hulls_of, in_hulls
from catomo.surfaces.relief import Relief, relief_of
from catomo.surfaces.settings import FacetRule

PERIOD, SLOPE, THICK = 24.0, 35.26, 30.0
SHAPE = (90, 52, 90)
TANGENT = np.tan(np.radians(SLOPE))
UP = 1.5  # of the middle of a ball above the surface, along z


def with_balls(places: list[tuple[float, float]], radius: float = 4.0) -> np.ndarray:
    """Return a zigzag plate with balls, partly embedded, at (y, x) from its middle, on top."""
    labels = corrugated(PERIOD, SLOPE, SHAPE, THICK)
    grid = np.moveaxis(np.indices(SHAPE), 0, -1) - (np.array(SHAPE) - 1) / 2
    for y, x in places:
        away = abs(x / PERIOD - round(x / PERIOD)) * PERIOD
        centre = np.array([y, THICK / 2 - away * TANGENT + UP, x])
        labels[((grid - centre) ** 2).sum(axis=-1) <= radius**2] = 2
    return labels


def slab(
    places: list[tuple[float, float]], radius: float, up: float, width: int = 64
) -> np.ndarray:
    """Return a flat slab from end to end with balls at (y, x), their middles `up` px above it."""
    labels = np.zeros((width, 32, width), np.uint8)
    labels[:, 6:20] = 1
    grid = np.moveaxis(np.indices(labels.shape), 0, -1)
    for y, x in places:
        labels[((grid - [y, 19.5 + up, x]) ** 2).sum(axis=-1) <= radius**2] = 2
    return labels


def measured(labels: np.ndarray) -> tuple[Relief, MeasuredParticles, InHull, Frame]:
    """Return the relief, the particles, what tells whether a voxel is in the hull, the frame."""
    frame = Frame.of(labels.shape)
    hulls = hulls_of(labels == 1, 1.0, frame)
    classes = max(int(labels.max()), 2) + 1
    particles = measure_particles(
        labels, 2, Particles(), 1.0, _specimen(labels, classes, 1, hulls, frame)
    )
    relief = relief_of(labels, 1, FacetRule(), frame, particles)
    assert relief is not None
    return relief, particles, partial(in_hulls, hulls), frame
