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


class Surfaces(Settings):
    """How labels become surfaces, views and quantities."""

    classes: list[PhaseClass] = classes_key()
    support: str | None = key(
        _SUPPORT,
        "class that carries the particles: drawn translucent, its porosity is measured; null: "
        "there is none. Where the classes hold none of the default's name, null is the default",
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
    redraws: int = key(
        20,
        "how often labels of a model are redrawn from their confidence, to see how far off the "
        "segmentation makes each quantity; 0, or at least 10: without, most quantities of them "
        "have no low and high",
        ge=0,
        le=1000,
    )
    seed: int = key(1, "seed of the redraws", ge=0, le=2**31 - 1)

    @field_validator("redraws")
    @classmethod
    def _enough(cls, redraws: int) -> int:
        if 0 < redraws < 10:
            raise ValueError(
                f"found {redraws}, but fewer than 10 tell too little; take 0 for none, or more"
            )
        return redraws

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_classes(cls, data: Any) -> Any:
        names = names_in(data) if isinstance(data, dict) else []
        if names and _SUPPORT not in names[1:]:
            data = with_default(data, "support", None)
        return default_phase(data)

    @model_validator(mode="after")
    def _support_and_particles_are_classes(self) -> Surfaces:
        check_is_class("support", self.support, self.classes)
        check_is_class("particles.phase", self.particles.phase, self.classes)
        if self.support is not None and self.support == self.particles.phase:
            raise ValueError(
                f"support and particles.phase are both '{self.support}'; the support carries the "
                "particles, so name two classes or set one of them to null"
            )
        return self
