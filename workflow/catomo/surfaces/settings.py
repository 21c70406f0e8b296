"""Settings of the stage `surfaces`."""

from __future__ import annotations

from catomo.labels.settings import Particles
from catomo.settings.base import DEFAULT_CLASSES, PhaseClass, Settings, classes_key, key


class Surfaces(Settings):
    """How labels become surfaces, views and quantities."""

    classes: list[PhaseClass] = classes_key()
    support: str | None = key(
        DEFAULT_CLASSES[1].name,
        "class that carries the particles: drawn translucent, its porosity is measured; none: "
        "there is no such class",
    )
    particles: Particles = key(Particles(), "what counts as one particle")
    hull_radius_nm: float = key(
        1.5,
        "radius of the ball that closes the support's open pores to its hull; half the width "
        "of the widest pore",
        unit="nm",
        gt=0,
    )
