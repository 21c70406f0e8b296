"""A projector that is wrong in silence is found out, in whichever direction."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.projection.shear import ShearProjector
from catomo.reconstruct.agreement import check_agreement

GEOMETRIES = [
    (np.arange(-68.0, 69, 4), (30, 44), 44),
    (np.arange(-90.0, 91, 5), (40, 40), 57),
    ([-70.0, 0.0, 70.0], (3, 9), 7),
    (np.arange(-60.0, 61, 10), (7, 300), 200, 93.4),
]


class Spoilt(ShearProjector):
    """The shear projector with a fault in one direction."""

    def __init__(self, direction, fault, *geometry):
        super().__init__(*geometry)
        self.direction, self.fault = direction, fault

    def forward(self, images, out=None):
        found = super().forward(images, out)
        return self.fault(found) if self.direction == "forward" else found

    def backward(self, sinograms, out=None):
        found = super().backward(sinograms, out)
        return self.fault(found) if self.direction == "backward" else found


def only_last_slice(found, change):
    found = found.copy()
    found[-1] = change(found[-1])
    return found


FAULTS = {
    "zeros, as of a card that is absent": np.zeros_like,
    "not a number": lambda found: found * np.nan,
    "mirrored": lambda found: found[:, :, ::-1],
    "another unit": lambda found: 1.2 * found,
    "one slice of several": lambda found: only_last_slice(found, np.zeros_like),
    "slices exchanged": lambda found: found[::-1],
}


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_found_in_either_direction(direction, fault):
    with pytest.raises(UserError, match="of backend x are wrong on this machine") as found:
        check_agreement(Spoilt(direction, fault, *GEOMETRIES[0]), "x")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_what_is_right_agrees(geometry, host):
    from catomo.reconstruct.kernels import Kernels
    from catomo.reconstruct.resident import DeviceProjector

    check_agreement(ShearProjector(*geometry), "cpu")
    check_agreement(DeviceProjector(Kernels(host, *geometry)), "cuda")
