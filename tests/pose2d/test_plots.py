import cv2
import numpy as np
import pytest
from people import camera_ring, take

from pose3d.pose2d.plots import save_learning_curve, save_pck_curve, save_predictions
from pose3d.show.figures import LEFT, RIGHT, TRUNK, TRUTH, TRUTH_LEFT, TRUTH_RIGHT

ROWS = [
    {"epoch": 0.5, "train_loss": 6.8},
    {"epoch": 1, "train_loss": 4.2, "measured_loss": 3.4, "measured_pck": 0.74},
    {"epoch": 2, "train_loss": 3.4, "measured_loss": 2.5, "measured_pck": 0.85},
]


def pixels(path, colour):
    """How many pixels of a picture have exactly a colour."""
    return (cv2.imread(str(path))[..., ::-1] == list(bytes.fromhex(colour.removeprefix("#")))).all(-1).sum()


def test_detections_are_coloured_by_side_over_the_truth_in_greys(tmp_path):
    sequence = take("S9", "Walk-1", 1, camera_ring(1))[0]
    truth = sequence.keypoints_px[[0]] * 0.128  # of 1000 px, now of a crop of 128 px
    save_predictions([np.zeros((128, 128, 3), np.uint8)], truth + [[[30, 0]]], truth, tmp_path / "a.png")
    for colour in (RIGHT, LEFT, TRUNK, TRUTH_RIGHT, TRUTH_LEFT, TRUTH):
        assert pixels(tmp_path / "a.png", colour) > 5


@pytest.mark.parametrize("rows", [ROWS, ROWS[:2]])
def test_curves_are_drawn_and_their_bytes_repeat(tmp_path, rows):
    errors = np.random.default_rng(0).uniform(0, 0.2, (50, 17))
    for name in "ab":
        save_learning_curve(rows, "validation subjects", tmp_path / f"{name}1.png")
        save_pck_curve(errors, "validation subjects", tmp_path / f"{name}2.png")
    for number in "12":
        assert (tmp_path / f"a{number}.png").read_bytes() == (tmp_path / f"b{number}.png").read_bytes()
        assert pixels(tmp_path / f"a{number}.png", TRUNK) > 100
