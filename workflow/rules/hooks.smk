# What is said while the workflow runs and when it ends: what runs, why jobs failed, and the summary
# of the datasets that are left.
import logging
import re
import sys
from pathlib import Path

from catomo.plan.failures import failures_in
from catomo.plan.failures import line_of as line_of_failure
from catomo.plan.temporary import problem_of_temporary
from catomo.plan.terminal import Board, Job, Run, can_show
from catomo.summary.planned import reasons_of, summary_of


def asked_mb(log, log_of_job):
    """Return the memory (MB) that a job reserved, from Snakemake's log; 0 if it is not there."""
    block = rf"    log: {re.escape(log_of_job)}\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)"
    found = re.search(block, log)
    return int(found[1]) if found else 0


def last_lines(log):
    """Return the reason of each failed job in Snakemake's log: one clear sentence."""
    return [
        f"\n{line_of_failure(failed, asked_mb(log, failed.log), PLAN)} (see {failed.log})\n"
        for failed in failures_in(log)
    ]


def write_summary_of_rest(log):
    """Write the summary although datasets failed, if it was asked for: Snakemake has left it out.

    Its rule runs again when these datasets are mended, because its inputs are made then.
    """
    if not any(job.rule.name == "summary" for job in workflow.dag.jobs):
        return
    asked = summary_of(PLAN)
    outputs = [job.output.get("record") for job in workflow.dag.needrun_jobs()]
    unfinished = [str(record) for record in outputs if record]
    try:
        from catomo.summary.stage import write_summary

        write_summary(
            "results/summary.json",
            asked,
            reasons_of(asked, failures_in(log), unfinished),
        )
    except Exception as error:  # the datasets that failed must still be told
        told = f"results/summary.html: could not be written ({error})"
        sys.stderr.write(f"\n{told}; try 'catomo summary'\n")
    else:
        sys.stderr.write(
            "\nresults/summary.html: says which datasets failed, and why\n"
        )


def run_now():
    """Return how far the run is."""
    scheduler = workflow.scheduler
    jobs = [
        Job(
            stage=Path(job.log[0]).stem,
            owner=next(iter(job.wildcards), ""),
            record=job.output.record,
            log=job.log[0],
        )
        for job in list(scheduler.running)
        if job.log
    ]
    return Run(scheduler.finished_jobs, len(workflow.dag), jobs)


# The lines at the end of the terminal that say what runs; none where Snakemake writes to a file
# or a pipe, or where a plugin (--logger) writes instead.
_BOARDS = []


# Snakemake runs these for our own workflow alone: a project that uses these rules as a module
# keeps what it says itself.
onstart:
    if workflow.is_main_process and (_problem := problem_of_temporary()):
        sys.exit(_problem)
    for _handler in logging.getLogger("snakemake.logging").handlers:
        if _handler.name == "DefaultStreamHandler" and can_show(_handler.stream):
            if workflow.is_main_process:
                _BOARDS.append(Board(_handler.stream, run_now))
                _handler.setStream(_BOARDS[-1])
                _BOARDS[-1].begin()


onsuccess:
    for _board in _BOARDS:
        _board.end()


onerror:
    for _board in _BOARDS:
        _board.end()
    _logs = [log] if isinstance(log, str) else log
    _text = "".join(Path(_log).read_text(errors="replace") for _log in _logs)
    sys.stderr.writelines(last_lines(_text))
    write_summary_of_rest(_text)
