import numpy as np
import torch

from pose3d.pose2d.blazepose_people import INPUT_PX, PersonDetector, anchors, merge


def test_people_who_overlap_are_one_or_two():
    """Boxes that share a third of what they cover together."""
    boxes = np.array([[0.0, 0, 20, 10], [10.0, 0, 30, 10]])
    scores, keypoints = np.array([0.9, 0.6]), np.zeros((2, 4, 2))
    assert len(merge(scores, boxes, keypoints)[0]) == 1
    kept = merge(scores, boxes, keypoints, max_overlap=0.5)
    np.testing.assert_array_equal(kept[1], boxes)


def test_people_are_found_in_a_part_of_a_picture():
    """A network that is sure of one anchor gives px of the picture, for any place and size of the square."""
    index = 1000

    def network(images):
        values, logits = (
            torch.zeros(len(images), len(anchors()), 12),
            torch.full((len(images), len(anchors()), 1), -9.0),
        )
        values[:, index, 2:4], logits[:, index] = 20.0, 9.0
        return values, logits

    detector = PersonDetector(network, torch.device("cpu"))
    images = [np.zeros((300, 400, 3), np.uint8)] * 2
    squares = np.array([[100.0, 100, INPUT_PX, 0], [200.0, 150, 2 * INPUT_PX, 0]])
    first, second = detector.in_squares(images, squares)
    np.testing.assert_allclose(first.hips_px, [anchors()[index] - INPUT_PX / 2 + 100])
    np.testing.assert_allclose(second.hips_px, [2 * (anchors()[index] - INPUT_PX / 2) + [200, 150]])
    np.testing.assert_allclose(second.boxes_px[0, 2:] - second.boxes_px[0, :2], [40, 40])
