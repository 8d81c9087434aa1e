"""People for tests: bright upright rectangles, whom a finder sees as they are and a detector of keypoints too."""

import cv2
import numpy as np

from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.people_finder import People
from pose3d.records.keypoints2d import Keypoints2D

SPREAD = np.random.default_rng(0).uniform(0, 1, (17, 2))
SPREAD[:4] = [[0, 0], [1, 1], [0, 1], [1, 0]]


def look(images_bgr, boxes_px):
    """Joints all over the boxes, sure where the picture is bright in them."""
    sides = boxes_px[:, None, 2:] - boxes_px[:, None, :2]
    keypoints_px = boxes_px[:, None, :2] + SPREAD * sides
    sure = []
    for image, (x0, y0, x1, y1) in zip(images_bgr, boxes_px.astype(int), strict=True):
        sure.append(image[y0:y1, x0:x1].mean() / 255 if x0 < x1 and y0 < y1 else 0.0)
    return Keypoints2D(keypoints_px.astype(np.float32), np.tile(np.array(sure, np.float32)[:, None], 17))


class Finder:
    """Finds each bright part of a picture that is large in one of the boxes or squares in which it is asked to look.

    Attributes:
        searched: how many squares were searched in each frame so far.
        together: how many frames were looked at together each time.
    """

    def __init__(self, look=look):
        self.searched, self.together, self._look = [], [], look

    def __call__(self, images_bgr, expected_px, searched):
        self.together.append(len(images_bgr))
        return [self._find(*frame) for frame in zip(images_bgr, expected_px, searched, strict=True)]

    def beside(self, image_bgr, box_px, known):
        """Who is in a box and nobody of those known."""
        people = self._see(image_bgr, box_px[None], np.empty((0, 4)))
        return people.rows(np.flatnonzero(box_overlaps(people.boxes_px, known.boxes_px).max(1, initial=0) < 0.5)[:1])

    def _find(self, image_bgr, expected_px, searched):
        self.searched.append(len(searched))
        return self._see(image_bgr, expected_px, searched)

    def _see(self, image_bgr, expected_px, searched):
        _, _, parts, _ = cv2.connectedComponentsWithStats((image_bgr.max(2) > 100).astype(np.uint8))
        boxes_px = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in parts[1:]], float).reshape(-1, 4)
        middles, heights = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2, boxes_px[:, 3] - boxes_px[:, 1]
        seen = np.zeros(len(boxes_px), bool)
        sides = 1.25 * (expected_px[:, 3] - expected_px[:, 1])
        expected = np.column_stack([(expected_px[:, :2] + expected_px[:, 2:]) / 2, sides])
        for x, y, side in np.concatenate([expected, searched[:, :3]]):
            seen |= (np.abs(middles - [x, y]).max(1) < side / 2) & (heights > side / 4)
        boxes_px, middles = boxes_px[seen], middles[seen]
        order = np.argsort(middles[:, 0])
        colours = np.array([image_bgr[int(y), int(x)] for x, y in middles], float).reshape(-1, 3) // 64
        worn = (colours[:, :, None] == np.arange(4)).reshape(-1, 12) / np.sqrt(3)
        keypoints = self._look([image_bgr] * len(order), boxes_px[order]) if len(order) else look([], boxes_px)
        guessed = np.zeros(len(order), bool)
        return People(boxes_px[order], worn[order], keypoints.keypoints_px, keypoints.confidence, guessed)
