"""The doors that are given any bytes. Each writes a file and uses it as catomo's stages do.

Where a target has several doors, the first byte of its input chooses one.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.angles import read_angles
from catomo.files.image_stack import ImageStack
from catomo.files.readers import open_images
from catomo.files.tiff import open_tiff
from catomo.files.tiff_pages import bytes_of
from catomo.labels import files as labels_of
from catomo.phantom.specimen import read_specimen
from catomo.plan.check import stale, verify
from catomo.plan.datasets import Dataset, read_table
from catomo.plan.plan import load_plan
from catomo.record import remembered
from catomo.record.record import read_record
from catomo.slices.stacks import inspect_stack
from catomo.stages import record_path
from catomo.tilt_series.inspection import inspect_series
from catomo.tilt_series.settings import ImportSeries
from fuzz.contract import Door, Seen

_MOST_IMAGES = 5  # that are read of a stack
_LABELLED = labels_of.Expected(["slice_0000", "slice_0001"], (2, 6, 7), 0.5, lambda _: None)


def mrc(data: bytes, folder: Path, seen: Seen) -> None:
    """An MRC file, as images, as a tilt series and as slices."""
    path = folder / "input.mrc"
    path.write_bytes(data)
    _images(path, seen)


def tiff(data: bytes, folder: Path, seen: Seen) -> None:
    """A TIFF file, as images, as a tilt series and as slices."""
    path = folder / "input.tif"
    path.write_bytes(data)
    _images(path, seen)


def labels(data: bytes, folder: Path, seen: Seen) -> None:
    """Labels: a stack or a folder, of TIFF, PNG, MRC or .npy."""
    suffix, is_folder = _chosen(
        data, [(suffix, n) for n in (False, True) for suffix in (".tif", ".png", ".mrc", ".npy")]
    )
    content = data[1:]
    if suffix == ".png":
        content = _with_right_checks(content)
    place = folder / "labels"
    if place.is_dir():
        shutil.rmtree(place)
    place.mkdir()
    path = place / f"slice_0000{suffix}"
    path.write_bytes(content)
    seen.asked_later = lambda: _stated(path)
    given = place if is_folder else path
    with suppress(UserError):
        labels_of.check_label_values(given, 3)
    with suppress(UserError):
        labels_of.check_labels(given, _LABELLED, 3)
    labels_of.read_label_file(path, _LABELLED.shape[1:], 3)


def records(data: bytes, folder: Path, seen: Seen) -> None:
    """Text that people and catomo write: records, configuration, tables, angles, hashes."""
    door = _chosen(data, [_record, _config, _table, _angles, _hashes, _specimen, _zarr])
    before = Path.cwd()
    os.chdir(folder)
    try:
        door(data[1:], seen)
    finally:
        os.chdir(before)


def models(data: bytes, folder: Path, seen: Seen) -> None:
    """A .keras file: its bytes, or a good one with another catomo.json or other weights."""
    from catomo.network.model_file import Model, read_info

    part = _chosen(data, ["", "catomo.json", "model.weights.h5"])
    path = folder / "input.keras"
    path.write_bytes(_model_with(part, data[1:]) if part else data[1:])
    seen.stated_bytes = 20 * len(data)
    read_info(path)
    Model.load(path, "float32")
    import keras

    keras.backend.clear_session()


def prepare(target: str, folder: Path) -> None:
    """Import what a target needs, so that this counts for no input."""
    if target == "models":
        models(b"\0" + Path(__file__).with_name("tiny.keras").read_bytes(), folder, Seen())


TARGETS: dict[str, Door] = {
    "mrc": mrc,
    "tiff": tiff,
    "labels": labels,
    "records": records,
    "models": models,
}


def _chosen(data: bytes, choices: list) -> object:
    return choices[(data[0] if data else 0) % len(choices)]


def _images(path: Path, seen: Seen) -> None:
    """Read the first images of a file, and look at it as a tilt series and as slices."""
    with open_images(path) as stack:
        seen.stated_bytes = int(np.prod(stack.shape, dtype=object)) * stack.dtype.itemsize
        _check_stack(stack)
        for number in range(min(stack.shape[0], _MOST_IMAGES)):
            image = stack.read(number)
            assert image.shape == stack.shape[1:], (image.shape, stack.shape)
            assert image.dtype == stack.dtype, (image.dtype, stack.dtype)
        count = stack.shape[0]
    if seen.stated_bytes > 1 << 24:
        return
    with suppress(UserError):
        inspect_stack(path, 0.5)
    with suppress(UserError):
        inspect_series(path, None, None, ImportSeries())
    given, settings = np.linspace(-60, 60, count), ImportSeries(trust_given=True)
    for line in inspect_series(path, given, 0.5, settings).in_words():
        _check_line(line)


def _check_stack(stack: ImageStack) -> None:
    """Check what a file says about angles and scale: numbers that can be, or nothing."""
    for size in stack.voxel_nm:
        assert size is None or 0 < size < np.inf, stack.voxel_nm
    tilt = stack.tilt_deg
    assert tilt is None or np.isfinite(np.array(tilt, float)).all(), tilt


def _stated(path: Path) -> int:
    """Return how many bytes a label file states that it unpacks to."""
    head = path.read_bytes()[:33]
    if head[12:16] == b"IHDR" and len(head) == 33:
        columns, rows, bits, _ = struct.unpack_from(">2I2B", head, 16)
        return columns * rows * max(bits // 8, 1) * 4
    try:
        if path.suffix == ".tif":  # pages of colours, too, which are no images to measure
            with open_tiff(path) as tiff:
                return sum(bytes_of(page) for page in tiff.pages)
        with open_images(path, as_stored=True) as stack:
            return int(np.prod(stack.shape, dtype=object)) * stack.dtype.itemsize
    except UserError:
        return 0


def _with_right_checks(content: bytes) -> bytes:
    """Return a PNG with the checksums of its parts as they should be, so that it is decoded."""
    place, parts = 8, [content[:8]]
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        body = content[place + 4 : place + 8 + length]
        parts.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join(parts) + content[place:]


def _model_with(part: str, content: bytes) -> bytes:
    """Return a good model of which one part is another."""
    new = io.BytesIO()
    with (
        zipfile.ZipFile(Path(__file__).with_name("tiny.keras")) as good,
        zipfile.ZipFile(new, "w") as file,
    ):
        for name in good.namelist():
            file.writestr(name, content if name == part else good.read(name))
    return new.getvalue()


def _record(content: bytes, _seen: Seen) -> None:
    dataset = Dataset("one", "tilt_series", "a.mrc")
    plan, _ = load_plan([])
    for verb in plan.stages(dataset):
        path = Path(record_path(verb, dataset.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for line in stale(dataset, plan):
        _check_line(line)
    try:
        verify(Path("results"))
    except UserError as error:
        _check_line(str(error))
    labels_of.expected_of(read_record("results/one/04_slices", "slices"))


def _config(content: bytes, _seen: Seen) -> None:
    path = Path("config.yaml")
    path.write_bytes(content)
    for line in load_plan([path])[1]:
        _check_line(line)


def _table(content: bytes, _seen: Seen) -> None:
    path = Path("datasets.tsv")
    path.write_bytes(content)
    for line in read_table(path)[1]:
        _check_line(line)


def _angles(content: bytes, _seen: Seen) -> None:
    path = Path("series.tlt")
    path.write_bytes(content)
    found = read_angles(path)
    assert found.tilt
    assert np.isfinite(found.tilt).all(), found.tilt
    assert found.images is None or len(found.images) == len(found.tilt)


def _hashes(content: bytes, _seen: Seen) -> None:
    place = Path(".catomo")
    place.mkdir(exist_ok=True)
    (place / "hashes.jsonl").write_bytes(content)
    remembered._memories.clear()
    file = Path("file.bin")
    if not file.exists():
        file.write_bytes(b"one")
    (digest,) = remembered.sha256_of_files([file])
    assert digest == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def _specimen(content: bytes, _seen: Seen) -> None:
    path = Path("specimen.yaml")
    path.write_bytes(content)
    read_specimen(path)


def _zarr(content: bytes, seen: Seen) -> None:
    """A header of either version of Zarr, and a chunk of the good array that it describes."""
    folder = Path("array.zarr")
    folder.mkdir(exist_ok=True)
    for name in (".zarray", "zarr.json"):
        (folder / name).unlink(missing_ok=True)
    (folder / (".zarray" if b"compressor" in content else "zarr.json")).write_bytes(content)
    for name in ("0.0.0", "c/0/0/0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(zlib.compress(bytes(range(60))))
    with open_images(folder) as stack:
        seen.stated_bytes = int(np.prod(stack.shape, dtype=object)) * stack.dtype.itemsize
        for number in range(min(stack.shape[0], _MOST_IMAGES)):
            assert stack.read(number).shape == stack.shape[1:]


def _check_line(line: str) -> None:
    assert "\n" not in line, f"more than one line: {line!r}"
    assert "\r" not in line, f"more than one line: {line!r}"
    line.encode()
