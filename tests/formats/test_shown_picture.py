import numpy as np
import pytest
from people import camera_ring

from pose3d.formats.shown_picture import ShownPicture

TURNS = {"as it is": ((1, 0), (0, 1)), "clockwise": ((0, -1), (1, 0)), "mirrored": ((-1, 0), (0, 1))}
PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        (((1, 0), (0, 1)), [[0, 1, 2], [3, 4, 5]]),
        (((-1, 0), (0, 1)), [[2, 1, 0], [5, 4, 3]]),
        (((1, 0), (0, -1)), [[3, 4, 5], [0, 1, 2]]),
        (((-1, 0), (0, -1)), [[5, 4, 3], [2, 1, 0]]),
        (((0, -1), (1, 0)), [[3, 0], [4, 1], [5, 2]]),
        (((0, 1), (-1, 0)), [[2, 5], [1, 4], [0, 3]]),
        (((0, 1), (1, 0)), [[0, 3], [1, 4], [2, 5]]),
        (((0, -1), (-1, 0)), [[5, 2], [4, 1], [3, 0]]),
    ],
)
def test_all_eight_ways_to_show_a_picture(matrix, seen):
    shown = ShownPicture((3, 2), np.array(matrix))
    picture = shown.show(np.repeat(PICTURE[..., None], 3, 2))
    assert picture[..., 0].tolist() == seen
    assert shown.size_px == shown.turned_px == picture.shape[1::-1]
    assert shown.mirrored == (np.linalg.det(matrix) < 0)


@pytest.mark.parametrize("turn", TURNS)
def test_a_point_of_a_calibrated_camera_stays_on_its_px(turn):
    """The camera sees the turned picture; a bright px that it projects onto lies there in the shown one as well."""
    matrix = np.array(TURNS[turn])
    shown = ShownPicture((1000, 600), matrix, (100, 40, 900, 520), 1.5)
    assert shown.size_px == {"clockwise": (480, 1200)}.get(turn, (1200, 480))
    camera = camera_ring(1)[0]
    width, height = shown.turned_px
    camera = type(camera)(
        "c", width, height, camera.intrinsics_px, camera.distortion, camera.rotation, camera.translation_m
    )
    point_m = np.array([[(300.5 - camera.intrinsics_px[0, 2]), 250.5 - camera.intrinsics_px[1, 2], 1]])
    point_m[:, :2] /= np.diag(camera.intrinsics_px)[:2]
    plain = type(camera)("c", width, height, camera.intrinsics_px, np.zeros(5), camera.rotation, camera.translation_m)
    turned = np.zeros((height, width, 3), np.uint8)
    turned[250, 300] = 255
    to_x, to_y = matrix.sum(1)
    stored = turned[:: int(to_y), :: int(to_x)]
    stored = stored if matrix[0, 0] else stored.swapaxes(0, 1)
    picture = shown.show(np.ascontiguousarray(stored))
    bright = np.argwhere(picture[..., 0] > 100)
    expected = shown.camera(plain).project(point_m)[0]
    assert np.abs(bright[:, ::-1] + 0.5 - expected).max() < 1
    assert (shown.camera(plain).width_px, shown.camera(plain).height_px) == shown.size_px


def test_a_camera_of_the_shown_size_or_of_another_stays():
    shown = ShownPicture((500, 1000), np.eye(2, dtype=int), None, 2.0)
    camera = camera_ring(1)[0]
    assert (camera.width_px, camera.height_px) == shown.size_px == (1000, 1000)
    assert shown.camera(camera) is camera
    assert ShownPicture((640, 480), np.eye(2, dtype=int)).camera(camera) is camera


def test_px_that_are_nearly_square_are_left_alone():
    assert ShownPicture((1920, 1080), np.eye(2, dtype=int), None, 1.002).size_px == (1920, 1080)
