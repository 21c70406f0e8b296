"""Stage 04: 8-bit slices to look at, to annotate and to segment.

They come from a reconstructed volume, by a recorded contrast rule, or from a stack of slices
reconstructed elsewhere. Some are suggested for annotation, where the specimen is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.files.folders import split_member
from catomo.files.pixel_size import is_same_size
from catomo.files.store import StackReader, StackWriter, write_labels
from catomo.labels.files import check_labels
from catomo.network.levels import Contrast
from catomo.phantom.truth import Truth
from catomo.progress import progress, say
from catomo.record.record import Output, Record, committing, read_record
from catomo.slices.contrast import levels_of
from catomo.slices.settings import Slices
from catomo.slices.spread import suggest
from catomo.slices.stacks import Stack, expected_of, inspect_stack, numbered
from catomo.slices.to_annotate import next_step, write_suggested

_TRUTH_SLICES_AT_ONCE = 16


@dataclass(frozen=True)
class _Source:
    """The slices that are exported, and what is known of them.

    `origin` is named in errors, `dataset` in the advice where to put labels. `background` is
    the value of empty space where that is known. Too few tilts recorded the slices `unrecorded`;
    `missing_wedge_deg` is how many degrees of directions the tilts leave out, where that is known.
    """

    stack: Stack
    pixel_size_nm: float
    dataset: str
    is_phantom: bool
    origin: Path
    background: float | None = None
    unrecorded: Sequence[int] = ()
    missing_wedge_deg: float | None = None


@dataclass(frozen=True)
class Given:
    """What a person says of slices whose record knows it.

    Attributes
    ----------
    pixel_size_nm : float, optional
        Must be that of the record.
    labels : path, optional
        A person's labels, which are only checked; see `slices_of_stack`.
    """

    pixel_size_nm: float | None = None
    labels: Path | str | None = None


def slices_of_reconstruction(
    reconstruction: Path | str,
    output: Path | str,
    settings: Slices,
    dataset: str,
    truth: Path | str | None = None,
    given: Given = Given(),
) -> None:
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
    given : Given
        What must not contradict the record.

    Raises
    ------
    UserError
        If the volume was reconstructed without the truth that is given here, holds nothing but
        one value, or what is given contradicts its record.
    """
    source = read_record(reconstruction, "reconstruct")
    inputs: dict[str, Record | Path] = {"reconstruction": source}
    series = read_record(truth, "simulate") if truth is not None else None
    if series:
        inputs["truth"] = series
        if "truth" not in source:
            raise UserError(f"{source.path}: was made without --truth; reconstruct again with it")
    with (
        committing(output, "slices", settings, inputs) as out,
        StackReader(source.file("volume.tif")) as volume,
    ):
        shape, pixel_size_nm = volume.shape, source["pixel_size_nm"]

        def read(index: int) -> np.ndarray:
            return volume.read(index, index + 1)[0]

        stack = Stack(numbered(shape[0]), shape, volume.dtype, True, read)
        _check_given(given, stack, source, settings)
        is_phantom = series is not None
        known = {
            "unrecorded": source.get("unrecorded_slices", []),
            "missing_wedge_deg": source.get("quality", {}).get("missing_wedge_deg"),
        }
        exported = _Source(stack, pixel_size_nm, dataset, is_phantom, source.path, 0.0, **known)
        _write(out, exported, settings)
        if series:
            expected = Truth(series, source["truth"]["object_shift_px"], shape)
            pages = _pages(expected.labels, shape[0])
            write_labels(out.path("truth_labels.tif"), pages, shape, pixel_size_nm)


def slices_of_stack(
    stack: Path | str,
    output: Path | str,
    settings: Slices,
    dataset: str,
    pixel_size_nm: float,
    labels: Path | str | None = None,
    *,
    shares_model: bool = False,
    missing_wedge_deg: float | None = None,
) -> None:
    """Take in slices that were reconstructed elsewhere.

    Parameters
    ----------
    stack : path
        One stack (y, z, x) in any format of `catomo.files.readers.open_images`, or a folder of
        images of one shape. Images of 8 bits are kept as they are, others get the contrast rule.
    output : path
        Folder of the stage ``04_slices``.
    settings : Slices
    dataset : str
        Name of the dataset, for the advice where to put labels.
    pixel_size_nm : float
        Edge of a pixel.
    labels : path, optional
        A person's labels: only checked against the slices, so that a mistake in them shows
        before anything is computed. A class that no pixel has is told.
    shares_model : bool
        Whether the model learns from other datasets, too. Labels of 0 and 255 alone are told
        then, not refused, because the others may show the classes.
    missing_wedge_deg : float, optional
        How many degrees of directions the tilts leave out, where the caller knows it.

    Raises
    ------
    UserError
        If the stack cannot be read, contradicts the pixel size or holds nothing but one value,
        or the labels do not fit it.
    """
    path = Path(stack)
    images = inspect_stack(path, pixel_size_nm, settings)
    for note in images.notes:
        say(note)
    if labels is not None:
        _check_labels(labels, images, pixel_size_nm, settings, shares_model)
    with committing(output, "slices", settings, {"stack": split_member(path)[0]}) as out:
        source = _Source(images, pixel_size_nm, dataset, is_phantom=False, origin=path)
        _write(out, replace(source, missing_wedge_deg=missing_wedge_deg), settings)


def _check_given(given: Given, stack: Stack, source: Record, settings: Slices) -> None:
    """Check what a person says of a volume against its record."""
    size_nm = source["pixel_size_nm"]
    if given.pixel_size_nm is not None and not is_same_size(given.pixel_size_nm, size_nm, 1e-3):
        raise UserError(
            f"--pixel-size-nm: found {given.pixel_size_nm:g}, but {source.path} has {size_nm:g}; "
            "leave it out"
        )
    if given.labels is not None:
        _check_labels(given.labels, stack, size_nm, settings)


def _check_labels(
    labels: Path | str,
    stack: Stack,
    size_nm: float,
    settings: Slices,
    shares_model: bool = False,
) -> None:
    names = [phase.name for phase in settings.classes]
    annotation = check_labels(labels, expected_of(stack, size_nm), len(names))
    if not shares_model:
        annotation.check_no_mask(names)
    for line in annotation.told(names, "another dataset of its model must show it"):
        say(line)


def _write(out: Output, source: _Source, settings: Slices) -> None:
    """Write slices, suggestions, pictures and the record."""
    stack, pixel_size_nm = source.stack, source.pixel_size_nm
    levels = levels_of(
        stack.read,
        stack.shape,
        stack.dtype,
        settings,
        source.origin,
        background=source.background,
    )
    rule = levels.contrast
    with StackWriter(out.path("slices.tif"), stack.shape, np.uint8, pixel_size_nm) as writer:
        suggested = suggest(_exported(stack, rule, writer), settings.suggest, source.unrecorded)
    write_suggested(out, stack.names, suggested, pixel_size_nm)
    if source.unrecorded:
        out.record["unrecorded_slices"] = list(source.unrecorded)
    if source.missing_wedge_deg is not None:
        out.record["missing_wedge_deg"] = source.missing_wedge_deg
    if stack.notes:
        out.record["notes"] = list(stack.notes)
    out.record.update(
        {
            "names": stack.names,
            "shape": list(stack.shape),
            "axes": ["n", "z", "x"],
            "pixel_size_nm": pixel_size_nm,
            "contiguous": stack.contiguous,
            "contrast": rule.record(),
            "levels": levels.record(),
            "suggested": suggested,
            "next_step": next_step(
                stack.shape[0],
                len(suggested),
                settings.classes,
                source.dataset,
                source.is_phantom,
            ),
        }
    )


def _exported(stack: Stack, rule: Contrast, writer: StackWriter) -> Iterator[np.ndarray]:
    """Write the slices one by one as 8-bit greys, and yield each."""
    for index in progress(range(stack.shape[0]), "slices"):
        image = stack.read(index)
        greys = image if rule.is_kept else rule.greys(image)
        writer.write(index, greys[None])
        yield greys


def _pages(labels: Callable[[int, int], np.ndarray], count: int) -> Iterator[np.ndarray]:
    for start in range(0, count, _TRUTH_SLICES_AT_ONCE):
        yield from labels(start, min(start + _TRUTH_SLICES_AT_ONCE, count))
