# Parameters of the rules: settings, code and fingerprints decide reruns; options become the command.
# Paths stay in the command as the table has them, with their variables: data that are moved,
# with the variable set to the new place, then rerun nothing.
import os
import re

from catomo.plan.inputs import fingerprint_of, fingerprint_of_named


def quoted(path):
    """Return a path as one word for the shell, in which only variables that are set are replaced.

    The table of datasets may hold ``${DATA}/run 5.mrc``. In double quotes the shell puts the
    value of DATA in, and the space does not end the word. All else that the shell would act on
    inside double quotes gets a backslash and so stands for itself: ``"``, `` ` ``, a backslash, and
    a dollar sign before anything but the name of a variable that is set. Thus ``cost$5.mrc``
    becomes ``"cost\\$5.mrc"``. A path that begins with a hyphen, which a command would take for an
    option, gets ``./`` before it.
    """
    text = re.sub(r'[\\"`]', r"\\\g<0>", str(path))
    text = re.sub(
        r"\$(\w+|\{\w+\})?",
        lambda sign: (
            sign[0] if (sign[1] or "").strip("{}") in os.environ else f"\\{sign[0]}"
        ),
        text,
        flags=re.ASCII,
    )
    return f'"{"./" if text.startswith("-") else ""}{text}"'


def settings(verb):
    """Return a parameter: the settings that a stage of this dataset (or model) really uses."""
    return lambda wildcards: PLAN.settings_json(verb, next(iter(wildcards)))


def raw(column):
    """Return a parameter: the fingerprint of a raw input of the dataset."""
    return lambda wildcards: fingerprint_of(dataset_of(wildcards), column)


def raw_slices(wildcards):
    """Return the fingerprint of slices that were reconstructed elsewhere."""
    return "" if volume_of(wildcards) else raw("path")(wildcards)


def raw_model(wildcards):
    """Return the fingerprint of a ready model file."""
    return "" if trained_model_of(wildcards) else raw("model")(wildcards)


def labels_of_model(wildcards):
    """Return the fingerprints of all labels that the model learns from."""
    return [fingerprint_of(d, "labels") for d in PLAN.trainers(wildcards.model)]


def named_file(verb, key):
    """Return a parameter: the fingerprint of the file that a setting names, if it names one."""

    def of(wildcards):
        return fingerprint_of_named(
            getattr(PLAN.settings(verb, next(iter(wildcards))), key)
        )

    return of


def start_of_model(wildcards):
    """Return the fingerprint of a model from elsewhere to start from."""
    if PLAN.teacher(wildcards.model):
        return ""
    return named_file("train", "init_from")(wildcards)


def option(flag, value):
    """Return a command-line option; the shell expands the variables in its value."""
    return f"{flag} {quoted(value)}" if value else ""


def column_option(flag, column):
    """Return a parameter: an option with what the table holds in a column."""
    return lambda wildcards: option(flag, getattr(dataset_of(wildcards), column))


def input_option(flag, name):
    """Return a parameter: an option with an input of the job, where it has that input."""
    return lambda wildcards, input: option(flag, input.get(name))


def source_of_slices(wildcards, input):
    """Return the options that say where the slices come from."""
    dataset = dataset_of(wildcards)
    if dataset.source == "slices":
        pixel_size = option("--pixel-size-nm", dataset.pixel_size_nm)
        labels = option("--labels", dataset.labels)
        if dataset.trains and len(PLAN.trainers(dataset.model)) > 1:
            labels += " --shares-model"
        return f"{option('--stack', dataset.path)} {pixel_size} {labels}"
    truth = option("--truth", input.get("truth"))
    return f"{option('--volume', input.record)} {truth}"


def training_data(wildcards, input):
    """Return the options that name each dataset's slices and labels."""
    return " ".join(
        f"--dataset {dataset.name} {quoted(slices)} {quoted(dataset.labels)}"
        for dataset, slices in zip(
            PLAN.trainers(wildcards.model), input.records, strict=True
        )
    )


def model_option(wildcards, input):
    """Return the option that names the model: one of the table, or a ready file."""
    return option("--model", input.get("model") or dataset_of(wildcards).model)
