"""In place of a detector: true boxes as a detector would give them, to judge the tracker alone and in seconds."""

from collections.abc import Iterable, Iterator

import numpy as np

from benchmarks.crossings.scenes import SceneFrame
from pose3d.geometry.boxes import box_overlaps
from pose3d.predict.camera_motion import CameraMotion
from pose3d.predict.clothes import clothes
from pose3d.predict.person_tracker import PersonTracker, Sightings

_FOUND = ((0.8, 0.97), (0.5, 0.8), (0.2, 0.5))
"""How likely it is that somebody is found of whom more than a share is seen; below the last one nobody is."""
_BOX_SD, _KEYPOINTS_SD = 0.025, 0.015  # of the height
_MERGED, _MERGED_OVERLAP = 0.4, 0.45  # how likely it is that two people who overlap more get one box
_FALSE = 0.02  # of frames with a person who is none
_TRUNK_AND_THIGHS = ([11, 14], [4, 1], [5, 2])  # shoulders, hips, knees, left and right
_FALSE_SIZE_PX = np.array([50.0, 120.0])


class StandIn:
    """Tracks people from disturbed truth.

    Args:
        seed: of the disturbances.

    Attributes:
        tracker: what is judged.
    """

    def __init__(self, seed: int) -> None:
        self.tracker = PersonTracker()
        self._rng, self._motion = np.random.default_rng(seed), CameraMotion()
        self._before = np.empty((0, 4))

    def follow(self, frames: Iterable[SceneFrame]) -> Iterator[tuple[SceneFrame, np.ndarray, Sightings]]:
        """Show the tracker all frames in their order; yields each with the numbers (N,) of people, and who is seen."""
        for frame in frames:
            yield frame, *self._step(frame)

    def _step(self, frame: SceneFrame) -> tuple[np.ndarray, Sightings]:
        self.tracker.predict(frame.time_s, self._motion.step(frame.image_bgr, self._before))
        self._before = frame.boxes_px
        rng, boxes, worn = self._rng, [], []
        overlaps = box_overlaps(frame.boxes_px, frame.boxes_px) - np.eye(len(frame.boxes_px))
        for person, box in enumerate(frame.boxes_px):
            seen, height_px = frame.seen[person], box[3] - box[1]
            if rng.random() > next((likely for share, likely in _FOUND if seen > share), 0.0):
                continue
            nearest = overlaps[person].argmax()
            if seen < 0.8 and overlaps[person, nearest] > _MERGED_OVERLAP and rng.random() < _MERGED:
                other = frame.boxes_px[nearest]
                box = np.concatenate([np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])])
            boxes.append(box + rng.normal(0, _BOX_SD * height_px, 4))
            body = frame.keypoints_px[person] + rng.normal(0, _KEYPOINTS_SD * height_px, (17, 2))
            worn.append(clothes(frame.image_bgr, *(body[part] for part in _TRUNK_AND_THIGHS)))
        if rng.random() < _FALSE:
            corner = rng.uniform(0, 1, 2) * (np.array(frame.image_bgr.shape[1::-1]) - _FALSE_SIZE_PX)
            boxes.append(np.concatenate([corner, corner + _FALSE_SIZE_PX]))
            body = corner + rng.uniform(0, 1, (17, 2)) * _FALSE_SIZE_PX
            worn.append(clothes(frame.image_bgr, *(body[part] for part in _TRUNK_AND_THIGHS)))
        seen = Sightings(np.array(boxes).reshape(-1, 4), np.array(worn), np.zeros(len(boxes), bool))
        return self.tracker.assign(seen), seen
