"""catomo: electron tomography of catalysts, from a tilt series to numbers and surfaces.

The functions below take and return NumPy arrays and write nothing. Tilt images have the axes
(tilt, y, x), volumes (y, z, x): y lies along the tilt axis, z along the beam at tilt 0. Lengths
are in nm and angles in degrees unless a name says px. The workflow's stages call the same code.

Each function is imported when it is first used, so ``import catomo`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from catomo.align.tilts import align_tilts as align_tilts
    from catomo.evaluate.distances import hausdorff_distance as hausdorff_distance
    from catomo.evaluate.scoring import score_labels as score_labels
    from catomo.files.series import TiltSeries as TiltSeries
    from catomo.labels.overlap import dice as dice
    from catomo.labels.particles import label_particles as label_particles
    from catomo.network.unet import build_unet as build_unet
    from catomo.predict.segmentation import segment as segment
    from catomo.projection.volumes import back_project as back_project
    from catomo.projection.volumes import mlem as mlem
    from catomo.projection.volumes import osem as osem
    from catomo.projection.volumes import project as project
    from catomo.reconstruct.volume import reconstruct_volume as reconstruct_volume
    from catomo.slices.contrast import export_slices as export_slices
    from catomo.surfaces.measure import measure as measure
    from catomo.surfaces.meshes import surface_mesh as surface_mesh
    from catomo.tilt_series.reading import read_tilt_series as read_tilt_series
    from catomo.train.training import train_unet as train_unet

# The module of each name, in pipeline order. For type checkers the same stands above.
_MODULES = {
    "TiltSeries": "catomo.files.series",
    "read_tilt_series": "catomo.tilt_series.reading",
    "align_tilts": "catomo.align.tilts",
    "project": "catomo.projection.volumes",
    "back_project": "catomo.projection.volumes",
    "mlem": "catomo.projection.volumes",
    "osem": "catomo.projection.volumes",
    "reconstruct_volume": "catomo.reconstruct.volume",
    "export_slices": "catomo.slices.contrast",
    "build_unet": "catomo.network.unet",
    "train_unet": "catomo.train.training",
    "segment": "catomo.predict.segmentation",
    "score_labels": "catomo.evaluate.scoring",
    "dice": "catomo.labels.overlap",
    "hausdorff_distance": "catomo.evaluate.distances",
    "label_particles": "catomo.labels.particles",
    "surface_mesh": "catomo.surfaces.meshes",
    "measure": "catomo.surfaces.measure",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` when it is first used (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'catomo' has no attribute {name!r}")
    from importlib import import_module

    from catomo.errors import EXTRAS

    _keep_compiled_code_with_the_user()
    try:
        module = import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        message = f"catomo.{name} needs {error.name}: pip install 'catomo[{EXTRAS[error.name]}]'"
        raise ImportError(message) from error
    globals()[name] = value = getattr(module, name)
    return value


def __dir__() -> list[str]:
    """Return the names of the package, also those that are not imported yet."""
    return sorted({*globals(), *__all__})


def _keep_compiled_code_with_the_user() -> None:
    """Let Numba keep compiled code in the user's cache, or else among temporary files.

    By itself Numba writes beside the sources, and stops where it can write neither there nor
    in its own folder. The command line keeps compiled code in the project's ``.catomo/numba``.
    """
    import os
    import tempfile
    from pathlib import Path

    if "NUMBA_CACHE_DIR" in os.environ:
        return
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "catomo/numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        user = os.getuid() if hasattr(os, "getuid") else ""
        folder = Path(tempfile.gettempdir(), f"catomo-numba-{user}")
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
