import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_performers import CUBE_TRIANGLES, climb_pose, cuboid, deepmimic_frame, write_climb, write_deepmimic

from pose3d.runtime.errors import InputError
from pose3d.synthetic.mocap import CLIMB_JOINTS, read_boxes, read_climb, read_deepmimic, sample_times


def test_the_53_joints_are_in_the_order_of_the_files():
    assert len(CLIMB_JOINTS) == 53
    assert CLIMB_JOINTS[:6] == ("Hips", "Spine", "Spine1", "Neck", "Head", "LeftShoulder")
    assert CLIMB_JOINTS[24] == "RightShoulder" and CLIMB_JOINTS[43:45] == ("LeftUpLeg", "LeftLeg")


@pytest.mark.parametrize(("duration_s", "count"), [(1.0, 26), (0.039, 1), (0.04, 2), (0.1 + 0.2, 8)])
def test_sample_times_include_both_ends(duration_s, count):
    times = sample_times(duration_s, 25)
    assert len(times) == count and times[0] == 0 and times[-1] <= duration_s + 1e-6


def test_constant_angular_velocity_is_resampled_exactly(tmp_path):
    # 120 degrees a second about a slanted axis, in frames of unequal length.
    axis, times = np.array([0.6, 0.0, 0.8]), np.array([0.0, 0.1, 0.4, 0.5, 1.0])
    frames = []
    for time, duration in zip(times, [*np.diff(times), 0.0], strict=True):
        quaternion = Rotation.from_rotvec(axis * np.deg2rad(120) * time).as_quat(scalar_first=True)
        frames.append(deepmimic_frame(duration, (time, 1.0, -2 * time), hips=quaternion, left_knee=-1.5 * time))
    clip = read_deepmimic(write_deepmimic(tmp_path / "clip.json", frames), 25)
    wanted = np.arange(26) / 25
    expected = Rotation.from_rotvec(axis * np.deg2rad(120) * wanted[:, None])
    assert len(clip) == 26
    np.testing.assert_allclose((clip.local["hips"] * expected.inv()).magnitude(), 0, atol=1e-12)
    np.testing.assert_allclose(clip.local["left_knee"].as_rotvec()[:, 2], -1.5 * wanted, atol=1e-12)
    np.testing.assert_allclose(clip.root_m, np.stack([wanted, np.ones(26), -2 * wanted], -1), atol=1e-12)


def test_opposite_quaternions_are_the_same_rotation(tmp_path):
    quaternion = Rotation.from_euler("x", 30, degrees=True).as_quat(scalar_first=True)
    frames = [deepmimic_frame(0.1, hips=quaternion), deepmimic_frame(0.1, hips=-quaternion)]
    clip = read_deepmimic(write_deepmimic(tmp_path / "clip.json", frames), 100)
    np.testing.assert_allclose(clip.local["hips"].as_euler("xyz", degrees=True)[:, 0], 30, atol=1e-9)


def test_joints_moving_evenly_are_resampled_exactly(tmp_path):
    velocity = np.array([0.3, -0.6, 1.2])
    joints = climb_pose()[None] + velocity * np.arange(121)[:, None, None] / 120
    clip = read_climb(write_climb(tmp_path / "climb_0.npy", joints), tmp_path / "climb_0_boxes.obj", 25)
    assert len(clip) == 26
    expected = climb_pose()[None] + velocity * np.arange(26)[:, None, None] / 25
    np.testing.assert_allclose(clip.joints_m, expected, atol=1e-6)
    np.testing.assert_array_equal(clip.joint("RightHand"), clip.joints_m[:, 27])


def test_boxes_are_read_with_faces_from_zero(tmp_path):
    write_climb(tmp_path / "climb_0.npy", climb_pose()[None].repeat(2, 0))
    boxes = read_boxes(tmp_path / "climb_0_boxes.obj")
    assert boxes.vertices_m.shape == (8, 3) and boxes.triangles.shape == (12, 3) and boxes.triangles.min() == 0
    a, b, c = (boxes.vertices_m[boxes.triangles[:, i]] for i in range(3))
    outward = (np.cross(b - a, c - a) * (a - boxes.vertices_m.mean(0))).sum(-1)
    assert (outward > 0).all()


def test_a_slab_for_the_ground_is_left_out(tmp_path):
    write_climb(tmp_path / "climb_0.npy", climb_pose()[None].repeat(2, 0))
    path = tmp_path / "climb_0_boxes.obj"
    slab = cuboid((-10, -10, -0.1), (10, 10, 0.0))
    lines = [f"v {x} {y} {z}" for x, y, z in slab] + [f"f {a} {b} {c}" for a, b, c in CUBE_TRIANGLES + 9]
    before = read_boxes(path)
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    np.testing.assert_array_equal(read_boxes(path).triangles, before.triangles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "not a DeepMimic clip"),
        ("{}", "not a DeepMimic clip"),
        ('{"Frames": [[0.1, 0], [0.1, 0]]}', "44 numbers"),
        (None, "run the download stage"),
    ],
)
def test_bad_clips_are_refused_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "clip.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_deepmimic(path, 25)
    assert "clip.json" in str(error.value) and "\n" not in str(error.value)


def test_clips_with_nan_or_without_duration_are_refused(tmp_path):
    for frames in ([deepmimic_frame(0.0), deepmimic_frame()], [deepmimic_frame(root=(np.nan, 0, 0))] * 2):
        with pytest.raises(InputError, match="not finite"):
            read_deepmimic(write_deepmimic(tmp_path / "clip.json", frames), 25)
    joints = climb_pose()[None].repeat(3, 0)
    joints[1, 2] = np.nan
    with pytest.raises(InputError, match="not finite"):
        read_climb(write_climb(tmp_path / "climb_0.npy", joints), tmp_path / "climb_0_boxes.obj", 25)


@pytest.mark.parametrize("text", ["v 0 0 0\n", "v 0 0 0\nf 1 2 3\n", "v 0 0 0\nf 1 1 1 1\n", "v a b c\n"])
def test_bad_boxes_are_refused(tmp_path, text):
    (tmp_path / "boxes.obj").write_text(text)
    with pytest.raises(InputError, match="boxes.obj"):
        read_boxes(tmp_path / "boxes.obj")
