"""What is tried again, with which memory; and the keys of the Slurm profile. No Slurm is needed."""

import json
import re
import stat
import subprocess
import sys
import time

import pytest
import yaml

from conftest import ROOT, Project

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
PROFILE = ROOT / "workflow/profiles/slurm/config.yaml"


def _with_sinfo(project: Project, lines: str) -> dict[str, str]:
    """Return an environment in which Slurm's sinfo, a stand-in, says some lines."""
    sinfo = project.write("bin/sinfo", f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    sinfo.chmod(sinfo.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{sinfo.parent}:/usr/bin:/bin"}


def _asked(output: str) -> dict[str, dict[str, str]]:
    """Return threads and resources of the first job of each rule in a dry run."""
    found: dict[str, dict[str, str]] = {}
    for rule, job in re.findall(r"rule (\w+):\n((?: .*\n)+)", output):
        threads = re.search(r"threads: (\d+)", job)
        asked = dict(re.findall(r"(\w+)=([^,\n]+)", re.search("resources: .*", job)[0]))
        found.setdefault(rule, asked | {"threads": threads[1] if threads else "1"})
    return found


CLUSTER = ("--dry-run", "--jobs", "9", "--default-resources", "runtime=240 * attempt")
ABOVE = ("--max-threads", "2", "--resources", "mem_mb=1300")
ELSEWHERE = ("--set-resources", "train:slurm_partition=small")


@pytest.mark.parametrize(
    ("options", "lines", "threads", "memory", "minutes"),
    [
        ((), "main*|4|1500|1:00:00", "4", 1500, "60"),
        ((), "", "8", None, "480"),  # Slurm does not answer
        (ABOVE, "main*|4|6000|infinite", "2", 1300, "480"),
        (ELSEWHERE, "main*|64|500000|infinite\nsmall|3|1400|30:00", "3", 1400, "30"),
    ],
    ids=["small nodes", "unknown nodes", "smaller keys win", "small nodes of a rule"],
)
def test_a_second_attempt_asks_for_more_but_for_no_more_than_a_node_has(
    project, options, lines, threads, memory, minutes
):
    environment = _with_sinfo(project, lines)
    asked = []
    for attempt in ("1", "2") if memory is None else ("2",):
        run = project.run(
            "snakemake", "--cores", "8", *CLUSTER, "--attempt", attempt, *options, **environment
        )
        assert run.returncode == 0, run.stdout + run.stderr
        asked.append(_asked(run.stdout + run.stderr))
    assert asked[-1]["reconstruct"]["threads"] == threads
    assert asked[-1]["simulate"]["runtime"] == minutes
    assert asked[-1]["train"]["gpu"] == "0"  # whatever this machine has: the nodes run the jobs
    second = int(asked[-1]["simulate"]["mem_mb"])
    if memory is None:  # twice as much, each rounded down
        assert second - 2 * int(asked[0]["simulate"]["mem_mb"]) in (0, 1)
    else:
        assert second == memory


def test_the_nodes_of_a_cluster_are_no_matter_to_a_run_on_this_machine(project):
    environment = _with_sinfo(project, "main*|1|100|1:00")
    run = project.snakemake("--dry-run", **environment)
    asked = _asked(run.stdout + run.stderr)
    assert asked["reconstruct"]["threads"] == "2"
    assert int(asked["simulate"]["mem_mb"]) > 100


@pytest.mark.slow
def test_a_mistake_is_not_tried_again_and_a_killed_job_is(project):
    """Two specimens that are wrong in two ways, and one whose first job kills itself."""
    rows = "".join(f"{name}\tphantom\t{name}.yaml\n" for name in ("wrong", "absent", "killed"))
    project.write("config/datasets.tsv", HEADER + rows)
    project.write("config/config.yaml", "{}\n")
    project.write("wrong.yaml", "shape_px: [1, 2]\n")
    project.write("absent.yaml", "shape_px: [1, 2\n")
    project.write("killed.yaml", (ROOT / "tests/workflow/tiny.yaml").read_text())
    module = project.folder / "workflow/catomo/tilt_series/simulate.py"
    kill = (
        "import os, pathlib, sys\n"
        "mark = pathlib.Path('marked')\n"
        "if 'killed.yaml' in sys.argv and not mark.exists():\n"
        "    mark.touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    future = "from __future__ import annotations\n"
    module.write_text(module.read_text().replace(future, future + kill))
    # A mistake of an earlier run, in the log that the killed job does not come to write.
    project.write("logs/killed/simulate.log", "catomo simulate: killed.yaml: wrong\n")
    # And its lock, as if it had been killed on another node a moment ago.
    holder = {"host": "node7", "boot": "b", "pids": "p", "birth": "1", "pid": 1, "peak_mb": 1}
    lock = json.dumps(holder | {"since": time.time()})
    project.write(".catomo/locks/killed+01_tilt_series+simulate.json", lock)
    targets = [
        f"results/{n}/01_tilt_series/tilt_series.json" for n in ("wrong", "absent", "killed")
    ]
    run = project.snakemake("--keep-going", "--retries", "2", *targets)
    output = run.stdout + run.stderr
    assert run.returncode == 1
    assert output.count("Trying to restart job") == 1, output
    assert output.count("Error in rule simulate:") == 3
    assert (project.folder / targets[-1]).is_file()
    for name in ("wrong", "absent"):
        log = (project.folder / f"logs/{name}/simulate.log").read_text()
        assert log.startswith(f"catomo simulate: {name}.yaml")


def _options_of_snakemake() -> set[str]:
    text = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    ).stdout
    return set(re.findall(r"--([a-z][a-z-]+)", text))


def test_the_profile_has_keys_that_snakemake_knows_with_and_without_the_commented_ones():
    text = PROFILE.read_text()
    known = _options_of_snakemake() | {"slurm-init-seconds-before-status-checks"}
    # A commented key is one word with a colon after the sign; sentences have more words.
    whole = re.sub(r"^( *)# ( *[a-z_-]+:(?: .*)?)$", r"\1\2", text, flags=re.MULTILINE)
    shipped, full = yaml.safe_load(text), yaml.safe_load(whole)
    assert shipped.keys() < full.keys() <= known
    assert full["default-resources"].keys() > shipped["default-resources"].keys()
    # Nothing that only some clusters have.
    assert "software-deployment-method" not in shipped
    assert not {"slurm_partition", "slurm_account"} & shipped["default-resources"].keys()
    assert full["software-deployment-method"] == "conda"
    assert full["resources"].keys() == {"mem_mb"}
    rules = set(re.findall(r"^rule (\w+):", "".join(
        path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")
    ), flags=re.MULTILINE))  # fmt: skip
    assert full["set-resources"].keys() <= rules
    assert all(asked["gpu"] == 1 for asked in full["set-resources"].values())


def test_retries_are_given_by_the_profile_and_by_no_rule():
    """In rules they multiply: the main process, the job and its step each try again."""
    assert yaml.safe_load(PROFILE.read_text())["retries"] == 2
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        assert not re.search(r"^\s+retries:", path.read_text(), flags=re.MULTILINE), path
