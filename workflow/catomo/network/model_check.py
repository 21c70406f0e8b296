"""Whether a model file can be what it says, before anything in it is unpacked or built.

A model may come from anywhere. A damaged one, or one made to fill the memory, must stop with
one line.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from catomo.errors import UserError, line_of
from catomo.network.model_info import ModelInfo
from catomo.network.size import UNetSize

# Trained weights hardly get smaller by compression, so a file that grows more than this when it
# is unpacked holds no weights.
_MOST_GROWTH = 20
_MOST_OF_TEXT = 64 << 20  # bytes of a member that is text: what it was taught can be long

_MOST_LEVELS, _MOST_FILTERS, _MOST_CLASSES = 10, 512, 255

# What the libraries say of a damaged zip, or of HDF5 that is damaged or holds other things.
_DAMAGE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
)


def member(path: Path | str, name: str) -> bytes | None:
    """Return the text of a member of a ``.keras`` file; None if there is no such member.

    Raises
    ------
    UserError
        If the file is missing, damaged, no zip, or unpacks to far more than its size.
    """
    try:
        with zipfile.ZipFile(path) as file:
            _check_sizes(path, file, name)
            return file.read(name) if name in file.namelist() else None
    except FileNotFoundError:
        raise UserError(f"{path}: model file not found; train one or name another") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path}: cannot be read ({reason}); name a .keras file") from None
    except zipfile.BadZipFile as error:
        raise UserError(
            f"{path}: is no .keras file or damaged (not a zip: {error}); name a model of catomo, "
            "or copy it again"
        ) from None
    except (zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise _damaged(path, error) from None


def check_info(info: ModelInfo) -> None:
    """Check that what a model file says of itself is possible.

    Raises
    ------
    ValueError
        Naming what is not.
    """
    sizes: UNetSize = info.network
    rules = {
        f"classes: must be 2 to {_MOST_CLASSES} names": isinstance(info.classes, list)
        and 2 <= len(info.classes) <= _MOST_CLASSES
        and all(isinstance(name, str) for name in info.classes),
        "pixel_size_nm: must be a number above 0": info.pixel_size_nm is None
        or _is_positive(info.pixel_size_nm),
        "temperature: must be a number above 0": info.temperature is None
        or _is_positive(info.temperature),
        "missing_wedge_deg: must be a number above 0": info.missing_wedge_deg is None
        or _is_positive(info.missing_wedge_deg),
        "errors: must be a length above 0 and a share from 0 to 1": info.errors is None
        or (_is_positive(info.errors.length_px) and _is_share(info.errors.common)),
        "accuracy: must be figures of each class": info.accuracy is None
        or info.accuracy.class_count == len(info.classes),
        "appearance: must be figures of each class": all(
            one.class_count == len(info.classes) for one in info.appearance
        ),
        "input.scale: must be a number above 0": _is_positive(info.input.scale),
        "taught: must be a list of texts": isinstance(info.taught, list)
        and all(isinstance(mark, str) for mark in info.taught),
        f"network.levels: must be 1 to {_MOST_LEVELS}": type(sizes.levels) is int
        and 1 <= sizes.levels <= _MOST_LEVELS,
        f"network.base_filters: must be 1 to {_MOST_FILTERS}": type(sizes.base_filters) is int
        and 1 <= sizes.base_filters <= _MOST_FILTERS,
    }
    wrong = [rule for rule, is_kept in rules.items() if not is_kept]
    if wrong:
        raise ValueError(wrong[0])


def check_layers(path: Path | str, info: ModelInfo) -> None:
    """Check that the first and the last layer of a model fit slices and classes.

    Raises
    ------
    UserError
        If the network takes other images than of one grey value per pixel, or gives another
        number of classes than the file names.
    """
    content = member(path, "config.json")
    try:
        layers = json.loads(content or b"")["config"]["layers"]
        first, last = (layers[place]["config"] for place in (0, -1))
        channels, outputs = first["batch_shape"][-1], last["filters"]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        return  # Keras says what it cannot build
    if channels != 1:
        raise UserError(
            f"{path}: the network takes {channels} channels per pixel, slices have one grey "
            "value; use a model trained by catomo"
        )
    if outputs != len(info.classes):
        raise UserError(
            f"{path}: the network gives {outputs} classes, but the file names "
            f"{len(info.classes)} ({', '.join(info.classes)}); use a model trained by catomo"
        )


def check_weights(path: Path | str, network: UNetSize) -> None:
    """Check that the weights in a ``.keras`` file are numbers, and about as many as expected.

    Whether they are those of the network, to the last one, Keras checks when it loads them.

    Raises
    ------
    UserError
        If they are not, or lie outside the file.
    """
    import h5py

    try:
        with zipfile.ZipFile(path) as file:
            content = file.read("model.weights.h5")
        sizes: dict[str, int] = {}
        foreign: list[str] = []
        with h5py.File(io.BytesIO(content), "r") as weights:

            def see(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    sizes[name] = math.prod(item.shape)
                    if item.external or item.is_virtual:
                        foreign.append(name)

            weights.visititems(see)
            count = sum(sizes.values())
            is_too_large = 4 * count > _MOST_GROWTH * len(content)
            are_finite = (
                foreign or is_too_large or all(np.isfinite(weights[n][()]).all() for n in sizes)
            )
    except KeyError:
        raise UserError(f"{path}: holds no model.weights.h5; use a model of catomo") from None
    except _DAMAGE as error:
        raise _damaged(path, error) from None
    if foreign:
        raise UserError(f"{path}: its weights lie in another file; use a model of catomo")
    # As in the settings of `train`; a file of fewer weights must not make a network of many.
    expected = 30_400 * network.base_filters**2 * 4.0 ** (network.levels - 6)
    if expected > 4 * count or is_too_large:
        raise UserError(
            f"{path}: holds {count} weights in {len(content)} bytes, but says that its "
            f"network has about {expected:.0f}; use a model trained by catomo"
        )
    if not are_finite:
        raise UserError(
            f"{path}: its weights hold NaN or infinite values; train it again, or use another model"
        )


def _check_sizes(path: Path | str, file: zipfile.ZipFile, text: str) -> None:
    size = Path(path).stat().st_size
    for entry in file.infolist():
        most = _MOST_OF_TEXT if entry.filename == text else _MOST_GROWTH * size + (1 << 20)
        if entry.file_size > most:
            raise UserError(
                f"{path}: its member {entry.filename} would unpack to {entry.file_size} bytes, "
                f"the file has {size}; that is no model, use one trained by catomo"
            )


def _damaged(path: Path | str, error: Exception) -> UserError:
    return UserError(f"{path}: is damaged ({line_of(error)}); copy it again or train it again")


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and 0 < float(value) < math.inf  # type: ignore[arg-type]


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= float(value) < 1  # type: ignore[arg-type]
