"""The one exception whose message is written for the user, and what an installation may lack."""

# Packages that not every function needs, and the extra of catomo that installs each.
EXTRAS = {"h5py": "formats", "keras": "train", "tensorflow": "train", "pyvista": "surfaces"}


class UserError(Exception):
    """A mistake that the user can mend.

    The message is one line: the file, the field, what was found, what is allowed
    and what to do. The command line prints it alone, without a traceback, and exits
    with status 1.
    """


def line_of(error: Exception) -> str:
    """Return an error that nobody foresaw as one line: its kind and what it says."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 300 else f"{text[:297]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
