"""Settings of `align`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from catomo.settings.base import Settings, contradiction, key

Mend = Literal["rotation", "magnification", "scan_drift", "angle_scale", "tilt_angles"]

# Some limits are for images of 128 px. What turns or stretches an image, or is wrong in its angle,
# moves the rim of a larger one by more pixels. Of a specimen sampled twice as finely (256 px) the
# error of the volume was larger by half where such a fault was 0.53 to 0.65 times as large.
_LIMITS_PX = 128
_OF_SIZE = (
    *("warn_rotation_deg", "warn_magnification", "warn_shear"),
    *("warn_angle_scale", "warn_angle_jitter_deg", "warn_angle_step_deg"),
)
_MEASURED_TO_PX = 256  # of larger images, which are compared binned to 128 px, nothing is known
_LESS_BY = 0.75  # the power of the size with which these limits fall


class Verdict(Settings):
    """When an alignment is called doubtful (warn) or useless (stop)."""

    warn_disagreement_px: float = key(
        1.5,
        "warn when two independent measures of the shifts differ by more than this (RMS)",
        "px",
        gt=0,
    )
    stop_disagreement_px: float = key(
        15.0, "stop when they differ by more than this (RMS)", "px", gt=0
    )
    warn_likeness: float = key(
        0.5, "warn when neighbouring tilts correlate less than this (median)", ge=-1, le=1
    )
    stop_likeness: float = key(0.2, "stop when they correlate less than this", ge=-1, le=1)
    warn_order: float = key(
        0.85,
        "warn when less than this share of the tilts resemble the next more than a distant one",
        ge=0,
        le=1,
    )
    stop_order: float = key(0.65, "stop when less than this share do", ge=0, le=1)
    warn_axis_contrast: float = key(
        0.15,
        "warn when disagreement along the axis is lower than elsewhere by less than this part",
        ge=0,
        le=1,
    )
    stop_axis_elsewhere: float = key(
        0.5,
        "stop when along another direction the images disagree by less than this part of "
        "what they disagree by along the axis found",
        gt=0,
        le=1,
    )
    warn_axis_check_deg: float = key(
        0.5,
        "warn when two methods find tilt axes this far apart, or one given lies this far off",
        "degree",
        gt=0,
    )
    warn_reprojection_error: float = key(
        0.25, "warn when the other tilts leave this share of an image unpredicted (median)", gt=0
    )
    stop_reprojection_error: float = key(0.6, "stop when they leave this share unpredicted", gt=0)
    warn_residual_px: float = key(
        0.3,
        "warn when images lie this far from what the others predict (RMS); of images larger than "
        "1024 px, which are compared binned, as much farther as they are larger",
        "px",
        gt=0,
    )
    warn_misfit: float = key(
        4.0,
        "name an image whose unpredicted share is this many times the median",
        gt=1,
    )
    stop_other_reading: float = key(
        0.85,
        "stop when under another reading of the angles the unpredicted share is less than "
        "this part of what it is under the given one",
        gt=0,
        le=1,
    )
    warn_rotation_deg: float = key(
        2.0,
        "warn when the images are turned against each other by more than this (RMS); half of it, "
        "and of the two keys below, is mentioned; in images whose longer edge is above 128 px, "
        "this and the five keys below count for less than their value, from 256 px on for 0.59",
        "degree",
        gt=0,
    )
    warn_magnification: float = key(
        0.015, "warn when the images differ in magnification by more than this part (RMS)", gt=0
    )
    warn_shear: float = key(
        0.0225, "warn when images are sheared by more than this part (RMS), as by drift", gt=0
    )
    warn_angle_scale: float = key(
        0.041,
        "warn when the tilts predict each other best with angles on another scale, off by more "
        "than this part; 0.6 of it, and of the two keys below, is mentioned",
        gt=0,
    )
    warn_angle_jitter_deg: float = key(
        2.5,
        "warn when true angles differ from those recorded by more than this from image to image "
        "(RMS)",
        "degree",
        gt=0,
    )
    warn_angle_step_deg: float = key(
        3.0,
        "warn when from one image on the true angles are off by more than this against those "
        "before",
        "degree",
        gt=0,
    )
    warn_bend: float = key(
        0.042,
        "warn when the brightest places lack more than this part of what the other tilts predict; "
        "0.3 of it, and 0.6 of the two keys below, is mentioned",
        gt=0,
    )
    warn_flicker: float = key(
        0.2,
        "warn when parts of the specimen differ in brightness from what the other tilts predict by "
        "more than this part (RMS)",
        gt=0,
    )
    warn_local_shift_px: float = key(
        0.16,
        "warn when parts of the specimen lie farther from where the other tilts predict them (RMS)",
        "px",
        gt=0,
    )
    warn_flyback_px: float = key(
        0.06,
        "warn when an edge of all images is pulled in by more than this (RMS over the specimen), "
        "as by the flyback of the scan; 0.65 of it is mentioned",
        "px",
        gt=0,
    )
    warn_outside_frame: float = key(
        0.2, "warn when more than this share of an aligned image was never recorded", ge=0, le=1
    )

    def for_images(self, size_px: int) -> Verdict:
        """Return the limits that count for images of which the longer edge has so many px."""
        part = min(1.0, (_LIMITS_PX / min(size_px, _MEASURED_TO_PX)) ** _LESS_BY)
        return self.model_copy(update={name: part * getattr(self, name) for name in _OF_SIZE})


class Shadow(Settings):
    """A rectangle that hides the specimen in some images, such as the shadow of a grid bar."""

    from_deg: float = key(..., "first tilt that shows the shadow", "degree")
    to_deg: float = key(..., "last tilt that shows it", "degree")
    x: int = key(..., "its left edge, as Fiji shows it in tilt_series.tif", "px", ge=0)
    y: int = key(..., "its upper edge", "px", ge=0)
    width: int = key(..., "its width", "px", ge=1)
    height: int = key(..., "its height", "px", ge=1)

    @model_validator(mode="after")
    def _ascends(self) -> Shadow:
        if self.from_deg > self.to_deg:
            raise ValueError("from_deg is at most to_deg")
        return self


class Align(Settings):
    """How the tilt series is aligned. Every step can be switched off."""

    apply: str = key(
        "",
        "known alignment to use as it is: alignment.json of another channel, or IMOD's .xf; "
        "when empty, one is found",
    )
    review: str = key(
        "",
        "a person's review of an alignment, alignment.review.yaml, which `catomo review` makes: "
        "tilt axis, shifts and images to leave out; the alignment begins with it",
    )
    specimen: Literal["auto", "isolated", "extended"] = key(
        "auto",
        "isolated: whole in an otherwise empty frame; extended: on film, or cut by the frame",
    )
    background: Literal["auto", "ring", "percentile", "none"] = key(
        "auto",
        "what is subtracted from each image: the mean of its edge, a low percentile, or nothing; "
        "auto takes the edge of an isolated specimen, else the percentile, without what of it is "
        "a film that fills the frame",
    )
    background_percentile: float = key(
        2.0, "percentile that counts as background", "%", ge=0, le=50
    )
    bad_pixel_sigmas: float = key(
        8.0,
        "pixels beyond all neighbours by this are replaced, and so are faults of the detector and "
        "X-ray hits, and a gain pattern is divided out; 0 keeps all",
        "noise sigmas",
        ge=0,
    )
    brightness: bool = key(
        True,
        "scale images of an isolated specimen to one total brightness where that differs clearly; "
        "of an extended one name images that stand out",
    )
    shadows: list[Shadow] = key(
        [],
        "rectangles in which nothing of the specimen was measured, each with from_deg, to_deg, x, "
        "y, width and height, in pixels of 01_tilt_series/tilt_series.tif; they get no weight",
    )
    tilt_axis_angle_deg: float | Literal["auto"] = key(
        "auto", "angle of the tilt axis against the image's vertical, or auto to search", "degree"
    )
    axis_search_deg: float = key(
        10.0, "searched to both sides of the vertical", "degree", gt=0, le=45
    )
    pairwise: bool = key(True, "register each tilt to its neighbour, from 0° outwards")
    centre_of_mass: bool = key(True, "place the specimen's centre of mass on the tilt axis")
    common_line: bool = key(True, "refine the shifts along the tilt axis by the common line")
    projection_matching: bool = key(
        True, "refine all shifts on what the other tilts predict of each image"
    )
    mend: list[Mend] = key(
        [],
        "what the series suffered besides shifts, to be fitted and undone: rotation, magnification "
        "(isotropic) and scan_drift (rows that move while an image is scanned) of single images, "
        "angle_scale (one factor for all tilt angles), tilt_angles (of single images). Each stays "
        "only if it helps to predict images that are kept out of it, and adds up to as much time "
        "as the alignment takes",
    )
    interpolation: Literal["cubic", "linear"] = key(
        "cubic", "interpolation of the one resampling from raw to aligned images"
    )
    verdict: Verdict = key(Verdict(), "limits of the verdict")

    @model_validator(mode="after")
    def _one_alignment(self) -> Align:
        if self.apply and self.review:
            raise contradiction(
                "review",
                self.review,
                "goes with an alignment that is found, but apply names one to use as it is; "
                "empty one of the two",
            )
        return self
