# What all rules share: the checked plan, settings and code as parameters, the command.
# There is no science here.
import os
import re
import sys
from pathlib import Path

# The folder of workflow/Snakefile, where the package catomo lives.
_WORKFLOW = Path(workflow.current_basedir).parent
sys.path.insert(0, str(_WORKFLOW))

from catomo.record import code
from catomo.record.hashes import (
    fingerprint,
    fingerprint_of_labels,
    fingerprint_of_series,
)
from catomo.plan.plan import make_plan
from catomo.stages import STAGES, record_path, stage_of

# Files given with --configfile come first in this list, but they win over the others.
_given = list(workflow.overwrite_configfiles)
_files = [file for file in workflow.configfiles if file not in _given] + _given
PLAN, _problems = make_plan(config, [os.path.relpath(file) for file in _files])
if _problems:
    sys.stderr.write("".join(f"{line}\n" for line in _problems))
    sys.exit(1)


def _names(source):
    """Return a regular expression of the datasets of a source; it matches nothing if none."""
    return (
        "|".join(d.name for d in PLAN.datasets.values() if d.source == source) or "(?!)"
    )


wildcard_constraints:
    dataset="|".join(PLAN.datasets),
    model="|".join(PLAN.models()) or "(?!)",


# The command of every rule. With conda the environment's own python runs; otherwise the
# one that runs Snakemake. It is a global, not a parameter: its path must not cause reruns.
_conda = any(
    "conda" in str(m).lower() for m in workflow.deployment_settings.deployment_method
)
RUN = (
    f"PYTHONPATH='{_WORKFLOW}' PYTHONDONTWRITEBYTECODE=1 "
    f"{'python' if _conda else sys.executable} -m catomo"
)


def settings(verb):
    """Return a parameter: the settings that a stage of this dataset (or model) really uses."""
    return lambda wildcards: PLAN.settings_json(verb, next(iter(wildcards)))


def record(verb, name="{dataset}"):
    """Return the path of a stage's record."""
    return record_path(verb, name)


def raw(column):
    """Return a parameter: the fingerprint of a raw input that the table names."""

    def of(wildcards):
        path = getattr(PLAN.datasets[wildcards.dataset], column)
        if not path or path == "truth":
            return path
        kinds = {"path": fingerprint_of_series, "labels": fingerprint_of_labels}
        made_of = kinds.get(column, fingerprint)
        return made_of(os.path.expandvars(path))

    return of


def named_file(verb, key):
    """Return a parameter: the fingerprint of the file that a setting names, if it names one."""

    def of(wildcards):
        path = getattr(PLAN.settings(verb, next(iter(wildcards))), key)
        return fingerprint(os.path.expandvars(path)) if path else ""

    return of


def truth_of(wildcards):
    """Return the record that holds a phantom's truth; nothing for real data."""
    is_phantom = PLAN.datasets[wildcards.dataset].source == "phantom"
    return record("simulate", wildcards.dataset) if is_phantom else []


def option(flag, value):
    """Return a command-line option in double quotes, so that the shell expands variables."""
    return f'{flag} "{value}"' if value else ""


def memory_mb(base, factor):
    """Return a resource: megabytes from the size of the inputs, more at each attempt."""
    return lambda wildcards, input, attempt: int(
        attempt * (base + factor * input.size_mb)
    )


def everything(verb):
    """Return the targets of a stopping point: the records of a stage of all datasets."""

    def targets(wildcards):
        # One bad dataset must not stop the others. This can only be set while the
        # targets are collected: earlier there are no execution settings yet.
        if workflow.execution_settings is not None:
            workflow.execution_settings.keep_going = True
        if stage_of(verb).per_model:
            return [record(verb, model) for model in PLAN.models()]
        return [
            record(verb, dataset.name)
            for dataset in PLAN.datasets.values()
            if verb in PLAN.stages(dataset)
        ]

    return targets


onerror:
    # The user sees the one clear sentence of each failed job, not only its log's name.
    for _log in [log] if isinstance(log, str) else log:
        _text = Path(_log).read_text(errors="replace")
        for _file in re.findall(r"Error in rule[^\0]*?log: (\S+\.log)", _text):
            _lines = Path(_file).read_text(errors="replace").strip().splitlines()
            sys.stderr.write(
                f"\n{_lines[-1] if _lines else 'no message'} (see {_file})\n"
            )
