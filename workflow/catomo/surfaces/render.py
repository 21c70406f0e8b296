"""Views of the surfaces, drawn without a display in a process of its own.

If its graphics libraries are missing, VTK ends the process instead of raising an exception.
So a child process draws (it runs this file). Only where no renderer is installed the caller is
told so and continues; whatever else ends the child ends the stage.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

if __name__ != "__main__":  # the child that draws needs nothing else of catomo
    from catomo.errors import UserError, printable

Vector = tuple[float, float, float]

_WIDTH, _HEIGHT = 1100, 850  # of a view in px

# Of each view: the direction in which the camera looks and the one that is up, as (x, y, z),
# and whether all classes are drawn opaque. In the views along the beam and along the tilt
# axis, x points right, as in the images and in the slices.
VIEWS: dict[str, tuple[Vector, Vector, bool]] = {
    "view_front": ((0, 0, 1), (0, -1, 0), False),
    "view_side": ((-1, 0.25, 0.3), (0, -1, 0), False),
    "view_top": ((0, -1, 0), (0, 0, -1), False),
    "view_opaque": ((-0.6, 0.45, 0.8), (0, -1, 0), True),
}

_LIBRARIES = "libegl1 libgl1-mesa-dri libx11-6 (or libosmesa6)"

# How VTK ends a process whose graphics libraries are missing.
_OF_MISSING_LIBRARIES = (signal.SIGSEGV, signal.SIGABRT)
# What Python says of a package, and the linker of a library, that is not there. Where memory is
# short they say something else.
_NOT_THERE = ("ModuleNotFoundError: ", "cannot open shared object file: No such file")

# Ends with status 3 where nothing is installed that could draw without a display.
_PROBE = """
import ctypes, os, resource, sys
def load(*names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError as error:
            if "No such file" not in str(error):
                sys.exit("it is there and cannot be loaded")
    return None
if load("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
    sys.exit(0)
if os.environ.get("DISPLAY") and load("libGL.so.1"):
    sys.exit(0)
egl = load("libEGL.so.1")
if egl is None:
    sys.exit(3)
egl.eglGetProcAddress.restype = ctypes.c_void_p
query, display = (egl.eglGetProcAddress(name) for name in (
    b"eglQueryDevicesEXT", b"eglGetPlatformDisplayEXT"))
devices, count = (ctypes.c_void_p * 16)(), ctypes.c_int(0)
if query and display:
    ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(query)(
        16, devices, ctypes.byref(count))
    of = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(display)
    egl.eglInitialize.argtypes = [ctypes.c_void_p] * 3
    for device in devices[:count.value]:
        if egl.eglInitialize(of(0x313F, device, None), None, None):
            sys.exit(0)
# A driver that may not take the memory it needs looks like one that is missing.
sys.exit(3 if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY else 1)
"""


@dataclass(frozen=True)
class View:
    """A picture (uint8, (rows, columns, 3)) and the size of its pixels in nm."""

    picture: np.ndarray
    nm_per_px: float


def render(phases: list[dict[str, Any]], background: str) -> tuple[dict[str, View] | None, str]:
    """Draw the views of `VIEWS`.

    Parameters
    ----------
    phases : list of dict
        Of each class: ``path`` of the ``.vtp`` file, ``colour`` ``#rrggbb`` and ``opacity``.
    background : str
        Colour of the background.

    Returns
    -------
    views : dict of str to View, or None
        None if no renderer is installed.
    reason : str
        What is not installed, in one sentence; empty if the views are there.

    Raises
    ------
    UserError
        If a renderer is installed and did not draw: it was killed, or memory or disk are full.
    """
    if find_spec("pyvista") is None:
        return None, _not_installed("PyVista is not installed; pip install 'catomo[surfaces]'")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "views.npz")
        task = {"phases": phases, "background": background, "result": str(result)}
        child = subprocess.run(
            [sys.executable, "-P", __file__],  # -P: the modules beside this file are not for it
            input=json.dumps(task),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if child.returncode == 0 and result.is_file():
            with np.load(result) as views:
                return {n: View(views[n], float(views[f"{n}_nm"])) for n in VIEWS}, ""
    code = child.returncode
    said = [line.strip() for line in child.stderr.splitlines() if line.strip()]
    last = printable(said[-1])[:300] if said and code > 0 else ""
    ending = last or (f"it ended with signal {-code}" if code < 0 else f"status {code}")
    may_be_missing = code > 0 or -code in _OF_MISSING_LIBRARIES
    if may_be_missing and (any(sign in last for sign in _NOT_THERE) or not _is_installed()):
        return None, _not_installed(f"no renderer is installed: {ending}")
    if -code == signal.SIGKILL:
        ending += ", perhaps because memory ran out"
    raise UserError(
        f"the renderer of the 3-D views failed ({ending}), so nothing was written; see to memory "
        f"and to the disk of {tempfile.gettempdir()}, and run again"
    )


def _is_installed() -> bool:
    """Return whether there is a renderer; where that cannot be told, there is."""
    return subprocess.run([sys.executable, "-c", _PROBE], capture_output=True).returncode != 3


def _not_installed(why: str) -> str:
    return (
        f"3-D views could not be drawn ({why}); install the Debian packages {_LIBRARIES}, "
        "delete quantities.json and run again"
    )


def _draw(task: dict[str, Any]) -> None:
    """Draw all views and store them; runs in the child process."""
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=(_WIDTH, _HEIGHT))
    plotter.set_background(task["background"])
    # Depth peeling draws translucent surfaces right in any order. With multisampling left on,
    # translucent surfaces would not be drawn, without any message.
    plotter.disable_anti_aliasing()
    plotter.enable_depth_peeling(8)
    actors, points = [], []
    for phase in task["phases"]:
        mesh = pyvista.read(phase["path"])
        if mesh.n_cells:
            actor = plotter.add_mesh(
                mesh, color=phase["colour"], smooth_shading=True, ambient=0.3, diffuse=0.7,
                specular=0.15,
            )  # fmt: skip
            actors.append((actor, phase["opacity"]))
            points.append(mesh.points)
    plotter.enable_parallel_projection()
    plotter.enable_anti_aliasing("ssaa")
    views = {}
    for name, (look, up, opaque) in VIEWS.items():
        for actor, opacity in actors:
            actor.prop.opacity = 1.0 if opaque else opacity
        plotter.suppress_rendering = True  # each change of the camera would draw all anew
        if actors:
            plotter.view_vector(-np.array(look, float), up)
            plotter.reset_camera()
            plotter.camera.parallel_scale = _half_height(
                np.concatenate(points) - plotter.center, look, up
            )
        plotter.suppress_rendering = False
        plotter.render()  # otherwise the screenshot would show the view before
        picture = plotter.screenshot(return_img=True)
        if actors and np.ptp(picture, axis=(0, 1)).max() == 0:
            sys.exit("the picture is empty")
        views[name] = picture[..., :3]
        views[f"{name}_nm"] = 2 * plotter.camera.parallel_scale / picture.shape[0]
    np.savez(task["result"], **views)


def _half_height(points: np.ndarray, look: Vector, up: Vector) -> float:
    """Return half the height, in nm, of a view that just shows points around its centre."""
    forward = np.array(look, float) / np.linalg.norm(look)
    upward = np.array(up) - np.dot(up, forward) * forward
    upward /= np.linalg.norm(upward)
    across = np.abs(points @ np.cross(forward, upward)).max() * _HEIGHT / _WIDTH
    return 1.05 * max(np.abs(points @ upward).max(), across)


if __name__ == "__main__":
    _draw(json.load(sys.stdin))
