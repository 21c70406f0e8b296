"""A script that opens the surfaces in ParaView as the stage draws them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catomo.figures import rgb
from catomo.surfaces.mesh_files import StyledMesh
from catomo.surfaces.render import VIEWS

_SCRIPT = '''\
"""Open the surfaces of this folder in ParaView, in four views.

In the program:  paraview --script=open_in_paraview.py  (or Tools > Python Shell > Run Script)
As a picture:    pvpython open_in_paraview.py views.png

Lengths are in nm; x points right in the images, y is along the tilt axis, z along the beam.
"""

import os
import sys

from paraview.simple import (
    AssignViewToLayout,
    ColorBy,
    CreateLayout,
    CreateView,
    Render,
    ResetCamera,
    SaveScreenshot,
    Show,
    XMLPolyDataReader,
)

# Of each class: its file, its colour (red, green, blue) and its opacity.
CLASSES = @CLASSES@
BACKGROUND = @BACKGROUND@
# Of each view: where the camera looks to, which direction is up, and whether all is opaque.
VIEWS = @VIEWS@

folder = os.path.dirname(os.path.abspath(__file__)) if "__file__" in globals() else os.getcwd()
readers = [XMLPolyDataReader(FileName=[os.path.join(folder, file)]) for file, _, _ in CLASSES]
layout = CreateLayout(name="catomo")
for name, look, up, is_opaque in VIEWS:
    view = CreateView("RenderView", registrationName=name)
    AssignViewToLayout(view=view, layout=layout)
    view.UseColorPaletteForBackground = 0
    view.Background = BACKGROUND
    view.CameraParallelProjection = 1
    for reader, (_, colour, opacity) in zip(readers, CLASSES):
        shown = Show(reader, view)
        ColorBy(shown, None)
        shown.AmbientColor = shown.DiffuseColor = colour
        shown.Opacity = 1.0 if is_opaque else opacity
        shown.Ambient = 0.3
    view.CameraFocalPoint = [0.0, 0.0, 0.0]
    view.CameraPosition = [-step for step in look]
    view.CameraViewUp = up
    ResetCamera(view)  # keeps the direction
    Render(view)
for name in sys.argv[1:]:
    if name.endswith(".png"):
        SaveScreenshot(name, layout)
'''


def write_script(path: Path, meshes: Sequence[StyledMesh], background: str) -> None:
    """Write the script; it lies beside the ``.vtp`` files, which it names without a folder.

    Parameters
    ----------
    path : Path
    meshes : sequence of StyledMesh
        Empty ones are left out.
    background : str
        Colour ``#rrggbb``.
    """
    classes = [
        (f"{one.name}.vtp", _shares(one.colour), one.opacity)
        for one in meshes
        if len(one.mesh.faces)
    ]
    views = [
        (name, list(map(float, look)), list(map(float, up)), is_opaque)
        for name, (look, up, is_opaque) in VIEWS.items()
    ]
    script = _SCRIPT
    for word, value in (
        ("@CLASSES@", _lines(classes)),
        ("@BACKGROUND@", repr(_shares(background))),
        ("@VIEWS@", _lines(views)),
    ):
        script = script.replace(word, value)
    path.write_text(script)


def _shares(colour: str) -> list[float]:
    return [round(part / 255, 6) for part in rgb(colour)]


def _lines(entries: list[tuple]) -> str:
    return "[\n" + "".join(f"    {entry!r},\n" for entry in entries) + "]"
