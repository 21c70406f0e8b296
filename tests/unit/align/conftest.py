"""What the tests of align share."""

import pytest


@pytest.fixture(autouse=True)
def _unseen_picture(request, monkeypatch):
    """Leave alignment.png empty where no test looks at it: drawing takes a fifth of the time."""
    if request.node.get_closest_marker("picture") is None:
        monkeypatch.setattr(
            "catomo.align.stage.draw", lambda path, *_: path.write_bytes(b"not drawn")
        )
