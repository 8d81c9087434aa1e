import numpy as np

from pose3d.geometry.boxes import box_overlaps


def test_overlaps_by_hand():
    first, second = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30], [0, 0, 10, 10]])
    np.testing.assert_allclose(box_overlaps(first, second), [[50 / 150, 0, 1]])
