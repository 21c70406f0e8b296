"""The order of file names as a person counts, and which names are tilt angles."""

import random

import pytest

from catomo.files.folders import files_in
from catomo.files.names import angles_in, in_natural_order

FIVES = range(-40, 36, 5)

ORDERED = {
    "unpadded": [f"img_{i}.tif" for i in range(1, 21)],
    "padded": [f"img_{i:03d}.tif" for i in range(1, 21)],
    "signed": [f"{i}.tif" for i in FIVES],
    "signed after a word": [f"tilt{i}.bcf" for i in FIVES],
    "signed after a hyphen": [f"scan-{i}.tif" for i in FIVES],  # scan--40 … scan-35
    "plus": [f"t{i:+03d}.tif" for i in FIVES],
    "minus sign": [f"{i}°.tif".replace("-", "−") for i in FIVES],
    "hyphens that join": [f"scan-{i:02d}.tif" for i in range(1, 36)],
    "hyphens that join, unpadded": [f"scan-{i}.tif" for i in range(36)],
    "hyphens between numbers": [f"s1-{i}.tif" for i in range(1, 12)],
    "dates": [f"2024-01-{i:02d}.tif" for i in range(1, 12)],
    "dates with points": [f"2024.01.{i}.tif" for i in range(1, 12)],
    "negative decimals": [f"tilt-{60 - 1.5 * i:.1f}.tif" for i in range(20)],
    "negative degrees": [f"tilt-{60 - 5 * i}deg.tif" for i in range(9)],
    "negative after an underscore": [f"tilt_-{60 - 5 * i}.tif" for i in range(9)],
    "decimals": [f"t{1.5 * i:g}.tif" for i in range(30)],
    "decimal commas": [f"t{1.5 * i - 20:g}.tif".replace(".", ",", 1) for i in range(1, 30, 2)],
    "letters for signs": [f"t_{'m' if i < 0 else 'p'}{abs(i):02d}.tif" for i in FIVES],
    "words for signs": [f"{'minus' if i < 0 else 'plus'}{abs(i)}.tif" for i in FIVES],
    "letters that are none": [f"{x}{i}.tif" for x in "mp" for i in range(1, 9)],
    "versions": [f"v1.{i}.tif" for i in range(1, 13)],
    "two counts": [f"scan-{i}.{k}.tif" for i in (1, 2) for k in range(1, 13)],
    "running numbers after a point": [f"run-1.{i:03d}.tif" for i in range(1, 36)],
    "a superscript": [f"cm²_{i}.tif" for i in (1, 2, 10)],
    "patches": [f"slice_{i}_patch{k}.tif" for i in (2, 10) for k in (1, 2, 11)],
    "long numbers": [f"{2**70 + i}.tif" for i in range(3)],
    "no numbers": ["a.tif", "b.tif"],
}


@pytest.mark.parametrize("kind", ORDERED)
def test_order(kind):
    names = ORDERED[kind]
    assert in_natural_order(random.Random(1).sample(names, len(names))) == names


def test_files_beside_the_images_do_not_make_a_hyphen_a_sign(tmp_path):
    names = [f"scan-{i:02d}.tif" for i in range(1, 6)]
    for name in [*names, "scan1.xml", "notes.txt"]:
        (tmp_path / name).touch()
    assert [path.name for path in files_in(tmp_path, (".tif",))] == names
    ordered = [path.name for path in files_in(tmp_path) if path.suffix == ".tif"]
    assert ordered == names


@pytest.mark.parametrize(
    ("names", "angles"),
    [
        ([f"{i}.tif" for i in FIVES], list(FIVES)),
        ([f"scan-{i}.tif" for i in FIVES], list(FIVES)),
        ([f"s_{i}deg_HAADF.tif" for i in range(0, 70, 7)], list(range(0, 70, 7))),
        ([f"s_{i}°.tif" for i in range(1, 9)], list(range(1, 9))),
        ([f"a2_{i:+.2f}.tif" for i in (-1.5, 0, 1.5)], [-1.5, 0, 1.5]),
        (ORDERED["letters for signs"], list(FIVES)),
        (["t-1,5.tif", "t0,0.tif", "t1,5.tif"], [-1.5, 0, 1.5]),
        ([f"t{i:.1f}.tif" for i in range(0, 60, 3)], list(range(0, 60, 3))),
        ([f"tilt-{i:.1f}.tif" for i in range(60, 5, -5)], list(range(-60, -5, 5))),
        ([f"{i}.tif" for i in range(-70, 121, 10)], list(range(-70, 121, 10))),
        # A running number, or a time, beside the angle.
        ([f"{k:03d}_{i:.1f}.tif" for k, i in enumerate(FIVES)], list(FIVES)),
        ([f"ts_{k:03d}[{i:.2f}].tif" for k, i in enumerate(FIVES)], list(FIVES)),
        ([f"ts_{k}[{i:+.2f}].tif" for k, i in enumerate(FIVES)], list(FIVES)),
        ([f"{k:03d}_{i}deg.tif" for k, i in enumerate(FIVES)], list(FIVES)),
        ([f"img{k:03d}_{i:+d}.tif" for k, i in enumerate(FIVES)], list(FIVES)),
        ([f"P_{k}_{i:.1f}_12{k * 37 % 60:02d}.tif" for k, i in enumerate(FIVES)], list(FIVES)),
    ],
)
def test_names_that_are_angles(names, angles):
    assert angles_in(names) == angles


@pytest.mark.parametrize(
    "names",
    [
        ORDERED["unpadded"],
        ORDERED["hyphens that join"],
        ORDERED["dates"],
        ORDERED["letters that are none"],
        ORDERED["versions"],
        ORDERED["two counts"],
        ORDERED["running numbers after a point"],
        [f"{i:.1f}.tif" for i in range(1, 36)],  # running numbers that a script wrote as floats
        [f"s{i:+d}.tif" for i in range(1, 36)],
        [f"{i * 10}.tif" for i in range(-30, 30)],  # heights up to 300
        [f"{k}_{i}.tif" for k, i in enumerate(FIVES)],  # differ in two numbers
        ["9.05.tif", "9.35.tif", "10.02.tif"],  # o'clock
        [f"{k:03d}_{-k / 2:.1f}um.tif" for k in range(1, 60)],  # defocus
        [f"{k:03d}_{i:.1f}_{-i:.1f}.tif" for k, i in enumerate(FIVES)],  # which of the two?
        ["-5.tif", "0.tif", "5.tif", "5_again.tif"],
        ["-5.tif"],
    ],
)
def test_names_that_are_no_angles(names):
    assert angles_in(names) is None


def test_a_name_that_is_another_with_a_number_at_its_end():
    """As Windows, cameras and Fiji name copies."""
    names = ["img2.tif", "img.tif", "img10.tif", "img1.tif"]
    assert in_natural_order(names) == ["img.tif", "img1.tif", "img2.tif", "img10.tif"]
    others = ["t_02.tif", "log2.txt", "t_01.tif", "log.txt"]
    assert in_natural_order(others) == ["log.txt", "log2.txt", "t_01.tif", "t_02.tif"]
