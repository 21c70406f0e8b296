"""Label values: classes and 255 come in and are counted, every other value is refused."""

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from catomo.errors import UserError
from catomo.labels.files import check_label_values, read_label_file
from catomo.labels.values import IGNORE, Annotation, check_values

CLASSES = 3
PAGES = of_numpy.arrays(
    st.sampled_from(("u1", "u2", "i2", "i4", "f4")),
    (4, 5),
    elements=st.sampled_from([0, 1, 2, 3, 4, 100, 254, 255]),
)
GOOD = of_numpy.arrays("u1", (4, 5), elements=st.sampled_from([0, 1, 2, IGNORE]))


@given(PAGES)
def test_a_page_is_good_if_every_value_is_a_class_or_255(page):
    if set(np.unique(page).tolist()) <= {0, 1, 2, IGNORE}:
        check_values(page, CLASSES, "a.tif")
        return
    with pytest.raises(UserError) as caught:
        check_values(page, CLASSES, "a.tif")
    assert "\n" not in str(caught.value)


@given(st.lists(GOOD, min_size=1, max_size=4))
def test_every_value_is_counted(pages):
    counted = Annotation.of("a", pages).pixels
    annotated = [page for page in pages if (page != IGNORE).any()]
    for value in range(256):
        assert counted[value] == sum((page == value).sum() for page in annotated)


@given(GOOD, st.sampled_from(("u1", "u2", "i4", "f4")), st.sampled_from((None, "zlib", "lzw")))
def test_labels_of_any_type_come_back(tmp_path, page, kind, compression):
    path = tmp_path / "slice_0000.tif"
    tifffile.imwrite(path, page.astype(kind), compression=compression, photometric="minisblack")
    np.testing.assert_array_equal(read_label_file(path, page.shape, CLASSES), page)
    assert sum(check_label_values(tmp_path, CLASSES).pixels) in (0, page.size)
