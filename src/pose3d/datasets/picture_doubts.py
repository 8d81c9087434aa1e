"""Whether 2D keypoints without 3D are of the picture that their camera has, because nothing else would show it."""

import numpy as np

from pose3d.geometry.layouts import layout
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.outside_picture import CORNER_FRAMES, CORNER_SHARE, in_upper_left
from pose3d.records.sequences import PoseSequence
from pose3d.records.swapped_sides import swapped_points, turned_picture

_MOST = 0.75
"""Share of a subject's sequences: people do lie and stand on their hands in some."""

_LEAST_SWAPPED, _SWAPPED = 3, 0.5
"""Sequences, and their share: cameras at the side of somebody do not tell left from right."""


class PictureDoubts:
    """What looks odd in each subject's sequences. It brings a question and no more."""

    def __init__(self) -> None:
        self._turned: dict[str, list[str | None]] = {}
        self._swapped: dict[str, list[str | None]] = {}
        self._in_corner: dict[str, list[np.ndarray]] = {}

    def note(self, sequence: PoseSequence, detected: Keypoints2D) -> None:
        """Add a sequence of which nothing is known but what was detected."""
        camera, seen = sequence.camera, detected.confidence > 0
        points_px = np.where(seen[..., None], detected.keypoints_px, np.nan)
        doubt = turned_picture(layout(detected.layout), points_px, camera.rotation[:, 2])
        self._turned.setdefault(sequence.subject, []).append(doubt)
        swapped = swapped_points(layout(detected.layout), points_px, detected.confidence)
        self._swapped.setdefault(sequence.subject, []).append(swapped)
        corner = in_upper_left(points_px, camera.width_px, camera.height_px)
        self._in_corner.setdefault(sequence.subject, []).append(
            np.stack([corner.sum(1), seen.sum(1)], 1)[seen.any(1)]  # of each frame with points
        )

    def sentences(self) -> list[str]:
        """A question for each subject that needs one."""
        said = []
        for subject, doubts in self._turned.items():
            for doubt in sorted({one for one in doubts if one is not None}):
                if doubts.count(doubt) >= _MOST * len(doubts):
                    said.append(
                        f"{subject}: {doubt}, in {doubts.count(doubt):,} of {len(doubts):,} sequences without 3D: do "
                        "the 2D keypoints have x to the right and then y downwards, in the camera's own picture?"
                    )
            swapped, n_all = self._swapped[subject], len(doubts)
            for doubt in sorted({one for one in swapped if one is not None}):
                if (n := swapped.count(doubt)) >= max(_LEAST_SWAPPED, _SWAPPED * n_all):
                    said.append(
                        f"{subject}: {doubt}, in {n:,} of {n_all:,} sequences without 3D: are the 2D keypoints in the "
                        "order of their layout?"
                    )
            counts = np.concatenate(self._in_corner[subject])
            if len(counts) >= CORNER_FRAMES and counts[:, 0].sum() >= CORNER_SHARE * counts[:, 1].sum():
                said.append(
                    f"{subject}: all 2D keypoints lie in the upper left quarter of the picture: were they found in a "
                    "smaller picture? Then give px of the camera's"
                )
        return said
