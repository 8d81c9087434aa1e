"""Points in the world from their images in several calibrated cameras, some of which may be wrong.

Hartley and Zisserman, "Multiple View Geometry" (2nd edition): linear triangulation (12.2) on undistorted rays for every
pair of views, the pair that most views agree with (MSAC: Torr and Zisserman, "MLESAC", CVIU 2000; with few views all
pairs are tried and none is drawn at random), then Gauss-Newton on the reprojection error in px of those views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pose3d.geometry.camera import Camera

GAUSS_NEWTON_STEPS = 5
_STEP_M = 1e-5
_BEHIND_M = 1e-3


@dataclass(frozen=True, eq=False)
class Triangulated:
    """N points in the world.

    Attributes:
        points_world_m: (..., 3); NaN where no two views agree.
        residuals_px: (V, ...) distance of each view's keypoint from the point's image; infinite where its lens does not
            see the point, NaN where there is no point.
        agreeing: (V, ...) True for the views that the point was made from.
    """

    points_world_m: np.ndarray
    residuals_px: np.ndarray
    agreeing: np.ndarray


def triangulate(
    cameras: Sequence[Camera], keypoints_px: np.ndarray, weights: np.ndarray, threshold_px: float
) -> Triangulated:
    """Triangulate points that most of the views agree on.

    Args:
        cameras: V of them.
        keypoints_px: (V, ..., 2), distorted, as seen.
        weights: (V, ...), such as confidences; 0 leaves a view's keypoint out, as where its lens shows nothing.
        threshold_px: how far a keypoint may lie from the point's image to count as agreeing.

    Raises:
        ValueError: fewer than two cameras, shapes that do not fit, keypoints or weights that are not finite.
    """
    keypoints, weights = np.asarray(keypoints_px, np.float64), np.asarray(weights, np.float64)
    if len(cameras) < 2 or keypoints.shape != (len(cameras), *keypoints.shape[1:-1], 2):
        raise ValueError(f"at least two views of keypoints are needed, not {keypoints.shape} for {len(cameras)}")
    if weights.shape != keypoints.shape[:-1] or not (np.isfinite(keypoints).all() and np.isfinite(weights).all()):
        raise ValueError("weights must be one for each keypoint, and both finite")
    shape = keypoints.shape[1:-1]
    keypoints, weights = keypoints.reshape(len(cameras), -1, 2), weights.reshape(len(cameras), -1)
    rays = np.stack([camera.normalize(seen) for camera, seen in zip(cameras, keypoints, strict=True)])
    shown = np.isfinite(rays).all(-1)
    rays, weights = np.where(shown[..., None], rays, 0.0), np.where(shown, weights, 0.0)

    best = np.full((keypoints.shape[1], 3), np.nan)
    least = np.full(len(best), np.inf)
    chosen = np.zeros(weights.shape, bool)
    for pair in combinations(range(len(cameras)), 2):
        views = np.zeros(weights.shape, bool)
        views[list(pair)] = True
        points = linear_triangulation(cameras, rays, weights * views)
        residuals = reprojection_residuals_px(cameras, points, keypoints)
        agreeing = (residuals <= threshold_px) & (weights > 0)
        cost = (weights * np.minimum(residuals, threshold_px) ** 2).sum(0)
        better = agreeing[list(pair)].all(0) & (cost < least)
        best[better], least[better], chosen[:, better] = points[better], cost[better], agreeing[:, better]

    known = np.isfinite(least)
    points = refine(cameras, best[known], keypoints[:, known], weights[:, known] * chosen[:, known])
    residuals = np.full(weights.shape, np.nan)
    residuals[:, known] = reprojection_residuals_px(cameras, points, keypoints[:, known])
    best[known] = points
    return Triangulated(
        best.reshape(*shape, 3), residuals.reshape(len(cameras), *shape), chosen.reshape(len(cameras), *shape)
    )


def linear_triangulation(cameras: Sequence[Camera], rays: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The direct linear transform: (V, N, 2) image-plane points with (V, N) weights to (N, 3) world points, metres.

    A point at infinity comes as non-finite numbers.

    Args:
        cameras: V of them.
        rays: (V, N, 2) undistorted x/z, y/z.
        weights: (V, N), at least 0; 0 leaves a view out.
    """
    rows = []
    for camera, ray, weight in zip(cameras, rays, weights, strict=True):
        matrix = np.column_stack([camera.rotation, camera.translation_m])
        rows += [weight[:, None] * (ray[:, axis, None] * matrix[2] - matrix[axis]) for axis in (0, 1)]
    homogeneous = np.linalg.svd(np.stack(rows, axis=1), full_matrices=True)[2][:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return homogeneous[:, :3] / homogeneous[:, 3:]


def reprojection_residuals_px(cameras: Sequence[Camera], points_world_m: np.ndarray, seen_px: np.ndarray) -> np.ndarray:
    """Distances (V, N) of (N, 3) points' images from (V, N, 2) keypoints; infinite where a camera cannot see a point.

    Args:
        cameras: V of them.
        points_world_m: (N, 3).
        seen_px: (V, N, 2).
    """
    offsets = offsets_px(cameras, points_world_m, seen_px)
    return np.where(np.isfinite(offsets).all(-1), np.linalg.norm(offsets, axis=-1), np.inf)


def refine(
    cameras: Sequence[Camera], points_world_m: np.ndarray, keypoints_px: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Gauss-Newton on the weighted squared reprojection error, px; only steps that lower it are taken.

    Args:
        cameras: V of them.
        points_world_m: (N, 3), in front of every camera whose weight is not 0.
        keypoints_px: (V, N, 2).
        weights: (V, N).
    """
    points = np.array(points_world_m, np.float64)

    def weighted_offsets(at: np.ndarray) -> np.ndarray:
        offsets = offsets_px(cameras, at, keypoints_px)
        offsets[weights == 0] = 0  # these may be infinite
        return (np.sqrt(weights)[..., None] * offsets).transpose(1, 0, 2).reshape(len(at), 2 * len(cameras))

    offsets = weighted_offsets(points)
    for _ in range(GAUSS_NEWTON_STEPS):
        # Central differences of the projection itself, so that the lens distortion is in them.
        columns = [
            (weighted_offsets(points + step) - weighted_offsets(points - step)) / (2 * _STEP_M)
            for step in _STEP_M * np.eye(3)
        ]
        jacobian = np.nan_to_num(np.stack(columns, -1), posinf=0, neginf=0)
        moved = points - np.einsum("nij,nj->ni", np.linalg.pinv(jacobian), offsets)
        new = weighted_offsets(moved)
        lower = (new**2).sum(-1) < (offsets**2).sum(-1)
        points[lower], offsets[lower] = moved[lower], new[lower]
    return points


def offsets_px(cameras: Sequence[Camera], points_world_m: np.ndarray, keypoints_px: np.ndarray) -> np.ndarray:
    """Images of (N, 3) points minus (V, N, 2) keypoints; infinite behind the camera and beyond its lens's fold."""
    offsets = np.full(np.shape(keypoints_px), np.inf)
    for camera, seen, offset in zip(cameras, keypoints_px, offsets, strict=True):
        in_camera = camera.world_to_camera(points_world_m)
        ahead = np.isfinite(in_camera).all(-1) & (in_camera[:, 2] > _BEHIND_M)
        images_px = camera.project(in_camera[ahead])
        offset[ahead] = np.where(np.isnan(images_px), np.inf, images_px - seen[ahead])
    return offsets
