import numpy as np

from pose3d.pose2d.blazepose import LANDMARK_NAMES
from pose3d.predict.erasing import erase

HEIGHTS = {
    "ear": 20, "shoulder": 40, "elbow": 60, "wrist": 80, "index": 84,
    "hip": 80, "knee": 110, "ankle": 140, "heel": 143, "foot_index": 143,
}  # fmt: skip


def standing(x):
    """(33, 2) landmarks of somebody who stands at x, 140 px high."""
    body = np.tile([float(x), 18.0], (33, 1))
    for index, name in enumerate(LANDMARK_NAMES):
        side, _, part = name.partition("_")
        if part in HEIGHTS:
            body[index] = [x + (10 if side == "left" else -10), HEIGHTS[part]]
    return body


def test_a_body_goes_and_its_surroundings_go_on():
    """A wall that gets brighter to the right, and a thin white person before it; who stands beside is not touched."""
    wall = np.tile(np.linspace(40, 120, 200).round().astype(np.uint8)[None, :, None], (160, 1, 3))
    image = wall.copy()
    image[20:80, 88:112] = 255
    image[80:140, 88:93] = image[80:140, 108:113] = 255
    image[20:140, 160:180] = 0
    before = image.copy()
    erased = erase(image, standing(100)[None])
    np.testing.assert_allclose(erased[42:138, 60:150].astype(int), wall[42:138, 60:150].astype(int), atol=1)
    np.testing.assert_array_equal(erased[:, 150:], image[:, 150:])
    np.testing.assert_array_equal(image, before)


def test_nobody_and_somebody_beside_the_picture():
    image = np.random.default_rng(0).integers(0, 255, (160, 200, 3), np.uint8)
    np.testing.assert_array_equal(erase(image, np.empty((0, 33, 2))), image)
    np.testing.assert_array_equal(erase(image, standing(1000.0)[None]), image)
