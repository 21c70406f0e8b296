"""Settings of the stage `evaluate`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from catomo.labels.settings import Particles, default_phase
from catomo.settings.base import PhaseClass, Settings, check_is_class, classes_key, key


class Evaluate(Settings):
    """How a segmentation is scored against annotated images."""

    classes: list[PhaseClass] = classes_key()
    interval: Literal["normal", "student", "bootstrap"] = key(
        "normal",
        "95 % interval of a mean: 1.96 standard errors as in the paper (normal), Student's t, "
        "or resampled blocks of neighbouring images (bootstrap)",
    )
    block_slices: int = key(
        3,
        "neighbouring images that the bootstrap draws together, because they resemble each other",
        unit="images",
        ge=1,
    )
    hausdorff: Literal["directed", "pooled"] = key(
        "directed",
        "percentile of the edge distances per direction and then the larger (directed, "
        "as in the paper), or over both directions at once (pooled)",
    )
    edge: Literal["pixels", "corners"] = key(
        "pixels",
        "an edge is the outermost pixels of a class (pixels), or the corners of pixels where "
        "it meets another (corners, as in the package surface-distance)",
    )
    slice_distance_nm: float | None = key(
        None,
        "distance between slices, for distances and sizes in 3-D; none: the pixel size",
        unit="nm",
        gt=0,
    )
    particles: Particles = key(Particles(), "what counts as one particle")
    match_iou: float = key(
        0.25,
        "least overlap (intersection over union) at which a true and a predicted particle match",
        gt=0,
        le=1,
    )
    size_edges_nm: list[float] = key(
        [1.0, 2.0, 3.0, 4.0],
        "limits between the size classes in which particles are counted, ascending",
        unit="nm",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_classes(cls, data: Any) -> Any:
        return default_phase(data)

    @model_validator(mode="after")
    def _particles_are_a_class(self) -> Evaluate:
        check_is_class("particles.phase", self.particles.phase, self.classes)
        return self
