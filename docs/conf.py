"""Configuration of Sphinx for the pages in this folder; `make docs` builds them.

Warnings are errors, so a link to a page, a heading or a term that is not there stops the build.
Nothing on the pages comes from the network: formulas are MathML, fonts and scripts lie beside
the pages.
"""

import io
import os
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))
os.environ["COLUMNS"] = "76"  # at which argparse breaks the lines of a help text
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import catomo  # noqa: E402
from catomo.cli import main  # noqa: E402
from catomo.plan.document import specimen_keys  # noqa: E402
from catomo.stages import STAGES, TOOLS  # noqa: E402

project = "catomo"
copyright = "the catomo authors"
version = release = catomo.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
nitpicky = True

autodoc_typehints = "none"  # the docstrings name the types
autodoc_mock_imports = ["tensorflow", "keras"]  # large, and only imported for the pages
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"catomo {version}"
html_static_path = ["style"]
html_css_files = ["catomo.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}
# Pages that nothing lies beside, and one with wide tables.
html_sidebars = {
    page: []
    for page in (
        *("index", "glossary", "tutorial/index"),
        *("reference/configuration", "reference/phantoms"),
    )
}


def commands() -> str:
    """Return the help of every verb, as sections of a page."""
    parts = []
    for title, entries in (("Stages", STAGES), ("Tools", TOOLS)):
        parts.append(f"## {title}")
        for entry in entries:
            parts.append(f"### catomo {entry.verb}\n\n```text\n{_help(entry.verb)}```")
    return "\n\n".join(parts) + "\n"


def _help(verb: str) -> str:
    with redirect_stdout(io.StringIO()) as printed, suppress(SystemExit):
        main([verb, "--help"])
    return printed.getvalue()


def _fill(_app, name, source):
    if name == "reference/commands":
        source[0] += "\n" + commands()
    if name == "reference/phantoms":
        source[0] += "\n" + specimen_keys()


def _inline(translator, node):
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(translator, node):
    translator.body.append(f'<p class="formula">{tex2mathml(node.astext(), as_block=True)}</p>')
    raise nodes.SkipNode


def setup(app):
    """Make formulas MathML, and fill the pages of commands and phantoms."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
