"""What the summary is made of: the datasets as configuration and table name them."""

from __future__ import annotations

from catomo.settings.base import Settings, key


class SummaryRow(Settings):
    """A dataset of the summary."""

    name: str = key(..., "the dataset's name")
    title: str = key("", "title of its page; empty: its name")
    group: str = key("", "what it belongs to, such as a batch; empty: to none")
    stages: str = key(
        ..., "the verbs that it passes through, in order; 'train/NAME' for its model NAME"
    )


class Summary(Settings):
    """All datasets of a run on one page."""

    datasets: list[SummaryRow] = key([], "all datasets of the table")
