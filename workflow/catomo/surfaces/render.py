"""Views of the surfaces, drawn without a display, in a process of their own.

Without its graphics libraries VTK does not raise, it crashes. So a child process draws (it runs
this file), and when it fails the caller learns why and goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 1100, 850

# From where a view is drawn: towards where the camera looks, and what is up, as (x, y, z).
# Along the beam and along the tilt axis, x points right, as in the images and the slices.
VIEWS = {
    "view_front": ((0, 0, 1), (0, -1, 0), False),
    "view_side": ((-1, 0.25, 0.3), (0, -1, 0), False),
    "view_top": ((0, -1, 0), (0, 0, -1), False),
    "view_opaque": ((-0.6, 0.45, 0.8), (0, -1, 0), True),
}

LIBRARIES = "libegl1 libgl1-mesa-dri libx11-6 (or libosmesa6)"


def render(phases: list[dict], background: str) -> tuple[dict | None, str | None]:
    """Draw the views of `VIEWS`.

    Parameters
    ----------
    phases : list of dict
        ``path`` of the ``.vtp`` file, ``colour`` ``#rrggbb`` and ``opacity`` of each class.
    background : str
        Colour behind.

    Returns
    -------
    views : dict of str to (ndarray of uint8 (rows, columns, 3), float), or None
        Each picture and the size of its pixels in nm. None when nothing can be drawn.
    reason : str or None
        Why nothing was drawn, in one sentence.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "views.npz")
        task = {"phases": phases, "background": background, "result": str(result)}
        child = subprocess.run(
            [sys.executable, "-P", __file__],  # -P: the modules beside this file are not for it
            input=json.dumps(task),
            capture_output=True,
            text=True,
        )
        if child.returncode == 0 and result.is_file():
            with np.load(result) as views:
                return {name: (views[name], float(views[f"{name}_nm"])) for name in VIEWS}, None
    ending = f"signal {-child.returncode}" if child.returncode < 0 else f"status {child.returncode}"
    return None, (
        f"3-D views could not be drawn (the renderer ended with {ending}); install the Debian "
        f"packages {LIBRARIES} and run surfaces again"
    )


def _draw(task: dict) -> None:
    """Draw all views and store them; runs in the child process."""
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, window_size=(WIDTH, HEIGHT))
    plotter.set_background(task["background"])
    # Order-independent translucency; with multisampling left on, what is translucent
    # would silently not be drawn.
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
        if actors:
            plotter.view_vector(-np.array(look, float), up)
            plotter.reset_camera()
            plotter.camera.parallel_scale = _half_height(
                np.concatenate(points) - plotter.center, look, up
            )
        plotter.render()  # or the screenshot would still be the former view's
        picture = plotter.screenshot(return_img=True)
        if actors and np.ptp(picture, axis=(0, 1)).max() == 0:
            sys.exit("the picture is empty")
        views[name] = picture[..., :3]
        views[f"{name}_nm"] = 2 * plotter.camera.parallel_scale / picture.shape[0]
    np.savez(task["result"], **views)


def _half_height(points: np.ndarray, look, up) -> float:
    """Return half the height, in nm, of a view that just shows points around its centre."""
    look = np.array(look, float) / np.linalg.norm(look)
    upward = np.array(up) - np.dot(up, look) * look
    upward /= np.linalg.norm(upward)
    across = np.abs(points @ np.cross(look, upward)).max() * HEIGHT / WIDTH
    return 1.05 * max(np.abs(points @ upward).max(), across)


if __name__ == "__main__":
    _draw(json.load(sys.stdin))
