"""Lifting clips of any length and any frame rate, also a varying one, in memory that does not grow with them."""

import os

import numpy as np
import torch

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.gaps import Bridged
from pose3d.lifting.lift import Lifted, landmarks_beside, lift_bridged, lift_window, points_of
from pose3d.lifting.networks import FrameLifter, Lifter
from pose3d.lifting.original import RepNet
from pose3d.lifting.trajectory import POSE_REACH_S, smooth_known, smooth_poses
from pose3d.lifting.virtual_camera import to_camera_space
from pose3d.runtime.rows import CHUNK_ROWS, Rows, Sliceable, chunks

TRAINED_RATE_HZ = 25.0
"""Frame rate of the temporal lifter's training (``dataset.frame_rate_hz``): its windows must last as long here."""
GAP_S = 1.0
"""Frames further apart are of different shots: nothing is known of how the person got from one to the other."""
_ROUNDING_S = 2e-3
"""Times are rounded to whole ms or ticks in some files; frames nearer to their rate need no interpolation."""


def lift_clip(
    lifter: Lifter,
    camera: Camera,
    time_s: np.ndarray,
    keypoints_px: Sliceable,
    scratch: str | os.PathLike | None = None,
) -> Lifted[Rows]:
    """Lift a clip of any frame rate.

    A lifter that sees several frames gets them at the rate that it was trained at, interpolated in time, and its poses
    are interpolated back to the frames' own times. Past gaps of :data:`GAP_S` it starts anew. Short gaps of single
    points are bridged.

    Args:
        lifter: from :func:`pose3d.lifting.lift.load_lifter` or :func:`pose3d.onnx.runtime.load_lifter_onnx`.
        camera: that saw the clip.
        time_s: (T,), strictly ascending.
        keypoints_px: (T, 17, 2), or (T, K, 2) of the lifter's layout, NaN where a point is missing.
        scratch: folder for the poses, see :class:`pose3d.runtime.rows.Rows`.

    Returns:
        Poses as :class:`pose3d.runtime.rows.Rows` (T, 17, 3).

    Raises:
        OSError: the disk is full.
    """
    keypoints_px = Bridged(keypoints_px, time_s)
    if lifter.kind in (FrameLifter.kind, RepNet.kind):
        return lift_in_chunks(lifter, camera, keypoints_px, scratch)
    whole = _no_rows(lifter, scratch)
    for shot in shots(time_s):
        own_s = time_s[shot]
        steps = int(np.ceil((own_s[-1] - own_s[0]) * TRAINED_RATE_HZ - 1e-3))
        even_s = own_s[0] + np.arange(1 + steps) / TRAINED_RATE_HZ
        if len(even_s) == len(own_s) and np.abs(even_s - own_s).max() < _ROUNDING_S:
            even_s = own_s
        # The last even time may lie beyond the shot's last frame, towards the next shot.
        even_keypoints = Resampled(keypoints_px, time_s, np.minimum(even_s, own_s[-1]))
        lifted = lift_in_chunks(lifter, camera, even_keypoints, scratch)
        for own, of_even in zip(_rows(whole), _rows(lifted), strict=True):
            back = Resampled(of_even, even_s, own_s)
            for part in chunks(len(back)):
                own.append(back[part])
    return whole


def _no_rows(lifter: Lifter, scratch: str | os.PathLike | None) -> Lifted[Rows]:
    """A clip of what the lifter gives, as yet without a frame."""
    return Lifted(
        Rows(scratch, (N_JOINTS, 3)),
        lifter.kind != RepNet.kind,
        None if lifter.spread is None else Rows(scratch, (N_JOINTS, 2)),
        None if lifter.landmarks is None else Rows(scratch, (len(lifter.landmarks.names), 3)),
    )


def _rows(lifted: Lifted[Rows]) -> list[Rows]:
    """Those that there are of poses, radii and landmarks."""
    return [rows for rows in (lifted.poses_cam_m, lifted.radii_m, lifted.landmarks_cam_m) if rows is not None]


def fill_unknown(lifted: Lifted[Rows], time_s: np.ndarray) -> None:
    """Let poses and radii move evenly, in place, where too little was seen for a pose; some frame has one.

    Args:
        lifted: T frames, NaN where unknown.
        time_s: (T,) their times, strictly ascending.
    """
    for rows in (lifted.poses_cam_m, lifted.radii_m):
        if rows is not None:
            known = np.concatenate([np.isfinite(rows[part]).all((1, 2)) for part in chunks(len(rows))])
            if not known.all():
                filled = Resampled(rows, time_s, time_s, np.flatnonzero(known))
                for part in chunks(len(rows)):
                    rows[part] = filled[part]


def shots(time_s: np.ndarray) -> list[slice]:
    """Frames between gaps of more than :data:`GAP_S`; ``time_s`` (T,) ascending."""
    edges = [0, *(np.flatnonzero(np.diff(time_s) > GAP_S) + 1).tolist(), len(time_s)]
    return [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]


class Resampled:
    """Rows at other times, interpolated when a slice is asked for: linear between their own, constant beyond.

    Slices are (N, ...) float32.

    Args:
        rows: (T, ...).
        time_s: (T,) their times, strictly ascending.
        new_time_s: (N,) ascending.
        known: numbers of the rows that count, ascending, at least one; None: all.
    """

    def __init__(
        self, rows: Sliceable, time_s: np.ndarray, new_time_s: np.ndarray, known: np.ndarray | None = None
    ) -> None:
        self._rows, self._new_time_s = rows, new_time_s
        self._known = np.arange(len(rows)) if known is None else known
        self._time_s = time_s[self._known]

    def __len__(self) -> int:
        return len(self._new_time_s)

    def __getitem__(self, rows: slice) -> np.ndarray:
        new_time_s = self._new_time_s[rows]
        after = np.searchsorted(self._time_s, new_time_s, side="right")
        after = np.clip(after, 1, max(1, len(self._time_s) - 1))
        before, after = after - 1, np.minimum(after, len(self._time_s) - 1)
        step_s = np.maximum(self._time_s[after] - self._time_s[before], np.finfo(float).tiny)
        share = np.clip((new_time_s - self._time_s[before]) / step_s, 0, 1)
        # At a row's own time no other row counts: it may be NaN, and 0 times NaN is NaN.
        before, after = np.where(share < 1, before, after), np.where(share > 0, after, before)
        before, after = self._known[before], self._known[after]
        first = before[0]
        values = self._rows[first : after[-1] + 1]
        share = share.reshape(-1, *[1] * (values.ndim - 1))
        return ((1 - share) * values[before - first] + share * values[after - first]).astype(np.float32)


def lift_in_chunks(
    lifter: Lifter,
    camera: Camera,
    keypoints_px: Sliceable,
    scratch: str | os.PathLike | None = None,
    chunk_frames: int = CHUNK_ROWS,
) -> Lifted[Rows]:
    """Lift as :func:`pose3d.lifting.lift.lift` does, (T, 17, 2) keypoints at :data:`TRAINED_RATE_HZ`, but in chunks.

    Chunks overlap by what an output's window and the smoothing of its pose need on both sides. The smoothing of the
    root's distance sees the whole clip, by one number a frame. A lifter that does not look ahead may be recurrent, with
    a state that goes through the whole clip, and takes it in one piece.

    Args:
        lifter: from :func:`pose3d.lifting.lift.load_lifter` or :func:`pose3d.onnx.runtime.load_lifter_onnx`.
        camera: that saw the clip.
        keypoints_px: (T, 17, 2), or (T, K, 2) of the lifter's layout, NaN where a point is missing.
        scratch: folder for the poses, see :class:`pose3d.runtime.rows.Rows`.
        chunk_frames: outputs of a chunk, at least 1.
    """
    n_frames = len(keypoints_px)
    whole = _no_rows(lifter, scratch)
    if lifter.kind not in ("frame", "temporal"):
        return _lift_original(lifter, camera, keypoints_px, whole, chunk_frames)
    if lifter.kind == "temporal" and not lifter.frames_after:
        chunk_frames = n_frames
    log_distance, known = np.empty(n_frames, np.float32), np.empty(n_frames, bool)
    before = lifter.frames_before + lifter.with_motion
    reach = int(POSE_REACH_S * TRAINED_RATE_HZ) if lifter.frames_after else 0
    for part in chunks(n_frames, chunk_frames):
        wide = slice(max(0, part.start - reach), min(n_frames, part.stop + reach))
        own = slice(part.start - wide.start, part.stop - wide.start)
        # Nothing precedes the clip's first frame: it is repeated, as edge frames are in the whole clip.
        around = _with_edges(keypoints_px, wide, before, lifter.frames_after)
        points, enough = points_of(lifter, camera, around)
        relative, roots, rotation, radii, offsets = lift_window(lifter, points)
        joints = to_camera_space(relative, roots, rotation)
        of_wide = enough[before : before + len(relative)]
        if lifter.frames_after:
            joints = torch.from_numpy(smooth_poses(joints.numpy(), of_wide, TRAINED_RATE_HZ))
        known[part] = of_wide[own]
        given = [joints, radii, landmarks_beside(lifter, joints, offsets)]
        for rows, values in zip(_rows(whole), (values for values in given if values is not None), strict=True):
            lifted = values[own].numpy()
            lifted[~known[part]] = np.nan
            rows.append(lifted)
        log_distance[part] = roots[own, 2].log().numpy()
    if lifter.frames_after:
        farther = np.expm1(smooth_known(log_distance, known, TRAINED_RATE_HZ) - log_distance).astype(np.float32)
        for part in chunks(n_frames, chunk_frames):
            moved_m = whole.poses_cam_m[part][:, :1] * farther[part, None, None]
            whole.poses_cam_m[part] = whole.poses_cam_m[part] + moved_m
            if whole.landmarks_cam_m is not None:
                whole.landmarks_cam_m[part] = whole.landmarks_cam_m[part] + moved_m
    return whole


def _with_edges(frames: Sliceable, part: slice, before: int, after: int) -> np.ndarray:
    """Some frames and those around them, the clip's first and last repeated where it has no more."""
    index = np.clip(np.arange(part.start - before, part.stop + after), 0, len(frames) - 1)
    return frames[index[0] : index[-1] + 1][index - index[0]]


def _lift_original(
    lifter: Lifter, camera: Camera, keypoints_px: Sliceable, whole: Lifted[Rows], chunk_frames: int
) -> Lifted[Rows]:
    """The original's lifters smooth nothing: a frame far from a chunk's edges is that of the whole clip."""
    before, after = getattr(lifter, "frames_before", 0), getattr(lifter, "frames_after", 0)
    for part in chunks(len(keypoints_px), chunk_frames):
        first = max(0, part.start - before)
        around = keypoints_px[first : part.stop + after]
        lifted = lift_bridged(lifter, camera, around, TRAINED_RATE_HZ)
        whole.poses_cam_m.append(lifted.poses_cam_m[part.start - first : part.stop - first])
    return whole
