"""The one exception whose message is written for the user, and what an installation may lack."""

import os
import re

# Packages that not every function needs, and the extra of catomo that installs each.
EXTRAS = {
    "h5py": "formats",
    "keras": "train",
    "tensorflow": "train",
    "pyvista": "surfaces",
    "rocrate": "workflow",
}


# What stands in the last line of a verb for an end that the user did not cause. Another try may
# find more memory, or a disk that answers.
OUT_OF_MEMORY = "out of memory; see 'catomo check'"
DISK_FULL = "no space left on the disk"
NO_TEMPORARY = "no temporary file can be written"
UNFORESEEN = "'python -X dev -m catomo' shows how it came there"

# Ends of lines, other control characters, and the halves of characters that cannot be written.
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line: the file, the field, what was found, what is allowed
    and what to do. The command line prints it alone, without a traceback, and exits
    with status 1. What it quotes of a file cannot break the line.
    """

    def __init__(self, message: str):
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Return a text in which signs that cannot stand in one line are written as in Python."""
    return _NOT_PRINTABLE.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def problem_of_system() -> str:
    """Return why no verb runs on this operating system, and the way out; empty where all do."""
    if os.name != "nt":
        return ""
    return (
        "Windows itself is not supported, because nothing there keeps two processes from writing "
        "one folder; run catomo in WSL, the Linux within Windows: 'wsl --install' installs it, "
        "and in its shell catomo is installed as on Linux"
    )


def is_mistake(line: str) -> bool:
    """Return whether a line is one with which the command line ends after a user's mistake.

    A second try meets the same mistake. It asks a cluster for more memory, so what any line says
    of memory is none.
    """
    if re.match(r"catomo [a-z]+: ", line) is None:
        return False
    ends = ("memory", DISK_FULL, NO_TEMPORARY, UNFORESEEN)
    return not any(text in line for text in ends)


def line_of(error: Exception) -> str:
    """Return an error that nobody foresaw as one line: its kind and what it says."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else f"{text[:297]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
