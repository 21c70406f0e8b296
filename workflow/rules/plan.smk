# The plan: what catomo makes of the configuration and the table of datasets.
# It is included before Snakemake reads the configuration file, so that a mistake there is the
# one clear line of catomo's own reader.
import os
import sys
from pathlib import Path

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

from catomo.plan.changes import models_of_other_order
from catomo.plan.plan import DEFAULT_CONFIG, load_plan, make_plan
from catomo.settings.blocks import read_blocks, with_numbers

# Whether another project's Snakefile uses these rules as a module. That project has read the
# configuration then; otherwise catomo reads the files itself, because Snakemake's reader drops
# a key that stands twice and takes 1e-3 for text.
_IN_MODULE = not workflow.modifier.is_main_snakefile()


def _plan_of_files():
    """Return plan and problems of the files and values given to this run."""
    settings = workflow.config_settings
    given = [os.path.relpath(file) for file in settings.configfiles]
    only_given = settings.replace_workflow_config and settings.overwrite_config
    if Path(DEFAULT_CONFIG).is_file() and not only_given:
        given.insert(0, DEFAULT_CONFIG)
    plan, problems = load_plan(given, with_numbers(dict(settings.config), True))
    flags = [word.partition("=")[0] for word in sys.argv]
    if sum(flags.count(flag) for flag in ("--configfile", "--configfiles")) > 1:
        # Snakemake keeps the files of the last flag only.
        problems.insert(
            0, "--configfile is given twice; give all files after one --configfile"
        )
    return plan, problems


CONFIG_IS_EMPTY = False
if not _IN_MODULE:
    PLAN, _problems = _plan_of_files()
    if _problems:
        sys.stderr.write("".join(f"{line}\n" for line in _problems))
        sys.exit(1)
    if workflow.is_main_process:
        sys.stderr.writelines(f"{line}\n" for line in models_of_other_order(PLAN))
    CONFIG_IS_EMPTY = Path(DEFAULT_CONFIG).is_file() and not read_blocks(
        DEFAULT_CONFIG, ""
    )
