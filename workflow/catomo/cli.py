"""The command line: one verb per stage, each reading folders and writing one folder.

Nothing heavy is imported before a verb is chosen, and nothing is computed here.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from catomo import __version__
from catomo.errors import UserError

# The stage's word, its help in one line. In pipeline order; helpers last.
VERBS = {
    "simulate": "01 make the tilt series of a phantom, with the truth kept",
    "import": "01 read a tilt series from a microscope's files",
    "align": "02 align the tilt series: shifts, tilt-axis angle and offset",
    "reconstruct": "03 reconstruct the volume by MLEM or OSEM",
    "slices": "04 export 8-bit slices and suggest which to annotate",
    "train": "05 train the U-Net on annotated slices",
    "predict": "06 segment all slices with a trained model",
    "evaluate": "07 score a segmentation against annotated slices",
    "surfaces": "08 make surfaces, views and quantities",
    "report": "09 write one page with everything about a dataset",
    "compare": "compare two models, or two annotations, image by image",
    "suggest": "rank the slices to annotate next, and say why",
    "annotate": "paint the labels of slices in napari, from a draft or from nothing",
    "check": "check configuration, tables and data; estimate memory, disk and time",
    "verify": "check that every file in a results folder is what its record says",
}


def main(arguments: list[str] | None = None) -> None:
    """Run one verb; print a user's mistake as one line and exit with status 1."""
    options = _parser().parse_args(arguments)
    _prepare(options)
    try:
        if options.verb in _HELPERS:
            _HELPERS[options.verb](options)
        else:
            _STAGES[options.verb](options, _settings(options))
    except UserError as error:
        print(f"catomo {options.verb}: {error}", file=sys.stderr)
        sys.exit(1)
    except MemoryError:
        print(f"catomo {options.verb}: out of memory; see 'catomo check'", file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="catomo",
        description="From an electron-tomography tilt series to numbers and surfaces.",
    )
    parser.add_argument("--version", action="version", version=f"catomo {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in VERBS.items():
        one = verbs.add_parser(verb, help=text, description=text)
        _ARGUMENTS[verb](one)
        if verb in _HELPERS:
            continue
        one.add_argument(
            "--output", type=Path, required=True, help="folder to write (or its record in it)"
        )
        one.add_argument(
            "--settings",
            default="{}",
            help="settings as JSON text or as a YAML file (default: all defaults)",
        )
        one.add_argument(
            "--threads", type=int, default=0, help="cores to use; never changes a result"
        )
    return parser


def _stage(parser, name: str, text: str) -> None:
    parser.add_argument(name, type=Path, help=f"{text} (folder or its record)")


def _arguments_simulate(parser) -> None:
    parser.add_argument("specimen", type=Path, help="the phantom's YAML file")


def _arguments_import(parser) -> None:
    parser.add_argument("series", type=Path, help="tilt series: a file, or a folder of images")
    parser.add_argument("--angles", type=Path, help="tilt angles: .rawtlt, .tlt or .mdoc")
    parser.add_argument("--pixel-size-nm", type=float, help="pixel size in nm")


def _arguments_align(parser) -> None:
    _stage(parser, "tilt_series", "01_tilt_series")
    parser.add_argument(
        "--apply", type=Path, help="a known alignment: alignment.json, or IMOD's .xf"
    )


def _arguments_reconstruct(parser) -> None:
    _stage(parser, "alignment", "02_align")
    parser.add_argument("--truth", type=Path, help="01_tilt_series of a phantom, to compare with")
    parser.add_argument(
        "--slices",
        type=_range,
        metavar="A-B",
        help="preview these slices only, first and last: writes preview.tif",
    )


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit()):
        raise argparse.ArgumentTypeError("give the first and the last slice, such as 100-120")
    return int(first), int(last)


def _arguments_slices(parser) -> None:
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--volume", type=Path, help="03_reconstruct (folder or its record)")
    group.add_argument("--stack", type=Path, help="reconstructed slices: folder, TIFF or MRC")
    parser.add_argument("--truth", type=Path, help="01_tilt_series of a phantom, for its labels")
    parser.add_argument("--pixel-size-nm", type=float, help="pixel size in nm, with --stack")
    parser.add_argument(
        "--labels", type=Path, help="a person's labels, to check them against the stack"
    )
    parser.add_argument("--dataset", default="DATASET", help="the dataset's name, for advice")


def _arguments_train(parser) -> None:
    parser.add_argument(
        "--dataset",
        nargs=3,
        action="append",
        required=True,
        metavar=("NAME", "SLICES", "LABELS"),
        help="a dataset's name, its 04_slices and its labels ('truth' for a phantom); repeatable",
    )


def _arguments_predict(parser) -> None:
    _stage(parser, "slices", "04_slices")
    parser.add_argument("--model", type=Path, required=True, help="05_train or a .keras file")


def _arguments_evaluate(parser) -> None:
    _stage(parser, "prediction", "06_predict")
    parser.add_argument("--slices", type=Path, required=True, help="04_slices")
    parser.add_argument("--labels", required=True, help="labels: folder, stack, or 'truth'")
    parser.add_argument("--training", type=Path, help="05_train, to score its test slices only")


def _arguments_surfaces(parser) -> None:
    _stage(parser, "prediction", "06_predict")


def _arguments_report(parser) -> None:
    parser.add_argument("stages", type=Path, nargs="+", help="the stages' folders or records")
    parser.add_argument("--dataset", default="", help="the dataset's name, for the title")


def _arguments_compare(parser) -> None:
    parser.add_argument("one", help="07_evaluate; with --slices, labels: folder, stack, or 'truth'")
    parser.add_argument("other", help="another of the same kind")
    parser.add_argument(
        "--slices", type=Path, help="04_slices: compare two annotations of these slices"
    )


def _arguments_suggest(parser) -> None:
    _stage(parser, "slices", "04_slices")
    parser.add_argument("--labels", help="what is annotated already: folder, stack, or 'truth'")
    parser.add_argument("--prediction", type=Path, help="06_predict, to go by the model's doubt")
    parser.add_argument("--count", type=int, default=5, help="how many to name")


def _arguments_annotate(parser) -> None:
    _stage(parser, "slices", "04_slices")
    parser.add_argument("--labels", type=Path, required=True, help="your folder of labels")
    parser.add_argument("--prediction", type=Path, help="06_predict, for draft labels")
    parser.add_argument(
        "--slice", nargs="+", metavar="NAME", help="which (default: suggested and annotated ones)"
    )


def _arguments_check(parser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        help="configuration files laid on config/config.yaml, as for snakemake",
    )


def _arguments_verify(parser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results"))


_ARGUMENTS = {verb: globals()[f"_arguments_{verb}"] for verb in VERBS}


def _prepare(options) -> None:
    """Set what libraries read once when they are imported."""
    threads = getattr(options, "threads", 0)
    if threads:
        for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(".catomo/numba").resolve()))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _settings(options):
    """Return the verb's settings, checked."""
    import yaml
    from pydantic import ValidationError

    from catomo.settings.config import SETTINGS
    from catomo.settings.problems import lines_of

    text, where = options.settings, "--settings "
    if not text.lstrip().startswith("{"):
        where = f"{text}: "
        try:
            text = Path(text).read_text()
        except OSError as error:
            raise UserError(f"{where}{error.strerror.lower()}; give JSON or a file") from None
    model = SETTINGS["evaluate" if options.verb == "compare" else options.verb]
    try:
        return model.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError:
        raise UserError(f"{where}not valid JSON or YAML") from None
    except ValidationError as error:
        raise UserError("; ".join(lines_of(error, model, where))) from None


def _simulate(options, settings) -> None:
    from catomo.simulate import simulate

    simulate(options.specimen, options.output, settings)


def _import(options, settings) -> None:
    from catomo.tilt_series import import_tilt_series

    import_tilt_series(
        options.series, options.output, settings, options.angles, options.pixel_size_nm
    )


def _align(options, settings) -> None:
    from catomo.align import align

    align(options.tilt_series, options.output, settings, apply=options.apply)


def _reconstruct(options, settings) -> None:
    from catomo.reconstruct import reconstruct

    reconstruct(
        options.alignment, options.output, settings, truth=options.truth, slices=options.slices
    )


def _slices(options, settings) -> None:
    from catomo import slices

    if options.volume:
        slices.export_slices(
            options.volume, options.output, settings, options.dataset, truth=options.truth
        )
    elif options.pixel_size_nm is None:
        raise UserError("--pixel-size-nm: is missing; a stack of slices needs it, in nm")
    else:
        slices.import_slices(
            options.stack,
            options.output,
            settings,
            options.dataset,
            options.pixel_size_nm,
            labels=options.labels,
        )


def _train(options, settings) -> None:
    from catomo.train import train

    train(options.dataset, options.output, settings)


def _predict(options, settings) -> None:
    from catomo.predict import predict

    predict(options.slices, options.model, options.output, settings)


def _evaluate(options, settings) -> None:
    from catomo.evaluate import evaluate

    evaluate(
        options.prediction,
        options.slices,
        options.labels,
        options.output,
        settings,
        training=options.training,
    )


def _surfaces(options, settings) -> None:
    from catomo.surfaces import make_surfaces

    make_surfaces(options.prediction, options.output, settings)


def _compare(options, settings) -> None:
    from catomo.compare import compare

    compare(options.one, options.other, options.output, settings, slices=options.slices)


def _report(options, settings) -> None:
    from catomo.report import write_report

    write_report(options.stages, options.output, settings, options.dataset)


_STAGES = {
    "simulate": _simulate,
    "import": _import,
    "align": _align,
    "reconstruct": _reconstruct,
    "slices": _slices,
    "train": _train,
    "predict": _predict,
    "evaluate": _evaluate,
    "surfaces": _surfaces,
    "report": _report,
    "compare": _compare,
}


def _suggest(options) -> None:
    from catomo.ranking import suggest_next

    given = options.slices, options.count, options.labels, options.prediction
    print("\n".join(suggest_next(*given)))


def _annotate(options) -> None:
    from catomo.annotate import annotate

    annotate(options.slices, options.labels, options.slice, options.prediction)


def _check(options) -> None:
    from catomo.check import check

    problems, lines = check(options.configfile)
    print("\n".join(lines + problems))
    if problems:
        sys.exit(1)


def _verify(options) -> None:
    from catomo.check import verify

    print(verify(options.folder))


_HELPERS = {"suggest": _suggest, "annotate": _annotate, "check": _check, "verify": _verify}
