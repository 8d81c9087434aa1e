"""Virtual camera, prior placement and runs of frames."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from pose3d.geometry.camera import Camera, rotation_to_optical_axis
from pose3d.geometry.skeleton import PARENTS
from pose3d.lifting.clips import Runs
from pose3d.lifting.prior import (
    camera_tilts,
    mirror_world,
    mix_halves,
    other_errors,
    place_before_camera,
    project_with_errors,
    symmetric_factors,
    vary_bone_lengths,
    vertical_rotation,
)
from pose3d.lifting.virtual_camera import (
    motion_features,
    optical_axis_rotation,
    project_virtual,
    root_position,
    to_camera_space,
    to_virtual_space,
    view_from_image_plane,
)

CPU = torch.device("cpu")


@pytest.fixture
def poses_cam_m():
    rng = np.random.default_rng(3)
    return torch.from_numpy(rng.normal(0, 0.3, (5, 17, 3)) + rng.uniform([-1, -1, 4], [1, 1, 6], (5, 1, 3)))


def on_axis(distances_m):
    return torch.nn.functional.pad(distances_m[..., None], (2, 0))


def image_plane_of(poses_cam_m):
    return poses_cam_m[..., :2] / poses_cam_m[..., 2:]


def test_rotation_agrees_with_the_camera_modules():
    directions = np.random.default_rng(0).normal(0, 1, (20, 3)) + [0, 0, 5]
    ours = optical_axis_rotation(torch.from_numpy(directions))
    np.testing.assert_allclose(ours, rotation_to_optical_axis(directions), atol=1e-12)


def test_px_to_virtual_camera_and_back_is_exact(poses_cam_m):
    camera = Camera(
        "c",
        1000,
        1000,
        np.array([[1145.0, 0, 512], [0, 1144, 515], [0, 0, 1]]),
        np.array([-0.2, 0.24, -0.001, -0.001, -0.003]),
        np.eye(3),
        np.zeros(3),
    )
    plane = torch.from_numpy(camera.normalize(camera.project(poses_cam_m.numpy())))
    view = view_from_image_plane(plane)
    root = poses_cam_m[:, :1]
    virtual = (poses_cam_m[:, 1:] - root) @ view.rotation.transpose(-1, -2)
    roots = on_axis(root[:, 0].norm(dim=-1))
    projected = project_virtual(virtual, roots, view.scale)
    assert not projected[:, 0].any()
    np.testing.assert_allclose(projected[:, 1:], view.keypoints, atol=1e-7)
    np.testing.assert_allclose(to_camera_space(virtual, roots, view.rotation), poses_cam_m, atol=1e-7)


def test_root_position_by_hand():
    """A usual body (0.45 m) that is 0.09 large is at 5 m; one a fifth larger at 6 m; half its size beside."""
    codes = torch.tensor([[0, 0, 0], [0.5, -1, np.log(1.2)]], dtype=torch.float64)
    roots = root_position(codes, torch.full((2,), 0.09, dtype=torch.float64))
    # The size in the picture at 6 m is 0.09 * 6 = 0.54 m.
    np.testing.assert_allclose(roots, [[0, 0, 5], [0.27, -0.54, 6]], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-2, 2)] * 2, st.floats(-1, 1)), st.floats(0.02, 0.5))
def test_root_from_code_and_back(numbers, scale):
    """The code's first two numbers are the root's projection in the view; the third is its depth."""
    code, scale = torch.tensor([numbers], dtype=torch.float64), torch.tensor([scale], dtype=torch.float64)
    root = root_position(code, scale)
    seen = project_virtual(torch.zeros(1, 16, 3, dtype=torch.float64), root, scale)
    assert seen.shape == (1, 17, 2)
    np.testing.assert_allclose(seen[:, 0], code[:, :2], atol=1e-12)
    np.testing.assert_allclose(torch.cat([seen[:, 0], (root[:, 2:] * scale / 0.45).log()], -1), code, atol=1e-12)


def test_root_position_gradients():
    code = torch.tensor([[0.2, -0.3, 0.1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: root_position(c, torch.tensor([0.1], dtype=torch.float64)), code)


def test_projection_by_hand_and_no_joint_behind_the_camera():
    poses = torch.zeros(1, 16, 3)
    poses[0, 0] = torch.tensor([0.9, -0.6, 1.0])
    poses[0, 1, 2] = -9.0  # behind the camera: taken for a tenth of the root's depth
    seen = project_virtual(poses, torch.tensor([[0.1, 0.2, 5.0]]), torch.tensor([0.1]))[0]
    expected = [[0.2, 0.4], [1.0 / 0.6, -0.4 / 0.6], [0.1 / 0.05, 0.2 / 0.05], [0.2, 0.4]]
    np.testing.assert_allclose(seen[:4], expected, rtol=1e-5)


def test_to_camera_space_by_hand():
    poses, root = torch.zeros(1, 16, 3), torch.tensor([[0.1, 0.2, 5.0]])
    poses[0, 0] = torch.tensor([1.0, 2.0, 3.0])
    # Virtual from camera: what the camera has along x, y, z lies along y, z, x of the virtual one.
    rotation = torch.tensor([[[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]])
    joints = to_camera_space(poses, root, rotation)[0]
    np.testing.assert_allclose(joints[:3], [[0.2, 5, 0.1], [2.2, 8, 1.1], [0.2, 5, 0.1]], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-0.3, 0.3)] * 2), st.floats(0.3, 3))
def test_input_ignores_camera_rotation_and_scale_with_distance(angles, factor):
    rng = np.random.default_rng(1)
    poses = torch.from_numpy(rng.normal(0, 0.25, (17, 3)) + [0, 0, 5.0])
    expected = view_from_image_plane(image_plane_of(poses)).keypoints
    np.testing.assert_allclose(view_from_image_plane(image_plane_of(factor * poses)).keypoints, expected, atol=1e-9)
    # A root on the axis: turning the camera and then looking straight at it again must give the same picture.
    poses = poses - poses[:1] + torch.tensor([0.0, 0.0, 5.0])
    expected = view_from_image_plane(image_plane_of(poses)).keypoints
    axis = np.array([angles[0], angles[1], 0.0])  # rotations without roll about the axis seen
    turned = poses @ torch.from_numpy(Rotation.from_rotvec(axis).as_matrix()).T
    np.testing.assert_allclose(view_from_image_plane(image_plane_of(turned)).keypoints, expected, atol=1e-9)


def test_motion_features_are_zero_for_who_stands_still_and_right_for_who_steps_aside():
    pose = torch.from_numpy(np.random.default_rng(1).normal(0, 0.25, (17, 3)))
    pose = pose - pose[:1]
    later = pose + torch.tensor([0.0, 0.0, 5.0])
    earlier = pose + torch.tensor([-0.1, 0.0, 5.0])
    plane = image_plane_of(torch.stack([later, later, earlier, later]).double())
    view = view_from_image_plane(plane)
    motion = motion_features(plane, view)
    assert motion.shape == (3, 3)
    np.testing.assert_allclose(motion[0], 0, atol=1e-12)
    np.testing.assert_allclose(motion[2, :2], [-0.1 / 5 / view.scale[3].item(), 0], atol=1e-9)
    np.testing.assert_allclose(motion[2, 2], (view.scale[3] / view.scale[2]).log(), atol=1e-9)


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_prior_is_placed_where_and_as_large_as_asked_with_gravity_kept(frame):
    rng = np.random.default_rng(2)
    takes = torch.from_numpy(rng.normal(0, 0.02, (4, 3, 17, 3)) + rng.normal(0, 0.3, (4, 1, 17, 3)) + [2, 3, 1])
    rotation = torch.from_numpy(Rotation.from_euler("xyz", [-1.7, 0.1, 0.2]).as_matrix()).expand(4, 3, 3)
    plane = torch.from_numpy(rng.uniform(-0.2, 0.2, (4, 2)))
    scale = torch.full((4,), 0.08, dtype=torch.float64)
    heading = torch.from_numpy(rng.uniform(0, 6, 4))
    placed = place_before_camera(takes, heading, rotation, plane, scale, frame)
    np.testing.assert_allclose(image_plane_of(placed[:, frame, 0]), plane, atol=1e-12)
    for other in {0, 1, 2} - {frame}:
        assert (image_plane_of(placed[:, other, 0]) - plane).abs().amin() > 1e-5
    # rigid: distances survive, and so do heights along gravity
    np.testing.assert_allclose(
        torch.cdist(placed[:, 0], placed[:, 2]), torch.cdist(takes[:, 0], takes[:, 2]), atol=1e-6
    )
    heights = (placed @ rotation[0])[..., 2]
    np.testing.assert_allclose(heights - heights[:, :1, :1], (takes - takes[:, :1, :1])[..., 2], atol=1e-9)
    seen = view_from_image_plane(image_plane_of(placed[:, frame])).scale
    assert torch.allclose(seen, scale, rtol=0.25)


@pytest.mark.parametrize("frame", [0, 1, 2])
def test_the_distance_is_the_size_in_the_asked_frame_over_the_2d_size(frame):
    """Bodies whose joints are 0.3, 0.4 and 0.5 m beside the root, and anywhere along the ray, which does not count."""
    takes = torch.zeros(1, 3, 17, 3)
    takes[0, :, 1::2, 0], takes[0, :, 2::2, 0] = (
        torch.tensor([[0.3], [0.4], [0.5]]),
        -torch.tensor([[0.3], [0.4], [0.5]]),
    )
    takes[..., 1::2, 1] = 0.7
    rotation = torch.tensor([[[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    placed = place_before_camera(takes, torch.zeros(1), rotation, torch.zeros(1, 2), torch.tensor([0.1]), frame)
    assert placed[0, frame, 0].tolist() == pytest.approx([0, 0, [3, 4, 5][frame]], abs=1e-5)


def test_too_near_takes_are_pushed_back():
    takes = torch.zeros(1, 2, 17, 3)
    takes[:, 1, :, 1] = -9.0  # nine metres towards the camera
    takes[:, :, 1:, 2] = 0.5
    rotation = torch.tensor([[[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    placed = place_before_camera(takes.flip(1), torch.zeros(1), rotation, torch.zeros(1, 2), torch.tensor([0.1]), 1)
    assert placed[..., 2].min() == pytest.approx(0.5, abs=1e-5)


def test_pairs_without_errors_are_exact(poses_cam_m):
    plane = project_with_errors(poses_cam_m[None], torch.zeros(1, 5, 17, 2, dtype=torch.float64))
    np.testing.assert_allclose(plane[0], image_plane_of(poses_cam_m), atol=1e-12)
    view = view_from_image_plane(plane)
    poses, roots = to_virtual_space(poses_cam_m[None], view.rotation)
    np.testing.assert_allclose(roots[0], on_axis(poses_cam_m[:, 0].norm(dim=-1)), atol=1e-12)
    np.testing.assert_allclose(to_camera_space(poses, roots, view.rotation)[0], poses_cam_m, atol=1e-7)
    projected = project_virtual(poses, roots, view.scale)
    np.testing.assert_allclose(projected[..., 1:, :], view.keypoints, atol=1e-7)


def test_errors_are_in_units_of_the_2d_size_and_the_pair_keeps_the_true_3d(poses_cam_m):
    errors = torch.from_numpy(np.random.default_rng(4).normal(0, 0.1, (1, 5, 17, 2)))
    plane = project_with_errors(poses_cam_m[None], errors)
    exact = image_plane_of(poses_cam_m)[None]
    torch.testing.assert_close((plane - exact) / view_from_image_plane(exact).scale[..., None, None], errors)
    rotation = view_from_image_plane(plane).rotation
    poses, roots = to_virtual_space(poses_cam_m[None], rotation)
    np.testing.assert_allclose(to_camera_space(poses, roots, rotation)[0], poses_cam_m, atol=1e-12)
    assert roots[..., :2].norm(dim=-1).min() > 1e-3  # the detected root is not where the true one is


def test_other_bodies_keep_directions_and_sides_alike(poses_cam_m):
    factors = symmetric_factors(np.random.default_rng(0), 1, 0.1)
    assert factors.shape == (1, 16)
    assert (factors[0, :3] == factors[0, 3:6]).all()
    assert (factors[0, 10:13] == factors[0, 13:16]).all()
    assert len(set(factors[0])) == 10
    varied = vary_bone_lengths(poses_cam_m[None], torch.from_numpy(factors))[0]
    for child, parent in enumerate(PARENTS):
        if parent < 0:
            torch.testing.assert_close(varied[:, child], poses_cam_m[:, child])
        else:
            bone = poses_cam_m[:, child] - poses_cam_m[:, parent]
            torch.testing.assert_close(varied[:, child] - varied[:, parent], bone * factors[0, child - 1])


class Drawn:
    """Gives the same numbers whatever is asked for."""

    def __init__(self, values):
        self.normal = lambda mean, spread, shape: np.array(values, float).reshape(shape)


def test_cameras_are_tilted_about_x_and_then_rolled_about_the_optical_axis():
    ahead, right = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    (tilted,) = camera_tilts(Drawn([30, 0]), 1, 30)
    np.testing.assert_allclose(tilted @ right, right)
    np.testing.assert_allclose(tilted @ ahead, [0, -0.5, np.sqrt(0.75)])  # the camera looks down: ahead is higher up
    (rolled,) = camera_tilts(Drawn([0, 90]), 1, 90)
    np.testing.assert_allclose(rolled @ right, [0, 1, 0], atol=1e-12)
    (both,) = camera_tilts(Drawn([30, 90]), 1, 1)
    np.testing.assert_allclose(both, rolled @ tilted, atol=1e-12)
    drawn = camera_tilts(np.random.default_rng(0), 2000, 10)
    np.testing.assert_allclose(np.degrees(np.arcsin(drawn[:, 2, 1])).std(), 10, rtol=0.05)


def test_another_detectors_errors_are_of_one_size_in_each_draw():
    drawn = other_errors(np.random.default_rng(0), 1000, 500, 0.2)
    sizes = drawn.std((1, 2))
    np.testing.assert_allclose(np.quantile(sizes, [0.1, 0.5, 0.9]), [0.02, 0.1, 0.18], atol=0.01)
    np.testing.assert_allclose((drawn / sizes[:, None, None]).std(0), 1, atol=0.15)


def test_mixing_a_take_with_itself_turned_changes_nothing(poses_cam_m):
    takes = poses_cam_m[None]
    turned = takes @ vertical_rotation(torch.tensor([0.7], dtype=torch.float64)).transpose(-1, -2)
    torch.testing.assert_close(mix_halves(takes, turned), takes)
    other = takes.flip(1)
    torch.testing.assert_close(mix_halves(takes, other)[:, :, :7], takes[:, :, :7])  # root and legs


def test_mirroring_twice_changes_nothing_and_once_swaps_sides(poses_cam_m):
    once = mirror_world(poses_cam_m)
    torch.testing.assert_close(mirror_world(once), poses_cam_m)
    np.testing.assert_allclose(once[:, 4, 0], -poses_cam_m[:, 1, 0])


def test_runs_repeat_edges_within_their_clip():
    runs = Runs([4, 1], before=1, n_outputs=2, after=1, device=CPU)
    assert len(runs) == 4
    frames = runs.frames(torch.arange(4)).tolist()
    assert frames == [[0, 0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 3], [4, 4, 4, 4]]
