"""The rules as a module of another project's Snakefile, as `snakedeploy deploy-workflow` writes it.

The other project is a folder that holds a Snakefile, configuration and data, and nothing of
catomo. Snakemake formats commands with the globals of its Snakefile, not with those of the rules.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
ROW = "{0}\tphantom\tdata/tiny.yaml\t\t\t{1}\t{2}\t\n"
QUICK = {
    "reconstruct": {"iterations": 2},
    "slices": {"suggest": 24},
    "train": {"steps": 10, "batch_size": 2, "network": {"base_filters": 4, "levels": 3}},
    "surfaces": {"redraws": 0},
}
MODULE = """
module {name}:
    snakefile: {snakefile}
    config: config["{name}"]
    prefix: "{name}"

use rule * from {name} as {name}_*
"""

TARGETS = ("one_all", "two/results/other/01_tilt_series/tilt_series.json")


class Host:
    """The other project."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.write("data/tiny.yaml", (ROOT / "tests/faults/small.yaml").read_text())

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def use(self, tables: dict[str, str], snakefiles: list[str], **blocks) -> None:
        """Write Snakefile, configuration and tables: a module for each name of a table."""
        config = {}
        for name, rows in tables.items():
            self.write(f"config/{name}.tsv", HEADER + rows)
            config[name] = QUICK | {"datasets": f"config/{name}.tsv"} | blocks
        self.write("config/config.yaml", yaml.safe_dump(config))
        modules = [
            MODULE.format(name=name, snakefile=snakefile)
            for name, snakefile in zip(tables, snakefiles, strict=True)
        ]
        everything = ", ".join(f"rules.{name}_all.input" for name in tables)
        end = f"\nrule all:\n    default_target: True\n    input: {everything}\n"
        self.write("Snakefile", 'configfile: "config/config.yaml"\n' + "".join(modules) + end)

    def snakemake(self, *arguments: str, installed: bool = False) -> str:
        """Return what Snakemake says; it must succeed. `installed` is as after pip install."""
        status, output = self.try_snakemake(*arguments, installed=installed)
        assert status == 0, output
        return output

    def try_snakemake(self, *arguments: str, installed: bool = False) -> tuple[int, str]:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        if installed:
            environment["PYTHONPATH"] = str(ROOT / "workflow")
        run = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=self.folder,
            env=environment | {"NO_COLOR": "1", "NUMBA_CACHE_DIR": str(ROOT / ".catomo/numba")},
            capture_output=True,
            text=True,
            check=False,
        )
        return run.returncode, run.stdout + run.stderr


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path / "host")


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Host:
    """Two modules beside each other: all nine stages, and the first stage of another phantom."""
    host = Host(tmp_path_factory.mktemp("module") / "host")
    tables = {"one": ROW.format("tiny", "truth", "m"), "two": ROW.format("other", "", "")}
    paths = [f'"{ROOT / "workflow/Snakefile"}"', f'"{ROOT / "Snakefile"}"']
    host.use(tables, paths)
    host.snakemake(*TARGETS)
    return host


def test_two_modules_run_beside_each_other(done):
    pages = [done.folder / f"{name}/results" for name in ("one/", "two/")]
    assert (pages[0] / "tiny/09_report/report.html").is_file()
    assert (pages[0] / "models/m/05_train/model.keras").is_file()
    assert (pages[1] / "other/01_tilt_series/tilt_series.json").is_file()
    seen = {path.name for path in done.folder.iterdir() if not path.name.startswith(".")}
    assert seen == {"Snakefile", "config", "data", "one", "two"}


def test_a_module_whose_dataset_has_no_labels_plans_a_page_without_them(done):
    planned = done.snakemake("--dry-run")
    assert "rule two_report:" in planned
    assert "two_predict" not in planned


def test_running_the_modules_again_plans_nothing(done):
    assert "Nothing to be done" in done.snakemake("--dry-run", *TARGETS)


def test_records_name_no_prefix_as_a_setting(done):
    for path in done.folder.glob("*/results/**/*.json"):
        assert str(ROOT) not in path.read_text()
        settings = json.loads(path.read_text()).get("settings", {})
        assert "results/" not in json.dumps(settings), path


def test_another_copy_of_catomo_elsewhere_reruns_nothing(done, tmp_path):
    copy = tmp_path / "elsewhere"
    for name in ("workflow", "envs"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    shutil.copy(ROOT / "Snakefile", copy)
    snakefile = done.folder / "Snakefile"
    text = snakefile.read_text()
    snakefile.write_text(text.replace(str(ROOT), str(copy)))
    try:
        assert "Nothing to be done" in done.snakemake("--dry-run", *TARGETS)
    finally:
        snakefile.write_text(text)


def test_every_path_of_results_in_a_command_has_the_prefix(host):
    """Also that of the model to start from, which the configuration knows by its name."""
    rows = ROW.format("a", "truth", "first") + ROW.format("b", "truth", "second")
    start = {"overrides": {"second": {"train": {"init_from": "first"}}}}
    host.use({"one": rows}, [f'"{ROOT / "workflow/Snakefile"}"'], **start)
    output = host.snakemake("--dry-run", "--printshellcmds")
    commands = [line for line in output.splitlines() if "$CATOMO_PACKAGE" in line]
    assert len(commands) == 19
    for command in commands:
        assert command.count("results/") == command.count("one/results/")
        assert command.count("logs/") == command.count("one/logs/")
    [start] = [command for command in commands if "--init-from" in command]
    assert '--init-from "one/results/models/first/05_train/training.json"' in start


def test_files_that_a_module_has_lost_are_looked_for_below_its_prefix(host):
    host.use({"one": ROW.format("tiny", "", "")}, [f'"{ROOT / "workflow/Snakefile"}"'])
    folder = "results/tiny/04_slices"
    for place in (folder, f"one/{folder}"):
        host.write(f"{place}/slices.json", "{}")
        host.write(f"{place}/.slices.files", "slices.json\nto_annotate/a.tif\n")
    lost = "04_slices: to_annotate/a.tif is missing though the record lists it"
    output = host.snakemake("--dry-run", "--quiet")
    assert f"one/results/tiny/{lost}" in output
    assert output.count(lost) == 1


def test_rules_from_a_repository_use_the_installed_package(host, tmp_path):
    """A Snakefile from github() or gitfile() comes without the package and its folder."""
    repository = tmp_path / "repository"
    for name in ("workflow/Snakefile", "workflow/rules", "workflow/report", "envs"):
        source, target = ROOT / name, repository / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    remote = f'gitfile("{repository}", path="workflow/Snakefile", tag="v1")'
    host.use({"one": ROW.format("tiny", "", "")}, [remote])
    first = "one/results/tiny/01_tilt_series/tilt_series.json"
    host.snakemake(first, installed=True)
    assert (host.folder / first).is_file()
    if subprocess.run([sys.executable, "-Ic", "import catomo"], capture_output=True).returncode:
        status, output = host.try_snakemake("--dry-run")
        assert status == 1
        assert "catomo is not installed for" in output


def test_a_mistake_in_a_modules_configuration_names_the_module(host):
    snakefile = f'"{ROOT / "workflow/Snakefile"}"'
    host.use({"one": ROW.format("tiny", "", "")}, [snakefile], reconstruct={"iteratons": 5})
    status, output = host.try_snakemake("--dry-run")
    assert status == 1
    assert "config of module one: reconstruct.iteratons: unknown key" in output
    assert "Traceback" not in output


def test_values_of_config_reach_a_module_as_numbers_and_a_flag_twice_is_refused(host):
    host.use({"one": ROW.format("tiny", "", "")}, [f'"{ROOT / "workflow/Snakefile"}"'])
    given = ("--config", 'one={"reconstruct": {"iterations": 5}}')
    assert '"iterations":5,' in host.snakemake("--dry-run", "--printshellcmds", *given)
    status, output = host.try_snakemake("--dry-run", *given, "--config", "other=1")
    assert status == 1
    assert "--config is given twice, and Snakemake keeps the last alone; give all" in output


def test_what_the_other_project_decides_stays_as_it_is(host):
    """Its own onerror runs, and a failing job ends the run unless it says --keep-going."""
    host.use({"one": ROW.format("tiny", "", "")}, [f'"{ROOT / "Snakefile"}"'])
    own = """
onerror:
    print("the project's own handler")

rule fails:
    output: "fails.txt"
    shell: "exit 3"

rule waits:
    input: "fails.txt", "one/results/tiny/01_tilt_series/tilt_series.json"
"""
    host.write("Snakefile", (host.folder / "Snakefile").read_text() + own)
    status, output = host.try_snakemake("waits")
    assert status == 1
    assert "the project's own handler" in output
    assert "going on with independent jobs" not in output


def test_the_package_is_imported_without_its_neighbours(tmp_path):
    """A conda environment must not see the site-packages in which the package lies."""
    neighbours = tmp_path / "site-packages"
    shutil.copytree(
        ROOT / "workflow/catomo",
        neighbours / "catomo",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("yaml", "numpy", "tifffile", "argparse"):
        (neighbours / f"{name}.py").write_text("raise ImportError('of the other Python')\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, str(neighbours / "catomo"), "simulate", str(ROOT / "no.yaml"),
         "--output", "out", "--settings", "{}"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "of the other Python" not in run.stderr
    assert run.stderr.startswith("catomo simulate: ")
    # Python compiles the file that it is told to run before that file can say anything.
    compiled = {path.name.partition(".")[0] for path in neighbours.rglob("*.pyc")}
    assert compiled <= {"__main__"}
