"""Landmarks estimated from joints: values by hand, both sides, any frame of reference."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose3d.geometry.landmarks import estimate_landmarks, fit_offsets, landmark_offsets, write_offsets
from pose3d.geometry.layouts import LANDMARK_NAMES, mirror_points
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS


@pytest.fixture
def standing():
    """Somebody who looks along -y, left towards +x, knees and elbows slightly bent."""
    at = {
        "Hip": (0, 0, 0.9), "RHip": (-0.1, 0, 0.9), "RKnee": (-0.1, -0.05, 0.5), "RFoot": (-0.1, 0, 0.1),
        "LHip": (0.1, 0, 0.9), "LKnee": (0.1, -0.05, 0.5), "LFoot": (0.1, 0, 0.1), "Spine": (0, 0, 1.1),
        "Thorax": (0, 0, 1.4), "Neck/Nose": (0, -0.1, 1.5), "Head": (0, 0, 1.65), "LShoulder": (0.2, 0, 1.4),
        "LElbow": (0.25, 0.03, 1.1), "LWrist": (0.25, 0, 0.85), "RShoulder": (-0.2, 0, 1.4),
        "RElbow": (-0.25, 0.03, 1.1), "RWrist": (-0.25, 0, 0.85),
    }  # fmt: skip
    return np.array([at[name] for name in JOINT_NAMES], float)


def test_landmarks_of_somebody_who_stands(standing):
    found = dict(zip(LANDMARK_NAMES, estimate_landmarks(standing), strict=True))
    offsets = dict(zip(LANDMARK_NAMES, landmark_offsets(), strict=True))
    # The head's axes are -y (forward), x (left) and z here, its length is that from Thorax to Head.
    forward, left, up = 0.25 * offsets["left_ear"]
    np.testing.assert_allclose(found["left_ear"], [left, -forward, 1.65 + up], atol=1e-12)
    assert found["left_ear"][0] > 0 > found["right_ear"][0]
    assert found["nose"][1] < found["left_eye"][1] < found["left_ear"][1] and found["nose"][0] == pytest.approx(0)
    for side, sign in (("left", 1), ("right", -1)):
        ankle = standing[JOINT_NAMES.index("LFoot" if side == "left" else "RFoot")]
        assert found[f"{side}_big_toe"][1] < ankle[1] - 0.1 and found[f"{side}_heel"][1] > ankle[1]
        assert sign * found[f"{side}_small_toe"][0] > sign * found[f"{side}_big_toe"][0]
        assert found[f"{side}_index"][2] < 0.85  # hands hang below the wrists


def test_a_mirrored_body_has_mirrored_landmarks(standing):
    rng = np.random.default_rng(0)
    poses = standing + rng.normal(0, 0.1, (20, N_JOINTS, 3))
    points = np.concatenate([poses, estimate_landmarks(poses)], 1)
    mirrored = points[:, mirror_points()] * [-1, 1, 1]
    np.testing.assert_allclose(estimate_landmarks(mirrored[:, :N_JOINTS]), mirrored[:, N_JOINTS:], atol=1e-9)


def test_landmarks_turn_shift_and_grow_with_the_body(standing):
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0]).as_matrix()
    moved = 1.3 * standing @ turn.T + [1, 2, 3]
    np.testing.assert_allclose(estimate_landmarks(moved), 1.3 * estimate_landmarks(standing) @ turn.T + [1, 2, 3])
    assert estimate_landmarks(standing.astype(np.float32)).dtype == np.float32


def test_the_fit_finds_the_offsets_that_made_the_landmarks(standing):
    poses = standing + np.random.default_rng(1).normal(0, 0.05, (30, N_JOINTS, 3))
    np.testing.assert_allclose(fit_offsets(poses, estimate_landmarks(poses)), landmark_offsets(), atol=1e-9)
    assert write_offsets(landmark_offsets()).startswith('OFFSETS = {\n    "nose": (0.5')
