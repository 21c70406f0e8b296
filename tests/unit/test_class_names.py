"""The default classes have their names in settings alone: all other code goes by the settings.

A string, name or key that knows γ-alumina or Pt would be wrong for other classes.
"""

import ast
import re

import pytest

from conftest import ROOT

WORKFLOW = ROOT / "workflow"
PACKAGE = WORKFLOW / "catomo"

# As a word of a text or of snake_case in any case, and as a part of CamelCase.
NAMES = re.compile(
    r"(?<![A-Za-z])(?:[Aa]lumina|ALUMINA|[Pp]t|PT)(?![A-Za-z])|(?<![A-Z])(?:Alumina|Pt)(?![a-z])"
)

# All modules but those that describe the default classes, the phantom made of them, or what the
# paper reports of them.
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "phantom" not in path.parts
    and path.name not in ("settings.py", "presets.py")
    and path != PACKAGE / "settings/base.py"
]
TEXTS = [
    path
    for pattern in ("Snakefile", "rules/*.smk", "report/*.rst", "catomo/**/*.html")
    for path in sorted(WORKFLOW.glob(pattern))
]


def words_of(source: str):
    """Yield (line, word) of every string, identifier and key; docstrings are left out."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in docstrings:
                yield line, node.value
            continue
        for field in ("id", "attr", "arg", "name", "asname", "module", "names"):
            value = getattr(node, field, None)
            for word in value if isinstance(value, list) else [value]:
                if isinstance(word, str):
                    yield line, word


@pytest.mark.parametrize(
    "source",
    [
        "x = 'DSC Pt'",
        "pt_mask = 1",
        "f(alumina=1)",
        "x.pt",
        "d = {'alumina': 1}",
        "class PtCount: ...",
        "f'{x} alumina'",
        "from a import pt",
    ],
)
def test_the_search_finds_names(source):
    assert any(NAMES.search(word) for _, word in words_of(source))


@pytest.mark.parametrize("source", ["'''Pt in a docstring.'''", "accept_stop = 'empty'"])
def test_the_search_lets_others_pass(source):
    assert not any(NAMES.search(word) for _, word in words_of(source))


def test_no_module_knows_the_default_classes_by_name():
    assert len(MODULES) > 50
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word!r}"
        for path in MODULES
        for line, word in words_of(path.read_text())
        if NAMES.search(word)
    ]
    assert found == []


def test_no_rule_template_or_caption_knows_them():
    assert len(TEXTS) > 15
    found = [str(path) for path in TEXTS if NAMES.search(path.read_text())]
    assert found == []
