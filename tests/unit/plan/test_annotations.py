"""What `catomo check` says of labels, before anything is computed."""

import imagecodecs
import numpy as np
import pytest
import tifffile
import yaml

from catomo.plan.check import check
from conftest import ROOT

HEADER = "dataset\tsource\tpath\tangles\tpixel_size_nm\tlabels\tmodel\ttrains\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Eighteen images of a disc in `images`, the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(6)
    for number in range(18):
        grey = np.where(disc(number), 150, 30) + rng.normal(0, 6, (64, 64))
        path = tmp_path / "images" / f"s{number:02d}.tif"
        tifffile.imwrite(path, grey.clip(0, 255).astype(np.uint8), metadata=None)
    return tmp_path


def disc(number):
    z, x = np.indices((64, 64))
    return (z - 32) ** 2 + (x - 20 - number) ** 2 < 200


def label(place, inside=1, outside=0, count=18, name="s{:02d}.tif"):
    """Write masks of the discs as labels."""
    place.mkdir(exist_ok=True)
    for number in range(count):
        page = np.where(disc(number), inside, outside).astype(np.uint8)
        tifffile.imwrite(place / name.format(number), page, metadata=None)
    return place


def row(name, labels, source="slices\timages\t", model="", trains=""):
    return f"{name}\t{source}\t0.5\t{labels}\t{model}\t{trains}\n"


def said(rows, classes=None, **config):
    """Return the problems, and the lines about labels, of a check."""
    with open("table.tsv", "w") as table:
        table.write(HEADER + "".join(rows))
    if classes:
        config["classes"] = [
            {"name": name, "title": name, "colour": f"#00000{n}"} for n, name in enumerate(classes)
        ]
    with open("config.yaml", "w") as file:
        yaml.safe_dump({"datasets": "table.tsv", **config}, file)
    problems, lines = check(["config.yaml"])
    assert not any("\n" in line for line in problems + lines)
    return problems, [line for line in lines if "label" in line]


def test_masks_of_fiji_stop_and_are_mended_as_the_line_says(here):
    folder = label(here / "fiji", inside=255)
    [problem], _ = said([row("d", "fiji")])
    assert problem.startswith("d: fiji: no pixel is labelled alumina (1) or pt (2): found only 0")
    assert "255, which means 'not annotated'" in problem
    for path in folder.iterdir():
        tifffile.imwrite(path, tifffile.imread(path) // 255, metadata=None)
    [problem], _ = said([row("d", "fiji")])
    assert problem.endswith("label some pixels of it, or remove pt from 'classes'")
    assert said([row("d", "fiji")], ["background", "alumina"]) == ([], [])


def test_labels_that_begin_at_1_are_named_and_subtracting_is_the_way_out(here):
    folder = label(here / "ilastik", inside=2, outside=1)
    tifffile.imwrite(folder / "s17.tif", np.full((64, 64), 3, np.uint8))
    [problem], _ = said([row("d", "ilastik")])
    assert problem.startswith("d: ilastik/s17.tif: found label 3, allowed are 0 to 2")
    assert "labels begin at 0: where yours begin at 1" in problem
    (folder / "s17.tif").unlink()
    [problem], _ = said([row("d", "ilastik")])
    assert problem.startswith("model d: ilastik: no pixel is labelled background (0)")
    tifffile.imwrite(folder / "s17.tif", np.full((64, 64), 3, np.uint8))
    for path in folder.iterdir():
        tifffile.imwrite(path, tifffile.imread(path) - 1, metadata=None)
    problems, [told] = said([row("d", "ilastik")])
    assert problems == []
    assert "no test slice shows pt (2), so it gets no test score; s17 alone shows it" in told


def test_a_class_may_be_learnt_from_another_dataset_of_the_model(here):
    label(here / "one")
    label(here / "two", inside=2)
    problems, told = said([row("a", "one", model="m"), row("b", "two", model="m")])
    assert problems == []
    assert told == [
        "a: one: no pixel is labelled pt (2): its model learns it elsewhere",
        "b: two: no pixel is labelled alumina (1): its model learns it elsewhere",
    ]
    problems, _ = said([row("a", "one", model="m"), row("b", "two", model="n")])
    assert [problem.split(",")[0] for problem in problems] == [
        "model m: one: no pixel is labelled pt (2)",
        "model n: two: no pixel is labelled alumina (1)",
    ]
    both = [row("a", "one", model="m"), row("b", "one", model="m")]
    assert said(both)[0][0].startswith("model m: one: no pixel is labelled pt (2)")


def test_masks_are_told_where_another_dataset_shows_the_classes(here):
    """They may be background in some places, the rest not annotated: the other shows what is."""
    label(here / "good")
    label(here / "fiji", inside=255)
    rows = [row("a", "good", model="m"), row("b", "fiji", model="m")]
    problems, told = said(rows, ["background", "alumina"])
    assert problems == []
    [line] = told
    assert line.startswith("b: fiji: no pixel is labelled alumina (1): found only 0")
    assert line.endswith("if 255 is meant so, its model learns it elsewhere")
    problems, _ = said(rows)  # nobody shows pt, which the masks may hold
    assert [problem.split(" and 255")[0] for problem in problems] == [
        "b: fiji: no pixel is labelled alumina (1) or pt (2): found only 0 (background)"
    ]


def test_labels_that_only_test_may_lack_a_class_but_are_no_masks(here, monkeypatch):
    monkeypatch.setattr("catomo.plan.check.file_lines", lambda *_: ([], []))
    label(here / "one")
    label(here / "fiji", inside=255)
    (here / "ready.keras").touch()
    problems, told = said([row("a", "one", model="ready.keras", trains="no")])
    assert (problems, told) == ([], ["a: one: no pixel is labelled pt (2): it gets no score"])
    [problem], _ = said([row("a", "fiji", model="ready.keras", trains="no")])
    assert "255, which means 'not annotated'" in problem


def test_a_model_that_starts_from_another_may_know_a_class_from_there(here, monkeypatch):
    monkeypatch.setattr("catomo.plan.check.model_lines", lambda *_: ([], []))
    label(here / "one")
    (here / "ready.keras").touch()
    problems, told = said([row("a", "one")], train={"init_from": "ready.keras"})
    assert problems == []
    assert told[0].startswith("model a: one: no pixel is labelled pt (2)")


def test_the_truth_of_a_phantom_counts(here):
    specimen = ROOT / "resources/phantoms/demo-128.yaml"
    label(here / "one", name="slice_00{:02d}.tif")
    phantom = f"phantom\t{specimen}\t"
    truth = row("p", "truth", phantom, "m")
    assert said([truth]) == ([], [])
    problems, told = said([truth, row("a", "one", phantom, "m")])
    assert problems == []
    assert told == ["a: one: no pixel is labelled pt (2): its model learns it elsewhere"]
    content = yaml.safe_load(specimen.read_text())
    content["pt"]["count"] = 0
    (here / "bare.yaml").write_text(yaml.safe_dump(content))
    [problem], _ = said([truth.replace(str(specimen), "bare.yaml")])
    assert problem.startswith("model m: bare.yaml: no pixel is labelled pt (2)")
    bare = content | {"labels": {"plate": 1, "particles": 0}}
    (here / "bare.yaml").write_text(yaml.safe_dump(bare))
    rows = [truth.replace(str(specimen), "bare.yaml")]
    assert said(rows, ["background", "alumina"]) == ([], [])


def test_labels_of_a_tilt_series_are_checked_before_it_is_reconstructed(here):
    images = np.random.default_rng(1).normal(100, 5, (5, 64, 64)).astype(np.float32)
    tifffile.imwrite(here / "series.tif", images, photometric="minisblack")
    (here / "series.tlt").write_text("-4\n-2\n0\n2\n4\n")
    label(here / "fiji", inside=255, name="slice_00{:02d}.tif")
    [problem], _ = said([row("d", "fiji", "tilt_series\tseries.tif\tseries.tlt")])
    assert problem.startswith("d: fiji: no pixel is labelled alumina (1) or pt (2)")


def test_a_damaged_label_file_is_one_line_and_the_next_dataset_is_checked(here):
    folder = label(here / "cut", inside=2)
    path = folder / "s05.tif"
    tifffile.imwrite(path, tifffile.imread(path), compression="zlib", metadata=None)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    label(here / "fiji", inside=255)
    problems, _ = said([row("d", "cut"), row("e", "fiji")])
    assert len(problems) == 2
    assert problems[0].startswith("d: cut/s05.tif: is cut short")
    assert problems[1].startswith("e: fiji: no pixel is labelled")
    path.write_bytes(whole)
    label(here / "alumina")
    rows = [row("d", "cut", model="m"), row("e", "alumina", model="m")]
    assert said(rows)[0] == []


def test_png_labels_count_and_other_pictures_are_told(here):
    folder = label(here / "mixed")
    (folder / "s03.tif").unlink()
    (folder / "s03.bmp").touch()
    (folder / "s04.tif").unlink()
    page = np.where(disc(4), 2, 0).astype(np.uint8)
    (folder / "s04.png").write_bytes(imagecodecs.png_encode(page))
    problems, [of_split, told] = said([row("d", "mixed")])
    assert problems == []
    assert "s04 alone shows it, for training" in of_split
    assert told.startswith(
        "d: mixed: not read as labels: s03.bmp; a label file is <slice name>.tif"
    )


def test_a_class_of_test_slices_alone_is_a_problem_before_training(here):
    folder = label(here / "pt")
    for number in (7, 8, 9):
        page = np.where(disc(number), 2, 0).astype(np.uint8)
        tifffile.imwrite(folder / f"s{number:02d}.tif", page, metadata=None)

    def split(**settings):
        return said([row("d", "pt")], train={"split": settings})

    [problem], _ = split(method="names", test=["s07", "s08", "s09"])
    assert problem.startswith("model d: train.split (method names): no training slice shows pt (2)")
    assert split(method="names", test=["s09"]) == ([], [])
    # By default the block is laid where every class is left to train.
    assert split(gap=0) == ([], [])
    [problem], _ = split(method="names", test=["t*"])
    assert "pattern 't*' matches no annotated slice" in problem


def test_a_class_in_black_borders_alone_is_a_problem_before_training(here):
    folder = label(here / "pt")
    for number in range(18):
        image = tifffile.imread(here / f"images/s{number:02d}.tif")
        image[:6] = 0
        tifffile.imwrite(here / f"images/s{number:02d}.tif", image, metadata=None)
        page = tifffile.imread(folder / f"s{number:02d}.tif")
        page[:3] = 2
        tifffile.imwrite(folder / f"s{number:02d}.tif", page, metadata=None)
    [problem], _ = said([row("d", "pt")])
    assert problem.startswith("model d: labels: all pixels of pt (2) lie in black borders")
    for number in range(18):
        page = tifffile.imread(folder / f"s{number:02d}.tif")
        page[8:10] = 2
        tifffile.imwrite(folder / f"s{number:02d}.tif", page, metadata=None)
    assert said([row("d", "pt")]) == ([], [])
