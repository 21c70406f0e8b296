"""What a message quotes of a file cannot break its line, and can always be printed."""

import pytest

from catomo import cli
from catomo.errors import UserError, is_mistake, printable
from catomo.tilt_series.verbs import VERBS


def test_a_message_is_one_line_that_can_be_printed():
    message = str(UserError("a.yaml: the key 'x\r\ny\u2028z\x1b[31m' of \udcff; mend it"))
    assert message == r"a.yaml: the key 'x\r\ny\u2028z\x1b[31m' of \udcff; mend it"
    message.encode()


def test_what_can_be_printed_stays_as_it_is():
    text = "Größe: 5 µm, −3°, 日本, 🔬, a  b; mend\u00a0it"
    assert printable(text) == text == str(UserError(text))


@pytest.mark.parametrize(
    ("error", "mistake"),
    [
        (UserError("specimen.yaml: shape_px: found 2 numbers, 3 are allowed"), True),
        (ModuleNotFoundError("No module named 'keras'", name="keras"), True),
        (MemoryError(), False),
        (UserError("the renderer failed (signal 9, perhaps because memory ran out)"), False),
        (UserError("a.mrc: needs more memory than is free; save it in smaller parts"), False),
        (OSError(5, "Input/output error"), False),
        (RuntimeError("catomo simulate: never seen"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_last_line_of_a_verb_says_whether_the_user_has_to_mend_something(
    monkeypatch, capsys, error, mistake
):
    def run(_options, _settings):
        raise error

    monkeypatch.setitem(VERBS, "simulate", (lambda _: None, run))
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--output", "out"])
    [line] = capsys.readouterr().err.splitlines()
    assert is_mistake(line) == mistake


@pytest.mark.parametrize(
    "line",
    ["alignment: pass", "Killed", "", "see catomo check: x", "catomo", "  catomo align: x"],
)
def test_what_a_verb_says_on_its_way_is_no_mistake(line):
    assert not is_mistake(line)
