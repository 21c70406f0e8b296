# What all rules share: the checked plan, the command, the records of stages and which of them are
# lost. What rules say of their inputs is in inputs.smk, of their parameters in parameters.smk, of
# memory, cards and environments in resources.smk. There is no science here.
import os
import sys
from functools import cache, wraps
from pathlib import Path

from catomo.export.settings import MADE_BY
from catomo.plan.lost import all_stages, line_of, lost_files, lost_records, stages_of
from catomo.record import code
from catomo.record.listed import restore_list
from catomo.stages import STAGES, record_path, stage_of

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
