"""Axes by hand, gaps, and what no file can hold."""

import numpy as np
import pytest
from motions import one_joint, walk, walk_with_gaps

from pose3d.formats.motion import NAMES, Motion, as_skeleton, check_motion, filled, from_ours, take_joints, to_ours
from pose3d.runtime.errors import InputError


@pytest.mark.parametrize("frame", ["camera", "world"])
def test_axes_are_turned_and_not_mirrored(frame):
    poses_m = np.random.default_rng(0).normal(size=(3, 17, 3))
    motion = from_ours(poses_m, 25, frame)
    np.testing.assert_allclose(to_ours(motion), poses_m, rtol=0, atol=1e-15)
    axes = from_ours(np.eye(3)[None], 25, frame, ("x", "y", "z")).positions_m[0]
    assert np.linalg.det(axes) == 1


def test_gaps_are_bridged_evenly_and_ends_rest():
    nan = (np.nan,) * 3
    motion = filled(one_joint(nan, (1, 2, 3), nan, nan, (4, 2, 0), nan))
    expected = [[1, 2, 3], [1, 2, 3], [2, 2, 2], [3, 2, 1], [4, 2, 0], [4, 2, 0]]
    np.testing.assert_allclose(motion.positions_m[:, 0], expected, atol=1e-12)
    with pytest.raises(InputError, match="joint Hip is missing in every frame"):
        filled(one_joint(nan, nan))


def test_a_skeleton_needs_its_17_joints_in_any_order():
    motion = walk_with_gaps()
    shuffled = take_joints(motion, NAMES[::-1])
    skeleton = as_skeleton(shuffled)
    assert skeleton.joints == NAMES and not skeleton.missing.any()
    np.testing.assert_array_equal(skeleton.positions_m[0], motion.positions_m[0])
    with pytest.raises(InputError, match="joint RWrist is not there, but a skeleton needs all 17"):
        as_skeleton(take_joints(motion, NAMES[:-1]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"positions_m": np.empty((0, 17, 3))}, "holds no frames"),
        ({"fps": 0.0}, "frame rate 0"),
        ({"fps": np.nan}, "frame rate nan"),
        ({"joints": ("a b", *NAMES[1:])}, "a joint 'a b'"),
        ({"joints": ("", *NAMES[1:])}, "a joint ''"),
        ({"joints": ("Knöchel", *NAMES[1:])}, "a joint 'Knöchel'"),
        ({"joints": (NAMES[1], *NAMES[1:])}, "a joint 'RHip'"),
        ({"positions_m": np.full((2, 17, 3), np.inf)}, "infinite at frame 0, joint Hip"),
    ],
)
def test_what_no_file_can_hold_is_one_sentence(change, said):
    motion = walk(2)
    given = {"joints": motion.joints, "positions_m": motion.positions_m, "fps": motion.fps} | change
    with pytest.raises(InputError, match=f"a.trc .*{said}"):
        check_motion(Motion(**given), "a.trc")
