"""Which code a stage runs is read from the sources, and only from what it imports."""

import subprocess
import sys

import pytest

from catomo.record import code
from catomo.stages import RECORDS, module_of


@pytest.mark.parametrize("verb", RECORDS)
def test_settings_and_command_line_stay_outside(verb):
    modules = code.modules_of(verb)
    assert module_of(verb) in modules
    assert not [m for m in modules if code._is_settings(m) or m == "catomo.cli"]


def test_surfaces_do_not_depend_on_the_projector_nor_the_other_way_round():
    assert "catomo.projection.shear" not in code.modules_of("surfaces")
    assert "catomo.projection.shear" in code.modules_of("reconstruct")
    assert "catomo.surfaces.stage" not in code.modules_of("reconstruct")


@pytest.mark.slow
@pytest.mark.parametrize("verb", RECORDS)
def test_found_modules_are_those_that_are_really_loaded(verb):
    """Import the stage in a fresh interpreter: but for settings, all it loads was found."""
    program = (
        f"import sys, {module_of(verb)}\nprint(*[m for m in sys.modules if m.startswith('catomo')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(code._FOLDER.parent), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    loaded = {name for name in run.stdout.split() if not code._is_settings(name)}
    assert loaded - code._NEUTRAL <= set(code.modules_of(verb))
