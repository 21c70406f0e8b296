"""Training on arrays: what the stage `train` and a notebook share."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from catomo.labels.tie import mark_of
from catomo.labels.values import IGNORE
from catomo.network import unet
from catomo.network.accuracy import Accuracy
from catomo.network.appearance import Appearance
from catomo.network.checkpoints import Checkpoint
from catomo.network.errors import Errors
from catomo.network.model_file import Model
from catomo.network.model_info import ModelInfo
from catomo.progress import progress, say
from catomo.settings.base import DEFAULT_CLASSES
from catomo.train import losses
from catomo.train.figures import Row
from catomo.train.learning import Learner, learning_rate
from catomo.train.samples import (
    Parts,
    Sample,
    class_fractions,
    training_batches,
    without_black_border,
)
from catomo.train.scores import Scorer
from catomo.train.settings import Train

_STEPS_PER_ROW = 10
_STAGE_ONLY = {"split", "init_from"}  # settings about datasets and files


def train_unet(
    images: np.ndarray,
    labels: np.ndarray,
    net: Any = None,
    pixel_size_nm: float | None = None,
    **settings: Any,
) -> Model:
    """Train a U-Net on annotated slices.

    All slices are used for training. Black borders of images count as not annotated. Nothing is
    written; ``model.save("model.keras")`` writes the model for the stage `predict`.

    Parameters
    ----------
    images : ndarray of uint8, (n, z, x)
        Grey values.
    labels : ndarray of uint8, (n, z, x)
        Classes 0, 1, …, background first; 255 where not annotated.
    net : keras.Model, optional
        A network that `build_unet` returned, or that was trained before. It is trained in
        place, and decides the number of classes. By default a network is built as the
        settings say.
    pixel_size_nm : float, optional
        Edge of a pixel in nm. Without it the stage `predict` refuses the model, because it
        cannot check that slices have the same pixel size; `segment` takes it.
    **settings
        Keys of the block `train` of the configuration (`catomo.train.settings.Train`), such as
        ``steps=500``, ``seed=2``, ``network={"levels": 5}``. Without `classes`, a network of
        another number of classes than the default names them ``class_0``, ``class_1``, … and
        weighs them by how rare they are. Not `split` and `init_from`, which are of the stage.

    Returns
    -------
    Model
        To be used by `segment`, with a temperature fitted on some of the slices.

    Raises
    ------
    ValueError
        If arrays do not fit together, a label is neither a class nor 255, or a setting is
        unknown or out of range.
    UserError
        If the loss becomes infinite.
    """
    chosen = _settings(net, settings)
    _check(images, labels, len(chosen.classes))
    unet.start(chosen.threads, chosen.seed)
    if net is None:
        net = new_net(chosen, unet.resolved_precision(chosen.precision))
    if net.output_shape[-1] != len(chosen.classes):
        raise ValueError(
            f"net: has {net.output_shape[-1]} classes, the settings name {len(chosen.classes)}"
        )
    samples = [
        without_black_border(Sample("", f"{i:04d}", image, mask))
        for i, (image, mask) in enumerate(zip(images, labels, strict=True))
    ]
    info = describe(chosen, pixel_size_nm, [mark_of(sample.image) for sample in samples])
    parts = {"train": samples, "validate": [], "test": []}
    return fit(Model(net, info), parts, chosen).model


@dataclass(frozen=True)
class Fit:
    """What a training leaves.

    Attributes
    ----------
    model : Model
        The trained network, with its temperature.
    steps : int
        Steps done; fewer than the settings' if the time was over.
    rows : list of dict
        Curves of the training, see `catomo.train.figures`.
    fractions, weights : list of float
        Share of each class in the annotated pixels, and its weight in the loss.
    scores : dict
        Scores of the parts and the temperature, see `Scorer.of_parts`.
    """

    model: Model
    steps: int
    rows: list[Row]
    fractions: list[float]
    weights: list[float]
    scores: dict[str, Any]


def new_net(settings: Train, precision: str) -> Any:
    """Return an untrained network (keras.Model) as the settings say."""
    size = settings.network.size()
    return unet.build_unet(len(settings.classes), **asdict(size), precision=precision)


def describe(
    settings: Train, pixel_size_nm: float | None, taught: list[str], draft: bool = False
) -> ModelInfo:
    """Return what a model says of itself before it is trained.

    Parameters
    ----------
    settings : catomo.train.settings.Train
    pixel_size_nm : float or None
    taught : list of str
        Marks of the training slices, see `catomo.labels.tie.mark_of`.
    draft : bool
        Whether phantoms alone teach it.
    """
    return ModelInfo(
        classes=[phase.name for phase in settings.classes],
        pixel_size_nm=pixel_size_nm,
        network=settings.network.size(),
        preset=settings.preset,
        draft=draft,
        taught=sorted(set(taught)),
    )


def fit(model: Model, samples: Parts, settings: Train, checkpoint: Checkpoint | None = None) -> Fit:
    """Train a model and score it.

    The caller fixes seed and threads before, see `catomo.network.unet.start`.

    Parameters
    ----------
    model : Model
        Its network is trained in place.
    samples : dict of lists of Sample
        The parts ``train``, ``validate`` and ``test``; all but the first may be empty.
    settings : catomo.train.settings.Train
    checkpoint : Checkpoint, optional
        Where the state is kept from time to time, and read from if there is one.

    Raises
    ------
    UserError
        If the loss becomes infinite, or the memory is too small.
    """
    fractions = class_fractions(samples["train"], len(settings.classes))
    weights = losses.class_weights(settings.loss, fractions)
    learner = Learner(model.net, settings, weights)
    scorer = Scorer.of(unet.forward_of(model.net), settings)
    with unet.memory_of("train.patch_px or train.batch_size"):
        rows = _learn(learner, scorer.quick(), samples, settings, checkpoint)
        scores = scorer.of_parts(samples)
    info = replace(
        model.info,
        temperature=scores["temperature"],
        errors=Errors.of(scores["errors"]),
        accuracy=Accuracy.of(scores["accuracy"]),
        appearance=tuple(map(Appearance.of, scores["appearance"].values())),
    )
    model = replace(model, info=info)
    return Fit(model, learner.step, rows, fractions, weights, scores)


def _learn(
    learner: Learner,
    scorer: Scorer,
    samples: Parts,
    settings: Train,
    checkpoint: Checkpoint | None,
) -> list[Row]:
    """Do all steps and return the curves."""
    rows: list[Row] = []
    recent: list[float] = []  # losses since the last row
    if checkpoint and (saved := checkpoint.load()):
        state, notes = saved
        learner.restore(state, notes["step"])
        rows, recent = notes["rows"], notes["recent"]
        say(f"train: goes on after step {learner.step}, where it was ended")
    data = training_batches(samples["train"], settings, first=learner.step)
    deadline = time.monotonic() + 60 * (settings.max_minutes or math.inf)
    for images, labels in progress(data, "train", settings.steps - learner.step):
        learner.improve(images, labels)
        step = learner.step
        late = time.monotonic() > deadline
        last = late or step == settings.steps
        validates = samples["validate"] and (last or step % settings.validate_every == 0)
        keeps = checkpoint and (last or step % settings.checkpoint_every == 0)
        writes = last or validates or step % _STEPS_PER_ROW == 0
        if keeps or writes:
            recent += learner.losses()
        if writes:
            dsc = scorer.mean_dsc(samples["validate"]) if validates else {}
            rate = learning_rate(step - 1, settings)
            row: Row = {"step": step, "learning_rate": rate, "loss": float(np.mean(recent))}
            for name in scorer.classes:
                row[f"validation_dsc_{name}"] = dsc.get(name, {}).get("dsc")
            rows.append(row)
            recent = []
        if checkpoint and keeps:
            notes = {"step": step, "rows": rows, "recent": recent}
            checkpoint.save(learner.state(), notes)
        if late and step < settings.steps:
            say(f"train: stopped after step {step}, when max_minutes was over")
            break
    return rows


def _settings(net: Any, given: dict[str, Any]) -> Train:
    """Return the settings of a training in a notebook, which an existing network may decide."""
    if unfit := sorted(_STAGE_ONLY & given.keys()):
        raise ValueError(
            f"{', '.join(unfit)}: found in the settings of train_unet, but only the stage train "
            "has it; choose the slices yourself, and give a trained network as net"
        )
    if net is not None:
        given = {**given, "network": asdict(unet.size_of(net))}
        count = net.output_shape[-1]
        if "classes" not in given and count != len(DEFAULT_CLASSES):
            classes = [{"name": f"class_{i}"} for i in range(count)]
            loss = {"class_weights": "density", **dict(given.get("loss", {}))}
            given = {**given, "classes": classes, "loss": loss}
    return Train.model_validate(given)


def _check(images: np.ndarray, labels: np.ndarray, class_count: int) -> None:
    for name, array in (("images", images), ("labels", labels)):
        if array.dtype != np.uint8 or array.ndim != 3:
            raise ValueError(
                f"{name}: found {array.dtype} of shape {array.shape}, must be uint8 (n, z, x)"
            )
    if images.shape != labels.shape or not images.size:
        raise ValueError(
            f"labels: found shape {labels.shape}, must be that of the images {images.shape}, "
            "which must not be empty"
        )
    unknown = set(np.unique(labels).tolist()) - {*range(class_count), IGNORE}
    if unknown:
        raise ValueError(
            f"labels: found {max(unknown)}, must be a class 0 … {class_count - 1} or {IGNORE}; "
            "give a net of more classes, or the settings classes and loss"
        )
    if (labels == IGNORE).all():
        raise ValueError(f"labels: found {IGNORE} alone, so no pixel is annotated")
