"""The stage surfaces: quantities of bodies that can be counted, views that show them."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")

from catomo.errors import UserError
from catomo.labels.boundary import near_boundary
from catomo.labels.settings import Particles
from catomo.record.hashes import sha256_of
from catomo.surfaces import render as rendering
from catomo.surfaces.measure import measure
from catomo.surfaces.needs import count_faces
from catomo.surfaces.settings import Surfaces
from conftest import balls

pytestmark = pytest.mark.slow

PIXEL_NM = 0.5


def value(record, name):
    return record["quantities"][name]["value"]


def test_volume_is_counted_exactly_and_the_area_of_a_ball_is_near(make):
    labels = balls((40, 40, 40), (20, 20, 20, 8))
    _, record = make(labels)
    voxels = np.count_nonzero(labels)
    assert value(record, "pt_volume") == voxels * PIXEL_NM**3
    assert value(record, "pt_area") == pytest.approx(4 * np.pi * 4**2, rel=0.015)
    diameter = np.cbrt(6 * voxels / np.pi) * PIXEL_NM
    assert value(record, "pt_diameter_d10") == pytest.approx(diameter, rel=1e-12)
    assert value(record, "pt_exposed_area") == pytest.approx(value(record, "pt_area"))
    for entry in record["quantities"].values():
        assert list(entry) == [
            "value", "low", "high", "sample_low", "sample_high", "unit", "method",
        ]  # fmt: skip
        if entry["low"] is not None and entry["high"] is not None:
            assert entry["low"] <= entry["value"] <= entry["high"]


def test_quantities_of_a_draft_say_so(make):
    labels = balls((12, 12, 12), (6, 6, 6, 3))
    assert make(labels)[1]["draft"] is False
    assert make(labels, draft=True)[1]["draft"] is True


def test_slices_that_few_tilts_recorded_do_not_count(make, capsys):
    labels = np.zeros((20, 24, 24), np.uint8)
    labels[2:12, 4:20, 4:20] = 1
    _, record = make(labels, unrecorded=[0, 1, 2, 3])
    assert value(record, "alumina_volume") == pytest.approx(8 * 16 * 16 * PIXEL_NM**3)
    assert record["slices_left_out"] == [0, 1, 2, 3]
    assert "slices 0-3 are left out" in capsys.readouterr().err
    assert "slices_left_out" not in make(labels)[1]


def test_a_skin_around_particles_is_told_in_the_record_and_at_once(make, capsys):
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[:, :10] = 1
    bare = labels.copy()
    bare[8:16, 10:18, 8:16] = 2
    labels[7:17, 10:19, 7:17] = 1
    labels[8:16, 10:18, 8:16] = 2
    _, record = make(labels)
    assert "may be an error of the labels" in record["quantities"]["pt_exposed_area"]["method"]
    (words,) = record["doubts"]
    assert "covers 100 % of the surface of pt that would be free without it" in words
    assert f"surfaces: DOUBTFUL: {words}" in capsys.readouterr().err
    assert "doubts" not in make(bare)[1]


def test_the_array_function_gives_the_quantities_of_the_stage(make):
    labels = balls((24, 24, 60), (12, 12, 20, 5), (12, 12, 28, 5), (12, 12, 50, 3))
    labels[:, :12][labels[:, :12] == 0] = 1
    _, record = make(labels)
    numbers = measure(labels, PIXEL_NM)
    text = json.dumps(numbers, default=lambda number: number.tolist())
    assert json.loads(text) == record["quantities"]


def test_of_labels_that_a_model_made_digitisation_alone_gives_no_interval(make):
    labels = balls((24, 24, 60), (12, 12, 20, 5), (12, 12, 34, 5), (12, 12, 50, 3))
    labels[:, :12][labels[:, :12] == 0] = 1
    _, record = make(labels, confidence=np.full(labels.shape, 200, np.uint8))
    known = measure(labels, PIXEL_NM)
    assert known["pt_diameter_d10"]["low"] is not None
    for name, entry in record["quantities"].items():
        is_told = "labels of the model are is not known" in entry["method"]
        assert is_told == (known[name]["low"] is not None)
        assert (entry["low"] is None) == (not name.endswith("_volume"))
        assert "; low" not in entry["method"] or name.endswith("_volume")
        assert entry["sample_low"] == pytest.approx(known[name]["sample_low"])


def test_what_the_confidence_leaves_open_widens_intervals_and_gives_a_probability(make):
    labels = balls((24, 24, 60), (12, 12, 15, 5), (12, 12, 45, 4))
    labels[:, :10][labels[:, :10] == 0] = 1
    confidence = np.where(
        np.stack([near_boundary(page, 1.5) for page in labels]), np.uint8(160), np.uint8(255)
    )
    confidence[:, :, 36:] = np.minimum(
        confidence[:, :, 36:], np.where(labels[:, :, 36:] == 2, 140, 255)
    )
    more = {"confidence": confidence, "errors": {"length_px": 6.0, "common": 0.2, "here": True}}
    output, record = make(labels, **more)
    first = (output / "particles.csv").read_bytes()
    known = measure(labels, PIXEL_NM)
    for name, entry in record["quantities"].items():
        assert entry["value"] == pytest.approx(known[name]["value"])
        if known[name]["low"] is not None and entry["low"] is not None:
            assert entry["low"] <= known[name]["low"] <= known[name]["high"] <= entry["high"]
            assert "20 redraws" in entry["method"]
        else:
            assert entry["value"] is None or "no low and high" in entry["method"]
    assert record["redraws"] == {"number": 20, "seed": 1, "length_px": 6.0, "common": 0.2}
    rows = list(csv.DictReader(first.decode().splitlines()))
    sure, doubtful = (float(row["probability"]) for row in rows)
    assert 0.3 < doubtful < sure <= 1
    assert (make(labels, **more)[0] / "particles.csv").read_bytes() == first


def test_without_redraws_a_model_gives_volumes_alone(make):
    labels = balls((24, 24, 30), (12, 12, 15, 5))
    more = {"confidence": np.full(labels.shape, 200, np.uint8)}
    more["errors"] = {"length_px": 3.0, "common": 0.1, "here": True}
    _, record = make(labels, Surfaces(redraws=0), **more)
    assert record["quantities"]["pt_area"]["low"] is None
    assert "surfaces.redraws is 0" in record["quantities"]["pt_area"]["method"]
    more["errors"]["here"] = False
    _, record = make(labels, **more)
    assert record["quantities"]["pt_area"]["low"] is None
    assert (
        "of another specimen, or of another reconstruction, and of 1, where 5 specimens would tell"
        in record["quantities"]["pt_area"]["method"]
    )
    more["errors"] |= {"specimens": 5, "of_a_kind": False}
    _, record = make(labels, **more)
    assert "learnt from phantoms alone" in record["quantities"]["pt_area"]["method"]
    more["errors"]["of_a_kind"] = True
    _, record = make(labels, **more)
    assert record["redraws"]["others"] == 5
    assert record["quantities"]["pt_area"]["low"] is not None
    assert "seen on 5 other specimens" in record["quantities"]["pt_area"]["method"]
    with pytest.raises(ValueError, match="take 0 for none, or more"):
        Surfaces(redraws=5)


def test_particles_are_counted_split_and_spaced(make):
    labels = balls((40, 40, 80), (12, 20, 20, 6), (12, 20, 30, 6), (28, 20, 60, 5))
    labels[0, 0, 0] = 2  # a speck
    output, record = make(labels)
    assert value(record, "pt_count") == 3
    count = measure(labels, PIXEL_NM)["pt_count"]
    assert (count["low"], count["value"], count["high"]) == (2, 3, 4)
    with open(output / "particles.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    last = rows[2]
    centre = [float(last[key]) for key in ("x_nm", "y_nm", "z_nm")]
    assert centre == pytest.approx([30.0, 14.0, 10.0])
    # Balls of 6, 6 and 5 px radius: the first two touch, the third lies 12.5 nm from the second.
    gap = 0.5 * (np.hypot(16, 30) - 11)
    assert float(last["spacing_nm"]) == pytest.approx(gap, abs=0.25)
    assert float(rows[0]["spacing_nm"]) == pytest.approx(0, abs=0.25)
    assert value(record, "pt_spacing_surface") == pytest.approx(gap / 3, abs=0.25)


def test_contact_of_a_half_embedded_cube_is_one_half(make):
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, :15, 5:25] = 1
    labels[10:18, 11:19, 10:18] = 2  # 8 px, 4 of them sunk in
    output, record = make(labels)
    assert value(record, "pt_contact_fraction") == pytest.approx(0.5, abs=0.01)
    area = value(record, "pt_area")
    assert area == pytest.approx(6 * 4**2, rel=0.14)  # edges of a few voxels count as rounded
    assert value(record, "pt_exposed_area") == pytest.approx(0.5 * area, rel=0.02)
    assert value(record, "pt_contact_area") == pytest.approx(0.5 * area, rel=0.02)
    assert value(record, "pt_loading") == pytest.approx(1 / value(record, "alumina_area"))
    with open(output / "particles.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["contact_fraction"]) == pytest.approx(0.5, abs=0.01)
    assert (row["location"], row["whole"]) == ("outer surface", "whole")
    assert float(row["weight"]) > 1  # the frame cuts the block: not everywhere it had been whole
    box = [int(row[f"{axis}_{end}_px"]) for axis in "xyz" for end in ("from", "to")]
    assert box == [10, 17, 10, 17, 11, 18]


def test_a_particle_all_inside_is_embedded(make):
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[5:25, 5:25, 5:25] = 1
    labels[12:16, 12:16, 12:16] = 2
    output, record = make(labels)
    assert value(record, "pt_contact_fraction") == 1.0
    assert value(record, "pt_exposed_area") == 0.0
    assert value(record, "pt_share_embedded") == 1.0
    assert ",embedded," in (output / "particles.csv").read_text()


def test_porosity_counts_closed_and_open_pores_and_no_outside(make):
    labels = np.zeros((50, 50, 50), np.uint8)
    labels[10:40, 10:40, 10:40] = 1
    solid = 30**3
    _, record = make(labels)
    assert value(record, "alumina_porosity") == 0.0
    labels[20:24, 20:24, 20:24] = 0  # closed
    _, record = make(labels)
    assert value(record, "alumina_porosity") == pytest.approx(64 / solid, abs=1e-12)
    assert value(record, "alumina_porosity_closed") == pytest.approx(64 / solid, abs=1e-12)
    labels[30:33, 10:40, 20:23] = 0  # a channel through, 3 px wide: open at both ends
    _, record = make(labels)
    # The closing ball rounds the channel's two mouths, so not all of it lies in the hull.
    assert value(record, "alumina_porosity_closed") == pytest.approx(64 / solid, rel=0.002)
    assert 0.9 * 270 / solid < value(record, "alumina_porosity_open") <= 270 / solid
    # The closing ball rounds the channel's two mouths, so not all of it lies in the hull.
    assert 64 / solid + 0.9 * 270 / solid < value(record, "alumina_porosity") <= 334 / solid


@pytest.mark.parametrize("voxels", [0, 1])
def test_no_voxel_and_one_voxel(make, voxels):
    labels = np.zeros((12, 13, 14), np.uint8)
    labels[3:9, 3:9, 3:9] = 1
    labels.flat[1000] = 2 * voxels
    output, record = make(labels)
    assert value(record, "pt_volume") == voxels * PIXEL_NM**3
    assert value(record, "pt_count") == 0
    assert value(record, "pt_diameter_d10") is None
    assert "large enough" in record["quantities"]["pt_diameter_d10"]["method"]
    assert value(record, "pt_loading") == 0.0
    assert (output / "pt.stl").stat().st_size == 84 + 50 * record["meshes"]["pt"]["triangles"]
    assert len((output / "particles.csv").read_text().splitlines()) == 1


def test_nothing_at_all_and_no_particle_class(make):
    output, record = make(np.zeros((8, 9, 10), np.uint8))
    assert value(record, "alumina_porosity") is None
    assert value(record, "pt_loading") is None
    assert (output / "surfaces.glb").read_bytes()[:4] == b"glTF"
    plain = Surfaces(support=None, particles=Particles(phase=None))
    _, record = make(balls((20, 20, 20), (10, 10, 10, 5)), plain)
    assert set(record["quantities"]) == {
        f"{phase}_{what}" for phase in ("alumina", "pt") for what in ("volume", "area")
    }


def test_the_same_labels_give_the_same_bytes(make):
    labels = balls((24, 24, 40), (12, 12, 10, 5), (12, 12, 28, 6))
    labels[:, :12][labels[:, :12] == 0] = 1
    hashes = []
    for _ in range(2):
        output, _ = make(labels)
        hashes.append({path.name: sha256_of(path) for path in output.glob("[!.]*")})
    assert hashes[0] == hashes[1]
    assert set(hashes[0]) == {
        "alumina.vtp", "alumina.small.vtp", "alumina.stl", "pt.vtp", "pt.small.vtp", "pt.stl",
        "surfaces.glb", "surfaces.vtm", "open_in_paraview.py", "particles.csv", "quantities.json",
        "facets.csv", "facet_lines.csv", "pole_figure.csv", "pole_figure.png", "placement.csv",
        *(f"{name}.png" for name in rendering.VIEWS),
    }  # fmt: skip


def test_refusals(make):
    labels = balls((12, 12, 12), (6, 6, 6, 3))
    with pytest.raises(UserError, match="loose images, not of a volume"):
        make(labels, contiguous=False)
    with pytest.raises(UserError, match="found label 4, but 'classes' has 3"):
        make(2 * labels)


def test_the_classes_of_the_record_decide(make, tmp_path):
    names = ["background", "gold", "carbon"]
    labels = balls((12, 12, 12), (6, 6, 6, 3))
    line = "has the classes background, gold, carbon, the settings name background, alumina, pt"
    with pytest.raises(UserError, match=line):
        make(labels, classes=names)
    classes = [{"name": n, "title": n.title(), "colour": "#101828"} for n in names]
    output, record = make(labels, classes=names, described=classes)
    assert value(record, "carbon_volume") == np.count_nonzero(labels) * PIXEL_NM**3
    assert value(record, "gold_volume") == 0
    assert (output / "carbon.stl").is_file()
    given = Surfaces(classes=Surfaces().classes)
    with pytest.raises(UserError, match=line):
        make(labels, given, classes=names, described=classes)


def test_labels_full_of_specks_say_beforehand_what_they_take(make, capsys):
    rng = np.random.default_rng(3)
    specks = np.zeros((20, 20, 20), np.uint8)
    specks[rng.random(specks.shape) < 0.2] = 2
    make(specks)
    [line] = [x for x in capsys.readouterr().err.splitlines() if "specks" in x]
    assert f"the classes end at {count_faces(specks):,} voxel faces, 6 times as many" in line
    assert line.endswith(" min of one core")
    make(balls((40, 40, 40), (20, 20, 20, 8)))
    assert "specks" not in capsys.readouterr().err
