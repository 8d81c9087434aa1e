"""Poses that are the truth but for one thing, and those of honest networks, of which nothing is asked."""

import numpy as np
import pytest
from people import camera_ring, take

from pose3d.evaluation.prediction_doubts import doubts
from pose3d.evaluation.tables import errors_of
from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation

SEQUENCES = [
    one for seed, action in enumerate(("Walk-1", "Wave-1")) for one in take("S9", action, 60, camera_ring(2), seed)
]


def truth():
    return [one.poses_cam_m.astype(np.float64) for one in SEQUENCES]


def asked(poses_m, sequences=SEQUENCES):
    return doubts(errors_of("theirs", sequences, poses_m, has_root=False), sequences, poses_m)


def of_a_network(poses_m, seed=0):
    """Each joint is 50 mm off everywhere and 10 mm more from frame to frame."""
    rng = np.random.default_rng(seed)
    return poses_m + rng.normal(0, 0.03, (1, 17, 3)) + rng.normal(0, 0.006, poses_m.shape)


def exchanged(poses_m, *parts):
    order = np.arange(17)
    joints = [joint for joint, name in enumerate(JOINT_NAMES) if name[1:] in parts]
    order[joints] = mirror_permutation()[joints]
    return poses_m[:, order]


LEGS, ARMS = ("Hip", "Knee", "Foot"), ("Shoulder", "Elbow", "Wrist")


def late(poses_m, frames):
    return np.concatenate([np.repeat(poses_m[:1], frames, axis=0), poses_m[:-frames]])


HONEST = {
    "the truth": lambda poses: poses,
    "a network": of_a_network,
    "a poor one": lambda poses: poses + np.random.default_rng(1).normal(0, 0.15, poses.shape),
    "one that waits for a frame": lambda poses: late(of_a_network(poses), 1),
    "one pose for all frames": lambda poses: np.repeat(poses[:1], len(poses), axis=0),
    "a smooth one": lambda poses: np.stack([poses[max(t - 4, 0) : t + 5].mean(0) for t in range(len(poses))]),
    "a taller person": lambda poses: 1.3 * poses,
}


@pytest.mark.parametrize("name", HONEST)
def test_of_honest_poses_nothing_is_asked(name):
    assert asked([HONEST[name](poses) for poses in truth()]) == []


def test_of_people_who_stand_still_no_moment_is_better():
    still = [np.repeat(poses[:1], 60, axis=0) for poses in truth()]
    sequences = [type(one)(**vars(one) | {"poses_cam_m": poses}) for one, poses in zip(SEQUENCES, still, strict=True)]
    assert asked([of_a_network(poses) for poses in still], sequences) == []


MOMENTS = {
    "late": (lambda poses: late(poses, 3), "3 frames (0.12 s at 25 Hz) later in their arrays"),
    "early": (lambda poses: late(poses[::-1], 5)[::-1], "5 frames (0.2 s at 25 Hz) earlier in their arrays"),
    "a window late": (lambda poses: late(poses, 26), "26 frames (1 s at 25 Hz) later in their arrays"),
    "backwards": (lambda poses: poses[::-1], "if the arrays are turned round in time"),
    "of half the rate": (lambda poses: np.repeat(poses[:30], 2, axis=0), "only every second of their frames is taken"),
    "of twice the rate": (
        lambda poses: np.concatenate([poses[::2], np.repeat(poses[-1:], 30, axis=0)]),
        "each frame is taken 2 times",
    ),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_other_moments_are_named(name):
    change, said = MOMENTS[name]
    sentence, *_ = asked([change(of_a_network(poses)) for poses in truth()])
    assert sentence.startswith("Of 4 of 4 sequences the poses fit clearly better ") and said in sentence


def test_of_one_sequence_alone_much_must_be_better():
    (sentence,) = asked([late(truth()[0], 3)], SEQUENCES[:1])
    assert sentence.startswith("Of 1 of 1 sequences the poses fit clearly better 3 frames (0.12 s at 25 Hz) later")


@pytest.mark.parametrize(("parts", "said"), [(LEGS + ARMS, "they"), (ARMS, "the joints of the arms")])
def test_sides_that_are_exchanged_in_all_sequences(parts, said):
    (sentence,) = asked([exchanged(of_a_network(poses), *parts) for poses in truth()])
    assert sentence.startswith(f"As large as the truth {said} lie ")
    assert " mm with left and right exchanged: are the joints in our order" in sentence


def test_sides_that_a_poor_network_has_exchanged():
    """Each joint is 110 mm off beside the root, and so they fit less than three times better exchanged."""
    rng = np.random.default_rng(2)
    (sentence,) = asked([exchanged(poses + rng.normal(0, 0.055, poses.shape), *LEGS, *ARMS) for poses in truth()])
    assert sentence.startswith("As large as the truth they lie ") and " with left and right exchanged: are" in sentence


def test_sides_that_are_exchanged_in_some_sequences_are_told_with_the_first():
    poses_m = [of_a_network(poses) for poses in truth()]
    poses_m[2] = exchanged(poses_m[2], *LEGS, *ARMS)
    (sentence,) = asked(poses_m)
    assert sentence.startswith(f"In 1 of 4 sequences, the first of which is {SEQUENCES[2].key}, as large as the truth")


def test_one_camera_in_the_axes_of_the_world_is_told_with_its_first_sequence():
    """z upwards, and y forwards."""
    poses_m = [of_a_network(poses) for poses in truth()]
    for number in (1, 3):
        poses_m[number] = poses_m[number] @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    (sentence,) = asked(poses_m)
    assert sentence.startswith(f"In 2 of 4 sequences, the first of which is {SEQUENCES[1].key}, as large as the truth")
    assert " mm: are their axes that camera's (x right, y down, z forward)?" in sentence


def test_all_that_are_mirrored_in_depth_are_told_so_and_not_as_some_that_are_turned():
    """Of one of four sequences turning is enough, because the poses are flat, seen at 45 degrees."""
    flat = (truth()[0] - truth()[0][:, :1]) * [1, 1, 0] @ np.array([[1.0, 0, -1], [0, 2**0.5, 0], [1, 0, 1]]) / 2**0.5
    poses_m = [flat + truth()[0][:, :1], *truth()[1:]]
    sequences = [type(one)(**vars(one) | {"poses_cam_m": poses}) for one, poses in zip(SEQUENCES, poses_m, strict=True)]
    (sentence,) = asked([poses * [1, 1, -1] for poses in poses_m], sequences)
    assert sentence.startswith("As large as the truth they lie ")
    assert ", and turned or mirrored as well " in sentence


def test_what_is_far_off_turned_too_is_not_of_other_axes():
    """One of four sequences upside down and each joint 190 mm off as well: three times better turned, and no fit."""
    poses_m = [of_a_network(poses) for poses in truth()]
    off = np.random.default_rng(1).normal(0, 0.12, poses_m[1].shape)
    poses_m[1] = poses_m[1] * [-1, -1, 1] + off
    assert asked(poses_m) == []


def test_joints_in_another_order_are_nobodys():
    """COCO's points: nose, eyes and ears, then left and right shoulders, elbows, wrists, hips, knees and feet."""
    coco = [9, 9, 9, 10, 10, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]
    (sentence,) = asked([poses[:, coco] for poses in truth()])
    assert "farther than any person's pose: are the joints in our order, Hip, RHip, RKnee" in sentence


def test_a_unit_of_their_own_is_asked_about():
    """Of a person 1.7 m tall in units of the height."""
    (sentence,) = asked([poses / 1.7 for poses in truth()])
    assert sentence.startswith("They are 0.59 times as large as the truth in the median, which P1 counts as an error")


def test_frames_that_are_filled_in_are_counted():
    """Of 60 frames every second one, and the one after it again: 30 of 59 steps, in two of four sequences."""
    poses_m = [of_a_network(poses) for poses in truth()]
    poses_m[:2] = [np.repeat(poses[::2], 2, axis=0) for poses in poses_m[:2]]
    (sentence,) = asked(poses_m)
    assert sentence.startswith("In 60 of 236 steps from frame to frame the pose stays exactly the same: were")
    poses_m[1] = of_a_network(truth()[1])
    poses_m[0][2:] = of_a_network(truth()[0])[2:]
    assert asked(poses_m) == []  # one frame that was filled in
