import numpy as np

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.predict.erasing import erase

HEIGHTS = {
    "Head": 16, "Neck/Nose": 30, "Thorax": 40, "Spine": 60, "Shoulder": 40, "Elbow": 60, "Wrist": 80,
    "Hip": 80, "Knee": 110, "Foot": 140,
}  # fmt: skip


def standing(x):
    """(17, 2) joints of somebody who stands at x, 140 px high."""
    sides = {"L": 10.0, "R": -10.0}
    return np.array(
        [(x, HEIGHTS[name]) if name in HEIGHTS else (x + sides[name[0]], HEIGHTS[name[1:]]) for name in JOINT_NAMES]
    )


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
    np.testing.assert_array_equal(erase(image, np.empty((0, 17, 2))), image)
    np.testing.assert_array_equal(erase(image, standing(1000.0)[None]), image)
