"""Renew docs/images from the demo: ``python docs/pictures.py`` in the folder of the project.

`make docs` does this where the demo was run. The same results give the same bytes.
"""

import sys
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from catomo.figures import new_figure
from catomo.phantom.settings import Specimen
from catomo.tilt_series.microscope import simulate_tilt_series

ROOT = Path(__file__).resolve().parents[1]
PICTURES = {
    "surfaces": "08_surfaces/view_front.png",
    "alignment": "02_align/alignment.png",
    "orthoslices": "03_reconstruct/orthoslices.png",
    "prediction": "06_predict/prediction.png",
    "confidence": "07_evaluate/confidence.png",
}
WIDTH_PX = 1100
# What the picture of the faults shows of a phantom, strong enough to be seen.
FAULTS = {
    "none": {},
    "rotation_deg: 12": {"rotation_deg": 12.0},
    "magnification: 0.25": {"magnification": 0.25},
    "shear: 0.2": {"shear": 0.2},
    "scan_drift_px: 25": {"scan_drift_px": 25.0},
    "flyback_px: 30": {"flyback_px": 30.0},
    "shadow_share: 0.45": {"shadow_images": 3, "shadow_share": 0.45},
    "contamination_nm: 6": {"contamination_nm": 6.0},
    "particle_drift_nm: 5": {"particle_drift_nm": 5.0},
    "diffraction_share: 0.5": {"diffraction_share": 0.5, "diffraction_factor": 5.0},
    "damping: 1.5": {"damping": 1.5},
    "offset_counts: -120": {"offset_counts": -120.0},
    "saturation: 0.15": {"saturation": 0.15},
    "dead_lines: 8": {"dead_lines": 8},
    "angle_scale: 0.7": {"angle_scale": 0.7},
}
PERFORATED = {
    "thickness_nm": 3.0,
    "contrast": 0.35,
    "texture_sigma_nm": 0.5,
    "texture_amplitude": 0.2,
    "hole_diameter_nm": 8.0,
    "hole_spacing_nm": 12.0,
}


def main(results: Path) -> None:
    """Write the pictures of one dataset's results, smaller and as WebP."""
    for name, source in PICTURES.items():
        with Image.open(results / source) as picture:
            small = picture.convert("RGB")
        small.thumbnail((WIDTH_PX, 10 * WIDTH_PX))
        small.save(ROOT / "docs" / "images" / f"{name}.webp", quality=70, method=6)


def faults() -> None:
    """Draw one image of a phantom, the last of three, with each fault, and on a film with holes."""
    demo = yaml.safe_load((ROOT / "resources" / "phantoms" / "demo-128.yaml").read_text())
    demo["acquisition"] |= {"tilt_deg": [-60, 60, 60], "max_shift_px": 0}
    changes = {name: {"faults": fault} for name, fault in FAULTS.items()}
    changes["film, hole_diameter_nm: 8"] = {"film": PERFORATED}
    figure, axes = new_figure(4, 4, size=(11, 11.8))
    top = None
    for panel, (name, change) in zip(np.ravel(axes), changes.items(), strict=True):
        images = simulate_tilt_series(Specimen.model_validate(demo | change), 1).series.images
        image = images[0] if "shadow_share" in name else images[-1]
        top = np.percentile(image, 99) if top is None else top
        panel.imshow(np.sqrt(image), cmap="gray", vmin=0, vmax=np.sqrt(top))
        panel.set_title(name, fontsize=8)
        panel.set_axis_off()
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    picture.thumbnail((WIDTH_PX, 10 * WIDTH_PX))
    picture.save(ROOT / "docs" / "images" / "faults.webp", quality=70, method=6)


if __name__ == "__main__":
    faults()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results" / "phantom")
