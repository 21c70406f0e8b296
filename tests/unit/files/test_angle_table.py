"""Tables of angles as editors, spreadsheets and scripts write them."""

import pytest

from catomo.errors import UserError
from catomo.files.angles import read_angles

TILTS = [-40.0, -38.5, -20.0, 0.5, 34.0]
TEXTS = [f"{tilt}" for tilt in TILTS]
COMMAS = [text.replace(".", ",") for text in TEXTS]


def written(path, lines, encoding="utf-8"):
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


@pytest.mark.parametrize(
    "lines",
    [
        TEXTS,
        COMMAS,
        [f"{text}," for text in TEXTS],
        [f"{text};" for text in COMMAS],
        [f'"{text}"' for text in COMMAS],
        [f"\xa0{text}\xa0" for text in TEXTS],
        [text.replace("-", "−") for text in TEXTS],
        ["; made by hand", "// twice", "% thrice", *[f"{text} ! ok" for text in TEXTS]],
        ["Tilt series 2 of 14.05.2024", "Kippwinkel", *TEXTS],
        [", ".join(TEXTS)],
        [";".join(COMMAS)],
        ["[" + ", ".join(TEXTS) + "]"],
        [" ".join(TEXTS[:3]), " ".join(TEXTS[3:])],
    ],
)
def test_one_column_or_row(tmp_path, lines):
    angles = read_angles(written(tmp_path / "a.tlt", lines))
    assert angles.tilt == TILTS
    assert angles.column == ""
    assert not angles.in_degrees


@pytest.mark.parametrize("mark", ["°", " °", " deg", "degrees", "º"])
def test_marks_of_degrees(tmp_path, mark):
    angles = read_angles(written(tmp_path / "a.tlt", [text + mark for text in TEXTS]))
    assert angles.tilt == TILTS
    assert angles.in_degrees


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = written(tmp_path / "a.tlt", [f"{text}°\r" for text in TEXTS] + ["\x1a\0\0"], encoding)
    assert read_angles(path).tilt == TILTS


def rows(*columns, by=" "):
    return [by.join(str(cell) for cell in row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    ("lines", "column"),
    [
        (rows(range(5), TEXTS), "2 of 2"),
        (rows(range(1, 6), TEXTS, by=","), "2 of 2"),
        (rows(range(1, 6), COMMAS, by=";"), "2 of 2"),
        (rows(range(1, 6), COMMAS, by="\t"), "2 of 2"),
        (rows([f"{i:04d}:" for i in range(5)], TEXTS), "2 of 2"),
        (rows(TEXTS, [5, 3, 1, 2, 4]), "1 of 2"),  # the order of acquisition
        (rows(TEXTS, [3.0] * 5), "1 of 2"),
        (rows(TEXTS, [0, 3.2, 6.4, 9.6, 12.8]), "1 of 2"),  # the dose so far
        (rows(TEXTS, [1200, 1300, 1250, 1310, 1205]), "1 of 2"),
        (rows(TEXTS, [3, -5, 2, 1, -4]), "1 of 2"),  # shifts
        (["image,angle", *rows(range(5), TEXTS, by=",")], "2 of 2"),
        (["# shift tilt", *rows([-4, -3, 0, 1, 2], TEXTS)], "2 of 2"),
        (["tilt angle;tilt axis", *rows(COMMAS, ["85,3"] * 5, by=";")], "1 of 2"),
        (rows(range(5), TEXTS, [f"{text} °" for text in "12345"], by="\t"), "2 of 3"),
    ],
)
def test_one_of_several_columns(tmp_path, lines, column):
    angles = read_angles(written(tmp_path / "a.tlt", lines))
    assert angles.tilt == TILTS
    assert angles.column == f"column {column}"


def test_commas_between_whole_numbers(tmp_path):
    path = tmp_path / "a.tlt"
    assert read_angles(written(path, ["1,40", "2,42", "3,44"])).tilt == [40, 42, 44]
    assert read_angles(written(path, ["1,0", "2,0", "3,0"])).tilt == [1, 2, 3]
    assert read_angles(written(path, ["0,0", "1,5", "3,0"])).tilt == [0, 1.5, 3]


def test_names_of_images(tmp_path):
    names = [f"a_{i}.tif" for i in range(5)]
    angles = read_angles(written(tmp_path / "a.txt", rows(names, TEXTS)))
    assert angles.tilt == TILTS
    assert angles.images == names


def refusal(path):
    with pytest.raises(UserError) as caught:
        read_angles(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_two_columns_that_may_be_angles_until_they_have_names(tmp_path):
    lines = rows([-50, -20, 0, 20, 40], TEXTS)
    path = written(tmp_path / "a.tlt", lines)
    assert "name the columns in the first line" in refusal(path)
    assert read_angles(written(path, ["stage angle", *lines])).tilt == TILTS


def test_comma_of_either_kind(tmp_path):
    lines = ["-40,1200", "-38,1210", "-36,1180", "-34,1190", "-32,1205"]
    path = written(tmp_path / "a.tlt", lines)
    assert "put a space or tab between columns" in refusal(path)
    tilts = [-40, -38, -36, -34, -32]
    assert read_angles(written(path, [line.replace(",", "\t") for line in lines])).tilt == tilts


def test_numbers_before_the_angles_in_another_order(tmp_path):
    path = written(tmp_path / "a.tlt", rows([5, 3, 1, 2, 4], TEXTS))
    assert "keep the column of angles only" in refusal(path)
    assert read_angles(written(path, TEXTS)).tilt == TILTS


def test_a_number_beyond_all_numbers_is_no_angle(tmp_path):
    path = tmp_path / "a.tlt"
    path.write_text("-10\n0\n1e999\n")
    with pytest.raises(UserError, match="line 3: found '1e999', expected one angle"):
        read_angles(path)
