"""The folder of a dataset as a Workflow Run RO-Crate, which archives and registries can read.

The file ``ro-crate-metadata.json`` says in the terms of schema.org which files a run made, from
what, by which programs and settings. Profile: https://w3id.org/ro/wfrun/workflow/0.5
(S. Leo et al., Recording provenance of workflow runs with RO-Crate, PLoS ONE 2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rocrate.model import ContextEntity, SoftwareApplication
from rocrate.rocrate import ROCrate

from catomo import __version__
from catomo.record.hashes import sha256_of
from catomo.record.listed import pruned
from catomo.record.record import Record
from catomo.report.crate_text import write_text
from catomo.stages import stage_of

# The day of the version in catomo/__init__.py: a crate must bear a date.
_RELEASED = "2026-11-26"
_LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_TYPES = {
    ".csv": "text/csv",
    ".glb": "model/gltf-binary",
    ".html": "text/html",
    ".json": "application/json",
    ".png": "image/png",
    ".stl": "model/stl",
    ".tif": "image/tiff",
}


def workflow_source() -> str:
    """Return the Snakefile and the rule files that it includes, as one text.

    A package that pip installed has no rules beside it: another project's Snakefile took them
    from a repository. Then the text names their version alone.
    """
    home = Path(__file__).parents[2]
    if not (home / "Snakefile").is_file():
        return (
            f"# The rules of catomo {__version__}, which do not lie beside the installed package.\n"
        )
    files = [home / "Snakefile", *sorted((home / "rules").glob("*.smk"))]
    return "\n\n".join(
        f"# ---- {file.relative_to(home).as_posix()}\n\n{file.read_text()}" for file in files
    )


def write_crate(records: Mapping[str, Record], page: Record, workflow: str) -> Path:
    """Describe the folder of a dataset; the same results give the same bytes.

    Parameters
    ----------
    records : mapping
        The records of the dataset's stages, by the names of their files.
    page : Record
        The record of its page. What it and the stages wrote lies in the folder that holds
        the folder of the page; a model lies elsewhere and is named only.
    workflow : str
        Name of the file beside the page that holds the workflow's source.

    Returns
    -------
    path
        The file written.
    """
    home = page.path.resolve().parent.parent
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "https://w3id.org/ro/terms/workflow-run#sha256"
    root = crate.root_dataset
    crate.name = f"{page['dataset'] or home.name}: results of catomo"
    crate.description = (
        "A tilt series of electron tomography, its reconstruction, segmentation and quantities. "
        "The date is that of the version of catomo: results hold no times."
    )
    root["datePublished"] = _RELEASED
    root["license"] = crate.add(
        ContextEntity(crate, _LICENCE, {"@type": "CreativeWork", "name": "BSD-3-Clause, catomo's"})
    )
    root["conformsTo"] = [
        crate.add(
            ContextEntity(crate, url, {"@type": "CreativeWork", "name": name, "version": version})
        )
        for url, (name, version) in _PROFILES.items()
    ]
    made = _Made(crate, home)
    main = crate.add_workflow(
        page.path.parent / workflow,
        made.place(page.path.parent / workflow),
        main=True,
        lang="snakemake",
        properties={"name": f"catomo {__version__}", "version": __version__},
    )
    stages = [made.action(record) for record in [*records.values(), page]]
    run = crate.add_action(
        main,
        identifier="#run",
        object=[thing for stage in stages for thing in made.raw[stage.id]],
        result=[file for stage in stages for file in stage.get("result", [])],
        properties={"name": f"catomo {__version__} on {page['dataset'] or home.name}"},
    )
    root["mentions"] = [run, *stages]
    return write_text(page.path.parent.parent, crate.metadata.generate(), made.let_go)


class _Made:
    """The entities of the stages' files, inputs and programs in a crate."""

    def __init__(self, crate: ROCrate, home: Path) -> None:
        self._crate, self._home = crate, home
        self._records: dict[str, Any] = {}  # by the sha256 of a record
        self.raw: dict[str, list[Any]] = {}  # what an action read of the outside
        self.let_go: set[str] = set()

    def place(self, path: Path) -> str:
        """Return the path of a file within the crate."""
        return (path.parent.resolve() / path.name).relative_to(self._home).as_posix()

    def action(self, record: Record) -> Any:
        """Add what a stage did: its program, what it read and what it wrote."""
        verb = record["stage"]
        stage = stage_of(verb)
        program = SoftwareApplication(
            self._crate,
            f"#catomo-{verb}",
            {
                "name": f"catomo {verb}",
                "softwareVersion": record["catomo"],
                "softwareRequirements": [
                    f"{name} {version}" for name, version in record["versions"].items()
                ],
            },
        )
        identifier = f"#{stage.number:02d}-{verb}"
        raw = []
        objects = []
        for word, made_of in record["inputs"].items():
            known = self._records.get(made_of.get("sha256", ""))
            if known is None:
                known = self._outside(identifier, word, made_of)
                raw.append(known)
            objects.append(known)
        results = self._files(record)
        done = self._crate.add_action(
            self._crate.add(program),
            identifier=identifier,
            object=objects,
            result=results,
            properties={"name": stage.title},
        )
        self.raw[done.id] = raw
        return done

    def _outside(self, action: str, word: str, made_of: Mapping[str, str]) -> Any:
        """Add something that was read and lies outside of the dataset's folder."""
        name = made_of.get("file") or made_of.get("folder") or f"record of {made_of['stage']}"
        identifier = made_of.get("fingerprint") or made_of.get("sha256", "")
        return self._crate.add(
            ContextEntity(
                self._crate,
                f"{action}-{word}",
                {"@type": "CreativeWork", "name": name, "identifier": identifier},
            )
        )

    def _files(self, record: Record) -> list[Any]:
        if not record.path.resolve().is_relative_to(self._home):
            return []  # a model, which several datasets may share
        listed = {
            record.path.name: {
                "sha256": sha256_of(record.path),
                "bytes": record.path.stat().st_size,
            },
            **record["files"],
        }
        files = []
        let_go = pruned(record.path.parent)
        for name, facts in listed.items():
            path = record.path.parent / name
            if name in let_go and not path.exists():
                self.let_go.add(self.place(path))
            file = self._crate.dereference(self.place(path)) or self._crate.add_file(
                path, self.place(path)
            )
            file["sha256"] = facts["sha256"]
            file["contentSize"] = str(facts["bytes"])
            if path.suffix in _TYPES:
                file["encodingFormat"] = _TYPES[path.suffix]
            files.append(file)
        self._records[listed[record.path.name]["sha256"]] = files[0]
        return files
