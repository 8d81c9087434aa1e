"""Score trained models on synchronised videos from calibrated cameras that have no labels.

    python -m pose3d.evaluate_views --models data/models --output metrics/views.json

Without ``--folder`` the videos are those of the Python package pose2sim: one person, four cameras. A folder of one's
own holds calibration.qca.txt and one mp4 for each camera (docs/multiview.md).

Joints are detected in every video by itself and triangulated. What is measured needs no truth: how far the detections
lie from the triangulated joints' images, how many joints most cameras agree on, whether bones keep their lengths, and
how the lifters' poses, each from one camera only, compare with the triangulated ones and with each other.
"""

import argparse
import json
import sys
from collections.abc import Sequence as ListLike
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from pose3d import metrics
from pose3d.camera import crop_from_image
from pose3d.datasets.multiview import View, read_views
from pose3d.datasets.packages import MULTIVIEW_PACKAGES, cached_files
from pose3d.errors import InputError
from pose3d.files import atomic_output, write_text
from pose3d.frames import video_frames
from pose3d.records import Keypoints2D, Sequence
from pose3d.skeleton import BONES, JOINT_NAMES, N_JOINTS
from pose3d.triangulation import Triangulated, triangulate

AGREE_PX = 15.0
AGREE_VIEWS = 3
"""A joint is consistent when this many views (all, where there are fewer) lie within AGREE_PX of it: two always nearly
do, for two rays miss each other in one direction only."""
SEARCH_PX = 40.0
"""Threshold of the triangulation, so that what lies between it and AGREE_PX still counts in the residuals."""
CROP_MARGIN = 1.25
BACKGROUND_FRAMES = 15
BACKGROUND_SCALE = 4
DIFFERENCE = 30
"""Grey levels (largest over the channels) between which and the background a px belongs to the person."""
BOX_MARGIN = 0.08
SURE = 0.3
"""Confidence from which a keypoint counts for the box of the second pass."""
LIFTERS = ("repnet", "temporal")


def moving_boxes(images_bgr: ListLike[np.ndarray]) -> np.ndarray:
    """Boxes (T, 4) px around what moves most before a camera that stands still.

    The background is the median of some of the frames; the person is the largest connected region that differs from it.
    Where a frame has none, the box of the nearest frame that has one is taken.

    Raises:
        InputError: nothing moves in any frame.
    """
    small = [
        cv2.resize(i, None, fx=1 / BACKGROUND_SCALE, fy=1 / BACKGROUND_SCALE, interpolation=cv2.INTER_AREA)
        for i in images_bgr
    ]
    chosen = np.linspace(0, len(small) - 1, min(len(small), BACKGROUND_FRAMES)).round().astype(int)
    background = np.median([small[i] for i in chosen], axis=0).astype(np.uint8)
    boxes = np.full((len(small), 4), np.nan)
    for t, image in enumerate(small):
        mask = (cv2.absdiff(image, background).max(-1) > DIFFERENCE).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        if count > 1:
            x, y, width, height, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
            boxes[t] = np.array([x, y, x + width, y + height]) * BACKGROUND_SCALE
    found = np.flatnonzero(np.isfinite(boxes[:, 0]))
    if not len(found):
        raise InputError("nothing moves before a camera: the videos must show a person who moves, from cameras at rest")
    nearest = found[np.abs(np.arange(len(boxes))[:, None] - found).argmin(1)]
    return steady(boxes[nearest])


def steady(boxes_px: np.ndarray) -> np.ndarray:
    """Boxes (T, 4) with each side the median over five frames, so that one bad frame moves nothing."""
    padded = np.pad(boxes_px, ((2, 2), (0, 0)), mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5, axis=0), axis=-1)


def boxes_around(detected: Keypoints2D) -> np.ndarray:
    """Boxes (T, 4) px around the sure keypoints (all, where fewer than half are), with a margin for head and hands."""
    boxes = []
    for keypoints, confidence in zip(detected.keypoints_px, detected.confidence, strict=True):
        sure = confidence >= SURE
        seen = keypoints[sure] if sure.sum() > N_JOINTS / 2 else keypoints
        low, high = seen.min(0), seen.max(0)
        margin = BOX_MARGIN * (high - low).max() + 1
        boxes.append([*(low - margin), *(high + margin)])
    return steady(np.array(boxes, np.float64))


def detect_in_boxes(detector: tuple, images_bgr: ListLike[np.ndarray], boxes_px: np.ndarray) -> Keypoints2D:
    """Keypoints of the person in the box (T, 4) of each image, px of the full image.

    Args:
        detector: from :func:`pose3d.pose2d.inference.load_network`.
    """
    import torch

    from pose3d.pose2d.batches import Batch
    from pose3d.pose2d.crops import cut_square, whole_px_square
    from pose3d.pose2d.inference import BATCH_SIZE, detect, to_full_image

    network, architecture = detector
    size = architecture["crop_size_px"]
    squares = whole_px_square(boxes_px, CROP_MARGIN)
    crops = np.stack([cut_square(i, square, size)[..., ::-1] for i, square in zip(images_bgr, squares, strict=True)])
    batches = (
        Batch(torch.from_numpy(crops[start : start + BATCH_SIZE].copy()), torch.zeros(0))
        for start in range(0, len(crops), BATCH_SIZE)
    )
    found = detect(network, batches, torch.device("cpu"), "local_soft_argmax", architecture["sigma_heatmap_px"], True)
    return to_full_image(found, crop_from_image(squares, size))


def find_person(detector: tuple, images_bgr: ListLike[np.ndarray]) -> tuple[Keypoints2D, np.ndarray]:
    """Keypoints of the moving person in one camera's images and the boxes (T, 4) they were found in, in two passes."""
    boxes = moving_boxes(images_bgr)
    first = detect_in_boxes(detector, images_bgr, boxes)
    closer_boxes = boxes_around(first)
    second = detect_in_boxes(detector, images_bgr, closer_boxes)
    # Where the first pass went wrong its box misses the person: the second is then less sure.
    surer = second.confidence.mean(-1) > first.confidence.mean(-1)
    keypoints = np.where(surer[:, None, None], second.keypoints_px, first.keypoints_px)
    confidence = np.where(surer[:, None], second.confidence, first.confidence)
    return Keypoints2D(keypoints, confidence), np.where(surer[:, None], closer_boxes, boxes)


def consistency(found: Triangulated) -> dict:
    """What the views make of each other's detections, (V, T, J); see the module."""
    views = min(AGREE_VIEWS, len(found.residuals_px))
    residuals = np.where(np.isnan(found.residuals_px), np.inf, found.residuals_px)
    consistent = (residuals <= AGREE_PX).sum(0) >= views
    return {
        "residual_median_px": _rounded(np.median(residuals)),
        "residual_90th_percentile_px": _rounded(np.percentile(residuals, 90, method="higher")),
        "consistent_pct": _rounded(100 * consistent.mean()),
        "consistent_by_joint_pct": {
            name: _rounded(100 * consistent[:, joint].mean()) for joint, name in enumerate(JOINT_NAMES)
        },
        "residual_by_camera_median_px": [_rounded(np.median(view)) for view in residuals],
    }


def bone_variation_pct(poses_m: np.ndarray) -> float:
    """Mean over bones of standard deviation by mean of the length over time, %; (T, J, 3), NaN where unknown."""
    lengths = np.stack([np.linalg.norm(poses_m[:, child] - poses_m[:, parent], axis=-1) for parent, child in BONES])
    return float(100 * np.mean(np.nanstd(lengths, axis=1) / np.nanmean(lengths, axis=1)))


def compare_lifted(poses_cam_m: ListLike[np.ndarray], views: ListLike[View], triangulated_m: np.ndarray) -> dict:
    """PA-MPJPE of each view's poses (T, J, 3) to the triangulated ones, and between the views, mm.

    Only frames whose joints are all triangulated count for the former.
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
        "bone_variation_pct": _rounded(np.mean([bone_variation_pct(poses) for poses in poses_cam_m])),
    }


def _rounded(value: float) -> float | None:
    """For JSON, which knows no infinity."""
    return round(float(value), 2) if np.isfinite(value) else None


def evaluate(models: Path, folder: Path, frame_step: int, overlay: Path | None) -> dict:
    """All figures, and a picture of the detections where ``overlay`` names a file.

    Raises:
        InputError: a model or a video is missing or damaged.
    """
    from pose3d.lifting.lift import lift, load_lifter
    from pose3d.pose2d.inference import load_network

    detector = load_network(str(models / "pose2d.pt"))
    lifters = {name: load_lifter(models / f"{name}.pt") for name in LIFTERS}
    views = read_views(folder)
    indices = np.arange(0, views[0].frames, frame_step)
    detections, shown = [], []
    for view in views:  # one camera's images at a time: they fill gigabytes
        images = list(video_frames(view.video, indices))
        detected, boxes = find_person(detector, images)
        detections.append(detected)
        shown.append(_drawn(images, detected, boxes) if overlay else None)
    if overlay:
        with atomic_output(overlay) as partial:
            partial.write_bytes(cv2.imencode(".png", np.vstack(shown))[1].tobytes())

    found = triangulate(
        [view.camera for view in views],
        np.stack([one.keypoints_px for one in detections]),
        np.stack([one.confidence for one in detections]),
        SEARCH_PX,
    )
    report = {
        "frames": len(indices),
        "cameras": [view.camera.id for view in views],
        "agree_px": AGREE_PX,
        "triangulated": consistency(found) | {"bone_variation_pct": _rounded(bone_variation_pct(found.points_world_m))},
    }
    for name, lifter in lifters.items():
        poses = [
            lift(lifter, _unlabelled(view, detected, frame_step), detected.keypoints_px).poses_cam_m
            for view, detected in zip(views, detections, strict=True)
        ]
        report[name] = compare_lifted(poses, views, found.points_world_m)
    return report


def _unlabelled(view: View, detected: Keypoints2D, frame_step: int) -> Sequence:
    """What a lifter reads of a sequence, camera and frame rate, with NaN for the poses that nobody knows."""
    unknown = np.full((len(detected.keypoints_px), N_JOINTS, 3), np.nan)
    boxes = np.full((len(unknown), 4), np.nan)
    return Sequence(
        "person", "take", view.camera, view.fps / frame_step, unknown, unknown, detected.keypoints_px, boxes
    )


def _drawn(images_bgr: ListLike[np.ndarray], detected: Keypoints2D, boxes_px: np.ndarray) -> np.ndarray:
    """Five frames of one camera side by side with box and skeleton, 640 px high."""
    from pose3d.video import draw_skeleton

    row = []
    for t in np.linspace(0, len(images_bgr) - 1, 5).round().astype(int):
        image = images_bgr[t].copy()
        x0, y0, x1, y1 = boxes_px[t].round().astype(int).tolist()
        cv2.rectangle(image, (x0, y0), (x1, y1), (255, 255, 255), 3)
        draw_skeleton(image, detected.keypoints_px[t], thickness=6)
        row.append(cv2.resize(image, (360, 640), interpolation=cv2.INTER_AREA))
    return np.hstack(row)


def as_text(report: dict) -> str:
    """The figures as lines for people."""
    lines = [f"{report['frames']} frames of {len(report['cameras'])} cameras"]
    for part, figures in report.items():
        if isinstance(figures, dict):
            lines += ["", part, *(f"  {name:32} {value}" for name, value in figures.items())]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the figures; bad input ends it with one sentence and exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m pose3d.evaluate_views",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="folder of the trained models")
    parser.add_argument("--folder", type=Path, help="calibration and videos; by default those of pose2sim")
    parser.add_argument("--frame-step", type=int, default=2, metavar="N", help="take every n-th frame; by default 2")
    parser.add_argument("--output", type=Path, metavar="JSON", help="also write the figures there")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="draw the detections")
    given = parser.parse_args(arguments)
    if given.frame_step < 1:
        parser.error("--frame-step must be at least 1")
    try:
        folder = given.folder or cached_files(MULTIVIEW_PACKAGES[0]) / "multiview"
        report = evaluate(given.models, folder, given.frame_step, given.overlay)
    except InputError as error:
        sys.exit(f"error: {error}")
    if given.output:
        write_text(given.output, json.dumps(report, indent=2) + "\n")
    print(as_text(report))


if __name__ == "__main__":
    main()
