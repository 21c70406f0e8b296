"""Quantities of arrays: closed forms, classes of any name, and what is refused."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.labels.settings import Particles
from catomo.surfaces.measure import measure
from conftest import balls


def embedded():
    """A block of support with a cube of 8 px in its face, half sunk in."""
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, :15, 5:25] = 1
    labels[10:18, 11:19, 10:18] = 2
    return labels


def test_a_half_embedded_cube_by_hand_whatever_the_classes_are_called():
    names = ["vacuum", "silica", "gold"]
    numbers = measure(embedded(), 0.5, names, support="silica", particles="gold")
    assert numbers["gold_volume"]["value"] == 8**3 * 0.5**3
    assert numbers["gold_count"]["value"] == 1
    assert numbers["gold_contact_fraction"]["value"] == 0.5
    diameter = 0.5 * np.cbrt(6 * 8**3 / np.pi)
    assert numbers["gold_diameter_mean"]["value"] == pytest.approx(diameter, rel=1e-12)
    area = numbers["silica_area"]["value"]
    assert numbers["gold_loading"]["value"] == pytest.approx(1 / area)
    default = measure(embedded(), 0.5)
    for (name, entry), (own, own_entry) in zip(default.items(), numbers.items(), strict=True):
        assert name.split("_", 1)[1] == own.split("_", 1)[1]
        assert (entry["value"], entry["low"]) == (own_entry["value"], own_entry["low"])


def test_classes_without_support_and_particles_have_volume_and_area_only():
    labels = balls((20, 20, 20), (10, 10, 10, 5)) // 2
    numbers = measure(labels, 1.0, ["empty", "carbon"], support=None, particles=None)
    assert set(numbers) == {"carbon_volume", "carbon_area"}
    assert numbers["carbon_volume"]["value"] == np.count_nonzero(labels)


def test_the_rule_for_particles_may_be_given():
    labels = balls((30, 30, 60), (15, 15, 14, 6), (15, 15, 24, 6), (15, 15, 50, 2))
    phase = Particles().phase
    assert measure(labels, 1.0)[f"{phase}_count"]["value"] == 3
    rule = Particles(phase=phase, smallest_diameter_px=6.0, split_depth_px=20.0)
    assert measure(labels, 1.0, particles=rule)[f"{phase}_count"]["value"] == 1


def test_what_cannot_be_measured_is_refused():
    labels = embedded()
    for wrong, message in (
        (labels[0], "expected integers"),
        (labels / 2, "expected integers"),
        (3 * labels, "labels are 0 to 6, but there are 3 classes"),
    ):
        with pytest.raises(ValueError, match=message):
            measure(wrong, 1.0)
    with pytest.raises(ValueError, match=r"support is '\w+', expected one of carbon, or None"):
        measure(labels // 2, 1.0, ["empty", "carbon"])
    with pytest.raises(ValueError, match="particles is 'gold', expected one of"):
        measure(labels, 1.0, particles="gold")
