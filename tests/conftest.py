"""What all tests share: where real data lies, and a copy of the project to run in."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numba.core.caching import UserProvidedCacheLocator

# Made-up inputs are the same in every run, so that a failure can be repeated.
hypothesis.settings.register_profile(
    "catomo",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("catomo")

# The programs that tests start would compile all modules anew each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parents[1]
KERNELS = "workflow/catomo/projection/shear.py"  # one of the files that Numba compiles


def pytest_collection_modifyitems(items):
    """Begin with what takes minutes, so that no processor waits for it at the end."""
    long = ("real", "workflow", "faults", "broken", "docs")
    items.sort(key=lambda item: item.path.relative_to(ROOT / "tests").parts[0] not in long)


def balls(shape, *centres_and_radii):
    """Return labels (uint8) with a ball, or disc, of 2 for each centre and radius."""
    grid = np.indices(shape)
    labels = np.zeros(shape, np.uint8)
    for *centre, radius in centres_and_radii:
        labels[sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)) <= radius**2] = 2
    return labels


def find(labels, smallest=0.0, split=1.0):
    """Return the particles of a volume or an image."""
    from catomo.labels.particles import find_particles

    pages = labels if labels.ndim == 3 else [labels]
    return find_particles(pages, 2, labels.shape, smallest, split)


@pytest.fixture(scope="session")
def genc2022() -> Path:
    """The authors' annotated patches; tests that need them skip where they are not."""
    place = os.environ.get("CATOMO_GENC2022", "")
    if not place or not Path(place, "images").is_dir():
        pytest.skip("CATOMO_GENC2022 does not name the folder of the genc2022 patches")
    return Path(place)


@pytest.fixture(scope="session")
def needle() -> Path:
    """The real tilt series of a needle; `make test` fetches it."""
    place = ROOT / "resources" / "needle"
    if not (place / "HAADF.mrc").is_file():
        pytest.skip("resources/needle/HAADF.mrc is not there; 'make test' fetches it")
    return place


@pytest.fixture(scope="session")
def cuda():
    """ASTRA where it has a GPU: the tests of the CPU run there too, with bounds of their own."""
    astra = pytest.importorskip("astra")
    if not astra.use_cuda():
        pytest.skip("no CUDA GPU here: the CUDA path is unverified")
    return astra


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """The device of backend `cuda` that needs no GPU: its kernels compiled for the host."""
    import cuda_host

    if cuda_host.COMPILER is None:
        pytest.skip("no C++ compiler here: the kernels of backend cuda are not tested")
    return cuda_host.HostDevice(cuda_host.build(tmp_path_factory.mktemp("kernels")))


# A folder whose name holds signs that shells, Snakemake and Python use.
ODD = "it's {here} Ü x"


class Project:
    """A copy of the workflow in a folder of its own, with commands run there."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("Snakefile", "workflow", "envs", "config", "resources/phantoms"):
            source, target = ROOT / name, folder / name
            if source.is_dir():
                # With the compiled modules, but for those that another test is just writing.
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc.*"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        self._share_compiled_code()

    def _share_compiled_code(self) -> None:
        """Let the copy use what Numba has compiled for this checkout; the sources are the same.

        Compiling takes longer than many runs of a small specimen.
        """
        compiled = ROOT / ".catomo/numba/tests"
        compiled.mkdir(parents=True, exist_ok=True)
        name = UserProvidedCacheLocator.get_suitable_cache_subpath(str(self.folder / KERNELS))
        link = self.folder / ".catomo/numba" / name
        link.parent.mkdir(parents=True)
        link.symlink_to(compiled)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": "workflow", "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return self.run("snakemake", "--cores", "2", *arguments, **environment)

    def planned(self, *arguments: str) -> set[str]:
        """Return the jobs that a dry run would do, as 'rule dataset', targets left out."""
        return self.jobs_in(self.snakemake("--dry-run", *arguments))

    def jobs_in(self, run: subprocess.CompletedProcess) -> set[str]:
        """Return the jobs that a dry run says it would do, as `planned` does."""
        assert run.returncode == 0, run.stdout + run.stderr
        jobs, rule = set(), ""
        for line in (run.stdout + run.stderr).splitlines():
            if line.startswith(("rule ", "localrule ")):
                rule = line.split()[1].rstrip(":")
            elif line.strip().startswith("wildcards:"):
                jobs.add(f"{rule} {line.split('=')[1].strip()}")
        return jobs

    def catomo(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        return self.run("catomo", *arguments, **environment)


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Nothing but a CPU draws here.
DRAWN_BY_CPU = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture(scope="module")
def browser():
    """The Chromium of the system."""
    driven = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium here: the page is not tested in a browser")
    with driven.sync_playwright() as driver:
        yield (launched := driver.chromium.launch(executable_path=path, args=DRAWN_BY_CPU))
        launched.close()


@pytest.fixture
def opened(browser):
    """Open pages offline; no error, no warning of ours and no request may come of it."""
    contexts, problems = [], []

    def open_page(path: Path, **options):
        context = browser.new_context(offline=True, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: m.type == "error" and problems.append(m.text))
        page.on(
            "request", lambda asked: _is_fetched(asked.url, path) and problems.append(asked.url)
        )
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def _is_fetched(url: str, page: Path) -> bool:
    return not url.startswith(("data:", "blob:")) and url != page.as_uri()


def pixels(page, canvas: str) -> np.ndarray:
    """Return what a canvas of a page shows, as (rows, columns, red green blue alpha)."""
    import imagecodecs

    text = page.eval_on_selector(canvas, "canvas => canvas.toDataURL('image/png')")
    return imagecodecs.png_decode(base64.b64decode(text.partition(",")[2])).astype(int)
