"""Measure a segmented volume: surfaces, particles and all quantities of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from catomo.labels.particles import Instances
from catomo.labels.settings import Particles
from catomo.surfaces import quantities
from catomo.surfaces.areas import areas_behind
from catomo.surfaces.bulk import bulk_quantities
from catomo.surfaces.facet_families import family_names
from catomo.surfaces.facet_quantities import facet_quantities
from catomo.surfaces.frame import Frame
from catomo.surfaces.particle_quantities import counted, density, of_particles
from catomo.surfaces.particles import MeasuredParticles, Specimen, measure_particles
from catomo.surfaces.placement import Placement, place
from catomo.surfaces.placement_quantities import placement_quantities
from catomo.surfaces.pores import Hull, hulls_of, in_hulls, with_pores
from catomo.surfaces.relief import Relief, relief_of
from catomo.surfaces.seats import Seats, find_seats
from catomo.surfaces.settings import Bulk, FacetRule, Surfaces
from catomo.surfaces.skin import skin_share, told_of_skin

_DEFAULT = Surfaces()
_CLASS_NAMES = tuple(phase.name for phase in _DEFAULT.classes)


@dataclass(frozen=True)
class Roles:
    """What the classes of a specimen are.

    Attributes
    ----------
    names : sequence of str
        Names of the classes in the order of their label values, background first.
    support : str or None
        The class that carries the particles; None if there is none.
    particles : Particles
        The class that consists of particles (or None), and what counts as one particle.
    hull_radius_nm : float
        Radius of the ball that closes the pores of the support to its hull.
    facets : FacetRule
        How facets of the support are found and named.
    bulk : Bulk
        Densities and atoms of particles and support.
    seed : int
        Of the random places that particles are compared with.
    """

    names: Sequence[str]
    support: str | None
    particles: Particles
    hull_radius_nm: float
    facets: FacetRule = _DEFAULT.facets
    bulk: Bulk = _DEFAULT.bulk
    seed: int = _DEFAULT.seed


class Measured(NamedTuple):
    """What is measured of a volume.

    Attributes
    ----------
    quantities : dict of str to dict
    particles : MeasuredParticles or None
        None if no class consists of particles.
    relief : Relief or None
        Of the support; None if there is none, or it was not asked for.
    seats : Seats or None
        Where particles sit on it; None without support or particles.
    placement : Placement or None
        Whether chance would put them there; None as `seats`.
    doubts : list of str
        What a reader has to be warned of, in whole sentences.
    """

    quantities: dict[str, dict]
    particles: MeasuredParticles | None
    relief: Relief | None
    seats: Seats | None
    placement: Placement | None
    doubts: list[str]


def measure(
    labels: np.ndarray,
    pixel_size_nm: float,
    classes: Sequence[str] = _CLASS_NAMES,
    support: str | None = _DEFAULT.support,
    particles: str | Particles | None = _DEFAULT.particles,
    hull_radius_nm: float = _DEFAULT.hull_radius_nm,
    *,
    recorded: np.ndarray | None = None,
    lattice: Literal["cubic"] | None = None,
    bulk: Bulk = _DEFAULT.bulk,
    seed: int = _DEFAULT.seed,
) -> dict[str, dict]:
    """Measure the quantities of a segmented volume.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
        Labels of the volume.
    pixel_size_nm : float
        Edge of a voxel in nm.
    classes : sequence of str
        Names of the classes in the order of their label values, background first.
    support : str, optional
        The class that carries the particles, whose porosity is measured; None for none.
    particles : str or Particles, optional
        The class that consists of particles, or the rule for what counts as one particle
        (`catomo.labels.settings.Particles`); None for none.
    hull_radius_nm : float
        Radius in nm of the ball that closes the open pores of the support to its hull.
    recorded : ndarray of bool, (slices,), optional
        Whether each slice along y was recorded. Slices that were not are taken for the outside
        of the frame, whatever their labels. By default all were.
    lattice : str, optional
        The lattice of the support, after which its facets are named; None for no names.
    bulk : Bulk, optional
        Densities and atoms; by default of Pt and γ-alumina where classes are ``pt``, ``alumina``.
    seed : int
        Of the random places that particles are compared with.

    Returns
    -------
    dict of str to dict
        As ``quantities`` in ``quantities.json``: the name of each quantity, such as
        ``<class>_volume``, to its ``value`` (None where there is nothing to measure), ``low``
        and ``high`` (for this specimen), ``sample_low`` and ``sample_high`` (for its particles
        as a sample of more; None where there is no such interval), ``unit`` and ``method``.

    Raises
    ------
    ValueError
        If `labels` is no volume of these classes, or `support` or `particles` names no class.
    """
    if not isinstance(particles, Particles):
        particles = Particles(phase=particles)
    facets = _DEFAULT.facets.model_copy(update={"lattice": lattice})
    roles = Roles(classes, support, particles, hull_radius_nm, facets, bulk, seed)
    labels = np.asarray(labels)
    _check(labels, roles)
    return all_quantities(labels.astype(np.uint8, copy=False), pixel_size_nm, roles, recorded)[0]


def all_quantities(
    labels: np.ndarray,
    pixel_size_nm: float,
    roles: Roles,
    recorded: np.ndarray | None = None,
    *,
    pieces: Instances | None = None,
    brief: bool = False,
) -> Measured:
    """Return all quantities, the particles and the relief of the support.

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    pixel_size_nm : float
    roles : Roles
    recorded : ndarray of bool, (slices,), optional
        As of `measure`.
    pieces : Instances, optional
        All pieces of the class that consists of particles, where a person divided some.
    brief : bool
        Whether to leave out all that redrawn labels do not tell and that takes long: the hull of
        the support and what is found with it (pores, widths, corrugation, where particles are,
        what molecules reach), facets, ways along the support, and how else particles might be
        split.
    """
    frame = Frame.of(labels.shape, recorded)
    if not frame.recorded.all():
        labels = np.where(frame.recorded[:, None, None], labels, np.uint8(0))
    names = list(roles.names)
    support = names.index(roles.support) if roles.support else -1
    phase = names.index(roles.particles.phase) if roles.particles.phase else -1
    radius_px = roles.hull_radius_nm / pixel_size_nm
    hulls = hulls_of(labels == support, radius_px, frame) if support > 0 and not brief else []
    particles = None
    if phase > 0:
        specimen = _specimen(labels, len(names), support, None if brief else hulls, frame)
        particles = measure_particles(
            *(labels, phase, roles.particles, pixel_size_nm, specimen), pieces, brief=brief
        )
    result, sides = _of_classes(labels, roles, pixel_size_nm, hulls, frame, particles)
    if roles.support and not brief:
        area_nm2 = result[f"{roles.support}_area"]["value"]
        result |= sides | _of_support(labels, hulls, roles, pixel_size_nm, area_nm2)
    if particles is not None:
        result |= of_particles(names[phase], particles, roles.support)
        if roles.support:
            count, area_of = result[f"{names[phase]}_count"], result[f"{roles.support}_area"]
            result |= density(names[phase], particles, roles.support, count, area_of)
            result |= bulk_quantities(result, names[phase], roles.support, roles.bulk)
            if not brief:
                result |= quantities.reachable(names[phase], labels, phase, hulls, pixel_size_nm)
    relief = seats = placement = None
    if roles.support and not brief:
        relief, seats, placement = _relief_with_seats(labels, hulls, roles, frame, particles)
        result |= facet_quantities(roles.support, relief, roles.facets, pixel_size_nm)
        result |= _of_placement(roles, placement, particles)
    result, doubts = _doubted(result, labels, None if brief else particles, roles, frame)
    return Measured(result, particles, relief, seats, placement, doubts)


def _relief_with_seats(
    labels: np.ndarray,
    hulls: list[Hull],
    roles: Roles,
    frame: Frame,
    particles: MeasuredParticles | None,
) -> tuple[Relief | None, Seats | None, Placement | None]:
    """Return the relief of the support, and where particles sit on it, beside chance."""
    label = list(roles.names).index(str(roles.support))
    relief = relief_of(labels, label, roles.facets, frame, particles)
    if relief is None or particles is None:
        return relief, None, None
    seats = find_seats(relief, particles, partial(in_hulls, hulls))
    return relief, seats, place(relief, particles, seats, frame, roles.seed)


def _of_placement(
    roles: Roles, placement: Placement | None, particles: MeasuredParticles | None
) -> dict[str, dict]:
    """Return the quantities of where particles sit on the support."""
    if particles is None:
        return {}
    families = family_names(roles.facets.lattice) if roles.facets.lattice else []
    name, support = str(roles.particles.phase), str(roles.support)
    return placement_quantities(name, support, placement, particles, families)


def _doubted(
    result: dict[str, dict],
    labels: np.ndarray,
    particles: MeasuredParticles | None,
    roles: Roles,
    frame: Frame,
) -> tuple[dict[str, dict], list[str]]:
    """Return quantities without the intervals that do not hold, and warnings."""
    if particles is None or not roles.support:
        return result, []
    pieces = particles.pieces
    voxels = pieces.voxels[particles.kept[pieces.ids]]
    share = skin_share(labels, voxels, particles.support, frame)
    return told_of_skin(result, str(roles.particles.phase), roles.support, share)


def _of_classes(
    labels: np.ndarray,
    roles: Roles,
    pixel_size_nm: float,
    hulls: list[Hull],
    frame: Frame,
    particles: MeasuredParticles | None,
) -> tuple[dict[str, dict], dict[str, dict]]:
    """Return volume and area of each class, and the areas of the two sides of the support."""
    names = list(roles.names)
    # Page by page: NumPy counts a copy with eight bytes for each voxel.
    voxels = np.sum([np.bincount(page.ravel(), minlength=len(names)) for page in labels], axis=0)
    result: dict[str, dict] = {}
    sides: dict[str, dict] = {}
    for label, name in list(enumerate(names))[1:]:
        if name == roles.particles.phase and particles is not None:
            area = counted(particles)
        else:
            is_support = name == roles.support
            # Background in the hull has a value of its own, after those of the classes.
            parted = with_pores(labels, hulls, len(names)) if is_support and hulls else labels
            behind = areas_behind(parted, label, len(names) + 1, pixel_size_nm, frame)
            area = quantities.meshed(float(behind.sum()))
            if is_support:
                sides = quantities.sides(name, float(behind[0]), float(behind[-1]))
        result |= quantities.of_phase(name, voxels[label], area, pixel_size_nm)
    return result, sides


def _specimen(
    labels: np.ndarray, classes: int, support: int, hulls: list[Hull] | None, frame: Frame
) -> Specimen:
    """Return what is around the particles; without hulls it is not told where they are."""
    places = surface_voxels(labels, support, frame) if support > 0 else None
    in_hull = None if places is None or hulls is None else partial(in_hulls, hulls)
    return Specimen(frame, classes, support, places, in_hull)


def _of_support(
    labels: np.ndarray, hulls: list[Hull], roles: Roles, pixel_size_nm: float, area_nm2: float
) -> dict[str, dict]:
    """Return porosity, widths and corrugation of the support."""
    name, matter = str(roles.support), labels != 0
    sizes_nm = (roles.hull_radius_nm, pixel_size_nm)
    return {
        **quantities.of_support(name, matter, hulls, sizes_nm, area_nm2),
        **quantities.widths(name, matter, hulls, sizes_nm),
        **quantities.corrugation(name, hulls, pixel_size_nm),
    }


def surface_voxels(labels: np.ndarray, support: int, frame: Frame) -> np.ndarray | None:
    """Return the voxels of the support that have something else beside them, None if none."""
    found = []
    for run in frame.runs():
        solid = labels[run] == support
        inner = solid.copy()
        for axis in range(3):
            for here, there in (
                (slice(1, None), slice(None, -1)),
                (slice(None, -1), slice(1, None)),
            ):
                lead = (slice(None),) * axis
                inner[(*lead, here)] &= solid[(*lead, there)]
        found.append(np.argwhere(solid & ~inner) + np.array([run.start, 0, 0]))
    voxels = np.concatenate(found) if found else np.empty((0, 3), np.int64)
    return voxels if len(voxels) else None


def _check(labels: np.ndarray, roles: Roles) -> None:
    if labels.ndim != 3 or labels.dtype.kind not in "bui" or not labels.size:
        raise ValueError(f"labels are {labels.dtype} {labels.shape}, expected integers (y, z, x)")
    count = len(roles.names)
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError(
            f"labels are {labels.min()} to {labels.max()}, but there are {count} classes"
        )
    materials = roles.names[1:]
    for role, name in (("support", roles.support), ("particles", roles.particles.phase)):
        if name not in (None, *materials):
            raise ValueError(
                f"{role} is '{name}', expected one of {', '.join(materials)}, or None for none"
            )
