"""A skin of support around particles is found in any labels, and told."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, generate_binary_structure

from catomo import measure
from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.measure import Roles, all_quantities
from catomo.surfaces.quantity import quantity
from catomo.surfaces.skin import skin_share, told_of_skin

ROLES = Roles(("background", "alumina", "pt"), "alumina", Particles(), 1.5)
SPOILT = ("pt_exposed_area", "pt_contact_area", "pt_contact_fraction", "pt_dispersion")


def _on_a_plate(radius: float = 5.0, sunk: float = 0.4, thick: int = 12) -> np.ndarray:
    """Four balls on a plate, sunk in by a share of their radius."""
    y, z, x = np.indices((60, 40, 60))
    labels = (z < thick).astype(np.uint8)
    for a in (15.2, 44.1):
        for b in (14.7, 45.3):
            height = thick - 0.5 + (1 - sunk) * radius
            labels[(y - a) ** 2 + (z - height) ** 2 + (x - b) ** 2 <= radius**2] = 2
    return labels


def _coated(labels: np.ndarray, voxels: int, share: float = 1.0) -> np.ndarray:
    """The same with a skin around particles; `share` is that of their height."""
    skin = binary_dilation(labels == 2, generate_binary_structure(3, 3), voxels) & (labels == 0)
    top = np.nonzero((labels == 2).any((0, 2)))[0]
    skin[:, int(top[0] + share * (top[-1] - top[0] + voxels)) + 1 :] = False
    return np.where(skin, np.uint8(1), labels)


def _share(labels: np.ndarray) -> float | None:
    return skin_share(labels, np.argwhere(labels == 2), 1, Frame.of(labels.shape))


@pytest.mark.parametrize("voxels", [1, 2])
def test_a_whole_skin_covers_nearly_all_and_none_nearly_nothing(voxels: int) -> None:
    labels = _on_a_plate()
    assert _share(labels) < 0.05
    # Steps through the diagonals of a skin of two voxels are longer than two voxels.
    assert _share(_coated(labels, voxels)) == pytest.approx(1, abs=0.01)
    assert _share(_coated(labels, 4)) is None


def test_a_skin_up_to_the_middle_covers_as_much_as_it_does() -> None:
    labels = _on_a_plate(8.0, 0.0, 12)
    assert 0.4 < _share(_coated(labels, 1, 0.5)) < 0.6


def test_half_sunk_particles_and_holes_through_thick_walls_are_no_skin() -> None:
    assert _share(_on_a_plate(5, 1.0)) < 0.08
    in_a_pore = np.ones((40, 40, 40), np.uint8)
    y, z, x = np.indices(in_a_pore.shape)
    in_a_pore[(y - 20) ** 2 + (z - 20) ** 2 < 64] = 0
    in_a_pore[(y - 20) ** 2 + (z - 14) ** 2 + (x - 20) ** 2 <= 16] = 2
    assert _share(in_a_pore) < 0.08


def test_what_it_spoils_has_a_word_and_no_interval() -> None:
    labels = _on_a_plate()
    plain, coated = (all_quantities(x, 0.5, ROLES) for x in (labels, _coated(labels, 1)))
    assert plain.doubts == []
    assert all(plain.quantities[name]["low"] is not None for name in SPOILT)
    (warning,) = coated.doubts
    assert "A skin of alumina no more than two voxels thick covers 100 % of the surface" in warning
    for name in SPOILT:
        entry = coated.quantities[name]
        assert {entry[key] for key in ("low", "high", "sample_low", "sample_high")} == {None}
        assert "and may be an error of the labels" in entry["method"]
        assert "low and high" not in entry["method"]
    for name in ("pt_volume", "pt_diameter_d10", "pt_count"):
        assert coated.quantities[name] == plain.quantities[name]


def test_where_particles_sit_is_told_of_the_skin() -> None:
    entries = {
        f"pt_{key}": quantity(0.5, "1", "how")
        for key in ("apex_share", "facet_share_111", "placement_p", "placement_p_neighbour")
    }
    result, (warning,) = told_of_skin(entries, "pt", "alumina", 1.0)
    assert "on which facets particles sit, and whether chance puts them there" in warning
    for entry in result.values():
        assert "a skin of alumina no more than two voxels thick" in entry["method"]


def test_labels_of_anyone_are_told_through_the_package() -> None:
    entry = measure(_coated(_on_a_plate(), 2), 0.5)["pt_exposed_area"]
    assert entry["low"] is None
    assert "skin of alumina" in entry["method"]


def test_a_skin_at_the_end_of_the_frame_is_one() -> None:
    labels = _coated(_on_a_plate(), 1)[14:, :, 13:]
    assert _share(labels) > 0.95


def test_no_particles_and_no_free_surface_are_no_skin() -> None:
    entries = {"pt_exposed_area": {"value": 1.0}}
    assert told_of_skin(entries, "pt", "alumina", None) == (entries, [])
    inside = np.ones((20, 20, 20), np.uint8)
    inside[8:12, 8:12, 8:12] = 2
    assert _share(inside) is None
    assert all_quantities(inside, 0.5, ROLES).doubts == []
    assert all_quantities(np.minimum(inside, 1), 0.5, ROLES).doubts == []
