import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.geometry.joint_angles import LEAST_ANGLE_DEG, joint_angles_deg
from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation

MIRROR = np.diag([1.0, 1.0, -1.0])
X, Y, Z = np.eye(3)
LEG, ARM = (
    ("hip_flexion", "hip_adduction", "hip_internal_rotation"),
    ("plane_of_elevation", "elevation", "internal_rotation"),
)


def turn(order, *degrees):
    """Rotation of moving axes, as scipy has it: an implementation that is not ours."""
    return Rotation.from_euler(order, degrees, degrees=True).as_matrix()


def person(angles):
    """A pose (17, 3) by its angles, facing x, y up, z right, and its heels and toes (2, 3); angles not named are 0.

    Built outwards from the pelvis, the left limbs as the mirrored right ones.
    """
    joints = dict.fromkeys(JOINT_NAMES, np.zeros(3))
    trunk = [angles.get(f"trunk_{name}", 0) for name in ("flexion", "lateral_bending", "rotation")]
    thorax = turn("ZXY", -trunk[0], trunk[1], trunk[2])
    joints["Spine"] = 0.24 * Y
    joints["Thorax"] = joints["Spine"] + thorax @ (0.25 * Y)
    joints["Neck/Nose"] = joints["Thorax"] + thorax @ (0.1 * Y)
    joints["Head"] = joints["Neck/Nose"] + thorax @ (0.1 * Y)
    heels, toes = [], []
    for side, mirror in (("right", np.eye(3)), ("left", MIRROR)):

        def of(name, side=side):
            return angles.get(f"{side}_{name}", 0)

        thigh = turn("ZXY", *(of(name) for name in LEG))
        shank = thigh @ turn("Z", -of("knee_flexion"))
        foot = shank @ turn("Z", of("ankle_dorsiflexion"))
        hip = np.array([0, -0.01, 0.13])
        knee = hip + thigh @ (-0.45 * Y)
        ankle = knee + shank @ (-0.44 * Y)
        plane, elevation, rotation = (of(f"shoulder_{name}") for name in ARM)
        upper = turn("YXY", plane, -elevation, rotation)
        forearm = upper @ turn("Z", of("elbow_flexion"))
        shoulder = np.array([0, 0.02, 0.17])
        elbow = shoulder + upper @ (-0.28 * Y)
        wrist = elbow + forearm @ (-0.25 * Y)
        for name, place in (("Hip", hip), ("Knee", knee), ("Foot", ankle)):
            joints[f"{side[0].upper()}{name}"] = mirror @ place
        for name, place in (("Shoulder", shoulder), ("Elbow", elbow), ("Wrist", wrist)):
            joints[f"{side[0].upper()}{name}"] = joints["Thorax"] + thorax @ mirror @ place
        heels.append(mirror @ (ankle + foot @ [-0.05, -0.04, 0]))
        toes.append(mirror @ (ankle + foot @ [0.15, -0.04, 0]))
    return np.array([joints[name] for name in JOINT_NAMES]), np.array(heels), np.array(toes)


POSES = {
    "sitting": {"right_hip_flexion": 85, "left_hip_flexion": 95, "right_knee_flexion": 90, "left_knee_flexion": 70},
    "walking": {
        "right_hip_flexion": 30,
        "left_hip_flexion": -10,
        "right_hip_adduction": 5,
        "left_hip_adduction": -7,
        "right_knee_flexion": 20,
        "left_knee_flexion": 60,
        "right_hip_internal_rotation": 8,
        "left_hip_internal_rotation": -12,
        "right_ankle_dorsiflexion": 10,
        "left_ankle_dorsiflexion": -20,
        "trunk_rotation": 9,
    },
    "reaching": {
        "right_shoulder_plane_of_elevation": 90,
        "right_shoulder_elevation": 80,
        "right_elbow_flexion": 40,
        "right_shoulder_internal_rotation": 25,
        "left_shoulder_plane_of_elevation": 10,
        "left_shoulder_elevation": 130,
        "left_elbow_flexion": 95,
        "left_shoulder_internal_rotation": -50,
        "trunk_flexion": 40,
        "trunk_lateral_bending": -15,
        "trunk_rotation": 20,
    },
    "arms crossed": {
        "right_shoulder_plane_of_elevation": 120,
        "right_shoulder_elevation": 60,
        "right_elbow_flexion": 110,
        "right_shoulder_internal_rotation": 60,
        "left_shoulder_plane_of_elevation": -70,
        "left_shoulder_elevation": 50,
        "left_elbow_flexion": 30,
        "left_shoulder_internal_rotation": 10,
    },
    "split": {"right_hip_adduction": -60, "left_hip_adduction": -50, "right_hip_flexion": 20, "trunk_flexion": -10},
}


@pytest.mark.parametrize("name", POSES)
def test_angles_of_a_built_pose_come_back(name):
    given = POSES[name]
    pose, heels, toes = person(given)
    found = joint_angles_deg(pose, heels, toes)
    for angle, degrees in given.items():
        assert found[f"{angle}_deg"] == pytest.approx(degrees, abs=1e-9), angle
    of_bent = ("internal_rotation", "shoulder_plane_of_elevation")  # NaN where a limb is straight or hangs
    others = [name for name in found if name.removesuffix("_deg") not in given and not name[:-4].endswith(of_bent)]
    assert others and all(found[angle] == pytest.approx(0, abs=1e-5) for angle in others)


def test_signs_by_hand():
    """Each named by where the limb goes, without any formula of rotations."""
    pose, *_ = person({})
    index = {name: joint for joint, name in enumerate(JOINT_NAMES)}

    def after(joint, place, of=pose):
        moved = of.copy()
        moved[index[joint]] = place
        return joint_angles_deg(moved)

    knee, elbow = pose[index["RHip"]], pose[index["LShoulder"]]
    assert after("RKnee", knee + [0.3, -0.3, 0])["right_hip_flexion_deg"] == pytest.approx(45)
    assert after("RKnee", knee + [0, -0.4, 0.4])["right_hip_adduction_deg"] == pytest.approx(-45)  # outwards
    assert after("LElbow", elbow - [0, 0, 0.3])["left_shoulder_plane_of_elevation_deg"] == pytest.approx(
        0, abs=1e-9
    )  # sideways
    assert after("LElbow", elbow + [0.3, 0, 0])["left_shoulder_plane_of_elevation_deg"] == pytest.approx(90)
    assert after("LElbow", elbow - [0, 0, 0.3])["left_shoulder_elevation_deg"] == pytest.approx(90)
    bent = person({"right_knee_flexion": 90, "right_elbow_flexion": 90, "right_shoulder_elevation": 45})[0]
    shin_out = bent[index["RKnee"]] + [-0.3, 0, 0.3]
    assert after("RFoot", shin_out, bent)["right_hip_internal_rotation_deg"] == pytest.approx(45)
    forward = joint_angles_deg(pose + np.outer(pose[:, 1] > 0.3, [0.2, 0, 0]))
    right = joint_angles_deg(pose + np.outer(pose[:, 1] > 0.3, [0, 0, 0.1]))
    assert forward["trunk_flexion_deg"] > 30 and right["trunk_lateral_bending_deg"] > 15
    left_turn = pose.copy()
    left_turn[index["RShoulder"], 0] += 0.1  # the right shoulder comes forward
    left_turn[index["LShoulder"], 0] -= 0.1
    assert left_turn[index["Thorax"], 0] == 0 and joint_angles_deg(left_turn)["trunk_rotation_deg"] > 20


def some_poses():
    poses, heels, toes = zip(*(person(angles) for angles in POSES.values()), strict=True)
    return np.array(poses), np.array(heels), np.array(toes)


def test_frame_place_and_size_do_not_matter():
    points = some_poses()
    rotation = Rotation.from_rotvec([1.0, -2.0, 0.5]).as_matrix()
    moved = [1.3 * each @ rotation.T + [1.0, 2.0, 5.0] for each in points]
    expected, found = joint_angles_deg(*points), joint_angles_deg(*moved)
    for name, degrees in expected.items():
        np.testing.assert_allclose(found[name], degrees, atol=1e-6, err_msg=name)


def test_the_person_in_the_mirror():
    poses, heels, toes = some_poses()
    other = {"right": "left", "left": "right"}
    mirrored = joint_angles_deg(
        (poses @ MIRROR)[:, mirror_permutation()], *(x[:, ::-1] @ MIRROR for x in (heels, toes))
    )
    for name, degrees in joint_angles_deg(poses, heels, toes).items():
        side, _, angle = name.partition("_")
        sign = -1 if name in ("trunk_lateral_bending_deg", "trunk_rotation_deg") else 1
        np.testing.assert_allclose(
            mirrored[f"{other.get(side, side)}_{angle}"], sign * degrees, atol=1e-9, err_msg=name
        )


def test_angles_that_nothing_shows_are_nan():
    def nans(angles):
        return {name for name, degrees in joint_angles_deg(person(angles)[0]).items() if np.isnan(degrees)}

    sides = ("right", "left")
    upright = {
        f"{side}_{name}_deg" for side in sides for name in ("shoulder_plane_of_elevation", "shoulder_internal_rotation")
    }
    upright |= {f"{side}_hip_internal_rotation_deg" for side in sides}
    assert nans({}) == upright
    bent = {f"{side}_{joint}_flexion": LEAST_ANGLE_DEG + 1 for side in sides for joint in ("knee", "elbow")}
    raised = {f"{side}_shoulder_elevation": LEAST_ANGLE_DEG + 1 for side in sides}
    assert nans(bent | raised) == set()
    assert nans(bent | raised | {"left_knee_flexion": LEAST_ANGLE_DEG - 1}) == {"left_hip_internal_rotation_deg"}
    over_head = raised | {"right_shoulder_elevation": 180 - LEAST_ANGLE_DEG + 1}
    assert nans(bent | over_head) == {"right_shoulder_plane_of_elevation_deg", "right_shoulder_internal_rotation_deg"}
    split = raised | {"right_hip_adduction": -80}
    assert nans(bent | split) == {"right_hip_flexion_deg", "right_hip_internal_rotation_deg"}
    folded = raised | {"trunk_lateral_bending": 80}
    assert nans(bent | folded) == {"trunk_flexion_deg", "trunk_rotation_deg"}


def test_a_limb_without_length_and_a_joint_that_is_not_finite():
    pose = person(POSES["reaching"])[0]
    whole = joint_angles_deg(pose)
    for place in (pose[JOINT_NAMES.index("RElbow")], np.nan, np.inf):
        broken = pose.copy()
        broken[JOINT_NAMES.index("RWrist")] = place
        found = joint_angles_deg(np.stack([broken, pose]))
        changed = {name for name in whole if not np.array_equal(found[name][0], whole[name], equal_nan=True)}
        assert changed == {"right_elbow_flexion_deg", "right_shoulder_internal_rotation_deg"}
        assert all(np.isnan(found[name][0]) for name in changed)
        assert all(np.array_equal(found[name][1], whole[name], equal_nan=True) for name in whole)
    line = joint_angles_deg(np.arange(17)[:, None] * np.ones(3))
    assert {name for name, degrees in line.items() if np.isfinite(degrees)} == {
        f"{side}_{angle}_deg" for side in ("right", "left") for angle in ("knee_flexion", "elbow_flexion")
    }


def test_ankles_need_heels_and_toes():
    pose, heels, toes = person({})
    assert not any("ankle" in name for name in joint_angles_deg(pose))
    assert not any("ankle" in name for name in joint_angles_deg(pose, heels_m=heels))
    assert len(joint_angles_deg(pose, heels, toes)) == len(joint_angles_deg(pose)) + 2


def test_other_joints_are_refused():
    with pytest.raises(ValueError, match=r"poses must be \(\.\.\., 17, 3\), not \(4, 16, 3\)"):
        joint_angles_deg(np.zeros((4, 16, 3)))
