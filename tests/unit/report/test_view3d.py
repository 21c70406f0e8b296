"""The 3-D view of the page."""

from catomo.report.view3d import VIEWS, view_for_page
from catomo.surfaces import render


def test_views_look_as_the_pictures_of_the_surfaces_do():
    shown = {
        name: (tuple(entry["look"]), tuple(entry["up"]), entry.get("opaque", False))
        for name, entry in VIEWS.items()
    }
    assert shown == render.VIEWS


def test_without_surfaces_there_is_no_view():
    assert view_for_page({}, [], "x") == {}
