"""What the methods text says of labels: training, segmentation, scores, surfaces, quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catomo.record.record import Record
from catomo.report.cells import lookup, significant
from catomo.report.told import Told, joined
from catomo.settings.base import PhaseClass


def training(record: Record, classes: Sequence[PhaseClass]) -> Told:
    """Tell how the network was taught."""
    settings = record["settings"]
    told = Told("Annotation and training")
    parts = dict.fromkeys(("train", "validate", "test", "left_out"), 0)
    for split in record["split"].values():
        for part, names in split.items():
            parts[part] = parts.get(part, 0) + len(names)
    if record.get("draft"):
        told.add("The labels are the truth of phantoms; no person painted any.")
    method = lookup(settings, "split.method")
    used = [
        f"{parts[part]} were for {words}"
        for part, words in (("train", "training"), ("validate", "validation"), ("test", "testing"))
        if parts[part]
    ]
    if used:
        told.add(f"Of {sum(parts.values())} annotated images {joined(used)} (split “{method}”).")
    if fractions := record.get("class_fractions"):
        titles = _titles(classes)
        shares = [f"{100 * fractions[name]:.2g} % {titles.get(name, name)}" for name in fractions]
        told.add(f"The pixels of the training images are {joined(shares)}.")
    begun = lookup(record, "inputs.init_from")
    if parts["left_out"]:
        # A model to start from leaves out what it has learnt from, for another reason.
        is_near = method in ("blocks", "folds") and not begun
        why = ", because neighbouring slices resemble each other" if is_near else ""
        told.add(f"{parts['left_out']} were left out{why}.")
    if begun:
        told.add(f"The network started from the weights of another model ({_named(begun)}).")
    if (nearest := lookup(record, "leak.nearest_correlation")) is not None:
        told.add(f"The training image nearest to a test image correlates with it by {nearest:.2f}.")
    size = settings["network"]
    count = (
        f" ({record['parameters']:,} weights)".replace(",", " ") if "parameters" in record else ""
    )
    told.add(
        f"A U-Net of {size['levels']} levels and {size['base_filters']} filters in the first"
        f"{count} learnt {len(record.get('classes', classes))} classes",
        "ronneberger2015",
    )
    told.add(
        "Each level has two 3 × 3 convolutions with ReLU and twice the filters of the one above; "
        "average pooling leads down, transposed convolution up, and softmax ends it."
    )
    told.add(_loss(record, _titles(classes)), "lin2017")
    told.add(_steps(record), "kingma2015")
    told.add(_augmentation(settings.get("augment", {})))
    if record.get("temperature") and (part := record.get("temperature_from")):
        seen = {"train": "training", "validate": "validation"}[part]
        told.add(f"The temperature that calibrates its confidence was fitted on {seen} images.")
    if not record["reproducible"]:
        told.add("Training ended by a time limit, so it cannot be repeated exactly.")
    return told


def _titles(classes: Sequence[PhaseClass]) -> dict[str, str]:
    return {phase.name: phase.title for phase in classes}


def _named(model: dict[str, str]) -> str:
    known = {"": model.get("file", ""), "sha256 ": model.get("sha256", "")[:12]}
    return ", ".join(f"{word}{value}" for word, value in known.items() if value)


def _loss(record: Record, titles: Mapping[str, str]) -> str:
    loss = record["settings"]["loss"]
    weights = record.get("class_weights", {})
    of = joined(
        [f"{significant(weight)} ({titles.get(name, name)})" for name, weight in weights.items()]
        or ["equal"]
    )
    dice = f" plus {loss['dice_weight']:g} × −log(soft Dice)" if loss.get("dice_weight") else ""
    return f"The loss was focal with γ = {loss['focal_gamma']:g} and class weights {of}{dice}."


def _steps(record: Record) -> str:
    settings = record["settings"]
    batch = settings["batch_size"]
    windows = "one window" if batch == 1 else f"{batch} windows"
    decay = ", falling as a cosine" if settings.get("decay") == "cosine" else ""
    clip = (
        f", gradients clipped to a norm of {norm:g}" if (norm := settings.get("clip_norm")) else ""
    )
    device = f" on a {record['device'].upper()}" if "device" in record else ""
    return (
        f"It was trained for {record['steps']} steps of {windows} of "
        f"{settings['patch_px']} × {settings['patch_px']} px by Adam, with a learning rate of at "
        f"most {settings['learning_rate']:g} after {settings['warmup_steps']} steps of warm-up"
        f"{decay}{clip}, seed {record['seed']}, in {record.get('precision', 'float32')} arithmetic"
        f"{device}."
    )


_CHANGES = {
    "rotation_deg": "rotations up to {:g}°",
    "flips": "mirrored images",
    "shift_fraction": "shifts up to {:g} of the window",
    "zoom_fraction": "changes of scale up to {:g}",
    "shear": "shear up to {:g}",
    "elastic_px": "elastic shifts of {:g} px",
    "gain": "brightness up to {:g}",
    "gamma": "contrast exponents up to {:g}",
    "noise": "noise of {:g} of white",
}


def _augmentation(settings: dict[str, float]) -> str:
    done = [words.format(settings[key]) for key, words in _CHANGES.items() if settings.get(key)]
    return f"Training images were changed at random: {joined(done)}." if done else ""


_VIEWS = {
    "flips": "four mirrored views",
    "turns": "four turned views",
    "dihedral": "eight mirrored and turned views",
}


def prediction(record: Record, _: Sequence[PhaseClass]) -> Told:
    """Tell how all slices were segmented."""
    settings = record["settings"]
    how = {"none": "", **{name: f" as the mean of {words}" for name, words in _VIEWS.items()}}
    views = how.get(settings["average"], f" as the mean of views (“{settings['average']}”)")
    tiles = ""
    if record.get("tiled"):
        tiles = (
            f", in tiles of {settings['tile_px']} px that overlap by {settings['overlap_px']} px "
            "and are blended"
        )
    told = Told("Segmentation")
    told.add(
        f"All {record['shape'][0]} slices were segmented by the network{views}{tiles}; each voxel "
        "has the class with the highest probability."
    )
    if lookup(record, "levels.grey_table"):
        told.add("Before, their grey levels were brought to those at which the network had learnt.")
    if record.get("calibrated"):
        told.add(
            f"Its confidence is calibrated by a temperature of {record['temperature']:.3g}.",
            "guo2017",
        )
    if sha256 := lookup(record, "model.weights_sha256"):
        told.add(f"The sha256 of its weights begins with {sha256[:12]}.")
    return told


def segmentation(record: Record, _: Sequence[PhaseClass]) -> Told:
    """Tell that the labels come from elsewhere."""
    told = Told("Segmentation")
    told.add(
        "Another program segmented the volume, with "
        f"{' × '.join(map(str, record['shape']))} voxels of {record['pixel_size_nm']:g} nm."
    )
    return told


_INTERVALS = {
    "normal": "1.96 standard errors",
    "student": "Student's t",
    "bootstrap": "a bootstrap over blocks of neighbouring images",
}


def evaluation(record: Record, _: Sequence[PhaseClass]) -> Told:
    """Tell how the segmentation was scored."""
    settings = record["settings"]
    interval = _INTERVALS.get(settings["interval"], "resampling")
    told = Told("Evaluation")
    told.add(record["scope"])
    told.add(
        "Scores are Dice coefficient (DSC), precision, recall and percentiles of the robust "
        f"Hausdorff distance (RHD, {settings['hausdorff']}) between boundaries, each as the mean "
        f"over images with a 95 % interval by {interval}.",
        "genc2022",
    )
    if "volume" in record:
        told.add(
            "As the truth of the whole volume is known, the volume was scored as well, training "
            "slices included."
        )
    if "baseline" in record:
        told.add(
            "Beside them stands what two thresholds after a Gaussian filter, chosen on the "
            "training images, reach on the same images."
        )
    if "particles" in record:
        told.add(
            "A particle counts as found where it overlaps a true one by at least "
            f"{settings['match_iou']:g} (intersection over union)."
        )
    return told


def quantities(record: Record, classes: Sequence[PhaseClass]) -> Told:
    """Tell how surfaces and quantities were computed."""
    settings, titles = record["settings"], _titles(classes)
    told = Told("Surfaces and quantities")
    told.add(
        f"The surface of each class was made from the {record.get('meshes_from', 'labels')} by "
        "flying edges and smoothed by 20 rounds of Taubin's filter.", "schroeder2015", "taubin1995",
    )  # fmt: skip
    support, particles = settings.get("support"), lookup(settings, "particles.phase")
    if support:
        told.add(
            f"The hull of {titles.get(support, support)}, for its porosity, is closed by a ball of "
            f"{settings['hull_radius_nm']:g} nm radius."
        )
    if particles:
        smallest = lookup(settings, "particles.smallest_diameter_px")
        depth = lookup(settings, "particles.split_depth_px")
        told.add(
            f"Connected voxels of {titles.get(particles, particles)} are a particle from a "
            f"diameter of {smallest:g} px; touching ones were divided by the watershed of the "
            "distance transform where the neck between them is narrower than both by more than "
            f"{depth:g} px."
        )
    if counts := lookup(record, "review.counts"):
        told.add(
            "A person looked at particles one by one: "
            f"{counts['accept']} accepted, {counts['split']} divided and {counts['reject']} "
            "rejected, which leave all quantities."
        )
    if left_out := record.get("slices_left_out"):
        told.add(f"{len(left_out)} slices that too few tilts recorded are left out.")
    if redraws := lookup(record, "redraws.number"):
        told.add(
            f"Labels were drawn {redraws} times from the confidence of the network to see how far "
            "off the segmentation makes the quantities."
        )
    return told
