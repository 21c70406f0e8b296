"""Slabs on disk: only whole ones of the same run are used again."""

import numpy as np

from catomo.predict import slabs


def test_slabs_of_another_run_and_damaged_ones_are_not_taken(tmp_path, capsys):
    kept = slabs.Slabs(tmp_path / "slabs", "key", 3)
    page = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    for number in (0, 1):
        kept.save(number, {"labels": page + number})
    damaged = tmp_path / "slabs" / "key" / "000001.npz"
    damaged.write_bytes(damaged.read_bytes()[:-40])
    again = slabs.Slabs(tmp_path / "slabs", "key", 3)
    assert again.missing == [1, 2]
    assert "another prediction" not in capsys.readouterr().err
    assert slabs.Slabs(tmp_path / "slabs", "other", 3).missing == [0, 1, 2]
    assert "or kind of device); it starts from the beginning" in capsys.readouterr().err
    assert slabs.Slabs(tmp_path / "slabs", "key", 3).missing == [0, 1, 2]
