"""Questions about somebody else's poses: whether joints, axes, size and moments are those that are scored.

Figures are of the poses as they are. Where most of an error is gone once left and right change places, axes are turned
or another moment is taken, a sentence says so: networks err otherwise, and files are often made so.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from pose3d.evaluation import metrics
from pose3d.evaluation.tables import Errors
from pose3d.geometry.skeleton import JOINT_NAMES, LIMBS, mirror_permutation
from pose3d.records.sequences import PoseSequence

_TURNED, _TURNED_M = 3, 0.15
"""How many times better poses fit that are turned, mirrored or in another order, and how far off they are as they are,
where axes are another frame's, or left and right exchanged: of networks the errors are within a factor of two, and a
root that is placed otherwise is nearer."""
_EXCHANGED = 2
"""The same of left and right, because what is not exchanged never fits better so, however poor it is."""
_ALIKE_M = 0.02
"""Poses that fit so much better mirrored are mirrored."""
_SOME, _MOST = 0.1, 0.75
"""Share of the frames in which sides must be exchanged for a question, and in which they are those of all."""
_NO_PERSON_M = 0.25
"""As near to the truth, once turned, mirrored and scaled, are all of a person's poses."""
_SIZES = 2 / 3, 3 / 2
"""Between a child that is taken for an adult, and the other way round."""
_EXCHANGES = {"": range(len(JOINT_NAMES))} | {f" of the {name}": joints for name, joints in LIMBS.items()}
_FINE_S, _LONGEST_SHIFT_S, _STEP_S = 0.5, 3.0, 0.06
"""Shifts by every frame up to the first, and by the last between those up to the second, around which every frame is
tried then: a temporal network sees so much beside a frame, and its output may begin as much later."""
_RATES = (2, 3, 4, 5)
_MIN_FRAMES, _MAX_FRAMES = 10, 200
Moments = tuple[str, int, np.ndarray]
"""The kind, by how much, and (T,) which of the poses belongs to each frame."""
_BETTER, _MUCH_BETTER = 0.8, 0.5
"""What is left of the errors, once each joint is moved to where it is in the mean, at the moment that fits best: in
sequences that count, and in all that count where these are few."""
_FEW, _MOVED = 3, 0.25
"""Sequences, and the share of all of them that must count."""


def doubts(errors: Errors, scored: Sequence[PoseSequence], poses_cam_m: Sequence[np.ndarray]) -> list[str]:
    """Sentences, of which there are none where the poses are as they are wanted.

    Args:
        errors: of these poses, end to end.
        scored: the truth, T frames each.
        poses_cam_m: for each sequence (T, 17, 3).

    Example:
        >>> from pose3d.evaluation.tables import errors_of
        >>> from pose3d.geometry.camera import Camera
        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> truth_m = np.random.default_rng(0).random((3, 17, 3))
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((3, 4)))
        >>> for sentence in doubts(errors_of("theirs", [walk], [truth_m / 2], False), [walk], [truth_m / 2]):
        ...     print(sentence[:49])
        They are 0.5 times as large as the truth in the m
    """
    form = _of_form(errors, scored, poses_cam_m)
    if form is not None:  # else sizes and moments are of other joints
        return [form]
    others = _of_size(scored, poses_cam_m), _of_moments(scored, poses_cam_m), _of_repeated_frames(poses_cam_m)
    return [one for one in others if one is not None]


def _of_form(errors: Errors, scored: Sequence[PoseSequence], poses_cam_m: Sequence[np.ndarray]) -> str | None:
    """Where poses are well but for left and right, only have to be turned or mirrored, or are nobody's.

    The second are in the world's axes, or have y upwards; the third have joints in another order.
    """
    as_given_m, turned_m = np.median(errors.size_mpjpe), np.median(errors.reflected_mpjpe)
    fit_turned = as_given_m > _TURNED * turned_m
    sides = _of_sides(scored, poses_cam_m, fit_turned)
    are_mirrored = fit_turned and np.median(errors.pa_mpjpe) > turned_m + _ALIKE_M  # all, and no turning undoes it
    some = sides or (None if are_mirrored else _of_turned_sequences(errors, scored))
    if some is not None or as_given_m < _TURNED_M:
        return some
    if fit_turned:
        return (
            f"As large as the truth they lie {1000 * as_given_m:.0f} mm off in the median, and turned or mirrored as "
            f"well {1000 * turned_m:.0f} mm: are their axes the camera's (x right, y down, z forward)?"
        )
    if turned_m > _NO_PERSON_M:
        return (
            f"Even turned, mirrored and as large as the truth they lie {1000 * turned_m:.0f} mm off in the median, "
            f"farther than any person's pose: are the joints in our order, {', '.join(JOINT_NAMES)}?"
        )
    return None


def _of_turned_sequences(errors: Errors, scored: Sequence[PoseSequence]) -> str | None:
    """Where poses of some sequences are turned, as where one camera's are in the world's axes.

    Mirrored ones would be those of networks that take what is in front for what is behind.
    """
    ends = np.cumsum([len(sequence) for sequence in scored])[:-1]
    runs = [np.split(of_frames, ends) for of_frames in (errors.size_mpjpe, errors.pa_mpjpe)]
    found = [
        (sequence, np.stack([as_given_m, turned_m]))
        for sequence, as_given_m, turned_m in zip(scored, *runs, strict=True)
        if np.median(as_given_m) >= max(_TURNED_M, _TURNED * np.median(turned_m)) and np.median(turned_m) < _TURNED_M
    ]
    if not _SOME <= sum(len(sequence) for sequence, _ in found) / sum(map(len, scored)) < _MOST:
        return None
    as_given_m, turned_m = np.median(np.concatenate([both_m for _, both_m in found], axis=1), axis=1)
    keys = list(dict.fromkeys(sequence.key for sequence, _ in found))
    n_all = len({sequence.key for sequence in scored})
    return (
        f"In {len(keys)} of {n_all} sequences, the first of which is {keys[0]}, as large as the truth they lie "
        f"{1000 * as_given_m:.0f} mm off in the median, and turned as well {1000 * turned_m:.0f} mm: are their axes "
        "that camera's (x right, y down, z forward)?"
    )


def _of_sides(scored: Sequence[PoseSequence], poses_cam_m: Sequence[np.ndarray], only_most: bool) -> str | None:
    """Where left and right are exchanged, of all joints, the arms or the legs.

    Args:
        only_most: something else may explain the poses, so that single sequences say nothing.
    """
    found: dict[str, list[tuple[PoseSequence, np.ndarray]]] = {limbs: [] for limbs in _EXCHANGES}
    for sequence, poses in zip(scored, poses_cam_m, strict=True):
        for limbs, joints in _EXCHANGES.items():
            exchanged = poses[:, mirror_permutation(joints)]
            both_m = [_sized_errors(one, sequence.poses_cam_m)[:, joints] for one in (poses, exchanged)]
            as_given_m, exchanged_m = (np.median(one.mean(-1)) for one in both_m)
            if as_given_m >= max(_TURNED_M, _EXCHANGED * exchanged_m) and exchanged_m < _TURNED_M:
                found[limbs].append((sequence, np.stack([one.mean(-1) for one in both_m])))
                break  # all joints before some of them
    limbs = max(found, key=lambda one: sum(len(sequence) for sequence, _ in found[one]))
    n_frames = sum(len(sequence) for sequence, _ in found[limbs])
    share = n_frames / sum(map(len, scored))
    if share < (_MOST if only_most else _SOME):
        return None
    as_given_m, exchanged_m = np.median(np.concatenate([both_m for _, both_m in found[limbs]], axis=1), axis=1)
    keys = list(dict.fromkeys(sequence.key for sequence, _ in found[limbs]))
    n_all = len({sequence.key for sequence in scored})
    where = f"In {len(keys)} of {n_all} sequences, the first of which is {keys[0]}, as"
    return (
        f"{'As' if share >= _MOST else where} large as the truth {f'the joints{limbs}' if limbs else 'they'} lie "
        f"{1000 * as_given_m:.0f} mm off in the median, and {1000 * exchanged_m:.0f} mm with left and right exchanged: "
        "are the joints in our order, those of the right leg before the left's and those of the left arm before the "
        "right's?"
    )


def _sized_errors(poses: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return metrics.joint_errors(metrics.align_size(poses, truth), truth)


def _of_size(scored: Sequence[PoseSequence], poses_cam_m: Sequence[np.ndarray]) -> str | None:
    """Where poses are much smaller or larger than the truth, as in units of somebody's height."""
    ratios = [_size_m(poses) / _size_m(one.poses_cam_m) for one, poses in zip(scored, poses_cam_m, strict=True)]
    ratio = float(np.median(np.concatenate(ratios)))
    if _SIZES[0] <= ratio <= _SIZES[1]:
        return None
    return (
        f"They are {ratio:.2g} times as large as the truth in the median, which P1 counts as an error, but N-MPJPE and "
        "P2 do not: are they in a unit of their own?"
    )


def _size_m(poses: np.ndarray) -> np.ndarray:
    """(T, 17, 3) to (T,)."""
    return np.sqrt((metrics.root_relative(poses) ** 2).sum((-2, -1)))


def _of_moments(scored: Sequence[PoseSequence], poses_cam_m: Sequence[np.ndarray]) -> str | None:
    """Where poses of other frames fit clearly better in most sequences in which somebody moves."""
    best: list[tuple[str, int, float]] = []
    n_long = 0
    for sequence, poses in zip(scored, poses_cam_m, strict=True):
        if len(sequence) < 2 * _MIN_FRAMES:
            continue
        n_long += 1
        one = _best_of(sequence, poses, _moments(sequence))
        if one[0] == "shift" and one[2] < _BETTER:
            one = _best_of(sequence, poses, _shifts_near(sequence, one[1]))
        if one[2] < _BETTER:
            best.append(one)
    if not best or len(best) < _MOVED * n_long:
        return None
    kind, usual = Counter((kind, by) for kind, by, _ in best).most_common(1)[0][0]
    alike = [left for other, by, left in best if other == kind and abs(by - usual) <= (kind == "shift")]
    is_few = len(alike) < _FEW
    if (
        len(alike) < _MOST * len(best)
        or (is_few and max(alike) > _MUCH_BETTER)
        or (kind == "shift" and usual in (-1, 1))
    ):
        return None
    said = _said_of_moments(kind, usual, scored[0].fps)
    return f"Of {len(alike)} of {n_long} sequences the poses fit clearly better {said}"


def _of_repeated_frames(poses_cam_m: Sequence[np.ndarray]) -> str | None:
    """Where single frames were predicted and the others filled in; one pose for a whole sequence is meant so."""
    stays = [(poses[1:] == poses[:-1]).all((1, 2)) for poses in poses_cam_m]
    n_stays, n_steps = sum(int(one.sum()) for one in stays if not one.all()), sum(map(len, stays))
    if n_stays <= _SOME * n_steps:
        return None
    return (
        f"In {n_stays:,} of {n_steps:,} steps from frame to frame the pose stays exactly the same: were they predicted "
        "at a lower rate, or filled in? All figures count them"
    )


def _said_of_moments(kind: str, by: int, rate_hz: float) -> str:
    if kind == "shift":
        direction, smoothed = ("later", ", or was it smoothed as it came") if by > 0 else ("earlier", "")
        return (
            f"{abs(by)} frames ({abs(by) / rate_hz:.2g} s at {rate_hz:g} Hz) {direction} in their arrays: does "
            f"each begin with the sequence's first frame{smoothed}?"
        )
    if kind == "backwards":
        return "if the arrays are turned round in time: do they run backwards?"
    taken = (
        f"only every {_ORDINALS[by]} of their frames is taken" if kind == "rate" else f"each frame is taken {by} times"
    )
    return f"if {taken}: are they at the data set's frame rate?"


_ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def _moments(sequence: PoseSequence) -> Iterator[Moments]:
    """What else the poses may be of: the kind, by how much, and (T,) which of them belongs to each frame."""
    frames = np.arange(len(sequence))
    fine, step = round(_FINE_S * sequence.fps), max(1, round(_STEP_S * sequence.fps))
    longest = min(round(_LONGEST_SHIFT_S * sequence.fps), len(sequence) // 2)
    for shift in [*range(1, min(fine, longest) + 1), *range(fine + step, longest + 1, step)]:
        yield "shift", shift, frames + shift
        yield "shift", -shift, frames - shift
    yield "backwards", 0, frames[::-1]
    for ratio in _RATES:
        yield "rate", ratio, frames * ratio
        yield "slow", ratio, frames // ratio


def _shifts_near(sequence: PoseSequence, shift: int) -> Iterator[Moments]:
    step = round(_STEP_S * sequence.fps)
    for near in range(shift - step, shift + step + 1):
        yield "shift", near, np.arange(len(sequence)) + near


def _best_of(sequence: PoseSequence, poses: np.ndarray, moments: Iterator[Moments]) -> tuple[str, int, float]:
    """The kind, by how much, and :func:`_left` where it is least."""
    left = [(kind, by, _left(sequence, poses, frames)) for kind, by, frames in moments]
    return min(left, key=lambda one: one[2], default=("", 0, np.inf))


def _left(sequence: PoseSequence, poses: np.ndarray, moments: np.ndarray) -> float:
    """Share of the errors that is left with poses of other moments, each joint moved to where it is in the mean."""
    there = np.flatnonzero((moments >= 0) & (moments < len(poses)))
    if len(there) < _MIN_FRAMES:
        return np.inf
    there = there[np.unique(np.linspace(0, len(there) - 1, _MAX_FRAMES).astype(int))]
    truth = metrics.root_relative(sequence.poses_cam_m[there])
    as_given, other = (_strays(metrics.root_relative(poses[at]), truth) for at in (there, moments[there]))
    least = min(as_given, _strays(np.zeros_like(truth), truth))  # what moves less may be nearer than wrong motion is
    return other / least if least > 0 else np.inf


def _strays(poses: np.ndarray, truth: np.ndarray) -> float:
    apart = poses - truth
    return float(np.linalg.norm(apart - apart.mean(0), axis=-1).mean())
