"""Names of columns in words."""

from catomo.summary.columns import in_words
from catomo.summary.records import Row, Value


def row(name, key, **titles):
    return Row(name, name, "", values={key: Value(1.0)}, titles=titles)


def test_a_title_counts_only_where_all_datasets_that_have_the_column_agree():
    for key, agreed, plain in (
        ("dsc_metal", "DSC Pt", "DSC metal"),
        ("metal_count", "Pt: number of particles", "metal count"),
    ):
        pt, also, au = (row(n, key, metal=t) for n, t in (("a", "Pt"), ("b", "Pt"), ("c", "Au")))
        assert in_words(key, [pt, also]) == agreed
        assert in_words(key, [pt, au]) == in_words(key, [au, pt]) == plain
        assert in_words(key, [pt, row("d", "other", metal="Au")]) == agreed
        assert in_words(key, [pt, row("e", key)]) == agreed, "it stopped before its titles"


def test_the_longest_name_of_a_class_is_the_one_that_is_meant():
    of = row("a", "gold_rim_count", gold="Au", gold_rim="Rim")
    assert in_words("gold_rim_count", [of]) == "Rim: number of particles"
