"""MRC files written byte by byte, by the definition of the format alone."""

import numpy as np

STACK = np.random.default_rng(0).integers(-3000, 3000, (5, 20, 24)).astype(np.int16)


def mrc(path, stack=STACK, size_nm=0.5, stamp=b"MAP ", extended=b"", kind=b"", order="<", mode=1):
    """Write an MRC file by its definition (Cheng et al. 2015), without any library."""
    head = bytearray(1024)
    n, rows, columns = stack.shape

    def put(place, kind, *values):
        head[place : place + 4 * len(values)] = np.array(values, order + kind).tobytes()

    put(0, "i4", columns, rows, n, mode)
    put(28, "i4", columns, rows, n)
    put(40, "f4", columns * size_nm * 10, rows * size_nm * 10, n * size_nm * 10, 90, 90, 90)
    put(64, "i4", 1, 2, 3)
    put(92, "i4", len(extended))
    head[104 : 104 + len(kind)] = kind
    head[208:212] = stamp.ljust(4, b"\0")
    if stamp:
        head[212:214] = b"DD" if order == "<" else b"\x11\x11"
    stack = stack.astype(stack.dtype.newbyteorder(order))
    path.write_bytes(bytes(head) + extended + stack.tobytes())
    return path


def fei_2003(tilts, size_nm):
    """1024 records of 32 floats; the records after the last image are zeros."""
    records = np.zeros((1024, 32), "<f4")
    records[: len(tilts), 0] = tilts
    records[: len(tilts), 11] = size_nm * 1e-9
    return records.tobytes()
