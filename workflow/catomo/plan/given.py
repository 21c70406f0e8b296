"""Configuration files and values as a person gives them on a command line.

Snakemake keeps the files of the last ``--configfile`` alone, and the values of the last
``--config``. Here those of every flag count. A value of ``--config`` also wins over what a file
says of a single dataset in ``overrides``; that of a later file does not, and that is told.
"""

from __future__ import annotations

import argparse
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catomo.errors import UserError
from catomo.settings.blocks import merged, parse_value

FLAG = "--config"  # which lines name where a value comes from

_FILES = ("--configfile", "--configfiles")
_VALUES = (FLAG, "-C")
_MOST_NAMED = 4
_KEY = re.compile(r"[a-zA-Z_][\w-]*")


def files_of(arguments: Sequence[str], kept: Sequence[Path]) -> list[Path]:
    """Return the configuration files that every flag of a command line names.

    Parameters
    ----------
    arguments : sequence of str
        The command line of Snakemake, without the program.
    kept : sequence of path
        The files that Snakemake kept, as absolute paths. Where they are not those of the last
        flag, this is not its command line, and they are returned.
    """
    *flags, last = _named(arguments, _FILES) or [[]]
    if not flags or not last or len(last) != len(kept):
        return list(kept)
    # Relative paths lie where Snakemake was started, which --directory may have left since.
    depth = len(Path(last[0]).parts)
    start = Path(*Path(kept[0]).parts[:-depth])
    every = [start / name for names in (*flags, last) for name in names]
    return every if every[-len(last) :] == list(kept) else list(kept)


def entries_of(arguments: Sequence[str], kept: Sequence[str]) -> list[str]:
    """Return the values ``key=value`` of every ``--config`` of a command line.

    Parameters
    ----------
    arguments : sequence of str
        The command line of Snakemake, without the program.
    kept : sequence of str
        The values that Snakemake kept. Where they are not those of the last flag, this is not
        its command line, and they are returned.
    """
    flags = _named(arguments, _VALUES)
    if not flags or flags[-1] != list(kept):
        return list(kept)
    return [entry for entries in flags for entry in entries]


def values_of(entries: Sequence[str]) -> dict[str, Any]:
    """Return the blocks that values ``key=value`` stand for, later ones winning.

    A value is read as in a configuration file: ``reconstruct={"iterations": 5}`` gives a number.

    Raises
    ------
    UserError
        If an entry is no ``key=value``, or its value is no YAML.
    """
    content: dict[str, Any] = {}
    for entry in entries:
        key, sign, text = entry.partition("=")
        if not sign or not _KEY.fullmatch(key):
            raise UserError(
                f"{FLAG} {entry}: must be key=value with a key of the top level; give blocks as "
                "in 'reconstruct={\"iterations\": 5}'"
            )
        content = merged(content, {key: parse_value(text, f"{FLAG} {key}")})
    return content


@dataclass(frozen=True)
class Shadow:
    """A setting of a block that what an earlier file says of one dataset stands against.

    Attributes
    ----------
    name : str
        The dataset or model.
    keys : tuple of str
        Stage and key, inner blocks between them.
    file : str
        The earlier file, whose overrides name the dataset.
    part : str
        The later file, or the flag of the command line, in whose block the setting stands.
    """

    name: str
    keys: tuple[str, ...]
    file: str
    part: str


def shadows(contents: Mapping[str, dict[str, Any]]) -> list[Shadow]:
    """Return the settings against which overrides of an earlier part of a configuration stand.

    Parameters
    ----------
    contents : mapping
        The parts of the configuration, later ones winning, by what a line names each.
    """
    found: list[Shadow] = []
    said: dict[tuple[str, ...], dict[str, Any]] = {}  # dataset, stage, key → file → value
    for part, content in contents.items():
        overrides = content.get("overrides")
        for keys, value in _leaves(overrides if isinstance(overrides, dict) else {}):
            said.setdefault(keys, {})[part] = value
        blocks = {key: content[key] for key in content if key != "overrides"}
        for keys, value in _leaves(blocks):
            for (name, *of_name), by_file in said.items():
                # Whatever an earlier file says is hidden by what the last one says.
                *_, (last, other) = by_file.items()
                if tuple(of_name) == keys and last != part and other != value:
                    files = by_file if part == FLAG else [last]
                    found += [Shadow(name, keys, file, part) for file in files]
    later = {keys: list(by_file)[-1] for keys, by_file in said.items()}
    return [
        shadow
        for shadow in found
        if shadow.part == FLAG or later[(shadow.name, *shadow.keys)] == shadow.file
    ]


def lines_of_shadows(hidden: Sequence[Shadow]) -> list[str]:
    """Return what a person must know of settings that overrides stand against."""
    keys: dict[tuple[str, str, str], list[str]] = {}
    for shadow in hidden:
        place = shadow.part, shadow.name, shadow.file
        keys.setdefault(place, []).append(".".join(shadow.keys))
    lines = []
    for (part, name, file), of_place in keys.items():
        more = f" and {len(of_place) - _MOST_NAMED} more" * (len(of_place) > _MOST_NAMED)
        named = ", ".join(of_place[:_MOST_NAMED]) + more
        lines.append(
            f"{part}: {named}: also for {name}, instead of overrides.{name} in {file}"
            if part == FLAG
            else f"{part}: {named}: not for {name}, because overrides.{name} in {file} says "
            f"otherwise; give overrides.{name} in {part} to change it"
        )
    return lines


def without(contents: Mapping[str, dict[str, Any]], hidden: Sequence[Shadow]) -> dict[str, Any]:
    """Return the parts of a configuration without the overrides that a value of a flag hides."""
    result = copy.deepcopy(dict(contents))
    for shadow in hidden:
        if shadow.part == FLAG:
            block = result[shadow.file]["overrides"][shadow.name]
            for key in shadow.keys[:-1]:
                block = block[key]
            del block[shadow.keys[-1]]
    return result


def _leaves(
    block: dict[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the keys and the value of everything in blocks inside blocks."""
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _named(arguments: Sequence[str], flags: Sequence[str]) -> list[list[str]]:
    """Return what each of the flags of a command line names, in their order."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(*flags, nargs="*", action="append", dest="named", default=[])
    return parser.parse_known_args(list(arguments))[0].named
