"""Records as another version of a stage would have written them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from catomo.record.forms import SEAL, seal_of


def rewrite(path: Path, content: dict[str, Any]) -> None:
    """Write a record of this content, with the seal that fits it."""
    path.write_text(json.dumps(content | {SEAL: seal_of(content)}))
