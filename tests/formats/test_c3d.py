"""Read back by our reader, which is c3d's, and by ezc3d; damage is one sentence."""

import struct

import ezc3d
import numpy as np
import pytest
from motions import assert_same, one_joint, walk, walk_with_gaps

from pose3d.formats import c3d as c3d_module
from pose3d.formats.c3d import read_c3d, write_c3d
from pose3d.formats.motion import NAMES, Motion
from pose3d.runtime.errors import InputError


def by_ezc3d(path):
    """Names, positions (T, J, 3) in the file's unit, residuals (T, J), and parameters of POINT."""
    content = ezc3d.c3d(str(path))
    points, point = content["data"]["points"], content["parameters"]["POINT"]
    residuals = content["data"]["meta_points"]["residuals"][0].T
    return point["LABELS"]["value"], points[:3].transpose(2, 1, 0), residuals, point


@pytest.mark.parametrize("motion", [walk(), walk_with_gaps(), walk(1, 50)], ids=["whole", "gaps", "one frame"])
def test_all_comes_back(tmp_path, motion):
    write_c3d(tmp_path / "a.c3d", motion)
    assert_same(read_c3d(tmp_path / "a.c3d"), motion, atol=1e-6)


def test_read_alike_by_another_library_z_up_in_millimetres(tmp_path):
    write_c3d(tmp_path / "a.c3d", one_joint((1, 2, -3), (np.nan, np.nan, np.nan), (4, 5, 6)))
    names, points, residuals, point = by_ezc3d(tmp_path / "a.c3d")
    assert names == ["Hip"] and point["UNITS"]["value"] == ["mm"] and point["RATE"]["value"] == [50]
    assert (point["X_SCREEN"]["value"], point["Y_SCREEN"]["value"]) == (["+X"], ["+Z"])
    np.testing.assert_array_equal(points[:, 0], [[1000, 3000, 2000], [np.nan] * 3, [4000, -6000, 5000]])
    assert residuals.tolist() == [[0], [-1], [0]]


def test_gaps_are_the_same_to_another_library(tmp_path):
    motion = walk_with_gaps()
    write_c3d(tmp_path / "a.c3d", motion)
    names, points, _, _ = by_ezc3d(tmp_path / "a.c3d")
    assert names == list(NAMES)
    x, y, z = np.moveaxis(motion.positions_m, -1, 0)
    np.testing.assert_allclose(points / 1000, np.stack([x, -z, y], -1), rtol=0, atol=1e-6)


def test_missing_points_hold_zeros_and_not_the_frame_before(tmp_path):
    write_c3d(tmp_path / "a.c3d", one_joint((1, 2, 3), (np.nan, np.nan, np.nan)))
    data = (tmp_path / "a.c3d").read_bytes()
    start = 512 * (struct.unpack_from("<H", data, 16)[0] - 1)
    assert struct.unpack_from("<8f", data, start) == (1000, -3000, 2000, 0, 0, 0, 0, -1)
    assert len(data) % 512 == 0


def test_points_at_zero_are_missing_whatever_their_residual(tmp_path):
    motion = walk_with_gaps()
    write_c3d(tmp_path / "a.c3d", Motion(NAMES, np.nan_to_num(motion.positions_m), motion.fps))
    found = read_c3d(tmp_path / "a.c3d")
    assert_same(found, motion, atol=1e-6)
    assert "Hip in 1 of 12 frames" in found.said[0]
    write_c3d(tmp_path / "a.c3d", motion)
    assert read_c3d(tmp_path / "a.c3d").said == ()  # what is missing by its residual is no news


@pytest.mark.slow
@pytest.mark.parametrize("n_frames", [65535, 70000])
def test_clips_too_long_for_16_bits_are_the_same_to_both_libraries(tmp_path, n_frames):
    positions = np.random.default_rng(0).normal(size=(n_frames, 1, 3)).astype(np.float32)
    write_c3d(tmp_path / "a.c3d", Motion(("Hip",), positions, 50.0))
    assert_same(read_c3d(tmp_path / "a.c3d"), Motion(("Hip",), positions, 50.0), atol=1e-6)
    _, points, _, _ = by_ezc3d(tmp_path / "a.c3d")
    assert len(points) == n_frames
    np.testing.assert_allclose(points[-1, 0, 2] / 1000, positions[-1, 0, 1], atol=1e-6)


@pytest.mark.parametrize(("up", "expected"), [("+Z", [0.001, 0.003, -0.002]), ("+Y", [0.001, 0.002, 0.003])])
def test_a_file_of_another_library_with_either_axis_up_is_read(tmp_path, up, expected):
    content = ezc3d.c3d()
    content["parameters"]["POINT"]["RATE"]["value"] = [100]
    content["parameters"]["POINT"]["LABELS"]["value"] = ("LASI", "RASI")
    content["parameters"]["POINT"]["UNITS"]["value"] = ("mm",)
    content.add_parameter("POINT", "X_SCREEN", ["+X"])
    content.add_parameter("POINT", "Y_SCREEN", [up])
    content["data"]["points"] = np.ones((4, 2, 5)) * np.array([1, 2, 3, 1.0])[:, None, None]
    content["data"]["points"][:3, 1, 4] = np.nan
    content.write(str(tmp_path / "a.c3d"))
    motion = read_c3d(tmp_path / "a.c3d")
    assert (motion.joints, motion.fps, len(motion)) == (("LASI", "RASI"), 100, 5)
    np.testing.assert_allclose(motion.positions_m[0, 0], expected, rtol=1e-6)
    assert np.argwhere(motion.missing).tolist() == [[4, 1]]


@pytest.mark.parametrize(("unit", "metres"), [("MM", 0.001), ("meters", 1), ("M", 1)])
def test_units_may_have_capitals_and_long_names(tmp_path, unit, metres):
    content = ezc3d.c3d()
    content["parameters"]["POINT"]["RATE"]["value"] = [100]
    content["parameters"]["POINT"]["LABELS"]["value"] = ("LASI", "RASI")
    content["parameters"]["POINT"]["UNITS"]["value"] = (unit,)
    content["data"]["points"] = np.ones((4, 2, 5))
    content.write(str(tmp_path / "a.c3d"))
    assert read_c3d(tmp_path / "a.c3d").positions_m[0, 0, 0] == pytest.approx(metres)


def test_a_recording_that_was_cut_is_said_to_begin_late(tmp_path):
    content = ezc3d.c3d()
    content["header"]["points"]["first_frame"] = 100
    content["parameters"]["POINT"]["RATE"]["value"] = [100]
    content["parameters"]["POINT"]["LABELS"]["value"] = ("LASI", "RASI")
    content["parameters"]["POINT"]["UNITS"]["value"] = ("mm",)
    content["data"]["points"] = np.ones((4, 2, 5))
    content.write(str(tmp_path / "a.c3d"))
    assert read_c3d(tmp_path / "a.c3d").said == (
        "the first frame is at 1 s of the recording, which is 0 s here: times count from it",
    )


def test_angles_and_forces_among_the_points_are_left_out(tmp_path):
    content = ezc3d.c3d()
    content["parameters"]["POINT"]["RATE"]["value"] = [100]
    content["parameters"]["POINT"]["UNITS"]["value"] = ("mm",)
    labels = ("LASI", "LHipAngles", "RASI", "LHipForce", "RHipAngles")
    content["parameters"]["POINT"]["LABELS"]["value"] = labels
    content.add_parameter("POINT", "ANGLES", ["LHipAngles"])
    content.add_parameter("POINT", "ANGLES2", ["RHipAngles", "RKneeAngles"])
    content.add_parameter("POINT", "FORCES", ["LHipForce", ""])
    content["data"]["points"] = np.ones((4, 5, 3)) * np.arange(1, 6)[:, None]
    content.write(str(tmp_path / "a.c3d"))
    motion = read_c3d(tmp_path / "a.c3d")
    assert motion.joints == ("LASI", "RASI")
    np.testing.assert_allclose(motion.positions_m[0, :, 0], [0.001, 0.003], rtol=1e-6)
    assert motion.said == (
        "points that are angles, forces, moments, powers or scalars are left out: LHipAngles, LHipForce, RHipAngles",
    )
    content["parameters"]["POINT"]["LABELS"]["value"] = ("LHipAngles",) * 5
    content.write(str(tmp_path / "a.c3d"))
    with pytest.raises(InputError, match="none of its points is a position"):
        read_c3d(tmp_path / "a.c3d")


def test_the_same_motion_is_the_same_bytes(tmp_path):
    for name in "ab":
        write_c3d(tmp_path / name, walk())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def written(tmp_path):
    write_c3d(tmp_path / "a.c3d", walk())
    return tmp_path / "a.c3d"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[:1000],
        lambda data: data[: len(data) - 1024],
        lambda data: b"\x00" * 4096,
        lambda data: data.replace(b"mm", b"ft"),
        lambda data: data.replace(b"+Z", b"-X"),
        lambda data: data.replace(b"LABELS", b"LABELX"),
        lambda data: data[:4] + b"\xff\xff" + data[6:],
    ],
)
def test_what_is_damaged_is_one_sentence(written, change):
    written.write_bytes(change(written.read_bytes()))
    with pytest.raises(InputError, match=r"a\.c3d is no whole C3D file of points \(.+\): write it again"):
        read_c3d(written)


def test_any_byte_may_be_wrong(written):
    """What comes back is a motion, or one sentence: nothing else, and no more memory than the file is worth."""
    data, rng = written.read_bytes(), np.random.default_rng(0)
    for place in [*range(20), *rng.integers(0, 2048, 150)]:
        changed = bytearray(data)
        changed[place] ^= int(rng.integers(1, 256))
        written.write_bytes(changed)
        try:
            assert read_c3d(written).positions_m.nbytes <= 100 * len(data)
        except InputError as error:
            assert "\n" not in str(error)


def test_a_huge_file_or_none_is_one_sentence(written, monkeypatch):
    monkeypatch.setattr(c3d_module, "MAX_BYTES", 1000)
    with pytest.raises(InputError, match="is larger than"):
        read_c3d(written)
    with pytest.raises(InputError, match=r"none\.c3d cannot be read \(No such file"):
        read_c3d(written.with_name("none.c3d"))


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    many = tuple(f"m{number}" for number in range(256))
    with pytest.raises(InputError, match="cannot hold 256 joints"):
        write_c3d(tmp_path / "a.c3d", Motion(many, np.zeros((1, 256, 3)), 25.0))
    assert list(tmp_path.iterdir()) == []
