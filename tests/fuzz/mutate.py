"""Changes to JSON that leave it readable: bytes changed at random hardly ever do."""

from __future__ import annotations

import json
import random
from typing import Any

# Values that are rarely thought of.
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "a", "\n", "\ud800", "a\0b", "../x", "é" * 300, [], {}, [[]], [None],
    {"": None}, {"a": {}}, ["a", "a"], [1, 2], [1.5, "x"],
)  # fmt: skip


def changed_json(content: bytes, seed: int) -> bytes | None:
    """Return a JSON text of which one or a few values are others; None if it is no JSON.

    Parameters
    ----------
    content : bytes
    seed : int
        Decides what is changed.
    """
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return None
    rng = random.Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        tree = _changed(tree, rng)
    return json.dumps(tree).encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """Return a value of which something inside, or the whole, is another."""
    is_leaf = not (isinstance(value, dict | list) and value)
    if is_leaf or rng.random() < 0.1:
        return _other(value, rng)
    new = value.copy()
    place = rng.choice(list(new) if isinstance(new, dict) else range(len(new)))
    act = rng.random()
    if act < 0.1:
        del new[place]
    elif act < 0.2 and isinstance(new, list):
        new.insert(place, new[place])
    elif act < 0.2:
        new[str(rng.choice(_ODD))] = new.pop(place)
    else:
        new[place] = _changed(new[place], rng)
    return new


def _other(value: Any, rng: random.Random) -> Any:
    if type(value) in (int, float) and rng.random() < 0.5:
        return value * rng.choice((-1, 2, 1000, 1e-9)) + rng.choice((0, 1, -1))
    if isinstance(value, str) and rng.random() < 0.3:
        return value + str(rng.choice(_ODD))
    return rng.choice(_ODD)
