"""What several tests of surfaces begin with: the stage, run on labels."""

import json

import pytest

from catomo.files.store import write_labels
from catomo.record.hashes import sha256_of
from catomo.surfaces.settings import Surfaces

PIXEL_NM = 0.5


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Run the stage on labels; return its folder and record. Renders only when asked."""
    from catomo.surfaces import stage as surfaces  # needs pyvista, which other tests do without

    def run(labels, settings=None, views=False, **more):
        folder = tmp_path / "06_predict"
        folder.mkdir(exist_ok=True)
        write_labels(folder / "labels.tif", labels, labels.shape, PIXEL_NM)
        record = {
            "stage": "predict",
            "pixel_size_nm": PIXEL_NM,
            "contiguous": more.get("contiguous", True),
            "draft": more.get("draft", False),
            "classes": more.get("classes", [phase.name for phase in Surfaces().classes]),
            "settings": {"classes": more.get("described", [])},
            "unrecorded_slices": more.get("unrecorded", []),
            "files": {"labels.tif": {"sha256": sha256_of(folder / "labels.tif")}},
        }
        if (confidence := more.get("confidence")) is not None:
            write_labels(folder / "confidence.tif", confidence, labels.shape, PIXEL_NM)
            record["files"]["confidence.tif"] = {"sha256": sha256_of(folder / "confidence.tif")}
            record["errors"] = more.get("errors")
        (folder / "prediction.json").write_text(json.dumps(record))
        output = tmp_path / "08_surfaces"
        with monkeypatch.context() as patch:
            if not views:
                patch.setattr(surfaces, "render", lambda *_: (None, "not asked for"))
            surfaces.make_surfaces(folder, output, settings or Surfaces())
        return output, json.loads((output / "quantities.json").read_text())

    return run
