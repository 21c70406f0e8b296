"""The page as a file: its script is that of the sources, data cannot end their element."""

import hashlib
import json
import re
from pathlib import Path

import catomo.report.page as page_module
from catomo.report.embed import script_json

FOLDER = Path(page_module.__file__).parent


def test_the_script_is_bundled_from_the_sources_that_are_there():
    text = (FOLDER / "viewer.js").read_text(encoding="utf-8")
    digest = hashlib.sha256()
    for path in sorted((FOLDER / "viewer" / "src").glob("*.js")):
        digest.update(path.read_bytes())
    found = re.search("sha256 of its sources ([0-9a-f]{64})", text)
    assert found[1] == digest.hexdigest(), "run make viewer"
    assert "Permission is hereby granted" in text[:2000]  # the licence of three.js
    assert len(text.encode()) < 1_000_000
    assert "</script" not in text.lower()
    assert "sourceMappingURL" not in text


def test_versions_of_the_bundle_are_pinned():
    package = json.loads((FOLDER / "viewer" / "package.json").read_text())
    lock = json.loads((FOLDER / "viewer" / "package-lock.json").read_text())
    for name, version in package["devDependencies"].items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert "resolved" not in json.dumps(lock)  # names no registry


def test_own_sources_are_short():
    lengths = {p.name: len(p.read_text().splitlines()) for p in (FOLDER / "viewer/src").iterdir()}
    assert max(lengths.values()) <= 350, lengths


def test_names_in_the_data_cannot_end_their_element():
    text = script_json({"names": ["</script><b>", "<!--"]})
    assert "<" not in text
    assert json.loads(text) == {"names": ["</script><b>", "<!--"]}
    assert script_json({}) == ""
