"""Measure a segmented volume: surfaces, particles and all quantities of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catomo.labels.particles import find_particles
from catomo.labels.settings import Particles
from catomo.surfaces import quantities
from catomo.surfaces.meshes import Mesh, surface
from catomo.surfaces.particles import MeasuredParticles, measure_particles
from catomo.surfaces.settings import Surfaces

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
    """

    names: Sequence[str]
    support: str | None
    particles: Particles
    hull_radius_nm: float


def measure(
    labels: np.ndarray,
    pixel_size_nm: float,
    classes: Sequence[str] = _CLASS_NAMES,
    support: str | None = _DEFAULT.support,
    particles: str | Particles | None = _DEFAULT.particles,
    hull_radius_nm: float = _DEFAULT.hull_radius_nm,
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

    Returns
    -------
    dict of str to dict
        As ``quantities`` in ``quantities.json``: the name of each quantity, such as
        ``<class>_volume``, to its ``value``, ``low`` and ``high`` (None where there is none),
        ``unit`` and ``method``.

    Raises
    ------
    ValueError
        If `labels` is no volume of these classes, or `support` or `particles` names no class.
    """
    if not isinstance(particles, Particles):
        particles = Particles(phase=particles)
    roles = Roles(classes, support, particles, hull_radius_nm)
    labels = np.asarray(labels)
    _check(labels, roles)
    labels = labels.astype(np.uint8, copy=False)
    meshes = {
        name: surface(labels == label, pixel_size_nm) for label, name in enumerate(classes) if label
    }
    return all_quantities(labels, meshes, pixel_size_nm, roles)[0]


def all_quantities(
    labels: np.ndarray, meshes: dict[str, Mesh], pixel_size_nm: float, roles: Roles
) -> tuple[dict[str, dict], MeasuredParticles | None]:
    """Return all quantities, and the particles (None if no class consists of particles).

    Parameters
    ----------
    labels : ndarray of uint8, (y, z, x)
    meshes : dict of str to Mesh
        Surface of each class but the background, by name.
    pixel_size_nm : float
    roles : Roles
    """
    names = list(roles.names)
    support, rule = roles.support, roles.particles
    support_label = names.index(support) if support else -1
    voxels = np.bincount(labels.ravel(), minlength=len(names))
    result: dict[str, dict] = {}
    for label, name in list(enumerate(names))[1:]:
        result |= quantities.of_phase(name, voxels[label], meshes[name], pixel_size_nm)
    if support:
        result |= quantities.of_support(
            support, labels, support_label, roles.hull_radius_nm, pixel_size_nm
        )
    if not rule.phase:
        return result, None
    label = names.index(rule.phase)
    pieces = find_particles(labels, label, labels.shape, 0.0, rule.split_depth_px)
    particles = measure_particles(
        labels, (label, support_label), pieces, rule.smallest_diameter_px, pixel_size_nm
    )
    result |= quantities.of_particles(rule.phase, particles, meshes[rule.phase])
    if support:
        result |= quantities.loading(
            rule.phase, result[f"{rule.phase}_count"], support, result[f"{support}_area"]
        )
    return result, particles


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
