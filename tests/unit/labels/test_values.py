"""What values mean: each refusal says how to mend them, and then they are taken."""

import numpy as np
import pytest

from catomo.errors import UserError
from catomo.labels.values import Annotation, check_every_class, check_no_masks, check_values

NAMES = ["background", "support", "metal"]


def page(*values, dtype=np.float64):
    return np.resize(np.array(values, dtype), (6, 8))


@pytest.mark.parametrize(
    ("found", "message", "mended"),
    [
        # ilastik counts from 1, and 0 means not annotated.
        (page(1, 2, 3), "found label 3, .*begin at 0: .*subtract 1", page(0, 1, 2)),
        (page(1, 3, 255), "found label 3, .*subtract 1", page(0, 2, 255)),
        (
            page(0, 1, 2, 3),
            "found label 3, .*write 255 instead of 0 and",
            page(255, 0, 1, 2),
        ),
        # Greys to look at.
        (
            page(0, 128, 255),
            "found label 128, .*0, 1, 2 instead of 0, 128, 255",
            page(0, 1, 2),
        ),
        (page(0, 127, 254), "found labels 127, 254, .*instead of 0, 127, 254", page(0, 1, 2)),
        (page(0, 65535), "found label 65535, .*the number of its class", page(0, 1)),
        (page(0, 1, 7), "found label 7, .*paint over it", page(0, 1, 2)),
        (page(*range(20, 40)), "found labels 20, 21, 22, 23 and 16 more", page(0, 1, 2)),
        (page(-1, 0, 1), "found label -1, .*write 255 where nothing is", page(255, 0, 1)),
        (page(0, 0.5, 1), "found label 0.5, .*without smoothing or scaling", page(0, 0, 1)),
        (page(0, np.nan), "found label nan, .*whole numbers", page(0, 255)),
    ],
)
def test_a_value_of_no_class_is_refused_with_the_way_out(found, message, mended):
    with pytest.raises(UserError, match=f"a.tif: {message}") as no:
        check_values(found, 3, "a.tif")
    assert "\n" not in str(no.value)
    assert "allowed are 0 to 2 for the classes and 255 for not annotated" in str(no.value)
    check_values(mended, 3, "a.tif")


def test_a_label_one_above_the_classes_may_also_lack_its_class():
    with pytest.raises(UserError, match="add a class to 'classes' for label 3"):
        check_values(page(0, 1, 2, 3), 3, "a.tif")
    check_values(page(0, 1, 2, 3), 4, "a.tif")


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64, np.float32])
def test_whole_numbers_of_any_type_are_labels(dtype):
    check_values(page(0, 1, dtype=dtype), 3, "a.tif")
    assert Annotation.of("a", [page(0, 1, dtype=dtype)]).pixels[:3] == (24, 24, 0)


def annotation(*values, place="labels"):
    return Annotation.of(place, [page(*values)])


def test_masks_of_0_and_255_are_refused_and_a_class_number_is_the_way_out():
    with pytest.raises(UserError, match=r"labels: no pixel is labelled support \(1\)") as refused:
        check_every_class([annotation(0, 255)], NAMES[:2])
    assert "255, which means 'not annotated'" in str(refused.value)
    assert "Divide by 255" in str(refused.value)
    assert "\n" not in str(refused.value)
    check_every_class([annotation(0 / 255, 255 / 255)], NAMES[:2])


def test_masks_beside_labels_that_show_all_classes_are_told_and_not_refused():
    mask = annotation(0, 255, place="b")
    check_every_class([annotation(0, 1, 2), mask], NAMES)
    check_no_masks([annotation(0, 1, 2), mask], NAMES)
    [line] = mask.told(NAMES, "the model learns it elsewhere")
    assert "255, which means 'not annotated'" in line
    assert line.endswith("; if 255 is meant so, the model learns it elsewhere")


def test_masks_beside_labels_that_lack_a_class_are_named_as_the_reason():
    for check in (check_every_class, check_no_masks):
        with pytest.raises(UserError, match=r"b: no pixel .* which means 'not annotated'"):
            check([annotation(0, 1), annotation(0, 255, place="b")], NAMES)
        check([annotation(0, 1), annotation(0, 2, place="b")], NAMES)


@pytest.mark.parametrize(
    ("values", "message", "mended", "names"),
    [
        ((1, 2), r"background \(0\), so .*begin at 0: .*subtract 1", (0, 1), NAMES[:2]),
        ((0, 1), r"metal \(2\), .*label some pixels of it", (0, 1, 2), NAMES),
        ((0, 1, 255), r"metal .*, or remove metal from 'classes'$", (0, 1, 255), NAMES[:2]),
        (
            (0, 2),
            r"support \(1\).*remove support .* and lower the",
            (0, 1),
            ["background", "metal"],
        ),
        ((0, 0), r"support \(1\) or metal \(2\), .*some pixels of each$", (0, 1, 2), NAMES),
    ],
)
def test_a_class_without_any_pixel_is_refused_with_the_way_out(values, message, mended, names):
    with pytest.raises(UserError, match=f"labels: no pixel is labelled {message}") as refused:
        check_every_class([annotation(*values)], NAMES)
    assert "\n" not in str(refused.value)
    check_every_class([annotation(*mended)], names)


def test_one_pixel_is_enough_and_so_is_one_dataset():
    counts = [0] * 256
    counts[:3] = 1000, 1000, 1
    check_every_class([Annotation("labels", tuple(counts))], NAMES)
    partly = [annotation(0, 1), annotation(0, 2, 255, place="b")]
    check_every_class(partly, NAMES)
    assert partly[1].told(NAMES, "so what") == ["b: no pixel is labelled support (1): so what"]
    assert annotation(0, 1, 2).told(NAMES, "so what") == []


def test_files_that_are_not_read_are_told():
    one = Annotation.of("mine", [page(0, 1, 2)], ("a.bmp", "b.bmp"))
    [line] = one.told(NAMES, "")
    assert line.startswith("mine: not read as labels: a.bmp, b.bmp; a label file is <slice name>")


def test_a_stack_filled_with_255_where_nobody_looked_is_no_mask():
    one = Annotation.of("stack.tif", [page(255), page(0), page(255)])
    one.check_no_mask(NAMES)
    assert one.pixels[255] == 0
