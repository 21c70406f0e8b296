"""Settings of the report."""

from __future__ import annotations

from catomo.settings.base import PhaseClass, Settings, classes_key, key


class Report(Settings):
    """One self-contained page per dataset."""

    title: str = key("", "title of the page; empty: the dataset's name")
    classes: list[PhaseClass] = classes_key()
