"""Renew docs/images from the demo: ``python docs/pictures.py`` in the folder of the project.

`make docs` does this where the demo was run. The same results give the same bytes.
"""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURES = {
    "surfaces": "08_surfaces/view_front.png",
    "alignment": "02_align/alignment.png",
    "orthoslices": "03_reconstruct/orthoslices.png",
    "prediction": "06_predict/prediction.png",
    "confidence": "07_evaluate/confidence.png",
}
WIDTH_PX = 1100


def main(results: Path) -> None:
    """Write the pictures of one dataset's results, smaller and as WebP."""
    for name, source in PICTURES.items():
        with Image.open(results / source) as picture:
            small = picture.convert("RGB")
        small.thumbnail((WIDTH_PX, 10 * WIDTH_PX))
        small.save(ROOT / "docs" / "images" / f"{name}.webp", quality=70, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "phantom")
