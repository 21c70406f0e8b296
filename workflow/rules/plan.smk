# The plan: what catomo makes of the configuration and the table of datasets.
# It is included before Snakemake reads the configuration file, so that a mistake there is the
# one clear line of catomo's own reader.
import os
import sys
from dataclasses import replace
from pathlib import Path

from snakemake.cli import parse_config
from snakemake.exceptions import WorkflowError

# Snakemake puts the folder of a local workflow/Snakefile first on sys.path, so a catomo that
# lies there is found first. A Snakefile from github() brings no package: pip installs one.
try:
    import catomo
except ImportError:
    raise WorkflowError(
        f"catomo is not installed for {sys.executable}; install it there with pip, "
        "or name the Snakefile in a local copy of catomo"
    ) from None

from catomo.errors import UserError, problem_of_system
from catomo.plan.changes import models_of_other_order
from catomo.plan.given import entries_of, files_of, values_of
from catomo.plan.plan import DEFAULT_CONFIG, load_plan, make_plan
from catomo.plan.users import problem_of_other_user
from catomo.settings.blocks import read_blocks, with_numbers

if problem_of_system():
    raise WorkflowError(problem_of_system())

# Whether another project's Snakefile uses these rules as a module. That project has read the
# configuration then; otherwise catomo reads the files itself, because Snakemake's reader drops
# a key that stands twice and takes 1e-3 for text.
_IN_MODULE = not workflow.modifier.is_main_snakefile()


_settings = workflow.config_settings
_files = files_of(sys.argv[1:], _settings.configfiles)
_values = entries_of(sys.argv[1:], _settings.config_args)
_more_flags = (len(_files), len(_values)) != (
    len(_settings.configfiles),
    len(_settings.config_args),
)


def _plan_of_files():
    """Return plan and problems of the files and values given to this run."""
    given = [os.path.relpath(file) for file in _files]
    only_given = _settings.replace_workflow_config and (_files or _values)
    if Path(DEFAULT_CONFIG).is_file() and not only_given:
        given.insert(0, DEFAULT_CONFIG)
    try:
        return load_plan(given, values_of(_values))
    except UserError as error:
        return None, [str(error)]


CONFIG_IS_EMPTY = False
if _IN_MODULE and _more_flags:
    # The other project's configuration is read already, from what Snakemake kept.
    raise WorkflowError(
        "--configfile or --config is given twice, and Snakemake keeps the last alone; give all "
        "files, or all values, after one flag"
    )
if not _IN_MODULE:
    PLAN, _problems = _plan_of_files()
    _problems += filter(None, [problem_of_other_user()])
    if _problems:
        sys.stderr.write("".join(f"{line}\n" for line in _problems))
        sys.exit(1)
    sys.stderr.writelines(f"{line}\n" for line in PLAN.notes)
    if workflow.is_main_process:
        sys.stderr.writelines(f"{line}\n" for line in models_of_other_order(PLAN))
    CONFIG_IS_EMPTY = Path(DEFAULT_CONFIG).is_file() and not read_blocks(
        DEFAULT_CONFIG, ""
    )
    if _more_flags:
        # Snakemake hands its own settings on to jobs that it starts as processes of their own.
        workflow.config_settings = replace(
            _settings,
            config=parse_config(_values),
            configfiles=_files,
            config_args=_values,
        )
        workflow.configfiles[:] = _files
        config.update(workflow.config_settings.overwrite_config)
