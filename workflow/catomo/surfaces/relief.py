"""The relief of a support: its surface, its facets with their families, and where they meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catomo.surfaces.bare import Bare, bare_surface
from catomo.surfaces.facet_families import families
from catomo.surfaces.facet_lines import Line, find_lines
from catomo.surfaces.facet_surface import Elements, surface_elements
from catomo.surfaces.facets import Facets, find_facets
from catomo.surfaces.frame import Frame
from catomo.surfaces.particles import MeasuredParticles
from catomo.surfaces.settings import FacetRule


@dataclass(frozen=True)
class Relief:
    """The relief of a support.

    Attributes
    ----------
    elements : Elements
    facets : Facets
    names : list of str
        The family of each facet; empty where none is told.
    unnamed : str
        Why families are not told; empty where they are.
    lines : list of Line
        Apexes and valleys.
    is_cut : bool
        Whether the end of the data cuts the surface.
    bare : Bare
        The surface with what particles hide put back.
    """

    elements: Elements
    facets: Facets
    names: list[str]
    unnamed: str
    lines: list[Line]
    is_cut: bool
    bare: Bare

    def points(self, is_apex: bool, but: np.ndarray | None = None) -> np.ndarray:
        """Return the points (n, 3) of all apexes or of all valleys, in px.

        Those of some planes, `but` (bool for each plane), may be left out.
        """
        parts = [
            line.points
            for line in self.lines
            if line.is_apex == is_apex and (but is None or not but[list(line.planes)].any())
        ]
        return np.concatenate(parts) if parts else np.empty((0, 3))

    def name_of(self, facet: int) -> str:
        """Return the family of a facet, empty for none."""
        return self.names[facet] if self.names and facet >= 0 else ""


def relief_of(
    labels: np.ndarray,
    support: int,
    rule: FacetRule,
    frame: Frame,
    particles: MeasuredParticles | None,
) -> Relief | None:
    """Return the relief of a support, None where there is no surface.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    support : int
        Its label.
    rule : FacetRule
    frame : Frame
    particles : MeasuredParticles or None
        What hides some of it.
    """
    elements = surface_elements(labels, support, frame, rule.smoothing_px)
    if elements is None or not elements.free_areas.any():
        return None
    facets = find_facets(elements)
    names: list[str] = []
    unnamed = "surfaces.facets.lattice is null"
    if rule.lattice and facets.facets:
        told = families(facets, rule.lattice)
        unnamed = told if isinstance(told, str) else ""
        names = [] if isinstance(told, str) else told
    bare = bare_surface(elements, facets, particles)
    lines = find_lines(bare, facets, elements.links)
    places = np.rint(elements.points).astype(np.int64).clip(0, np.array(labels.shape) - 1)
    is_cut = bool(frame.ends(places).any())
    return Relief(elements, facets, names, unnamed, lines, is_cut, bare)
