import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from tiny_performers import climb_pose, deepmimic_frame, tiny_body, write_climb, write_deepmimic

from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.synthetic.mocap import read_climb, read_deepmimic
from pose3d.synthetic.retarget import frame, partway, retarget, twist_angle

BODY = tiny_body()
JOINT = {name: index for index, name in enumerate(JOINT_NAMES)}
LIMBS = [
    (f"{side[0]}{start}", f"{side[0]}{end}", f"{side}{source_start}", f"{side}{source_end}")
    for side in ("Left", "Right")
    for start, end, source_start, source_end in (
        ("Hip", "Knee", "UpLeg", "Leg"),
        ("Knee", "Foot", "Leg", "Foot"),
        ("Shoulder", "Elbow", "Arm", "ForeArm"),
        ("Elbow", "Wrist", "ForeArm", "Hand"),
    )
]
directions = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(np.array).filter(lambda v: np.linalg.norm(v) > 0.1)


def perform_climb(tmp_path, **angles):
    """A climbing clip whose angles grow from 0 to the given ones."""
    steps = np.linspace(0, 1, 61)
    joints = np.stack([climb_pose(**{name: step * angle for name, angle in angles.items()}) for step in steps])
    clip = read_climb(write_climb(tmp_path / "climb_0.npy", joints), tmp_path / "climb_0_boxes.obj", 25)
    performance = retarget(BODY, clip)
    bones = performance.bones
    return clip, performance, BODY.joints(bones, BODY.skin(bones))


def perform_deepmimic(tmp_path, **rotations):
    frames = [deepmimic_frame(**rotations)] * 2
    bones = retarget(BODY, read_deepmimic(write_deepmimic(tmp_path / "clip.json", frames), 25)).bones
    return bones, BODY.joints(bones, BODY.skin(bones))[0]


def twist_deg(bones, parent, bone, end):
    """Turn of a bone about its own axis, relative to another."""
    relative = np.swapaxes(bones.rotations[:, BODY.bone(parent)], -1, -2) @ bones.rotations[:, BODY.bone(bone)]
    return np.degrees(twist_angle(relative, BODY.rest(end) - BODY.rest(bone)))


@settings(max_examples=50, deadline=None)
@given(directions, directions)
def test_frames_point_along_the_first_direction_and_towards_the_second(a, b):
    if np.linalg.norm(np.cross(unit(a), unit(b))) < 0.05:
        return
    axes = frame(a, b)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1) and axes[:, 1] @ b > 0
    np.testing.assert_allclose(axes[:, 0], unit(a), atol=1e-9)


def test_twist_is_the_turn_about_the_axis():
    axis = np.array([0.0, 0.6, 0.8])
    for angle in (-2.9, -0.5, 0.0, 1.0, 3.1):
        turn = Rotation.from_rotvec(0.4 * np.array([1.0, 0, 0])) * Rotation.from_rotvec(angle * axis)
        assert twist_angle(turn.as_matrix()[None], 5 * axis)[0] == pytest.approx(angle)


def test_partway_is_along_the_shortest_arc():
    start, end = (Rotation.from_rotvec([[0, 0, np.deg2rad(angle)]]).as_matrix() for angle in (10, 50))
    turn = Rotation.from_matrix(partway(start, end, 0.25)).as_rotvec()
    np.testing.assert_allclose(turn, [[0, 0, np.deg2rad(20)]], atol=1e-12)


@pytest.mark.parametrize("angles", [{"knee_rad": 2.0}, {"elbow_rad": 2.2}, {"arms_forward_rad": 3.0, "knee_rad": 1.0}])
def test_limbs_point_as_the_performers_do(tmp_path, angles):
    clip, _, joints = perform_climb(tmp_path, **angles)
    for start, end, source_start, source_end in LIMBS:
        wanted = unit(clip.joint(source_end) - clip.joint(source_start))
        limb = unit(joints[:, JOINT[end]] - joints[:, JOINT[start]])
        error = np.arctan2(np.linalg.norm(np.cross(limb, wanted), axis=-1), (limb * wanted).sum(-1))
        assert np.degrees(error).max() < 0.05, (start, end)


@pytest.mark.parametrize("angles", [{}, {"knee_rad": 2.0}, {"elbow_rad": 2.2, "arms_forward_rad": 1.0}])
def test_flesh_does_not_twist_on_its_bone(tmp_path, angles):
    _, performance, _ = perform_climb(tmp_path, **angles)
    for side in "LR":
        thigh = twist_deg(performance.bones, "root", f"upperleg01.{side}", f"lowerleg01.{side}")
        shin = twist_deg(performance.bones, f"upperleg01.{side}", f"lowerleg01.{side}", f"foot.{side}")
        arm = twist_deg(performance.bones, "spine01", f"upperarm01.{side}", f"lowerarm01.{side}")
        assert np.abs(thigh).max() < 20 and np.abs(shin).max() < 20 and np.abs(arm).max() < 75
        # Nothing jumps from one frame to the next either.
        assert max(np.abs(np.diff(angle)).max(initial=0) for angle in (thigh, shin, arm)) < 30


def test_joints_bend_the_way_people_bend(tmp_path):
    _, _, joints = perform_climb(tmp_path, knee_rad=1.5, elbow_rad=1.5)
    last = joints[-1]
    for side in "LR":  # facing -y: knees before hips and ankles, hands before elbows
        assert last[JOINT[f"{side}Knee"], 1] < min(last[JOINT[f"{side}Hip"], 1], last[JOINT[f"{side}Foot"], 1])
        assert last[JOINT[f"{side}Wrist"], 1] < last[JOINT[f"{side}Elbow"], 1]
    assert last[JOINT["LHip"], 0] > last[JOINT["RHip"], 0]
    assert last[JOINT["Neck/Nose"], 1] < last[JOINT["Thorax"], 1]


def test_feet_stand_on_the_floor_and_boxes_keep_the_bodys_scale(tmp_path):
    clip, performance, _ = perform_climb(tmp_path)
    feet = BODY.moved_by(("foot", "toe"))
    assert abs(BODY.skin(performance.bones)[:, feet, 2].min()) < 0.03
    scale = BODY.leg_length_m() / 0.8
    np.testing.assert_allclose(performance.boxes.vertices_m, scale * clip.boxes.vertices_m, rtol=1e-6)


def test_the_whole_clip_has_one_floor(tmp_path):
    joints = np.repeat(climb_pose()[None], 121, axis=0)
    joints[60:, :, 2] += 0.5  # standing on something for the second half
    clip = read_climb(write_climb(tmp_path / "climb_0.npy", joints), tmp_path / "climb_0_boxes.obj", 25)
    height = BODY.skin(retarget(BODY, clip).bones, slice(2, 3))[:, BODY.moved_by(("foot",)), 0].min(axis=1)
    scale = BODY.leg_length_m() / 0.8
    np.testing.assert_allclose(height[-1] - height[0], 0.5 * scale, atol=1e-5)
    assert abs(height[0]) < 0.03


def test_deepmimics_rest_pose_hangs_straight_down_and_faces_forward(tmp_path):
    _, joints = perform_deepmimic(tmp_path)
    for start, end, *_ in LIMBS:
        np.testing.assert_allclose(unit(joints[JOINT[end]] - joints[JOINT[start]]), [0, 0, -1], atol=1e-9)
    assert joints[JOINT["LShoulder"], 0] > joints[JOINT["RShoulder"], 0]
    assert joints[JOINT["Neck/Nose"], 1] < joints[JOINT["Thorax"], 1]


def test_deepmimics_right_side_is_the_bodys_right_side(tmp_path):
    # DeepMimic's z axis points right, so a turn by +90 degrees about it swings a limb from down to forward (x).
    bones, joints = perform_deepmimic(tmp_path, right_hip=(np.sqrt(0.5), 0, 0, np.sqrt(0.5)), left_elbow=np.pi / 2)
    np.testing.assert_allclose(unit(joints[JOINT["RKnee"]] - joints[JOINT["RHip"]]), [0, -1, 0], atol=1e-9)
    np.testing.assert_allclose(unit(joints[JOINT["LKnee"]] - joints[JOINT["LHip"]]), [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(unit(joints[JOINT["LWrist"]] - joints[JOINT["LElbow"]]), [0, -1, 0], atol=1e-9)
    np.testing.assert_allclose(unit(joints[JOINT["RWrist"]] - joints[JOINT["RElbow"]]), [0, 0, -1], atol=1e-9)
    assert np.abs(twist_deg(bones, "root", "upperleg01.R", "lowerleg01.R")).max() < 20


def test_a_wrist_turns_no_further_than_wrists_do(tmp_path):
    joints = np.repeat(climb_pose()[None], 2, axis=0)
    from pose3d.synthetic.mocap import CLIMB_JOINTS

    wrist = CLIMB_JOINTS.index("LeftHand")
    fingers = [i for i, name in enumerate(CLIMB_JOINTS) if name.startswith("LeftHand") and i != wrist]
    joints[:, fingers] = 2 * joints[:, [wrist]] - joints[:, fingers]  # the hand folded back by 180 degrees
    clip = read_climb(write_climb(tmp_path / "climb_0.npy", joints), tmp_path / "climb_0_boxes.obj", 25)
    bones = retarget(BODY, clip).bones
    forearm, hand = (bones.rotations[0, BODY.bone(f"{bone}.L")] for bone in ("lowerarm01", "wrist"))
    assert np.degrees(Rotation.from_matrix(forearm.T @ hand).magnitude()) <= 60 + 80
