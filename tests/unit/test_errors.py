"""What a message quotes of a file cannot break its line, and can always be printed."""

from catomo.errors import UserError, printable


def test_a_message_is_one_line_that_can_be_printed():
    message = str(UserError("a.yaml: the key 'x\r\ny\u2028z\x1b[31m' of \udcff; mend it"))
    assert message == r"a.yaml: the key 'x\r\ny\u2028z\x1b[31m' of \udcff; mend it"
    message.encode()


def test_what_can_be_printed_stays_as_it_is():
    text = "Größe: 5 µm, −3°, 日本, 🔬, a  b; mend\u00a0it"
    assert printable(text) == text == str(UserError(text))
