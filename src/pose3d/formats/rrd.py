"""Predictions as a recording of the Rerun viewer (rerun.io): video, 2D, 3D and camera on one time line.

==========================  ===========================================================================
entity                      content
==========================  ===========================================================================
camera                      the pinhole that was assumed; it has no place for a lens' distortion
camera/image                the frames as JPEG, upright as they were looked at
camera/image/keypoints      17 points in px, and camera/image/bones the lines between them
poses/joints                the temporal lifter's 17 joints, metres in camera space, and poses/bones
poses/error_bars            ellipsoids about the joints, if the lifter gave radii: half axes of a radius
                            across and of one along the sight line (:class:`pose3d.lifting.lift.Lifted`)
==========================  ===========================================================================

Times are seconds since the first frame on the time line ``time``, and numbers from 0 on ``frame``. Where the person was
not found there is the picture alone. The package is the extra ``rerun``, and is loaded when a file is written. Rerun
stamps what it is given with the time of day, so that two files of the same content differ in bytes.
"""

import errno
import importlib.util
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pose3d.formats.predictions import Predictions
from pose3d.geometry.rotations import unit
from pose3d.geometry.skeleton import BONES, JOINT_NAMES
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output
from pose3d.show.figures import bone_colour

_JPEG_QUALITY = 80
_SPARE_BYTES = 2**24
"""More than is on its way to the disk at a time."""
_RADIUS_PX, _RADIUS_M = 3.0, 0.012
_BONES = np.array(BONES)
_BONE_COLOURS = [int(f"{bone_colour(child)[1:]}ff", 16) for _, child in BONES]


def require_rerun() -> None:
    """Look for the package.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec("rerun") is None:
        raise InputError("an rrd file needs the package rerun-sdk: run `pip install .[rerun]`")


def turned_to(directions: np.ndarray) -> np.ndarray:
    """The least rotations of the z axis onto directions (N, 3) of any length, z > 0, as quaternions (N, 4), x y z w.

    Example:
        Half of the quarter turn about y that takes z to x.

        >>> turned_to(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])).round(4).tolist()
        [[-0.0, 0.7071, 0.0, 0.7071], [-0.0, 0.0, 0.0, 1.0]]
    """
    x, y, z = unit(np.asarray(directions, np.float64)).T
    return unit(np.stack([-y, x, np.zeros_like(x), 1 + z], -1))


def write_rrd(
    path: str | os.PathLike, predictions: Predictions, images_bgr: Iterable[np.ndarray] | None = None
) -> None:
    """Write the recording atomically, frame by frame.

    Args:
        path: of the new file.
        predictions: of T frames.
        images_bgr: (H, W, 3) uint8 of each frame, in order; None: no pictures.

    Raises:
        InputError: the package is missing, or there are no temporal poses.
        OSError: the disk is full or not writable.
    """
    require_rerun()
    import rerun as rr

    lifted = predictions.lifted.get("temporal")
    if lifted is None:
        raise InputError(f"{path} cannot be written: the predictions have no temporal poses")
    view, pictures = predictions.camera, iter(images_bgr) if images_bgr is not None else None
    with atomic_output(path) as partial:
        recording = rr.RecordingStream("pose3d")
        recording.save(partial)
        recording.set_log_time_enabled(False)
        recording.set_log_tick_enabled(False)
        recording.send_recording_name(Path(path).stem)
        camera_axes = rr.ViewCoordinates.RDF  # x right, y down, z forward
        recording.log("/", camera_axes, static=True)
        pinhole = rr.Pinhole(
            image_from_camera=view.intrinsics_px, resolution=[view.width_px, view.height_px], camera_xyz=camera_axes
        )
        recording.log("camera", pinhole, static=True)
        style = {"labels": list(JOINT_NAMES), "show_labels": False}
        points_style = rr.Points2D.from_fields(**style, radii=rr.Radius.ui_points(_RADIUS_PX))
        recording.log("camera/image/keypoints", points_style, static=True)
        recording.log("camera/image/bones", rr.LineStrips2D.from_fields(colors=_BONE_COLOURS), static=True)
        recording.log("poses/joints", rr.Points3D.from_fields(**style, radii=_RADIUS_M), static=True)
        recording.log("poses/bones", rr.LineStrips3D.from_fields(colors=_BONE_COLOURS), static=True)
        for frame in range(len(predictions)):
            if shutil.disk_usage(partial.parent).free < _SPARE_BYTES:  # Rerun waits for ever on a disk that is full
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            here = slice(frame, frame + 1)
            recording.set_time("time", duration=float(predictions.time_s[here][0]))
            recording.set_time("frame", sequence=frame)
            picture = next(pictures, None) if pictures is not None else None
            if picture is not None:
                jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
                recording.log("camera/image", rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))
            shown = slice(None) if predictions.found[here][0] else slice(0)  # of nobody no points and no lines
            points_px, joints_m = predictions.keypoints_px[here][0], lifted.poses_cam_m[here][0]
            recording.log("camera/image/keypoints", rr.Points2D.from_fields(positions=points_px[shown]))
            recording.log("camera/image/bones", rr.LineStrips2D.from_fields(strips=points_px[_BONES][shown]))
            recording.log("poses/joints", rr.Points3D.from_fields(positions=joints_m[shown]))
            recording.log("poses/bones", rr.LineStrips3D.from_fields(strips=joints_m[_BONES][shown]))
            if lifted.radii_m is not None:
                across_m, along_m = lifted.radii_m[here][0][shown].T
                ellipsoids = rr.Ellipsoids3D.from_fields(
                    half_sizes=np.stack([across_m, across_m, along_m], -1),
                    centers=joints_m[shown],
                    quaternions=turned_to(joints_m[shown]),
                )
                recording.log("poses/error_bars", ellipsoids)
        recording.disconnect()  # what is still on its way is written
