"""What a dry run says: the root Snakefile plans something, every shipped example resolves."""

import re
import shutil

import pytest
import yaml

from catomo.record.hashes import fingerprint_of_labels
from conftest import ROOT


def test_the_root_snakefile_plans_all_nine_stages(project):
    """A root Snakefile that only includes another one silently does nothing."""
    rules = {job.split()[0] for job in project.planned()}
    assert rules == {
        "simulate",
        "align",
        "reconstruct",
        "slices",
        "train",
        "predict",
        "evaluate",
        "surfaces",
        "report",
    }


@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("aligned", "align"),
        ("volumes", "reconstruct"),
        ("slices_ready", "slices"),
        ("models", "train"),
        ("segmented", "predict"),
    ],
)
def test_stopping_points(project, target, last):
    rules = [job.split()[0] for job in project.planned(target)]
    assert last in rules
    assert "report" not in rules


def test_the_paper_configuration_plans(project):
    assert project.planned("--configfile", "config/paper.yaml")


def test_an_example_with_a_table_of_its_own_plans(project):
    """What config.yaml says of its own datasets is unused then, not wrong."""
    (project.folder / "data").mkdir()
    for name in ("images", "labels"):
        (project.folder / "data" / name).mkdir()
        project.write(f"data/{name}/set1_slice00_patch0.tif", "")
    run = project.snakemake(
        "--dry-run",
        "--configfile",
        "config/examples/genc2022/config.yaml",
        CATOMO_GENC2022="data",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "rule train" in run.stdout + run.stderr
    assert "rule surfaces" not in run.stdout + run.stderr


def test_the_draft_example_lets_phantoms_teach_one_model_that_segments_the_real_series(project):
    for name in ("HAADF.mrc", "HAADF.rawtlt"):
        project.write(f"resources/needle/{name}", "")
    jobs = project.planned(
        "--configfile",
        "config/examples/draft/config.yaml",
        "--",
        "results/needle_draft/09_report/report.html",
    )
    phantoms = {f"phantom{n}" for n in (1, 2, 3)}
    assert {job.split()[1] for job in jobs if job.startswith("simulate ")} == phantoms
    assert {job for job in jobs if job.startswith(("train ", "predict "))} == {
        "train draft",
        "predict needle_draft",
    }
    assert "import_tilt_series needle_draft" in jobs
    assert "evaluate needle" not in jobs


def test_training_and_prediction_reserve_the_threads_and_memory_of_their_settings(project):
    settings = "train: {preset: paper, threads: 3}\npredict: {threads: 5}\n"
    project.write("config/config.yaml", settings)
    run = project.snakemake("--dry-run", "--cores", "8")
    jobs = dict(re.findall(r"rule (\w+):\n((?: .*\n)+)", run.stdout + run.stderr))
    assert "threads: 3\n" in jobs["train"]
    assert "threads: 5\n" in jobs["predict"]
    memory = int(re.search(r"mem_mb=(\d+)", jobs["train"]).group(1))
    assert 2500 < memory < 4500  # the preset paper was seen to take 2450


def test_fewer_cores_leave_the_settings_threads_as_they_are(project):
    """The bytes of the weights depend on them, not on what Snakemake could reserve."""
    project.write("config/config.yaml", "train: {threads: 3}\npredict: {threads: 3}\n")
    run = project.snakemake("--dry-run", "--cores", "1", "--printshellcmds")
    commands = re.findall(r"PACKAGE\" (?:train|predict) .*", run.stdout + run.stderr)
    assert len(commands) == 2
    for command in commands:
        assert "--threads 1 " in command
        assert '"threads":3' in command.replace(" ", "")


def test_one_job_at_a_time_uses_the_card_unless_told(project):
    """Seen in what Snakemake says it has, and in what each rule asks for."""
    project.write("config/config.yaml", "reconstruct: {backend: cuda}\n")
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    run = project.snakemake("--dry-run", **hidden)
    jobs = re.findall(r"rule (\w+):\n((?: .*\n)+)", run.stdout + run.stderr)
    assert {name for name, job in jobs if "gpu=1" in job} == {"reconstruct"}
    told = "import sys; print(workflow.global_resources['gpu'].value, file=sys.stderr)"
    snakefile = project.folder / "Snakefile"
    snakefile.write_text(f"{snakefile.read_text()}\n{told}\n")
    for options, wanted in (((), "1"), (("--resources", "gpu=3"), "3")):
        run = project.snakemake("--dry-run", "--quiet", *options, **hidden)
        assert wanted in (run.stdout + run.stderr).splitlines(), run.stderr


def test_the_gpu_profile_lets_one_job_at_a_time_use_the_card(project):
    run = project.snakemake("--dry-run", "--workflow-profile", "workflow/profiles/local-gpu")
    assert run.returncode == 0, run.stdout + run.stderr
    jobs = re.findall(r"rule (\w+):\n((?: .*\n)+)", run.stdout + run.stderr)
    assert {name for name, job in jobs if "gpu=1" in job} == {"reconstruct", "train", "predict"}


def test_a_model_that_starts_from_another_waits_for_it(project):
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    row = "{0}\tphantom\tresources/phantoms/demo-128.yaml\t\t\ttruth\t{1}\tyes\n"
    project.write(
        "config/datasets.tsv", header + row.format("phantom", "draft") + row.format("q", "mine")
    )
    override = {"overrides": {"mine": {"train": {"init_from": "draft"}}}}
    more = project.write("more.yaml", yaml.safe_dump(override))
    jobs = project.planned(
        "--configfile", more.name, "--", "results/models/mine/05_train/training.json"
    )
    assert {"train draft", "train mine", "simulate phantom"} <= jobs


def test_the_order_of_rows_changes_no_job(project):
    """Two datasets teach one model, which takes them by name."""
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    row = "{0}\tphantom\tresources/phantoms/demo-128.yaml\t\t\ttruth\tm\tyes\n"
    project.write("config/config.yaml", "{}\n")

    def jobs(*names):
        project.write("config/datasets.tsv", header + "".join(map(row.format, names)))
        run = project.snakemake("--dry-run", "--printshellcmds", "models")
        assert run.returncode == 0, run.stdout + run.stderr
        lines = (run.stdout + run.stderr).splitlines()
        [train] = [line for line in lines if 'PACKAGE" train ' in line]
        assert train.index("--dataset a ") < train.index("--dataset b ")
        return sorted(x for x in lines if "_PACKAGE" in x or x.lstrip().startswith("input:"))

    assert jobs("a", "b") == jobs("b", "a")


def test_braces_in_a_title_and_a_group_are_text(project):
    """Miller indices: Snakemake takes braces in a rule's own texts for wildcards."""
    header = "dataset\tsource\tpath\tlabels\tmodel\ttrains\tgroup\n"
    row = "a\tphantom\tresources/phantoms/demo-128.yaml\ttruth\tm\tyes\t{100} cubes\n"
    project.write("config/datasets.tsv", header + row)
    titled = {"overrides": {"a": {"report": {"title": "Pt {111} facets"}}}}
    project.write("config/config.yaml", yaml.safe_dump(titled))
    run = project.snakemake("--dry-run", "--printshellcmds")
    assert run.returncode == 0, run.stdout + run.stderr
    [command] = re.findall(r'PACKAGE" summary .*', run.stdout + run.stderr)
    assert "Pt {111} facets" in command
    assert "{100} cubes" in command


def test_a_rerun_is_decided_by_label_files_alone(project):
    """The rules' parameter is the fingerprint that the record of a stage holds."""
    for name in ("images/a.tif", "labels/a.tif"):
        project.write(f"data/{name}", "")
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    row = "real\tslices\tdata/images\t\t0.1\tdata/labels\t\t\n"
    project.write("config/datasets.tsv", header + row)
    config = yaml.safe_load((project.folder / "config/config.yaml").read_text())
    project.write("config/config.yaml", yaml.safe_dump(config | {"overrides": {}}))
    root = (project.folder / "Snakefile").read_text()
    of_rule = 'raw("labels")(SimpleNamespace(dataset="real"))'
    probe = f"from types import SimpleNamespace\nprint('labels:', {of_rule})\n"
    project.write("Snakefile", f"{root}\n{probe}")

    def parameter():
        run = project.snakemake("--dry-run")
        assert run.returncode == 0, run.stdout + run.stderr
        return re.search(r"labels: (\w{64})", run.stdout + run.stderr)[1]

    before = parameter()
    for name in (".DS_Store", "._a.tif", "a.tif.unsaved"):
        project.write(f"data/labels/{name}", "foreign")
    assert parameter() == before == fingerprint_of_labels(project.folder / "data" / "labels")
    project.write("data/labels/a.tif", "another")
    assert parameter() != before


def test_a_ready_model_needs_no_training(project):
    project.write("ready.keras", "a model")
    row = "p\tphantom\tresources/phantoms/demo-128.yaml\t\t\t\tready.keras\t\n"
    header = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
    project.write("config/datasets.tsv", header + row)
    config = yaml.safe_load((project.folder / "config/config.yaml").read_text())
    project.write("config/config.yaml", yaml.safe_dump(config | {"overrides": {}}))
    rules = {job.split()[0] for job in project.planned()}
    assert "predict" in rules
    assert "train" not in rules
    assert "evaluate" not in rules


def test_lint_finds_nothing(project):
    run = project.snakemake("--lint")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "good condition" in run.stdout + run.stderr


def test_captions_of_snakemakes_report_fit_any_catalyst_and_each_is_used():
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    used = [
        *re.findall(r'caption="../report/(\w+).rst"', rules),
        "evaluation",
        "surfaces",
        "workflow",
    ]
    captions = {path.stem: path.read_text() for path in (ROOT / "workflow/report").glob("*.rst")}
    assert sorted(captions) == sorted(set(used))
    for name, text in captions.items():
        assert not re.search(r"alumina|platin|\bPt\b|catalyst", text, re.I), name


def test_with_conda_the_environments_own_python_runs(project):
    if shutil.which("conda") is None:
        pytest.skip("no conda here; the environment files are checked in test_environments.py")
    assert project.planned("--use-conda")


ITERATIONS = re.compile(r'PACKAGE" reconstruct .*"iterations":(\d+)')


def test_a_configuration_of_comments_alone_means_the_defaults(project):
    project.write("config/config.yaml", "# reconstruct:\n#   iterations: 3\n")
    run = project.snakemake("--dry-run", "--printshellcmds")
    assert run.returncode == 0, run.stdout + run.stderr
    assert ITERATIONS.findall(run.stdout + run.stderr) == ["15"]


def test_values_of_config_are_numbers_and_win(project):
    project.write("config/config.yaml", "reconstruct: {iterations: 3}\n")
    given = 'reconstruct={"iterations": 5}'
    run = project.snakemake("--dry-run", "--printshellcmds", "--config", given)
    assert ITERATIONS.findall(run.stdout + run.stderr) == ["5"], run.stdout + run.stderr


def test_a_number_with_an_exponent_and_a_mark_at_the_beginning_are_read(project):
    path = project.write("config/config.yaml", "")
    path.write_bytes(b"\xef\xbb\xbftrain: {learning_rate: 2e-3}\r\n")
    run = project.snakemake("--dry-run", "--printshellcmds")
    assert '"learning_rate":0.002' in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: {}\n\ntrain: {}\ntrain: {}\n", "line 4: the key 'train' stands in line 3 already"),
        (b"train:\n\tsteps: 3\n", "line 2: not valid YAML (a tab; use spaces to indent)"),
        ("train: {}\n".encode("utf-16"), "not text in UTF-8 (it is UTF-16); save it again"),
        (b"- train\n", "must be 'key: value' blocks"),
        (b"train: " + b"[" * 60 + b"]" * 60, "more than 50 blocks inside each other"),
    ],
)
def test_a_broken_configuration_is_one_line(project, content, line):
    (project.folder / "config/config.yaml").write_bytes(content)
    run = project.snakemake("--dry-run")
    assert run.returncode == 1
    said = (run.stdout + run.stderr).splitlines()
    assert len([one for one in said if "config/config.yaml" in one and line in one]) == 1, said
    assert "Traceback" not in run.stderr


def test_files_and_values_of_every_flag_count(project):
    """Also in the jobs that Snakemake starts as processes of their own, as for `run`."""
    project.write("one.yaml", "reconstruct: {iteration: 5}\n")
    project.write("two.yaml", "surfaces: {hull_radius_nm: 2.0}\n")
    twice = ("--configfile", "one.yaml", "--configfile", "two.yaml")
    wrong = "one.yaml: reconstruct.iteration: unknown key; did you mean 'iterations'?"
    run = project.snakemake("--dry-run", *twice)
    assert run.returncode == 1
    assert wrong in run.stderr.splitlines()
    assert wrong in project.catomo("check", *twice).stdout.splitlines()
    project.write("one.yaml", "align: {axis_search_deg: 7}\nsurfaces: {hull_radius_nm: 1.0}\n")
    settings = "PLAN.settings({!r}, 'phantom').{}"
    asked = [("align", "axis_search_deg"), ("surfaces", "hull_radius_nm"), ("train", "seed")]
    found = ", ".join(settings.format(*one) for one in (*asked, ("reconstruct", "iterations")))
    root = (project.folder / "Snakefile").read_text()
    probe = f"rule probe:\n  output: 'found.txt'\n  run: open(output[0], 'w').write(str(({found})))"
    project.write("Snakefile", f"{root}\n\n{probe}\n")
    values = ("--config", "train={'seed': 9}", "-C", 'reconstruct={"iterations": 5}')
    run = project.snakemake(*twice, *values, "--", "found.txt")
    assert run.returncode == 0, run.stdout + run.stderr
    assert (project.folder / "found.txt").read_text() == "(7.0, 2.0, 9, 5)"
    told = "--config: reconstruct.iterations: also for phantom, instead of overrides.phantom in"
    assert told in run.stderr
