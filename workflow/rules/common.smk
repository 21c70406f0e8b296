# What all rules share: the checked plan, the command, and functions for parameters (those for
# inputs are in inputs.smk).
# There is no science here.
import os
import re
import sys
from functools import cache, wraps
from pathlib import Path

from catomo.export.settings import MADE_BY
from catomo.plan.gpu import gpus_of, has_gpu
from catomo.plan.inputs import fingerprint_of, fingerprint_of_named
from catomo.plan.lost import all_stages, line_of, lost_files, lost_records, stages_of
from catomo.plan.sizes import phantom_cells, recorded_voxels
from catomo.record import code
from catomo.record.listed import restore_list
from catomo.stages import STAGES, record_path, stage_of

# The folder of the rules, as Snakemake knows it.
_RULES = workflow.current_basedir

# Another project's Snakefile has read the configuration of a module. Of what stands inside a
# block of --config, Snakemake makes text.
if _IN_MODULE:
    _of_module = with_numbers(config, all_text=bool(_values))
    PLAN, _problems = make_plan(
        {f"config of module {workflow.modifier.namespace}": _of_module}
    )
    if _problems:
        raise WorkflowError("\n".join(_problems))


wildcard_constraints:
    dataset="|".join(PLAN.datasets),
    model="|".join(PLAN.models()) or "(?!)",


# Jobs that use a GPU take all of it, so one of them runs at a time on this machine, unless
# --resources or a profile says how many may. On a cluster each has the card of its own node:
# there --jobs is given.
if (
    not _IN_MODULE
    and "gpu" not in workflow.global_resources
    and workflow.resource_settings.nodes is None
):
    workflow.register_resource("gpu", 1)


# Each command begins with "$CATOMO_PYTHON" "$CATOMO_PACKAGE": the interpreter and the folder of
# the package. They are variables of the environment, because a Snakefile that uses these as a
# module does not know their globals, and because moving either must not cause reruns.
# With conda the environment's own python runs; otherwise the one that runs Snakemake.
_conda = any(
    "conda" in str(m).lower() for m in workflow.deployment_settings.deployment_method
)
if _conda:
    _prefix = Path(workflow.deployment_settings.conda_prefix or ".snakemake").absolute()
    if "'" in str(_prefix):
        raise WorkflowError(
            f"{_prefix}: Snakemake cannot use conda environments in a folder with an "
            "apostrophe in its name; give another one with --conda-prefix"
        )
os.environ.update(
    CATOMO_PYTHON="python" if _conda else sys.executable,
    CATOMO_PACKAGE=str(Path(catomo.__file__).resolve().parent),
)


def names(*sources):
    """Return a regular expression of the datasets of sources; it matches nothing if none."""
    return (
        "|".join(d.name for d in PLAN.datasets.values() if d.source in sources)
        or "(?!)"
    )


def dataset_of(wildcards):
    """Return the row of the table that a job is for."""
    return PLAN.datasets[wildcards.dataset]


def record(verb, name="{dataset}"):
    """Return the path of a stage's record."""
    return record_path(verb, name)


# Snakemake knows the prefix of a module only while it reads the rules, not while it plans.
_modify_path = workflow.modifier.modify_path


def place(verb, name):
    """Return the path of a stage's record, with the prefix of a module."""
    return str(_modify_path(record_path(verb, name)))


@cache
def run_lost_again():
    """Let Snakemake run stages that have lost some of their files, whatever lies after them.

    Rules cannot name all files of a stage, and Snakemake does not miss one that nothing asks
    for. So these stages are forced, as far as what is asked for depends on them.
    """
    if not workflow.is_main_process:
        return
    stages = all_stages(PLAN)
    if workflow.executor_plugin is not None and not workflow.dryrun:
        for verb, name in stages:
            restore_list(Path(place(verb, name)).parent, verb)
    lost = lost_files(stages, place)
    workflow.dag.forcefiles.update(lost)
    for path, names in lost.items():
        sys.stderr.write(f"{line_of(Path(path).parent, names)}\n")
    if workflow.dag.targetfiles:
        # A file is asked for. Stopping points ask for the records of all that they need.
        workflow.dag.forcefiles.update(lost_records(stages, place))


def seeing_what_is_lost(function):
    """Return an input function that has `run_lost_again` done: no other time is right for it.

    Snakemake calls functions of inputs when it begins to plan. Before that there is no plan that
    could be told, and afterwards it has decided what is to be run.
    """

    @wraps(function)
    def of(wildcards):
        run_lost_again()
        return function(wildcards)

    return of


def everything(*verbs):
    """Return the targets of a stopping point: the records of its stages and of all they need.

    Snakemake takes a result for up to date although something that it was made from is missing,
    as after a stage that failed. So each record is asked for by itself.
    """
    targets = [record(*stage) for stage in stages_of(PLAN, verbs)]

    @seeing_what_is_lost
    def keep_going_for(wildcards):
        # One bad dataset must not stop the others. This can only be set while the
        # targets are collected: earlier there are no execution settings yet.
        if workflow.execution_settings is not None:
            workflow.execution_settings.keep_going = True
        return targets

    # Whether to keep going is decided by the project whose workflow is run.
    return targets if _IN_MODULE else keep_going_for


# Parameters: settings, code and fingerprints decide reruns; options become the command.
# Paths stay in the command as the table has them, with their variables: data that are moved,
# with the variable set to the new place, then rerun nothing.


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


# Resources and environments.


def threads_of(verb):
    """Return the threads that the settings of a stage ask for.

    Snakemake reserves them. TensorFlow takes the number from the settings itself: with fewer
    cores than that its threads share them, and the weights stay the same.
    """
    return lambda wildcards: PLAN.settings(verb, next(iter(wildcards))).threads


def memory_mb(base, factor):
    """Return a resource: megabytes from the size of the inputs, more at each attempt."""
    return lambda wildcards, input, attempt: int(
        attempt * (base + factor * input.size_mb)
    )


def memory_per_voxel(base, bytes_per_voxel):
    """Return a resource: megabytes from the voxels of the recorded input, more at each attempt.

    Labels are compressed, so the size of their file says little.
    """
    return lambda wildcards, input, attempt: int(
        attempt * (base + bytes_per_voxel * recorded_voxels(input.record) / 1e6)
    )


def memory_of_phantom(wildcards, attempt):
    """Return a resource: megabytes from the cells of a phantom, more at each attempt."""
    cells = phantom_cells(dataset_of(wildcards).path)
    return int(attempt * (1000 + 8 * cells / 1e6))


# The nodes of a cluster run its jobs (there --jobs is given), so a card of this machine says
# nothing about them: there a profile asks for cards, or the name of a backend.
_SEES_GPU = workflow.resource_settings.nodes is None and has_gpu()


def gpu_of_backend(wildcards):
    """Return a resource: 1 where the reconstruction takes a GPU."""
    return gpus_of(PLAN.settings("reconstruct", wildcards.dataset), _SEES_GPU)


def gpu_of_network(wildcards):
    """Return a resource: 1 where TensorFlow may find a GPU."""
    return int(_SEES_GPU)


def training_memory_mb(wildcards, attempt):
    """Return megabytes for the network and its windows, with room for the slices."""
    need = PLAN.settings("train", wildcards.model).memory_bytes()
    return int(attempt * (1000 + need / 1e6))


def environment(name):
    """Return the path of an environment's file, relative to the rules.

    Snakemake takes braces in the whole path for wildcards. Where the folder of the workflow
    has braces in its name they are doubled, which stands for the braces themselves.
    """
    relative = f"../../envs/{name}.yaml"
    if not _RULES.is_local or not set("{}") & set(
        _RULES.get_path_or_uri(secret_free=True)
    ):
        return relative
    whole = Path(_RULES.get_path_or_uri(secret_free=True), relative).resolve()
    return str(whole).replace("{", "{{").replace("}", "}}")


def environment_of_backend(wildcards):
    """Return the environment of the backend: TomoPy has one of its own, its limits clash."""
    backend = PLAN.settings("reconstruct", wildcards.dataset).backend
    return environment("tomopy" if backend.startswith("tomopy") else "reconstruct")


# Figures of a dataset in Snakemake's own report.


def figures(folder, subcategory, caption, titles):
    """Return pictures of a stage as outputs, each with its title in the report.

    Parameters
    ----------
    folder : str
        Of the stage.
    subcategory, caption : str
        What the report groups them by, and the name of their caption.
    titles : dict of str
        By the names of the pictures.
    """
    found = []
    for name, title in titles.items():
        found += report(
            [f"results/{{dataset}}/{folder}/{name}.png"],
            caption=f"../report/{caption}.rst",
            category="{dataset}",
            subcategory=subcategory,
            labels={"figure": title},
        )
    return found


OF_EVALUATION = {
    "comparison": "annotation, prediction and errors in a typical image",
    "worst": "annotation, prediction and errors in the three worst images",
    "unseen": "slices that nobody annotated",
    "rhd": "robust Hausdorff distance",
    "confusion": "confusion matrix",
}
OF_CONFIDENCE = {"confidence": "where the network is right, by its confidence"}
OF_SURFACES = {
    "view_front": "along the beam",
    "view_side": "from the side",
    "view_top": "along the tilt axis",
    "view_opaque": "obliquely, all opaque",
}
