import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_performers import tiny_body

from pose3d.geometry.skeleton import JOINT_NAMES, LEFT_JOINTS, RIGHT_JOINTS
from pose3d.runtime.errors import InputError
from pose3d.synthetic.body import read_body, write_bodies


@pytest.fixture(scope="module")
def body():
    return tiny_body()


def rest_pelvis(body):
    return (body.rest("upperleg01.L") + body.rest("upperleg01.R"))[None] / 2


def test_no_rotation_gives_the_rest_pose(body):
    posed = body.pose({}, rest_pelvis(body))
    np.testing.assert_allclose(posed.heads_m[0], body.bone_heads_m, atol=1e-12)
    np.testing.assert_allclose(body.skin(posed)[0], body.vertices_m, atol=1e-6)


def test_joints_are_ordered_and_sided_as_in_human36m(body):
    posed = body.pose({}, rest_pelvis(body))
    joints = dict(zip(JOINT_NAMES, body.joints(posed, body.skin(posed))[0], strict=True))
    np.testing.assert_allclose(joints["Hip"], [0, 0, 0.93])
    np.testing.assert_allclose(joints["LElbow"], [0.36, 0, 1.18])
    np.testing.assert_allclose(joints["RFoot"], [-0.13, 0.01, 0.08])
    np.testing.assert_allclose(joints["Spine"], [0, 0.01, 1.265])
    np.testing.assert_allclose(joints["Neck/Nose"], [0, -0.13, 1.61], atol=1e-6)
    np.testing.assert_allclose(joints["Head"], [0, 0, 1.75], atol=1e-6)
    array = np.array(list(joints.values()))
    assert (array[list(LEFT_JOINTS), 0] > 0).all() and (array[list(RIGHT_JOINTS), 0] < 0).all()


def test_one_bent_knee_moves_what_hangs_on_it(body):
    quarter = Rotation.from_euler("x", 90, degrees=True).as_matrix()[None]
    posed = body.pose({"lowerleg01.L": quarter}, rest_pelvis(body))
    knee, shin = body.rest("lowerleg01.L"), body.rest("foot.L") - body.rest("lowerleg01.L")
    np.testing.assert_allclose(posed.heads_m[0, body.bone("foot.L")], knee + [shin[0], -shin[2], shin[1]], atol=1e-12)
    np.testing.assert_allclose(posed.heads_m[0, body.bone("foot.R")], body.rest("foot.R"), atol=1e-12)


def test_skin_blends_two_bones_by_their_weights(body):
    # A vertex on the knee, half thigh and half shin: half-way between where the two bones would take it.
    weight_bones = np.zeros((len(body.vertices_m), 2), int)
    weight_bones[:] = [body.bone("upperleg01.L"), body.bone("lowerleg01.L")]
    from dataclasses import replace

    blended = replace(body, weight_bones=weight_bones, weights=np.full((len(body.vertices_m), 2), 0.5, np.float32))
    turn = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    posed = blended.pose({"lowerleg01.L": turn[None]}, rest_pelvis(body))
    knee = body.rest("lowerleg01.L")
    vertex = body.vertices_m[3].astype(float)
    np.testing.assert_allclose(blended.skin(posed)[0, 3], (vertex + knee + turn @ (vertex - knee)) / 2, atol=1e-6)


def test_moving_the_bones_moves_the_skin_rigidly(body):
    turn, shift = Rotation.from_euler("z", 40, degrees=True).as_matrix(), np.array([1.0, -2.0, 0.5])
    posed = body.pose({}, rest_pelvis(body))
    np.testing.assert_allclose(body.skin(posed.moved(turn, shift))[0], body.vertices_m @ turn.T + shift, atol=1e-6)
    np.testing.assert_allclose(body.skin(posed, slice(2, 3))[0, :, 0], body.vertices_m[:, 2], atol=1e-6)


def test_the_pelvis_goes_where_it_is_told(body):
    turn = Rotation.from_euler("yx", [70, 20], degrees=True).as_matrix()[None]
    posed = body.pose({"root": turn}, np.array([[0.3, 0.4, 1.5]]))
    np.testing.assert_allclose(body.joints(posed, body.skin(posed))[0, 0], [0.3, 0.4, 1.5], atol=1e-12)


def test_bodies_survive_their_file(body, tmp_path):
    path = tmp_path / "bodies.h5"
    write_bodies(path, {"S1": body, "S5": body})
    again = read_body(path, "S5")
    assert again.bone_labels == body.bone_labels
    for name in ("bone_heads_m", "vertices_m", "faces", "weights", "weight_bones", "nose_vertices"):
        np.testing.assert_array_equal(getattr(again, name), getattr(body, name))
    first = path.read_bytes()
    write_bodies(path, {"S1": body, "S5": body})
    assert path.read_bytes() == first
    with pytest.raises(InputError, match="no body for subject S9"):
        read_body(path, "S9")
    with pytest.raises(InputError, match="missing"):
        read_body(tmp_path / "nothing.h5", "S1")
