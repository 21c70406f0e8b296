"""The faults of a recording: each does what its key says, and nothing else changes."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.ndimage import center_of_mass

from catomo.errors import UserError
from catomo.phantom.settings import Specimen
from catomo.phantom.specimen import read_specimen
from catomo.tilt_series.faults import bodies_of, distorted, true_tilts
from catomo.tilt_series.microscope import project, simulate_tilt_series, tilts_of
from catomo.tilt_series.misalignment import Misalignment
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"
CLEAN = {"max_shift_px": 0, "axis_offset_px": 0, "axis_angle_deg": 0, "bad_pixel_fraction": 0}


def content(**faults):
    """Return the content of a specimen file of 40³ px with 12 tilts and no shifts."""
    demo = yaml.safe_load(DEMO.read_text())
    demo |= {"shape_px": [40, 40, 40], "pixel_size_nm": 0.75, "render_oversampling": 1}
    demo["acquisition"] |= {"tilt_deg": [-60, 60, 12], **CLEAN}
    return demo | {"faults": faults}


def specimen(**faults):
    return Specimen.model_validate(content(**faults))


def made(**faults):
    return simulate_tilt_series(specimen(**faults), 5)


def counts(**faults):
    return made(**faults).series.images


@pytest.fixture(scope="module")
def clean():
    return counts()


def test_without_faults_nothing_changes(clean):
    demo = content()
    del demo["faults"]
    series = simulate_tilt_series(Specimen.model_validate(demo), 5)
    np.testing.assert_array_equal(series.series.images, clean)
    assert isinstance(distorted(series.misalignment, specimen(), 11, 5), Misalignment)
    assert bodies_of(series.phantom, specimen(), 11, 5) is None


def matrices(**faults):
    return distorted(Misalignment(), specimen(**faults), 4000, 5).matrix


def test_turn_growth_shear_and_drift_have_the_asked_size():
    turn = np.arctan2(matrices(rotation_deg=2.0)[:, 0, 1], matrices(rotation_deg=2.0)[:, 0, 0])
    assert np.degrees(turn.std()) == pytest.approx(2.0, rel=0.03)
    growth = matrices(magnification=0.06)
    np.testing.assert_allclose(growth[[0, -1], 0, 0], [0.94, 1.06])
    np.testing.assert_allclose(growth[:, 1, 1], growth[:, 0, 0])
    assert matrices(shear=0.03)[:, 0, 1].std() == pytest.approx(0.03, rel=0.03)
    drift = matrices(scan_drift_px=4.0)
    assert drift[:, 0, 1].std() == pytest.approx(4 / 40, rel=0.03)  # 4 px over 40 rows
    assert drift[:, 1, 1].std() == pytest.approx(4 / 40, rel=0.03)


def test_a_point_is_where_the_distortion_says_and_back():
    seen = distorted(Misalignment(3.0, 1.0), specimen(rotation_deg=4, flyback_px=2.0), 3, 5)
    u, v = np.array([-15.0, 2.0]), np.array([4.0, -9.0])
    np.testing.assert_allclose(seen.to_aligned(*seen.to_raw(u, v, 1), 1), (u, v), atol=0.02)
    volume = np.zeros((40, 40, 40), np.float32)
    volume[24, 20, 5] = 1.0
    row, column = center_of_mass(project(volume, [0.0], misalignment=seen, probe_sigma_px=1.0)[0])
    dx, dy = seen.to_raw(np.array(5 - 19.5), np.array(24 - 19.5), 0)
    assert (column - 19.5, row - 19.5) == (pytest.approx(dx, abs=1e-2), pytest.approx(dy, abs=1e-2))


def test_the_flyback_pulls_the_left_edge_only():
    seen = distorted(Misalignment(), specimen(flyback_px=3.0), 1, 5)
    dx, _ = seen.to_raw(np.array([-20.0, 0.0, 20.0]), np.zeros(3), 0)
    np.testing.assert_allclose(dx, [-17.0, 3 * np.exp(-5), 20 + 3 * np.exp(-10)], atol=1e-9)


@pytest.mark.parametrize("pull_px", [3.0, 6.0])
def test_the_flyback_keeps_the_brightness_of_what_it_squeezes(pull_px):
    """A pull of more than 4 px, its reach, folds the very edge over, which then stays dark."""
    seen = distorted(Misalignment(), specimen(flyback_px=pull_px), 1, 5)
    plate = np.ones((160, 16, 160), np.float32)
    images = project(plate, [0.0], oversampling=4, misalignment=seen, probe_sigma_px=0.5)
    seen.keep_brightness(images)
    assert images[0, 10:30, 8:36] == pytest.approx(np.full((20, 28), 4.0), rel=0.03)


def test_a_shadow_takes_a_share_that_shrinks_to_nothing(clean):
    shaded = counts(shadow_images=4, shadow_share=0.5)
    for t, columns in enumerate((20, 15, 10, 5)):
        assert shaded[t, :, :columns].mean() == pytest.approx(
            0.1 * clean[t, :, :columns].mean(), rel=0.2
        )
        assert shaded[t, :, columns + 1 :].mean() == pytest.approx(
            clean[t, :, columns + 1 :].mean(), rel=0.05
        )
    assert shaded[4, :, :5].mean() == pytest.approx(clean[4, :, :5].mean(), rel=0.1)


def test_saturation_cuts_exactly_that_share(clean):
    cut = counts(saturation=0.04)
    top = cut.max()
    assert (clean > top).mean() <= 0.04 <= (clean >= top).mean()
    np.testing.assert_array_equal(cut, np.minimum(clean, top))


def test_an_offset_is_added_and_counts_stay_above_zero(clean):
    np.testing.assert_array_equal(counts(offset_counts=7), clean + 7)
    np.testing.assert_array_equal(counts(offset_counts=-30), np.maximum(clean - 30, 0))


def test_dead_lines_are_the_same_rows_in_all_images():
    dead = (counts(dead_lines=3) == 0).all(axis=(0, 2))
    assert dead.sum() == 3


def expected(**faults):
    """Return noise-free images: very many counts, without background."""
    asked = content(**faults)
    asked["acquisition"] |= {"counts_mid_plate": 1e8, "background_counts": 0}
    return simulate_tilt_series(Specimen.model_validate(asked), 5).series.images / 1e8


def test_damping_follows_its_formula():
    thickness, damped = expected(), expected(damping=0.5)
    np.testing.assert_allclose(damped, (1 - np.exp(-0.5 * thickness)) / 0.5, atol=2e-3)


def test_contamination_grows_evenly_on_what_is_seen_and_nowhere_else():
    before, after = expected(), expected(contamination_nm=1.5)
    grown = after - before
    assert grown[0].max() == pytest.approx(0, abs=2e-3)
    plain = grown[-1][15:25, 18:22].mean() * np.cos(np.deg2rad(60))
    half = grown[5][15:25, 18:22].mean()  # 0°, the middle of the series
    assert half == pytest.approx(plain / 2, rel=0.1)
    # Twice 1.5 nm, half as dense as a plate of 8 nm that leans by some degrees.
    assert plain == pytest.approx(1.5 / 7, rel=0.15)
    assert grown[-1][:, 0].max() == pytest.approx(0, abs=2e-3)


def test_particles_move_by_the_asked_way_about_their_true_place():
    bodies = bodies_of(made().phantom, specimen(particle_drift_nm=3.0), 11, 5)
    np.testing.assert_allclose(bodies.moved_px[5], 0, atol=1e-12)
    way = np.linalg.norm(bodies.moved_px[-1, 1:] - bodies.moved_px[0, 1:], axis=1)
    np.testing.assert_allclose(way * 0.75, 3.0)
    assert set(np.unique(bodies.gain)) == {1.0}
    assert not bodies.moved_px[:, 0].any()


def test_single_particles_flash_up_and_the_rest_stays():
    shown = specimen(diffraction_share=0.2, diffraction_factor=3.0)
    bodies = bodies_of(made().phantom, shown, 2000, 5)
    values, number = np.unique(bodies.gain[:, 1:], return_counts=True)
    np.testing.assert_allclose(values, [1 / 3, 1, 3])
    np.testing.assert_allclose(number / number.sum(), [0.1, 0.8, 0.1], atol=0.01)
    assert (bodies.gain[:, 0] == 1).all()


def test_moving_cells_land_where_they_have_moved_to():
    volume, number = np.zeros((24, 24, 24), np.float32), np.zeros((24, 24, 24), np.uint16)
    volume[12, 12, 12], number[12, 12, 12] = 1.0, 1
    made_of = bodies_of(made().phantom, specimen(particle_drift_nm=1.0), 1, 5)
    bodies = type(made_of)(number, np.array([[[0, 0, 0], [1.5, 0, -2.0]]]), np.array([[1, 4.0]]))
    image = project(volume, [0.0], probe_sigma_px=0.8, bodies=bodies)[0]
    assert center_of_mass(image) == (pytest.approx(13.5, abs=1e-3), pytest.approx(10, abs=1e-3))
    assert image.sum() == pytest.approx(4.0, rel=1e-4)


def test_a_stretched_image_is_as_bright_as_the_specimen():
    middle = np.s_[0, 17:23, 17:23]
    plain, grown = expected(), expected(magnification=0.1)  # 0.9 at the first tilt
    assert grown[middle].mean() == pytest.approx(plain[middle].mean(), rel=0.1)
    assert grown[0].sum() == pytest.approx(0.81 * plain[0].sum(), rel=0.02)


def true(**faults):
    recorded = tilts_of(specimen().acquisition)
    return recorded, true_tilts(recorded, specimen(**faults).faults, 5)


def test_true_angles_are_scaled_lag_or_miss_a_step():
    recorded, scaled = true(angle_scale=1.05)
    np.testing.assert_allclose(scaled, 1.05 * recorded)
    lag = true(backlash_deg=2.0)[1] - recorded
    np.testing.assert_allclose(lag, np.where(recorded < 0, 2.0, 0.0))
    np.testing.assert_allclose(true(missing_image=4)[1] - recorded, [0] * 3 + [12] * 8)
    np.testing.assert_allclose(true(doubled_image=4)[1] - recorded, [0] * 4 + [-12] * 7)
    jitter = true(angle_jitter_deg=1.0)[1] - recorded
    assert 0.4 < jitter.std() < 1.8


def test_wrong_angles_change_the_views_and_not_what_is_recorded():
    series = made(angle_scale=1.2)
    assert series.series.tilt_deg.tolist() == tilts_of(specimen().acquisition).tolist()
    right = content()
    right["acquisition"]["tilt_deg"] = [-72, 72, 14.4]
    same = simulate_tilt_series(Specimen.model_validate(right), 5)
    np.testing.assert_allclose(series.true_tilt_deg, same.series.tilt_deg)
    np.testing.assert_array_equal(series.series.images, same.series.images)


def test_a_doubled_image_is_the_same_twice_and_the_truth_says_so(tmp_path):
    asked = content(doubled_image=3)
    asked["acquisition"]["max_shift_px"] = 2
    path = tmp_path / "specimen.yaml"
    path.write_text(yaml.safe_dump(asked))
    simulate(path, tmp_path / "out", Simulate(seed=5))
    truth = json.loads((tmp_path / "out" / "truth.json").read_text())
    assert truth["true_tilt_deg"][:5] == [-60, -48, -36, -36, -24]
    assert truth["across_px"][2] == truth["across_px"][3]
    images = simulate_tilt_series(Specimen.model_validate(asked), 5).series.images
    np.testing.assert_array_equal(images[2], images[3])
    assert not np.array_equal(images[3], images[4])


@pytest.mark.parametrize(
    ("faults", "said", "way_out"),
    [
        ({"angle_scale": 1.5}, "faults.angle_scale", {"angle_scale": 1.4}),
        (
            {"missing_image": 12},
            "faults.missing_image: found 12; must be at most 11",
            {"missing_image": 11},
        ),
        ({"dead_lines": 41}, "faults.dead_lines", {"dead_lines": 40}),
        ({"saturation": 0.7}, "faults.saturation", {"saturation": 0.4}),
        ({"turn": 1.0}, "faults.turn", {"rotation_deg": 1.0}),
    ],
)
def test_impossible_faults_are_refused(tmp_path, faults, said, way_out):
    path = tmp_path / "specimen.yaml"
    path.write_text(yaml.safe_dump(content(**faults)))
    with pytest.raises(UserError) as refused:
        read_specimen(path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    path.write_text(yaml.safe_dump(content(**way_out)))
    assert read_specimen(path).faults
