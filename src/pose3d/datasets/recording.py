"""The form that every recorded data set takes, and the checks that all of them pass before anything is computed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from pose3d.datasets.agreement import (
    best_shift,
    check_agreement,
    exchanged_sides,
    said_of_lengths,
    said_of_shifts,
    said_of_sides,
    said_of_sizes,
    size_ratio,
)
from pose3d.datasets.picture_doubts import PictureDoubts
from pose3d.datasets.upright import Stances
from pose3d.geometry.lens_edge import BEYOND
from pose3d.geometry.skeleton import BONES, JOINT_NAMES, ROOT
from pose3d.records.detected_points import BRIDGED_S, CUT_OFF, LEAST_PERCENT, PERCENTAGES
from pose3d.records.frames import ImageFiles, VideoFrames
from pose3d.records.interlaced import COMBS
from pose3d.records.keypoints2d import Keypoints2D, enough_detected, usable_frames, within_lens
from pose3d.records.sequences import PoseSequence, check_sequence
from pose3d.runtime.errors import InputError

LEG = ((1, 2), (2, 3), (4, 5), (5, 6))
LEG_RANGE_M = (0.4, 1.3)
"""Thigh and shin together, from a child's to a giant's."""
SMALLEST_M = 0.1
"""Between the outermost joints: motion capture that lost everybody writes zeros."""
FARTHEST_M = 100.0
FASTEST_M_S = 25.0
"""Of somebody's fastest joint beside the hips, in the median over a take: feet of the fastest runners reach half of it
for moments. Skis and wheels carry people faster, hips and all."""
HIPS_M_S = 12.0
"""The fastest runners', beyond what carries them through the take."""
_LEAST_BONE_M = 0.3  # half a thigh: short bones may be told badly
_MISTAKEN_UNITS = {
    0.001: ("millimetres", "metres"),
    0.01: ("centimetres", "metres"),
    10: ("centimetres", "millimetres"),
    1000: ("metres", "millimetres"),
}
"""What the poses must be multiplied by, the unit that they have then, and the one that was taken for it."""
BOX_MARGIN_PX = 10.0


class SequenceName(NamedTuple):
    """One take seen by one camera, before it is read."""

    subject: str
    action: str
    camera: str

    @property
    def key(self) -> str:
        """``<subject>/<action>/<camera>``."""
        return "/".join(self)


@dataclass(frozen=True, eq=False)
class Recording:
    """A sequence as a data set gives it.

    Attributes:
        sequence: camera, poses, true keypoints and boxes; NaN where nobody knows them.
        frames: where its pictures are; None where there are none.
        detected: 2D keypoints that came with the data; None where the pipeline has to detect them itself.
        positions_file, keypoints_file: where the 3D poses and ``detected`` came from, for error messages. None for
            poses: nothing is known but what was detected.
        lengths: frames of the poses and of ``detected`` in the files, of which the longer was cut; None: there were
            not both.
        highest_score: of ``detected`` in the file.
        points_beyond_lens: how many of ``detected`` are missing because the lens shows nothing there.
        interlaced: its video says that it is.
    """

    sequence: PoseSequence
    frames: VideoFrames | ImageFiles | None
    detected: Keypoints2D | None
    positions_file: Path | None
    keypoints_file: Path | None = None
    lengths: tuple[int, int] | None = None
    highest_score: float = 1.0
    points_beyond_lens: int = 0
    interlaced: bool = False

    @property
    def frames_cut(self) -> int:
        """By how many frames poses or keypoints were longer in the files."""
        return 0 if self.lengths is None else max(self.lengths) - min(self.lengths)

    @property
    def name(self) -> SequenceName:
        """The sequence's name."""
        return SequenceName(self.sequence.subject, self.sequence.action, self.sequence.camera.id)


@dataclass(frozen=True)
class Problem:
    """A sequence that should be there and cannot be used, and why, in a sentence that names the file."""

    name: SequenceName
    sentence: str


class Remarks:
    """What was changed in recordings, or is not as usual in them, to be said in a line for all of them."""

    def __init__(self) -> None:
        self._sequences_cut = self._frames_cut = self._frames = self._points_missing = 0
        self._frames_bridged = self._frames_left_out = self._points_beyond_lens = self._videos_interlaced = 0
        self._lengths: list[tuple[int, int]] = []
        self._shifts: list[tuple[int, float]] = []
        self._sizes: list[tuple[str, str, float]] = []
        self._sequences_with_both = 0
        self._subject_of_poses: dict[bytes, str] = {}
        self._torn: dict[str, np.ndarray] = {}
        self._twice: dict[tuple[str, str, str], None] = {}
        self._pictures = PictureDoubts()
        self._high_scores: dict[str, list[float]] = {CUT_OFF: [], PERCENTAGES: []}

    def note(self, recording: Recording) -> int:
        """Count one; gives how many of its frames are left out, because too little is detected for too long."""
        self._sequences_cut += recording.frames_cut > 0
        self._frames_cut += recording.frames_cut
        self._lengths += [] if recording.lengths is None else [recording.lengths]
        if recording.highest_score > 1:
            done = PERCENTAGES if recording.highest_score > LEAST_PERCENT else CUT_OFF
            self._high_scores[done].append(recording.highest_score)
        if recording.sequence.has_3d:
            self._look_for_copies(recording.sequence)
            torn = _torn_frames(recording.sequence)
            if torn.any() and recording.frames is None:  # else frames between two may have been left out
                self._torn[recording.sequence.key] = torn
        self._points_beyond_lens += recording.points_beyond_lens
        self._videos_interlaced += recording.interlaced
        if recording.detected is None:
            return 0
        if recording.sequence.is_annotated:
            self._compare(recording.sequence, recording.detected)
        else:
            self._pictures.note(recording.sequence, recording.detected)
        detected = enough_detected(recording.detected)
        left_out = ~usable_frames(recording.detected, recording.sequence.fps)
        self._frames += len(detected)
        self._frames_left_out += int(left_out.sum())
        self._frames_bridged += int((~detected & ~left_out).sum())
        self._points_missing += int((recording.detected.confidence[detected] == 0).sum())
        return int(left_out.sum())

    def _look_for_copies(self, sequence: PoseSequence) -> None:
        """Takes are alike where their first, middle and last poses are, to a millimetre about the hip."""
        poses_m = sequence.poses_world_m[[0, len(sequence) // 2, -1]].astype(np.float64)
        alike = np.round(1000 * (poses_m - poses_m[:, ROOT : ROOT + 1])).astype(np.int64).tobytes()
        first = self._subject_of_poses.setdefault(alike, sequence.subject)
        if first != sequence.subject:
            self._twice[first, sequence.subject, sequence.action] = None

    def _compare(self, sequence: PoseSequence, detected: Keypoints2D) -> None:
        self._sequences_with_both += 1
        shift, size = best_shift(sequence, detected), size_ratio(sequence, detected)
        self._shifts += [] if shift is None else [(shift, sequence.fps)]
        self._sizes += [] if size is None else [(sequence.camera.id, detected.layout, size)]

    def sentences(self) -> list[str]:
        """One for each kind of change that there was."""
        said = []
        if self._frames_cut:
            said.append(
                f"2D and 3D of {self._sequences_cut:,} sequences are not of the same length: {self._frames_cut:,} "
                "frames at the longer one's end are left out"
            )
        questions = (
            said_of_lengths(self._lengths),
            said_of_shifts(self._shifts, self._sequences_with_both),
            said_of_sizes(self._sizes),
        )
        said += [question for question in questions if question is not None]
        missing = self._frames_bridged + self._frames_left_out
        if missing or self._points_missing:
            said.append(
                f"{missing:,} of {self._frames:,} frames have no detection: {self._frames_bridged:,} are bridged, in "
                f"gaps of at most {BRIDGED_S:g} s, {self._frames_left_out:,} are left out; the others lack "
                f"{self._points_missing:,} points, which are marked as missing"
            )
        for done, scores in self._high_scores.items():
            if scores:
                said.append(f"scores of {len(scores):,} sequences reach {max(scores):.3g}; {done}")
        if self._points_beyond_lens:
            said.append(f"{self._points_beyond_lens:,} keypoints {BEYOND}")
        if self._videos_interlaced:
            said.append(f"{self._videos_interlaced:,} videos say that they are interlaced: {COMBS}")
        if self._torn:
            key, torn = next(iter(self._torn.items()))
            n_torn = sum(int(one.sum()) for one in self._torn.values())
            said.append(
                "bones of the 3D poses are longer than a leg or twice as long as usual, or hips jump faster than "
                f"{HIPS_M_S:g} m/s, in {n_torn:,} frames of {len(self._torn):,} sequences, first in {key} at frame "
                f"{int(torn.argmax())}: were joints lost there?"
            )
        if self._twice:
            first, subject, action = next(iter(self._twice))
            said.append(
                f"{len(self._twice):,} takes hold the very poses of another subject's, such as {subject}/{action} of "
                f"{first}'s: are they two people? Who trains and is tested must not be the same"
            )
        return said + self._pictures.sentences()


class Source(Protocol):
    """A recorded data set on disk.

    Made from its block of params and the data folder; that may raise :class:`InputError` for what concerns the whole
    (no such file, no such subject).
    """

    def sequences(self) -> list[SequenceName]:
        """All sequences that should be there, sorted, those of one take together."""
        ...

    def read(self, name: SequenceName) -> Recording:
        """Read one of them; raises :class:`InputError` that names the file."""
        ...


def recordings(source: Source) -> Iterator[Recording | Problem]:
    """Read and check every sequence; a bad one comes as a :class:`Problem`, so that all can be shown at once."""
    stances: dict[str, Stances] = {}
    sides: dict[tuple[str, Path | None], list[dict[str, bool]]] = {}
    last: dict[str, SequenceName] = {}
    views: list[PoseSequence] = []
    for name in source.sequences():
        last[name.subject] = name
        try:
            recording = source.read(name)
            check_recording(recording)
            sequence = recording.sequence
            if recording.detected is not None and sequence.is_annotated:
                found = sides.setdefault((name.subject, recording.keypoints_file), [])
                found.append(exchanged_sides(sequence, recording.detected))
                views = [*(view for view in views if (view.subject, view.action) == name[:2]), sequence]
                key = f"{recording.keypoints_file}: {sequence.key}"
                check_agreement(key, sequence, recording.detected, views[:-1], recording.lengths)
            if recording.detected is not None:
                detected, n_beyond = within_lens(recording.sequence.camera, recording.detected)
                if n_beyond:
                    recording = replace(recording, detected=detected, points_beyond_lens=n_beyond)
        except InputError as error:
            yield Problem(name, str(error))
            continue
        if recording.sequence.has_3d:
            stances.setdefault(name.subject, Stances()).note(recording.sequence)
        yield recording
    for subject, stood in stances.items():
        said = stood.said()
        if said is not None:
            yield Problem(last[subject], f"{subject}: {said}")
    for (subject, file), found in sides.items():
        said = said_of_sides(found)
        if said is not None:
            yield Problem(last[subject], f"{file}: {subject}: {said}")


def check_recording(recording: Recording) -> None:
    """Refuse what can be read and cannot be right: another unit, swapped axes, other numbers of frames.

    Raises:
        InputError: names the file, the sequence and what to correct.
    """
    sequence = recording.sequence
    file = recording.keypoints_file if recording.positions_file is None else recording.positions_file
    key = f"{file}: {sequence.key}"
    if recording.positions_file is not None and len(sequence) and not sequence.is_annotated:
        raise InputError(f"{key}: not one pose is finite; repair or drop that take")
    check_sequence(sequence, str(file))
    if sequence.has_3d:
        check_captured(key, sequence.poses_world_m, sequence.poses_cam_m)
        check_scale(key, sequence.poses_world_m)
        _check_depth(key, sequence.poses_cam_m)
        _check_speed(key, sequence)
    size_px = np.array([sequence.camera.width_px, sequence.camera.height_px])
    detected = recording.detected
    seen_px = sequence.keypoints_px if sequence.is_annotated or detected is None else detected.keypoints_px
    inside = ((seen_px >= 0) & (seen_px <= size_px)).all(-1)
    if inside.mean() < 0.5:
        there = "project into" if sequence.is_annotated else "are detected in"
        raise InputError(
            f"{key}: {100 * inside.mean():.0f} % of the joints {there} the image: axes are swapped, or the "
            "calibration is another camera's"
        )
    for what, found in (
        ("frames", recording.frames),
        ("keypoints", None if detected is None else detected.confidence),
    ):
        if found is not None and len(found) != len(sequence):
            raise InputError(f"{key}: {len(found)} {what} for {len(sequence)} poses: they must be the same takes")
    if sequence.is_annotated and not sequence.camera.shows(sequence.keypoints_px).all():
        raise beyond_lens(key)


def beyond_lens(key: str) -> InputError:
    """What is said of a sequence with joints where its camera's lens shows nothing."""
    return InputError(
        f"{key}: joints lie where the camera's distortion shows nothing, beyond its fold: calibrate with points as "
        "far from the picture's centre, or leave that take out"
    )


def _check_depth(key: str, poses_cam_m: np.ndarray) -> None:
    depth_m = poses_cam_m[..., 2]
    if depth_m.min() <= 0 or depth_m.max() > FARTHEST_M:
        raise InputError(
            f"{key}: joints lie {float(depth_m.min()):.3g} to {float(depth_m.max()):.3g} m before the camera: axes are "
            "swapped, or the calibration is another camera's"
        )


def check_scale(key: str, poses_m: np.ndarray) -> None:
    """Refuse (T, 17, 3) poses whose legs are not of a person's length, and frames in which all joints are one point.

    Raises:
        InputError: says which unit it looks like, or which frame.
    """
    poses = poses_m.astype(np.float64)
    gone = np.ptp(poses, axis=1).max(-1) < SMALLEST_M
    if gone.any() and not gone.all():
        raise InputError(
            f"{key}: all joints of frame {int(gone.argmax())} lie in one point, as where nobody was captured: "
            "repair that frame, or drop that take"
        )
    leg_m = float(np.median(sum(np.linalg.norm(poses[:, a] - poses[:, b], axis=-1) for a, b in LEG) / 2))
    shortest_m, longest_m = LEG_RANGE_M
    if shortest_m <= leg_m <= longest_m:
        return
    guess = "the positions are in another unit or of other joints"
    for factor, units in _MISTAKEN_UNITS.items():
        if shortest_m <= leg_m * factor <= longest_m:
            guess = "the positions look like {} where {} belong".format(*units)
    raise InputError(f"{key}: legs are {leg_m:.4g} m long: {guess}")


def check_captured(key: str, *poses: np.ndarray) -> None:
    """Refuse (T, 17, 3) poses with a joint at 0 0 0, in the world or in camera space, beside others that are elsewhere.

    Raises:
        InputError: names the joint and the first frame.
    """
    for at_0 in ((one == 0).all(-1) for one in poses):
        at_0 = at_0 & ~at_0.all(1, keepdims=True)
        at_0[:, ROOT] = False  # of poses relative to the hip
        if at_0.any():
            frame, joint = (int(i) for i in np.argwhere(at_0)[0])
            raise InputError(
                f"{key}: {JOINT_NAMES[joint]} of frame {frame} is at 0 0 0, as where it was not captured, and so in "
                f"{int(at_0.any(1).sum()):,} of {len(at_0):,} frames: repair them, or drop that take"
            )


def _torn_frames(sequence: PoseSequence) -> np.ndarray:
    """(T,) whether a bone is longer than a leg, or than twice its median over the take, or the hips jump to there."""
    poses_m = sequence.poses_world_m.astype(np.float64)
    lengths_m = np.linalg.norm(poses_m[:, [b for _, b in BONES]] - poses_m[:, [a for a, _ in BONES]], axis=-1)
    usual_m = np.median(lengths_m, axis=0)
    leg_m = 2 * np.median([usual_m[BONES.index(bone)] for bone in LEG])
    torn = (lengths_m > np.minimum(leg_m, np.maximum(2 * usual_m, _LEAST_BONE_M))).any(1)
    if len(poses_m) > 1:
        hips_m_s = np.linalg.norm(np.diff(poses_m[:, ROOT], axis=0), axis=-1) * sequence.fps
        torn[1:] |= hips_m_s > HIPS_M_S + np.median(hips_m_s)
    return torn


def _check_speed(key: str, sequence: PoseSequence) -> None:
    """Refuse a frame rate at which people would move faster than anybody can, most of the time."""
    poses_m = sequence.poses_world_m.astype(np.float64)
    steps_m = np.linalg.norm(np.diff(poses_m - poses_m[:, ROOT : ROOT + 1], axis=0), axis=-1)
    if not len(steps_m):
        return
    speed_m_s = float(np.median(steps_m.max(-1))) * sequence.fps
    if speed_m_s > FASTEST_M_S:
        raise InputError(
            f"{key}: somebody's fastest joint moves at {speed_m_s:.3g} m/s beside the hips in the median at "
            f"{sequence.fps:g} frames/s: correct the frame rate, or make each pose a take of its own where they are "
            "unrelated"
        )


def boxes_around(keypoints_px: np.ndarray) -> np.ndarray:
    """(T, J, 2) keypoints to (T, 4) boxes x0, y0, x1, y1 with a small margin, for data that has no boxes."""
    return np.concatenate([keypoints_px.min(1) - BOX_MARGIN_PX, keypoints_px.max(1) + BOX_MARGIN_PX], axis=-1)
