"""Settings of the report."""

from __future__ import annotations

from catomo.settings.base import PhaseClass, Settings, classes_key, key


class Report(Settings):
    """One self-contained page per dataset."""

    title: str = key("", "title of the page; empty: the dataset's name")
    size_mb: float = key(
        12.0,
        "about how large the page may become; its slices become coarser until it fits",
        unit="MB",
        ge=2,
        le=25,
    )
    classes: list[PhaseClass] = classes_key()
