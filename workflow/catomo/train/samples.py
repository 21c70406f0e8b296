"""The annotated slices of all datasets, and the part that each of them plays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from catomo.errors import UserError
from catomo.files.store import StackReader
from catomo.labels.files import IGNORE, load_labels
from catomo.network import unet
from catomo.progress import say
from catomo.train import augment, split

_PIXEL_SIZE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Sample:
    """An annotated slice: grey values and mask, both uint8, (z, x)."""

    dataset: str
    name: str
    image: np.ndarray
    labels: np.ndarray


def read_samples(sources, settings) -> tuple[dict[str, list[Sample]], dict]:
    """Read the annotated slices and divide them into parts.

    Parameters
    ----------
    sources : list of (str, Record, path or "truth")
        For each dataset its name, the record of its stage `slices`, its labels.
    settings : catomo.train.settings.Train

    Returns
    -------
    by_part : dict of lists of Sample
        In the training part, black borders count as not annotated.
    parts : dict
        The names, as `split.split_parts` returns them.
    """
    samples, places = [], {}
    for dataset, record, place in sources:
        indices, labels = load_labels(place, record, len(settings.classes))
        place_of = split.places_of(record["names"], record["contiguous"])
        with StackReader(record.file("slices.tif")) as reader:
            for index, mask in zip(indices, labels, strict=True):
                name, image = record["names"][index], reader.read(index, index + 1)[0]
                samples.append(Sample(dataset, name, image, mask))
        places[dataset] = {record["names"][i]: place_of[record["names"][i]] for i in indices}
    parts = split.split_parts(places, settings.split, settings.seed)
    by_part = {
        part: [s for s in samples if s.name in parts[s.dataset][part]] for part in split.PARTS
    }
    by_part["train"] = [without_black_border(s) for s in by_part["train"]]
    say(", ".join(f"{len(by_part[part])} {part.replace('_', ' ')}" for part in split.PARTS))
    return by_part, parts


def without_black_border(sample: Sample) -> Sample:
    """Return the sample with black outermost rows and columns marked as not annotated.

    Where a reconstruction ends, nothing was measured: such pixels are no pores. An image
    that is black all over is left as it is.
    """
    filled = sample.image > 0
    if not filled.any():
        return sample
    rows, columns = (np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0))
    inside = np.zeros(filled.shape, bool)
    inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return replace(sample, labels=np.where(inside, sample.labels, IGNORE).astype(np.uint8))


def class_fractions(samples: list[Sample], class_count: int) -> list[float]:
    """Return the share of each class in all annotated pixels."""
    counts = sum(np.bincount(s.labels.ravel(), minlength=IGNORE + 1)[:class_count] for s in samples)
    return (counts / counts.sum()).tolist()


def training_window(samples: list[Sample], settings) -> tuple[int, int]:
    """Return the shape of the training window: whole slices, but at most ``patch_px``."""
    multiple = unet.downsampling(settings.network.levels)
    largest = np.max([s.image.shape for s in samples], axis=0)
    rows, columns = (-(-min(int(n), settings.patch_px) // multiple) * multiple for n in largest)
    return rows, columns


def training_batches(samples: list[Sample], settings, first: int = 0):
    """Return the training data of all steps from `first` on, see `augment.batches`."""
    return augment.batches(
        [s.image for s in samples],
        [s.labels for s in samples],
        settings.augment,
        window=training_window(samples, settings),
        batch_size=settings.batch_size,
        steps=settings.steps,
        seed=settings.seed,
        threads=settings.threads,
        first=first,
    )


def common_pixel_size(sizes: dict[str, float]) -> float:
    """Return the mean pixel size of the datasets in nm; refuse a difference above 5 %."""
    small, large = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    if sizes[large] > sizes[small] * (1 + _PIXEL_SIZE_TOLERANCE):
        raise UserError(
            f"{large}: pixel_size_nm is {sizes[large]:g}, but {sizes[small]:g} in '{small}'; "
            "a model learns one pixel size (5 % apart at most): bin the finer one, or train two"
        )
    return float(np.mean(list(sizes.values())))
