"""Configuration as people give it: several flags, nested values, and whose word counts."""

from pathlib import Path

import pytest
import yaml

from catomo.errors import UserError
from catomo.plan.check import check
from catomo.plan.given import entries_of, files_of, values_of
from catomo.plan.plan import DEFAULT_CONFIG, load_plan
from conftest import ROOT

HERE = Path("/here")


@pytest.mark.parametrize(
    "line",
    [
        "-n --configfile a.yaml --configfile b.yaml",
        "--configfile=a.yaml --cores 2 --configfiles b.yaml -- target",
        "--cores 2 target --configfile ./a.yaml --directory /else --configfile ./b.yaml",
        "--configfile a.yaml --configfile a.yaml b.yaml",
    ],
)
def test_the_files_of_every_flag_count_where_snakemake_was_started(line):
    arguments = line.split()
    kept = [HERE / "a.yaml", HERE / "b.yaml"] if "a.yaml b.yaml" in line else [HERE / "b.yaml"]
    files = files_of(arguments, kept)
    assert list(dict.fromkeys(files)) == [HERE / "a.yaml", HERE / "b.yaml"]


def test_what_no_flag_says_twice_is_as_snakemake_kept_it():
    kept = [HERE / "a.yaml", HERE / "b.yaml"]
    assert files_of(["--configfile", "a.yaml", "b.yaml", "-n"], kept) == kept
    assert files_of(["--cores", "2"], kept) == kept  # from a profile
    # The command line of another program, which calls Snakemake.
    assert files_of(["--configfile", "x", "--configfile", "y.yaml"], kept) == kept
    assert files_of(["--configfile", "x", "--configfile", "y.yaml"], []) == []
    assert entries_of(["--config", "a=1", "--config", "b=2"], ["c=3"]) == ["c=3"]


def test_the_values_of_every_flag_count():
    line = ["--config", "a=1", "b=2", "-n", "-C", "c=3"]
    assert entries_of(line, ["c=3"]) == ["a=1", "b=2", "c=3"]


def test_values_are_read_as_in_a_file_and_later_ones_win():
    given = ['a={"b": 5, "c": [1e-3, true]}', "a={'b': 6, d: text}", "e=f.tsv", "g=", "h=''"]
    expected = {"a": {"b": 6, "c": [0.001, True], "d": "text"}, "e": "f.tsv", "g": None, "h": ""}
    assert values_of(given) == expected


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("reconstruct.iterations=5", r"must be key=value with a key of the top level; give blocks"),
        ("reconstruct", r"must be key=value"),
        ('reconstruct={"iterations": ', r"--config reconstruct line 1: not valid YAML"),
        ("reconstruct={a: 1, a: 2}", r"--config reconstruct line 1: the key 'a' stands in line 1"),
    ],
)
def test_a_value_that_is_none_is_one_line(entry, message):
    with pytest.raises(UserError, match=message) as refused:
        values_of([entry])
    assert "\n" not in str(refused.value)
    assert values_of(['reconstruct={"iterations": 5}']) == {"reconstruct": {"iterations": 5}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a table of two phantoms, and config/config.yaml."""
    monkeypatch.chdir(tmp_path)
    specimen = ROOT / "resources/phantoms/demo-128.yaml"
    table = "dataset\tsource\tpath\n" + f"a\tphantom\t{specimen}\nb\tphantom\t{specimen}\n"
    (tmp_path / "table.tsv").write_text(table)
    (tmp_path / "config").mkdir()

    def write(name, **content):
        (tmp_path / name).write_text(yaml.safe_dump(content))
        return name

    write("config/config.yaml", datasets="table.tsv")
    return write


def test_check_takes_files_and_values_as_snakemake_does(here):
    one = here("one.yaml", reconstruct={"iterations": 7})
    two = here("two.yaml", reconstruct={"tv": 0.02})
    assert check([one, two], ['reconstruct={"subsets": 3}'])[0] == []
    problems, _ = check([one, two], ['reconstruct={"iterations": "x"}', "align={shfts: 1}"])
    assert len(problems) == 2
    assert problems[0].startswith("--config: align.shfts: unknown key")
    assert problems[1] == '--config: reconstruct.iterations: found "x"; must be a valid integer'
    problems, _ = check([here("bad.yaml", reconstruct={"tv": "x"}), two])
    assert problems == []  # the later file wins, and what it replaces is not read
    problems, _ = check([two, "bad.yaml"])
    assert problems == ['bad.yaml: reconstruct.tv: found "x"; must be a valid number']
    assert check([one], ["reconstruct"])[0][0].startswith("--config reconstruct: must be key=value")


def test_a_value_of_the_command_line_wins_over_an_override_and_that_is_told(here):
    here(
        "config/config.yaml",
        datasets="table.tsv",
        reconstruct={"tv": 0.0},
        overrides={"b": {"reconstruct": {"iterations": 40, "tv": 0.02}}},
    )

    def iterations(files, *values):
        plan, problems = load_plan(["config/config.yaml", *files], values_of(values))
        assert problems == []
        return [plan.settings("reconstruct", name).iterations for name in "ab"], plan

    found, plan = iterations([], 'reconstruct={"iterations": 5}')
    assert found == [5, 5]
    assert plan.settings("reconstruct", "b").tv == 0.02  # of the same file as the block: meant so
    assert plan.notes == [
        "--config: reconstruct.iterations: also for b, instead of overrides.b in config/config.yaml"
    ]
    # A later file keeps to the table's datasets; what it does not reach is told, with a way out.
    later = here("later.yaml", reconstruct={"iterations": 9})
    found, plan = iterations([later])
    assert found == [9, 40]
    [note] = plan.notes
    assert note.startswith("later.yaml: reconstruct.iterations: not for b, because overrides.b in")
    assert note in check([later])[1]
    over = {"b": {"reconstruct": {"iterations": 9}}}
    later = here("later.yaml", reconstruct={"iterations": 9}, overrides=over)
    found, plan = iterations([later])
    assert (found, plan.notes) == ([9, 9], [])
    values = ['reconstruct={"iterations": 5}', 'overrides={b: {reconstruct: {"iterations": 6}}}']
    found, plan = iterations([later], *values)
    assert (found, plan.notes) == ([5, 6], [])


def test_a_value_of_the_command_line_wins_over_the_overrides_of_every_file(here):
    def over(iterations):
        return {"a": {"reconstruct": {"iterations": iterations}}}

    files = [here(f"{n}.yaml", overrides=over(n)) for n in (5, 6)]
    plan, problems = load_plan(
        [DEFAULT_CONFIG, *files], values_of(['reconstruct={"iterations": 9}'])
    )
    assert (problems, plan.settings("reconstruct", "a").iterations) == ([], 9)
    assert [note.rpartition(" ")[2] for note in plan.notes] == files
    # What the last file says is what a person means, also where it says the same as the flag.
    plan, _ = load_plan([DEFAULT_CONFIG, *files], values_of(['reconstruct={"iterations": 6}']))
    assert (plan.settings("reconstruct", "a").iterations, plan.notes) == (6, [])


def test_an_override_that_a_later_file_changes_is_not_told(here):
    first = here("first.yaml", overrides={"a": {"reconstruct": {"iterations": 5}}})
    block = here("block.yaml", reconstruct={"iterations": 7})
    last = here("last.yaml", overrides={"a": {"reconstruct": {"iterations": 6}}})
    plan, _ = load_plan([DEFAULT_CONFIG, first, block, last])
    assert (plan.settings("reconstruct", "a").iterations, plan.notes) == (6, [])
    assert len(load_plan([DEFAULT_CONFIG, first, block])[0].notes) == 1


def test_what_no_file_says_is_not_blamed_on_one(here):
    classes = [{"name": n, "title": n, "colour": "#000000"} for n in ("background", "gold")]
    more = here("more.yaml", overrides={"a": {"slices": {"classes": classes}}})
    problems, _ = check([more])
    assert problems[0].startswith("by default: report.classes: found background, alumina, pt")
    both = {stage: {"classes": classes} for stage in ("slices", "report")}
    problems, _ = check([here("more.yaml", overrides={"a": both})])
    assert not any("report" in problem for problem in problems)
