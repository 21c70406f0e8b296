"""A real Slurm of two nodes on this machine, started for a test and stopped by process id.

It needs root and Debian's packages slurm-wlm, slurmdbd, mariadb-server and munge. Slurm looks for
its configuration in /etc/slurm and nowhere else, because its job steps lose SLURM_CONF; that is
why a machine which has one already is left alone. All else lies in a temporary folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

DAEMONS = ("slurmctld", "slurmd", "slurmdbd", "sbatch", "mariadbd", "mariadb-install-db", "munged")
PACKAGES = "slurm-wlm slurmdbd mariadb-server munge"
ETC = Path("/etc/slurm")
GPU_NODE, CPU_NODE = "gpu1", "cpu1"
CORES, MEMORY_MB = 2, 4000
PARTITION, ACCOUNT = "standard", "lab"
_OURS = "# Written by catomo's test of a cluster, process"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Job:
    """A job as Slurm's accounting holds it."""

    number: int
    comment: str
    state: str
    node: str
    seconds: int
    memory_mb: int
    cores: int
    gpus: int


def missing() -> str:
    """Return why no Slurm can be started here; nothing where one can."""
    if os.geteuid() != 0:
        return "the two-node Slurm is started by root alone"
    absent = [name for name in DAEMONS if not _found(name)]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install {PACKAGES}"
    if (ETC / "slurm.conf").exists() and not _is_left_over(ETC / "slurm.conf"):
        return f"{ETC}/slurm.conf is there: this machine has a Slurm of its own"
    return ""


def _is_left_over(file: Path) -> bool:
    """Return whether a test that was killed has left its configuration."""
    first = file.read_text().partition("\n")[0]
    return first.startswith(_OURS) and not Path("/proc", first.split()[-1]).exists()


def _end_with_parent() -> None:
    """Let a daemon end when the test is killed; run in the new process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]


def _wait(ready: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not ready after {seconds} s")
        time.sleep(0.2)


def _says(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else ""


class Daemons:
    """The processes that were started here; each is stopped by its own id, the last one first."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._started: list[subprocess.Popen] = []

    def start(self, *command: str, **options: str) -> None:
        """Start a daemon in the foreground, its output in a file of the folder."""
        program, *arguments = command
        with open(self.folder / f"{program}.{len(self._started)}.log", "wb") as log:
            process = subprocess.Popen(
                [_found(program), *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=_end_with_parent,
                **options,
            )  # fmt: skip
        self._started.append(process)

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self._started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started.clear()


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[Daemons]:
    """Start a Slurm of two nodes, one with a GPU that is none; stop it and remove what it left."""
    folder.chmod(0o755)
    for name in ("state", "spool", "log", "sql"):
        (folder / name).mkdir()
    made = _configuration(folder)
    daemons = Daemons(folder)
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    try:
        _start_munge(daemons, made)
        _start_accounting(daemons)
        daemons.start("slurmctld", "-D")
        _register()
        for node in (GPU_NODE, CPU_NODE):
            daemons.start("slurmd", "-D", "-N", node)
        _wait(lambda: _says("sinfo", "-h", "-t", "idle", "-o", "%D").strip() == "2", "both nodes")
        yield daemons
    finally:
        _says("scancel", "--quiet", "--user", getpass.getuser())
        with contextlib.suppress(TimeoutError):  # their steps are no children of the daemons
            _wait(lambda: not _says("squeue", "-h"), "the end of all jobs")
        daemons.stop()
        signal.signal(signal.SIGTERM, before)
        for path in made:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _configuration(folder: Path) -> list[Path]:
    """Write Slurm's files; return what must be removed afterwards."""
    host = socket.gethostname().split(".")[0]
    controller, accounting, database, *nodes = _free_ports(5)
    node = f"NodeHostname={host} NodeAddr=127.0.0.1 CPUs={CORES} RealMemory={MEMORY_MB}"
    files = {
        "slurm.conf": f"""{_OURS} {os.getpid()}
            ClusterName=catomo
            SlurmctldHost={host}(127.0.0.1)
            SlurmUser=root
            SlurmdUser=root
            SlurmctldPort={controller}
            StateSaveLocation={folder}/state
            SlurmdSpoolDir={folder}/spool/%n
            SlurmctldPidFile={folder}/slurmctld.pid
            SlurmdPidFile={folder}/slurmd.%n.pid
            SlurmdLogFile={folder}/log/slurmd.%n.log
            SlurmctldLogFile={folder}/log/slurmctld.log
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            MpiDefault=none
            ReturnToService=2
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU_Memory
            JobAcctGatherType=jobacct_gather/linux
            JobAcctGatherFrequency=1
            JobAcctGatherParams=OverMemoryKill
            AccountingStorageType=accounting_storage/slurmdbd
            AccountingStorageHost=127.0.0.1
            AccountingStoragePort={accounting}
            AccountingStorageTRES=gres/gpu
            AccountingStoreFlags=job_comment
            AccountingStorageEnforce=associations,limits
            EnforcePartLimits=ALL
            KillWait=2
            SlurmdParameters=config_overrides
            GresTypes=gpu
            NodeName={GPU_NODE} Port={nodes[0]} Gres=gpu:1 {node}
            NodeName={CPU_NODE} Port={nodes[1]} {node}
            PartitionName={PARTITION} Nodes=ALL Default=YES MaxTime=60 DefMemPerCPU=200 State=UP
            """,
        "gres.conf": f"NodeName={GPU_NODE} Name=gpu Count=1 File=/dev/null\n",
        "cgroup.conf": "CgroupAutomount=no\n",
        "slurmdbd.conf": f"""
            AuthType=auth/munge
            DbdHost=localhost
            DbdPort={accounting}
            SlurmUser=root
            LogFile={folder}/log/slurmdbd.log
            PidFile={folder}/slurmdbd.pid
            StorageType=accounting_storage/mysql
            StorageHost=127.0.0.1
            StoragePort={database}
            StorageUser=slurm
            StoragePass=slurm
            StorageLoc=slurm
            """,
        "mariadb.cnf": f"""
            [mariadbd]
            datadir={folder}/sql
            socket={folder}/sql.sock
            pid-file={folder}/sql.pid
            bind-address=127.0.0.1
            port={database}
            user=root
            """,
    }
    made = [] if ETC.is_dir() else [ETC]
    ETC.mkdir(exist_ok=True)
    for name, text in files.items():
        path = (folder if name == "mariadb.cnf" else ETC) / name
        made.append(path)
        path.write_text("\n".join(line.strip() for line in text.splitlines()) + "\n")
        path.chmod(0o600)
    (ETC / "slurm.conf").chmod(0o644)
    return made[::-1]


def _start_munge(daemons: Daemons, made: list[Path]) -> None:
    """Start munged, unless this machine has one that runs; it signs what Slurm's programs say."""
    if _says("munge", "-n"):
        return
    place = Path("/run/munge")
    if not place.exists():
        place.mkdir(mode=0o755)
        made.append(place)
    shutil.chown(place, "munge", "munge")
    daemons.start("munged", "--foreground", user="munge")
    _wait(lambda: _says("munge", "-n"), "munged")


def _start_accounting(daemons: Daemons) -> None:
    """Start a database of our own and slurmdbd; without them Snakemake waits for failed jobs."""
    options = f"--defaults-file={daemons.folder}/mariadb.cnf"
    installed = subprocess.run(
        ["mariadb-install-db", options, "--auth-root-authentication-method=normal"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stdout + installed.stderr
    daemons.start("mariadbd", options)
    client = ("mariadb", "--no-defaults", f"--socket={daemons.folder}/sql.sock", "-e")
    _wait(lambda: _says(*client, "select 1"), "mariadbd")
    grant = (
        "create database slurm; create user slurm@'127.0.0.1' identified by 'slurm'; "
        "create user slurm@localhost identified by 'slurm'; "
        "grant all on slurm.* to slurm@'127.0.0.1'; grant all on slurm.* to slurm@localhost"
    )
    subprocess.run([*client, grant], check=True)
    daemons.start("slurmdbd", "-D")
    _wait(lambda: "Cluster" in _says("sacctmgr", "show", "cluster"), "slurmdbd")


def _register() -> None:
    """Tell the accounting of the account; the controller tells it of the cluster."""
    _wait(lambda: "catomo" in _says("sacctmgr", "-n", "show", "cluster"), "slurmctld")
    for what in (f"account {ACCOUNT}", f"user {getpass.getuser()} account={ACCOUNT}"):
        subprocess.run(
            ["sacctmgr", "-i", "add", *what.split()], check=True, stdout=subprocess.DEVNULL
        )


def jobs() -> list[Job]:
    """Return all jobs that were submitted, the first one first."""
    columns = "JobIDRaw,Comment%200,State,NodeList,ElapsedRaw,ReqMem,ReqCPUS,ReqTRES%200"
    found = []
    # Refused jobs never begin, so the accounting has those that were submitted.
    for line in _says(
        "sacct", "-X", "-n", "-P", "--starttime=now-1day", "-o", columns
    ).splitlines():
        number, comment, state, node, seconds, memory, cores, tres = line.split("|")
        factor = {"M": 1, "G": 1024}[memory[-1]]
        gpus = next((int(x.split("=")[1]) for x in tres.split(",") if "gres/gpu" in x), 0)
        found.append(
            Job(
                int(number), comment, state.split()[0], node, int(seconds),
                round(float(memory[:-1]) * factor), int(cores), gpus,
            )
        )  # fmt: skip
    return found
