import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from people import camera_ring, population, take, write_data

from pose3d import figures, video
from pose3d.errors import InputError
from pose3d.metrics import root_relative
from pose3d.skeleton import JOINT_NAMES


@pytest.fixture(scope="module")
def sequence():
    return take("S9", "Walk-1", 8, camera_ring(1))[0]


def text_of(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_right_is_red_left_is_blue_trunk_is_neither():
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        red, _, blue = to_rgb(figures.bone_colour(joint))
        if name[0] == "R":
            assert red > 2 * blue
        elif name.startswith("L"):
            assert blue > 2 * red
        else:
            assert red == blue


def test_save_png_gives_the_same_bytes_and_no_version(tmp_path):
    contents = []
    for name in ("a.png", "b.png"):
        figure = figures.pck3d_figure(pd.DataFrame({"repnet": [0, 50.0]}, index=[0, 150]))
        figures.save_png(figure, tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert b"atplotlib" not in contents[0]


def test_pose_3d_is_upright_with_equal_axes(sequence):
    axes = Figure().add_subplot(projection="3d")
    pose = root_relative(sequence.poses_cam_m[0])
    figures.draw_pose_3d(axes, pose, pose)
    spans = [np.ptp(limits) for limits in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]
    np.testing.assert_allclose(spans, spans[0])
    truth, drawn = axes.lines[:16], axes.lines[16:]
    assert {line.get_color() for line in truth} == {figures.TRUTH}  # first, so that the prediction stands over it
    assert {line.get_color() for line in drawn} == {figures.RIGHT, figures.LEFT, figures.TRUNK}
    heights = {joint: drawn[joint - 1].get_data_3d()[2][1] for joint in (3, 6, 10)}
    assert heights[10] > 0 > max(heights[3], heights[6])  # head above the hip, feet below


def test_panel_titles_and_cells(sequence):
    truth = root_relative(sequence.poses_cam_m[0])
    row = {
        "title": "Walk, cam0",
        "image_rgb": np.zeros((1000, 1000, 3), np.uint8),
        "keypoints_px": sequence.keypoints_px[0],
        "box_px": sequence.boxes_px[0],
        "truth_m": truth,
        "methods": {"repnet": (truth * 1.1, 63.4), "temporal": (truth, 0.0)},
    }
    figure = figures.panel([row, row])
    assert text_of(figure) == 2 * ["Walk, cam0", "single frame, 63 mm", "temporal, 0 mm", "ground truth"]


def test_error_over_time_figure_has_both_curves():
    columns = ["repnet_mpjpe_mm", "repnet_accel_error_mm", "temporal_mpjpe_mm", "temporal_accel_error_mm"]
    table = pd.DataFrame({"time_s": [0, 0.04, 0.08]} | {name: [np.nan, 1, np.nan] for name in columns})
    upper, lower = figures.error_over_time_figure(table, "S9/Walk-1/cam0").axes
    assert (
        [line.get_label() for line in upper.lines]
        == ["single frame", "temporal"]
        == [line.get_label() for line in lower.lines]
    )


def test_reproject_draws_a_joint_behind_the_camera_instead_of_failing(sequence):
    np.testing.assert_allclose(
        figures.reproject(sequence.camera, sequence.poses_cam_m), sequence.camera.project(sequence.poses_cam_m)
    )
    assert np.isfinite(figures.reproject(sequence.camera, -sequence.poses_cam_m)).all()


def frames_of(sequence, images):
    poses = {"temporal": sequence.poses_cam_m, "ground truth": sequence.poses_cam_m}
    return list(video.side_by_side(images, sequence.keypoints_px, sequence.boxes_px, poses))


def test_video_frames_show_the_skeleton_on_the_person(tmp_path, sequence):
    # One white dot at every true joint: the overlay must cover it, in the crop as in the full image.
    images = [np.zeros((1000, 1000, 3), np.uint8) for _ in range(len(sequence))]
    frames = frames_of(sequence, images)
    assert len(frames) == len(sequence)
    assert frames[0].shape == (video.SIDE_PX + video.HEADER_PX, 3 * video.SIDE_PX, 3)
    centre_x, centre_y, side = video.clip_square(sequence.boxes_px)
    scale = video.SIDE_PX / side
    for frame, keypoints in zip(frames, sequence.keypoints_px, strict=True):
        for joint in range(17):
            x = int((keypoints[joint, 0] - centre_x) * scale + video.SIDE_PX / 2)
            y = int((keypoints[joint, 1] - centre_y) * scale + video.SIDE_PX / 2) + video.HEADER_PX
            assert frame[y - 1 : y + 2, x - 1 : x + 2].max() > 40
    np.testing.assert_array_equal(frames[0][40:, 320:640], frames[0][40:, 640:])  # equal poses look equal


def test_view_keeps_right_angles_and_lengths_and_stands_upright():
    np.testing.assert_allclose(video._VIEW @ video._VIEW.T, np.eye(2), atol=1e-12)
    low, high, far = video.view_px(np.array([[0, 0.5, 0], [0, -0.5, 0], [0, 0, 1.0]]), np.zeros(3), 1.0)
    assert high[1] < low[1]
    assert far[0] > video.SIDE_PX / 2 and far[1] < video.SIDE_PX / 2  # seen from the right and above, as in the panel


def test_video_is_readable_and_its_bytes_repeat(tmp_path, sequence):
    images = [np.full((1000, 1000, 3), 128, np.uint8)] * len(sequence)
    frames = frames_of(sequence, images)
    for name in ("a.mp4", "b.mp4"):
        video.write_mp4(tmp_path / name, iter(frames), 25.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(sequence)
    assert capture.get(cv2.CAP_PROP_FPS) == 25
    decoded = capture.read()[1]
    assert np.abs(decoded.astype(int) - frames[0]).mean() < 6  # lossy


def test_a_failing_video_leaves_nothing(tmp_path, sequence):
    def breaks():
        yield np.zeros((64, 64, 3), np.uint8)
        raise InputError("frame 1 is not a readable image")

    with pytest.raises(InputError):
        video.write_mp4(tmp_path / "a.mp4", breaks(), 25.0)
    with pytest.raises(ValueError, match="no frames"):
        video.write_mp4(tmp_path / "a.mp4", iter([]), 25.0)
    assert list(tmp_path.iterdir()) == []


def test_a_video_cut_short_by_a_full_disk_is_refused(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, path, *_):
            self.path = path

        def isOpened(self):
            return True

        def write(self, frame):
            pass

        def release(self):
            with open(self.path, "wb") as file:
                file.write(b"cut off")

    monkeypatch.setattr(cv2, "VideoWriter", FullDisk)
    monkeypatch.setattr(cv2, "VideoWriter_fourcc", lambda *_: 0, raising=False)
    with pytest.raises(InputError, match="could not be written whole"):
        video.write_mp4(tmp_path / "a.mp4", iter([np.zeros((64, 64, 3), np.uint8)]), 25.0)
    assert list(tmp_path.iterdir()) == []


def test_people_can_be_written(tmp_path):
    write_data(tmp_path, population(2, ("Walk-1",)))
    assert {path.name for path in tmp_path.iterdir()} == {"sequences.h5", "keypoints2d.h5", "frames.h5"}
