"""What the nodes of a Slurm cluster have, read from what sinfo says."""

import pytest

from catomo.plan.cluster import Limits, limits_in, minutes_in, slurm_limits

# A default partition of unlike nodes, one with few cores, one without a limit of time.
NODES = """\
main*|16|64000|2-00:00:00
main*|48|190000|2-00:00:00
small|4|8000|30:00
gpu|32|256000|infinite
gpu|32|256000|infinite
"""


@pytest.mark.parametrize(
    ("partitions", "wanted"),
    [
        ((), Limits(48, 190000, 2880)),
        (("main",), Limits(48, 190000, 2880)),
        (("small",), Limits(4, 8000, 30)),
        (("gpu",), Limits(32, 256000, None)),
        (("", "gpu"), Limits(32, 190000, 2880)),  # the default one, and that of some jobs
        (("small", "gpu"), Limits(4, 8000, 30)),
        (("elsewhere",), None),
        (("elsewhere", "small"), Limits(4, 8000, 30)),
    ],
)
def test_no_job_asks_for_more_than_the_largest_node_of_each_partition_has(partitions, wanted):
    assert limits_in(NODES, partitions) == wanted


@pytest.mark.parametrize("text", ["", "slurm_load_partitions: Unable to contact\n", "a|b|c\n"])
def test_what_sinfo_does_not_say_limits_nothing(text):
    assert limits_in(text) is None


def test_without_a_default_partition_only_named_ones_limit():
    nodes = NODES.replace("*", "")
    assert limits_in(nodes) is None
    assert limits_in(nodes, ("small",)) == Limits(4, 8000, 30)


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        ("infinite", None),
        ("n/a", None),
        ("30:00", 30),
        ("1:00:00", 60),
        ("12:30:59", 750),
        ("1-00:00:00", 1440),
        ("14-06:05:00", 20525),
    ],
)
def test_limits_of_time_are_read_in_minutes(time, minutes):
    assert minutes_in(time) == minutes


@pytest.mark.parametrize(
    ("program", "wanted"),
    [
        ("echo 'main*|4|8000|1:00:00'", Limits(4, 8000, 60)),
        ("echo 'main*|4|8000|1:00:00'; exit 1", None),  # the controller does not answer
        (None, None),  # no Slurm here
    ],
)
def test_slurm_is_asked_where_there_is_one(tmp_path, monkeypatch, program, wanted):
    if program:
        sinfo = tmp_path / "sinfo"
        sinfo.write_text(f"#!/bin/sh\n{program}\n")
        sinfo.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm_limits() == wanted
