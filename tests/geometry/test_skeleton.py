import numpy as np
from people import swinging_poses

from pose3d.geometry import skeleton
from pose3d.geometry.skeleton import mirror_permutation


def test_tables_agree_with_each_other():
    assert len(skeleton.JOINT_NAMES) == len(skeleton.PARENTS) == skeleton.N_JOINTS == 17
    assert skeleton.PARENTS[skeleton.ROOT] == -1
    assert all(parent < joint for joint, parent in enumerate(skeleton.PARENTS))  # parents first: one pass poses a body
    assert len(skeleton.BONES) == 16 and [child for _, child in skeleton.BONES] == list(range(1, 17))
    assert len(set(skeleton.HUMAN36M_32_TO_17)) == 17


def test_left_and_right_mirror_each_other():
    for right, left in zip(skeleton.RIGHT_JOINTS, skeleton.LEFT_JOINTS, strict=True):
        assert skeleton.JOINT_NAMES[right][0] == "R" and skeleton.JOINT_NAMES[left][0] == "L"
        assert skeleton.JOINT_NAMES[right][1:] == skeleton.JOINT_NAMES[left][1:]
    sided = {i for i, name in enumerate(skeleton.JOINT_NAMES) if name[0] in "RL"}
    assert sided == {*skeleton.RIGHT_JOINTS, *skeleton.LEFT_JOINTS}
    permutation = mirror_permutation()
    np.testing.assert_array_equal(permutation[permutation], np.arange(17))
    parents = np.array(skeleton.PARENTS)
    np.testing.assert_array_equal(
        parents[permutation][1:], permutation[parents[1:]]
    )  # a mirrored tree is the same tree


def test_bone_matrix_gives_child_minus_parent():
    pose = swinging_poses(np.random.default_rng(0), 1)[0]
    bones = skeleton.bone_matrix() @ pose
    for row, (parent, child) in enumerate(skeleton.BONES):
        np.testing.assert_allclose(bones[row], pose[child] - pose[parent], atol=1e-12)
    np.testing.assert_allclose(skeleton.bone_matrix() @ np.ones((17, 3)), 0)  # translation drops out
    np.testing.assert_array_equal(np.diag(skeleton.bone_matrix() @ skeleton.bone_matrix().T), 2)


def test_sides_of_some_joints_change_places():
    arms = mirror_permutation(skeleton.LIMBS["arms"])
    assert arms.tolist() == [*range(11), 14, 15, 16, 11, 12, 13]
    legs = mirror_permutation(skeleton.LIMBS["legs"])
    assert legs.tolist() == [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
