"""The table of particles: a row for each, cells that are known."""

import csv

import numpy as np

from catomo.labels.settings import Particles
from catomo.surfaces.frame import Frame
from catomo.surfaces.particles import Specimen, measure_particles
from catomo.surfaces.table import write_particles
from conftest import balls


def _rows(path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_particle_with_its_probability(tmp_path):
    labels = balls((20, 20, 50), (10, 10, 12, 4), (10, 10, 48, 4))
    labels[0, 0, 0] = 2  # a speck is no particle
    specimen = Specimen(Frame.of(labels.shape), 3, -1, None, None)
    found = measure_particles(labels, 2, Particles(phase="pt"), 0.5, specimen)
    probability = np.where(found.kept, np.where(found.cut_axes > 0, 0.25, 0.95), np.nan)
    write_particles(tmp_path / "p.csv", found, probability)
    one, other = _rows(tmp_path / "p.csv")
    assert (one["id"], one["whole"], one["probability"]) == ("1", "whole", "0.95")
    assert (other["id"], other["whole"], other["probability"]) == ("2", "cut", "0.25")
    assert (one["location"], one["spacing_support_nm"]) == ("", "")
    assert float(one["x_nm"]) == 6.0
    write_particles(tmp_path / "p.csv", found)
    assert {row["probability"] for row in _rows(tmp_path / "p.csv")} == {""}


def test_without_particles_it_has_its_header(tmp_path):
    write_particles(tmp_path / "p.csv", None)
    header = (tmp_path / "p.csv").read_text().strip().split(",")
    assert header[0] == "id"
    assert len(header) == len(set(header)) == 29
