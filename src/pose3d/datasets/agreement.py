"""Whether 2D keypoints that came with 3D poses are of the same camera, moments and sides.

Detectors err, so how far keypoints lie from where the poses project says little by itself: with left and right
exchanged it is a tenth of the person's size, and less if they begin a moment late. So it is asked as well whether
something else explains them clearly better. Most of the points that it puts elsewhere must then lie less than half as
far from there as from where the poses project. The median of all points must be halved too, once each explanation is
moved as a whole to where it fits best: so a calibration or poses that are off by a constant, and a detector that
lingers for a moment, are not taken for another moment.

Exchanged sides can be the detector's own: of people seen from behind, some exchange them through whole takes. All takes
of a subject are asked for those.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations

import numpy as np

from pose3d.geometry.layouts import OURS, carriers_of, layout
from pose3d.geometry.skeleton import LIMBS, mirror_permutation
from pose3d.records.detected_points import MIN_POINTS
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError

KEYPOINT_OFFSET = 0.2
"""Median over joints and frames, as a share of the person's size. Motion capture seen by Human3.6M's cameras: at most
0.03 for detections 7 px off, above 0.2 in 94 of 100 takes for keypoints of another camera."""
ELSEWHERE = 0.1
"""Of the person's size: so far apart must two places for a point be to be told apart."""
CLEARLY = 1 / 3
"""A point lies half as far from one of two places as from the other: its offset as a share of both offsets."""
MIN_FRAMES, MIN_SHARE = 10, 1 / 3
"""Frames in which :data:`MIN_POINTS` points must be told apart, and their share of those that are looked at."""
MAX_FRAMES = 200
"""Of a take, spread evenly, are looked at."""
LONGEST_SHIFT = 25
_USUAL_HZ = (25, 30, 50, 60, 100, 120)
_WHOLE_RATIOS = {Fraction(*pair) for n in range(2, 11) for pair in ((n, 1), (1, n))}
RATE_RATIOS = sorted({Fraction(*pair) for pair in permutations(_USUAL_HZ, 2)} | _WHOLE_RATIOS)
"""Of the keypoints' frame rate to that of the poses, where these differ: of two usual rates, or whole."""
_ORDINALS = {2: "second", 3: "third"}
MIN_SEQUENCES = 8
"""So many must all have one ratio of lengths for a question."""
LAG_S = 0.15
"""By less, detections that were smoothed as they came may lag behind, in quick takes."""
MIN_TOLD, MOST_TOLD = 3, 0.75
"""Sequences of a subject that must show their sides, and in which share of them they are exchanged."""
_SHIFTED_S = 0.25
_SHIFTED = 0.8
"""What is left of the distances, once each joint is moved to where it is in the mean, at a shift that counts."""
_SIZES = 0.04, 0.08
"""How far the size of keypoints is from that of projected poses for a question: of Human3.6M's joints, and of another
layout's points, which lie elsewhere on the body."""
_ALIKE = 0.98
"""Correlation of keypoints and projected poses about their middles, of whose sizes something can be said."""
_EXCHANGES = (tuple(LIMBS), *zip(LIMBS, strict=True))
"""Limbs of which left and right may be exchanged: of all, or of one kind."""


def check_agreement(
    key: str,
    sequence: PoseSequence,
    detected: Keypoints2D,
    views: Sequence[PoseSequence],
    lengths: tuple[int, int] | None = None,
) -> None:
    """Refuse keypoints of another camera, moment, frame rate or take.

    Args:
        key: the file and the sequence, for messages.
        sequence: T frames, with true keypoints.
        detected: T frames.
        views: the same take as other cameras see it.
        lengths: frames of the poses and of the keypoints, before the longer was cut; None: it is not known.

    Raises:
        InputError: says what fits better, and what to do.
    """
    compared = _Compared(sequence, detected)
    if compared.may_lie_elsewhere:
        others = list(_others(sequence, detected.layout, views))
        if any(said is not None and compared.fits_clearly_better(*other) for said, *other in others):
            said = min(others, key=lambda other: compared.stray(*other[1:]))[0]
            if said is not None:
                raise InputError(f"{key}: the 2D keypoints {said}")
    person_px = (sequence.boxes_px[:, 2:] - sequence.boxes_px[:, :2]).max(-1).astype(np.float64)
    points, joints = layout(detected.layout).shared
    offset_px = np.linalg.norm(detected.keypoints_px[:, points] - sequence.keypoints_px[:, joints], axis=-1)
    seen = detected.confidence[:, points] > 0
    if seen.any() and np.median((offset_px / person_px[:, None])[seen]) > KEYPOINT_OFFSET:
        ratio = None if lengths is None else next((one for one in RATE_RATIOS if _is_ratio(one, *lengths)), None)
        by_number = "" if ratio is None else f"by their number they {_said_of_rates(ratio)}; else "
        size = size_ratio(sequence, detected)
        by_size = ""
        if size is not None and abs(size - 1) > max(_SIZES):
            by_size = f"they are {size:.3g} times as large, as in a picture of another size; else "
        frames, px = np.arange(len(sequence)), sequence.keypoints_px
        is_exchanged = any(compared.fits_clearly_better(_exchanged(px, *limbs), frames) for limbs in _EXCHANGES)
        by_side = "with left and right exchanged they fit; else " if is_exchanged else ""
        raise InputError(
            f"{key}: the 2D keypoints lie {float(np.median(offset_px[seen])):.0f} px from where the 3D poses project: "
            f"{by_side}{by_number}{by_size}they are of another camera or take, mirrored, of joints in another order, "
            "or not in px"
        )


def said_of_lengths(lengths: Sequence[tuple[int, int]]) -> str | None:
    """A question, where keypoints of all sequences are fewer or more than the poses by one whole factor; None: none.

    Args:
        lengths: frames of the poses and of the keypoints, of each sequence, before the longer was cut.

    Example:
        >>> said_of_lengths([(200, 67), (301, 101)] * 4)
        'the 2D keypoints of all 8 sequences, by their number, are of every third 3D pose: are both at one frame rate?'
        >>> said_of_lengths([(200, 67), (301, 250)] * 4)
    """
    if len(lengths) < MIN_SEQUENCES:
        return None
    for ratio in sorted(_WHOLE_RATIOS):
        if all(_is_ratio(ratio, *one) for one in lengths):
            said = f"by their number, {_said_of_rates(ratio)}: are both at one frame rate?"
            return f"the 2D keypoints of all {len(lengths):,} sequences, {said}"
    return None


def _is_ratio(ratio: Fraction, n_poses: int, n_keypoints: int) -> bool:
    """Whether keypoints and poses of so many frames last as long, within one frame of the lower rate.

    By their number a few frames are of any two rates; so they must differ by more than one.
    """
    n_frames, per_poses = ratio.as_integer_ratio()
    as_long = abs(n_keypoints * per_poses - n_poses * n_frames) < max(n_frames, per_poses)
    return as_long and abs(n_keypoints - n_poses) > 1


def _said_of_rates(ratio: Fraction) -> str:
    n_frames, per_poses = ratio.as_integer_ratio()
    if n_frames == 1:
        return f"are of every {_ORDINALS.get(per_poses, f'{per_poses}th')} 3D pose"
    return f"have {n_frames} frames for each {'3D pose' if per_poses == 1 else f'{per_poses} 3D poses'}"


def size_ratio(sequence: PoseSequence, detected: Keypoints2D) -> float | None:
    """How many times as large as the projected poses the keypoints are; None where too little is seen or alike to tell.

    Args:
        sequence: T frames, with true keypoints.
        detected: T frames.
    """
    return _Compared(sequence, detected).size_ratio()


def said_of_sizes(found: Sequence[tuple[str, str, float]]) -> str | None:
    """A question, where keypoints of a camera are larger or smaller than the projected poses in most sequences.

    Args:
        found: of each sequence the camera, the layout of the keypoints and :func:`size_ratio`.

    Example:
        >>> print(said_of_sizes([("cam0", "h36m17", 0.95)] * 8 + [("cam1", "h36m17", 1.01)] * 8).partition(":")[0])
        the 2D keypoints are not as large as the projected 3D poses, but 0.95 times for camera cam0
    """
    other = []
    for camera in dict.fromkeys(camera for camera, _, _ in found):
        ratios = np.array([ratio for one, _, ratio in found if one == camera])
        least = _SIZES[any(name != OURS for _, name, _ in found)]
        ratio = float(np.median(ratios))
        alike = np.mean((ratios - 1) * np.sign(ratio - 1) > least / 2)
        if len(ratios) >= MIN_TOLD and abs(ratio - 1) > least and alike >= MOST_TOLD:
            other.append(f"{ratio:.3g} times for camera {camera}")
    if not other:
        return None
    return (
        f"the 2D keypoints are not as large as the projected 3D poses, but {', '.join(other)}: are they px of the "
        "pictures that the calibration is of, and are its focal lengths right?"
    )


def best_shift(sequence: PoseSequence, detected: Keypoints2D) -> int | None:
    """By how many frames the keypoints come late, or early below 0; None: by none, or nobody moves enough.

    Args:
        sequence: T frames, with true keypoints.
        detected: T frames.
    """
    compared, frames = _Compared(sequence, detected), np.arange(len(sequence))
    if len(sequence) < MIN_FRAMES or abs(compared.lag(sequence.keypoints_px)) < 1:
        return None
    longest = min(round(_SHIFTED_S * sequence.fps), len(sequence) // 3)
    shifts = [shift for shift in range(-longest, longest + 1) if shift]
    left = [compared.left(sequence.keypoints_px, frames - shift) for shift in shifts]
    return shifts[int(np.argmin(left))] if left and min(left) < _SHIFTED else None


def said_of_shifts(found: Sequence[tuple[int, float]], n_sequences: int) -> str | None:
    """A question, where the keypoints of most sequences that tell it come late or early by the same time; None: none.

    Args:
        found: of each that tells it, :func:`best_shift` and the frame rate in Hz.
        n_sequences: how many there are.

    Example:
        >>> said_of_shifts([(-3, 50.0)] * 7 + [(-2, 50.0)], 10)
        'the 2D keypoints of 8 sequences run 3 frames (0.06 s at 50 Hz) ahead of the 3D poses: do both begin together?'
        >>> said_of_shifts([(1, 50.0)] * 8, 10)
    """
    if len(found) < max(MIN_TOLD, n_sequences / 4):
        return None
    usual = int(np.median([shift for shift, _ in found]))
    alike = sum(abs(shift - usual) <= 1 for shift, _ in found)
    if abs(usual) < 2 or alike < MOST_TOLD * len(found):
        return None
    hz = found[0][1]
    by = f"{abs(usual)} frames ({abs(usual) / hz:.2g} s at {hz:g} Hz)"
    said = f"run {by} ahead of the 3D poses: do both begin together?"
    if usual > 0:
        said = f"lag {by} behind the 3D poses: do both begin together, or were keypoints smoothed as they came?"
    return f"the 2D keypoints of {alike:,} sequences {said}"


def exchanged_sides(sequence: PoseSequence, detected: Keypoints2D) -> dict[str, bool]:
    """Whether left and right are exchanged in arms and in legs; only those whose sides can be told apart.

    Args:
        sequence: T frames, with true keypoints.
        detected: T frames.
    """
    compared, found = _Compared(sequence, detected), {}
    for limbs in LIMBS:
        nearness = compared.nearness(_exchanged(sequence.keypoints_px, limbs), np.arange(len(sequence)))
        if np.isfinite(nearness):
            found[limbs] = nearness < CLEARLY
    return found


def said_of_sides(found: Sequence[Mapping[str, bool]]) -> str | None:
    """What is wrong with the sides of a subject, from :func:`exchanged_sides` of all its sequences; None: nothing.

    Example:
        >>> said_of_sides([{"arms": True, "legs": False}] * 3)
        'the 2D keypoints fit the 3D poses with left and right of the arms exchanged: exchange them in one of the two'
        >>> said_of_sides([{"arms": True}, {"arms": True}, {"arms": False}])
    """
    told = {limbs: [one[limbs] for one in found if limbs in one] for limbs in LIMBS}
    exchanged = [limbs for limbs, all_of in told.items() if len(all_of) >= MIN_TOLD and np.mean(all_of) >= MOST_TOLD]
    if not exchanged:
        return None
    return (
        f"the 2D keypoints fit the 3D poses with left and right of the {' and the '.join(exchanged)} exchanged: "
        "exchange them in one of the two"
    )


class _Compared:
    """Keypoints in some frames of a sequence, beside where the poses project and where else they might belong."""

    def __init__(self, sequence: PoseSequence, detected: Keypoints2D) -> None:
        points, self._joints = layout(detected.layout).shared
        self._frames = np.unique(np.linspace(0, len(sequence) - 1, MAX_FRAMES).astype(int))
        boxes_px = sequence.boxes_px[self._frames]
        self._person_px = (boxes_px[:, 2:] - boxes_px[:, :2]).max(-1, keepdims=True)
        self._found_px = detected.keypoints_px[self._frames][:, points]
        self._given_px = sequence.keypoints_px[self._frames][:, self._joints]
        self._seen = detected.confidence[self._frames][:, points] > 0
        self._offset = self._apart(self._found_px, self._given_px)
        self._min_frames = max(MIN_FRAMES, MIN_SHARE * len(self._frames))

    @property
    def may_lie_elsewhere(self) -> bool:
        """False if too few points are off for any nearness below :data:`CLEARLY`, as in most good data."""
        off = self._seen & (self._offset > (1 - CLEARLY) * ELSEWHERE)
        return bool(off.sum() >= self._min_frames * MIN_POINTS / 2)

    def nearness(self, other_px: np.ndarray, moments: np.ndarray) -> float:
        """Median of the points' offsets from another place, as a share of those from both; infinite: not told apart.

        Args:
            other_px: (U, 17, 2) where else the joints may be.
            moments: (T,) which of the U frames belongs to each of the sequence; none where it is not in 0 to U - 1.
        """
        other_px, seen = self._places(other_px, moments)
        told = seen & (self._apart(other_px, self._given_px) > ELSEWHERE)
        told &= told.sum(1, keepdims=True) >= MIN_POINTS
        if told.any(1).sum() < self._min_frames:
            return np.inf
        other, given = self._apart(self._found_px, other_px)[told], self._offset[told]
        return float(np.median(other / (other + given)))

    def stray(self, other_px: np.ndarray, moments: np.ndarray) -> float:
        """Median offset of points from other places, once all of these are moved alike; infinite: of too few frames.

        Args:
            other_px, moments: as :meth:`nearness` has them.
        """
        other_px, seen = self._places(other_px, moments)
        return self._stray(other_px, seen)

    def fits_clearly_better(self, other_px: np.ndarray, moments: np.ndarray) -> bool:
        """Whether other places explain the keypoints clearly better, as the module has it.

        Args:
            other_px, moments: as :meth:`nearness` has them.
        """
        if self.nearness(other_px, moments) >= CLEARLY:
            return False
        other_px, seen = self._places(other_px, moments)
        return self._stray(other_px, seen) < self._stray(self._given_px, seen) / 2

    def left(self, other_px: np.ndarray, moments: np.ndarray) -> float:
        """Share of the distances that is left at other moments, each point moved to where it is in the mean.

        Args:
            other_px, moments: as :meth:`nearness` has them.
        """
        other_px, seen = self._places(other_px, moments)
        if (seen.sum(1) >= MIN_POINTS).sum() < self._min_frames:
            return np.inf
        other, given = (self._strays(places_px, seen) for places_px in (other_px, self._given_px))
        return other / given if given > 0 else np.inf

    def lag(self, given_px: np.ndarray) -> float:
        """By how many frames what is found comes late, by least squares, which makes long lags too short.

        Args:
            given_px: (T, 17, 2) true keypoints of all frames.
        """
        moved_px, seen = np.gradient(given_px, axis=0)[self._frames][:, self._joints], self._seen
        apart_px = self._from_mean(self._found_px - self._given_px, seen)
        moved_px = self._from_mean(moved_px, seen)
        power = float((moved_px * moved_px).sum())
        return -float((apart_px * moved_px).sum()) / power if power > 0 else 0.0

    @staticmethod
    def _from_mean(px: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """(F, P, 2) less each point's mean over the frames in which it is seen, 0 where it is not."""
        px = np.where(seen[..., None], px, 0)
        return np.where(seen[..., None], px - px.sum(0) / np.maximum(seen.sum(0), 1)[:, None], 0)

    def _strays(self, places_px: np.ndarray, seen: np.ndarray) -> float:
        apart_px = self._from_mean(self._found_px - places_px, seen)
        return float(np.linalg.norm(apart_px, axis=-1)[seen].mean())

    def size_ratio(self) -> float | None:
        """How many times as large as the projected poses what is found is; None: of too few frames, or not alike."""
        enough = self._seen.sum(1) >= max(MIN_POINTS, 0.75 * self._seen.shape[1])
        if enough.sum() < MIN_FRAMES:
            return None
        found_px, given_px, seen = self._found_px[enough], self._given_px[enough], self._seen[enough][..., None]
        about = [
            np.where(seen, px - np.sum(px * seen, 1, keepdims=True) / seen.sum(1, keepdims=True), 0)
            for px in (found_px, given_px)
        ]
        both, of_found, of_given = (
            (a * b).sum(-1) for a, b in ((about[0], about[1]), (about[0], about[0]), (about[1], about[1]))
        )
        if np.median(both.sum(1) / np.sqrt(of_found.sum(1) * of_given.sum(1))) < _ALIKE:
            return None
        # The median over points, because detectors put some elsewhere on the body, such as the head lower.
        return float(np.median(both.sum(0) / np.maximum(of_given.sum(0), 1e-9)))

    def _stray(self, places_px: np.ndarray, seen: np.ndarray) -> float:
        if seen.any(1).sum() < MIN_FRAMES:
            return np.inf
        moved_px = places_px + np.median((self._found_px - places_px)[seen], axis=0)
        return float(np.median(self._apart(self._found_px, moved_px)[seen]))

    def _places(self, other_px: np.ndarray, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(F, P, 2) other places of the points, and (F, P) which of the points are seen and have one."""
        moments = moments[self._frames]
        there = (moments >= 0) & (moments < len(other_px))
        return other_px[np.where(there, moments, 0)][:, self._joints], self._seen & there[:, None]

    def _apart(self, a_px: np.ndarray, b_px: np.ndarray) -> np.ndarray:
        """(F, P) distances as shares of the person's size."""
        return np.linalg.norm(a_px - b_px, axis=-1) / self._person_px


def _exchanged(keypoints_px: np.ndarray, *all_limbs: str) -> np.ndarray:
    """(T, 17, 2) with left and right of some limbs exchanged."""
    order = mirror_permutation([joint for limbs in all_limbs for joint in LIMBS[limbs]])
    return keypoints_px[:, order]


def _others(
    sequence: PoseSequence, layout_name: str, views: Sequence[PoseSequence]
) -> Iterator[tuple[str | None, np.ndarray, np.ndarray]]:
    """What else keypoints may be of: the rest of the sentence, and what :meth:`_Compared.nearness` takes.

    Exchanged sides and short lags have no sentence: they may be the detector's own, see :func:`exchanged_sides`.
    """
    frames, hz, true_px = np.arange(len(sequence)), sequence.fps, sequence.keypoints_px
    for all_limbs in _EXCHANGES:
        yield None, _exchanged(true_px, *all_limbs), frames
    for view in views:
        said = f"are those of camera {view.camera.id}: give every camera its own, in the calibration's order"
        yield said, view.keypoints_px, frames
    yield "run backwards through the 3D poses: turn one of the two round", true_px, frames[::-1]
    for ratio in RATE_RATIOS:
        n_frames, per_poses = ratio.as_integer_ratio()
        moments = frames * per_poses // n_frames
        lags = np.abs(moments - frames).max() / hz < LAG_S
        said = f"{_said_of_rates(ratio)}: give both at the same frame rate"
        yield None if lags else said, true_px, moments
    mirrored_px = np.stack([sequence.camera.width_px - true_px[..., 0], true_px[..., 1]], -1)
    for mirrored in (mirrored_px, _exchanged(mirrored_px, *LIMBS)):
        said = (
            "are mirrored, or of a camera on the other side: count x from the picture's left, and give every camera its"
        )
        yield f"{said} own", mirrored, frames
    for from_px in (sequence.camera.height_px, 0):
        upwards_px = np.stack([true_px[..., 0], from_px - true_px[..., 1]], -1)
        yield "have y upwards: count y downwards from the picture's upper edge", upwards_px, frames
    if layout_name == OURS:
        coco_px = true_px[:, carriers_of(layout("coco17").body_points)]
        yield "are in the order of COCO's 17 points: give Human3.6M's joints, or name the layout", coco_px, frames
    for shift in range(1, min(LONGEST_SHIFT, len(sequence) // 2) + 1):
        by = f"{shift / hz:.2g} s ({shift} frames at {hz:g} Hz)"
        after = f"begin about {by} after the 3D poses: cut as much from the start of the poses"
        before = f"begin about {by} before the 3D poses: cut as much from their start"
        lags = shift / hz < LAG_S
        yield None if lags else after, true_px, frames + shift
        yield None if lags else before, true_px, frames - shift
