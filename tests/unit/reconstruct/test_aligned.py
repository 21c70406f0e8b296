"""What the stage reconstructs from aligned images of which a part was not measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from catomo.align.settings import Align
from catomo.align.stage import align
from catomo.files.store import read_pages
from catomo.reconstruct.aligned import AlignedImages
from catomo.reconstruct.settings import Reconstruct
from catomo.reconstruct.stage import reconstruct
from catomo.tilt_series import microscope
from catomo.tilt_series.settings import Simulate
from catomo.tilt_series.simulate import simulate

pytestmark = pytest.mark.slow

TINY = Path(__file__).parents[2] / "workflow/tiny.yaml"
FILM = {
    "thickness_nm": 4,
    "contrast": 0.6,
    "texture_sigma_nm": 1.5,
    "texture_amplitude": 0.25,
}


def masses_of_film(folder, shift_px, monkeypatch):
    """Return the mass of every slice, the named slices, where the specimen lies along y, the truth.

    The film is the same for all shifts, which would otherwise decide how wide it is drawn.
    """
    tiny = yaml.safe_load(TINY.read_text())
    film_under = microscope.film_under

    def same_film(phantom, specimen, tilt_deg, rng):
        acquisition = specimen.acquisition.model_copy(update={"max_shift_px": 3.0})
        specimen = specimen.model_copy(update={"acquisition": acquisition})
        return film_under(phantom, specimen, tilt_deg, rng)

    acquisition = {**tiny["acquisition"], "max_shift_px": shift_px}
    content = {**tiny, "film": FILM, "acquisition": acquisition}
    folder.mkdir()
    (folder / "film.yaml").write_text(yaml.safe_dump(content))
    with monkeypatch.context() as patch:
        patch.setattr(microscope, "film_under", same_film)
        simulate(folder / "film.yaml", folder / "01", Simulate())
    align(folder / "01", folder / "02", Align())
    reconstruct(folder / "02", folder / "03", Reconstruct(backend="cpu"))
    found = json.loads((folder / "03" / "reconstruction.json").read_text())
    aligned = json.loads((folder / "02" / "alignment.json").read_text())
    masses = read_pages(folder / "03" / "volume.tif").sum((1, 2), dtype=float)
    shift = aligned["truth"]["object_shift_px"]["y"]
    density = read_pages(folder / "01" / "truth_density.tif").sum((1, 2), dtype=float)
    return masses, found["unrecorded_slices"], shift, density


def test_a_film_that_moves_out_of_the_frame_keeps_its_mass(tmp_path, monkeypatch):
    still, _, there, _ = masses_of_film(tmp_path / "still", 0, monkeypatch)
    moved, named, here, density = masses_of_film(tmp_path / "moved", 3, monkeypatch)
    rows = np.arange(48)
    seen = rows - here + there
    ratio = moved / np.interp(seen, rows, still)
    counts = [i for i in rows if i not in named and 0 <= seen[i] <= 47]
    assert len(counts) >= 45
    assert ratio[counts] == pytest.approx(1, abs=0.1)
    # Slices that hold film alone count as those of the particle.
    share = moved / np.interp(rows - here, rows, density)
    assert share[counts] / np.median(share) == pytest.approx(1, abs=0.15)


def test_a_row_of_which_all_tilts_miss_much_was_not_recorded():
    """As the first rows beside a leaning tilt axis: of half of them nothing was ever seen."""
    missing = np.zeros((5, 4, 30), bool)
    missing[:, 0, :15] = missing[:, 1, :11] = missing[:, 2, :10] = True
    images = AlignedImages.in_memory(np.ones((5, 4, 30)), [-40, -20, 0, 20, 40], 1.0, missing)
    assert images.recorded(range(4)).tolist() == [0, 0, 1, 1]
