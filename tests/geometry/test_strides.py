import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from walking import walking_poses

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.geometry.strides import strides_s

TIMES_S = np.arange(0.2, 6, 0.02)


def counts(times_s, poses_m):
    return {side: len(strides) for side, strides in strides_s(times_s, poses_m).items()}


@pytest.mark.parametrize("stride_s", [0.7, 1.1, 1.6])
def test_strides_of_a_walk_in_any_camera(stride_s):
    rotation = Rotation.from_rotvec([2.0, -1.0, 0.4]).as_matrix()
    poses_m = walking_poses(TIMES_S, stride_s) @ rotation.T + [0, 0, 5]
    found = strides_s(TIMES_S, poses_m)
    first_s, last_s = TIMES_S[0] + stride_s / 2, TIMES_S[-1] - stride_s / 2  # the clip's ends cut some off

    def inside(strides):
        return strides[(strides[:, 0] > first_s) & (strides[:, 1] < last_s)]

    for side, first in (("right", 0.0), ("left", 0.5)):
        foremost_s = stride_s * (np.arange(20) + first)
        expected = np.stack([foremost_s[:-1], foremost_s[1:]], -1)
        np.testing.assert_allclose(inside(found[side]), inside(expected), atol=0.011)


def test_frames_may_come_unevenly():
    times_s = np.sort(np.concatenate([TIMES_S, TIMES_S[::3] + 0.007]))
    assert counts(times_s, walking_poses(times_s)) == counts(TIMES_S, walking_poses(TIMES_S))


def test_what_is_no_walk_has_no_strides():
    walk = walking_poses(TIMES_S)
    one_leg = walk.copy()
    left = [JOINT_NAMES.index(name) for name in ("LHip", "LKnee", "LFoot")]
    one_leg[:, left] = walk[:1, left]
    hopping = walk.copy()
    hopping[:, left] = walk[:, [joint - 3 for joint in left]] * [1, 1, -1]
    none = {"right": 0, "left": 0}
    assert counts(TIMES_S, one_leg) == none
    assert counts(TIMES_S, hopping) == none
    assert counts(TIMES_S, walking_poses(TIMES_S, stride_s=0.3)) == none
    assert counts(TIMES_S, walking_poses(TIMES_S, stride_s=2.5)) == none
    assert counts(TIMES_S, walking_poses(TIMES_S, swing_deg=5)) == none
    assert counts(TIMES_S[:2], walk[:2]) == none
    assert counts(TIMES_S, np.full_like(walk, np.nan)) == none


def test_a_stride_with_an_unknown_frame_does_not_count():
    poses_m = walking_poses(TIMES_S)
    whole = strides_s(TIMES_S, poses_m)
    at_s = 2.5
    poses_m[np.abs(TIMES_S - at_s).argmin()] = np.nan
    for side, strides in strides_s(TIMES_S, poses_m).items():
        around = (whole[side][:, 0] < at_s) & (whole[side][:, 1] > at_s)
        assert around.sum() == 1
        np.testing.assert_array_equal(strides, whole[side][~around])
