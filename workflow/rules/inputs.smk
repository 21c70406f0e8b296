# Inputs: functions that return records. Snakemake puts the prefix of a module before paths in
# input and output alone, so commands take every path of results from there.


@seeing_what_is_lost
def nothing(wildcards):
    """Return no input, for a stage that begins with what a person has."""
    return []


@seeing_what_is_lost
def truth_of(wildcards):
    """Return the record that holds a phantom's truth; nothing for real data."""
    is_phantom = dataset_of(wildcards).source == "phantom"
    return record("simulate", wildcards.dataset) if is_phantom else []


@seeing_what_is_lost
def tilt_series_of(wildcards):
    """Return the record of the tilt series."""
    return record("import", wildcards.dataset)


@seeing_what_is_lost
def volume_of(wildcards):
    """Return the record of the volume; nothing for a dataset that begins with slices."""
    is_slices = dataset_of(wildcards).source == "slices"
    return [] if is_slices else record("reconstruct", wildcards.dataset)


def volume_file_of(wildcards):
    """Return the file of the volume; nothing for a dataset that begins with slices."""
    path = volume_of(wildcards)
    return str(Path(path).with_name("volume.tif")) if path else []


@seeing_what_is_lost
def segmentation_of(wildcards):
    """Return the record of the labels of a whole dataset: predicted, or made elsewhere."""
    verbs = PLAN.stages(dataset_of(wildcards))
    verb = "segmentation" if "segmentation" in verbs else "predict"
    return record(verb, wildcards.dataset)


@seeing_what_is_lost
def labels_of(wildcards):
    """Return the file of these labels."""
    return str(Path(segmentation_of(wildcards)).with_name("labels.tif"))


@seeing_what_is_lost
def training_slices_of(wildcards):
    """Return the records of the slices of all datasets that a model learns from."""
    return [record("slices", d.name) for d in PLAN.trainers(wildcards.model)]


@seeing_what_is_lost
def teacher_of(wildcards):
    """Return the record of the model to start from, where the table trains it too."""
    teacher = PLAN.teacher(wildcards.model)
    return record("train", teacher) if teacher else []


@seeing_what_is_lost
def trained_model_of(wildcards):
    """Return the record of a dataset's model; nothing for a ready model file."""
    dataset = dataset_of(wildcards)
    return [] if dataset.model_is_file else record("train", dataset.model)


@seeing_what_is_lost
def records_of(wildcards):
    """Return the records of all stages before the report, in order."""
    dataset = dataset_of(wildcards)
    records = []
    verbs = PLAN.stages(dataset)
    for verb in verbs[: verbs.index("report")]:
        if verb == "predict":
            records += (
                [trained_model_of(wildcards)] if trained_model_of(wildcards) else []
            )
        records.append(record(verb, dataset.name))
    return records


@seeing_what_is_lost
def last_records(wildcards):
    """Return the records of the report of each dataset, and of the stages behind it."""
    return [
        record(verb, name)
        for name, dataset in sorted(PLAN.datasets.items())
        for verb in PLAN.stages(dataset)
        if stage_of(verb).number >= stage_of("report").number
    ]


def exported(part, verb):
    """Return an input: the record of a part of the dataset that is exported, if it is."""

    @seeing_what_is_lost
    def of(wildcards):
        parts = PLAN.exported(dataset_of(wildcards))
        return record(verb, wildcards.dataset) if part in parts else []

    return of


@seeing_what_is_lost
def frame_of_export(wildcards):
    """Return the record of the volume, in whose frame labels lie, too."""
    parts = PLAN.exported(dataset_of(wildcards))
    return volume_of(wildcards) if {"volume", "labels"} & set(parts) else []


def exported_stacks(wildcards):
    """Return the files of the parts of the dataset that are exported."""
    return [
        str(Path(record(MADE_BY[part], wildcards.dataset)).with_name(f"{part}.tif"))
        for part in PLAN.exported(dataset_of(wildcards))
    ]
