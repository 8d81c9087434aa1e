"""Read back by our reader, which is c3d's, and by ezc3d; damage is one sentence."""

import struct

import ezc3d
import numpy as np
import pytest
from motions import assert_same, one_joint, walk, walk_with_gaps
from tiny_c3d import write_foreign_c3d

from pose3d.formats import c3d as c3d_module
from pose3d.formats.c3d import read_c3d, write_c3d
from pose3d.formats.motion import NAMES, Motion
from pose3d.runtime.errors import FOREIGN, InputError


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


MM = {"LABELS": ["LASI", "RASI"], "UNITS": "mm"}


@pytest.mark.parametrize(
    ("rate_hz", "analog_per_frame"), [(100, 10), (119.88, 10), (59.94, 20), (29.97, 20), (1000 / 7, 7)]
)
def test_analog_data_of_any_rate_are_passed_over(tmp_path, rate_hz, analog_per_frame):
    points = np.arange(60.0).reshape(10, 2, 3) + 1
    path = write_foreign_c3d(tmp_path / "a.c3d", points, MM, rate_hz, analog_per_frame=analog_per_frame)
    motion = read_c3d(path)
    np.testing.assert_allclose(motion.positions_m, points[..., [0, 2, 1]] * [1, 1, -1] / 1000, rtol=1e-6)
    assert motion.fps == pytest.approx(rate_hz)


def test_analog_data_of_one_channel_may_have_an_offset_that_is_one_number(tmp_path):
    points = np.arange(60.0).reshape(10, 2, 3) + 1
    path = write_foreign_c3d(tmp_path / "a.c3d", points, MM, analog_per_frame=10, ANALOG_OFFSET=[0])
    np.testing.assert_allclose(read_c3d(path).positions_m, points[..., [0, 2, 1]] * [1, 1, -1] / 1000, rtol=1e-6)


def test_frames_beyond_those_that_are_counted_are_said_to_be_left_out(tmp_path):
    """As ezc3d writes 70,000: the header and POINT:FRAMES hold no more than 65,535."""
    points = np.ones((65_600, 1, 3))
    write_foreign_c3d(tmp_path / "a.c3d", points, {"LABELS": ["C7"], "UNITS": "mm"}, POINT_FRAMES=[65_535])
    motion = read_c3d(tmp_path / "a.c3d")
    said = "it counts 65,535 frames, the most that its header can, and is longer: the rest is left out"
    assert len(motion) == 65_535 and motion.said == (said,)
    points = points[:65_535]
    write_foreign_c3d(tmp_path / "a.c3d", points, {"LABELS": ["C7"], "UNITS": "mm"}, POINT_FRAMES=[65_535])
    assert not read_c3d(tmp_path / "a.c3d").said


@pytest.mark.parametrize(
    ("first", "numbers"),
    [
        (0, {"POINT_FRAMES": [20]}),
        (65_534, {"POINT_FRAMES": [20]}),
        (70_000, {"TRIAL_ACTUAL_START_FIELD": [4464, 1], "TRIAL_ACTUAL_END_FIELD": [4483, 1]}),
        (1, {"TRIAL_ACTUAL_START_FIELD": [1, 0], "TRIAL_ACTUAL_END_FIELD": [5000, 0]}),
        (301, {"TRIAL_ACTUAL_START_FIELD": [1, 0], "TRIAL_ACTUAL_END_FIELD": [5000, 0], "POINT_FRAMES": [5000]}),
    ],
    ids=["from 0", "over 16 bits", "after 16 bits", "cut at its end", "cut at both ends"],
)
def test_a_cut_recording_has_the_frames_that_are_there(tmp_path, first, numbers):
    points = np.arange(120.0).reshape(20, 2, 3) + 1
    motion = read_c3d(write_foreign_c3d(tmp_path / "a.c3d", points, MM, 100, first, **numbers))
    np.testing.assert_allclose(motion.positions_m[..., 0], points[..., 0] / 1000, rtol=1e-6)
    assert [sentence.split(":")[0] for sentence in motion.said] == (
        [f"the first frame is at {(first - 1) / 100:.4g} s of the recording, which is 0 s here"] if first > 1 else []
    )


def test_a_long_recording_that_was_cut_has_all_its_frames_or_is_cut_off(tmp_path):
    points = np.arange(66_000 * 3.0).reshape(66_000, 1, 3) + 1
    named = {"LABELS": "LASI", "UNITS": "mm"}
    path = write_foreign_c3d(tmp_path / "a.c3d", points, named, 100, 1000, POINT_LONG_FRAMES=66_000.0)
    assert len(read_c3d(path)) == 66_000
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(InputError, match="it claims 66000 frames"):
        read_c3d(path)


@pytest.mark.parametrize("up", ["+X", "-X", "+Y", "-Y", "+Z", "-Z", "z"])
def test_any_axis_of_the_screen_may_be_up(tmp_path, up):
    points = np.random.default_rng(0).normal(size=(4, 2, 3))
    path = write_foreign_c3d(tmp_path / "a.c3d", points, MM | {"Y_SCREEN": up})
    found_mm = read_c3d(path).positions_m * 1000
    upwards = points[..., "XYZ".index(up[-1].upper())] * (-1 if up[0] == "-" else 1)
    np.testing.assert_allclose(found_mm[..., 1], upwards, atol=1e-5)
    turn = np.linalg.lstsq(points.reshape(-1, 3), found_mm.reshape(-1, 3), rcond=None)[0]
    assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)  # turned and not mirrored


def test_labels_may_go_on_in_a_second_parameter_or_lack_for_some(tmp_path):
    names = [f"M{number}" for number in range(300)]
    points = np.ones((2, 300, 3))
    path = write_foreign_c3d(tmp_path / "a.c3d", points, {"LABELS": names[:255], "LABELS2": names[255:], "UNITS": "mm"})
    assert read_c3d(path).joints == tuple(names)
    path = write_foreign_c3d(tmp_path / "a.c3d", points[:, :4], MM)
    assert read_c3d(path).joints == ("LASI", "RASI", "unnamed_1", "unnamed_2")


def test_without_a_unit_mm_are_taken_and_said(tmp_path):
    motion = read_c3d(write_foreign_c3d(tmp_path / "a.c3d", np.ones((2, 2, 3)), {"LABELS": ["LASI", "RASI"]}))
    assert motion.positions_m[0, 0, 0] == pytest.approx(0.001)
    assert motion.said == ("it names no unit: mm are taken, as most C3D files have them",)


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
        lambda data: data.replace(b"+Z", b"up"),
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
            assert "\n" not in str(error) and not FOREIGN.search(str(error))


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
