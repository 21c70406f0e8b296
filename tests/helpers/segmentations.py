"""Segmentations of other programs: a ball of known size on a slab, in several formats."""

import json

import numpy as np
import tifffile

RADIUS_PX, PIXEL_NM = 6, 0.5
SHAPE = (24, 26, 28)


def ball_on_slab(shape=SHAPE):
    """Return labels (y, z, x): a ball of 2 that hangs above a slab of 1."""
    y, z, x = np.indices(shape)
    labels = np.zeros(shape, np.uint8)
    labels[2:-2, 2:6, 2:-2] = 1
    labels[(y - 12) ** 2 + (z - 15) ** 2 + (x - 13) ** 2 <= RADIUS_PX**2] = 2
    return labels


def ome_zarr(folder, labels, voxel_nm=(PIXEL_NM,) * 3):
    """Write an OME-Zarr image (0.4, Zarr 2) by its definition, without any library."""
    (folder / "0").mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    axes = [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"]
    scale = {"type": "scale", "scale": list(voxel_nm)}
    dataset = {"path": "0", "coordinateTransformations": [scale]}
    multiscales = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    (folder / ".zattrs").write_text(json.dumps({"multiscales": multiscales}))
    header = {
        "zarr_format": 2,
        "shape": labels.shape,
        "chunks": labels.shape,
        "dtype": labels.dtype.str,
        "compressor": None,
        "fill_value": 0,
        "order": "C",
        "filters": None,
    }
    (folder / "0" / ".zarray").write_text(json.dumps(header))
    (folder / "0" / "0.0.0").write_bytes(labels.tobytes())
    return folder


def imagej_tiff(path, labels, voxel_nm=(PIXEL_NM,) * 3):
    """Write a stack as Fiji does, with its scale."""
    between, down, across = voxel_nm
    tifffile.imwrite(
        path,
        labels,
        imagej=True,
        resolution=(1 / across, 1 / down),
        metadata={"spacing": between, "unit": "nm", "axes": "ZYX"},
    )
    return path
