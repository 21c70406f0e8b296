"""Blocks of ``key: value``: read from YAML or JSON, and merged key by key."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from catomo.errors import UserError

_MOST_BYTES = 16 << 20  # more is no file that a person wrote
_MOST_VALUES = 200_000  # with every alias written out
_DEEPEST = 50

# Whole numbers and decimal numbers as people write them. YAML 1.1, which PyYAML reads, takes
# 1e-3 for text, 010 for eight and 1:30 for ninety.
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|[-+]?0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG = "tag:yaml.org,2002:"


def read_blocks(path: Path | str, advice: str) -> dict[str, Any]:
    """Read a YAML or JSON file of blocks.

    Parameters
    ----------
    path : path
    advice : str
        What to do if the file cannot be read, as the end of the message.

    Raises
    ------
    UserError
        If the file cannot be read, is not YAML in UTF-8, or does not hold blocks.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: {reason}; {advice}") from None
    if len(content) > _MOST_BYTES:
        raise UserError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB, so no YAML; {advice}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        kind = f"line {line} has other bytes"
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            kind = "it is UTF-16"
        raise UserError(f"{path}: not text in UTF-8 ({kind}); save it again as UTF-8") from None
    return parse_blocks(text, str(path))


def parse_blocks(text: str, where: str) -> dict[str, Any]:
    """Return the blocks in a text of YAML or JSON; empty text gives no block.

    Numbers are read as people write them: ``1e-3`` is a number, ``1e4`` a whole one. Keys are
    text as it is written.

    Parameters
    ----------
    text : str
    where : str
        Where the text comes from, as the beginning of a message.

    Raises
    ------
    UserError
        If the text is not YAML, holds a key twice, or does not hold blocks.
    """
    content = parse_value(text, where)
    if content is not None and not isinstance(content, dict):
        found = json.dumps(content, default=str)[:40]
        raise UserError(f"{where}: found {found}; must be 'key: value' blocks")
    return content or {}


def parse_value(text: str, where: str) -> Any:
    """Return what a text of YAML or JSON stands for; empty text is null.

    Parameters
    ----------
    text, where : str
        As for `parse_blocks`.

    Raises
    ------
    UserError
        If the text is not YAML, or holds a key twice.
    """
    try:
        return _content(text)
    except _ProblemError as problem:
        raise UserError(f"{where}{problem}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", "")
        reason = reason or "not readable"
        if "'\\t'" in reason:
            reason = "a tab; use spaces to indent"
        raise UserError(f"{where}{place}: not valid YAML ({reason})") from None
    except RecursionError:
        raise UserError(f"{where}: blocks inside blocks too deep to read; flatten them") from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: holds a value that is not readable ({reason})") from None


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `base` in which the values of `over` replace those of the same key.

    Where both hold a block, the two blocks are merged in the same way.
    """
    result = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def with_numbers(content: Any, all_text: bool = False) -> Any:
    """Return what Snakemake read from YAML, with the numbers that it takes for text.

    Parameters
    ----------
    content : Any
    all_text : bool
        Whether all that is text may be something else: Snakemake makes every value inside a
        block of ``--config`` text. Otherwise that is so of ``1e-3`` and the like alone.
    """
    if isinstance(content, dict):
        return {key: with_numbers(value, all_text) for key, value in content.items()}
    if isinstance(content, list):
        return [with_numbers(value, all_text) for value in content]
    if not isinstance(content, str):
        return content
    if all_text and content:
        loader = _Loader("")
        tag = loader.resolve(yaml.ScalarNode, content, (True, False))
        return loader.construct_object(yaml.ScalarNode(tag, content))
    is_number = "e" in content.lower() and _DECIMAL.fullmatch(content)
    return _decimal(content) if is_number else content


class _ProblemError(Exception):
    """What is wrong with a text; the message goes on where the name of the file ends."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that takes numbers and keys as people mean them.

    By itself PyYAML decides from the form of a word without quotes what it is: ``yes`` is true,
    ``12`` a number, ``12:30`` the number 750, ``1e-3`` a text, ``2024-01-05`` a date. It keeps a
    table of such forms (patterns, in lists by the first letter they may begin with). The table
    below is that of PyYAML without whole numbers, decimal numbers and dates; after the class
    catomo's own two kinds of number are added, and dates stay text. Then ``1e-3`` is 0.001 and
    ``12:30`` is text.

    Keys are always text: the dataset ``010:`` is called 010, not 8.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  (a table that PyYAML declares in this way)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(_OTHERS)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        for _OTHERS in [(":int", ":float", ":timestamp")]
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a block, after checking that no key stands in it twice."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _ProblemError(
                    f" line {key.start_mark.line + 1}: a key must be a word; mend the brackets"
                )
            line = key.start_mark.line + 1
            if key.value in lines and key.tag != f"{_TAG}merge":
                raise _ProblemError(
                    f" line {line}: the key '{key.value}' stands in line {lines[key.value]} "
                    "already; put both into one block"
                )
            lines[key.value] = line
            if key.tag != f"{_TAG}merge":
                key.tag = f"{_TAG}str"
        return super().construct_mapping(node, deep)


def _resolve(tag: str, pattern: re.Pattern[str], first: str) -> None:
    _Loader.add_implicit_resolver(
        f"{_TAG}{tag}", re.compile(f"(?:{pattern.pattern})$"), list(first)
    )


_resolve("int", _INTEGER, "-+0123456789")
_resolve("float", _DECIMAL, "-+.0123456789")
_resolve("float", _NOT_FINITE, "-+.")
_Loader.add_constructor(f"{_TAG}int", lambda _, node: _integer(node.value))
_Loader.add_constructor(f"{_TAG}float", lambda _, node: _decimal(node.value))


def _integer(text: str) -> int:
    return int(text, 16) if "0x" in text else int(text)


def _decimal(text: str) -> int | float:
    """Return a number; a whole one that is written with an exponent, such as 1e4, as such."""
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    value = float(text)
    return int(value) if "e" in text.lower() and value.is_integer() and value < 2**53 else value


def _content(text: str) -> Any:
    """Return what a text holds: JSON, which may be indented with tabs, or YAML."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_once, parse_float=_decimal)
        except json.JSONDecodeError:
            pass  # YAML may begin in this way, too
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a block of JSON, after checking that no key stands in it twice."""
    block = dict(pairs)
    if len(block) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _ProblemError(f": the key '{twice}' stands in a block twice; put both into one")
    return block


def _check_size(root: yaml.Node) -> None:
    """Check that a text is not endless once every alias (``*name``) is written out.

    Raises
    ------
    _ProblemError
        If an alias stands inside what it names, or there are too many or too deep values.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        line = node.start_mark.line + 1
        if depth > _DEEPEST:
            raise _ProblemError(f" line {line}: more than {_DEEPEST} blocks inside each other")
        if isinstance(node, yaml.ScalarNode):
            return 1
        if sizes.get(id(node)) == 0:
            raise _ProblemError(f" line {line}: holds itself by an alias (*name); write it out")
        if id(node) not in sizes:
            sizes[id(node)] = 0
            children = [
                part
                for item in node.value
                for part in (item if isinstance(item, tuple) else [item])
            ]
            sizes[id(node)] = 1 + sum(size(child, depth + 1) for child in children)
        if sizes[id(node)] > _MOST_VALUES:
            raise _ProblemError(f" line {line}: its aliases (*name) stand for too many values")
        return sizes[id(node)]

    size(root, 0)
