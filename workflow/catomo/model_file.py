"""A trained network as one file: Keras' own format plus what is needed to use it.

A ``.keras`` file is a zip. Beside Keras' members it carries ``catomo.json`` (classes, pixel
size, scaling of the input, size of the network), so the file alone is enough to predict.
It is zipped anew with fixed dates: equal weights give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from catomo import unet
from catomo.errors import UserError

_MEMBER = "catomo.json"
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
        (``levels``, ``base_filters``); more is welcome.
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
    try:
        with zipfile.ZipFile(path) as file:
            about = json.loads(file.read(_MEMBER))
    except FileNotFoundError:
        raise UserError(f"{path}: model file not found; train one or name another") from None
    except zipfile.BadZipFile:
        raise UserError(f"{path}: is no .keras file (not a zip); name a model of catomo") from None
    except KeyError:
        raise UserError(
            f"{path}: holds no {_MEMBER}, so its classes and pixel size are unknown; "
            "use a model trained by catomo"
        ) from None
    net = unet.build(len(about["classes"]), **about["network"], precision=precision)
    net.load_weights(path)
    return net, about


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
