"""``python -m catomo``: the same as the command ``catomo``."""

from catomo.cli import main

main()
