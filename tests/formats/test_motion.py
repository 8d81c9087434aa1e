"""Axes by hand, gaps, and what no file can hold."""

from dataclasses import replace

import numpy as np
import pytest
from motions import one_joint, walk, walk_with_gaps

from pose3d.formats.motion import (
    NAMES,
    Motion,
    as_skeleton,
    check_motion,
    check_read,
    filled,
    from_ours,
    take_joints,
    to_ours,
    zeros_as_gaps,
)
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


def test_names_in_other_letters_are_read_and_not_written():
    motion = replace(walk(2), joints=("右つま先", *NAMES[1:]))
    check_read(motion, "a.bvh")
    with pytest.raises(InputError, match="a.bvh has a joint '右つま先': give each its own name of ASCII"):
        check_motion(motion, "a.bvh")


def at(*frames):
    """Of markers A, B, C the (T, 3, 3) positions."""
    return Motion(("A", "B", "C"), np.array(frames, float), 50.0)


ZERO, NAN = [0, 0, 0], [np.nan] * 3


def test_what_is_at_zero_is_missing_and_said():
    motion = at([[1, 2, 3], ZERO, [2, 2, 3]], [ZERO, ZERO, [2, 2, 3]], [[1, 2, 3], NAN, [0, 2, 0]])
    found = zeros_as_gaps(motion)
    assert found.missing.tolist() == [[False, True, False], [True, True, False], [False, True, False]]
    assert found.said == ("markers at 0, 0, 0 are taken as missing: A in 1 of 3 frames, B in 2 of 3 frames",)
    assert not np.isnan(motion.positions_m[:2]).any()  # what was given stays


def test_nothing_is_said_of_what_is_nowhere_at_zero():
    motion = at([[1, 0, 0], NAN, [0, 0, 1e-6]])
    assert zeros_as_gaps(motion) is motion


def test_a_centre_stays_where_it_always_is_with_the_others_around_it():
    """As the hip of poses that are about it; also of one frame, and where one frame shows a leg alone."""
    about_it = [[1, -1, 0], ZERO, [-1, 1, 0.5]], [[-1, 0, 1], ZERO, [2, 0, -1]]
    for motion in (at(*about_it), at(about_it[0]), at(*about_it, [NAN, ZERO, NAN])):
        assert zeros_as_gaps(motion) is motion
    beside = [[1, 0, 1], ZERO, [2, 0, 1]]
    once_beside = at(*about_it, beside)
    assert zeros_as_gaps(once_beside) is once_beside
    mostly_beside = zeros_as_gaps(at(about_it[0], beside, beside))
    assert mostly_beside.missing.tolist() == [[False, True, False]] * 3
    jumps = zeros_as_gaps(at(*about_it, [[-1, -1, -1], [0.1, 0, 0], [1, 1, 1]]))
    assert jumps.missing.tolist() == [[False, True, False]] * 2 + [[False] * 3]


def test_a_file_of_zeros_alone_is_said():
    found = zeros_as_gaps(Motion(NAMES, np.zeros((2, 17, 3)), 25.0))
    assert found.missing.all()
    assert found.said[0].endswith(
        ": Hip in 2 of 2 frames, RHip in 2 of 2 frames, RKnee in 2 of 2 frames, RFoot in 2 of 2 frames and 13 more"
    )
