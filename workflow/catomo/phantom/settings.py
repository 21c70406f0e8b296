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
    hole_diameter_nm: float = key(
        0.0,
        "diameter of round holes through the film, on a square lattice whose bars cross below the "
        "particle; 0 for none: perforated carbon, such as Quantifoil",
        "nm",
        ge=0,
    )
    hole_spacing_nm: float = key(
        0.0, "distance between the centres of neighbouring holes", "nm", ge=0
    )

    @model_validator(mode="after")
    def _bars_between_holes(self) -> Film:
        if self.hole_diameter_nm and self.hole_spacing_nm <= self.hole_diameter_nm:
            raise contradiction(
                "hole_spacing_nm",
                self.hole_spacing_nm,
                f"must be above hole_diameter_nm, {self.hole_diameter_nm:g}",
            )
        return self


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


class Faults(Settings):
    """What goes wrong while the series is recorded; nothing by default.

    Every fault has random draws of its own, so that one more of them leaves the others, and the
    specimen, as they are.
    """

    rotation_deg: float = key(
        0.0,
        "turn of each image, standard deviation from tilt to tilt: lenses whose current changes "
        "with the focus",
        "deg",
        ge=0,
    )
    magnification: float = key(
        0.0,
        "growth of the images over the series, from minus this part at the first tilt to plus at "
        "the last: a specimen that leaves the focus",
        ge=0,
        lt=0.5,
    )
    shear: float = key(
        0.0,
        "shift of the lines of an image, part of their distance from the middle, standard "
        "deviation from tilt to tilt: the scan's coils",
        ge=0,
        lt=0.5,
    )
    scan_drift_px: float = key(
        0.0,
        "way of the specimen while one image is scanned, standard deviation of each direction: a "
        "holder that has not come to rest",
        "px",
        ge=0,
    )
    flyback_px: float = key(
        0.0,
        "how far the left edge of all images is pulled in, fading over a tenth of their width: "
        "a scan that begins before the beam has come back",
        "px",
        ge=0,
    )
    shadow_images: int = key(
        0, "number of images, from the first tilt on, with a shadow: holder or grid bar", ge=0
    )
    shadow_share: float = key(
        0.0,
        "share of the width that the shadow covers from the left at the first tilt; it shrinks "
        "evenly to nothing, and leaves a tenth of the counts",
        ge=0,
        le=1,
    )
    contamination_nm: float = key(
        0.0,
        "thickness of the carbon that has grown on both sides at the last tilt, half as dense as "
        "the plate: residues that the beam cracks",
        "nm",
        ge=0,
    )
    particle_drift_nm: float = key(
        0.0,
        "way of each particle, in a direction of its own, from the first tilt to the last; the "
        "truth is their place in the middle: damage by the beam",
        "nm",
        ge=0,
    )
    diffraction_share: float = key(
        0.0,
        "share of the images in which a particle is brighter or darker: crystals that come to "
        "lie along the beam",
        ge=0,
        le=1,
    )
    diffraction_factor: float = key(2.0, "how many times as bright, or as dark, it is there", ge=1)
    damping: float = key(
        0.0,
        "how much thick places lose: x plates thick, an image has (1 − exp(−damping·x)) / damping "
        "in place of x; electrons that are scattered twice, or past the detector",
        ge=0,
    )
    offset_counts: float = key(
        0.0,
        "what the detector's electronics adds to each pixel; counts do not become negative",
        "counts",
    )
    saturation: float = key(
        0.0, "share of the brightest pixels of the series that have one value", ge=0, lt=0.5
    )
    dead_lines: int = key(0, "number of rows without counts, the same in all images", ge=0)
    angle_scale: float = key(
        1.0, "true angles as a multiple of the recorded ones: a goniometer's gear", gt=0
    )
    angle_jitter_deg: float = key(
        0.0,
        "true angles about the recorded ones, standard deviation: a goniometer's steps",
        "deg",
        ge=0,
    )
    backlash_deg: float = key(
        0.0,
        "how much the true angles lie above the recorded ones below 0°, where the goniometer went "
        "the other way",
        "deg",
    )
    missing_image: int | None = key(
        None,
        "number of an image, from 1, that is missing while its angle is listed: it and all after "
        "it are of the next angle",
        ge=1,
    )
    doubled_image: int | None = key(
        None,
        "number of an image, from 1, that was stored twice: those after it are of the angle before",
        ge=1,
    )


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
    faults: Faults = key(Faults(), "what goes wrong while the series is recorded")
    seeds: list[int] = key(..., "seeds at which figures of this specimen are measured")

    @model_validator(mode="after")
    def _labelled_film_exists(self) -> Specimen:
        if self.labels.film and self.film is None:
            raise contradiction(
                "labels.film", self.labels.film, "must be 0 where film is null; or describe a film"
            )
        return self

    @model_validator(mode="after")
    def _faults_are_possible(self) -> Specimen:
        faults, (first, last, step) = self.faults, self.acquisition.tilt_deg
        images = round((last - first) / step) + 1
        most = {"missing_image": images, "doubled_image": images, "dead_lines": self.shape_px[0]}
        for name, limit in most.items():
            if (found := getattr(faults, name) or 0) > limit:
                raise contradiction(f"faults.{name}", found, f"must be at most {limit}")
        steepest = max(-first, last + (step if faults.missing_image else 0)) * faults.angle_scale
        if steepest + abs(faults.backlash_deg) >= 90:
            raise contradiction(
                "faults.angle_scale",
                faults.angle_scale,
                f"must keep true angles below 90°; the tilts go from {first:g}° to {last:g}°",
            )
        return self
