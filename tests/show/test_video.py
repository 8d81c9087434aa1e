import numpy as np
import pytest
from people import camera_ring, take

from pose3d.show import figures, video
from pose3d.show.follow import picture_squares


@pytest.fixture(scope="module")
def sequence():
    return take("S9", "Walk-1", 8, camera_ring(1))[0]


def test_unknown_joints_are_not_drawn():
    image = np.zeros((64, 64, 3), np.uint8)
    video.draw_skeleton(image, np.full((17, 2), np.nan))
    assert not image.any()
    points = np.full((17, 2), np.nan)
    points[:2] = [[10, 10], [50, 50]]
    video.draw_skeleton(image, points)
    assert image[30, 30].any()


def frames_of(sequence, images):
    poses = {"temporal": sequence.poses_cam_m, "ground truth": sequence.poses_cam_m}
    return list(video.side_by_side(images, 25.0, sequence.keypoints_px, sequence.boxes_px, poses))


def test_video_frames_show_the_skeleton_on_the_person(sequence):
    # One white dot at every true joint: the overlay must cover it, in the crop as in the full image.
    images = [np.zeros((1000, 1000, 3), np.uint8) for _ in range(len(sequence))]
    frames = frames_of(sequence, images)
    assert len(frames) == len(sequence)
    assert frames[0].shape == (video.SIDE_PX + video.HEADER_PX, 3 * video.SIDE_PX + 2 * video.GAP_PX, 3)
    squares = picture_squares(sequence.keypoints_px, sequence.boxes_px, (1000, 1000), 25.0)
    for frame, keypoints, (centre_x, centre_y, side) in zip(frames, sequence.keypoints_px, squares, strict=True):
        scale = video.SIDE_PX / side
        for joint in range(17):
            x = int((keypoints[joint, 0] - centre_x) * scale + video.SIDE_PX / 2)
            y = int((keypoints[joint, 1] - centre_y) * scale + video.SIDE_PX / 2) + video.HEADER_PX
            assert frame[y - 1 : y + 2, x - 1 : x + 2].max() > 40


def colours(panel):
    return {tuple(colour[::-1]) for colour in panel.reshape(-1, 3).tolist()}


def rgb(colour):
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def test_truth_is_grey_alone_and_seen_beside_a_wrong_pose(sequence):
    poses = {"temporal": sequence.poses_cam_m + [0.6, 0, 0], "ground truth": sequence.poses_cam_m}
    images = [np.zeros((1000, 1000, 3), np.uint8)] * len(sequence)
    frame = next(video.side_by_side(images, 25.0, sequence.keypoints_px, sequence.boxes_px, poses))
    top, left = video.HEADER_PX, video.SIDE_PX + video.GAP_PX
    temporal, truth = frame[top:, left : left + video.SIDE_PX], frame[top:, 2 * left :]
    predicted = {rgb(colour) for colour in (figures.RIGHT, figures.LEFT, figures.TRUNK)}
    greys = {rgb(colour) for colour in (figures.TRUTH_RIGHT, figures.TRUTH_LEFT, figures.TRUTH)}
    assert predicted | greys <= colours(temporal)
    assert greys <= colours(truth) and not predicted & colours(truth)


def test_demo_has_the_originals_order_and_puts_a_rootless_pose_at_the_true_root(sequence):
    truth = sequence.poses_cam_m
    single = truth - truth[:, :1] + 7
    poses = video.demo_poses(single, truth, truth, single_has_root=False)
    assert list(poses) == ["single frame", "temporal", "ground truth"]
    np.testing.assert_allclose(poses["single frame"], truth, atol=1e-6)
    assert video.demo_poses(single, truth, truth, single_has_root=True)["single frame"] is single


def test_demo_without_truth_puts_a_rootless_pose_where_the_temporal_one_stands(sequence):
    temporal = sequence.poses_cam_m
    single = temporal - temporal[:, :1] + 7
    poses = video.demo_poses(single, temporal, None, single_has_root=False)
    assert list(poses) == ["single frame", "temporal"]
    np.testing.assert_allclose(poses["single frame"], temporal, atol=1e-6)


def test_floor_lines_are_half_a_metre_apart_and_end_on_a_circle():
    lines = video.floor_lines(np.array([0.1, 0.7]), 0.65)
    across = lines[:3]  # x = -0.5, 0, 0.5
    assert across[:, 0, 0].tolist() == across[:, 1, 0].tolist() == [-0.5, 0, 0.5]
    assert np.unique(lines[3:, :, 1]).tolist() == [0.5, 1.0] and not lines[..., 2].any()
    np.testing.assert_allclose(np.linalg.norm(lines[..., :2] - [0.1, 0.7], axis=-1), 0.65)


def test_view_keeps_right_angles_and_lengths_and_stands_upright():
    np.testing.assert_allclose(video._VIEW @ video._VIEW.T, np.eye(3), atol=1e-12)
    low, high, far = video.view_px(np.array([[0, 0, -0.5], [0, 0, 0.5], [0, 1.0, 0]]), np.zeros(3), 1.0)
    assert high[1] < low[1]
    assert far[0] > video.SIDE_PX / 2 and far[1] < video.SIDE_PX / 2  # seen from the right and above, as in the panel
    assert video._VIEW[2] @ [0, 1, 0] > 0  # what is away is deep


def test_view_follows_somebody_who_walks_away_and_stays_close():
    standing = np.array([[0, 0, 0.9], [0.2, 0, 0], [-0.2, 0, 0], [0, 0, 1.7]])
    poses = standing + np.linspace(0, 9, 200)[:, None, None] * [1.0, 0, 0]
    centres, reaches = video.space_views(poses, 25.0)
    roots = np.stack([video.view_px(pose[0], c, r) for pose, c, r in zip(poses, centres, reaches, strict=True)])
    middle = roots[40:-40]
    np.testing.assert_allclose(middle, video.SIDE_PX / 2, atol=9)
    assert np.abs(roots - video.SIDE_PX / 2).max() < 70
    np.testing.assert_allclose(reaches[40:-40], 1.0)  # a tall person fills the panel
    np.testing.assert_allclose(centres[:, 2], 0.85)


def test_trail_lies_on_the_floor_and_is_apart_at_jumps():
    path = np.array([[0, 0, 0.9], [0.1, 0, 0.9], [3, 0, 0.9], [3.1, 0, 0.9]])
    assert [part.tolist() for part in video.trail(path)] == [[[0, 0, 0], [0.1, 0, 0]], [[3, 0, 0], [3.1, 0, 0]]]


def test_near_bones_are_drawn_over_far_ones():
    points = np.full((17, 2), np.nan)
    points[[1, 2]], points[[4, 5]] = [[10, 10], [50, 50]], [[10, 50], [50, 10]]  # right and left thigh cross
    for near, colour in (([1, 2], figures.RIGHT), ([4, 5], figures.LEFT)):
        depths = np.ones(17)
        depths[near] = 0
        image = np.zeros((64, 64, 3), np.uint8)
        video.draw_skeleton(image, points, depths=depths)
        assert tuple(image[29, 29, ::-1].tolist()) == rgb(colour)


@pytest.mark.parametrize("size", [(1768, 994), (994, 1768), (90, 60)])
def test_picture_is_cut_out_to_a_pixel(size):
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    image = np.stack([x / size[0] * 250, y / size[1] * 250, np.zeros_like(x)], -1).astype(np.uint8)
    square = np.array([size[0] / 2, size[1] / 2, 0.8 * min(size)])
    panel = video._cut_out(image, square)
    scale = video.SIDE_PX / square[2]
    for u, v in ((10.5, 20.5), (160.5, 160.5), (300.5, 100.5)):
        seen = (np.array([u, v]) - video.SIDE_PX / 2) / scale + square[:2]
        np.testing.assert_allclose(panel[int(v), int(u), :2], seen / size * 250, atol=1.5)


def test_outside_the_picture_there_is_nothing():
    panel = video._cut_out(np.zeros((40, 100, 3), np.uint8), np.array([50.0, 20.0, 100.0]))
    assert (panel[0] == 246).all() and not panel[160, 2:-2].any()
