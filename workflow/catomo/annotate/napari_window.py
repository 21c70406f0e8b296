"""Verb `annotate`: paint the labels of slices in napari (the extra `annotate`).

Only the window is here; what is loaded and how it is saved stands in `annotation`.
"""

from __future__ import annotations

import os
import sys

from catomo.annotate.session import Session, open_session
from catomo.errors import UserError
from catomo.labels.files import IGNORE
from catomo.progress import say


def annotate(slices, labels, names=None, prediction=None) -> None:
    """Open slices with their labels; what was painted is saved when the window closes.

    Parameters are those of `annotation.open_session`.

    Raises
    ------
    UserError
        If napari is not installed, there is no screen, the labels do not fit, or a file of
        the person was changed by somebody else meanwhile.
    """
    session = open_session(slices, labels, names, prediction)
    napari = _napari()
    show(napari, session)
    napari.run()
    saved, problems = session.save_changed()
    for path in saved:
        say(f"saved {path}")
    if problems:
        raise UserError("; ".join(problems))


def show(napari, session: Session):
    """Return a viewer with the slices, the labels over them, and the key S to save one."""
    colours = {value: phase["colour"] for value, phase in enumerate(session.classes)}
    colours |= {IGNORE: "transparent", None: _NO_CLASS}
    common = {"scale": (1, session.pixel_size_nm, session.pixel_size_nm), "units": _UNITS}
    viewer = napari.Viewer(title="catomo annotate")
    viewer.add_image(session.greys, name="slice", contrast_limits=(0, 255), **common)
    layer = viewer.add_labels(
        session.labels,
        # The eraser gives back "not annotated", for 0 is a class.
        colormap=napari.utils.DirectLabelColormap(color_dict=colours, background_value=IGNORE),
        opacity=0.5,
        **common,
    )
    layer.selected_label = 1
    viewer.scale_bar.visible = viewer.text_overlay.visible = True
    viewer.text_overlay.position = "top_left"
    values = ", ".join(f"{value} {phase['title']}" for value, phase in enumerate(session.classes))

    def tell(event=None, problem=""):
        number = viewer.dims.current_step[0]
        layer.name = session.pages[number].layer
        viewer.text_overlay.text = (
            f"{problem or session.title(number)}\n"
            f"paint {values}; the eraser is 'not annotated'; what is {_NO_CLASS} is no class\n"
            "S saves this slice; closing the window saves every slice you painted on"
        )

    @viewer.bind_key("S", overwrite=True)
    def save(viewer):
        try:
            session.save(viewer.dims.current_step[0])
            tell()
        except UserError as error:
            tell(problem=str(error))

    viewer.dims.set_current_step(0, 0)
    viewer.dims.events.current_step.connect(tell)
    tell()
    return viewer


_NO_CLASS = "magenta"  # so loud that a value of no class is seen before saving refuses it
_UNITS = ("pixel", "nm", "nm")


def _napari():
    try:
        import napari
    except ImportError:
        raise UserError(
            "napari is not installed; install it beside catomo: pip install 'napari[pyqt6]', "
            "or paint the files of to_annotate in any TIFF editor"
        ) from None
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(os.environ.get(name) for name in screens):
        raise UserError("there is no screen here; run annotate on the computer you sit at")
    return napari
