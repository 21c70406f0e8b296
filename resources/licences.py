"""Print a table of the packages that are installed here: name, version, licence, home page.

Packages declare their licences in several ways, of which the first that is there is taken: a
licence expression (PEP 639), classifiers, a free text, or a file of which the first line is taken.
"""

from importlib.metadata import Distribution, distributions


def licence_of(distribution: Distribution) -> str:
    """Return the licence that a package declares, ``?`` if none."""
    about = distribution.metadata
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in about.get_all("Classifier", [])
        if text.startswith("License ::")
    ]
    text = about.get("License") or _text_of(distribution)
    first = next(iter(text.strip().splitlines()), "?")
    return about.get("License-Expression") or "; ".join(classifiers) or first


def _text_of(distribution: Distribution) -> str:
    """Return the text of a package's licence file, empty if it has none."""
    for file in distribution.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            return file.read_text()
    return ""


def home_of(distribution: Distribution) -> str:
    """Return the address of a package, empty if it declares none."""
    about = distribution.metadata
    urls = [text.partition(",")[2].strip() for text in about.get_all("Project-URL", [])]
    return about.get("Home-page") or next(iter(urls), "")


def main() -> None:
    """Print the table with tabs between its cells, sorted by name."""
    print("package\tversion\tlicence\thome page")
    found = {one.metadata["Name"].lower(): one for one in distributions()}
    for _, one in sorted(found.items()):
        print(one.metadata["Name"], one.version, licence_of(one), home_of(one), sep="\t")


if __name__ == "__main__":
    main()
