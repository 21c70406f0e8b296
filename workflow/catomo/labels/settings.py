"""Settings that all stages working on labels share."""

from __future__ import annotations

from catomo.settings.base import DEFAULT_CLASSES, Settings, key


class Particles(Settings):
    """What counts as one particle; `evaluate` and `surfaces` share it."""

    phase: str | None = key(
        DEFAULT_CLASSES[-1].name, "class that consists of particles; none: do not look for any"
    )
    smallest_diameter_px: float = key(
        2.0, "equivalent diameter below which a connected group is no particle", unit="px", ge=0
    )
    split_depth_px: float = key(
        1.0,
        "touching particles are split where the radius of the neck between them is smaller than "
        "both of their radii by more than this",
        unit="px",
        ge=0.25,
    )
