"""The script for ParaView: it compiles, names files beside it, sets what VTK understands."""

import runpy
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from catomo.surfaces.mesh_files import StyledMesh, write_vtp
from catomo.surfaces.meshes import surface
from catomo.surfaces.paraview import write_script
from catomo.surfaces.render import VIEWS
from conftest import balls

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")


class View(SimpleNamespace):
    """Stands for ParaView's view: its properties are those of VTK's camera and renderer."""

    def drawn(self):
        from vtkmodules.vtkRenderingCore import vtkRenderer

        renderer = vtkRenderer()
        renderer.SetBackground(self.Background)
        camera = renderer.GetActiveCamera()
        camera.SetParallelProjection(self.CameraParallelProjection)
        camera.SetFocalPoint(self.CameraFocalPoint)
        camera.SetPosition(self.CameraPosition)
        camera.SetViewUp(self.CameraViewUp)
        renderer.ResetCamera(self.shown[0][0].bounds)
        return camera


@pytest.fixture
def simple(monkeypatch):
    """Put a stand-in for `paraview.simple` in its place; return what the script did with it."""
    import pyvista

    done = SimpleNamespace(views={}, files=[], saved=[])

    def reader(FileName):
        done.files += FileName
        return pyvista.read(FileName[0])

    def view(kind, registrationName):
        assert kind == "RenderView"
        return done.views.setdefault(registrationName, View(shown=[]))

    def show(source, view):
        view.shown.append((source, SimpleNamespace()))
        return view.shown[-1][1]

    calls = {
        "XMLPolyDataReader": reader,
        "CreateView": view,
        "Show": show,
        "CreateLayout": lambda name: name,
        "AssignViewToLayout": lambda view, layout: None,
        "ColorBy": lambda shown, array: None,
        "ResetCamera": lambda view: view.drawn(),
        "Render": lambda view: None,
        "SaveScreenshot": lambda name, layout: done.saved.append((name, layout)),
    }
    module = ModuleType("paraview.simple")
    module.__dict__.update(calls)
    monkeypatch.setitem(sys.modules, "paraview", ModuleType("paraview"))
    monkeypatch.setitem(sys.modules, "paraview.simple", module)
    return done


def test_it_opens_the_four_views_as_they_are_drawn(simple, tmp_path, monkeypatch):
    mesh = surface(balls((12, 12, 12), (6, 6, 6, 4)) > 0, 0.5)
    nothing = surface(np.zeros((3, 3, 3), bool), 0.5)
    styled = [
        StyledMesh("alumina", mesh, "#c9ced2", 0.3),
        StyledMesh("empty", nothing, "#000000", 1.0),
        StyledMesh("pt", mesh, "#c0392b", 1.0),
    ]
    for name in ("alumina", "pt"):
        write_vtp(tmp_path / f"{name}.vtp", mesh)
    path = tmp_path / "open_in_paraview.py"
    write_script(path, styled, "#20303c")
    assert str(tmp_path) not in path.read_text()
    monkeypatch.setattr(sys, "argv", [str(path), "views.png"])
    runpy.run_path(str(path))
    assert simple.files == [str(tmp_path / f"{name}.vtp") for name in ("alumina", "pt")]
    assert simple.saved == [("views.png", "catomo")]
    assert list(simple.views) == list(VIEWS)
    for name, (look, up, is_opaque) in VIEWS.items():
        view = simple.views[name]
        camera = view.drawn()
        assert camera.GetDirectionOfProjection() == pytest.approx(look / np.linalg.norm(look))
        assert np.dot(camera.GetViewUp(), up) > 0
        assert view.Background == pytest.approx([0x20 / 255, 0x30 / 255, 0x3C / 255], abs=1e-6)
        alumina, pt = (shown for _, shown in view.shown)
        assert (alumina.Opacity, pt.Opacity) == (1.0 if is_opaque else 0.3, 1.0)
        assert pt.DiffuseColor == pytest.approx([0xC0 / 255, 0x39 / 255, 0x2B / 255], abs=1e-6)
