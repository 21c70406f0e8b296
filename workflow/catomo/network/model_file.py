"""A trained network as one file: Keras' own format plus what is needed to use it.

A ``.keras`` file is a zip. Beside Keras' members it carries ``catomo.json`` (classes, pixel
size, scaling of the input, size of the network), so the file alone is enough to predict.
It is zipped anew with fixed dates: equal weights give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from catomo.errors import UserError
from catomo.network import unet
from catomo.record.record import Record, read_record

_MEMBER = "catomo.json"
_PIXEL_SIZE_TOLERANCE = 0.05
_DATE = (1980, 1, 1, 0, 0, 0)


def save(net, path, about: dict) -> None:
    """Write a network.

    Parameters
    ----------
    net : keras.Model
        As `unet.build` returns it.
    path : path
        Where to write; ends in ``.keras``.
    about : dict
        Content of ``catomo.json``: ``classes`` (names), ``pixel_size_nm``, ``network``
        (``levels``, ``base_filters``); more is welcome, such as ``draft``: learnt from
        phantoms alone.
    """
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        plain = Path(folder) / "plain.keras"
        net.save(plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                if name == "metadata.json":
                    metadata = json.loads(content)
                    metadata["date_saved"] = "1980-01-01@00:00:00"
                    content = json.dumps(metadata, sort_keys=True).encode()
                target.writestr(_entry(name), content)
            text = json.dumps(about, indent=1, ensure_ascii=False, sort_keys=True)
            target.writestr(_entry(_MEMBER), text)


def load(path, precision: str):
    """Read a network written by `save`.

    Parameters
    ----------
    path : path
    precision : {"float32", "bfloat16"}
        Arithmetic to use now, whatever it was trained in.

    Returns
    -------
    net : keras.Model
    about : dict
        Content of ``catomo.json``.

    Raises
    ------
    UserError
        If the file is missing, no Keras file, or not one of catomo.
    """
    about = read_about(path)
    net = unet.build(len(about["classes"]), **about["network"], precision=precision)
    net.load_weights(path)
    return net, about


def read_about(path) -> dict:
    """Return what a model file says of itself, the content of its ``catomo.json``.

    Raises
    ------
    UserError
        As `load`.
    """
    try:
        with zipfile.ZipFile(path) as file:
            return json.loads(file.read(_MEMBER))
    except FileNotFoundError:
        raise UserError(f"{path}: model file not found; train one or name another") from None
    except zipfile.BadZipFile:
        raise UserError(f"{path}: is no .keras file (not a zip); name a model of catomo") from None
    except KeyError:
        raise UserError(
            f"{path}: holds no {_MEMBER}, so its classes and pixel size are unknown; "
            "use a model trained by catomo"
        ) from None


def locate(place) -> tuple[Path, Path | Record]:
    """Find a model by its ``.keras`` file, or by the folder or record of the stage `train`.

    The place may hold environment variables, as paths in the configuration may.

    Returns
    -------
    file : Path
        The ``.keras`` file.
    origin : Path or Record
        What a record names as the input: the file itself, or the record of `train`.
    """
    place = Path(os.path.expandvars(place))
    if place.suffix == ".keras":
        return place, place
    record = read_record(place, "train")
    return record.file("model.keras"), record


def fill(net, file, about: dict) -> None:
    """Give a new network the weights of a saved one, to go on from there.

    Parameters
    ----------
    net : keras.Model
        As `unet.build` returns it.
    file : path
        Written by `save`.
    about : dict
        What the new model's ``catomo.json`` will say.

    Raises
    ------
    UserError
        If the saved model has other classes, another size of network, or a pixel size more
        than 5 % away.
    """
    other, old = load(file, "float32")
    for word in ("classes", "network"):
        if old[word] != about[word]:
            raise UserError(
                f"train.init_from: {file} has {word} {_words(old[word])}, the settings say "
                f"{_words(about[word])}; make them equal or start from another model"
            )
    there, here = old["pixel_size_nm"], about["pixel_size_nm"]
    if abs(there / here - 1) > _PIXEL_SIZE_TOLERANCE:
        raise UserError(
            f"train.init_from: {file} learnt at {there:g} nm per pixel, the slices have {here:g}; "
            "bring them within 5 % of each other or start from another model"
        )
    net.set_weights(other.get_weights())


def weights_sha256(net) -> str:
    """Return the sha256 over all weights, in the order of the layers."""
    digest = hashlib.sha256()
    for weight in net.get_weights():
        digest.update(repr((weight.shape, weight.dtype.str)).encode())
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def _words(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {value[name]}" for name in sorted(value))
    return ", ".join(value)
