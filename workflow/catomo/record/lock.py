"""One process at a time writes a stage's folder: a lock below ``.catomo/locks/``.

The lock is a file that says which process writes, on which host and since when. The system holds
it (``flock``) for as long as that process lives, so on the same host a lock whose process was
killed counts for nothing. Where the system cannot tell, as across some network drives, what the
file says decides: the process touches it regularly, as a sign of life.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catomo.errors import UserError, problem_of_system

try:
    import fcntl
except ImportError:  # Windows, where what writes no folder works
    fcntl = None  # type: ignore[assignment]

_LOCKS = "locks"

_SECONDS_BETWEEN_SIGNS = 2.0
# After this long without a sign of life a process on another host counts as dead. A library
# may keep a process from giving signs for minutes.
_SECONDS_OF_DEATH = 30 * 60.0
# The same for a host of the same name that was started again, or for another of that name.
_SECONDS_OF_RESTART = 60.0

_KINDS = {
    **dict.fromkeys(("host", "boot", "pids", "birth"), str),
    **dict.fromkeys(("pid", "peak_mb"), int),
    "since": float,
}


def place_of_lock(folder: Path, stage: str) -> Path:
    """Return where the lock of a stage's folder lies.

    It depends on the folder alone, not on where one works: below ``.catomo/locks`` beside
    ``results``, or beside the folder where it lies in no ``results``. Where nothing may be written
    there, it lies in the folder itself.
    """
    beside, inside = _places(folder, stage)
    base = beside.parents[2]
    locks = beside.parent
    if base.is_dir() and not os.access(locks if locks.is_dir() else base, os.W_OK):
        return inside
    return beside


def _places(folder: Path, stage: str) -> tuple[Path, Path]:
    """Return where the lock of a stage's folder may lie: beside the results, or in the folder."""
    folder = folder.resolve()
    parts = folder.parts
    depth = len(parts) - 1 - parts[::-1].index("results") if "results" in parts else -1
    base = Path(*parts[:depth]) if depth > 0 else folder.parent
    inside = parts[depth + 1 :] if depth > 0 else parts[-1:]
    beside = base / ".catomo" / _LOCKS / ("+".join([*inside, stage]) + ".json")
    return beside, folder / f".{stage}.lock"


@contextmanager
def locked(folder: Path, stage: str) -> Iterator[None]:
    """Hold the lock of a stage's folder.

    Raises
    ------
    UserError
        If another process holds it: who, where, since when, and what to do. Also where the system
        has no such locks.
    """
    if problem := problem_of_system():
        raise UserError(f"{folder}: {problem}")
    place = place_of_lock(folder, stage)
    for other in set(_places(folder, stage)) - {place}:  # that of a user who may write elsewhere
        _was_left(other, folder, removes=False)
    own = {
        **_host(),
        "pid": os.getpid(),
        "birth": _birth(os.getpid()),
        "since": time.time(),
        "peak_mb": 0,
    }
    file = _take(place, folder, own)
    ended = threading.Event()
    signs = threading.Thread(target=_give_signs, args=(file, own, ended), daemon=True)
    signs.start()
    try:
        yield
    finally:
        ended.set()
        signs.join()
        with suppress(OSError):
            place.unlink()
        os.close(file)
        if place.parent.name == _LOCKS:
            for empty in (place.parent, place.parent.parent):
                with suppress(OSError):  # it holds other files
                    empty.rmdir()


def peak_of_killed(folder: Path, stage: str) -> int:
    """Return the most memory (MB) that a stage had used when it was killed; 0 if not known."""
    try:
        file = os.open(place_of_lock(folder, stage), os.O_RDONLY)
    except OSError:
        return 0
    holder = _read(file)
    os.close(file)
    return holder.get("peak_mb", 0)


def is_running(folder: Path, stage: str) -> bool:
    """Return whether a process writes a stage's folder now; the lock is only read."""
    try:
        file = os.open(place_of_lock(folder, stage), os.O_RDONLY)
    except OSError:
        return False
    try:
        return _may_live(_read(file), file, has_locks=False)
    finally:
        os.close(file)


def count_as_ended(folder: Path, stage: str) -> None:
    """Let the lock of a process count as left behind, because an executor says that it has ended.

    One that lives all the same gives its next sign of life soon, and then its lock counts again.
    """
    with suppress(OSError):
        os.utime(place_of_lock(folder, stage), (0, 0))


def _take(place: Path, folder: Path, own: dict[str, Any]) -> int:
    """Return the open file of a lock that is now this process's own."""
    while True:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # another process has just removed the empty folder
            continue
        except OSError as error:
            # That of another user, in a folder in which both may write, can be removed.
            if isinstance(error, PermissionError) and _was_left(place, folder, removes=True):
                continue
            reason = (error.strerror or "no reason given").lower()
            raise UserError(
                f"{place}: cannot be written ({reason}), so nothing keeps two processes from "
                f"writing {folder} at once; make it writable, or delete it if no catomo runs there"
            ) from None
        try:
            is_of_place = _hold(file, place, folder)
        except UserError:
            os.close(file)
            raise
        if is_of_place:
            _write(file, own)
            return file
        os.close(file)


def _was_left(place: Path, folder: Path, removes: bool) -> bool:
    """Return whether a lock that may perhaps only be read was left behind, and remove it.

    Raises
    ------
    UserError
        If another process holds it.
    """
    try:
        file = os.open(place, os.O_RDONLY)
    except OSError:
        return False
    try:
        if _hold(file, place, folder) and removes:
            place.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(file)


def _hold(file: int, place: Path, folder: Path) -> bool:
    """Hold an open lock; return False if its process ended and removed it meanwhile.

    Raises
    ------
    UserError
        If another process holds it: who, where, since when, and what to do.
    """
    is_free = has_locks = True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network drives have no locks; then what stands in the file decides.
        is_free = error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        has_locks = False
    holder = _read(file)
    if is_free and not _is_of(file, place):
        return False
    if not is_free or _may_live(holder, file, has_locks):
        raise UserError(f"{folder}: {_who(holder, os.fstat(file), place)}")
    return True


def _is_of(file: int, place: Path) -> bool:
    """Return whether an open file is still the one of its path."""
    try:
        return os.fstat(file).st_ino == place.stat().st_ino
    except FileNotFoundError:
        return False


def _may_live(holder: dict[str, Any], file: int, has_locks: bool) -> bool:
    """Return whether the process that a lock names may live, though the system holds no lock."""
    if not holder:
        return False
    here = _host()
    if has_locks and holder["boot"] == here["boot"] != "":
        # The same kernel would hold the lock of a process that lives, in whichever container.
        return False
    if all(holder[key] == here[key] for key in here):
        return holder["birth"] == _birth(holder["pid"]) != ""
    is_new_start = holder["host"] == here["host"] and holder["boot"] != here["boot"]
    silent = time.time() - os.fstat(file).st_mtime
    return silent < (_SECONDS_OF_RESTART if is_new_start else _SECONDS_OF_DEATH)


def _who(holder: dict[str, Any], state: os.stat_result, place: Path) -> str:
    """Return who holds a lock, and the way out."""
    if not holder:
        return "another catomo has just begun to write here; wait for it"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
    says = f"another catomo writes here since {since} (process {holder['pid']}{_of_user(state)} on "
    here = _host()
    if all(holder[key] == here[key] for key in here):
        return f"{says}this host); wait until it has ended, or stop it with 'kill {holder['pid']}'"
    age = time.time() - state.st_mtime
    return (
        f"{says}{holder['host']}, last sign of life {age:.0f} s ago); wait until "
        f"it has ended, or, if it runs no more, delete {place}"
    )


def _of_user(state: os.stat_result) -> str:
    """Return whose a file is, where it is another user's."""
    if state.st_uid == os.getuid():
        return ""
    import pwd  # where there are locks, there are users

    try:
        return f" of {pwd.getpwuid(state.st_uid).pw_name}"
    except KeyError:
        return f" of user {state.st_uid}"


def _give_signs(file: int, own: dict[str, Any], ended: threading.Event) -> None:
    """Touch the lock until the stage has ended, and write how much memory was in use at most."""
    while not ended.wait(_SECONDS_BETWEEN_SIGNS):
        with suppress(OSError):
            peak = peak_mb()
            if peak > 1.02 * own["peak_mb"]:
                own["peak_mb"] = peak
                _write(file, own)
            os.utime(file)


def peak_mb() -> int:
    """Return the most memory (MB) that this process has used so far; 0 where it is not known."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            [line] = [line for line in status if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024 // 1_000_000
    except (OSError, ValueError):
        return 0


def _host() -> dict[str, str]:
    """Return the host's name, which start of it this is, and which numbering of processes."""
    boot = pids = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    with suppress(OSError):
        pids = str(Path("/proc/self/ns/pid").readlink())
    return {"host": socket.gethostname(), "boot": boot, "pids": pids}


def _birth(pid: int) -> str:
    """Return when a process began, in the system's ticks; empty if none of that number lives."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *fields = text.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]  # one that has ended and waits to be fetched


def _write(file: int, own: dict[str, Any]) -> None:
    text = json.dumps(own).encode()
    os.pwrite(file, text + b"\n", 0)
    os.ftruncate(file, len(text) + 1)


def _read(file: int) -> dict[str, Any]:
    """Return who holds a lock; empty while its first lines are being written, or if damaged."""
    try:
        holder = json.loads(os.pread(file, 10_000, 0))
        is_right = all(isinstance(holder[key], kind) for key, kind in _KINDS.items())
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return holder if is_right else {}
