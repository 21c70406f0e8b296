"""`auto` takes the side that is measured to be faster, remembers it, and says why."""

import json

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.reconstruct import auto, backends, choices
from catomo.reconstruct.cuda import NoGpuError
from catomo.reconstruct.method import Method, TiltGeometry

GEOMETRY = TiltGeometry(np.arange(-60.0, 61, 20), (20, 30), 30)
METHOD = Method("osem", 15, 3, 1.0, 0.01)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_gpu(monkeypatch):
    def missing():
        raise NoGpuError("no CUDA GPU")

    monkeypatch.setattr(auto, "cuda_device", missing)
    monkeypatch.setattr(backends, "cuda_device", missing)
    monkeypatch.setattr(backends, "astra_has_gpu", lambda: False)


@pytest.fixture
def gpu(host, monkeypatch):
    """A GPU: kernels on the host, and solvers whose speed the test sets, in ms per slice."""
    monkeypatch.setattr(auto, "cuda_device", lambda: host)
    monkeypatch.setattr(backends, "cuda_device", lambda: host)
    clock, speed, asked = [0.0], {"cpu": 1.0, "cuda": 1.0}, []

    def make_solver(backend, geometry, method):
        def solve(sinograms):
            asked.append((backend, sinograms.shape[1:], method.iterations))
            if speed[backend] is None:
                raise UserError("the GPU failed (out of memory)")
            clock[0] += 1e-3 * speed[backend] * len(sinograms) * method.iterations

        return solve

    monkeypatch.setattr(backends, "make_solver", make_solver)
    monkeypatch.setattr(auto.time, "perf_counter", lambda: clock[0])
    return speed, asked


def test_other_names_stand_for_themselves(folder, no_gpu):
    for name in ("cpu", "cuda", "tomopy"):
        assert auto.resolve(name, GEOMETRY, METHOD) == name
    assert not list(folder.iterdir())


def test_without_a_gpu_it_is_the_cpu_and_nothing_is_measured(folder, no_gpu, capsys):
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cpu"
    assert "takes cpu, no GPU can be used here (no CUDA GPU)" in capsys.readouterr().err
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("cuda", "wanted"), [(0.1, "cuda"), (9.0, "cpu")])
def test_the_faster_side_is_taken_on_the_real_shape(folder, gpu, capsys, cuda, wanted):
    speed, asked = gpu
    speed["cuda"] = cuda
    assert auto.resolve("auto", GEOMETRY, METHOD) == wanted
    log = capsys.readouterr().err
    assert f"takes {wanted}, per slice and iteration: cuda {cuda:.3g} ms, cpu 1 ms" in log
    assert "the host" in log
    assert {backend for backend, *_ in asked} == {"cuda", "cpu"}
    assert {shape for _, shape, _ in asked} == {(7, 30)}


def test_what_was_measured_is_remembered(folder, gpu):
    speed, asked = gpu
    speed["cuda"] = 0.1
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"
    count, speed["cuda"] = len(asked), 50.0
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"
    assert len(asked) == count
    # Other sizes, another algorithm, or another machine are measured for themselves.
    assert auto.resolve("auto", GEOMETRY, Method("osem", 15, 3, 1.0)) == "cpu"
    assert len(choices.remembered()) == 2
    speed["cuda"] = 0.1
    choices.PLACE.write_text(choices.PLACE.read_text().replace("the host", "another card"))
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"
    assert len(asked) > count


LINE = '{"machine": "m", "work": "w", "milliseconds": {"cpu": 1.0}, "backend": "cpu"}\n'
DAMAGED = [
    LINE.replace('"m"', '["m"]'),
    LINE.replace('"w"', "{}"),
    LINE.replace("1.0", '"fast"'),
    LINE.replace('"backend": "cpu"', '"backend": ["cpu"]'),
    LINE.replace('{"cpu": 1.0}', '["cpu"]'),
    LINE.replace('"m"', "[" * 10_000),
]


@pytest.mark.parametrize("text", ["", "{", '[1]\n{"machine": 3}\n', "\udcff\n", "null\n", *DAMAGED])
def test_a_damaged_memory_is_measured_again(folder, gpu, text):
    choices.PLACE.parent.mkdir()
    choices.PLACE.write_bytes(text.encode(errors="surrogateescape"))
    assert choices.remembered() == []
    speed, _ = gpu
    speed["cuda"] = 0.1
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"


def test_where_nothing_can_be_written_it_is_measured_each_time(folder, gpu):
    (folder / ".catomo").write_text("a file in the folder's place")
    speed, _ = gpu
    speed["cuda"] = 0.1
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"


def test_a_gpu_that_fails_is_left_alone_and_tried_again(folder, gpu, capsys):
    speed, _ = gpu
    speed["cuda"] = None
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cpu"
    assert "the GPU failed (UserError: the GPU failed (out of memory))" in capsys.readouterr().err
    speed["cuda"] = 0.1
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cuda"


def test_a_driver_that_raises_anything_is_no_usable_gpu(folder, no_gpu, host, monkeypatch):
    monkeypatch.setattr(auto, "cuda_device", lambda: host)

    def broken(*_):
        raise RuntimeError("CUDA driver version is insufficient")

    monkeypatch.setattr(backends, "make_solver", broken)
    assert auto.resolve("auto", GEOMETRY, METHOD) == "cpu"


def test_the_memory_is_lines_that_a_person_can_read(folder, gpu):
    auto.resolve("auto", GEOMETRY, METHOD)
    (line,) = choices.PLACE.read_text().splitlines()
    assert json.loads(line).keys() == {"machine", "work", "milliseconds", "backend"}
