"""Settings of the stage `surfaces`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from catomo.labels.settings import Particles, default_phase
from catomo.settings.base import (
    DEFAULT_CLASSES,
    PhaseClass,
    Settings,
    check_is_class,
    classes_key,
    key,
    names_in,
    with_default,
)

_SUPPORT = DEFAULT_CLASSES[1].name

# From the lattices, pores left out: Pt has a = 0.3924 nm and four atoms of 195.08 g/mol in a cell,
# γ-alumina, a spinel with gaps, a = 0.791 nm and 21⅓ Al and 32 O. 12.5 atoms per nm² is what is
# usually taken for Pt, about the mean of {111}, {100} and {110} with 15.0, 13.0 and 9.2.
KNOWN_MATERIALS = {
    DEFAULT_CLASSES[1].name: {"density_g_cm3": 3.65},
    DEFAULT_CLASSES[2].name: {
        "density_g_cm3": 21.45,
        "atoms_per_nm3": 66.2,
        "atoms_per_nm2": 12.5,
    },
}


class FacetRule(Settings):
    """How flat parts of the support's surface are found and named."""

    lattice: Literal["cubic"] | None = key(
        None,
        "lattice of the support, by whose angles facets are named {100}, {110} or {111}; null: "
        "they have numbers only",
    )
    smoothing_px: float = key(
        1.5,
        "standard deviation of the smoothing of normals along the surface; relief narrower than "
        "about four of them is not resolved",
        unit="px",
        ge=0.5,
        le=20,
    )


class BulkValue(Settings):
    """A value that was measured on the bulk, with its error."""

    value: float = key(..., "what was measured", ge=0)
    error: float = key(..., "half of its 95 % interval", ge=0)


class Bulk(Settings):
    """What the materials are by the gram, and what was measured on the bulk."""

    particles_density_g_cm3: float | None = key(
        None,
        "density of the particles; null: that of Pt, 21.45, where the class is named pt, else not "
        "known",
        unit="g/cm³",
        gt=0,
    )
    particles_atoms_per_nm3: float | None = key(
        None,
        "atoms in a volume of the particles; null: those of Pt, 66.2, where the class is named pt",
        unit="nm⁻³",
        gt=0,
    )
    particles_atoms_per_nm2: float | None = key(
        None,
        "atoms at a surface of the particles; null: those of Pt, 12.5, where the class is named pt",
        unit="nm⁻²",
        gt=0,
    )
    support_density_g_cm3: float | None = key(
        None,
        "density of the support without pores; null: that of γ-alumina, 3.65, where the class is "
        "named alumina",
        unit="g/cm³",
        gt=0,
    )
    weight_percent: BulkValue | None = key(
        None, "mass of the particles in that of all, such as by ICP, to compare", unit="%"
    )
    support_area_m2_g: BulkValue | None = key(
        None, "area per gram of support, such as by BET, to compare", unit="m²/g"
    )
    dispersion: BulkValue | None = key(
        None, "share of atoms at the surface, such as by chemisorption, to compare"
    )


class Surfaces(Settings):
    """How labels become surfaces, views and quantities."""

    classes: list[PhaseClass] = classes_key()
    support: str | None = key(
        _SUPPORT,
        "class that carries the particles: its porosity is measured; null: there is none. Where "
        "the classes hold none of the default's name, null is the default",
    )
    translucent: list[str] = key(
        [_SUPPORT],
        "classes drawn translucent, so that one sees what they enclose; where it is not set, the "
        "support",
    )
    particles: Particles = key(Particles(), "what counts as one particle")
    hull_radius_nm: float = key(
        1.5,
        "radius of the ball that closes the support's open pores to its hull; half the width "
        "of the widest pore",
        unit="nm",
        gt=0,
    )
    facets: FacetRule = key(FacetRule(), "flat parts of the support's surface")
    bulk: Bulk = key(Bulk(), "densities, and values of the bulk to compare with")
    redraws: int = key(
        20,
        "how often labels of a model are redrawn from their confidence, to see how far off the "
        "segmentation makes each quantity; 0, or at least 10: without, most quantities of them "
        "have no low and high",
        ge=0,
        le=1000,
    )
    seed: int = key(
        1, "seed of the redraws, and of the random places of particles", ge=0, le=2**31 - 1
    )

    @field_validator("redraws")
    @classmethod
    def _enough(cls, redraws: int) -> int:
        if 0 < redraws < 10:
            raise ValueError("fewer than 10 tell too little; take 0 for none, or more")
        return redraws

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_classes(cls, data: Any) -> Any:
        names = names_in(data) if isinstance(data, dict) else []
        if names and _SUPPORT not in names[1:]:
            data = with_default(data, "support", None)
        if isinstance(data, dict) and (support := data.get("support", _SUPPORT)) != _SUPPORT:
            data = with_default(data, "translucent", [support] if support else [])
        return default_phase(data)

    @model_validator(mode="after")
    def _support_and_particles_are_classes(self) -> Surfaces:
        check_is_class("support", self.support, self.classes)
        check_is_class("particles.phase", self.particles.phase, self.classes)
        for name in self.translucent:
            check_is_class("translucent", name, self.classes)
        if self.support is not None and self.support == self.particles.phase:
            raise ValueError(
                f"support and particles.phase are both '{self.support}'; the support carries the "
                "particles, so name two classes or set one of them to null"
            )
        return self
