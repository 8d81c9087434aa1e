import tracemalloc

import numpy as np
import pytest
from people import OFFSETS_M, swinging_poses
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from pose3d.evaluation import occlusion
from pose3d.geometry.skeleton import BONES, JOINT_NAMES, PARENTS, mirror_permutation

RADII_M = np.array(list(occlusion.RADII_M.values()))
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}


def standing(yaw_deg: float = 0.0) -> np.ndarray:
    """(17, 3) upright in camera space (y down), 4 m away, arms spread, facing the camera, then turned by a yaw."""
    world = np.zeros((17, 3))
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            world[joint] = world[parent] + OFFSETS_M[joint]
    world[[JOINT["LElbow"], JOINT["RElbow"]], 0] += [0.15, -0.15]
    world[[JOINT["LWrist"], JOINT["RWrist"]], 0] += [0.25, -0.25]
    facing_camera = np.stack([world[:, 0], -world[:, 2], world[:, 1]], -1)
    return Rotation.from_euler("y", yaw_deg, degrees=True).apply(facing_camera) + [0, 0, 4.0]


def people(frames: int = 40, seed: int = 0) -> np.ndarray:
    """(T, 17, 3) swinging in camera space, some 4 m away."""
    rng = np.random.default_rng(seed)
    poses = swinging_poses(rng, frames) - [0, 0, 0.95]
    return poses @ Rotation.random(rng=rng).as_matrix().T + [0.3, -0.2, 4.0]


def depth_of(pose: np.ndarray, name: str) -> float:
    return float(occlusion.self_occlusion(pose[None])[0, JOINT[name]])


def with_hand_at(offset_m, yaw_deg: float = 0.0) -> np.ndarray:
    """The right wrist moved to half way up the trunk and by an offset, camera axes."""
    pose = standing(yaw_deg)
    pose[JOINT["RWrist"]] = (pose[JOINT["Hip"]] + pose[JOINT["Spine"]]) / 2 + offset_m
    return pose


# Hand-made poses.


def test_a_person_facing_the_camera_hides_nothing():
    assert not occlusion.self_occlusion(standing()[None]).any()


def test_a_hand_behind_the_trunk_is_hidden_and_one_before_it_is_not():
    for z in (0.05, 0.2, 0.4):
        assert depth_of(with_hand_at([0, 0, z]), "RWrist") == pytest.approx(1, abs=1e-12)
        assert depth_of(with_hand_at([0, 0, -z]), "RWrist") == 0
    assert depth_of(with_hand_at([0.3, 0, 0.3]), "RWrist") == 0  # beside it


def test_the_depth_by_hand():
    # On the sight line through x at z = 4.2, the trunk's axis is at x = 0, z = 4: distance x / |(x, z)| * 4, over 0.13.
    for x in (0.02, 0.06, 0.08, 0.12):
        pose = with_hand_at([x, 0, 0.2])
        pose[:, 1] -= pose[JOINT["RWrist"], 1]  # the wrist in the plane y = 0, and the trunk upright through it
        expected = 1 - x / np.hypot(x, 4.2) * 4 / 0.13
        assert depth_of(pose, "RWrist") == pytest.approx(expected, abs=1e-12)
        assert occlusion.CLASSES[occlusion.occlusion_class(expected)] == ("deep" if x < 0.065 else "partly")


def test_seen_from_the_side_the_near_arm_and_leg_hide_the_far_ones():
    for yaw, far, near in ((90, "L", "R"), (-90, "R", "L")):
        pose = standing(yaw)
        if pose[JOINT[f"{far}Hip"], 2] < 4:
            far, near = near, far
        for name in ("Hip", "Knee", "Shoulder", "Elbow"):
            assert depth_of(pose, far + name) > 0.5, (yaw, far + name)
            if name != "Hip":  # before which the near hand hangs
                assert depth_of(pose, near + name) == 0, (yaw, near + name)


def test_neither_a_joints_own_bones_nor_the_torso_about_it_hide_it():
    bones = dict(zip(BONES, occlusion.RIGID, strict=True))
    for (parent, child), rigid in bones.items():
        assert rigid[[parent, child]].all()
    hidden_by = {name: {b for b, rigid in bones.items() if rigid[j]} for name, j in JOINT.items()}
    assert hidden_by["RHip"] == {(0, 1), (1, 2), (0, 4), (0, 7)}
    assert hidden_by["LShoulder"] == {(7, 8), (8, 9), (8, 14), (8, 11), (11, 12)}
    assert hidden_by["LWrist"] == {(12, 13)}
    assert hidden_by["RKnee"] == {(1, 2), (2, 3)}  # of somebody sitting seen from behind, the hips hide it
    assert hidden_by["Head"] == {(9, 10)}


def test_a_bone_behind_the_camera_or_seen_end_on():
    pose = with_hand_at([0, 0, 0.2])
    pose[JOINT["RWrist"], 2] = -0.5  # the trunk is now on the line, but on the other side of the camera
    assert depth_of(pose, "RWrist") == 0
    pose = standing()
    pose[:, :2] -= pose[JOINT["Head"], :2]  # the head straight ahead, the left forearm before it along the axis
    pose[JOINT["LElbow"]], pose[JOINT["LWrist"]] = [0.01, 0, 3.8], [0.01, 0, 3.5]
    radii = np.where([child == JOINT["LElbow"] for _, child in BONES], 1e-3, RADII_M)  # the upper arm thin as a thread
    depth = occlusion.self_occlusion(pose[None], radii)[0, JOINT["Head"]]
    assert depth == pytest.approx(1 - 0.01 / 0.04, abs=1e-12)


# Against another derivation, and what must not matter.


def slow_depth(pose: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """By search: each bone's distance from the sight line as a function of the place on it, sampled, then polished."""
    depth = np.zeros(17)
    for joint, p in enumerate(pose):
        for (parent, child), radius, rigid in zip(BONES, radii, occlusion.RIGID, strict=True):
            if rigid[joint]:
                continue
            a, b = pose[parent], pose[child]

            def distance(s, a=a, b=b, p=p):
                return np.linalg.norm(np.cross(a + np.multiply.outer(s, b - a), p), axis=-1) / np.linalg.norm(p)

            samples = np.linspace(0, 1, 101)
            best = samples[np.argmin(distance(samples))]
            bounds = (max(best - 0.01, 0), min(best + 0.01, 1))
            polished = minimize_scalar(
                lambda s: distance(s) ** 2, bounds=bounds, method="bounded", options={"xatol": 1e-12}
            ).x
            best = min((*bounds, polished), key=distance)
            before = 0 < (a + best * (b - a)) @ p < p @ p
            if before and distance(best) < radius:
                depth[joint] = max(depth[joint], 1 - distance(best) / radius)
    return depth


@pytest.mark.slow
def test_closest_approach_against_a_search():
    poses = people(12)
    expected = np.stack([slow_depth(pose, RADII_M) for pose in poses])
    assert (expected > 0).mean() > 0.05
    np.testing.assert_allclose(occlusion.self_occlusion(poses), expected, rtol=0, atol=1e-7)


def test_invariances():
    poses = people()
    depth = occlusion.self_occlusion(poses)
    assert 0.05 < (depth > 0).mean() < 0.95 and depth.min() >= 0 and depth.max() <= 1
    np.testing.assert_allclose(occlusion.self_occlusion(poses * 2.5, RADII_M * 2.5), depth, atol=1e-10)
    turned = poses @ Rotation.random(rng=np.random.default_rng(1)).as_matrix().T
    np.testing.assert_allclose(occlusion.self_occlusion(turned), depth, atol=1e-10)
    mirrored = (poses * [-1, 1, 1])[:, mirror_permutation()]
    np.testing.assert_allclose(occlusion.self_occlusion(mirrored)[:, mirror_permutation()], depth, atol=1e-12)
    assert (occlusion.self_occlusion(poses, RADII_M * 1.5) >= depth).all()


def test_classes():
    np.testing.assert_array_equal(occlusion.occlusion_class([[0, 1e-9], [0.49, 0.5]]), [[0, 1], [1, 2]])
    assert occlusion.occlusion_class(1.0) == 2


def test_chunks_change_nothing_and_bound_memory(monkeypatch):
    poses = people(50).astype(np.float32)
    whole = occlusion.self_occlusion(poses)
    monkeypatch.setattr(occlusion, "CHUNK_POSES", 7)
    np.testing.assert_allclose(occlusion.self_occlusion(poses), whole, rtol=0, atol=1e-14)
    assert occlusion.self_occlusion(poses[:0]).shape == (0, 17)
    monkeypatch.undo()
    many = np.tile(poses, (400, 1, 1))
    tracemalloc.start()
    try:
        result = occlusion.self_occlusion(many)
        assert tracemalloc.get_traced_memory()[1] < result.nbytes + 16 * 2**20
    finally:
        tracemalloc.stop()


def test_wrong_shapes():
    for poses, radii in ((np.zeros((17, 3)), None), (np.zeros((2, 16, 3)), None), (np.zeros((2, 17, 3)), RADII_M[:3])):
        with pytest.raises(ValueError, match=r"\(T, 17, 3\)"):
            occlusion.self_occlusion(poses, radii)
