"""Names are ordered as a person counts, and angles are the same however they are written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catomo.errors import UserError
from catomo.files.angles import read_angles
from catomo.files.names import angles_in, in_natural_order

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=8)
PREFIXES = st.sampled_from(("", "img_", "slice ", "2024.01.05 run-", "Pt@γ-", "t3_"))
SUFFIXES = st.sampled_from((".tif", ".TIF", ".mrc", ""))

# Images on each side of zero, and the last angle in hundredths of a degree.
SERIES = st.tuples(st.integers(2, 40), st.integers(1000, 17900), st.booleans())


def series(given_numbers):
    """Return angles of two decimals, from below to above zero as nearly all series go."""
    half, last, is_descending = given_numbers
    angles = np.rint(np.linspace(-last, last, 2 * half + 1)) / 100
    return (angles[::-1] if is_descending else angles).tolist()


@given(names=st.lists(WORDS, max_size=12, unique=True), seed=st.randoms(use_true_random=False))
def test_the_order_of_names_is_one(names, seed):
    ordered = in_natural_order(names)
    assert sorted(ordered) == sorted(names)
    mixed = list(names)
    seed.shuffle(mixed)
    assert in_natural_order(mixed) == ordered
    angles = angles_in(names)
    assert angles is None or (len(angles) == len(names) and np.isfinite(angles).all())


@given(
    numbers=st.lists(st.integers(0, 10**6), min_size=1, max_size=20, unique=True),
    prefix=PREFIXES,
    suffix=SUFFIXES,
    width=st.sampled_from((0, 4, 7)),
)
def test_numbers_count(numbers, prefix, suffix, width):
    names = [f"{prefix}{number:0{width}d}{suffix}" for number in numbers]
    expected = [f"{prefix}{number:0{width}d}{suffix}" for number in sorted(numbers)]
    assert in_natural_order(names) == expected
    assert angles_in([f"slice_{n:04d}.tif" for n in range(len(numbers))]) is None


@given(SERIES, st.sampled_from(("", "img_", "run_3_")), SUFFIXES, st.booleans())
def test_angles_in_names(numbers, prefix, suffix, comma):
    angles = series(numbers)
    names = [f"{prefix}{angle:.2f}{suffix}" for angle in angles]
    names = [n.replace(".", ",", 1) for n in names] if comma else names
    found = angles_in(names)
    assert found == pytest.approx(angles)
    ascending = [name for _, name in sorted(zip(angles, names, strict=True))]
    assert in_natural_order(names) == ascending


# Each writes angles as one or other program does.
WRITINGS = {
    "column": lambda angles: "".join(f"{a:.2f}\n" for a in angles),
    "column with blanks": lambda angles: "".join(f"  {a:8.2f} \n\n" for a in angles),
    "plus": lambda angles: "".join(f"{a:+.2f}\n" for a in angles),
    "exponents": lambda angles: "".join(f"{a:.6e}\n" for a in angles),
    "degrees": lambda angles: "".join(f"{a:.2f}°\n" for a in angles),
    "words": lambda angles: "".join(f"{a:.2f} deg\n" for a in angles),
    "comment": lambda angles: "# tilt angles\n" + "".join(f"{a:.2f} # ok\n" for a in angles),
    "heading": lambda angles: "tilt angle\n" + "".join(f"{a:.2f}\n" for a in angles),
    "minus sign": lambda angles: "".join(f"{a:.2f}\n".replace("-", "−") for a in angles),
    "row": lambda angles: " ".join(f"{a:.2f}" for a in angles),
    "row with commas": lambda angles: ", ".join(f"{a:.2f}" for a in angles),
    "decimal commas": lambda angles: "".join(f"{a:.2f}\n".replace(".", ",") for a in angles),
    "numbered": lambda angles: "".join(f"{n}\t{a:.2f}\n" for n, a in enumerate(angles)),
    "numbered, commas": lambda angles: "".join(f"{n},{a:.2f}\n" for n, a in enumerate(angles)),
    "numbered, semicolons": lambda angles: "".join(
        f"{n};{a:.2f}\n".replace(".", ",") for n, a in enumerate(angles, 1)
    ),
    "named": lambda angles: (
        "image\ttilt\tdose\n"
        + "".join(f"t_{n}.tif\t{a:.2f}\t{2 * n}.5\n" for n, a in enumerate(angles))
    ),
    "mdoc": lambda angles: (
        "PixelSpacing = 3.5\n"
        + "".join(f"[ZValue = {n}]\nTiltAngle = {a:.2f}\n\n" for n, a in enumerate(angles))
    ),
    "mdoc of images": lambda angles: "".join(
        f"[Image = t_{n}.tif]\nTiltAngle={a:.2f}\n" for n, a in enumerate(angles)
    ),
}
CODES = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("writing", WRITINGS)
@settings(max_examples=10)
@given(SERIES, st.sampled_from(CODES), st.sampled_from(("\n", "\r\n", "\r")), st.booleans())
def test_angles_in_any_writing(tmp_path, writing, numbers, code, line_end, ends_as_in_dos):
    angles = series(numbers)
    text = WRITINGS[writing](angles).replace("\n", line_end) + "\x1a" * ends_as_in_dos
    text = text.replace("−", "–") if code == "cp1252" else text  # it has no minus sign
    path = tmp_path / "a.tlt"
    path.write_bytes(text.encode(code))
    assert read_angles(path).tilt == pytest.approx(angles)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_angles_or_one_line(tmp_path, content):
    path = tmp_path / "a.tlt"
    path.write_bytes(content)
    try:
        found = read_angles(path)
    except UserError as error:
        problem = str(error)
    else:
        assert np.isfinite(found.tilt).all()
        problem = ""
    assert "\n" not in problem
