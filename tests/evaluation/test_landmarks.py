"""Errors of landmarks and ankles of lifts that are put in place of a lifter's."""

import numpy as np
import pytest
from people import camera_ring, take

from pose3d.evaluation import landmarks as module
from pose3d.evaluation.landmarks import landmark_errors
from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.lift import Lifted
from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.prior import points_cam_m


def errors_of(name, move, monkeypatch):
    """Of lifts that are the truth 2 m farther away, whose landmarks (T, L, 3) ``move`` changes."""
    clip = take("S8", "Walk-1", 5, camera_ring()[:1])[0]
    points = layout(name)
    landmarks = points_cam_m(clip, points)[:, points.numbers >= N_JOINTS]
    lifted = Lifted(clip.poses_cam_m + [0, 0, 2], True, None, move(landmarks.copy()) + [0, 0, 2])
    monkeypatch.setattr(module, "lift_keypoints", lambda *_: lifted)
    return landmark_errors(FrameLifter(8, 1, name), [clip])


def test_places_do_not_count_and_parts_are_told_apart(monkeypatch):
    """Toes of 3 cm too far along z, and of BODY_25's eleven landmarks six are of the feet. Landmarks of these people
    are estimates, so that the estimate is right."""

    def toes(landmarks):
        landmarks[:, [name.endswith("toe") for name in layout("body25").landmarks]] += [0, 0, 0.03]
        return landmarks

    errors = errors_of("body25", toes, monkeypatch)
    assert errors["joints_mm"] == pytest.approx(0, abs=1e-3) == errors["carriers_mm"]
    assert errors["landmarks_mm"] == pytest.approx(30 * 4 / 11, abs=1e-3)
    assert errors["feet_mm"] == pytest.approx(30 * 4 / 6, abs=1e-3) and errors["face_mm"] == pytest.approx(0, abs=1e-3)
    assert errors["estimated_landmarks_mm"] == pytest.approx(0, abs=1e-3)
    assert errors["ankle_mae_deg"] > abs(errors["estimated_ankle_mae_deg"]) and "hands_mm" not in errors


def test_ankles_by_as_much_as_feet_are_turned(monkeypatch):
    """Toes on a line with their shanks: the feet point all the way down."""
    clip = take("S8", "Walk-1", 5, camera_ring()[:1])[0]
    names = layout("mediapipe33").landmarks

    def pointed(landmarks):
        for side, knee in (("right", 2), ("left", 5)):
            shank = clip.poses_cam_m[:, knee + 1] - clip.poses_cam_m[:, knee]
            landmarks[:, names.index(f"{side}_foot_index")] = landmarks[:, names.index(f"{side}_heel")] + shank
        return landmarks

    errors = errors_of("mediapipe33", pointed, monkeypatch)
    assert errors["ankle_bias_deg"] == pytest.approx(-errors["ankle_mae_deg"])
    assert errors["ankle_mae_deg"] == pytest.approx(90, abs=15)


def test_a_layout_without_feet_has_no_ankles(monkeypatch):
    errors = errors_of("coco17", lambda landmarks: landmarks + np.array([0.01, 0, 0]), monkeypatch)
    assert errors["landmarks_mm"] == pytest.approx(10, abs=1e-3) == errors["face_mm"]
    assert not any("ankle" in name for name in errors)
