"""Two processes on one folder: the second is told who, where and since when, and what to do."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from catomo import errors
from catomo.errors import UserError
from catomo.record.lock import count_as_ended, is_running, locked, place_of_lock
from catomo.record.record import committing, read_record
from catomo.report.settings import Report

HOLDS = """
import sys, time
from pathlib import Path
from catomo.record.record import committing
from catomo.report.settings import Report
with committing(Path(sys.argv[1]), "report", Report()) as out:
    out.path("half.html").write_text("half")
    print("holds", flush=True)
    time.sleep(60)
"""


def make(folder):
    with committing(folder, "report", Report()) as out:
        out.path("report.html").write_text("page")


def test_the_place_depends_on_the_folder_alone(tmp_path):
    folder = tmp_path / "results" / "a" / "02_align"
    assert place_of_lock(folder, "align") == tmp_path / ".catomo/locks/a+02_align+align.json"
    aside = place_of_lock(tmp_path / "made", "align")
    assert aside == tmp_path / ".catomo/locks/made+align.json"


def test_where_nothing_may_be_written_beside_the_results_it_lies_in_the_folder(
    tmp_path, monkeypatch
):
    folder = tmp_path / "results" / "mine"
    make(folder)
    monkeypatch.setattr(os, "access", lambda path, _: tmp_path / "results" in path.parents)
    with locked(folder, "report"):
        assert (folder / ".report.lock").is_file()
        with pytest.raises(UserError, match="another catomo writes here"):
            make(folder)
    make(folder)
    assert not (folder / ".report.lock").exists()


AS_ANOTHER_USER = """
import sys
from pathlib import Path
from catomo.errors import UserError
from catomo.record.lock import locked
try:
    with locked(Path(sys.argv[1]), "report"):
        print("writes")
except UserError as error:
    print(error)
"""


def other_user(folder, python):
    run = subprocess.run(
        [python, "-c", AS_ANOTHER_USER, str(folder)],
        capture_output=True,
        text=True,
        user=65534,
        group=65534,
        extra_groups=[],
        check=False,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return run.stdout.strip() or run.stderr


@pytest.fixture
def shared():
    """A folder of results that every user may write, and a Python that every user may run."""
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    if os.getuid() or not hasattr(os, "setgroups"):
        pytest.skip("only root can run a stage as another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name) / "results" / "a" / "09_report"
        folder.mkdir(parents=True)
        for path in (Path(name), *folder.parents[:2], folder):
            path.chmod(0o777)
        if other_user(folder, python) != "writes":
            pytest.skip("another user may not run this Python")
        yield folder, python


@pytest.mark.parametrize("beside", [True, False], ids=["beside the results", "in the folder"])
def test_two_users_do_not_write_one_folder_at_once(shared, beside):
    folder, python = shared
    if beside:
        (folder.parents[2] / ".catomo" / "locks").mkdir(parents=True)
        for path in (folder.parents[2] / ".catomo", folder.parents[2] / ".catomo" / "locks"):
            path.chmod(0o777)
    else:
        folder.parents[2].chmod(0o755)  # the other user has no .catomo there
    child = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"holds\n"
        words = f"another catomo writes here since .* \\(process {child.pid} of root on this host"
        assert re.search(words, other_user(folder, python))
    finally:
        child.kill()
        child.wait()
    # What a process has left that was killed is no other user's hindrance.
    assert other_user(folder, python) == "writes"


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    folder = tmp_path / "results" / "a" / "09_report"
    child = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE)
    try:
        assert child.stdout.readline() == b"holds\n"
        since = r"another catomo writes here since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        way_out = rf"\(process {child.pid} on this host\); .* stop it with 'kill {child.pid}'"
        with pytest.raises(UserError, match=f"{since} {way_out}"):
            make(folder)
        child.send_signal(signal.SIGKILL)  # not waited for: it is a zombie now
        for _ in range(500):
            try:
                make(folder)
                break
            except UserError:
                time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert read_record(folder, "report").file("report.html").read_text() == "page"
    seen = {path.name for path in folder.iterdir()}
    assert seen == {"report.html", "provenance.json", ".report.files"}
    assert not (tmp_path / ".catomo").exists()


def leave(place, **changes):
    """Leave a lock of a process that does not hold it any more."""
    with locked(place.parents[2] / "made", "report"):
        content = json.loads(place.read_text())
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(content | changes))


def no_locks(*_):
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.mark.parametrize("has_locks", [True, False], ids=["local disk", "network drive"])
def test_what_a_process_of_this_host_has_left_counts_for_nothing(tmp_path, monkeypatch, has_locks):
    if not has_locks:
        monkeypatch.setattr("catomo.record.lock.fcntl.flock", no_locks)
    place = place_of_lock(tmp_path / "made", "report")
    for left in ({"pid": 2**22 + 1}, {"birth": "1"}, {"pid": "damaged"}):
        leave(place, **left)
        make(tmp_path / "made")
        assert not place.exists()
    leave(place, boot="the start before")
    os.utime(place, (1, 1))
    make(tmp_path / "made")


def test_what_a_container_of_this_host_has_left_counts_for_nothing(tmp_path):
    """Its name is another one at each start, and so is the numbering of processes."""
    place = place_of_lock(tmp_path / "made", "report")
    leave(place, host="3f2a9c", pids="pid:[4]")
    make(tmp_path / "made")
    assert not place.exists()


def test_where_the_drive_has_no_locks_what_the_file_says_decides(tmp_path, monkeypatch):
    monkeypatch.setattr("catomo.record.lock.fcntl.flock", no_locks)
    folder = tmp_path / "made"
    with locked(folder, "report"), pytest.raises(UserError, match="another catomo writes here"):
        make(folder)
    leave(place_of_lock(folder, "report"), host="3f2a9c", pids="pid:[4]")
    with pytest.raises(UserError, match="another catomo writes here"):
        make(folder)


def test_a_process_on_another_host_is_told_with_its_last_sign_of_life(tmp_path):
    place = place_of_lock(tmp_path / "made", "report")
    leave(place, host="node7", boot="another")
    os.utime(place, (time.time() - 90, time.time() - 90))
    told = rf"on node7, last sign of life 9\d s ago\); wait .*, delete {re.escape(str(place))}$"
    with pytest.raises(UserError, match=told):
        make(tmp_path / "made")
    place.unlink()  # the way out
    make(tmp_path / "made")
    leave(place, host="node7", boot="another")
    os.utime(place, (1, 1))  # silent for years
    make(tmp_path / "made")


def test_what_an_executor_says_has_ended_on_another_host_holds_nothing(tmp_path):
    folder = tmp_path / "made"
    place = place_of_lock(folder, "report")
    leave(place, host="node7", boot="another")
    with pytest.raises(UserError, match="another catomo writes here"):
        make(folder)
    count_as_ended(folder, "report")
    make(folder)
    assert not place.exists()


def test_a_stage_that_fails_gives_its_lock_back(tmp_path):
    def fail():
        with locked(tmp_path / "made", "report"):
            assert place_of_lock(tmp_path / "made", "report").is_file()
            with pytest.raises(UserError, match="another catomo writes here"):
                make(tmp_path / "made")
            raise ValueError("mistake")

    with pytest.raises(ValueError, match="mistake"):
        fail()
    make(tmp_path / "made")
    assert not (tmp_path / ".catomo").exists()


def test_a_stage_runs_while_its_process_lives_and_not_after_it_was_killed(tmp_path):
    folder = tmp_path / "results/a/09_report"
    assert not is_running(folder, "report")
    command = [sys.executable, "-c", HOLDS, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "holds\n"
        assert is_running(folder, "report")
        assert not is_running(folder, "align")
        holder.kill()
    assert place_of_lock(folder, "report").exists()
    assert not is_running(folder, "report")


def test_a_system_without_such_locks_writes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(errors, "os", SimpleNamespace(name="nt"))
    with (
        pytest.raises(UserError, match="Windows itself is not supported"),
        locked(tmp_path / "02_align", "align"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
