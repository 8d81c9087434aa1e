from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, take
from scipy.spatial.transform import Rotation

from pose3d.datasets.upright import Stances

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
