"""The one line for a job that failed: the right reason, whatever its log ends with."""

import json
import os
import shutil
from types import SimpleNamespace

import pytest

from catomo.plan import failures as module
from catomo.plan.failures import failures_in, line_of
from catomo.record.lock import locked, place_of_lock

COMMAND = (
    '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" train --dataset p results/p/04_slices/slices.json truth '
    "--output results/models/m/05_train/training.json --threads 2 "
    "--settings '{{\"steps\":10}}' > {log} 2>&1"
)
LOCAL = (
    'RuleException:\nCalledProcessError in file "/w/05_train.smk", line 40:\n'
    "Command 'set -euo pipefail;  " + COMMAND + "' {ending}.\n[Thu Nov 26 17:33:25 2026]\n"
)
BLOCK = (
    "Error in rule train:\n    message: {message}\n    jobid: 5\n    input: a, b\n"
    "    output: results/models/m/05_train/training.json\n"
    "    log: {log} (check log file(s) for error details)\n    shell:\n        "
    + COMMAND
    + "\n        (command exited with non-zero exit code)\n\n"
)
BANNER = (
    "2026-11-26 17:00:00.1: I tensorflow/core: This TensorFlow binary is optimized to use CPU\n"
)
MISTAKE = "catomo train: labels/a.tif: found label 7, allowed are 0 to 2\n"


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs/models/m").mkdir(parents=True)
    return tmp_path / "logs/models/m/train.log"


def said(text, **options):
    [failure] = failures_in(text)
    return line_of(failure, **options)


def local(ending="returned non-zero exit status 1"):
    return LOCAL.format(log="logs/models/m/train.log", ending=ending)


def block(message="None"):
    return BLOCK.format(log="logs/models/m/train.log", message=message)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (BANNER + MISTAKE, MISTAKE.strip()),
        (MISTAKE + BANNER, MISTAKE.strip()),
        (BANNER + "Traceback:\n  x\nValueError: no\nalignment: pass\n", "ValueError: no"),
        ("bash: line 1: conda: command not found\n" + BANNER, "bash: line 1: conda: command not"),
        (BANNER, "catomo train: ended without a message"),
        ("", "catomo train: ended without a message"),
    ],
)
def test_the_persons_line_else_the_last_error_never_a_banner(log, content, line):
    log.write_text(content)
    assert said(local()).startswith(line)
    assert said(local() + block()).startswith(line)


RETRY = "Trying to restart job 5.\n[Thu Nov 26 17:33:25 2026]\nrule train:\n    jobid: 5\n"


@pytest.mark.parametrize("first", [local("died with <Signals.SIGKILL: 9>") + block(), block("x")])
def test_a_job_that_a_retry_has_done_did_not_fail(first):
    done = "[Thu Nov 26 17:40:00 2026]\nFinished jobid: 5 (Rule: train)\n1 of 9 steps (11%) done\n"
    other = "Finished jobid: 55 (Rule: simulate)\nFinished jobid: 1 (Rule: align)\n"
    assert failures_in(first + RETRY + other + done) == []
    assert failures_in(first + RETRY + first + RETRY + done) == []
    # Neither another job's end, nor what was said before, is its own.
    assert len(failures_in(first + RETRY + other)) == 1
    assert len(failures_in(done + first + RETRY + block())) == 1


@pytest.mark.parametrize(
    "ending", ["returned non-zero exit status 137", "died with <Signals.SIGKILL: 9>"]
)
def test_a_signal_is_named_with_the_memory_asked_for_and_seen(log, ending):
    log.write_text("alignment: pass\n" + BANNER)
    line = "catomo train: was killed by signal 9 (SIGKILL), perhaps because memory ran out"
    assert said(local(ending)) == line
    folder = log.parents[3] / "results/models/m/05_train"
    place = place_of_lock(folder, "train")
    with locked(folder, "train"):
        left = json.loads(place.read_text()) | {"peak_mb": 3890}
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(left))
    memory = " (4000 MB were asked for, 3890 MB were in use at most)"
    assert said(local(ending) + block(), asked_mb=4000) == line + memory


def test_other_signals_are_no_lack_of_memory(log):
    line = said(local("returned non-zero exit status 143"))
    assert line == "catomo train: was killed by signal 15 (SIGTERM)"


def test_a_status_that_is_no_signal_names_none(log):
    assert said(local("returned non-zero exit status 255")).endswith("ended without a message")
    log.write_text(MISTAKE)
    assert said(local("returned non-zero exit status 255")) == MISTAKE.strip()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            "SLURM sbatch failed. The error message was 'sbatch: error: CPU count per node can "
            "not be satisfied\nsbatch: error: Batch job submission failed'.\n    sbatch call:\n"
            "        sbatch -p main\nFor further error details see the cluster/cloud log",
            "sbatch: error: CPU count per node can not be satisfied sbatch: error: Batch job "
            "submission failed",
        ),
        (
            "SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'. For further error details see",
            "SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'.",
        ),
    ],
)
def test_the_executors_own_reason_is_told_where_the_log_has_none(log, message, reason):
    assert said(block(message)) == f"catomo train: {reason}"
    log.write_text(BANNER + MISTAKE)
    assert said(block(message)) == MISTAKE.strip()


def test_a_full_disk_is_told_with_what_the_stage_needs(log, monkeypatch):
    monkeypatch.setattr(module, "_disk_needed", lambda plan, failure: "1.20 GB")
    full = "catomo train: no space left on the disk of x.keras; make room and run again"
    log.write_text(full)
    assert said(local()) == full
    need = "; the stage needs about 1.20 GB there"
    assert said(local(), plan=SimpleNamespace()) == full + need
    log.write_text("")  # not even the line found room
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 4096, 4096)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    assert said(local(), plan=SimpleNamespace()).endswith(f"of logs/models/m{need}")


def test_every_job_that_failed_has_its_line_and_no_other(log):
    others = local().replace("models/m", "models/n").replace("status 1", "status 139")
    shown = f"{COMMAND.format(log='logs/models/k/train.log')}\n"  # with --printshellcmds
    found = failures_in(shown + local() + others + block())
    assert [(f.record.split("/")[2], f.signal) for f in found] == [("m", 0), ("n", 11)]


@pytest.mark.skipif(os.name != "posix", reason="needs the words of a POSIX shell")
def test_names_with_spaces_are_quoted(log):
    text = local().replace("results/models/m/05_train/training.json", "'a b/training.json'")
    [failure] = failures_in(text.replace("logs/models/m/train.log", "'logs/a b.log'"))
    assert (failure.record, failure.log) == ("a b/training.json", "logs/a b.log")
