"""A tenth stage takes three places: an entry in the table, a package and a rule file."""

from __future__ import annotations

import json

import pytest
import yaml

from catomo.record.record import committing
from catomo.report.settings import Report
from conftest import Project

ENTRY = """
    Stage(
        number=10,
        word="publish",
        verb="publish",
        record="publication.json",
        title="Publication",
        help="write what a data repository asks for",
        settings="Publish",
        takes=lambda dataset: dataset.source == "phantom",
        stopping_point="published",
    ),
)

TOOLS = ("""

PACKAGE = {
    "__init__.py": "",
    "settings.py": '''
"""Settings of the stage `publish`."""

from catomo.settings.base import Settings, key


class Publish(Settings):
    """Stage `publish`."""

    licence: str = key("CC-BY-4.0", "licence of the data")
''',
    "verbs.py": '''
"""The command line of `publish`."""


def _arguments_publish(parser):
    parser.add_argument("report", help="09_report (folder or its record)")


def _publish(options, settings):
    from catomo.publish.stage import publish

    publish(options.report, options.output, settings)


VERBS = {"publish": (_arguments_publish, _publish)}
''',
    "stage.py": '''
"""10 publish: the licence beside the page."""

from catomo.record.record import committing, read_record


def publish(report, output, settings):
    source = read_record(report, "report")
    with committing(output, "publish", settings, {"report": source}) as out:
        out.path("LICENCE").write_text(settings.licence)
        out.record["dataset"] = source["dataset"]
''',
}

RULES = """
rule publish:
    input:
        record=record("report"),
    output:
        record="results/{dataset}/10_publish/publication.json",
    log:
        "logs/{dataset}/publish.log",
    params:
        settings=settings("publish"),
        code=code.code_of("publish"),
    shell:
        '"$CATOMO_PYTHON" "$CATOMO_PACKAGE" publish {input.record}'
        " --output {output.record} --settings {params.settings:q} > {log} 2>&1"
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Project:
    """A copy of the project with a tenth stage, and a folder of stage nine to begin with."""
    project = Project(tmp_path_factory.mktemp("tenth") / "project")
    table = project.folder / "workflow/catomo/stages.py"
    text = table.read_text()
    end = "\n)\n\nTOOLS = ("
    assert text.count(end) == 1, "the end of STAGES is not where this test expects it"
    table.write_text(text.replace(end, ENTRY))
    for name, content in PACKAGE.items():
        project.write(f"workflow/catomo/publish/{name}", content.lstrip())
    project.write("workflow/rules/10_publish.smk", RULES.lstrip())
    with committing(project.folder / "made/09_report", "report", Report()) as out:
        out.record["dataset"] = "phantom"
    return project


def test_the_command_line_lists_and_explains_its_verb(extended):
    run = extended.catomo("--help")
    assert "10 write what a data repository asks for" in " ".join(run.stdout.split())
    assert "usage: catomo publish" in extended.catomo("publish", "--help").stdout


def test_it_writes_its_folder_and_its_record(extended):
    arguments = ["publish", "made/09_report", "--output", "made/10_publish"]
    run = extended.catomo(*arguments, "--settings", '{"licence": "CC0-1.0"}')
    assert run.returncode == 0, run.stderr
    folder = extended.folder / "made" / "10_publish"
    assert (folder / "LICENCE").read_text() == "CC0-1.0"
    record = json.loads((folder / "publication.json").read_text())
    assert record["stage"] == "publish"
    assert record["settings"] == {"licence": "CC0-1.0"}
    assert record["inputs"]["report"]["stage"] == "report"
    verified = extended.catomo("verify", "made")
    assert "2 stages, 1 files, all as recorded" in verified.stdout, verified.stderr


def test_a_mistake_in_its_settings_is_one_line(extended):
    run = extended.catomo("publish", "x", "--output", "y", "--settings", '{"license": ""}')
    assert run.returncode == 1
    expected = "catomo publish: --settings license: unknown key; did you mean 'licence'?\n"
    assert run.stderr == expected


def test_page_and_schema_of_the_configuration_have_its_block(extended):
    page = extended.run("catomo.plan.document").stdout
    assert "## `publish`" in page
    assert '| `licence` | `"CC-BY-4.0"` |  | text | licence of the data |' in page
    schema = json.loads(extended.run("catomo.plan.schema").stdout)
    assert "publish" in schema["properties"]


def test_the_workflow_runs_it_last_and_may_stop_there(extended):
    jobs = extended.planned()
    assert {"report phantom", "publish phantom"} <= jobs
    assert extended.planned("published") == jobs
    assert "publish phantom" not in extended.planned("segmented")


def test_its_settings_reach_the_rule_and_can_be_overridden(extended):
    path = extended.folder / "config/config.yaml"
    text = path.read_text()
    config = yaml.safe_load(text)
    config["publish"] = {"licence": "CC0-1.0"}
    try:
        path.write_text(yaml.safe_dump(config))
        everywhere = extended.snakemake("--dry-run", "--printshellcmds", "published")
        config["overrides"]["phantom"]["publish"] = {"licence": "MIT"}
        path.write_text(yaml.safe_dump(config))
        overridden = extended.snakemake("--dry-run", "--printshellcmds", "published")
    finally:
        path.write_text(text)
    assert '"licence":"CC0-1.0"' in everywhere.stdout + everywhere.stderr
    assert '"licence":"MIT"' in overridden.stdout + overridden.stderr


def test_check_names_it(extended):
    run = extended.catomo("check")
    assert run.returncode == 0, run.stdout
    assert "→ report → publish" in run.stdout
