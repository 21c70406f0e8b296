"""Decisions on single particles: which they mean, what becomes of them, what is refused."""

import json

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.files.store import write_labels
from catomo.record.record import committing
from catomo.segmentation.settings import Segmentation
from catomo.surfaces.particles import find_pieces
from catomo.surfaces.review import ACCEPT, REJECT, SPLIT, read_review, reviewed

SHA = "a" * 64
SIZE = 0.5
HEADER = "particle,decision,x_nm,y_nm,z_nm,diameter_nm,labels_sha256\n"


def ball(shape, centre, radius):
    places = np.indices(shape)
    return sum((axis - at) ** 2 for axis, at in zip(places, centre, strict=True)) <= radius**2


@pytest.fixture
def labels():
    """Three balls of class 2: one on a slab of class 1, one free, one that is two in truth."""
    shape = (24, 30, 70)
    result = np.zeros(shape, np.uint8)
    result[:, :8] = 1
    result[ball(shape, (12, 7, 10), 4)] = 2
    result[ball(shape, (12, 20, 30), 4)] = 2
    result[ball(shape, (12, 20, 50), 5) | ball(shape, (12, 20, 57), 5)] = 2
    return result


def row(pieces, number, word, sha256=SHA):
    """Return the row that the page exports for a piece."""
    x, y, z = pieces.centres()[number][[2, 0, 1]] * SIZE
    place = ",".join(f"{n:.6g}" for n in (x, y, z, pieces.diameters()[number] * SIZE))
    return f"{number + 1},{word},{place},{sha256}\n"


def apply(labels, tmp_path, decisions, depth=3.0, extra=()):
    """Apply (number, word) to the pieces of class 2, with further lines."""
    pieces = find_pieces(labels, 2, depth)
    path = tmp_path / "review.csv"
    path.write_text(
        HEADER + "".join(row(pieces, n, word) for n, word in decisions) + "".join(extra)
    )
    return pieces, reviewed(labels, 2, pieces, SIZE, read_review(path, SHA))


def order(pieces):
    """Return the numbers of the pieces from left to right."""
    return np.argsort(pieces.centres()[:, 2])


def test_a_rejected_particle_becomes_what_is_around_it(labels, tmp_path):
    on_slab, free, double = order(find_pieces(labels, 2, 3.0))
    pieces, after = apply(labels, tmp_path, [(on_slab, REJECT), (free, REJECT)])
    voxels = pieces.voxels
    assert (after.labels[tuple(voxels[pieces.ids == free].T)] == 0).all()
    sunk = after.labels[tuple(voxels[pieces.ids == on_slab].T)]
    assert len(set(sunk.tolist())) == 1
    assert after.pieces.count == 1
    assert np.count_nonzero(after.labels == 2) == pieces.sizes()[double]
    assert after.record["counts"] == {ACCEPT: 0, SPLIT: 0, REJECT: 2}
    assert sum(after.record["rejected_became"].values()) == 2


def test_a_split_particle_becomes_two_and_labels_stay(labels, tmp_path):
    *_, double = order(find_pieces(labels, 2, 3.0))
    pieces, after = apply(labels, tmp_path, [(double, SPLIT)])
    assert (after.labels == labels).all()
    assert after.pieces.count == pieces.count + 1
    assert sorted(after.marks.values()) == [SPLIT, SPLIT]
    halves = [after.pieces.sizes()[n] for n in after.marks]
    assert sum(halves) == pieces.sizes()[double]
    assert abs(halves[0] - halves[1]) < 0.1 * sum(halves)


def test_a_part_of_a_split_particle_can_be_rejected_in_a_second_review(labels, tmp_path):
    *_, double = order(find_pieces(labels, 2, 3.0))
    _, once = apply(labels, tmp_path, [(double, SPLIT)])
    part = max(once.marks, key=lambda n: once.pieces.centres()[n][2])
    line = row(once.pieces, part, REJECT)
    _, twice = apply(labels, tmp_path, [(double, SPLIT)], extra=[line])
    assert twice.pieces.count == once.pieces.count - 1
    assert np.count_nonzero(twice.labels == 2) == (labels == 2).sum() - once.pieces.sizes()[part]


def test_accepted_particles_change_nothing_and_are_told(labels, tmp_path):
    pieces, after = apply(labels, tmp_path, [(0, ACCEPT)])
    assert (after.labels == labels).all()
    assert (after.pieces.ids == pieces.ids).all()
    assert after.marks == {0: ACCEPT}


def test_an_office_program_may_have_saved_it(labels, tmp_path):
    pieces = find_pieces(labels, 2, 3.0)
    text = HEADER + row(pieces, 0, ACCEPT)
    path = tmp_path / "review.csv"
    path.write_text("\ufeff" + text.replace(",", ";").replace(".", ","), encoding="utf-8")
    (decision,) = read_review(path, SHA).decisions
    assert reviewed(labels, 2, pieces, SIZE, read_review(path, SHA)).marks == {0: ACCEPT}
    assert decision.cells[1] == ACCEPT


def test_an_export_without_decisions_changes_nothing(labels, tmp_path):
    _, after = apply(labels, tmp_path, [])
    assert after.marks == {}
    assert (after.labels == labels).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "its header lacks particle, decision"),
        ("", "its header lacks"),
        (HEADER + f"1,keep,1,2,3,4,{SHA}\n", "line 2, decision: found 'keep'; allowed are accept"),
        (HEADER + f"1,reject,left,2,3,4,{SHA}\n", "line 2, x_nm: found 'left'"),
        (HEADER + f"1,reject,nan,2,3,4,{SHA}\n", "line 2, x_nm: found 'nan'"),
        (HEADER + f"1,reject,1,2,3,4,{'b' * 64}\n", "other labels .labels_sha256 bbbbbbbbbbbb…"),
        (HEADER + "1,reject,1,2\n", "diameter_nm|z_nm"),
    ],
)
def test_what_is_no_review_of_these_labels_is_refused(tmp_path, text, message):
    path = tmp_path / "review.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as told:
        read_review(path, SHA)
    assert "\n" not in str(told.value)


def test_a_particle_that_is_not_there_is_refused(labels, tmp_path):
    with pytest.raises(UserError, match="line 2: found no particle of 4 nm at x 1, y 2, z 3 nm"):
        apply(labels, tmp_path, [], extra=[f"1,reject,1,2,3,4,{SHA}\n"])


def test_other_settings_find_other_particles_and_the_review_is_refused(labels, tmp_path):
    """The two merged balls are one particle at a depth of 3 px and two at a quarter of one."""
    *_, double = order(find_pieces(labels, 2, 3.0))
    pieces = find_pieces(labels, 2, 3.0)
    path = tmp_path / "review.csv"
    path.write_text(HEADER + row(pieces, double, REJECT))
    finer = find_pieces(labels, 2, 0.25)
    assert finer.count == pieces.count + 1
    with pytest.raises(UserError, match="found by other settings when the page was made"):
        reviewed(labels, 2, finer, SIZE, read_review(path, SHA))


def test_two_decisions_on_one_particle_are_refused(labels, tmp_path):
    with pytest.raises(UserError, match="line 3: particle 1 has the decision 'accept' already"):
        apply(labels, tmp_path, [(0, ACCEPT), (0, REJECT)])


def test_the_stage_leaves_rejected_particles_out_and_says_so(labels, tmp_path, monkeypatch):
    pytest.importorskip("pyvista", reason="needs pyvista (the surfaces environment)")
    from catomo.surfaces import stage
    from catomo.surfaces.settings import Surfaces

    monkeypatch.setattr(stage, "render", lambda *_: (None, "not asked for"))
    made = tmp_path / "06"
    with committing(made, "segmentation", Segmentation(), {}) as out:
        write_labels(out.path("labels.tif"), labels, labels.shape, SIZE)
        out.record |= {
            "pixel_size_nm": SIZE, "contiguous": True, "shape": list(labels.shape),
            "classes": ["background", "alumina", "pt"],
        }  # fmt: skip
    sha256 = json.loads((made / "segmentation.json").read_text())["files"]["labels.tif"]["sha256"]
    pieces = find_pieces(labels, 2, 1.0)
    free = order(pieces)[1]
    path = tmp_path / "review.csv"
    path.write_text(
        HEADER + row(pieces, free, REJECT, sha256) + row(pieces, order(pieces)[0], ACCEPT, sha256)
    )
    for name, review in (("all", None), ("08", path)):
        stage.make_surfaces(made, tmp_path / name, Surfaces(), review)
    before, after = (
        json.loads((tmp_path / name / "quantities.json").read_text()) for name in ("all", "08")
    )
    volume = pieces.sizes()[free] * SIZE**3
    volumes = [r["quantities"]["pt_volume"]["value"] for r in (before, after)]
    assert volumes[0] - volumes[1] == pytest.approx(volume)
    counts = [r["quantities"]["pt_count"]["value"] for r in (before, after)]
    assert counts[0] - counts[1] == 1
    assert after["review"]["counts"] == {"accept": 1, "split": 0, "reject": 1}
    assert after["review"]["rejected_became"] == {"background": 1}
    assert after["inputs"]["review"]["file"] == "review.csv"
    assert "review" not in before
    header, *rows = (tmp_path / "08" / "particles.csv").read_text().splitlines()
    assert header.endswith(",review")
    assert [r.rsplit(",", 1)[1] for r in rows].count("accept") == 1
