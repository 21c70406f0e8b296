"""Sentences of a methods text, with what they cite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from catomo.report.citations import WORKS


@dataclass
class Told:
    """What one stage tells.

    Attributes
    ----------
    heading : str
    sentences, cites : list of str
        Whole sentences, and the keys of what they cite.
    """

    heading: str
    sentences: list[str] = field(default_factory=list)
    cites: list[str] = field(default_factory=list)

    def add(self, sentence: str, *cites: str) -> None:
        """Add a sentence, with the works that it rests on in brackets; nothing if it is empty."""
        if not sentence:
            return
        if cites:
            works = "; ".join(WORKS[key].cited for key in cites)
            sentence = f"{sentence.removesuffix('.')} ({works})."
        self.sentences.append(sentence)
        self.cites += cites

    @property
    def text(self) -> str:
        """All sentences."""
        return " ".join(self.sentences)


def joined(words: Sequence[str]) -> str:
    """Return words as in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
