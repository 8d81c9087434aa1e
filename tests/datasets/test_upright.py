from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, take
from scipy.spatial.transform import Rotation

from pose3d.datasets.upright import Stances
from pose3d.geometry.skeleton import JOINT_NAMES, mirror_permutation

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # what was z is y


def turned(sequence, rotation):
    """The world turned, people and camera alike: the picture stays as it is."""
    camera = replace(sequence.camera, rotation=sequence.camera.rotation @ rotation.T)
    return replace(sequence, camera=camera, poses_world_m=sequence.poses_world_m @ rotation.T)


def said_of(sequences):
    stances = Stances()
    for sequence in sequences:
        stances.note(sequence)
    return stances.said()


@pytest.fixture(scope="module")
def walks():
    return [one for action in ("Walk-1", "Walk-2") for one in take("S1", action, 100, camera_ring(4))]


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        (np.eye(3), None),
        (Y_UP, "upright along y: the world's z axis must point up, so turn positions and cameras until y is z"),
        (np.diag([1.0, -1, -1]) @ Y_UP, "upright along -y:"),
        (Y_UP[[1, 0, 2]] * [[1], [-1], [1]], "upright along x:"),
        (np.diag([1.0, -1, -1]), "heads are below feet in most takes"),
    ],
)
def test_the_axis_along_which_people_walk_upright_must_be_z(walks, rotation, said):
    assert np.linalg.det(rotation) == pytest.approx(1)
    found = said_of([turned(walk, rotation) for walk in walks])
    assert found is None if said is None else said in found


def test_people_who_lie_or_stand_on_their_hands_in_some_takes_pass(walks):
    """Their bodies are turned about the hip, and the cameras are not."""
    lying, handstand = Y_UP, Rotation.from_euler("x", 180, degrees=True).as_matrix()

    def turned_body(sequence, rotation, shift_m=0.0):
        poses = sequence.poses_world_m
        hip = poses[:, :1]
        return replace(sequence, poses_world_m=(poses - hip) @ rotation.T + hip + [0, 0, shift_m])

    assert said_of([*walks[:4], *(turned_body(walk, handstand) for walk in walks[:3])]) is None
    assert said_of([turned_body(walk, handstand, 1) for walk in walks]) is None  # in all of them
    # Whoever only lies, on a bed and on the floor, seen by upright cameras.
    assert said_of([turned_body(walk, lying, 0.5 * i) for i, walk in enumerate(walks[:2])]) is None


def test_a_bed_seen_from_the_ceiling_passes(walks):
    """As with y up the head is towards y, and so is the top of the picture; but the hips do not walk along z."""
    ceiling = np.diag([1.0, -1, -1])  # looks down -z with y up in the picture
    poses = (walks[0].poses_world_m - walks[0].poses_world_m[:, :1]) @ Y_UP.T
    bed = replace(walks[0], camera=replace(walks[0].camera, rotation=ceiling), poses_world_m=poses + [0, 0, 0.5])
    floor = replace(bed, poses_world_m=poses)
    assert said_of([bed]) is None
    assert said_of([bed, floor]) is None


def bent(frames, ahead_m=0.08, exchanged=()):
    """Somebody who looks along -y, x to the left, with knees so far ahead of the line from hip to foot, at 25 Hz."""
    (walk,) = take("S1", "Stand-1", frames, camera_ring(1))
    places = {"Hip": (0, 0, 0.95), "Spine": (0, 0, 1.2), "Thorax": (0, 0, 1.45), "Head": (0, 0, 1.7)}
    places["Neck/Nose"] = (0, -0.1, 1.6)
    for side, x in (("L", 1), ("R", -1)):
        places |= {f"{side}Hip": (0.13 * x, 0, 0.95), f"{side}Knee": (0.13 * x, -ahead_m, 0.5)}
        places |= {f"{side}Foot": (0.13 * x, 0, 0.05), f"{side}Shoulder": (0.17 * x, 0, 1.45)}
        places |= {f"{side}Elbow": (0.2 * x, 0.05, 1.2), f"{side}Wrist": (0.2 * x, -0.1, 1.0)}
    order = np.arange(17)
    joints = [joint for joint, name in enumerate(JOINT_NAMES) if name[1:] in exchanged]
    order[joints] = mirror_permutation()[joints]
    pose = np.array([places[name] for name in JOINT_NAMES])[order]
    return replace(walk, poses_world_m=np.repeat(pose[None], frames, axis=0))


LEGS, ARMS = ("Hip", "Knee", "Foot"), ("Shoulder", "Elbow", "Wrist")


@pytest.mark.parametrize(
    ("exchanged", "said"),
    [
        ((), None),
        (LEGS + ARMS, "knees bend backwards in most takes, so left and right are exchanged, or one axis is mirrored"),
        (ARMS, "left and right shoulder lie the other way round than left and right hip in most takes"),
        (LEGS, "left and right shoulder lie the other way round than left and right hip in most takes"),
    ],
)
def test_sides_that_the_3d_has_exchanged_are_seen_by_knees_and_shoulders(exchanged, said):
    """1.5 s of 25 frames/s are 37.5 frames; one take of four may be of other people."""
    bad, good = bent(40, exchanged=exchanged), bent(40)
    found = said_of([bad, bad, bad, good])
    assert found is None if said is None else found.startswith(said)
    assert said_of([bad, good]) is None
    assert said_of([bent(37, exchanged=exchanged)]) is None


def test_straight_knees_and_turned_trunks_show_no_sides():
    """Knees overstretched by 5 cm, as by 13 degrees, and shoulders turned by 90 degrees."""
    assert said_of([bent(40, ahead_m=-0.05)]) is None
    dancer = bent(40)
    trunk = [joint for joint, name in enumerate(JOINT_NAMES) if name[1:] in ARMS]
    poses = dancer.poses_world_m.copy()
    poses[:, trunk, :2] = poses[:, trunk, :2] @ np.array([[0.0, 1], [-1, 0]])
    assert said_of([replace(dancer, poses_world_m=poses)]) is None


def test_legs_crossed_on_the_floor_show_no_sides():
    """Knees are 10 cm lower than the feet that lie on them, 9 cm below the line from hip to foot, and beside it."""
    sitting = bent(40)
    poses = sitting.poses_world_m.copy()
    for side, x in (("L", 1), ("R", -1)):
        knee, foot = (JOINT_NAMES.index(side + part) for part in ("Knee", "Foot"))
        poses[:, knee], poses[:, foot] = (0.4 * x, -0.3, 0.87), (-0.08 * x, -0.25, 0.97)
    assert said_of([replace(sitting, poses_world_m=poses)]) is None
