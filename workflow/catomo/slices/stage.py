"""Stage 04: 8-bit slices to look at, to annotate and to segment.

They come from a reconstructed volume, by a recorded contrast rule, or from a stack of slices
reconstructed elsewhere. Some are suggested for annotation, where the specimen is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.figures import new_figure, save, scale_bar
from catomo.files.folders import TIFF, files_in
from catomo.files.store import StackReader, StackWriter, image_bytes, write_labels
from catomo.labels.files import Expected, check_labels
from catomo.labels.tie import mark_of
from catomo.phantom.truth import Truth
from catomo.progress import progress
from catomo.record.record import committing, read_record
from catomo.slices import contrast
from catomo.slices.spread import suggest

_TRUTH_SLICES_AT_ONCE = 16
_PICTURES = 12
_ENOUGH = 10  # annotated slices teach about as much as 35 (benchmarks/train.py)
_MRC = (".mrc", ".rec", ".map")


@dataclass(frozen=True)
class Stack:
    """A stack of slices in files: what is known of it without reading all of it.

    ``read(i)`` returns slice i (z, x). Loose images are not `contiguous`: neighbours in the
    list need not be neighbours in a specimen.
    """

    names: list[str]
    shape: tuple[int, int, int]
    dtype: np.dtype
    contiguous: bool
    read: object


def export_slices(reconstruction, output, settings, dataset: str, truth=None) -> None:
    """Turn a reconstructed volume into 8-bit slices.

    Parameters
    ----------
    reconstruction : path
        ``03_reconstruct`` or its record.
    output : path
        Folder of the stage ``04_slices``.
    settings : Slices
    dataset : str
        Name of the dataset, for the advice where to put labels.
    truth : path, optional
        ``01_tilt_series`` of the phantom: its labels are brought into the volume frame.
    """
    source = read_record(reconstruction, "reconstruct")
    inputs = {"reconstruction": source}
    if truth is not None:
        inputs["truth"] = read_record(truth, "simulate")
        if "truth" not in source:
            raise UserError(f"{source.path}: was made without --truth; reconstruct again with it")
    with (
        committing(output, "slices", settings, inputs) as out,
        StackReader(source.file("volume.tif")) as volume,
    ):
        stack = Stack(
            _numbered(volume.shape[0]),
            volume.shape,
            volume.dtype,
            True,
            lambda index: volume.read(index, index + 1)[0],
        )
        pixel_size_nm, is_phantom = source["pixel_size_nm"], truth is not None
        _write(out, stack, settings, dataset, pixel_size_nm, source.path, is_phantom)
        if is_phantom:
            expected = Truth(inputs["truth"], source["truth"]["object_shift_px"], volume.shape)
            pages = _pages(expected.labels, volume.shape[0])
            write_labels(out.path("truth_labels.tif"), pages, volume.shape, pixel_size_nm)


def import_slices(stack, output, settings, dataset: str, pixel_size_nm: float, labels=None) -> None:
    """Take in slices that were reconstructed elsewhere.

    Parameters
    ----------
    stack : path
        A folder of TIFF images of one shape, or one stack (y, z, x) as TIFF or MRC. Images
        of 8 bits are kept as they are, others get the contrast rule.
    output : path
        Folder of the stage ``04_slices``.
    settings : Slices
    dataset : str
        Name of the dataset, for the advice where to put labels.
    pixel_size_nm : float
        Edge of a pixel.
    labels : path, optional
        A person's labels: only checked against the slices, so that a mistake in them shows
        before anything is computed.

    Raises
    ------
    UserError
        If the stack cannot be read, or the labels do not fit it.
    """
    path = Path(stack)
    stack = inspect_stack(path)
    if labels is not None:
        check_labels(labels, expected_of(stack, pixel_size_nm), len(settings.classes))
    with committing(output, "slices", settings, {"stack": path}) as out:
        _write(out, stack, settings, dataset, pixel_size_nm, path, False)


def inspect_stack(path) -> Stack:
    """Return what a folder of images, a TIFF stack or an MRC volume holds.

    Raises
    ------
    UserError
        If there is nothing, images differ in shape, or a file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; give a stack or a folder of images")
    if path.suffix.lower() in _MRC:
        return _mrc(path)
    if path.suffix.lower() not in TIFF:
        raise UserError(f"{path}: unknown kind '{path.suffix}', allowed are .tif, .tiff and .mrc")
    return _tiff_stack(path)


def expected_of(stack: Stack, pixel_size_nm: float) -> Expected:
    """Return what labels must fit, before the stack is exported: 8-bit images stay as they are."""
    read = stack.read if stack.dtype == np.uint8 else lambda index: None
    return Expected(stack.names, stack.shape, pixel_size_nm, read)


def _write(out, stack: Stack, settings, dataset, pixel_size_nm, origin, is_phantom) -> None:
    """Write slices, suggestions, pictures and the record."""
    if stack.dtype == np.uint8:
        rule = contrast.KEPT
    else:
        rule = contrast.from_percentiles(stack.read, stack.shape[0], settings, origin)

    with StackWriter(out.path("slices.tif"), stack.shape, np.uint8, pixel_size_nm) as writer:

        def exported():
            for index in progress(range(stack.shape[0]), "slices"):
                image = stack.read(index)
                grey = image if stack.dtype == np.uint8 else rule.greys(image)
                writer.write(index, grey[None])
                yield grey

        suggested = suggest(exported(), settings.suggest)

    with StackReader(out.path("slices.tif")) as reader:
        for index in suggested:
            image, name = reader.read(index, index + 1)[0], f"{stack.names[index]}.tif"
            content = image_bytes(name, image, pixel_size_nm, mark_of(image))
            out.path(f"to_annotate/{name}").write_bytes(content)
        _picture(out.path("slices.png"), reader, stack.names, suggested, pixel_size_nm)
    out.record.update(
        {
            "names": stack.names,
            "shape": list(stack.shape),
            "axes": ["n", "z", "x"],
            "pixel_size_nm": pixel_size_nm,
            "contiguous": stack.contiguous,
            "contrast": rule.record(),
            "suggested": suggested,
            "next_step": _next_step(stack, suggested, settings.classes, dataset, is_phantom),
        }
    )


def _next_step(stack: Stack, suggested, classes, dataset: str, is_phantom: bool) -> str:
    column = "the column labels of config/datasets.tsv"
    run = "and run snakemake again"
    if is_phantom:
        return (
            f"This is a phantom: its truth can stand for the annotation of the {len(suggested)} "
            f"suggested slices; write the word truth into {column}, {run}."
        )
    some = "some or all" if len(suggested) <= _ENOUGH else f"about {_ENOUGH}, evenly spread,"
    values = ", ".join(f"{value} {phase.title}" for value, phase in enumerate(classes))
    return (
        f"Annotate {some} of the {len(suggested)} slices in 04_slices/to_annotate, chosen "
        f"from {stack.shape[0]}: catomo annotate results/{dataset}/04_slices --labels "
        f"labels/{dataset} opens them in napari; or paint the values {values}, and 255 where you "
        "did not look, in Fiji or any TIFF editor and save each as 8-bit TIFF under its own name "
        f"in labels/{dataset}. Then write that folder into {column}, {run}."
    )


def _picture(path, reader: StackReader, names, suggested, pixel_size_nm: float) -> None:
    """Draw a sheet of suggested slices in order."""
    picks = np.unique(np.linspace(0, len(suggested) - 1, _PICTURES).round().astype(int))
    columns = min(4, len(picks))
    rows = -(-len(picks) // columns)
    height, width = reader.shape[1:]
    size = (3 * columns, (3 * height / width + 0.35) * rows)
    figure, axes = new_figure(rows, columns, size=size, squeeze=False)
    for ax in axes.ravel():
        ax.axis("off")
    for ax, pick in zip(axes.ravel(), picks, strict=False):
        index = suggested[pick]
        image = reader.read(index, index + 1)[0]
        ax.imshow(image, vmin=0, vmax=255, cmap="gray", interpolation="nearest")
        ax.set_title(names[index])
        scale_bar(ax, pixel_size_nm, width)
    save(figure, path)


def _pages(labels, count: int):
    for start in range(0, count, _TRUTH_SLICES_AT_ONCE):
        yield from labels(start, min(start + _TRUTH_SLICES_AT_ONCE, count))


def _folder(path: Path) -> Stack:
    files = files_in(path, TIFF)
    if not files:
        raise UserError(f"{path}: found no .tif or .tiff in this folder; put the slices there")
    first = None
    for file in files:
        image = _tiff_stack(file)
        first = first or image
        if image.shape[0] != 1:
            raise UserError(f"{file}: found {image.shape[0]} images, expected one per file")
        if image.shape != first.shape or image.dtype != first.dtype:
            raise UserError(
                f"{file}: is {_words(image.shape[1:])} {image.dtype}, but {files[0].name} is "
                f"{_words(first.shape[1:])} {first.dtype}; all slices must be alike"
            )
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        raise UserError(f"{path}: two images differ only in .tif and .tiff; give each a name")
    shape = (len(files), *first.shape[1:])
    return Stack(names, shape, first.dtype, False, lambda index: _tiff_stack(files[index]).read(0))


def _tiff_stack(path: Path) -> Stack:
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            shape, pages, one_block = series.shape, len(series.pages), series.dataoffset
            dtype = series.dtype.newbyteorder(tiff.byteorder)
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise UserError(f"{path}: not readable as TIFF ({error}); save it again") from None
    if len(shape) not in (2, 3) or shape[-1] in (3, 4):
        raise UserError(
            f"{path}: found shape {_words(shape)}, expected grey images (z, x) or (y, z, x)"
        )
    shape = (1, *shape)[-3:]
    if one_block is None and pages != shape[0]:
        raise UserError(f"{path}: found a compressed TIFF in an unusual order; save it again")

    def read(index):
        if one_block is None:
            return tifffile.imread(path, key=index)
        offset = one_block + index * shape[1] * shape[2] * dtype.itemsize
        return np.fromfile(path, dtype, shape[1] * shape[2], offset=offset).reshape(shape[1:])

    return Stack(_numbered(shape[0]), shape, dtype, True, read)


def _mrc(path: Path) -> Stack:
    import mrcfile

    try:
        with mrcfile.mmap(path, mode="r") as file:
            shape, dtype = file.data.shape, file.data.dtype
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as MRC ({error}); save it again") from None
    if len(shape) != 3:
        raise UserError(f"{path}: found shape {_words(shape)}, expected a volume (y, z, x)")

    def read(index):
        with mrcfile.mmap(path, mode="r") as file:
            return np.array(file.data[index])

    return Stack(_numbered(shape[0]), tuple(shape), dtype, True, read)


def _numbered(count: int) -> list[str]:
    return [f"slice_{index:04d}" for index in range(count)]


def _words(shape) -> str:
    return " x ".join(str(int(n)) for n in shape)
