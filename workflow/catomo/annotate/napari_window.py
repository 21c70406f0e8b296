"""Verb `annotate`: paint the labels of slices in napari (the extra `annotate`).

Only the window is here; `catomo.annotate.session` loads the slices and saves the labels.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catomo.annotate.session import Session, open_session
from catomo.errors import UserError
from catomo.labels.values import IGNORE
from catomo.progress import say

_NO_CLASS_COLOUR = "magenta"  # a value of no class is seen before saving it is refused
_UNITS = ("pixel", "nm", "nm")


def annotate(
    slices: Path,
    labels: Path,
    names: list[str] | None = None,
    prediction: Path | None = None,
    configfiles: Sequence[Path] = (),
) -> None:
    """Open slices with their labels; changed labels are saved when the window closes.

    The parameters are those of `catomo.annotate.session.open_session`.

    Raises
    ------
    UserError
        If napari is not installed, there is no screen, the labels do not fit, or a label
        file was changed by somebody else in the meantime.
    """
    session = open_session(slices, labels, names, prediction, configfiles)
    napari = _napari()
    show(napari, session)
    napari.run()
    saved, problems = session.save_changed()
    for path in saved:
        say(f"saved {path}")
    if problems:
        raise UserError("; ".join(problems))


def show(napari: Any, session: Session) -> Any:
    """Return a napari viewer with the slices and their labels, and the key S to save a slice."""
    colours: dict[int | None, str] = {
        value: phase.colour for value, phase in enumerate(session.classes)
    }
    colours |= {IGNORE: "transparent", None: _NO_CLASS_COLOUR}
    common = {"scale": (1, session.pixel_size_nm, session.pixel_size_nm), "units": _UNITS}
    viewer = napari.Viewer(title="catomo annotate")
    viewer.add_image(session.greys, name="slice", contrast_limits=(0, 255), **common)
    layer = viewer.add_labels(
        session.labels,
        # The eraser sets "not annotated", because 0 is a class.
        colormap=napari.utils.DirectLabelColormap(color_dict=colours, background_value=IGNORE),
        opacity=0.5,
        **common,
    )
    layer.selected_label = 1
    viewer.scale_bar.visible = viewer.text_overlay.visible = True
    viewer.text_overlay.position = "top_left"
    values = ", ".join(f"{value} {phase.title}" for value, phase in enumerate(session.classes))

    def update_text(_event: Any = None, problem: str = "") -> None:
        number = viewer.dims.current_step[0]
        layer.name = session.pages[number].layer
        viewer.text_overlay.text = (
            f"{problem or session.title(number)}\n"
            f"paint {values}; the eraser sets 'not annotated'; {_NO_CLASS_COLOUR} is no class\n"
            "S saves this slice; closing the window saves every slice that you changed"
        )

    @viewer.bind_key("S", overwrite=True)
    def save(viewer: Any) -> None:
        try:
            session.save(viewer.dims.current_step[0])
            update_text()
        except UserError as error:
            update_text(problem=str(error))

    viewer.dims.set_current_step(0, 0)
    viewer.dims.events.current_step.connect(update_text)
    update_text()
    return viewer


def _napari() -> Any:
    """Return the module napari, if it is installed and there is a screen."""
    try:
        import napari
    except ImportError:
        raise UserError(
            "napari is not installed; install it beside catomo: pip install 'napari[pyqt6]', "
            "or paint labels on the files of to_annotate in any TIFF editor"
        ) from None
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in screens):
        raise UserError("there is no screen here; run annotate on the computer you sit at")
    return napari
