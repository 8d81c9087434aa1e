"""The campaign on readers: its damage is seeded, it passes what is right, and it sees what is wrong."""

import random
import time

import pytest

from pose3d.runtime.errors import InputError
from torture import readers
from torture.readers import Kind, campaign, damaged, kinds

TABLE = "frame,x,y\n" + "".join(f"{i},{i}.5,{2 * i}\n" for i in range(9))


def make(folder):
    (folder / "table.csv").write_text(TABLE)
    return folder / "table.csv"


def careful(path):
    lines = path.read_bytes().splitlines()
    if lines[:1] != [b"frame,x,y"] or len(lines) != 10:
        raise InputError(f"{path} is damaged: write it again")
    return lines


def test_every_layout_calibration_model_and_format_is_there_once():
    names = [kind.name for kind in kinds()]
    assert len(set(names)) == len(names) >= 40
    assert {name.split(",")[0] for name in names if "/" not in name} >= {"keypoints", "calibration", "joints", "angles"}
    assert sum(kind.exact for kind in kinds()) == len(readers.RELEASED)


@pytest.mark.parametrize("whole", [TABLE.encode(), b'{"a": [1, {"b": 2}], "c": "d"}', bytes(range(256)) * 9])
def test_damage_is_seeded_and_mostly_changes_something(whole):
    made = [damaged(whole, random.Random(number)) for number in range(60)]
    assert made == [damaged(whole, random.Random(number)) for number in range(60)]
    assert sum(content != whole for content in made) > 50 and len(set(made)) > 30


def test_a_careful_reader_passes():
    row = campaign(Kind("table", make, careful), 40)
    assert (row.cases, row.passed) == (40, 40) and "refused in one sentence" in row.tried


def raises(path):
    careful(path) if path.read_text() == TABLE else int("x")


def two_lines(path):
    if path.read_bytes() != TABLE.encode():
        raise InputError(f"{path}\nis damaged")


def names_no_file(path):
    if path.read_bytes() != TABLE.encode():
        raise InputError("it is damaged")


def hangs(path):
    if path.read_bytes() != TABLE.encode():
        time.sleep(60)


def fills_memory(path):
    if path.read_bytes() != TABLE.encode():
        bytearray(2**33)  # far above the limit, because what the process had and gave back does not count


@pytest.mark.parametrize("read", [raises, two_lines, names_no_file, fills_memory])
def test_a_reader_that_does_worse_fails(read, capfd):
    row = campaign(Kind("table", make, read), 4)
    assert row.failed >= 3 and "failed: table, number 0" in capfd.readouterr().err


def test_a_reader_that_hangs_fails(monkeypatch):
    monkeypatch.setattr(readers, "LIMIT_S", 1)
    assert campaign(Kind("table", make, hangs), 1).failed == 1


def test_what_has_a_checksum_must_read_as_it_was():
    assert campaign(Kind("table", make, lambda path: path.read_bytes(), exact=True), 4).failed >= 3


def test_the_whole_file_must_read():
    with pytest.raises(AssertionError, match="does not read undisturbed: .*names no"):
        campaign(Kind("table", make, lambda path: names_nothing()), 1)


def names_nothing():
    raise InputError("names no file")
