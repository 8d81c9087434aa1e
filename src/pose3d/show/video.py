"""Frames of a short video: the image with the reprojected skeleton, then poses in 3D on a floor of squares of half a
metre. Image and view follow the person.
"""

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from pose3d.geometry.camera import apply_affine, crop_from_image
from pose3d.geometry.skeleton import BONES, ROOT
from pose3d.geometry.upright import stand
from pose3d.show.figures import METHOD_TITLES, REPROJECTION_TITLE, TRAIL, TRUTH_TITLE, bone_colour
from pose3d.show.follow import follow, picture_squares

SIDE_PX, HEADER_PX, GAP_PX = 320, 32, 8
FLOOR_SQUARE_M = 0.5
TRAIL_S = 4.0
FLOOR_REACH = 1.6
"""Radius of the floor that is drawn around the person, by half of what the view spans."""
SPACE_MARGIN, MIN_REACH_M = 1.1, 1.0
"""Half of what a view in 3D spans, by what the person needs and at least."""
_YAW, _PITCH = np.radians(30), np.radians(12)
# Upright axes seen from a little to the right and above, so that depth shows; to x right, y down, and z away.
_VIEW = np.array(
    [
        [np.cos(_YAW), np.sin(_YAW), 0],
        [np.sin(_PITCH) * np.sin(_YAW), -np.sin(_PITCH) * np.cos(_YAW), -np.cos(_PITCH)],
        [-np.cos(_PITCH) * np.sin(_YAW), np.cos(_PITCH) * np.cos(_YAW), -np.sin(_PITCH)],
    ]
)
_SPACE_BGR, _FLOOR_BGR, _TEXT_BGR = (246, 246, 246), (212, 212, 212), (40, 40, 40)


def _bgr(colour: str) -> tuple[int, ...]:
    return tuple(reversed(bytes.fromhex(colour.removeprefix("#"))))


_TRAIL_BGR = _bgr(TRAIL)
_BGR, _TRUTH_BGR = ([_bgr(bone_colour(child, truth)) for _, child in BONES] for truth in (False, True))


def draw_skeleton(
    image_bgr: np.ndarray,
    points_px: np.ndarray,
    thickness: int = 3,
    truth: bool = False,
    depths: np.ndarray | None = None,
) -> None:
    """Draw a skeleton (J, 2) into an image in place, to 1/16 px; bones of joints that are NaN are left out.

    Args:
        image_bgr: (H, W, 3) uint8.
        points_px: (J, 2).
        thickness: of the bones, px.
        truth: in the colours of the truth.
        depths: (J,) how far away the joints are: near bones are drawn over far ones. None: in the skeleton's order.
    """
    known = np.isfinite(points_px).all(-1)
    points = _sixteenths(np.where(known[:, None], points_px, 0))
    bones = [bone for bone in zip(BONES, _TRUTH_BGR if truth else _BGR, strict=True) if known[list(bone[0])].all()]
    if depths is not None:
        bones.sort(key=lambda bone: -depths[list(bone[0])].sum())
    for (parent, child), colour in bones:
        cv2.line(image_bgr, points[parent].tolist(), points[child].tolist(), colour, thickness, cv2.LINE_AA, shift=4)


def _sixteenths(points_px: np.ndarray) -> np.ndarray:
    # OpenCV's pixel centres are integers.
    return np.clip(np.round((points_px - 0.5) * 16), -(2**20), 2**20).astype(np.int32)


def view_px(upright_m: np.ndarray, centre_m: np.ndarray, reach_m: float) -> np.ndarray:
    """Orthographic view of (..., 3) points, upright axes, in px of a :data:`SIDE_PX` square.

    Args:
        upright_m: (..., 3), x right, y away, z up.
        centre_m: (3,) what the square's middle shows.
        reach_m: half of what its side spans.
    """
    return (upright_m - centre_m) @ _VIEW[:2].T * (SIDE_PX / (2 * reach_m)) + SIDE_PX / 2


def space_views(upright_m: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """What the views in 3D look at and half of what they span, metres: (T, 3) and (T,), see :func:`follow`.

    Args:
        upright_m: (T, J, 3) the poses that are followed, upright axes.
        fps: frames per second.
    """
    centres_m, reaches_m = follow(upright_m, fps, _VIEW[:2])
    return centres_m, np.maximum(MIN_REACH_M, SPACE_MARGIN * reaches_m)


def demo_poses(
    single_cam_m: np.ndarray, temporal_cam_m: np.ndarray, truth_cam_m: np.ndarray | None, single_has_root: bool
) -> dict[str, np.ndarray]:
    """The poses (T, J, 3) of the original's demo by title, in its order: single frame, temporal, ground truth if any.

    The original's single-frame model gives no root of its own, so it is put at the true one, or without a truth at the
    temporal model's.

    Args:
        single_cam_m, temporal_cam_m, truth_cam_m: (T, J, 3) in camera space, metres.
        single_has_root: whether the first are in their place, and need not be moved.
    """
    if not single_has_root:
        place = temporal_cam_m if truth_cam_m is None else truth_cam_m
        poses_m, roots_m = np.asarray(single_cam_m, np.float64), np.asarray(place, np.float64)[:, ROOT : ROOT + 1]
        single_cam_m = poses_m - poses_m[:, ROOT : ROOT + 1] + roots_m
    poses = {
        METHOD_TITLES["repnet"]: single_cam_m,
        METHOD_TITLES["temporal"]: temporal_cam_m,
    }
    return poses if truth_cam_m is None else poses | {TRUTH_TITLE: truth_cam_m}


def side_by_side(
    images_rgb: Iterable[np.ndarray],
    fps: float,
    keypoints_px: np.ndarray,
    boxes_px: np.ndarray,
    poses_cam_m: dict[str, np.ndarray],
    up_cam: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Frames of the video, BGR: the image with the skeleton, then each method over the truth in grey, then the truth.

    Panels are squares of :data:`SIDE_PX`, :data:`GAP_PX` apart and under a header of :data:`HEADER_PX`. They follow the
    person: of the image they show the part around it, in 3D the floor goes by, with the way of :data:`TRAIL_S`.

    Args:
        images_rgb: T full images.
        fps: frames per second.
        keypoints_px: (T, J, 2) skeleton to draw over them, px of the full image.
        boxes_px: (T, 4).
        poses_cam_m: title to (T, J, 3), all in the same camera space, the method trusted most last, and after it the
            truth, called "ground truth", if there is one. The last one sets the floor and is followed. Frames where
            nobody was found are NaN, here as in the keypoints and boxes.
        up_cam: as :func:`pose3d.geometry.upright.stand` has it.
    """
    upright_m = stand(poses_cam_m, up_cam)
    centres_m, reaches_m = space_views(list(upright_m.values())[-1], fps)
    truth = upright_m.get(TRUTH_TITLE)
    lefts = [i * (SIDE_PX + GAP_PX) for i in range(1 + len(upright_m))]
    blank = np.full((HEADER_PX + SIDE_PX, lefts[-1] + SIDE_PX, 3), 255, np.uint8)
    font = cv2.FontFace("sans")
    for title, left in zip([REPROJECTION_TITLE, *upright_m], lefts, strict=True):
        cv2.putText(blank, title, (left + 2, HEADER_PX - 10), _TEXT_BGR, font, 20, 400)
    squares_px, trail_frames = None, round(TRAIL_S * fps)
    for t, image in enumerate(images_rgb):
        if squares_px is None:
            squares_px = picture_squares(keypoints_px, boxes_px, (image.shape[1], image.shape[0]), fps)
        frame = blank.copy()
        first, *others = (frame[HEADER_PX:, left : left + SIDE_PX] for left in lefts)
        first[...] = _cut_out(image, squares_px[t])[..., ::-1]
        draw_skeleton(first, apply_affine(crop_from_image(squares_px[t], SIDE_PX), keypoints_px[t]))
        space = _space(centres_m[max(0, t - trail_frames) : t + 1], reaches_m[t])
        for panel, (title, poses) in zip(others, upright_m.items(), strict=True):
            panel[...] = space
            skeletons = [] if truth is None else [(truth[t], 3 if title == TRUTH_TITLE else 2, True)]
            if title != TRUTH_TITLE:
                skeletons.append((poses[t], 3, False))
            for pose_m, thickness, is_truth in skeletons:
                points_px = view_px(pose_m, centres_m[t], reaches_m[t])
                draw_skeleton(panel, points_px, thickness, is_truth, depths=pose_m @ _VIEW[2])
        yield frame


def _cut_out(image: np.ndarray, square_px: np.ndarray) -> np.ndarray:
    """The square of an image, resampled to :data:`SIDE_PX`; what lies outside the image is empty."""
    height, width = image.shape[:2]
    # Halved while it is twice too large, by means of pixels, so that nothing flickers.
    halvings = max(0, int(np.log2(square_px[2] / SIDE_PX)))
    if halvings:
        shape = (max(1, width >> halvings), max(1, height >> halvings))
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    warp = crop_from_image(square_px, SIDE_PX)
    warp[0, 0] *= width / image.shape[1]
    warp[1, 1] *= height / image.shape[0]
    # warpAffine puts pixel centres at integers, our transforms at +0.5.
    warp[:, 2] += 0.5 * warp[:, :2].sum(1) - 0.5
    return cv2.warpAffine(image, warp, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR, borderValue=_SPACE_BGR)


def _space(path_m: np.ndarray, reach_m: float) -> np.ndarray:
    """The floor around the last point of a path (t, 3) of the view, with the way that led there."""
    panel = np.full((SIDE_PX, SIDE_PX, 3), _SPACE_BGR, np.uint8)
    centre_m = path_m[-1]

    def draw(lines_m: Sequence[np.ndarray], colour: tuple[int, ...], thickness: int) -> None:
        lines = [_sixteenths(view_px(line_m, centre_m, reach_m)) for line_m in lines_m]
        cv2.polylines(panel, lines, False, colour, thickness, cv2.LINE_AA, shift=4)

    draw(list(floor_lines(centre_m[:2], FLOOR_REACH * reach_m)), _FLOOR_BGR, 1)
    draw([way for way in trail(path_m) if np.ptp(way, 0).any()], _TRAIL_BGR, 2)
    return panel


def trail(path_m: np.ndarray) -> list[np.ndarray]:
    """The way (t, 3) of a view on the floor, apart where the view jumped: (N, 3) each."""
    way_m = path_m * [1, 1, 0]
    steps_m = np.linalg.norm(np.diff(way_m, axis=0), axis=1)
    return np.split(way_m, np.flatnonzero(steps_m > FLOOR_SQUARE_M) + 1)


def floor_lines(centre_m: np.ndarray, radius_m: float) -> np.ndarray:
    """Ends (N, 2, 3) of the lines between the floor's squares in a circle.

    Args:
        centre_m: (2,) of the circle, on the floor.
        radius_m: of it.
    """
    lines = []
    for axis in (0, 1):
        first, last = np.array([-radius_m, radius_m]) + centre_m[axis]
        for at in np.arange(np.ceil(first / FLOOR_SQUARE_M), np.floor(last / FLOOR_SQUARE_M) + 1) * FLOOR_SQUARE_M:
            half = np.sqrt(max(0.0, radius_m**2 - (at - centre_m[axis]) ** 2))
            ends = np.zeros((2, 3))
            ends[:, axis], ends[:, 1 - axis] = at, centre_m[1 - axis] + np.array([-half, half])
            lines.append(ends)
    return np.array(lines)
