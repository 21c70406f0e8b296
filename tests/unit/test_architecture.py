"""How the package is built: which package imports which, and how long things may get.

Everything is read from the sources with `ast`; no module is imported but the table of stages.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from catomo.stages import STAGES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "catomo"

STAGE_PACKAGES = frozenset(stage.word for stage in STAGES)

# From the bottom to the top. A package or top-level module imports only from lower layers, or
# from its own layer where that makes no cycle; stage packages do not import each other.
LAYERS = (
    {"errors", "progress", "figures", "stages", "settings"},
    {"files"},
    {"record"},
    {"labels", "phantom", "projection", "network"},
    STAGE_PACKAGES,
    {"plan", "annotate", "summary"},
    {"cli"},
    {"__main__", "__init__"},  # __init__ loads the functions it offers only when they are used
)

MOST_TOP_LEVEL_MODULES = 12
MOST_LINES_OF_FILE = 350
MOST_LINES_OF_FUNCTION = 60
MOST_PARAMETERS = 6  # that can be given by position; `self` and `cls` do not count
MOST_PARAMETERS_IN_ALL = 12  # with those that can only be given by name

# Test modules that mirror no module, each with what they are about instead.
TESTS_OF_SEVERAL_MODULES = {
    "align/test_spoilt_series.py": "the verdict on series spoilt in many ways",
    "reconstruct/test_backend_traps.py": "known faults of ASTRA and TomoPy",
    "test_architecture.py": "all modules",
    "test_class_names.py": "all modules",
    "test_front_door.py": "catomo/__init__.py",
    "test_environments.py": "the files in envs/",
    "test_notebooks.py": "the notebooks",
    "test_packaging.py": "pyproject.toml and requirements.txt",
}

MODULES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in MODULES}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def _room(path: Path) -> str:
    """Return the package, or top-level module, of a file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each catomo module, or name in a module, that is imported."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "catomo":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_where(path, node)}: relative import; write catomo.…"
            if node.module and node.module.split(".")[0] == "catomo":
                for alias in node.names:
                    yield node.lineno, f"{node.module}.{alias.name}"


def _imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and room of each import from another room; the version counts for nothing."""
    for line, name in _imports(path):
        if name == "catomo.__version__":
            continue
        imported = name.split(".")[1] if "." in name else "__init__"
        if imported != _room(path):
            yield line, imported


def _functions(path: Path) -> Iterator[tuple[str, FunctionNode]]:
    """Yield the dotted name and node of each function and method, nested ones too."""

    def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, FunctionNode]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode):
                yield prefix + child.name, child
            named = isinstance(child, FunctionNode | ast.ClassDef)
            yield from inside(child, f"{prefix}{child.name}." if named else prefix)

    return inside(TREES[path], "")


def _where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def _layer(room: str) -> int:
    for level, rooms in enumerate(LAYERS):
        if room in rooms:
            return level
    pytest.fail(f"catomo/{room} is in no layer; write it into LAYERS in {Path(__file__).name}")


def _is_allowed(room: str, imported: str) -> bool:
    if room in STAGE_PACKAGES and imported in STAGE_PACKAGES:
        return False
    return _layer(imported) <= _layer(room)


def _report(problems: list[str], advice: str) -> None:
    assert not problems, f"{advice}\n" + "\n".join(problems)


def test_every_package_imports_only_from_lower_layers():
    problems = [
        f"{path.relative_to(ROOT)}:{line}: {_room(path)} imports {imported}"
        for path in MODULES
        for line, imported in _imported_rooms(path)
        if not _is_allowed(_room(path), imported)
    ]
    _report(problems, "move what is shared into a package of a lower layer:")


def test_no_packages_import_each_other_in_a_circle():
    graph = defaultdict(set)
    for path in MODULES:
        graph[_room(path)] |= {imported for _, imported in _imported_rooms(path)}
    finished: set[str] = set()

    def visit(room: str, chain: list[str]) -> None:
        assert room not in chain, f"a circle: {' → '.join([*chain[chain.index(room) :], room])}"
        if room not in finished:
            for imported in sorted(graph[room]):
                visit(imported, [*chain, room])
            finished.add(room)

    for room in sorted(graph):
        visit(room, [])


def test_no_stage_takes_the_settings_of_another():
    """What a stage needs to know of another one stands in that one's record."""
    problems = []
    for path in MODULES:
        room = _room(path)
        if room not in STAGE_PACKAGES:
            continue
        foreign = {f"catomo.{stage}.settings" for stage in STAGE_PACKAGES - {room}}
        foreign.add("catomo.settings.base.settings_model")  # returns any stage's settings class
        problems += [
            f"{path.relative_to(ROOT)}:{line}: imports {name}"
            for line, name in _imports(path)
            if name in foreign or name.rpartition(".")[0] in foreign
        ]
    _report(problems, "read the values from the record of the other stage, or take arguments:")


def test_the_top_of_the_package_is_short():
    names = sorted(path.name for path in PACKAGE.glob("*.py"))
    assert len(names) <= MOST_TOP_LEVEL_MODULES, f"move some into a package: {names}"


def test_no_file_is_long():
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    problems = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path, lines in sorted(lengths.items())
        if lines > MOST_LINES_OF_FILE
    ]
    _report(problems, f"split files of more than {MOST_LINES_OF_FILE} lines:")


def _is_kernel(function: FunctionNode) -> bool:
    """Return whether numba compiles a function: a kernel cannot be split freely."""
    return any("njit" in ast.unparse(decorator) for decorator in function.decorator_list)


def test_no_function_is_long():
    problems = []
    for path in MODULES:
        for name, function in _functions(path):
            lines = function.end_lineno - function.lineno + 1
            if lines > MOST_LINES_OF_FUNCTION and not _is_kernel(function):
                problems.append(f"{_where(path, function)}: {name} has {lines} lines")
    _report(problems, f"split functions of more than {MOST_LINES_OF_FUNCTION} lines:")


def test_no_public_function_has_many_parameters():
    problems = []
    for path in MODULES:
        for name, function in _functions(path):
            if any(part.startswith("_") for part in name.split(".")) or _is_kernel(function):
                continue
            given = function.args
            by_position = [
                argument.arg
                for argument in given.posonlyargs + given.args
                if argument.arg not in ("self", "cls")
            ]
            in_all = len(by_position) + len(given.kwonlyargs)
            if len(by_position) > MOST_PARAMETERS or in_all > MOST_PARAMETERS_IN_ALL:
                counts = f"{len(by_position)} parameters by position, {in_all} in all"
                problems.append(f"{_where(path, function)}: {name} has {counts}")
    _report(
        problems,
        f"group parameters in a data class, or make options keyword-only (at most "
        f"{MOST_PARAMETERS} by position, {MOST_PARAMETERS_IN_ALL} in all):",
    )


def test_the_unit_tests_mirror_the_package():
    folder = ROOT / "tests" / "unit"
    problems = []
    for path in sorted(folder.rglob("test_*.py")):
        mirrored = path.relative_to(folder)
        module = PACKAGE / mirrored.parent / path.name.removeprefix("test_")
        if not module.is_file() and mirrored.as_posix() not in TESTS_OF_SEVERAL_MODULES:
            problems.append(f"tests/unit/{mirrored}: there is no {module.relative_to(ROOT)}")
    _report(problems, "name each test module after the module that it tests:")


def test_the_list_of_other_tests_names_only_tests_that_exist():
    for name in TESTS_OF_SEVERAL_MODULES:
        assert (ROOT / "tests" / "unit" / name).is_file(), f"tests/unit/{name} is gone"


def test_every_stage_has_its_package_its_rules_and_its_verbs():
    for stage in STAGES:
        package = PACKAGE / stage.word
        for name in ("settings.py", "verbs.py", f"{stage.module}.py"):
            assert (package / name).is_file(), (
                f"{stage.verb}: catomo/{stage.word}/{name} is missing"
            )
        rules = ROOT / "workflow" / "rules" / f"{stage.folder}.smk"
        assert rules.is_file(), f"{stage.verb}: {rules.relative_to(ROOT)} is missing"
