"""Columns come back, a file is as OpenSim's description says, and what is damaged is one sentence."""

import numpy as np
import pytest

from pose3d.formats import number_rows
from pose3d.formats.mot import read_mot, write_mot
from pose3d.runtime.errors import InputError

TIMES_S = np.array([0, 0.04, 0.08])
COLUMNS = {"knee_angle_r": np.array([10.5, np.nan, 12.25]), "pelvis_tx": np.array([0, -1.5, 2.0])}


@pytest.fixture
def written(tmp_path):
    write_mot(tmp_path / "walk.mot", TIMES_S, COLUMNS)
    return tmp_path / "walk.mot"


def test_every_line_is_as_opensim_expects(written):
    header, table = written.read_text().split("endheader\n")
    assert header.splitlines()[:5] == ["walk", "version=1", "nRows=3", "nColumns=3", "inDegrees=yes"]
    assert table.splitlines() == [
        "time\tknee_angle_r\tpelvis_tx",
        "0.000000\t10.50000000\t0.00000000",
        "0.040000\tnan\t-1.50000000",
        "0.080000\t12.25000000\t2.00000000",
    ]


@pytest.mark.parametrize("in_degrees", [True, False])
def test_all_comes_back(tmp_path, in_degrees):
    write_mot(tmp_path / "a.mot", TIMES_S, COLUMNS, in_degrees)
    times_s, columns, said = read_mot(tmp_path / "a.mot")
    np.testing.assert_array_equal(times_s, TIMES_S)
    assert list(columns) == list(COLUMNS) and said is in_degrees
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(columns[name], values)


def test_a_storage_file_of_another_program_is_read(tmp_path):
    (tmp_path / "a.sto").write_text("x\r\nnRows = 1\r\nendheader\r\ntime\ta b\tc\t\r\n  0.5  1e-3   2\r\n\r\n")
    times_s, columns, in_degrees = read_mot(tmp_path / "a.sto")
    assert times_s.tolist() == [0.5] and not in_degrees
    assert {name: values.tolist() for name, values in columns.items()} == {"a b": [0.001], "c": [2.0]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[: text.index("0.080000")], "has 2 rows, but its header says 3: is it cut off"),
        (lambda text: text.replace("0.040000", "0.1"), "has no rows, or times that do not ascend"),
        (lambda text: text.replace("0.040000", ""), "has no rows, or times that do not ascend"),
        (lambda text: text[: text.index("0.000000")], "has no rows, or times that do not ascend"),
        (lambda text: text[:-12], "line 13, has 2 numbers in place of 3"),
        (lambda text: text.replace("10.5", "ten"), "line 11, has what is no number"),
        (lambda text: text.replace("10.5", "inf"), "line 11, has what is no number"),
        (lambda text: text.replace("10.50000000", "inf"), "line 11, has an infinite number"),
        (lambda text: text.replace("endheader", ""), "has no line endheader"),
        (lambda text: text.replace("nColumns=3", "nColumns=30"), "line 10, has 3 names, but the header says 30"),
        (lambda text: text.replace("time\t", "Zeit\t"), "line 10, must have time"),
        (lambda text: text.replace("knee_angle_r", "pelvis_tx"), "line 10, must have time"),
        (lambda text: "", "has no line endheader"),
        (lambda text: "a\n" * 10**5, "has no line endheader"),
        (lambda text: "a" * 2**21, "line 1, has more than"),
    ],
)
def test_what_is_damaged_is_one_sentence(written, change, said):
    written.write_text(change(written.read_text()))
    with pytest.raises(InputError, match=rf"walk\.mot,? {said}"):
        read_mot(written)


def test_what_is_no_text_or_not_there_is_one_sentence(tmp_path, monkeypatch, written):
    (tmp_path / "a.mot").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="line 1, is no text"):
        read_mot(tmp_path / "a.mot")
    with pytest.raises(InputError, match=r"none\.mot cannot be read \(No such file"):
        read_mot(tmp_path / "none.mot")
    monkeypatch.setattr(number_rows, "MAX_NUMBERS", 8)
    with pytest.raises(InputError, match="line 13, brings more than 8 numbers"):
        read_mot(written)


@pytest.mark.parametrize(
    ("times_s", "columns", "said"),
    [
        ([], {"a": np.empty(0)}, "its times are not ascending"),
        ([0, 0], {"a": np.zeros(2)}, "its times are not ascending"),
        ([0, np.nan], {"a": np.zeros(2)}, "its times are not ascending"),
        ([0, 1], {}, "there is no column"),
        ([0, 1], {"a b": np.zeros(2)}, "'a b' is no name"),
        ([0, 1], {"time": np.zeros(2)}, "'time' is no name"),
        ([0, 1], {"a": np.zeros(3)}, "column a has shape"),
        ([0, 1], {"a": np.array([0, np.inf])}, "column a has shape"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, times_s, columns, said):
    with pytest.raises(InputError, match=said):
        write_mot(tmp_path / "a.mot", np.array(times_s, float), columns)
    assert list(tmp_path.iterdir()) == []
