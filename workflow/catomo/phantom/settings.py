"""The form of a specimen file: what a phantom is made of and how it is recorded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from catomo.settings.base import Settings, contradiction, key


def _ordered(ends: list[float]) -> list[float]:
    if len(ends) != 2 or not 0 < ends[0] <= ends[1]:
        raise ValueError("takes [smallest, largest], both above 0")
    return ends


Range = Annotated[list[float], AfterValidator(_ordered)]


class Plate(Settings):
    """The support: a rhombus plate, as γ-alumina forms it, between two faces of type {110}.

    Its four sides are {111} planes at 70.5° and 109.5°. The broad faces carry ridges of
    two further {111} planes each; between the ridges lies the flat {110} floor.
    """

    thickness_nm: float = key(..., "from ridge top to ridge top", "nm", gt=0)
    edge_nm: float = key(..., "edge of the rhombus", "nm", gt=0)
    corrugation_period_nm: float = key(..., "from ridge to ridge", "nm", gt=0)
    corrugation_depth_nm: float = key(..., "from floor to ridge top", "nm", ge=0)
    rotation_deg: list[float] = key(
        ..., "turns about x, then y, then z (the beam)", "deg", min_length=3, max_length=3
    )

    @model_validator(mode="after")
    def _possible(self) -> Plate:
        if self.corrugation_depth_nm > self.corrugation_period_nm / 8**0.5:
            raise ValueError("corrugation_depth_nm is at most corrugation_period_nm / 2.83")
        if self.corrugation_depth_nm * 2 >= self.thickness_nm:
            raise ValueError("corrugation_depth_nm must be less than half of thickness_nm")
        return self


class Pores(Settings):
    """Slit pores between planes parallel to the sides of the plate."""

    count: int = key(..., "number of pores", ge=0)
    width_nm: Range = key(..., "range of widths", "nm")
    length_nm: Range = key(..., "range of lengths", "nm")
    open_fraction: float = key(..., "share of pores that cross the rim", ge=0, le=1)
    aligned: bool = key(..., "all long axes parallel; else along either pair of sides")


class Particles(Settings):
    """Spheres, such as Pt particles, on the surface of the plate."""

    count: int = key(..., "number of particles", ge=0)
    median_diameter_nm: float = key(..., "median of the lognormal diameters", "nm", gt=0)
    sigma_log: float = key(..., "standard deviation of the logarithm of the diameter", ge=0)
    clip_nm: Range = key(..., "smallest and largest diameter", "nm")
    placement: Literal["facet_apex", "facet_valley", "random", "clustered"] = key(
        ...,
        "where particles sit: on the tops of ridges, at their feet, anywhere on the outer surface, "
        "or there in clusters of four",
    )
    embedded_fraction: float = key(..., "share of the diameter below the surface", ge=0, le=1)


class Contrast(Settings):
    """Image intensity per length (Z-contrast); only the ratios matter.

    The keys may also be written ``alumina`` and ``pt``, as in the specimen files that are shipped.
    """

    plate: float = key(
        ...,
        "intensity per length of the plate",
        gt=0,
        validation_alias=AliasChoices("plate", "alumina"),
    )
    particles: float = key(
        ...,
        "intensity per length of the particles",
        gt=0,
        validation_alias=AliasChoices("particles", "pt"),
    )


class Acquisition(Settings):
    """How the tilt series is recorded."""

    tilt_deg: list[float] = key(
        ..., "first tilt, last tilt and step", "deg", min_length=3, max_length=3
    )
    probe_sigma_px: float = key(..., "standard deviation of the probe", "px", ge=0)
    counts_mid_plate: float = key(..., "counts of a plain piece of plate at 0°", "counts", gt=0)
    background_counts: float = key(..., "counts without specimen", "counts", ge=0)
    max_shift_px: float = key(..., "largest shift of an image, in both directions", "px", ge=0)
    axis_angle_deg: float = key(
        ..., "lean of the tilt axis towards larger x at larger y", "deg", gt=-45, lt=45
    )
    axis_offset_px: float = key(..., "distance of the tilt axis from the image centre", "px")
    bad_pixel_fraction: float = key(..., "share of hot or dead pixels", ge=0, lt=0.1)

    @model_validator(mode="after")
    def _tilts(self) -> Acquisition:
        first, last, step = self.tilt_deg
        if not (-90 < first < last < 90 and 0 < step <= last - first):
            raise ValueError(
                "tilt_deg takes [first, last, step], -90 < first < last < 90, step > 0"
            )
        return self


class Film(Settings):
    """A textured support film below the particle, far larger than the image."""

    thickness_nm: float = key(..., "thickness", "nm", gt=0)
    contrast: float = key(..., "mean intensity per length, as in `contrast`", gt=0)
    texture_sigma_nm: float = key(..., "size of the texture", "nm", gt=0)
    texture_amplitude: float = key(
        ..., "standard deviation of the texture, of the mean", ge=0, le=0.33
    )


class Labels(Settings):
    """The class of each part of the specimen: its place in the list ``classes`` from 0.

    Parts may share a class, and a part that is 0 counts as background. The defaults are those
    of the default classes: plate γ-alumina, particles Pt, and a film that is background.
    """

    plate: int = key(1, "label of the plate", ge=0, le=15)
    particles: int = key(2, "label of the particles", ge=0, le=15)
    film: int = key(0, "label of the support film", ge=0, le=15)

    @model_validator(mode="after")
    def _some_material(self) -> Labels:
        if not any((self.plate, self.particles, self.film)):
            raise ValueError("all parts are 0, background; give one of them the label of a class")
        return self


class Specimen(Settings):
    """A specimen file: what `simulate` makes a tilt series of.

    The block ``particles`` may also be written ``pt``, as in the specimen files that are shipped.
    """

    shape_px: list[Annotated[int, Field(ge=8)]] = key(
        ..., "volume (y, z, x)", "px", min_length=3, max_length=3
    )
    pixel_size_nm: float = key(..., "edge of a pixel", "nm", gt=0)
    render_oversampling: int = key(..., "cells per pixel along each axis", ge=1, le=8)
    plate: Plate
    pores: Pores
    particles: Particles = Field(validation_alias=AliasChoices("particles", "pt"))
    contrast: Contrast
    acquisition: Acquisition
    film: Film | None = key(..., "support film; null: the particle stands alone")
    labels: Labels = key(Labels(), "class of each part")
    seeds: list[int] = key(..., "seeds at which figures of this specimen are measured")

    @model_validator(mode="after")
    def _labelled_film_exists(self) -> Specimen:
        if self.labels.film and self.film is None:
            raise contradiction(
                "labels.film", self.labels.film, "must be 0 where film is null; or describe a film"
            )
        return self
