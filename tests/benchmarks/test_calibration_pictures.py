import cv2
import numpy as np
import pytest
from people import camera_ring

from benchmarks.calibration_pictures import fitted_lens, mark_px, mark_residuals_px, video_of_picture


def test_a_lens_is_found_from_boards():
    lens = np.array([[1670.0, 0, 540], [0, 1672, 950], [0, 0, 1]])
    distortion = np.array([-0.05, 0.13, 0.0005, -0.0003, 0])
    board_m = np.pad(0.06 * np.mgrid[:4, :7].T.reshape(-1, 2), [(0, 0), (0, 1)]).astype(np.float32)
    turns = [[0.4, 0, 0], [-0.4, 0.2, 0.1], [0, 0.5, 1], [0.2, -0.5, 2], [0.3, 0.3, 0.5]]
    boards = [
        cv2.projectPoints(board_m, np.array(turn), np.array([-0.1, -0.2 + 0.1 * i, 1.2]), lens, distortion)[0]
        for i, turn in enumerate(turns)
    ]
    rms, found, bent = fitted_lens([board.astype(np.float32) for board in boards], (1088, 1920))
    assert rms < 0.01
    np.testing.assert_allclose(found, lens, atol=1)
    np.testing.assert_allclose(bent, distortion[:4], atol=5e-3)


def test_a_mark_is_found_to_a_tenth_of_a_px():
    image = np.full((60, 60, 3), 60, np.uint8)
    image[20:23, 31:34] = 250  # px 20 to 22 and 31 to 33: centre at 21.5, 32.5
    image[12:14, 24:26] = 250  # another one further away
    np.testing.assert_allclose(mark_px(image, (30, 22)), [32.5, 21.5], atol=0.1)


def test_a_scaled_and_shifted_picture_is_seen_as_one():
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (400, 300, 3)).astype(np.uint8), (0, 0), 3)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)
    to_frame = np.array([[0.99, 0, 0], [0, 0.99, 7.0]])
    # OpenCV's pixel centres are whole numbers, here they are at +0.5.
    frame = cv2.warpAffine(picture, to_frame + [[0, 0, -0.005], [0, 0, -0.005]], (300, 410))
    np.testing.assert_allclose(video_of_picture(picture, frame), to_frame, atol=0.5)
    assert video_of_picture(picture, frame)[0, 0] == pytest.approx(0.99, abs=2e-3)


def test_marks_lie_where_true_cameras_see_them():
    cameras = camera_ring(4)
    points_m = np.array([[0.5, 0.5, 0], [-0.5, 0.5, 0]])
    marks_px = np.stack([camera.project(camera.world_to_camera(points_m)) for camera in cameras])
    assert mark_residuals_px(cameras, marks_px).max() < 1e-4
