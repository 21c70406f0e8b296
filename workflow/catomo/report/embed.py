"""Data inside a page, for its script."""

from __future__ import annotations

import json
from typing import Any


def script_json(content: Any) -> str:
    """Return a value as JSON that can stand in a script element; empty for nothing.

    No word in it can end the element, whatever names the data hold.
    """
    if not content:
        return ""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
