"""Small good inputs of every door, from which fuzzing begins; they are made here, byte by byte."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import tifffile

from helpers.mrc import fei_2003, mrc

ROOT = Path(__file__).parents[2]
_STACK = np.random.default_rng(0).integers(0, 3, (5, 18, 17)).astype(np.uint8)
_TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]
_LABELS = np.random.default_rng(0).integers(0, 3, (2, 6, 7)).astype(np.uint8)
_MDOC = (
    "PixelSpacing = 3.5\nVoltage = 200\n[T = SerialEM: Acquired on Titan 01-Jan-20 10:00:00]\n"
    + "".join(
        f"[ZValue = {z}]\nTiltAngle = {tilt}\nSubFramePath = D:\\f\\t_{z}.tif\nExposureDose = 2\n"
        for z, tilt in enumerate(_TILTS)
    )
)
# The first byte chooses the door; see `fuzz.doors`.
_RECORD, _CONFIG, _TABLE, _ANGLES, _HASHES, _SPECIMEN, _ZARR = (bytes([n]) for n in range(7))


def seeds(target: str, folder: Path) -> dict[str, bytes]:
    """Return inputs of a target by their names.

    Parameters
    ----------
    target : str
    folder : path
        Where files may be made on the way.
    """
    return _SEEDS[target](folder)


def _mrc(folder: Path) -> dict[str, bytes]:
    made = {
        "int16": {"stack": _STACK.astype("i2")},
        "big-endian": {"stack": _STACK.astype("f4"), "order": ">", "mode": 2},
        "bytes": {"stack": _STACK.astype("i1"), "mode": 0},
        "unsigned": {"stack": _STACK.astype("u2"), "mode": 6},
        "halves": {"stack": _STACK.astype("f2"), "mode": 12},
        "complex": {"stack": _STACK.astype("c8"), "mode": 4},
        "no stamp": {"stack": _STACK.astype("i2"), "stamp": b""},
        "fei1": {
            "stack": _STACK.astype("i2"),
            "extended": b"".join(_fei1(tilt) for tilt in _TILTS),
            "kind": b"FEI1",
        },
        "seri": {
            "stack": _STACK.astype("i2"),
            "extended": b"".join(np.array([100 * t, 7], "<i2").tobytes() for t in _TILTS),
            "kind": b"SERI",
        },
    }
    found = {}
    for name, given in made.items():
        path = mrc(folder / "seed.mrc", **{"stamp": b"MAP ", **given})
        content = bytearray(path.read_bytes())
        if name == "seri":
            content[128:132] = np.array([4, 1], "<i2").tobytes()
        found[name] = bytes(content)
    axes = bytearray(found["int16"])
    axes[64:76] = np.array([3, 1, 2], "<i4").tobytes()
    path = mrc(folder / "seed.mrc", _STACK.astype("i2"), 0.1, b"", fei_2003(_TILTS, 2.0))
    return found | {"axes": bytes(axes), "fei 2003": path.read_bytes()}


def _fei1(tilt: float) -> bytes:
    record = bytearray(768)
    record[:4] = np.array([768], "<i4").tobytes()
    record[100:108] = np.array([tilt], "<f8").tobytes()
    record[156:164] = np.array([5e-10], "<f8").tobytes()
    return bytes(record)


def _tiff_of(stack: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, stack, **options)
    return file.getvalue()


def _tiff(_folder: Path) -> dict[str, bytes]:
    ome = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "nm"}
    return {
        "plain": _tiff_of(_STACK, photometric="minisblack"),
        "pages": _tiff_of(_STACK, photometric="minisblack", metadata=None, contiguous=False),
        "big-endian": _tiff_of(_STACK.astype(">u2"), byteorder=">", photometric="minisblack"),
        "bigtiff": _tiff_of(_STACK.astype("f4"), bigtiff=True, photometric="minisblack"),
        "zlib": _tiff_of(_STACK, compression="zlib", predictor=True, photometric="minisblack"),
        "lzw": _tiff_of(_STACK, compression="lzw", rowsperstrip=5, photometric="minisblack"),
        "packbits": _tiff_of(_STACK, compression="packbits", photometric="minisblack"),
        "zstd": _tiff_of(_STACK, compression="zstd", photometric="minisblack"),
        "jpeg": _tiff_of(_STACK * 80, compression="jpeg", photometric="minisblack"),
        "jpeg2000": _tiff_of(_STACK * 80, compression="jpeg2000", photometric="minisblack"),
        "png": _tiff_of(_STACK, compression="png", photometric="minisblack"),
        "tiles": _tiff_of(_STACK, tile=(16, 16), photometric="minisblack"),
        "white is zero": _tiff_of(_STACK, photometric="miniswhite"),
        "bits": _tiff_of(_STACK > 1, photometric="minisblack"),
        "ome": _tiff_of(_STACK, ome=True, metadata=ome, photometric="minisblack"),
        "imagej": _tiff_of(_STACK, imagej=True, resolution=(2.0, 2.0), metadata={"unit": "nm"}),
        "rgb": _tiff_of(np.stack([_STACK[0]] * 3, -1), photometric="rgb"),
        "palette": _tiff_of(
            _STACK[0], photometric="palette", colormap=np.zeros((3, 256), np.uint16)
        ),
    }


def _labels(folder: Path) -> dict[str, bytes]:
    import imagecodecs

    page, tiff = _LABELS[0], _tiff(folder)
    npy = io.BytesIO()
    np.save(npy, _LABELS)
    found = {
        "stack": b"\0" + _tiff_of(_LABELS, photometric="minisblack", compression="zlib"),
        "folder": b"\4" + _tiff_of(page, photometric="minisblack"),
        "tied": b"\4" + _tiff_of(page, description="catomo slice sha256 " + 64 * "0"),
        "rgb": b"\4" + _tiff_of(np.stack([page] * 3, -1), photometric="rgb"),
        "png": b"\5" + imagecodecs.png_encode(page),
        "png of rgb": b"\5" + imagecodecs.png_encode(np.stack([page] * 3, -1)),
        "png of 16 bits": b"\5" + imagecodecs.png_encode(page.astype(np.uint16)),
        "png of a palette": b"\5" + _palette(page),
        "mrc": b"\2" + mrc(folder / "seed.mrc", _LABELS.astype("i1"), mode=0).read_bytes(),
        "npy": b"\3" + npy.getvalue(),
    }
    return found | {f"tiff {name}": b"\0" + content for name, content in tiff.items()}


def _palette(page: np.ndarray) -> bytes:
    """Return a PNG whose pixels are indices of four bits into three colours."""
    import struct
    import zlib

    def part(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows, columns = page.shape
    wide = np.pad(page, ((0, 0), (0, columns % 2)))
    packed = (wide[:, ::2] << 4 | wide[:, 1::2]).astype(np.uint8)
    lines = b"".join(b"\0" + row.tobytes() for row in packed)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", struct.pack(">2I5B", columns, rows, 4, 3, 0, 0, 0))
        + part(b"PLTE", bytes([0, 0, 0, 1, 1, 1, 2, 2, 2]))
        + part(b"IDAT", zlib.compress(lines))
        + part(b"IEND", b"")
    )


def _records(_folder: Path) -> dict[str, bytes]:
    record = {
        "stage": "slices",
        "catomo": "0.1.0",
        "code": "0" * 64,
        "names": ["slice_0000", "slice_0001"],
        "suggested": [1],
        "shape": [2, 6, 7],
        "pixel_size_nm": 0.25,
        "tilt_deg": _TILTS,
        "settings": {"apply": "", "classes": []},
        "inputs": {
            "series": {"file": "a.mrc", "sha256": "0" * 64},
            "slices": {"stage": "reconstruct", "sha256": "0" * 64},
            "angles": {"file": "a.tlt", "sha256": "0" * 64},
        },
        "files": {"slices.tif": {"sha256": "0" * 64, "bytes": 3}},
        "steps": {"known_alignment": {"sha256": "0" * 64}},
    }
    table = (
        "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"
        "# a comment\n"
        "one\ttilt_series\ta.mrc\ta.tlt\t0,5\t\tm\tno\n"
        'two\tslices\t"b.tif"\t\t0.5\tlabels\tm\tyes\n'
    )
    angles = "# tilt angles\n" + "".join(f"{tilt}\n" for tilt in _TILTS)
    columns = "image angle\n" + "".join(f"t_{n}.tif {tilt}\n" for n, tilt in enumerate(_TILTS))
    commas = "".join(f"{n};{tilt:.1f}°\r\n".replace(".", ",") for n, tilt in enumerate(_TILTS))
    yaml = "a: &x {b: 1}\nc: *x\n<<: *x\ntrain:\n  steps: 1e3\n  classes: [~, .nan, 0x1f]\n"
    zarr_2 = {
        "zarr_format": 2,
        "shape": [3, 4, 5],
        "chunks": [3, 4, 5],
        "dtype": "|u1",
        "order": "C",
        "fill_value": 0,
        "filters": None,
        "compressor": {"id": "zlib", "level": 1},
    }
    zarr_3 = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [3, 4, 5],
        "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 4, 5]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "bytes"}, {"name": "gzip"}],
        "fill_value": 0,
        "attributes": {},
    }
    found = {
        verb: _RECORD + json.dumps({**record, "stage": verb}).encode()
        for verb in ("import", "align", "reconstruct", "slices")
    }
    return found | {
        "config": _CONFIG + (ROOT / "config" / "config.yaml").read_bytes(),
        "json": _CONFIG + b'{"train": {"steps": 600, "network": {"levels": 5}}, "datasets": "a"}',
        "aliases": _CONFIG + yaml.encode(),
        "table": _TABLE + table.encode(),
        "table of Excel": _TABLE + table.replace("\n", "\r\n").encode("utf-16"),
        "table with semicolons": _TABLE + table.replace("\t", ";").encode("cp1252"),
        "angles": _ANGLES + angles.encode(),
        "angles in columns": _ANGLES + columns.encode(),
        "angles with commas": _ANGLES + commas.encode("utf-16-le"),
        "a row of angles": _ANGLES + b"-40, -20, 0, 20, 40",
        "mdoc": _ANGLES + _MDOC.encode(),
        "mdoc of frames": _ANGLES + _MDOC.replace("ZValue", "FrameSet").encode("latin-1"),
        "zarr 2": _ZARR + json.dumps(zarr_2).encode(),
        "zarr 3": _ZARR + json.dumps(zarr_3).encode(),
        "hashes": _HASHES + b'11111111 ["/a", [1, 2, 3, 4], "0"]\n',
        "specimen": _SPECIMEN + (ROOT / "resources" / "phantoms" / "demo-128.yaml").read_bytes(),
    }


def _models(_folder: Path) -> dict[str, bytes]:
    import zipfile

    path = Path(__file__).with_name("tiny.keras")
    with zipfile.ZipFile(path) as file:
        info, weights = (file.read(name) for name in ("catomo.json", "model.weights.h5"))
    return {"whole": b"\0" + path.read_bytes(), "info": b"\1" + info, "weights": b"\2" + weights}


_SEEDS = {
    "mrc": _mrc,
    "tiff": _tiff,
    "labels": _labels,
    "records": _records,
    "models": _models,
}
