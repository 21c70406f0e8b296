"""How a series was recorded, from the headers of microscopes."""

import numpy as np
from mrcfile.dtypes import get_ext_header_dtype

from catomo.files.acquisition import in_common, of_rosettasciio
from catomo.files.readers import open_series
from helpers.mrc import fei_2003, mrc

TILTS = [-40.0, -20.0, 0.0, 20.0, 40.0]


def acquisition_of(path):
    with open_series(path) as stack:
        return stack.acquisition


def test_fei_of_2003(tmp_path):
    records = np.frombuffer(fei_2003(TILTS, 0.75), "<f4").reshape(1024, 32).copy()
    records[:5, [8, 12, 13]] = 1.5, 115000, 300000
    path = mrc(tmp_path / "a.mrc", size_nm=0.1, stamp=b"", extended=records.tobytes())
    expected = {"voltage_kv": 300.0, "magnification": 115000.0, "exposure_time_s": 1.5}
    assert acquisition_of(path) == expected


def test_fei_1(tmp_path):
    dtype = get_ext_header_dtype(b"FEI1", "<")
    records = np.zeros(5, dtype)
    records["Metadata size"] = dtype.itemsize
    records["Alpha tilt"] = TILTS
    records["HT"], records["Dwell time"], records["Dose"] = 200e3, 8e-6, 4e20
    records["Timestamp"] = 44280.5  # noon of 25 March 2021
    records["STEM Detector name"], records["Microscope type"] = b"HAADF", b"Titan"
    path = mrc(tmp_path / "a.mrc", extended=records.tobytes(), kind=b"FEI1")
    assert acquisition_of(path) == {
        "voltage_kv": 200.0,
        "dwell_time_us": 8.0,
        "dose_per_image_e_per_nm2": 400.0,
        "microscope": "Titan",
        "signal": "HAADF",
        "date": "2021-03-25 12:00:00",
    }


def test_rosettasciio():
    metadata = {
        "General": {"title": "HAADF", "date": "2021-03-25", "time": "12:00:00"},
        "Acquisition_instrument": {
            "TEM": {"beam_energy": 300.0, "beam_current": 0.05, "dwell_time": 1e-5}
        },
    }
    assert of_rosettasciio(metadata) == {
        "voltage_kv": 300.0,
        "probe_current_pa": 50.0,
        "dwell_time_us": 10.0,
        "signal": "HAADF",
        "date": "2021-03-25 12:00:00",
    }
    assert of_rosettasciio({}) == {}


def test_what_single_images_have_in_common():
    one = {"voltage_kv": 300.0, "dwell_time_us": 8.0, "date": "12:00"}
    other = {"voltage_kv": 300.0, "dwell_time_us": 9.0, "date": "12:05"}
    assert in_common([one, other]) == {"voltage_kv": 300.0, "date": "12:00"}
