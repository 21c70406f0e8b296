"""Settings that all stages working on labels share."""

from __future__ import annotations

from typing import Any

from catomo.settings.base import DEFAULT_CLASSES, Settings, key, names_in, with_default


class Particles(Settings):
    """What counts as one particle; `evaluate` and `surfaces` share it."""

    phase: str | None = key(
        DEFAULT_CLASSES[-1].name,
        "class that consists of particles; null: do not look for any. Where the classes hold "
        "none of the default's name, null is the default",
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


def default_phase(data: Any) -> Any:
    """Return settings with null as the default of ``particles.phase`` where it is no class."""
    names = names_in(data) if isinstance(data, dict) else []
    if names and Particles().phase not in names[1:]:
        return with_default(data, "particles.phase", None)
    return data
