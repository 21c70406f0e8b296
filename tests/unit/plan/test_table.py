"""The cells of a table, however an editor or an office program saved it."""

import pytest

from catomo.errors import UserError
from catomo.plan.datasets import COLUMNS, read_table
from catomo.plan.table import read_rows

HEAD = "\t".join(COLUMNS)
ROW = "a\tphantom\tSPECIMEN\t\t\t\t\t"
TEXT = f"{HEAD}\r\n{ROW}\r\n"
CELLS = ["a", "phantom", "SPECIMEN"]


def semicolons(text, sign=";"):
    return text.replace("\t", sign)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\r\n", "\r").encode(),
        TEXT.replace("\r\n", "\t\t\r\n").encode(),
        (TEXT + "\t\t\t\t\r\n\r\n").encode(),
        TEXT.replace("\t", " \t ").encode(),
        TEXT.replace("a\t", "\xa0a\t").encode(),
        TEXT.replace("SPECIMEN", '"SPECIMEN"').encode(),
        TEXT.replace("SPECIMEN", '"SPECIMEN\n"').encode(),
        ("# a comment\r\n\r\n" + TEXT + "  # another").encode(),
        ('"# a comment, quoted"\r\n' + TEXT).encode(),
        ("# µ in Windows' code\n" + TEXT).encode("cp1252"),
        semicolons(TEXT).encode(),
        (semicolons("# comment\t\t\n") + semicolons(TEXT) + ";;;;\n").encode(),
        semicolons(TEXT, ",").encode(),
    ],
)
def test_a_table_is_read_as_it_was_saved(tmp_path, content):
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    header, row = read_rows(path, COLUMNS)
    assert header.cells == list(COLUMNS)
    assert row.cells == CELLS
    assert not row.problem


def test_a_path_in_windows_code_keeps_its_umlaut(tmp_path):
    (tmp_path / "Müller.yaml").write_text("{}")
    path = tmp_path / "t.tsv"
    path.write_bytes(TEXT.replace("SPECIMEN", f"{tmp_path}/Müller.yaml").encode("cp1252"))
    [dataset], problems = read_table(path)
    assert not problems
    assert dataset.path.endswith("/Müller.yaml")


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        ('b\tphantom\t"SPECIMEN\n', 2, r'a quotation mark (") opens a cell and does not'),
        ('b\tphantom\t"SPECI\nMEN"\n', 2, "a cell goes on in the next line; write it in one"),
        ('b\t"phantom" x\tSPECIMEN\n', 2, r'a quotation mark (") opens a cell and does not'),
        ("b\tphantom" + "\tx" * 9 + "\n", 2, f"found 11 cells, allowed are {len(COLUMNS)}"),
    ],
)
def test_a_row_that_cannot_be_read_is_one_line_and_the_next_one_is_read(
    tmp_path, rows, line, message
):
    specimen = tmp_path / "p.yaml"
    specimen.write_text("{}")
    path = tmp_path / "t.tsv"
    text = f"{HEAD}\n{rows}{ROW}\n".replace("SPECIMEN", str(specimen))
    path.write_text(text)
    datasets, problems = read_table(path)
    assert [d.name for d in datasets] == ["a"]
    assert len(problems) == 1
    assert problems[0].startswith(f"{path} line {line}: {message}")
    assert "\n" not in problems[0]
    # The way out that the line names.
    path.write_text(text.replace(rows.replace("SPECIMEN", str(specimen)), ""))
    assert read_table(path)[1] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4 a spreadsheet", "is no text; save the table as text with tabs"),
        (bytes(range(128, 256)) * 9, "is no text in UTF-8"),
        (b"II*\0" + bytes(range(256)), "is no text"),
        (b"", "is empty"),
        (b"\n# nothing\n", "is empty"),
        (f"{HEAD}\n".encode(), "holds no dataset"),
        (HEAD.replace("angles", "path").encode(), "column 'path' stands twice"),
        (HEAD.replace("angles", "").encode(), "column 4 has no name"),
        (HEAD.replace("\t", "  ").encode(), "columns are split by tabs"),
    ],
)
def test_what_is_no_table_is_said(tmp_path, content, message):
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    datasets, problems = read_table(path)
    assert datasets == []
    assert any(message in problem for problem in problems)
    assert all(problem.startswith(str(path)) for problem in problems)


def test_a_folder_or_a_missing_table_is_one_line(tmp_path):
    assert "file not found" in read_table(tmp_path)[1][0]
    with pytest.raises(UserError, match="cannot be read"):
        read_rows(tmp_path, COLUMNS)
