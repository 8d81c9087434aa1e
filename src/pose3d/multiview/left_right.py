"""Left and right, settled between views and over time: where a view has taken one for the other, they change places.

From behind, a person looks much like from the front, and a network that is unsure of the side is so for a whole body or
for its legs or arms. Three things tell: the views must triangulate, a body cannot turn round between two frames, and
most views of most frames are right. The last is an assumption, and the weak point: a network that is wrong more often
than not has its own errors confirmed, because sides that are exchanged in all views at all times agree perfectly.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import LEFT_JOINTS, RIGHT_JOINTS
from pose3d.multiview.finding import FoundPerson, support

_LEGS, _ARMS = slice(0, 3), slice(3, 6)
"""In LEFT_JOINTS and RIGHT_JOINTS, from hip or shoulder outwards."""


def with_settled_sides(
    cameras: Sequence[Camera], person: FoundPerson, threshold_px: float
) -> tuple[FoundPerson, np.ndarray]:
    """The person with sides settled, legs and arms each for themselves.

    Args:
        cameras: V of them.
        person: T frames of V views.
        threshold_px: of the triangulation, see :func:`pose3d.multiview.triangulation.triangulate`.

    Returns:
        The person, and (V, T, 2) True where a view's legs or arms have changed places.
    """
    exchanged = []
    for limbs in (_LEGS, _ARMS):
        left, right = list(LEFT_JOINTS[limbs]), list(RIGHT_JOINTS[limbs])
        swapped = _between_views(cameras, person, left, right, threshold_px)
        swapped ^= _over_time(
            cameras, _exchanged(person, swapped, left, right), swapped, left[0], right[0], threshold_px
        )
        person = _exchanged(person, swapped, left, right)
        exchanged.append(swapped)
    return person, np.stack(exchanged, axis=-1)


def _exchanged(person: FoundPerson, swapped: np.ndarray, left: list[int], right: list[int]) -> FoundPerson:
    """With (V, T) ``swapped`` choosing where the joints change places."""
    order = np.arange(person.confidence.shape[-1])
    order[left], order[right] = right, left
    return FoundPerson(
        np.where(swapped[..., None, None], person.keypoints_px[:, :, order], person.keypoints_px),
        np.where(swapped[..., None], person.confidence[:, :, order], person.confidence),
        person.boxes_px,
    )


def _between_views(
    cameras: Sequence[Camera], person: FoundPerson, left: list[int], right: list[int], threshold_px: float
) -> np.ndarray:
    """(V, T) True where a view's sides against those of the first view have more support exchanged.

    All ways to choose are tried, whose number doubles with each camera: two and two opposite views that contradict each
    other are a dead end for a search that exchanges one at a time.
    """
    joints = left + right
    swapped = np.zeros(person.confidence.shape[:2], bool)
    best = np.full(person.confidence.shape[1], -np.inf)
    for choice in product((False, True), repeat=len(cameras) - 1):
        tried = np.zeros_like(swapped)
        tried[1:] = np.array(choice)[:, None]
        limbs = _exchanged(person, tried, left, right)
        some = FoundPerson(limbs.keypoints_px[:, :, joints], limbs.confidence[:, :, joints], limbs.boxes_px)
        supported = support(cameras, some, threshold_px)
        better = supported > best
        swapped[:, better], best[better] = tried[:, better], supported[better]
    return swapped


def _over_time(
    cameras: Sequence[Camera], person: FoundPerson, swapped: np.ndarray, left: int, right: int, threshold_px: float
) -> np.ndarray:
    """(T,) True where all views must exchange their sides, so that the body turns slowly and most detections stay.

    Args:
        swapped: (V, T) what has been exchanged already.
        left, right: hips or shoulders.
    """
    points_m = person.triangulated(cameras, threshold_px).points_world_m
    axes_m = points_m[:, left] - points_m[:, right]
    votes = ((1 - 2.0 * swapped) * person.confidence.mean(-1)).sum(0)  # for leaving the frame's sides as they are
    signs, before = np.zeros(len(axes_m)), None
    for t, axis in enumerate(axes_m):
        if np.isfinite(axis).all():
            signs[t] = 1 if before is None or axis @ before >= 0 else -1
            before = signs[t] * axis
    if (signs * votes).sum() < 0:
        signs = -signs
    return np.where(signs == 0, votes < 0, signs < 0)
