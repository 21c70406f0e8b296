"""Plots as SVG: the same bytes, ids of their own, and the numbers beside them."""

import re

import numpy as np

from catomo import figures
from catomo.record.hashes import sha256_of
from catomo.record.record import Record
from catomo.report.plots import plots, svg
from catomo.report.settings import Report

CLASSES = Report().classes


def test_shifts_by_tilt_with_their_table(tmp_path):
    record = {
        "tilt_deg": [-2.0, 0.0, 2.0], "across_px": [1.5, 0, -1], "along_px": [0.25, 0, 7],
        "axis_offset_px": 4.0,
    }  # fmt: skip
    (plot,) = plots(Record(tmp_path / "alignment.json", record), CLASSES)
    assert plot.header == ["tilt / °", "across the tilt axis", "along it"]
    assert plot.rows == [["-2", "5.5", "0.25"], ["0", "4", "0"], ["2", "3", "7"]]
    assert plot.svg.startswith('<svg role="img" aria-label="How far')
    (again,) = plots(Record(tmp_path / "alignment.json", record), CLASSES)
    assert again.svg == plot.svg


def test_a_missing_change_is_no_number(tmp_path):
    record = {"convergence": {"residual": [0.5, 0.25], "change": [None, 0.125]}}
    (plot,) = plots(Record(tmp_path / "reconstruction.json", record), CLASSES)
    assert plot.rows == [["1", "0.5", "–"], ["2", "0.25", "0.125"]]


def test_diameters_are_counted_all(tmp_path):
    path = tmp_path / "particles.csv"
    sizes = np.linspace(1, 5, 17)
    path.write_text("id,diameter_nm\n" + "".join(f"{n},{d}\n" for n, d in enumerate(sizes)))
    entry = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    record = Record(tmp_path / "quantities.json", {"files": {"particles.csv": entry}})
    (plot,) = plots(record, CLASSES)
    assert sum(int(count) for _, count in plot.rows) == len(sizes)


def test_ids_of_two_drawings_differ_and_links_follow_them():
    def drawn(name):
        figure, axes = figures.new_figure()
        axes.plot([1, 2], [3, 4], "o-", clip_on=True)
        return svg(figure, name, 'a "title" <b>')

    one, other = drawn("one"), drawn("other")
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', one)) <= ids[0]
    assert 'aria-label="a &quot;title&quot; &lt;b&gt;"' in one
    assert "20" not in re.findall(r"<dc:date>.*", one)


def test_stages_without_a_plot_have_none(tmp_path):
    assert plots(Record(tmp_path / "slices.json", {}), CLASSES) == []
    assert plots(Record(tmp_path / "metrics.json", {"classes": {}}), CLASSES) == []
