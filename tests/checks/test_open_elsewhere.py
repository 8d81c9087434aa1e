"""The check by other programs sees what is wrong. The programs themselves are too large for the tests."""

import subprocess

import numpy as np
import pytest

from checks import open_elsewhere
from checks.open_elsewhere import CHECKS, FPS, N_FRAMES, READERS, check, said, verdict, write_all
from pose3d.formats.motion import NAMES, Z_UP_FROM_Y_UP


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return folder, write_all(folder)


def reading(positions, **change):
    """A reader that says this."""
    read = {"names": list(NAMES), "positions": positions.tolist(), "rate": FPS, "version": "1"}
    return lambda folder, path: read | change


def judged(monkeypatch, expected, read, reader="ezc3d"):
    folder, contents = expected
    name, content, _, axes, unit_m = CHECKS[reader]
    monkeypatch.setitem(CHECKS, reader, (name, content, read, axes, unit_m))
    return check(reader, folder, folder, contents)


def in_laboratory_mm(expected):
    return expected[1]["walk"] @ Z_UP_FROM_Y_UP.T * 1000


def test_a_reader_that_agrees_is_good(monkeypatch, expected):
    row, good = judged(monkeypatch, expected, reading(in_laboratory_mm(expected)))
    assert good and row == "| walk.c3d | ezc3d 1 | 0.0000 mm | 30.000 | 2.9667 s |"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mm: mm + [6, 0, 0],
        lambda mm: mm[..., [0, 2, 1]],
        lambda mm: mm * [-1, 1, 1],
        lambda mm: mm / 1000,
    ],
    ids=["6 mm", "axes", "mirrored", "unit"],
)
def test_joints_elsewhere_are_wrong(monkeypatch, expected, wrong):
    assert not judged(monkeypatch, expected, reading(wrong(in_laboratory_mm(expected))))[1]


def test_another_rate_or_duration_is_wrong(monkeypatch, expected):
    millimetres = in_laboratory_mm(expected)
    assert not judged(monkeypatch, expected, reading(millimetres, rate=29.9))[1]
    read = {"names": list(NAMES), "positions": millimetres.tolist(), "times_s": (np.arange(N_FRAMES) / 29).tolist()}
    assert not judged(monkeypatch, expected, lambda folder, path: read)[1]


def test_fewer_frames_and_other_gaps_are_wrong(expected):
    walk = expected[1]["walk"]
    with pytest.raises(ValueError, match=r"\(89, 17, 3\) joints in place of \(90, 17, 3\)"):
        verdict(reading(walk[1:])(None, None), walk, np.eye(3), 1.0)
    with pytest.raises(ValueError, match="other joints are missing"):
        verdict(reading(walk)(None, None), expected[1]["gaps"], np.eye(3), 1.0)


def test_an_error_of_the_validator_is_wrong(monkeypatch, expected):
    for errors in (0, 1):
        report = {"errors": errors, "warnings": 0, "version": "2"}
        row, good = judged(monkeypatch, expected, lambda folder, path, report=report: report, "gltf-validator")
        assert good is (errors == 0) and f"{errors} errors, 0 warnings" in row


def test_what_a_script_prints_is_found_among_what_its_program_says():
    assert said('Blender 5\nREAD {"a": 1} \nEND\nBlender quit') == {"a": 1}


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--all"], 1)])
def test_a_program_that_cannot_be_had_is_named(monkeypatch, capsys, arguments, status):
    def fail(folder, path):
        raise subprocess.CalledProcessError(1, "pip", stderr="noise\nNo matching distribution")

    for reader, (name, content, _, axes, unit_m) in list(CHECKS.items()):
        monkeypatch.setitem(CHECKS, reader, (name, content, fail, axes, unit_m))
    monkeypatch.setattr("sys.argv", ["open_elsewhere", "--only", "ezc3d", *arguments])
    with pytest.raises(SystemExit) as ended:
        open_elsewhere.main()
    assert ended.value.code == status
    row = "| walk.c3d | ezc3d | failed: No matching distribution | | | WRONG"
    assert capsys.readouterr().out.splitlines()[-1] == row


def test_every_script_is_there():
    named = {
        "opensim_tables.py",
        "opensim_markers.py",
        "opensim_mot.py",
        "ezc3d_points.py",
        "trc_data.py",
        "h5py_poses.py",
        "blender.py",
    }
    assert named | {"gltf_validator.cjs", "three.html", "h5wasm_poses.mjs"} == {
        file.name for file in READERS.iterdir() if file.is_file()
    }
