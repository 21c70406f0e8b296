"""Contact and free face of particles, as the quantities take them, against closed forms."""

import numpy as np

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.particles import Specimen, measure_particles

RADIUS = 9
PLANES = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [3, 1, 0], [5, 2, 1], [1, 4, 3]], float)


def half_ball_on(normal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a support (1) up to a plane through the middle, with half a ball (2) on it."""
    side = 2 * RADIUS + 8
    away = np.indices((side, side, side)) - (side - 1) / 2 - rng.uniform(-0.5, 0.5, (3, 1, 1, 1))
    height = np.tensordot(normal / np.linalg.norm(normal), away, 1)
    labels = np.where(height < 0, 1, 0).astype(np.uint8)
    labels[((away**2).sum(axis=0) <= RADIUS**2) & (height >= 0)] = 2
    return labels


def test_contact_of_half_balls_in_all_directions():
    rng = np.random.default_rng(5)
    contact, exposed = [], []
    for normal in PLANES:
        labels = half_ball_on(normal, rng)
        specimen = Specimen(Frame.of(labels.shape), 3, 1, None, None)
        found = measure_particles(labels, 2, Particles(phase="pt"), 1.0, specimen)
        contact.append(found.contact[0])
        exposed.append(found.exposed[0])
    contact, exposed = np.array(contact), np.array(exposed)
    share = contact / (contact + exposed)
    for found, truth, each, mean in (
        (contact, np.pi * RADIUS**2, 0.10, 0.05),
        (exposed, 2 * np.pi * RADIUS**2, 0.10, 0.05),
        (share, 1 / 3, 0.08, 0.03),
    ):
        np.testing.assert_allclose(found, truth, rtol=each)
        np.testing.assert_allclose(found.mean(), truth, rtol=mean)
