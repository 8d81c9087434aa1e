"""Measure trained models on synchronised videos without labels: the views check each other.

Joints are detected in every video, see :mod:`pose3d.multiview.finding`, and triangulated. What is measured needs no
truth: how far the detections lie from the triangulated joints' images, how many joints most cameras agree on, whether
bones keep their lengths, and how the lifters' poses, each from one camera only, compare with the triangulated ones and
with each other.
"""

import sys
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from pose3d.evaluation import metrics
from pose3d.formats.calibrated import Units
from pose3d.formats.clip import clip_pictures
from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import BONES, JOINT_NAMES, N_JOINTS
from pose3d.lifting.lift import LIFTERS, lift, load_lifter
from pose3d.multiview.finding import FoundPerson, FrameSource, detector_of, find_person
from pose3d.multiview.in_words import disagree
from pose3d.multiview.refinement import Extrinsics, moved_mm, refine_extrinsics, turned_deg
from pose3d.multiview.triangulation import Triangulated
from pose3d.multiview.views import View, read_views
from pose3d.pose2d.inference import load_network
from pose3d.priors.plausible import LEG_M, leg_length_m
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output
from pose3d.show.video import draw_skeleton

AGREE_PX = 15.0
AGREE_VIEWS = 3
"""A joint is consistent when this many views (all, where there are fewer) lie within AGREE_PX of it: two nearly always
do, because two rays miss each other in one direction only."""
SEARCH_PX = 40.0
"""Threshold of the triangulation, so that what lies between it and AGREE_PX still counts in the residuals."""
GAP_S = 0.1
"""Frames this near the border between the halves are not learnt from."""
HALVES = "first", "second"
_EXCHANGED_PCT, _SURE_PCT, _EXCHANGED_FRAMES = 15.0, 50.0, 100
"""Two videos are exchanged where so many more of their joints lie within AGREE_PX with their cameras exchanged, and at
least so many in all; in so many frames. On pose2sim's clip it is 23 to 42 % more, and 34 % fewer where all is right."""
_ODD = 4.0
"""One view is odd whose median residual is beyond SEARCH_PX and so many times that of any other."""
_NARROW_DEG = 10.0
"""Along directions that are less apart an error of 10 px, usual for detectors, puts joints wrong by a bone's length."""
_SHOWN_FRAMES = 5
_SHOWN_SIZE_PX = 270, 480


def frames_of(views: Sequence[View], frame_step: int) -> np.ndarray:
    """Every n-th frame of the views.

    Raises:
        InputError: it is one alone, in which nothing moves.
    """
    frames = np.arange(0, views[0].frames, frame_step)
    if len(frames) < 2:
        raise InputError(
            f"of the {views[0].frames} frames of {views[0].video} one is taken with --frame-step {frame_step}, and the "
            "person is found as what moves: take two or more"
        )
    return frames


def takes_of(views: Sequence[View], frames: np.ndarray) -> list[FrameSource]:
    """The given frames of each view, decoded anew whenever they are asked for."""
    return [partial(clip_pictures, view.video, view.rate_hz, frames) for view in views]


def measure_models(
    models: Path,
    folder: Path,
    frame_step: int,
    picture: Path | None,
    refine: Extrinsics | None = None,
    units: Units | None = None,
    rate_hz: float | None = None,
) -> dict:
    """All figures of trained models on a folder of videos, see docs/multiview.md.

    Args:
        models: folder of pose2d.pt, repnet.pt and temporal.pt.
        folder: of a calibration and videos, see :func:`pose3d.multiview.views.read_views`.
        frame_step: every n-th frame counts.
        picture: PNG with detections in some frames of all views; None: not drawn.
        refine: what of the cameras is refined for a second set of figures, see :mod:`pose3d.multiview.refinement`.
        units, rate_hz: see :func:`pose3d.multiview.views.read_views`.

    Raises:
        InputError: a model or a video is missing or damaged, one frame alone is taken, nothing moves before a camera,
            or too little is seen to refine the cameras.
    """
    detector = detector_of(*load_network(str(models / "pose2d.pt")))
    lifters = {name: load_lifter(models / f"{name}.pt") for name in LIFTERS}
    views = read_views(folder, units, rate_hz)
    cameras = [view.camera for view in views]
    takes = takes_of(views, frames_of(views, frame_step))
    person = find_person(detector, cameras, takes, views[0].fps / frame_step)
    if picture is not None:
        draw_views(picture, takes, person)

    found = person.triangulated(cameras, SEARCH_PX)
    triangulated = agreement(cameras, person)
    ask_exchanged(cameras, person)
    ask_odd_view(cameras, triangulated)
    if not disagree(triangulated):  # of views that do not agree nobody knows how large a person is
        say_size(cameras, np.where(consistent(found)[..., None], found.points_world_m, np.nan))
    report = {
        "frames": person.confidence.shape[1],
        "cameras": [camera.id for camera in cameras],
        "agree_px": AGREE_PX,
        "triangulated": triangulated,
    }
    lifted = {
        name: [
            lift(lifter, _unlabelled(view, person.in_view(v), frame_step), person.keypoints_px[v]).poses_cam_m
            for v, view in enumerate(views)
        ]
        for name, lifter in lifters.items()
    }
    report |= {name: compare_lifted(poses, views, found.points_world_m) for name, poses in lifted.items()}
    if refine is not None:
        report["refined"] = refined_figures(views, person, views[0].fps / frame_step, refine, lifted)
    return report


def agreement(cameras: Sequence[Camera], person: FoundPerson) -> dict:
    """Figures of how well the views' detections fit together."""
    found = person.triangulated(cameras, SEARCH_PX)
    return consistency(found) | {
        "confidence_mean": _rounded(person.confidence.mean()),
        "person_px": _rounded(person.size_px),
        "bone_variation_pct": _rounded(bone_variation_pct(found.points_world_m)),
    }


def consistent(found: Triangulated) -> np.ndarray:
    """(T, J) bool: joints with AGREE_VIEWS detections within AGREE_PX, or with all where there are fewer views."""
    return (found.residuals_px <= AGREE_PX).sum(0) >= min(AGREE_VIEWS, len(found.residuals_px))


def consistency(found: Triangulated) -> dict:
    """Figures of how far the views' detections, (V, T, J), agree; see the module."""
    residuals = np.where(np.isnan(found.residuals_px), np.inf, found.residuals_px)
    agreed = consistent(found)
    return {
        "residual_median_px": _rounded(np.median(residuals)),
        "residual_90th_percentile_px": _rounded(np.percentile(residuals, 90, method="higher")),
        "consistent_pct": _rounded(100 * agreed.mean()),
        "consistent_by_joint_pct": {
            name: _rounded(100 * agreed[:, joint].mean()) for joint, name in enumerate(JOINT_NAMES)
        },
        "residual_by_camera_median_px": [_rounded(np.median(view)) for view in residuals],
    }


def ask_exchanged(cameras: Sequence[Camera], person: FoundPerson) -> None:
    """Ask on stderr whether the videos of two cameras are exchanged, where views agree far better if they are.

    Two views alone tell nothing, because their rays nearly always meet.
    """
    if len(cameras) < AGREE_VIEWS:
        return
    some = person.in_frames(slice(None, None, -(-person.confidence.shape[1] // _EXCHANGED_FRAMES)))

    as_named = some.triangulated(cameras, SEARCH_PX)
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for i, j in combinations(range(len(cameras)), 2):
        order = [j if v == i else i if v == j else v for v in range(len(cameras))]
        exchanged = some.triangulated([cameras[v] for v in order], SEARCH_PX)
        if consistent(exchanged).mean() >= consistent(as_named).mean():
            both = (one.residuals_px[[i, j]] for one in (as_named, exchanged))
            before, after = (float(100 * (residuals <= AGREE_PX).mean()) for residuals in both)
            if after > max(before + _EXCHANGED_PCT, _SURE_PCT):
                found[i, j] = before, after
    if found:
        (i, j), (before, after) = max(found.items(), key=lambda pair: pair[1][1])
        print(
            f"are the videos of cameras {cameras[i].id} and {cameras[j].id} exchanged? {after:.0f} % of their joints "
            f"agree with the other views if they are, {before:.0f} % as they are named",
            file=sys.stderr,
        )


def ask_odd_view(cameras: Sequence[Camera], figures: dict) -> None:
    """Ask on stderr about the one view of three or more, if there is one, that does not agree with the others.

    Args:
        cameras: V of them.
        figures: from :func:`consistency`.
    """
    medians_px = [np.inf if value is None else value for value in figures["residual_by_camera_median_px"]]
    odd = int(np.argmax(medians_px))
    others_px = max(medians_px[:odd] + medians_px[odd + 1 :])
    if len(cameras) >= AGREE_VIEWS and medians_px[odd] > max(SEARCH_PX, _ODD * others_px):
        print(
            f"camera {cameras[odd].id} does not agree with the others, which do within {others_px:.0f} px: does its "
            "video start with theirs, is it turned, was the camera moved, or is the person hidden from it?",
            file=sys.stderr,
        )


def say_size(cameras: Sequence[Camera], poses_world_m: np.ndarray) -> None:
    """Ask on stderr for the unit of positions, where triangulated legs, of (T, 17, 3), are longer or shorter than any.

    NaN where a joint is not known; where legs never are, nothing is asked. Where all cameras look along nearly one line
    they tell no length, and that is said.
    """
    known = np.isfinite(poses_world_m).all(-1)
    if not known.any():
        return
    towards = unit(np.stack([camera.position_m for camera in cameras]) - np.median(poses_world_m[known], axis=0))
    across = np.linalg.norm(np.cross(towards[:, None], towards), axis=-1).max()  # 0 also where two look at each other
    apart_deg = np.degrees(np.arcsin(min(1.0, across)))
    if apart_deg < _NARROW_DEG:
        print(
            f"all cameras see the person along nearly one line, within {apart_deg:.0f} degrees: its distance is "
            "unsure, and so are bone lengths and all figures against triangulated poses",
            file=sys.stderr,
        )
        return
    parts = {"Hip": "Hip", "Knee": "Knee", "Ankle": "Foot"}
    points = {
        f"{side}{part}": poses_world_m[:, JOINT_NAMES.index(f"{side}{joint}")]
        for side in "LR"
        for part, joint in parts.items()
    }
    leg_m = leg_length_m(points)
    if leg_m < LEG_M[0] or leg_m > LEG_M[1]:
        print(
            f"the person's legs are {leg_m:.2g} m long by the calibration: are its positions in another unit? Say in "
            "which with --units mm, cm, in or m, because all figures in mm depend on it",
            file=sys.stderr,
        )


def bone_variation_pct(poses_m: np.ndarray) -> float:
    """Mean over bones of standard deviation by mean of the length over time, %; (T, J, 3), NaN where unknown.

    Bones never known are left out; NaN where none is known.
    """
    lengths = np.stack([np.linalg.norm(poses_m[:, child] - poses_m[:, parent], axis=-1) for parent, child in BONES])
    lengths = lengths[np.isfinite(lengths).any(1)]
    return float(100 * np.mean(np.nanstd(lengths, axis=1) / np.nanmean(lengths, axis=1))) if len(lengths) else np.nan


def compare_lifted(poses_cam_m: Sequence[np.ndarray], views: Sequence[View], triangulated_m: np.ndarray) -> dict:
    """PA-MPJPE of each view's poses (T, J, 3) to the triangulated ones, and between the views, mm.

    Only frames whose joints are all triangulated count for the former.

    Args:
        poses_cam_m: V arrays (T, J, 3), each in its camera's space.
        views: V, in the same order.
        triangulated_m: (T, J, 3) in the world, NaN where unknown.
    """
    whole = np.isfinite(triangulated_m).all((1, 2))
    pairs = [metrics.pa_mpjpe(a, b).mean() for a, b in combinations(poses_cam_m, 2)]
    against = [
        1000 * metrics.pa_mpjpe(p[whole], v.camera.world_to_camera(triangulated_m[whole])).mean()
        if whole.any()
        else np.nan
        for p, v in zip(poses_cam_m, views, strict=True)
    ]
    return {
        "frames_compared": int(whole.sum()),
        "pa_mpjpe_to_triangulated_mm": [_rounded(value) for value in against],
        "pa_mpjpe_between_views_mm": _rounded(1000 * np.mean(pairs)),
        "bone_variation_pct": _rounded(float(np.mean([bone_variation_pct(poses) for poses in poses_cam_m]))),
    }


def halves(frames: int, fps: float) -> list[tuple[slice, slice]]:
    """For each half of the frames, those to learn from (of the other half) and those to judge (of this one).

    Halves are whole stretches of time: neighbouring frames are nearly the same picture. For the same reason the frames
    next to the border are not learnt from.
    """
    middle, gap = frames // 2, int(np.ceil(GAP_S * fps))
    return [(slice(middle + gap, frames), slice(middle)), (slice(max(0, middle - gap)), slice(middle, frames))]


def refined_figures(
    views: Sequence[View],
    person: FoundPerson,
    fps: float,
    refine: Extrinsics,
    lifted: dict[str, list[np.ndarray]],
) -> dict:
    """Figures with cameras as given beside those with cameras refined on the other half of the frames.

    Args:
        views: V.
        person: found in T frames of each.
        fps: of these frames.
        refine: what may change.
        lifted: V arrays (T, J, 3) of each lifter.

    Raises:
        InputError: as :func:`pose3d.multiview.refinement.refine_extrinsics`.
    """
    given = [view.camera for view in views]
    report: dict = {"extrinsics": refine}
    cameras, parts = [], []
    for name, (learnt, judged) in zip(HALVES, halves(person.confidence.shape[1], fps), strict=True):
        seen, held_out = person.in_frames(learnt), person.in_frames(judged)
        refined = refine_extrinsics(given, seen.keypoints_px, seen.confidence, SEARCH_PX, fps, refine)
        cameras.append(refined)
        parts.append(held_out.triangulated(refined, SEARCH_PX))
        report[f"{name}_half"] = {
            "as_given": consistency(held_out.triangulated(given, SEARCH_PX)),
            "refined": consistency(parts[-1]),
            "turned_deg": _all_rounded(turned_deg(given, refined)),
            "moved_mm": _all_rounded(moved_mm(given, refined)),
            "refined_cameras": {
                camera.id: {"rotation": camera.rotation.tolist(), "translation_m": camera.translation_m.tolist()}
                for camera in refined
            },
        }
    both = Triangulated(
        np.concatenate([part.points_world_m for part in parts]),
        np.concatenate([part.residuals_px for part in parts], axis=1),
        np.concatenate([part.agreeing for part in parts], axis=1),
    )
    report["both_halves"] = {
        "as_given": consistency(person.triangulated(given, SEARCH_PX)),
        "refined": consistency(both),
        "turned_apart_deg": _all_rounded(turned_deg(*cameras)),
        "moved_apart_mm": _all_rounded(moved_mm(*cameras)),
    }
    return report | {name: compare_lifted(poses, views, both.points_world_m) for name, poses in lifted.items()}


def _all_rounded(values: np.ndarray) -> list[float | None]:
    return [_rounded(value) for value in values]


def _rounded(value: float) -> float | None:
    """For JSON, which knows no infinity."""
    return round(float(value), 2) if np.isfinite(value) else None


def _unlabelled(view: View, detected: Keypoints2D, frame_step: int) -> PoseSequence:
    """A sequence with all that a lifter reads of one, camera and frame rate; NaN for the unknown poses."""
    unknown = np.full((len(detected.keypoints_px), N_JOINTS, 3), np.nan)
    boxes = np.full((len(unknown), 4), np.nan)
    return PoseSequence(
        "person", "take", view.camera, view.fps / frame_step, unknown, unknown, detected.keypoints_px, boxes
    )


def draw_views(path: Path, takes: Sequence[FrameSource], person: FoundPerson) -> None:
    """Write a PNG: a row for each camera, with box and skeleton in frames spread over the take.

    Args:
        path: the PNG to write.
        takes: V views of T frames.
        person: boxes and keypoints in them.
    """
    shown = np.unique(np.linspace(0, person.confidence.shape[1] - 1, _SHOWN_FRAMES).round().astype(int)).tolist()
    rows = []
    for v, pictures in enumerate(takes):
        row = []
        for t, image in enumerate(pictures()):
            if t in shown:
                image = image.copy()
                x0, y0, x1, y1 = person.boxes_px[v, t].round().astype(int).tolist()
                cv2.rectangle(image, (x0, y0), (x1, y1), (255, 255, 255), 4)
                draw_skeleton(image, person.keypoints_px[v, t], thickness=8)
                row.append(cv2.resize(image, _SHOWN_SIZE_PX, interpolation=cv2.INTER_AREA))
        rows.append(np.hstack(row))
    with atomic_output(path) as partial_path:
        partial_path.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())
