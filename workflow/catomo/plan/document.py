"""The pages `config/README.md` and of phantoms, made from the models so that they agree.

``python -m catomo.plan.document > config/README.md``; a test compares them.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from catomo.phantom.settings import Specimen
from catomo.plan.changes import stages_by_key
from catomo.plan.config import Config
from catomo.settings.base import PhaseClass

_HEAD = """# The configuration

This page is made from the settings models (`make docs`); a test keeps it in step.

A run reads `config/config.yaml`. Files given with `--configfile` are merged into it, key by
key, later ones winning; the flag may be given several times. A value of
`--config 'reconstruct={"iterations": 5}'` wins over all files, also over their `overrides`.
`catomo check` takes both flags, too. Keys that you leave out have the defaults below. A key that catomo does not know, a
wrong type or a value out of range stops the run before its first job, one line each;
`catomo check` finds them all without running anything. Editors with a YAML language
server complete and check keys by `config/schema.json`, which the first line of each shipped
configuration names.

Settings of a single dataset go below `overrides`:

```yaml
overrides:
  my_dataset:
    reconstruct:
      iterations: 40
```

They win over the blocks of all files, also of files given later; which key therefore does not
reach a dataset is told.

## The table of datasets

`config/datasets.tsv` has one row per dataset and these columns, split by tabs:

| column | what it holds |
| --- | --- |
| `dataset` | its name: letters, digits, `_` and `-`; becomes a folder's name |
| `source` | `phantom` (simulate), `tilt_series` (a microscope's files), `slices` (already reconstructed) or `segmentation` (already segmented by another program) |
| `path` | the phantom's YAML; the tilt series as a file or a folder of images; the slices as a stack or a folder; the segmentation as a volume of labels |
| `angles` | tilt angles: `.rawtlt`, `.tlt` or `.mdoc`; empty if the series holds them itself |
| `pixel_size_nm` | empty if the series or segmentation holds it itself; needed for slices |
| `labels` | a person's labels: a folder of files named like the slices, or one stack; `truth` for a phantom; empty: not annotated |
| `model` | name of the model to use, or a ready `.keras` file; empty with labels: the dataset's own name; always empty for a segmentation |
| `trains` | `yes`: the labels feed that model; `no`: they only test it; empty: yes if there are labels |
| `group` | what the dataset is compared by: a batch, `fresh` or `spent`, a crystal; touches the summary of all datasets alone; empty: in no group |
| `review` | decisions on single particles, as the page exports them; empty: none |

Paths are relative to the folder you run in and may hold environment variables
(`${CATOMO_GENC2022}/images`). A folder of a dataset of `slices` holds loose images: they are
segmented and scored, but make no surfaces. A dataset with neither labels nor model goes
as far as `04_slices`, and its report says which slices to annotate.

A dataset of `segmentation` is a volume of labels from Dragonfly, Avizo, ilastik, nnU-Net, micro-sam,
scikit-image or any other program: a TIFF stack, a folder of images, MRC, `.npy`, OME-Zarr, or an
array of an HDF5 file (`volume.h5:/path/in/file`). Its values are the numbers of the classes, from 0
for the background. It begins at `06_segmentation`; surfaces, quantities and the page follow, and
with `labels` (a folder of `slice_0000.tif` …, or one stack) the scores. For a single file outside
the workflow: `catomo surfaces --labels FILE --pixel-size-nm X --output FOLDER`.
"""


_AGAIN = """## What a change runs again

A key of a stage's block runs that stage again, and what uses its results. The keys of a class
stand at the top level, and decide what these stages do:

{classes}

The title of the page, `report.title`, runs the report alone. The order of rows in the table of
datasets, other datasets in it, comments, the order of keys, and another way of writing a number
run nothing: a model takes its datasets by name.
"""


def document() -> str:
    """Return the whole page."""
    parts = [_HEAD, _AGAIN.format(classes=_stages_of_classes())]
    top = [
        (name, field)
        for name, field in Config.model_fields.items()
        if not _model_of(field.annotation)
    ]
    parts.append("## Top level\n\n" + _table(top))
    for name, field in Config.model_fields.items():
        model = _model_of(field.annotation)
        if model and name != "classes":
            parts.append(f"## `{name}`\n\n{_text(model)}\n\n" + _table(_flat(model, "")))
    return "\n".join(parts)


def specimen_keys() -> str:
    """Return the tables of the keys of a specimen file, one for each block."""
    blocks = {name: _model_of(field.annotation) for name, field in Specimen.model_fields.items()}
    plain = [(name, field) for name, field in Specimen.model_fields.items() if not blocks[name]]
    parts = ["## Top level\n\n" + _table(plain)]
    for name, model in blocks.items():
        if model:
            parts.append(f"## `{name}`\n\n{_text(model)}\n\n" + _table(_flat(model, "")))
    return "\n".join(parts)


def _stages_of_classes() -> str:
    """Return the table of the keys of a class and the stages that run again for them."""
    rows = ["| key | meaning | runs again |", "| --- | --- | --- |"]
    for name, field in PhaseClass.model_fields.items():
        dotted = f"classes[*].{name}"
        verbs = ", ".join(f"`{verb}`" for verb in stages_by_key()[dotted])
        rows.append(f"| `{dotted}` | {field.description} | {verbs} |")
    return "\n".join(rows)


def _text(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _flat(model: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    """Return all keys of a model with dotted names, blocks within blocks opened."""
    rows = []
    for name, field in model.model_fields.items():
        dotted = prefix + (field.alias or name)
        inner = _model_of(field.annotation)
        if inner and get_origin(field.annotation) is not list:
            rows += _flat(inner, f"{dotted}.")
        else:
            rows.append((dotted, field))
    return rows


def _table(rows: list[tuple[str, FieldInfo]]) -> str:
    lines = ["| key | default | unit | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    for dotted, field in rows:
        extra = field.json_schema_extra
        unit = extra.get("unit", "") if isinstance(extra, dict) else ""
        meaning = " ".join((field.description or "").split())
        meaning = meaning.replace("|", "\\|").replace("<", "\\<")  # neither a column nor a tag
        lines.append(f"| `{dotted}` | {_default(field)} | {unit} | {_allowed(field)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "–"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return ", ".join(item.name for item in value)
    if value == "":
        return "empty"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _allowed(field: FieldInfo) -> str:
    words = {"Ge": "≥", "Gt": ">", "Le": "≤", "Lt": "<"}
    limits = [
        f"{words[type(limit).__name__]} {getattr(limit, type(limit).__name__.lower())}"
        for limit in field.metadata
        if type(limit).__name__ in words
    ]
    return ", ".join([_kind(field.annotation), *limits])


def _kind(annotation: Any) -> str:
    """Return the type of a field in words."""
    origin = get_origin(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in get_args(annotation))
    if origin is list:
        return f"list of {_kind(get_args(annotation)[0])}"
    if origin is dict:
        return "block"
    if origin is Union or origin.__class__.__name__ == "UnionType" or get_args(annotation):
        return " or ".join(_kind(part) for part in get_args(annotation))
    names = {int: "integer", float: "number", str: "text", bool: "true/false", type(None): "null"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model in a field's type; None where it holds plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        model = _model_of(inner)
        if model:
            return model
    return None


if __name__ == "__main__":
    print(document(), end="")
