"""Readers of other libraries, run in a process of their own with limits of time and memory.

A file that is damaged, or made to do harm, can make a library hang, crash or fill the memory.
Then only the child process ends, and the person gets one line. Images come back through a
temporary file, from which they are read one by one.

One child serves all files of a run, because starting one takes about a second.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError
from catomo.files.image_stack import UNKNOWN, ImageStack, Voxel, one_line
from catomo.files.limits import free_memory
from catomo.files.npy import open_npy_stack

_SECONDS = 60.0  # for any file
_BYTES_PER_SECOND = 5e6  # the slowest readers unpack about this much
_LIBRARIES_BYTES = 2 << 30  # address space of the libraries themselves

# catomo may lie in no folder of sys.path (see `catomo.__main__`), so the child loads it by path.
_START = """
import json, sys
from importlib.util import module_from_spec, spec_from_file_location
folder, sys.path[:] = sys.argv[1], json.loads(sys.argv[2])
sys.dont_write_bytecode = True
spec = spec_from_file_location(
    "catomo", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["catomo"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["catomo"])
from catomo.files.child import serve
serve(int(sys.argv[3]))
"""


@contextmanager
def open_in_child(reader: str, path: Path, member: str = "") -> Iterator[ImageStack]:
    """Open images that a reader of another library finds in a file.

    Parameters
    ----------
    reader : str
        Module of `catomo.files` whose function ``read(path, member, output)`` writes the images
        as ``.npy`` to `output` and returns a dict of ``tilt_deg``, ``voxel_nm``, ``notes`` and
        ``acquisition``.
    path : Path
    member : str
        What is meant inside the file; empty where there is no choice.

    Raises
    ------
    UserError
        If the reader refuses the file, or takes too much time or memory.
    """
    with tempfile.TemporaryDirectory(prefix="catomo-") as folder:
        output = Path(folder) / "images.npy"
        job = {"reader": reader, "path": str(path), "member": member, "output": str(output)}
        job["folder"] = str(Path.cwd())  # relative paths are of now, not of when the child began
        seconds = _SECONDS + path.stat().st_size / _BYTES_PER_SECOND
        answer = _CHILD.ask(job, path, seconds)
        if "error" in answer:
            raise UserError(answer["error"])
        across: Voxel = tuple(answer["voxel_nm"])
        with open_npy_stack(output) as images:
            yield ImageStack(
                images.shape,
                images.dtype,
                images.read,
                answer["tilt_deg"],
                across,
                notes=tuple(answer["notes"]),
                acquisition=answer.get("acquisition", {}),
            )


class _Child:
    """The process that serves; it is started when it is first needed, or after it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, job: dict[str, str], path: Path, seconds: float) -> dict[str, Any]:
        """Return the answer to a job."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            lines: list[str] = []
            stdout = process.stdout
            waiting = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
            waiting.start()
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(job) + "\n")
                process.stdin.flush()
            waiting.join(seconds)
            if lines and lines[0].strip():
                return json.loads(lines[0])
            hangs = not lines
            self.end()
        if hangs:
            raise UserError(
                f"{path}: reading it took longer than {seconds:.0f} s and was stopped; save it "
                "again, as TIFF or MRC"
            )
        raise UserError(
            f"{path}: its reader crashed, so the file is damaged or needs more memory than is "
            "free; save it again, as TIFF or MRC"
        )

    def end(self) -> None:
        """Stop the process, if it runs."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process = None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            package = Path(__file__).resolve().parents[1]
            memory = free_memory() or 0
            arguments = [str(package), json.dumps(sys.path), str(memory)]
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                # Threads of libraries would each take address space away.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        return self._process


_CHILD = _Child()
atexit.register(_CHILD.end)


def serve(memory_bytes: int) -> None:
    """Answer jobs on standard input until it ends; run in the child process only.

    Parameters
    ----------
    memory_bytes : int
        The most memory that a reader may use; 0 sets no limit.
    """
    if memory_bytes:
        _limit_memory(memory_bytes + _LIBRARIES_BYTES)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(job: dict[str, str]) -> dict[str, Any]:
    path = job["path"]
    try:
        os.chdir(job["folder"])
        read = import_module(f"catomo.files.{job['reader']}").read
        return read(Path(path), job["member"], Path(job["output"]))
    except UserError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{path}: needs more memory than is free; save it in smaller parts"}
    except Exception as error:  # a damaged file can break a reader in any way
        return {"error": f"{path}: is not readable ({one_line(error)}); save it again"}


def _limit_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def found(
    output: Path,
    images: np.ndarray,
    tilt_deg: list[float] | None = None,
    voxel_nm: Voxel = UNKNOWN,
    acquisition: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write images (n, rows, columns) for the parent; return what a reader's ``read`` returns."""
    np.save(output, images.astype(np.uint8) if images.dtype.kind == "b" else images)
    return {
        "tilt_deg": tilt_deg,
        "voxel_nm": list(voxel_nm),
        "notes": [],
        "acquisition": acquisition or {},
    }
