"""Extrinsics of calibrated cameras refined from the joints that they see: bundle adjustment.

Triggs et al., "Bundle Adjustment - A Modern Synthesis" (2000): the cameras' rotations, or rotations and positions, and
all joints in the world are moved together so that the joints' images lie near the detections. The loss is robust (soft
L1, which is convex), because detections go wrong in single views. The given calibration counts as a measurement too:
one person in one place says much about where a camera looks and little about the rest, and without it a detector's own
errors would be explained by wrong cameras. Intrinsics stay as they are.

What the pictures cannot tell is where the world lies, how it is turned and how large it is (the gauge, 7 numbers). With
the positions held it is fixed. Otherwise the refined cameras are laid onto the given ones as a whole: same centroid,
mean orientation and mean distance from the centroid. To hold one camera and one baseline would charge all other cameras
with that camera's errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.multiview.triangulation import offsets_px, triangulate
from pose3d.runtime.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Extrinsics = Literal["rotations", "full"]
EXTRINSICS: tuple[Extrinsics, ...] = get_args(Extrinsics)
"""What is refined: rotations alone, or rotations and positions."""
MIN_VIEWS = 3
"""A joint that two views see fits nearly any pair of cameras: the rays miss each other in one direction only."""
MIN_JOINTS = 50
"""Fewer joints in a camera, some three whole bodies, do not tell how it stands."""
MIN_PARALLAX_DEG = 5.0
"""Rays that are nearly parallel say little of where a joint is: such joints take no part."""
MAX_TURN_DEG = 10.0
"""A camera that would turn further was moved after its calibration, or the detections are wrong."""
NOISE_PX = 5.0
"""Of a detection of confidence 1, x and y apart; what lies further away counts less and less."""
LASTING_S = 0.5
"""How long a detector errs in the same way: frames that follow each other count as one within this time."""
CALIBRATION_DEG, CALIBRATION_MM = 0.5, 10.0
"""How exact the given calibration is thought to be."""
ROUNDS = 3
"""Better cameras make more views agree, so that joints are chosen and adjusted anew."""
_BEHIND = 1e4


def refine_extrinsics(
    cameras: Sequence[Camera],
    keypoints_px: np.ndarray,
    confidence: np.ndarray,
    threshold_px: float,
    fps: float,
    extrinsics: Extrinsics,
) -> list[Camera]:
    """The cameras with refined extrinsics, in the gauge of the given ones.

    Args:
        cameras: V >= 3, as calibrated.
        keypoints_px: (V, T, J, 2) detections of the same points in all views.
        confidence: (V, T, J), at least 0.
        threshold_px: of the triangulation; it must let detections through that a wrong calibration moves.
        fps: frames per second.
        extrinsics: what may change.

    Raises:
        InputError: there are too few cameras, a camera sees too few joints together with others, or the cameras would
            have to turn so far that the detections are not to be believed.
    """
    if len(cameras) < MIN_VIEWS:
        raise InputError(f"extrinsics are refined from three cameras or more, not {len(cameras)}: leave --refine out")
    keypoints_px = np.asarray(keypoints_px, np.float64).reshape(len(cameras), -1, 2)
    confidence = np.asarray(confidence, np.float64).reshape(len(cameras), -1)
    share = 1 / max(1.0, LASTING_S * fps)
    refined = list(cameras)
    for _ in range(ROUNDS):
        points_m, weights = _agreed(refined, keypoints_px, confidence, threshold_px)
        kept = weights.any(0)
        refined = _adjusted(
            refined, cameras, points_m[kept], keypoints_px[:, kept], weights[:, kept], share, extrinsics
        )
    if extrinsics == "full":
        refined = laid_onto(refined, cameras)
    for camera, turn_deg in zip(cameras, turned_deg(cameras, refined), strict=True):
        if turn_deg > MAX_TURN_DEG:
            raise InputError(
                f"camera {camera.id} would turn by {turn_deg:.0f} degrees to fit the detections: it was moved after "
                "its calibration, or the detections are wrong; leave --refine out"
            )
    return refined


def turned_deg(cameras: Sequence[Camera], refined: Sequence[Camera]) -> np.ndarray:
    """(V,) the angle between each camera's two orientations."""
    from scipy.spatial.transform import Rotation  # here, as below, so that a stage's --help does not wait for SciPy

    return np.array(
        [
            np.degrees(Rotation.from_matrix(b.rotation @ a.rotation.T).magnitude())
            for a, b in zip(cameras, refined, strict=True)
        ]
    )


def moved_mm(cameras: Sequence[Camera], refined: Sequence[Camera]) -> np.ndarray:
    """(V,) the distance between each camera's two positions."""
    return np.array([1000 * np.linalg.norm(b.position_m - a.position_m) for a, b in zip(cameras, refined, strict=True)])


def laid_onto(cameras: Sequence[Camera], given: Sequence[Camera]) -> list[Camera]:
    """The cameras in another world, which a similarity maps to theirs: turned, scaled and shifted as a whole.

    Afterwards their positions have the centroid and the root mean square distance from it of the given ones, and the
    mean orientation (chordal: Hartley et al., "Rotation Averaging", 2013, section 5.3) is the same. No image changes.
    """
    positions_m, given_m = (np.stack([camera.position_m for camera in some]) for some in (cameras, given))
    u, _, vt = np.linalg.svd(np.sum([g.rotation.T @ c.rotation for c, g in zip(cameras, given, strict=True)], axis=0))
    turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    centred_m, centroid_m = positions_m - positions_m.mean(0), given_m.mean(0)
    scale = np.linalg.norm(given_m - centroid_m) / np.linalg.norm(centred_m)
    laid_m = scale * centred_m @ turn.T + centroid_m
    return [_placed(c, c.rotation @ turn.T, place) for c, place in zip(cameras, laid_m, strict=True)]


def _placed(camera: Camera, rotation: np.ndarray, position_m: np.ndarray) -> Camera:
    return replace(camera, rotation=rotation, translation_m=-rotation @ position_m)


def _agreed(
    cameras: Sequence[Camera], keypoints_px: np.ndarray, confidence: np.ndarray, threshold_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) in the world and weights (V, N), 0 where a view does not take part in a point."""
    found = triangulate(cameras, keypoints_px, confidence, threshold_px)
    rays = np.stack([found.points_world_m - camera.position_m for camera in cameras])
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    apart = np.zeros(rays.shape[1], bool)
    for a, b in combinations(range(len(cameras)), 2):
        wide = (rays[a] * rays[b]).sum(-1) < np.cos(np.radians(MIN_PARALLAX_DEG))
        apart |= wide & found.agreeing[a] & found.agreeing[b]
    weights = confidence * found.agreeing * (apart & (found.agreeing.sum(0) >= MIN_VIEWS))
    for camera, seen in zip(cameras, (weights > 0).sum(1), strict=True):
        if seen < MIN_JOINTS:
            raise InputError(
                f"camera {camera.id} sees {seen} joints together with two other cameras, and {MIN_JOINTS} are needed "
                "to refine it: take more frames (--frame-step) or better models, or leave --refine out"
            )
    return found.points_world_m, weights


def _adjusted(
    cameras: Sequence[Camera],
    given: Sequence[Camera],
    points_m: np.ndarray,
    keypoints_px: np.ndarray,
    weights: np.ndarray,
    share: float,
    extrinsics: Extrinsics,
) -> list[Camera]:
    """One bundle adjustment.

    Args:
        cameras: V to start from.
        given: the same as calibrated.
        points_m: (N, 3) in the world, to start from.
        keypoints_px, weights: (V, N, 2) and (V, N); 0 leaves a detection out.
        share: how much of an independent look one frame is.
        extrinsics: what may change.
    """
    from scipy.optimize import least_squares
    from scipy.spatial.transform import Rotation

    parameters = 3 if extrinsics == "rotations" else 6
    view, point = np.nonzero(weights)
    roots = np.sqrt(weights[view, point])[:, None] / NOISE_PX
    unit = np.concatenate([np.full(3, np.radians(CALIBRATION_DEG)), np.full(parameters - 3, CALIBRATION_MM / 1000)])
    start = np.zeros((len(cameras), 6))
    for changes, camera, before in zip(start, cameras, given, strict=True):
        changes[:3] = Rotation.from_matrix(camera.rotation @ before.rotation.T).as_rotvec()
        changes[3:] = camera.position_m - before.position_m
    split = parameters * len(cameras)

    def moved(at: np.ndarray) -> list[Camera]:
        changes = at[:split].reshape(len(cameras), parameters) * unit
        return [
            _placed(
                camera,
                Rotation.from_rotvec(change[:3]).as_matrix() @ camera.rotation,
                camera.position_m + (change[3:] if parameters == 6 else 0),
            )
            for camera, change in zip(given, changes, strict=True)
        ]

    def residuals(at: np.ndarray) -> np.ndarray:
        offsets = offsets_px(moved(at), at[split:].reshape(-1, 3), keypoints_px)[view, point]
        return np.concatenate([np.nan_to_num(roots * offsets, posinf=_BEHIND).ravel(), at[:split]])

    def loss(squares: np.ndarray) -> np.ndarray:
        # Soft L1 of the detections; the calibration's own part stays quadratic.
        seen = squares[:-split]
        robust = share * np.stack([2 * np.sqrt(1 + seen) - 2, (1 + seen) ** -0.5, -0.5 * (1 + seen) ** -1.5])
        return np.concatenate([robust, np.stack([squares[-split:], np.ones(split), np.zeros(split)])], axis=1)

    found = least_squares(
        residuals,
        np.concatenate([(start[:, :parameters] / unit).ravel(), points_m.ravel()]),
        jac_sparsity=jacobian_pattern(view, point, parameters, len(cameras), len(points_m)),
        x_scale="jac",
        loss=loss,  # type: ignore[arg-type]  # the stubs ask for a keyword that no loss is called with
        ftol=1e-4,
        max_nfev=100,
    )
    return moved(found.x)


def jacobian_pattern(view: np.ndarray, point: np.ndarray, parameters: int, n_cameras: int, n_points: int) -> csr_array:
    """Which numbers an observation depends on: those of its camera and the three of its point.

    Args:
        view, point: (M,) of each observation.
        parameters: of a camera, 3 or 6.
        n_cameras, n_points: all of them.

    Returns:
        (2 * M + parameters * n_cameras, parameters * n_cameras + 3 * n_points) of 0 and 1: x and y of each observation
        in turn, then the cameras' numbers themselves.
    """
    from scipy.sparse import csr_array

    of_camera = parameters * view[:, None] + np.arange(parameters)
    of_point = parameters * n_cameras + 3 * point[:, None] + np.arange(3)
    columns = np.repeat(np.concatenate([of_camera, of_point], axis=1), 2, axis=0)
    rows = np.broadcast_to(np.arange(len(columns))[:, None], columns.shape)
    own = np.arange(parameters * n_cameras)
    rows = np.concatenate([rows.ravel(), len(columns) + own])
    shape = len(columns) + len(own), len(own) + 3 * n_points
    return csr_array((np.ones(len(rows)), (rows, np.concatenate([columns.ravel(), own]))), shape=shape)
