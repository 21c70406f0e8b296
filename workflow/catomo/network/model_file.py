"""A trained network as one file: Keras' own format plus what is needed to use it.

A ``.keras`` file is a zip. Beside Keras' members it carries ``catomo.json`` (classes, pixel
size, scaling of the input, size of the network), so the file alone is enough to predict.
The zip is written again with fixed dates: equal weights give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError, line_of
from catomo.network import model_check, unet
from catomo.network.fit import start_contradictions
from catomo.network.model_info import ModelInfo
from catomo.record.record import Record, read_record

_MEMBER = "catomo.json"
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Model:
    """A U-Net with what is needed to use it.

    Attributes
    ----------
    net : keras.Model
        As `catomo.network.unet.build_unet` returns it.
    info : ModelInfo
        Classes, pixel size, size of the network, temperature and so on.
    """

    net: Any
    info: ModelInfo

    def save(self, path: Path | str) -> None:
        """Write the model as a ``.keras`` file, which `load` and the stage `predict` read."""
        with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
            plain = Path(folder) / "plain.keras"
            self.net.save(plain)
            with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as target:
                for name in sorted(source.namelist()):
                    content = source.read(name)
                    if name == "metadata.json":
                        metadata = json.loads(content)
                        metadata["date_saved"] = "1980-01-01@00:00:00"
                        content = json.dumps(metadata, sort_keys=True).encode()
                    target.writestr(_entry(name), content)
                text = json.dumps(self.info.to_json(), indent=1, ensure_ascii=False, sort_keys=True)
                target.writestr(_entry(_MEMBER), text)

    @classmethod
    def load(cls, path: Path | str, precision: str = "auto") -> Model:
        """Read a model written by `save`.

        Parameters
        ----------
        path : path
        precision : {"auto", "float32", "bfloat16"}
            Arithmetic to use now, whatever the model was trained in; see
            `catomo.network.unet.resolved_precision`.

        Raises
        ------
        UserError
            If the file is missing, is no Keras file, or was not written by catomo.
        """
        info = read_info(path)
        precision = unet.resolved_precision(precision)
        model_check.check_layers(path, info)
        model_check.check_weights(path, info.network)
        net = unet.build_unet(len(info.classes), **asdict(info.network), precision=precision)
        try:
            net.load_weights(path)
        except Exception as error:  # whatever Keras and HDF5 say of weights of another form
            raise UserError(
                f"{path}: its weights do not fit the network that it describes "
                f"({line_of(error)}); copy it again, or use another model"
            ) from None
        return cls(net, info)


def read_info(path: Path | str) -> ModelInfo:
    """Return what a model file says of itself, the content of its ``catomo.json``.

    Raises
    ------
    UserError
        As `Model.load`.
    """
    content = model_check.member(path, _MEMBER)
    if content is None:
        raise UserError(
            f"{path}: holds no {_MEMBER}, so its classes and pixel size are unknown; "
            "use a model trained by catomo"
        )
    try:
        info = ModelInfo.from_json(json.loads(content))
        model_check.check_info(info)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: its {_MEMBER} does not describe a model ({' '.join(str(error).split())}); "
            "use a model trained by this catomo"
        ) from None
    return info


def locate(place: Path | str) -> tuple[Path, Path | Record]:
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


def copy_weights(path: Path | str, model: Model) -> None:
    """Give a new model the weights of a saved one, to train it further.

    Parameters
    ----------
    path : path
        The saved model, a ``.keras`` file.
    model : Model
        Its network is changed in place.

    Raises
    ------
    UserError
        If the saved model has other classes, another size of network, or a pixel size more
        than 5 % away.
    """
    saved = Model.load(path, "float32")
    if problems := start_contradictions(path, saved.info, model.info):
        raise UserError("; ".join(problems))
    model.net.set_weights(saved.net.get_weights())


def weights_sha256(net: Any) -> str:
    """Return the sha256 over all weights of a keras.Model, in the order of its layers."""
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
