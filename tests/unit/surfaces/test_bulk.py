"""Dispersion, loading and areas by the gram in closed form, and what disagrees with the bulk."""

import numpy as np
import pytest

from catomo.surfaces.bulk import agreement, bulk_quantities
from catomo.surfaces.quantity import quantity
from catomo.surfaces.settings import KNOWN_MATERIALS, Bulk, BulkValue

AVOGADRO = 6.02214e23


def entries(diameter=3.0, balls=10, support_nm3=4000.0, off=0.05, names=("pt", "alumina")):
    """Return quantities of free balls of one size beside a cube of support."""
    volume, area = balls * np.pi / 6 * diameter**3, balls * np.pi * diameter**2
    outside = 6 * support_nm3 ** (2 / 3)
    metal, ground = names

    def entry(value):
        return quantity(value, "", "", ((1 - off) * value, (1 + off) * value))

    return {
        f"{metal}_volume": entry(volume), f"{ground}_volume": entry(support_nm3),
        f"{metal}_exposed_area": entry(area), f"{ground}_area": entry(outside),
        f"{metal}_count": entry(balls),
    }  # fmt: skip


def test_a_free_ball_has_the_closed_form():
    found = bulk_quantities(entries(3.0), "pt", "alumina", Bulk())
    assert found["pt_dispersion"]["value"] == pytest.approx(6 * 12.5 / 66.2 / 3.0)
    assert "1.13 nm / d" in found["pt_dispersion"]["method"]
    # By hand in SI: 6 / (ρ d) with 21450 kg/m³ and 3 nm is 93.2 m²/g.
    assert found["pt_area_per_gram"]["value"] == pytest.approx(6 / (21450 * 3e-9) / 1000)
    # A cube of 4000 nm³ has an edge of 15.87 nm.
    edge = 4000 ** (1 / 3)
    assert found["alumina_area_per_gram"]["value"] == pytest.approx(6 / (3650 * edge * 1e-9) / 1000)
    metal, ground = 10 * np.pi / 6 * 27 * 21.45, 4000 * 3.65
    assert found["pt_weight_percent"]["value"] == pytest.approx(100 * metal / (metal + ground))
    assert found["pt_count_per_gram"]["value"] == pytest.approx(10 / ((metal + ground) * 1e-21))


def test_the_values_of_pt_hang_together():
    """Atoms per volume are density over atomic weight, and four in a cell of 0.3924 nm."""
    assert pytest.approx(21.45 / 195.08 * AVOGADRO * 1e-21, rel=0.003) == 66.2
    assert pytest.approx(4 / 0.3924**3, rel=0.003) == 66.2


def test_units_by_pint():
    pint = pytest.importorskip("pint")
    unit = pint.UnitRegistry()
    area, volume = 90 * unit.nm**2, 45 * unit.nm**3
    wanted = (area / (volume * 21.45 * unit.g / unit.cm**3)).to("m**2/g").magnitude
    quantities = entries()
    quantities["pt_exposed_area"]["value"], quantities["pt_volume"]["value"] = 90.0, 45.0
    found = bulk_quantities(quantities, "pt", "alumina", Bulk())
    assert found["pt_area_per_gram"]["value"] == pytest.approx(wanted)


def test_other_materials_need_their_densities():
    quantities = entries(names=("ru", "ceria"))
    found = bulk_quantities(quantities, "ru", "ceria", Bulk())
    assert all(entry["value"] is None for entry in found.values())
    assert "surfaces.bulk names no density" in found["ru_weight_percent"]["method"]
    given = Bulk(
        particles_density_g_cm3=12.4, particles_atoms_per_nm3=73.6, particles_atoms_per_nm2=16.3,
        support_density_g_cm3=7.2,
    )  # fmt: skip
    found = bulk_quantities(quantities, "ru", "ceria", given)
    assert found["ru_dispersion"]["value"] == pytest.approx(6 * 16.3 / 73.6 / 3.0)


def told(value, error):
    quantities = entries()
    quantities |= bulk_quantities(quantities, "pt", "alumina", Bulk())
    bulk = Bulk(weight_percent=BulkValue(value=value, error=error))
    return agreement(quantities, "pt", "alumina", bulk), quantities["pt_weight_percent"]["value"]


def test_agreement_and_disagreement_are_said_in_words():
    same, here = told(17.0, 0.5)
    assert here == pytest.approx(17.2, abs=0.1)
    assert same["compared"][0]["agrees"] is True
    assert "agree within both errors" in same["words"][0]
    other, _ = told(1.0, 0.1)
    assert other["compared"][0]["agrees"] is False
    assert "1 ± 0.1 % of the bulk (ICP) DISAGREE beyond both errors" in other["words"][0]
    assert "35-fold" in other["words"][-1]


def test_without_an_interval_nothing_is_compared():
    quantities = entries()
    quantities |= bulk_quantities(quantities, "pt", "alumina", Bulk())
    quantities["pt_dispersion"] |= {"low": None, "high": None}
    bulk = Bulk(dispersion=BulkValue(value=0.4, error=0.1))
    found = agreement(quantities, "pt", "alumina", bulk)
    assert found["compared"][0]["agrees"] is None
    assert "0.4 ± 0.1 of the bulk (chemisorption) cannot be compared" in found["words"][0]


def test_known_densities_are_those_of_the_lattices():
    """Face-centred Pt, a = 0.3924 nm; γ-alumina, a spinel of 32 O with a = 0.791 nm."""
    metal, ground = KNOWN_MATERIALS["pt"], KNOWN_MATERIALS["alumina"]
    cell = 0.3924**3
    assert metal["atoms_per_nm3"] == pytest.approx(4 / cell, rel=1e-3)
    grams = 4 * 195.084 / AVOGADRO
    assert metal["density_g_cm3"] == pytest.approx(grams / (cell * 1e-21), rel=1e-3)
    grams = (64 / 3 * 26.982 + 32 * 15.999) / AVOGADRO
    assert ground["density_g_cm3"] == pytest.approx(grams / (0.791**3 * 1e-21), rel=2e-3)
    planes = [4 / 3**0.5 / 0.3924**2, 2 / 0.3924**2, 2**0.5 / 0.3924**2]  # {111}, {100}, {110}
    assert metal["atoms_per_nm2"] == pytest.approx(np.mean(planes), rel=0.02)
