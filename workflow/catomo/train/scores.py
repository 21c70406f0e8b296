"""Scores of a network on whole slices, the temperature, and what two baselines score.

The scores hold for what the stage `predict` does by default: slices pass the network as its
settings say if nothing else is chosen, see `catomo.network.inference`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from catomo.labels import baselines
from catomo.network import blend
from catomo.network.accuracy import Accuracy, Scored, fit_accuracy
from catomo.network.appearance import Appearance, appearance_of
from catomo.network.errors import fit_errors
from catomo.network.inference import Inference
from catomo.network.temperature import fit_temperature, tempered
from catomo.progress import say
from catomo.train.samples import Parts, Sample
from catomo.train.settings import Train

_SLICES_FOR_TEMPERATURE, _SLICES_FOR_APPEARANCE = 8, 16
_MAX_CORRELATION = 0.97  # neighbouring slices of a tomogram correlate by more than this


@dataclass(frozen=True)
class Scorer:
    """A network that is scored on annotated slices.

    Attributes
    ----------
    forward : callable
        The network, see `catomo.network.unet.forward_of`.
    multiple : int
        What the edges of its input must be divisible by.
    classes : list of str
        Names of the classes.
    inference : Inference
        How slices pass the network.
    """

    forward: blend.Forward
    multiple: int
    classes: list[str]
    inference: Inference

    @classmethod
    def of(cls, forward: blend.Forward, settings: Train) -> Scorer:
        """Return the scorer of a network, which slices pass as in `predict` by default."""
        names = [phase.name for phase in settings.classes]
        return cls(forward, settings.network.size().downsampling, names, Inference())

    def quick(self) -> Scorer:
        """Return a scorer of single views: for curves during training."""
        return replace(self, inference=replace(self.inference, average="none"))

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Return the probabilities (z, x, classes) of a slice (z, x)."""
        return self._blended(image[None])[0].numpy()

    @cached_property
    def _blended(self) -> Callable[[np.ndarray], Any]:
        return blend.blended(self.forward, self.multiple, self.inference)

    def mean_dsc(self, samples: list[Sample]) -> dict[str, dict[str, Any]]:
        """Return the mean Dice coefficient of each class, see `baselines.mean_dsc`."""
        predicted = [self.probabilities(s.image).argmax(axis=-1) for s in samples]
        return baselines.mean_dsc([s.labels for s in samples], predicted, self.classes)

    def of_parts(self, samples: Parts) -> dict[str, Any]:
        """Return the scores of all parts, and what is measured of the network's confidence.

        Without a validation part the temperature is fitted on training slices. Then the confidence
        is too high elsewhere, and nothing is said of how errors hang together; they are looked at
        only where the network was not taught. So is how right its confidence is, on test slices
        if there are no others.
        """
        tests = samples["test"]
        datasets = list(dict.fromkeys(s.dataset for part in samples.values() for s in part))
        part = "validate" if samples["validate"] else "train"
        temperature = fit_temperature(
            (self.probabilities(s.image), s.labels) for s in _few(samples[part])
        )
        unseen = tests or samples["validate"]
        errors = None
        if temperature is not None and part == "validate":
            looked_at = _few(unseen)
            errors = fit_errors(
                (tempered(self.probabilities(s.image), temperature).numpy(), s.labels)
                for s in looked_at
            )
            specimens = len({s.dataset for s in looked_at})
            errors = errors and replace(errors, specimens=specimens)
        accuracy = self._accuracy(samples, temperature or 1.0)
        return {
            "validate": self.mean_dsc(samples["validate"]),
            "test": self.mean_dsc(tests),
            "test_by_dataset": {
                name: self.mean_dsc([s for s in tests if s.dataset == name])
                for name in (datasets if len(datasets) > 1 else [])
            },
            "temperature": temperature,
            "temperature_from": part,
            "errors": errors and errors.record(),
            "accuracy": accuracy and accuracy.record(),
            "appearance": {
                name: self.quick().appearance(samples["train"], name).record()
                for name in dict.fromkeys(s.dataset for s in samples["train"])
            },
        }

    def _accuracy(self, samples: Parts, temperature: float) -> Accuracy | None:
        """Return how right the confidence is, on slices that did not teach the network."""
        part = "validate" if samples["validate"] else "test"
        specimens = {}
        for name in dict.fromkeys(s.dataset for s in samples[part]):
            of_one = _few([s for s in samples[part] if s.dataset == name])
            specimens[name] = [
                Scored.of(tempered(self.probabilities(s.image), temperature).numpy(), s.labels)
                for s in of_one
            ]
        return fit_accuracy(specimens, part)

    def appearance(self, samples: list[Sample], dataset: str) -> Appearance:
        """Return how slices of a dataset look to the network."""
        chosen = _few([s for s in samples if s.dataset == dataset], _SLICES_FOR_APPEARANCE)
        labels = (self.probabilities(s.image).argmax(axis=-1).astype(np.uint8) for s in chosen)
        return appearance_of(zip((s.image for s in chosen), labels, strict=True), len(self.classes))


def _few(samples: list[Sample], count: int = _SLICES_FOR_TEMPERATURE) -> list[Sample]:
    """Return some of the slices, evenly spread."""
    return samples[:: -(-len(samples) // count) or 1]


def compare_with_baselines(samples: Parts, classes: list[str]) -> dict[str, Any]:
    """Return what needs no network: ``leak`` and ``baseline`` of the record.

    ``leak`` is how similar each test image is to the nearest training image, ``baseline`` what
    the nearest training mask and thresholds score. Both are null without a test part.

    Parameters
    ----------
    samples : dict of lists of Sample
    classes : list of str
        Names of the classes.
    """
    taught, tests = samples["train"], samples["test"]
    values = baselines.fit_thresholds(
        [s.image for s in taught], [s.labels for s in taught], len(classes)
    )
    thresholds = {"sigma_px": baselines.SIGMA_PX, "values": values}
    if not tests:
        say("leak check: no test part, nothing to compare")
        return {
            "leak": {"nearest_correlation": None},
            "baseline": {"copy_nearest": None, "thresholds": thresholds},
        }
    nearest = baselines.nearest([s.image for s in tests], [s.image for s in taught])
    copied = [
        baselines.resized_mask(taught[j].labels, s.labels.shape)
        for s, (j, _) in zip(tests, nearest, strict=True)
    ]
    cut = [baselines.apply_thresholds(s.image, values) for s in tests]
    truths = [s.labels for s in tests]
    return {
        "leak": _leak(tests, taught, nearest),
        "baseline": {
            "copy_nearest": baselines.mean_dsc(truths, copied, classes),
            "thresholds": {**thresholds, **baselines.mean_dsc(truths, cut, classes)},
        },
    }


def _leak(
    tests: list[Sample], taught: list[Sample], nearest: list[tuple[int, float]]
) -> dict[str, Any]:
    correlations = [correlation for _, correlation in nearest]
    largest = max(correlations)
    say(f"leak check: nearest training image correlates with a test image by {largest:.3f} at most")
    if largest > _MAX_CORRELATION:
        say(
            f"leak check: more than {_MAX_CORRELATION} means that test slices were nearly seen in "
            "training; widen train.split.gap or split by name"
        )
    return {
        "nearest_correlation": largest,
        "mean_correlation": float(np.mean(correlations)),
        "nearest": {
            f"{s.dataset}/{s.name}": {
                "image": f"{taught[j].dataset}/{taught[j].name}",
                "correlation": correlation,
            }
            for s, (j, correlation) in zip(tests, nearest, strict=True)
        },
    }
