"""The methods text of a dataset, ready for a paper, written from the records of its stages.

Each stage tells what it really did and with which settings. What no record knows, such as how
the specimen was made, is not made up; the text ends with a list of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from catomo.errors import UserError
from catomo.record.record import Record
from catomo.report import methods_of_labels as of_labels
from catomo.report.cells import lookup, significant
from catomo.report.citations import WORKS
from catomo.report.told import Told, joined
from catomo.settings.base import PhaseClass
from catomo.stages import STAGES

_NOT_KNOWN = {
    "specimen": "how the specimen was made and put on its grid",
    "microscope": "the microscope",
    "voltage_kv": "its voltage",
    "signal": "the signal",
    "dose_per_image_e_per_nm2": "the dose",
    "labels": "who painted the labels, with which program and by which rules",
}


@dataclass(frozen=True)
class Methods:
    """The text, what it cites, and what it cannot say.

    Attributes
    ----------
    paragraphs : list of (str, str)
        Heading and text.
    bibtex : str
    add_yourself : str
        A sentence.
    """

    paragraphs: list[tuple[str, str]]
    bibtex: str
    add_yourself: str


def methods(records: Mapping[str, Record], classes: Sequence[PhaseClass]) -> Methods:
    """Return the methods text of a dataset.

    Parameters
    ----------
    records : mapping of str to Record
        The records of the stages by their file names.
    classes : sequence of PhaseClass
        All classes, background first.
    """
    told = {name: _told(records[name], classes) for name in _TELL if name in records}
    paragraphs = [(one.heading, one.text) for one in told.values()]
    paragraphs.append(("Software", _software(records)))
    cited = ["catomo", "genc2022", "molder2021"]
    cited += [key for one in told.values() for key in one.cites if key not in cited]
    bibtex = "\n\n".join(WORKS[key].bibtex(key) for key in dict.fromkeys(cited))
    return Methods(paragraphs, bibtex, _add_yourself(records))


def _told(record: Record, classes: Sequence[PhaseClass]) -> Told:
    """Return what a stage tells; a record of before that lacks a value tells that alone."""
    try:
        return _TELL[record.path.name](record, classes)
    except (KeyError, UserError) as error:
        told = Told(next(stage.title for stage in STAGES if stage.record == record.path.name))
        told.add(f"[{record.path.name} does not hold all that belongs here: {error}]")
        return told


def _acquisition(record: Record, _: Sequence[PhaseClass]) -> Told:
    angles = record["tilt_deg"]
    known = {key: lookup(record, f"acquisition.{key}") for key in _ACQUIRED}
    steps = {round(b - a, 3) for a, b in pairwise(angles)}
    step = f" in steps of {steps.pop():g}°" if len(steps) == 1 else ""
    made = "simulated" if record["source"] == "phantom" else "recorded"
    signal = f"{known['signal']} " if known["signal"] else ""
    where = f" with a {known['microscope']}" if known["microscope"] else ""
    at = f" at {known['voltage_kv']:g} kV" if known["voltage_kv"] else ""
    told = Told("Acquisition")
    first, last = (f"{angle:g}".replace("-", "−") for angle in (min(angles), max(angles)))
    told.add(
        f"A series of {len(angles)} {signal}images from {first}° to {last}°{step} "
        f"was {made}{where}{at}, {record['shape'][1]} × {record['shape'][2]} pixels of "
        f"{significant(record['pixel_size_nm'])} nm."
    )
    for key, (words, unit) in _ACQUIRED.items():
        if words and known[key] is not None:
            value = known[key] if isinstance(known[key], str) else significant(known[key])
            told.add(f"{words} was {value}{unit}.")
    if record["source"] == "phantom":
        told.add(
            "The specimen is a phantom, whose truth is known "
            f"({lookup(record, 'inputs.specimen.file')}, seed {lookup(record, 'settings.seed')})."
        )
    for sentence in _changed_at_import(record):
        told.add(sentence)
    return told


def _changed_at_import(record: Record) -> Iterator[str]:
    """Yield what was done to the images when they were read."""
    settings = record["settings"]
    if left_out := settings.get("exclude_tilts"):
        shown = joined([f"{angle:g}°".replace("-", "−") for angle in left_out])
        yield f"The images at {shown} were left out."
    if mirrored := lookup(record, "mirrored_deg"):
        yield (f"{len(mirrored)} images beyond ±90° were mirrored and taken for the opposite view.")
    if (blocks := settings.get("bin", 1)) != 1:
        yield f"Blocks of {blocks} × {blocks} pixels were averaged."
    if settings.get("crop_nm"):
        along, across = settings["crop_nm"]
        yield f"The middle {along:g} nm along and {across:g} nm across the tilt axis were kept."
    if settings.get("contrast") == "bright_field":
        yield (
            "Bright-field images were inverted: the brightest level of the series minus the image."
        )


# What the file of a series may tell, with the words for a sentence of its own.
_ACQUIRED = {
    "signal": ("", ""),
    "microscope": ("", ""),
    "voltage_kv": ("", ""),
    "detector": ("The detector", ""),
    "magnification": ("The magnification", ""),
    "probe_current_pa": ("The probe current", " pA"),
    "dwell_time_us": ("The dwell time", " µs"),
    "exposure_time_s": ("The exposure time of an image", " s"),
    "dose_per_image_e_per_nm2": ("The dose of an image", " e/nm²"),
}

_STEPS = {
    "pairwise": "pairwise registration of neighbouring tilts, outward from 0°",
    "common_line": "registration of the common line along the tilt axis",
    "centre_of_mass": "the centre of mass across the tilt axis",
    "projection_matching": "projection matching against reprojections of the volume",
}


def _alignment(record: Record, _: Sequence[PhaseClass]) -> Told:
    settings, steps = record["settings"], record["steps"]
    told = Told("Alignment")
    if "known_alignment" in steps:
        told.add("The alignment was taken from a file.")
    if mended := lookup(steps, "bad_pixels.mended_fraction"):
        told.add(
            f"Pixels more than {settings['bad_pixel_sigmas']:g} standard deviations from their "
            f"surroundings ({100 * mended:.2g} % of all) were replaced by the median of these."
        )
    if sigma := lookup(steps, "bad_pixels.gain_pattern_sigma"):
        told.add(
            "All images were divided by the gain pattern of the detector that they show (standard "
            f"deviation {100 * sigma:.0f} %)."
        )
    background = lookup(steps, "background.method")
    if background and background != "none":
        level = {
            "ring": "the mean of its edge",
            "percentile": f"percentile {settings.get('background_percentile', 0):g} of it",
        }.get(background, background)
        told.add(f"The background of each image, {level}, was subtracted.")
    if lookup(steps, "brightness.scaled_by"):
        told.add("Images were scaled to one total brightness.")
    if shadows := settings.get("shadows"):
        told.add(f"What lay in the shadows of {len(shadows)} rectangles got no weight.")
    done = [words for key, words in _STEPS.items() if lookup(steps, f"{key}.rms_px")]
    kept = [
        words
        for key, words in _STEPS.items()
        if words in done and lookup(steps, f"{key}.accepted") is not False
    ]
    # Where the centre of mass came first, nobody asked whether it was better than the registration.
    checked = _STEPS["pairwise"]
    if checked in kept and "accepted" not in steps.get("centre_of_mass", {"accepted": True}):
        kept.remove(checked)
        done.remove(checked)
        told.add(f"Shifts by the centre of mass were checked against {checked}.", "thevenaz1998")
    if kept:
        told.add(f"Images were aligned by {joined(kept)}.", *_cited(kept))
    if refused := [words for words in done if words not in kept]:
        told.add(f"Tried, and not used because it was no better, was {joined(refused)}.")
    how = ""
    if "known_alignment" in steps:
        how = ", taken from that file,"
    elif settings.get("tilt_axis_angle_deg", "auto") != "auto":
        how = ", which was given,"
    elif "tilt_axis" in steps:
        how = ", found by the variance of Fourier coefficients over the tilts,"
    told.add(
        f"The tilt axis{how} lies at {record['axis_angle_deg']:.2f}° to the columns of the "
        f"images and {record['axis_offset_px']:.2f} px from their middle. All corrections were "
        f"applied in one {settings['interpolation']} interpolation."
    )
    if (error := lookup(record, "measures.reprojection_error")) is not None:
        told.add(
            f"Reprojections of the volume differ from the aligned images by {error:.3f} of their "
            f"norm; the verdict is “{record['verdict']}”."
        )
    return told


def _cited(steps: Sequence[str]) -> list[str]:
    return ["thevenaz1998"] if _STEPS["pairwise"] in steps else []


def _reconstruction(record: Record, _: Sequence[PhaseClass]) -> Told:
    settings = record["settings"]
    name, cites = _ALGORITHMS[settings["algorithm"]]
    backend, of_backend = _BACKENDS.get(record["backend"].partition("_")[0], ("", ()))
    subsets = f" of {record['subsets']} ordered subsets" if settings["algorithm"] == "osem" else ""
    told = Told("Reconstruction")
    tilts = f"from {record['tilts_used']} images " if "tilts_used" in record else ""
    told.add(
        f"The volume was reconstructed {tilts}by {name}, {record['iterations']} iterations"
        f"{subsets}, {backend or 'with the backend ' + record['backend']}.",
        *cites,
        *of_backend,
    )
    if settings.get("tv"):
        where = "in 3-D" if settings.get("tv_across") else "within slices"
        told.add(
            f"A total-variation prior of strength {settings['tv']:g} acted {where}.", "rudin1992"
        )
    reason = record.get("stop_reason", "")
    told.add(_STOPPED.get(reason, f"It ended because of: {reason}." if reason else ""))
    slices, depth, width = record["shape"]
    told.add(
        f"It holds {slices} slices perpendicular to the tilt axis of {depth} × {width} voxels "
        f"(along and across the beam) with an edge of {significant(record['pixel_size_nm'])} nm; "
        f"the relative residual ‖Ax − y‖/‖y‖ is {record['residual']:.3f}."
    )
    edges = [lookup(record, f"quality.edge_width.{axis}.rise_nm") for axis in "xz"]
    if None not in edges:
        told.add(
            f"Edges rise from 10 to 90 % over {edges[0]:.2g} nm across and {edges[1]:.2g} nm along "
            "the beam, where the missing wedge blurs them."
        )
    return told


_ALGORITHMS = {
    "mlem": ("maximum-likelihood expectation maximization (MLEM)", ("shepp1982",)),
    "osem": (
        "maximum-likelihood expectation maximization over ordered subsets (OSEM)",
        ("shepp1982", "hudson1994"),
    ),
    "sirt": ("the simultaneous iterative reconstruction technique (SIRT)", ("gilbert1972",)),
}
_STOPPED = {
    "iterations": "The number of iterations was set beforehand.",
    "change": "It ended when an iteration changed the volume little.",
    "chi2": "It ended when the data were explained to within their noise.",
}
_BACKENDS = {
    "cpu": ("with catomo's own matched projectors", ()),
    "cuda": ("with catomo's own matched projectors on a GPU", ()),
    "astra": ("with the projectors of the ASTRA toolbox", ("vanaarle2016",)),
    "tomopy": ("with TomoPy", ("gursoy2014",)),
}


def _slices(record: Record, _: Sequence[PhaseClass]) -> Told:
    contrast = record["contrast"]
    told = Told("Slices")
    if "low" in contrast and "high" in contrast:
        exponent = contrast.get("gamma", 1)
        gamma = f" with an exponent of {exponent:g}" if exponent != 1 else ""
        told.add(
            f"Grey values from {significant(contrast['low'])} to {significant(contrast['high'])} "
            f"({contrast.get('rule', 'as given')}) were mapped to 8 bits{gamma}."
        )
    else:
        told.add(f"{record['shape'][0]} slices were taken as they are.")
    return told


def _software(records: Mapping[str, Record]) -> str:
    versions: dict[str, set[str]] = {}
    for record in records.values():
        for name, version in record["versions"].items():
            versions.setdefault(name, set()).add(version)
    packages = ", ".join(f"{name} {joined(sorted(versions[name]))}" for name in sorted(versions))
    own = joined(sorted({record["catomo"] for record in records.values()}))
    return (
        f"All steps were run by catomo {own}, which carries out the method of Genc et al. "
        f"2022 as a Snakemake workflow (Mölder et al. 2021), with {packages}."
    )


def _add_yourself(records: Mapping[str, Record]) -> str:
    series = records.get("tilt_series.json")
    if series and series["source"] == "phantom":
        return "The specimen is a phantom: nothing is left to add."
    missing = [_NOT_KNOWN["specimen"]]
    missing += [
        words
        for key, words in _NOT_KNOWN.items()
        if key in _ACQUIRED and (not series or lookup(series, f"acquisition.{key}") is None)
    ]
    if "training.json" in records:
        missing.append(_NOT_KNOWN["labels"])
    return f"No file tells, so add it yourself: {joined(missing)}."


_TELL: dict[str, Callable[[Record, Sequence[PhaseClass]], Told]] = {
    "tilt_series.json": _acquisition,
    "alignment.json": _alignment,
    "reconstruction.json": _reconstruction,
    "slices.json": _slices,
    "training.json": of_labels.training,
    "prediction.json": of_labels.prediction,
    "segmentation.json": of_labels.segmentation,
    "metrics.json": of_labels.evaluation,
    "quantities.json": of_labels.quantities,
}
