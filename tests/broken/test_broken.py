"""Sixteen mistakes of a user: each stops with its one line before any heavy work.

A case writes its broken file and adds its row to the table or its key to the
configuration. Snakemake must exit with status 1 and show the line; `catomo check` must
list all sixteen in one go.
"""

from __future__ import annotations

import re

import mrcfile
import numpy as np
import pytest
import tifffile
import yaml

from catomo.files.store import image_bytes
from catomo.labels.tie import mark_of

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
GOOD = "good\tphantom\tresources/phantoms/demo-128.yaml\t\t\t\t\t\n"


def _series(project, name, images):
    path = project.folder / f"{name}.tif"
    tifffile.imwrite(path, images, photometric="minisblack")
    return path.name


def _images(count=5):
    return np.random.default_rng(1).normal(100, 5, (count, 16, 16)).astype(np.float32)


def _angles(project, name, count=5):
    return project.write(f"{name}.tlt", "".join(f"{2 * k}\n" for k in range(count))).name


def _tilt_row(name, path, angles, pixel_size="0.5"):
    return f"{name}\ttilt_series\t{path}\t{angles}\t{pixel_size}\t\t\t\n"


def unknown_key(project, config):
    config["reconstruct"] = {"iteratons": 5}
    return "", r"config/config.yaml: reconstruct\.iteratons: unknown key; did you mean 'iterations'"


def wrong_type(project, config):
    config["align"] = 3
    return "", r"config/config.yaml: align: found 3; must be .*"


def missing_file(project, config):
    row = _tilt_row("missing", "nowhere.mrc", "")
    return row, r"datasets\.tsv line \d+, path: found no file or folder 'nowhere\.mrc'; mend"


def tilt_count(project, config):
    name = _series(project, "count", _images(5))
    row = _tilt_row("count", name, _angles(project, "count", 4))
    return row, r"count\.\w+: .*4.*(angles|tilts).*5.*images|count\.\w+: .*5.*images.*4.*"


def nan_image(project, config):
    images = _images()
    images[3, 2, 1] = np.nan
    row = _tilt_row("nan", _series(project, "nan", images), _angles(project, "nan"))
    return row, r"nan\.tif: image 4 holds NaN or infinite values"


def zero_pixel_size(project, config):
    name = _series(project, "zero", _images())
    row = _tilt_row("zero", name, _angles(project, "zero"), "0")
    return row, r"datasets\.tsv line \d+, pixel_size_nm: found '0'; must be a number above 0"


def duplicate_dataset(project, config):
    row = GOOD.replace("good", "twice")
    return row + row, r"datasets\.tsv line \d+, dataset: 'twice' stands in line \d+ already"


def reserved_name(project, config):
    return GOOD.replace("good", "models"), r"dataset: 'models' is reserved; choose another name"


def name_with_dots(project, config):
    return GOOD.replace("good", "../up"), r"dataset: found '\.\./up'; allowed are letters"


def _labelled(project, name, labels):
    (project.folder / name / "labels").mkdir(parents=True)
    (project.folder / name / "images").mkdir()
    image = np.random.default_rng(2).integers(0, 255, (32, 32), dtype=np.uint8)
    for number in range(4):
        tifffile.imwrite(project.folder / name / "images" / f"s{number}.tif", image)
        tifffile.imwrite(project.folder / name / "labels" / f"s{number}.tif", labels)
    return f"{name}\tslices\t{name}/images\t\t0.12\t{name}/labels\t\t\n"


def label_value(project, config):
    labels = np.zeros((32, 32), np.uint8)
    labels[4, 5] = 7
    return _labelled(
        project, "seven", labels
    ), r"seven/labels/s0\.tif: found label 7, allowed are 0 to 2"


def label_shape(project, config):
    row = _labelled(project, "shape", np.zeros((32, 31), np.uint8))
    return row, r"shape/labels/s0\.tif: shape is 32 x 31, expected 32 x 32"


def label_masks(project, config):
    labels = np.zeros((32, 32), np.uint8)
    labels[4:9, 5:9] = 255
    row = _labelled(project, "masks", labels)
    return row, r"masks/labels: no pixel is labelled alumina .* 255, which means 'not annotated'"


def label_of_another_slice(project, config):
    row = _labelled(project, "other", np.zeros((32, 32), np.uint8))
    mark = mark_of(np.zeros((32, 32), np.uint8))
    content = image_bytes("s0.tif", np.zeros((32, 32), np.uint8), 0.12, mark)
    (project.folder / "other" / "labels" / "s0.tif").write_bytes(content)
    return row, r"other/labels/s0\.tif: was painted on another slice than the one of this name now"


def truncated_mrc(project, config):
    path = project.folder / "short.mrc"
    with mrcfile.new(path) as mrc:
        mrc.set_data(_images())
        mrc.voxel_size = 5.0
    path.write_bytes(path.read_bytes()[:-700])
    row = _tilt_row("short", path.name, _angles(project, "short"))
    return row, r"short\.mrc: .*(bytes|truncated)"


def empty_tiff(project, config):
    (project.folder / "empty.tif").write_bytes(b"")
    row = _tilt_row("empty", "empty.tif", _angles(project, "empty"))
    return row, r"empty\.tif: .*(empty|0 bytes)"


def unreadable_angles(project, config):
    name = _series(project, "words", _images())
    project.write("words.tlt", "-4\n-2\nzero\n2\n4\n")
    return _tilt_row("words", name, "words.tlt"), r"words\.tlt.*line 3.*'zero'"


CASES = [
    unknown_key,
    wrong_type,
    missing_file,
    tilt_count,
    nan_image,
    zero_pixel_size,
    duplicate_dataset,
    reserved_name,
    name_with_dots,
    label_value,
    label_shape,
    label_masks,
    label_of_another_slice,
    truncated_mrc,
    empty_tiff,
    unreadable_angles,
]


def _write(project, rows, config):
    project.write("config/datasets.tsv", HEADER + rows)
    project.write("config/config.yaml", yaml.safe_dump(config))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_workflow_stops_with_one_line(project, case):
    config: dict = {}
    rows, line = case(project, config)
    _write(project, rows or GOOD, config)
    run = project.snakemake()
    output = run.stdout + run.stderr
    assert run.returncode == 1, output
    assert len({found for found in output.splitlines() if re.search(line, found)}) == 1, output
    assert "Traceback" not in output
    assert not list(project.folder.glob("results/**/*.tif")), "heavy work was done"


def test_check_lists_all_of_them_in_one_go(project):
    config: dict = {}
    found = [case(project, config) for case in CASES]
    _write(project, GOOD + "".join(rows for rows, _ in found), config)
    run = project.catomo("check")
    assert run.returncode == 1, run.stderr
    lines = run.stdout.splitlines()
    for _, line in found:
        assert any(re.search(line, one) for one in lines), f"{line} not in\n{run.stdout}"
    assert "Traceback" not in run.stderr
