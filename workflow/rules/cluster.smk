# What a cluster needs besides: no job asks for more than a node has, and what the user has to
# mend is not tried again. Retries themselves are given by a profile, or with --retries.
import time

from snakemake.jobs import Job

from catomo.errors import is_mistake
from catomo.plan.cluster import slurm_limits
from catomo.record.lock import count_as_ended
from catomo.stages import RECORDS

_BEGIN = time.time()


def partitions_of_jobs():
    """Return the Slurm partitions that profile or command line name for jobs."""
    given = workflow.resource_settings
    named = [
        given._parsed_default_resources,
        *given._parsed_overwrite_resources.values(),
    ]
    texts = [str(of["slurm_partition"].raw) for of in named if "slurm_partition" in of]
    default = [] if "slurm_partition" in named[0] else [""]
    return default + [name.strip() for text in texts for name in text.split(",")]


def limit_jobs():
    """Let no job ask Slurm for more cores, memory or time than a node of its partition has."""
    limits = slurm_limits(partitions_of_jobs())
    if limits is None:
        return
    most = workflow.resource_settings.max_threads
    workflow.resource_settings.max_threads = min(most or limits.cores, limits.cores)
    # Each job has its limit to itself; they are not added up over jobs.
    workflow.resource_scopes["runtime"] = "local"
    for name, value in (("mem_mb", limits.memory_mb), ("runtime", limits.minutes)):
        given = workflow.global_resources.get(name).value
        if value is not None and (given is None or given > value):
            workflow.register_resource(name, value)


# Where --jobs is given in place of --cores, other machines run the jobs.
if (
    not _IN_MODULE
    and workflow.is_main_process
    and workflow.resource_settings.nodes is not None
):
    limit_jobs()


def has_mistake(job):
    """Return whether a job that failed in this run has told the user of a mistake."""
    for log in map(Path, job.log):
        # A job that was refused, or killed at its start, leaves the log of an earlier run.
        if log.is_file() and log.stat().st_mtime >= _BEGIN:
            return any(map(is_mistake, log.read_text(errors="replace").splitlines()))
    return False


# Snakemake knows the number of retries of a rule, and none that depends on how a job failed.
_restart_times = Job.restart_times.fget


def restart_times_of(job):
    """Return how often a job that has failed is tried again."""
    if has_mistake(job):
        return 0
    # The next attempt may meet another node, which cannot see that the killed process is gone.
    path = Path(job.output.get("record", ""))
    for verb in (verb for verb, name in RECORDS.items() if name == path.name):
        count_as_ended(path.parent, verb)
    return _restart_times(job)


Job.restart_times = property(restart_times_of)
