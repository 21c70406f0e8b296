"""The JSON schema of the configuration, with which editors complete and check its keys.

``python -m catomo.plan.schema > config/schema.json``; a test compares them.
"""

from __future__ import annotations

import json
from typing import Any

from catomo.plan.config import BLOCKS, Config

# Keywords whose values are values of the configuration, not schemas.
_VALUES = ("default", "enum", "const")


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of `config/config.yaml`.

    Every key carries its meaning with the unit as its description. Below ``overrides`` each
    dataset or model has the same blocks as the configuration itself.
    """
    whole = _described(Config.model_json_schema())
    blocks = {block[0]: whole["properties"][block[0]] for block in BLOCKS.values()}
    whole["$defs"]["overrides"] = {
        "type": "object",
        "properties": {word: {"$ref": block["$ref"]} for word, block in blocks.items()},
        "additionalProperties": False,
    }
    whole["properties"]["overrides"]["additionalProperties"] = {"$ref": "#/$defs/overrides"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _described(node: Any) -> Any:
    """Return a schema with units in its descriptions, without titles and defaults of blocks.

    The default of a block is that of its keys, and pydantic's titles repeat the keys.
    """
    if isinstance(node, list):
        return [_described(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {
        name: value if name in _VALUES else _described(value)
        for name, value in node.items()
        if not (name in ("title", "unit") and isinstance(value, str))
        and not (name == "default" and isinstance(value, dict))
    }
    if isinstance(node.get("unit"), str) and node["unit"]:
        result["description"] = f"{node['description']} [{node['unit']}]"
    return result


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1, ensure_ascii=False))
