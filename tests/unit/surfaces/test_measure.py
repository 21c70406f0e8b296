"""Quantities of arrays: closed forms, classes of any name, and what is refused."""

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.labels.settings import Particles
from catomo.surfaces.measure import Roles, all_quantities, measure
from catomo.surfaces.settings import KNOWN_MATERIALS, Bulk
from conftest import balls

BULK = Bulk(  # what is known of Pt and γ-alumina, for classes of other names
    **{f"particles_{name}": value for name, value in KNOWN_MATERIALS["pt"].items()},
    support_density_g_cm3=KNOWN_MATERIALS["alumina"]["density_g_cm3"],
)


def embedded():
    """A block of support with a cube of 8 px in its face, half sunk in."""
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, :15, 5:25] = 1
    labels[10:18, 11:19, 10:18] = 2
    return labels


def test_a_half_embedded_cube_by_hand_whatever_the_classes_are_called():
    names = ["vacuum", "silica", "gold"]
    numbers = measure(embedded(), 0.5, names, support="silica", particles="gold", bulk=BULK)
    assert numbers["gold_volume"]["value"] == 8**3 * 0.5**3
    assert numbers["gold_count"]["value"] == 1
    assert numbers["gold_contact_fraction"]["value"] == pytest.approx(0.5, abs=0.01)
    diameter = 0.5 * np.cbrt(6 * 8**3 / np.pi)
    assert numbers["gold_diameter_d10"]["value"] == pytest.approx(diameter, rel=1e-12)
    area = numbers["silica_area"]["value"]
    assert numbers["gold_loading"]["value"] == pytest.approx(1 / area)
    default = measure(embedded(), 0.5)
    for (name, entry), (own, own_entry) in zip(default.items(), numbers.items(), strict=True):
        assert name.split("_", 1)[1] == own.split("_", 1)[1]
        assert (entry["value"], entry["low"]) == (own_entry["value"], own_entry["low"])


def test_by_the_gram_half_sunk_balls_on_a_block_have_the_closed_form():
    edge, thick, radius, count, pixel_nm = 48, 24, 7.5, 4, 0.5
    labels = np.zeros((64, 64, 64), np.uint8)
    labels[8:56, 8:32, 8:56] = 1
    places = [(y, 31.5, x, radius) for y in (19.5, 43.5) for x in (19.5, 43.5)]
    labels[balls((64, 64, 64), *places) > 0] = 2
    found = {name: one["value"] for name, one in measure(labels, pixel_nm).items()}
    half = 2 * np.pi * radius**2 * pixel_nm**2  # nm², of each ball, free and covered alike
    metal = count * 4 / 3 * np.pi * (radius * pixel_nm) ** 3 * 21.45
    ground = (edge**2 * thick - count * 2 / 3 * np.pi * radius**3) * pixel_nm**3 * 3.65
    outside = (2 * edge**2 + 4 * edge * thick) * pixel_nm**2 + count * half / 2
    percent = 100 * metal / (metal + ground)
    assert found["pt_weight_percent"] == pytest.approx(percent, rel=0.02)
    assert found["pt_count_per_gram"] == pytest.approx(count / ((metal + ground) * 1e-21), rel=0.02)
    dispersion = 1.5 / (radius * pixel_nm) * 12.5 / 66.2
    assert found["pt_dispersion"] == pytest.approx(dispersion, rel=0.03)
    assert found["pt_area_per_gram"] == pytest.approx(1000 * count * half / metal, rel=0.03)
    assert found["alumina_area_per_gram"] == pytest.approx(1000 * outside / ground, rel=0.03)


def test_what_redrawn_labels_tell_is_the_same_without_the_rest():
    """Redraws leave out what takes long; what is left must not depend on it."""
    labels = balls((40, 40, 40), (10, 22, 12, 5), (22, 22, 24, 6), (22, 30, 31, 4))
    labels[:, :20] = np.where(labels[:, :20], labels[:, :20], 1)
    labels[18:21, 12:20, 5:8] = 0
    roles = Roles(["background", "alumina", "pt"], "alumina", Particles(), 1.5)
    whole, brief = (all_quantities(labels, 0.5, roles, brief=b)[0] for b in (False, True))
    told = (
        "alumina_volume", "alumina_area", "pt_volume", "pt_area", "pt_count", "pt_loading",
        "pt_diameter_d10", "pt_diameter_d32", "pt_diameter_d43", "pt_spacing_surface",
    )  # fmt: skip
    for name in told:
        assert brief[name]["value"] == pytest.approx(whole[name]["value"], rel=1e-12), name


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


def value(numbers, name):
    return numbers[name]["value"]


def within(numbers, name, truth):
    return numbers[name]["low"] <= truth <= numbers[name]["high"]


def test_a_film_across_the_volume_has_two_sides():
    labels = balls((60, 60, 60), *((y, 43, x, 4) for y in (15, 45) for x in (15, 45)))
    labels[:, 20:40] = 1
    numbers = measure(labels, 0.5)
    assert value(numbers, "alumina_area") == pytest.approx(1800, rel=0.005)
    assert within(numbers, "alumina_area", 1800)
    assert value(numbers, "pt_loading") == pytest.approx(4 / 1800, rel=0.005)
    assert value(numbers, "alumina_porosity") == 0
    assert within(numbers, "alumina_thickness", 10)
    assert value(numbers, "pt_cut_share") == 0


def test_the_area_of_a_film_at_ten_degrees_to_an_axis():
    """Its steps are the widest; each side crosses the volume at 1 / cos of the angle."""
    y, z, _ = np.indices((48, 48, 48)) - 23.5
    height = (6 * z + y) / np.hypot(6, 1)
    numbers = measure(((height >= -6.2) & (height < 6.3)).astype(np.uint8), 1.0, particles=None)
    assert within(numbers, "alumina_area", 2 * 48**2 * np.hypot(6, 1) / 6)


def test_a_film_that_the_volume_cuts_along_its_faces_has_no_thickness():
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:, 20:] = 1
    entry = measure(labels, 0.5)["alumina_thickness"]
    assert entry["value"] is entry["low"] is entry["high"] is None
    assert "end of the data" in entry["method"]


def test_balls_that_the_volume_cuts_are_flagged_and_left_out_of_means():
    centres = ((20 * y, 10 + 20 * z, 20 * x, 5) for y, z, x in np.ndindex(3, 3, 3))
    numbers = measure(balls((60, 60, 60), *centres), 0.5)
    for key in ("d10", "d32", "d43"):
        assert value(numbers, f"pt_diameter_{key}") == pytest.approx(4.97, abs=0.005)
    assert value(numbers, "pt_exposed_area") == pytest.approx(1530, rel=0.03)
    assert within(numbers, "pt_exposed_area", 1530)
    assert value(numbers, "pt_cut_share") == pytest.approx(15 / 27)
    assert value(numbers, "pt_spacing_surface") == pytest.approx(5, abs=0.4)


def test_small_balls_have_their_area():
    rng = np.random.default_rng(0)
    radius = 1.25
    centres = [12 * np.array(n) + 5.5 + rng.uniform(-0.5, 0.5, 3) for n in np.ndindex(5, 5, 5)]
    numbers = measure(balls((60, 60, 60), *((*centre, radius) for centre in centres)), 0.5)
    truth = len(centres) * np.pi * (2 * radius * 0.5) ** 2
    for key in ("pt_area", "pt_exposed_area"):
        assert value(numbers, key) == pytest.approx(truth, rel=0.03)
        assert within(numbers, key, truth)


@pytest.mark.parametrize(("radius", "number"), [(1.25, 1), (1.25, 6), (2, 3), (3, 1)])
def test_the_interval_of_the_area_holds_for_few_small_balls(radius, number):
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(20):
        middles = np.array([(6, 6, 12 * n + 6) for n in range(number)])
        middles = middles + rng.uniform(-0.5, 0.5, (number, 3))
        labels = balls((12, 12, 12 * number), *((*middle, radius) for middle in middles))
        numbers = measure(labels, 1.0, support=None)
        held += within(numbers, "pt_exposed_area", number * 4 * np.pi * radius**2)
    assert held >= 18


def test_slices_that_were_not_recorded_are_left_out():
    labels = np.zeros((40, 30, 30), np.uint8)
    labels[:, 10:20] = 1
    recorded = np.ones(40, bool)
    recorded[18:22] = False
    labels[18:22] = 2  # whatever is there
    numbers = measure(labels, 1.0, recorded=recorded)
    assert value(numbers, "pt_count") == value(numbers, "pt_volume") == 0
    assert value(numbers, "alumina_area") == pytest.approx(2 * 30 * 36, rel=0.005)
    assert value(numbers, "alumina_porosity") == 0


def test_two_touching_balls_are_two_and_an_elongated_one_is_one():
    labels = balls((30, 30, 60), (15, 15, 14, 6), (15, 15, 25, 6))
    grid = np.indices(labels.shape)
    labels[
        ((grid[0] - 15) / 3) ** 2 + ((grid[1] - 15) / 3) ** 2 + ((grid[2] - 46) / 9) ** 2 <= 1
    ] = 2
    numbers = measure(labels, 1.0)
    assert value(numbers, "pt_count") == 3
    ball = np.cbrt(6 * np.count_nonzero(balls((30, 30, 30), (15, 15, 14, 6))) / np.pi)
    rod = np.cbrt(6 * np.count_nonzero(labels[:, :, 35:]) / np.pi)
    assert value(numbers, "pt_diameter_d10") == pytest.approx((2 * ball + rod) / 3, rel=0.01)
    sizes = np.array([ball, ball, rod])
    d32 = (sizes**3).sum() / (sizes**2).sum()
    assert value(numbers, "pt_diameter_d32") == pytest.approx(d32, rel=0.01)


def test_elongation_along_the_beam_is_told():
    labels = np.zeros((30, 40, 30), np.uint8)
    grid = np.indices(labels.shape)
    labels[
        ((grid[0] - 15) / 5) ** 2 + ((grid[1] - 20) / 10) ** 2 + ((grid[2] - 15) / 5) ** 2 <= 1
    ] = 2
    assert value(measure(labels, 1.0), "pt_elongation") == pytest.approx(2, rel=0.03)


def test_particles_are_on_the_outer_surface_in_pores_or_embedded():
    labels = np.zeros((50, 50, 50), np.uint8)
    labels[10:40, 10:40, 10:40] = 1
    labels[22:28, 10:40, 22:28] = 0  # a channel through
    on_top = balls(labels.shape, (15, 41, 15, 3))
    in_pore = balls(labels.shape, (24, 25, 24, 2))
    inside = balls(labels.shape, (34, 20, 34, 2.5))
    for one in (on_top, in_pore, inside):
        labels[one > 0] = 2
    numbers = measure(labels, 0.5, hull_radius_nm=2.0)
    for place in ("outer", "pore", "embedded"):
        assert value(numbers, f"pt_share_{place}") == pytest.approx(1 / 3)
    assert value(numbers, "alumina_porosity_closed") == 0
    assert value(numbers, "alumina_pore_diameter") == pytest.approx(3.0, abs=0.6)


@pytest.mark.parametrize("sunk", [0.06, 0.15, 0.3])
def test_contact_of_balls_sunk_into_a_plane(sunk):
    """However narrow the wedge at their rim is, of which voxels see nothing."""
    rng = np.random.default_rng(3)
    labels, radius = np.zeros((72, 28, 72), np.uint8), 4.0
    labels[:, :10] = 1
    for y, x in np.ndindex(4, 4):
        centre = (18 * y + 9 + rng.uniform(-0.5, 0.5), 9.5 + radius * (1 - 2 * sunk))
        labels[balls(labels.shape, (*centre, 18 * x + 9 + rng.uniform(-0.5, 0.5), radius)) > 0] = 2
    numbers = measure(labels, 1.0)
    contact = 16 * 4 * np.pi * radius**2 * sunk
    exposed = 16 * 4 * np.pi * radius**2 * (1 - sunk)
    assert within(numbers, "pt_contact_area", contact)
    assert within(numbers, "pt_exposed_area", exposed)
    assert within(numbers, "pt_contact_fraction", sunk)


def test_a_ball_smaller_than_a_voxel_closes_no_pore():
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, 5:25, 5:25] = 1
    labels[13:16, 5:25, 13:16] = 0
    keys = ("porosity", "porosity_open", "porosity_closed", "pore_diameter", "access_radius")
    numbers = measure(labels, 2.0, hull_radius_nm=1.5)
    for key in keys:
        assert value(numbers, f"alumina_{key}") is None
        assert "a larger one" in numbers[f"alumina_{key}"]["method"]
    numbers = measure(labels, 2.0, hull_radius_nm=6.0)  # the way out
    assert value(numbers, "alumina_porosity_open") == pytest.approx(9 * 20 / 20**3, rel=0.1)


def test_a_particle_that_fills_the_frame_has_no_areas_to_compare():
    numbers = measure(np.full((12, 12, 12), 2, np.uint8), 1.0)
    assert value(numbers, "pt_exposed_area") == value(numbers, "pt_contact_area") == 0
    assert value(numbers, "pt_contact_fraction") is None
    assert "the particles have neither" in numbers["pt_contact_fraction"]["method"]
    assert "cuts every pt particle" in numbers["pt_diameter_d10"]["method"]


def test_what_touches_no_support_is_detached_and_what_touches_another_has_no_sphericity():
    labels = np.zeros((40, 40, 60), np.uint8)
    labels[:, :10] = 1
    for one in ((20, 13, 12, 4), (20, 30, 25, 5), (20, 30, 34, 5), (20, 22, 50, 5)):
        labels[balls(labels.shape, one) > 0] = 2
    numbers = measure(labels, 1.0)
    assert value(numbers, "pt_share_outer") == pytest.approx(1 / 4)
    assert value(numbers, "pt_share_detached") == pytest.approx(3 / 4)
    assert value(numbers, "pt_sphericity") == pytest.approx(1, abs=0.03)


def test_the_loading_is_as_unsure_as_number_and_area():
    labels = np.zeros((60, 60, 60), np.uint8)
    labels[:, 20:40] = 1
    for y, x in np.ndindex(3, 3):
        labels[balls(labels.shape, (12 + 18 * y, 42, 12 + 18 * x, 4)) > 0] = 2
    labels[balls(labels.shape, (12, 42, 19, 4)) > 0] = 2  # merged with the first one
    numbers = measure(labels, 0.5)
    count, area, loading = (numbers[f"{n}"] for n in ("pt_count", "alumina_area", "pt_loading"))
    off = 1 - loading["low"] / loading["value"]
    assert off >= 1 - count["low"] / count["value"] - 1e-9
    assert off >= 1 - area["value"] / area["high"] - 1e-9


def test_outer_and_pore_surface_of_a_shell():
    labels = np.zeros((50, 50, 50), np.uint8)
    labels[10:40, 10:40, 10:40] = 1
    labels[balls(labels.shape, (25, 25, 25, 9)) > 0] = 0
    numbers = measure(labels, 0.5)
    assert value(numbers, "alumina_area_pore") == pytest.approx(np.pi * 9**2, rel=0.03)
    assert value(numbers, "alumina_area_outer") == pytest.approx(6 * 15**2, rel=0.05)
    whole = value(numbers, "alumina_area_outer") + value(numbers, "alumina_area_pore")
    assert whole == pytest.approx(value(numbers, "alumina_area"), rel=0.001)
