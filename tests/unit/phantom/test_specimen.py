"""The drawn specimen: its angles, its pores and particles, and how a bad file is refused."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.errors import UserError
from catomo.phantom.shares import labels_of
from catomo.phantom.specimen import (
    PARTICLE_CELL,
    PLATE_CELL,
    mid_plate_nm,
    plate_frame,
    read_specimen,
    render_specimen,
)

DEMO = Path(__file__).parents[3] / "resources" / "phantoms" / "demo-128.yaml"


@pytest.fixture(scope="module")
def specimen():
    return read_specimen(DEMO)


@pytest.fixture(scope="module")
def phantom(specimen):
    return render_specimen(specimen, 1)


def changed(**blocks):
    """Return the demo's content with keys of its blocks replaced."""
    content = yaml.safe_load(DEMO.read_text())
    for block, value in blocks.items():
        content[block] = {**content[block], **value} if isinstance(value, dict) else value
    return content


def written(tmp_path, content):
    path = tmp_path / "specimen.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def angles(facets, kind):
    normals = [np.array(f["normal"]) for f in facets if f["kind"] == kind]
    return {round(float(np.degrees(np.arccos(np.clip(a @ b, -1, 1)))), 1)
            for a, b in combinations(normals, 2)}  # fmt: skip


def test_sides_meet_at_the_rhombus_angles(phantom):
    assert angles(phantom.facets, "111_side") == {70.5, 109.5, 180.0}


def test_ridges_lean_as_111_against_110(phantom):
    """Angles between {111} and (110) are 35.3° or 90°, between {111} 70.5° or 109.5°."""
    assert angles(phantom.facets, "111_ridge") == {0.0, 70.5, 109.5, 180.0}
    up = next(np.array(f["normal"]) for f in phantom.facets if f["kind"] == "110")
    for kind, allowed in (("111_side", {90.0}), ("111_ridge", {35.3, 144.7})):
        leans = {
            round(float(np.degrees(np.arccos(up @ np.array(f["normal"])))), 1)
            for f in phantom.facets
            if f["kind"] == kind
        }
        assert leans == allowed


def test_no_alumina_outside_its_facets(phantom, specimen):
    """Sides and the plane of the ridge tops bound every alumina cell; both are reached."""
    cells = np.argwhere(phantom.cells == PLATE_CELL)
    middle = (np.array(phantom.cells.shape) - 1) / 2
    points = (cells - middle) * specimen.pixel_size_nm / phantom.oversampling
    for facet in phantom.facets:
        if facet["kind"] == "111_side":
            reach = (points @ np.array(facet["normal"])).max()
            assert facet["offset_nm"] - 0.3 < reach < facet["offset_nm"]
        if facet["kind"] == "110":
            reach = (points @ np.array(facet["normal"])).max()
            ridge = specimen.plate.corrugation_depth_nm
            assert facet["offset_nm"] + ridge - 0.3 < reach < facet["offset_nm"] + ridge


def test_ridge_planes_pass_through_ridge_tops(phantom, specimen):
    """Two planes of a ridge meet at the height of the ridge top, half the thickness."""
    up = plate_frame(specimen)[[1, 2, 0], 2]
    ridges = [f for f in phantom.facets if f["kind"] == "111_ridge"]
    for one, other in zip(ridges[0::2], ridges[1::2], strict=True):
        # The sum of both normals points out of the face, so it gives the height.
        out = np.array(one["normal"]) + np.array(other["normal"])
        height = (one["offset_nm"] + other["offset_nm"]) / abs(out @ up)
        assert height == pytest.approx(specimen.plate.thickness_nm / 2, abs=1e-9)


def test_particles_are_the_spheres_of_the_truth(phantom, specimen):
    assert len(phantom.particles) == specimen.particles.count
    low, high = specimen.particles.clip_nm
    assert all(low <= p["diameter_nm"] <= high for p in phantom.particles)
    cell = (specimen.pixel_size_nm / phantom.oversampling) ** 3
    volume = (phantom.cells == PARTICLE_CELL).sum() * cell
    assert volume == pytest.approx(sum(p["volume_nm3"] for p in phantom.particles), rel=5e-3)
    for particle in phantom.particles:
        y, z, x = np.round((np.array(particle["centre_px"]) + 0.5) * 2 - 0.5).astype(int)
        assert phantom.cells[y, z, x] == PARTICLE_CELL


def test_particles_do_not_touch(phantom, specimen):
    for one, other in combinations(phantom.particles, 2):
        distance = np.linalg.norm(np.subtract(one["centre_px"], other["centre_px"]))
        radii = (one["diameter_nm"] + other["diameter_nm"]) / 2
        assert distance * specimen.pixel_size_nm > radii


def test_particles_sit_on_both_faces_at_the_stated_depth(phantom, specimen):
    up = plate_frame(specimen)[[1, 2, 0], 2]
    middle = (np.array(specimen.shape_px) - 1) / 2
    faces = Counter()
    for particle in phantom.particles:
        height = (np.array(particle["centre_px"]) - middle) @ up * specimen.pixel_size_nm
        sunk = specimen.plate.thickness_nm / 2 + particle["diameter_nm"] / 2 - abs(height)
        assert sunk / particle["diameter_nm"] == pytest.approx(specimen.particles.embedded_fraction)
        faces[np.sign(height)] += 1
    assert min(faces.values()) >= 5


def test_pores_take_the_missing_volume(specimen):
    """Without pores the plate has the volume of its prism; with them it has less."""
    plate = specimen.plate
    bare = specimen.model_copy(
        update={
            "pores": specimen.pores.model_copy(update={"count": 0}),
            "particles": specimen.particles.model_copy(update={"count": 0}),
        }
    )
    cell = (specimen.pixel_size_nm / specimen.render_oversampling) ** 3
    volume = (render_specimen(bare, 1).cells == PLATE_CELL).sum() * cell
    area = plate.edge_nm**2 * np.sin(np.deg2rad(70.5288))
    mean = mid_plate_nm(specimen) * plate_frame(specimen)[2, 2]
    # Ridges end at the rim wherever it cuts them, so the mean thickness is only near.
    assert volume == pytest.approx(area * mean, rel=0.02)
    porous = bare.model_copy(update={"pores": specimen.pores})
    assert 0.02 < 1 - (render_specimen(porous, 1).cells == PLATE_CELL).sum() * cell / volume < 0.3


def test_open_pores_reach_the_rim_and_closed_ones_do_not(specimen):
    from scipy.ndimage import label

    def cavities(open_fraction):
        pores = specimen.pores.model_copy(update={"open_fraction": open_fraction})
        none = specimen.particles.model_copy(update={"count": 0})
        bare = specimen.model_copy(update={"pores": pores, "particles": none})
        drawn = render_specimen(bare, 3)
        return label(drawn.cells == 0)[1] - 1  # the surroundings are one more

    count = specimen.pores.count
    assert cavities(0.0) == count
    assert cavities(0.5) == count - round(count / 2)
    assert cavities(1.0) == 0


def test_truth_density_keeps_the_mass(phantom, specimen):
    rows = list(phantom.shares())
    shares = {part: np.stack([row[part] for row in rows]) for part in ("plate", "particles")}
    labels = labels_of(shares)
    contrast = specimen.contrast
    density = shares["plate"] * contrast.plate + shares["particles"] * contrast.particles
    assert labels.shape == density.shape == tuple(specimen.shape_px)
    assert labels.dtype == np.uint8
    fine = phantom.density(specimen.contrast)
    assert density.sum(dtype=float) * 8 == pytest.approx(fine.sum(dtype=float), rel=1e-6)
    assert density[labels == 2].min() >= contrast.particles / 2
    assert density[labels == 0].max() < contrast.particles / 2


def test_seed_draws_another_specimen_and_the_same_twice(phantom, specimen):
    assert np.array_equal(render_specimen(specimen, 1).cells, phantom.cells)
    assert not np.array_equal(render_specimen(specimen, 2).cells, phantom.cells)


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ({"plate": {"thicknes_nm": 3.0}}, ["plate.thicknes_nm: unknown key", "thickness_nm"]),
        ({"colour": "red"}, ["colour: unknown key", "contrast"]),
        ({"pixel_size_nm": -1.0}, ["pixel_size_nm: found -1.0; must be greater than 0"]),
        ({"plate": {"corrugation_depth_nm": 2.5}}, [" plate: ", "corrugation_period_nm / 2.83"]),
        (
            {"pores": {"width_nm": [3.0, 1.0]}},
            [" pores.width_nm: found [3.0, 1.0]", "[smallest, largest]"],
        ),
        ({"acquisition": {"tilt_deg": [-68, 68, 0]}}, [" acquisition: ", "[first, last, step]"]),
        ({"shape_px": [128, 128]}, [" shape_px: ", "[128, 128]"]),
    ],
)
def test_bad_specimen_gives_one_line(tmp_path, blocks, words):
    path = written(tmp_path, changed(**blocks))
    with pytest.raises(UserError) as caught:
        read_specimen(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"gold": 3}, "labels.gold: unknown key; known keys: plate, particles, film"),
        ({"film": 1}, "labels.film: found 1; must be 0 where film is null"),
        ({"plate": 0, "particles": 0}, "labels: found .* all parts are 0, background"),
        ({"plate": 16}, "labels.plate: found 16; must be less than or equal to 15"),
    ],
)
def test_labels_that_cannot_be_are_refused(tmp_path, labels, words):
    with pytest.raises(UserError, match=words):
        read_specimen(written(tmp_path, changed() | {"labels": labels}))


def test_the_general_names_of_the_keys_read_the_same(tmp_path, specimen):
    content = changed()
    content["particles"] = content.pop("pt")
    content["contrast"] = {"plate": 1.0, "particles": 19.5}
    assert read_specimen(written(tmp_path, content)) == specimen


def test_unknown_key_in_the_film_is_named(tmp_path):
    film = {
        "thickness_nm": 5.0, "contrast": 0.3, "texture_sigma_nm": 1.5,
        "texture_amplitude": 0.2, "colour": "red",
    }  # fmt: skip
    with pytest.raises(UserError, match=r"film.colour: unknown key"):
        read_specimen(written(tmp_path, changed(film=None) | {"film": film}))


@pytest.mark.parametrize("text", ["plate: [", "", "- 1\n- 2\n", None])
def test_unreadable_specimen_gives_one_line(tmp_path, text):
    path = tmp_path / "specimen.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_specimen(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_key_gives_one_line(tmp_path):
    content = changed()
    del content["contrast"]["pt"]
    with pytest.raises(UserError, match=r"contrast.particles: missing"):
        read_specimen(written(tmp_path, content))


@pytest.mark.parametrize(("block", "count"), [("pores", 500), ("particles", 500)])
def test_too_many_pores_or_particles_are_refused(tmp_path, block, count):
    key = {"particles": "pt"}.get(block, block)  # as the demo's file has it
    specimen = read_specimen(written(tmp_path, changed(**{key: {"count": count}})))
    with pytest.raises(UserError, match=rf"{block}.count: found room for \d+ of 500"):
        render_specimen(specimen, 1)
