"""Whether 2D keypoints without 3D are of the picture that their camera has, because nothing else would show it."""

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.layouts import layout
from pose3d.geometry.rotations import unit
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.outside_picture import CORNER_FRAMES, CORNER_SHARE, in_upper_left
from pose3d.records.sequences import PoseSequence
from pose3d.records.swapped_sides import swapped_points, turned_picture

_MIN_FRAMES, _MAX_FRAMES = 10, 200  # of a view: of fewer nothing is said, and no more are looked at
_MOST = 0.75
"""Share of a subject's sequences: people do lie and stand on their hands in some."""

_LEAST_SWAPPED, _SWAPPED = 3, 0.5
"""Sequences, and their share: cameras at the side of somebody do not tell left from right."""

_MISSED = 0.1
"""Of the person's size; of one detector's views it is 0.02, and 0.08 where points are 25 px off in people of 400."""
_LEAST_SINE = 0.1  # of the angle between lines of sight, because nearly parallel ones meet anywhere


class PictureDoubts:
    """What looks odd in each subject's sequences. It brings a question and no more."""

    def __init__(self) -> None:
        self._turned: dict[str, list[str | None]] = {}
        self._swapped: dict[str, list[str | None]] = {}
        self._in_corner: dict[str, list[np.ndarray]] = {}
        self._views: list[tuple[PoseSequence, Keypoints2D]] = []
        self._misses: dict[str, dict[tuple[str, str], list[float]]] = {}

    def note(self, sequence: PoseSequence, detected: Keypoints2D) -> None:
        """Add a sequence of which nothing is known but what was detected."""
        camera, seen = sequence.camera, detected.confidence > 0
        points_px = np.where(seen[..., None], detected.keypoints_px, np.nan)
        doubt = turned_picture(layout(detected.layout), points_px, camera.rotation[:, 2])
        self._turned.setdefault(sequence.subject, []).append(doubt)
        take = sequence.subject, sequence.action
        self._views = [one for one in self._views if (one[0].subject, one[0].action) == take]
        for other, of_other in self._views:
            miss = _miss(other.camera, of_other, camera, detected)
            if miss is not None:
                pairs = self._misses.setdefault(sequence.subject, {})
                pairs.setdefault((other.camera.id, camera.id), []).append(miss)
        self._views.append((sequence, detected))
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
            missed = {
                pair: float(np.median(misses))
                for pair, misses in self._misses.get(subject, {}).items()
                if np.mean(np.array(misses) > _MISSED) >= _MOST
            }
            if missed:
                (one, other), miss = max(missed.items(), key=lambda item: item[1])
                others = f", as do those of {len(missed) - 1} other pairs of cameras" if len(missed) > 1 else ""
                said.append(
                    f"{subject}: lines of sight of cameras {one} and {other} to the same point miss each other by "
                    f"{100 * miss:.0f} % of the person's size in the median{others}: is each view its camera's own, in "
                    "px of its picture, and of the same moments?"
                )
            counts = np.concatenate(self._in_corner[subject])
            if len(counts) >= CORNER_FRAMES and counts[:, 0].sum() >= CORNER_SHARE * counts[:, 1].sum():
                said.append(
                    f"{subject}: all 2D keypoints lie in the upper left quarter of the picture: were they found in a "
                    "smaller picture? Then give px of the camera's"
                )
        return said


def _miss(camera: Camera, detected: Keypoints2D, other: Camera, of_other: Keypoints2D) -> float | None:
    """By how much lines of sight of two cameras miss each other, as a share of the person's size; None: unknown."""
    n_frames = min(len(detected.confidence), len(of_other.confidence))
    frames = np.unique(np.linspace(0, max(n_frames - 1, 0), _MAX_FRAMES).astype(int))[:n_frames]
    seen = (detected.confidence[frames] > 0) & (of_other.confidence[frames] > 0)
    plane, lines = _lines_of_sight(camera, detected.keypoints_px[frames])
    _, of_the_other = _lines_of_sight(other, of_other.keypoints_px[frames])
    across = np.cross(lines, of_the_other)
    sines = np.linalg.norm(across, axis=-1)
    seen &= sines > _LEAST_SINE
    if seen.any(1).sum() < _MIN_FRAMES:
        return None
    between_m = other.position_m - camera.position_m
    apart_m = np.abs(across @ between_m)[seen] / sines[seen]
    away_m = np.abs((np.cross(between_m, of_the_other) * across).sum(-1))[seen] / sines[seen] ** 2
    size = np.median(np.ptp(plane, axis=1).max(-1))
    return float(np.median(apart_m / away_m) / size)


def _lines_of_sight(camera: Camera, points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, K, 2) on the plane at depth 1, and (T, K, 3) unit vectors in the world."""
    plane = camera.normalize(points_px.astype(np.float64))
    return plane, unit(np.concatenate([plane, np.ones_like(plane[..., :1])], -1)) @ camera.rotation
