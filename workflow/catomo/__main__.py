"""``python -m catomo``, or ``python path/to/catomo``: the same as the command ``catomo``.

The workflow's rules use the second form. The package is then imported from its own folder and
nothing else of where it lies, so that a conda environment never sees the site-packages of
the Python that runs Snakemake.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _import_from_here() -> None:
    """Import catomo from the folder of this file; write no bytecode into it."""
    folder = Path(__file__).resolve().parent
    del sys.path[0]  # this folder: its modules are catomo's, not on their own
    sys.dont_write_bytecode = True
    spec = spec_from_file_location(
        "catomo", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules["catomo"] = package
    spec.loader.exec_module(package)


if not __package__:
    _import_from_here()

from catomo.cli import main  # noqa: E402  (only now it can be found)

main()
