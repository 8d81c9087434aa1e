"""The three kinds of files in Human3.6M's official downloads: poses (CDF), videos (MP4), bounding boxes (MAT).

Poses: variable ``Pose``, (1, T, 96), 32 joints of x y z in millimetres. Boxes: variable ``Masks`` of a MAT file of
version 7.3, which is HDF5: one mask of the image's size per frame, 1 inside the box; each is a dataset of its own, so
that one mask is in memory at a time. Reading 1000 of them takes about two seconds.

cdflib has no bound on what a packed part unpacks to, so its function for that is replaced while a file is read.
"""

import math
import os
import zlib
from pathlib import Path
from unittest.mock import patch

import cv2
import h5py
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17
from pose3d.records.hdf5_checks import MAX_UNPACKED_BYTES, check_links, check_packed_dataset
from pose3d.records.interlaced import codec_is_interlaced, require_pictures
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import video_path

FRAME_RATE_HZ = 50.0
MAX_FRAMES = 1_000_000
"""No file of a take has more; a damaged one may claim anything, and memory would be set aside for it."""
MAX_CDF_BYTES = 8 * 2**20
"""Of a file of positions: 10,900 frames, unpacked, in double precision; the longest take has 6,400."""
LONGEST_GAP_FRAMES = 5
"""A video and its boxes may end this many frames before the poses do."""
PERSON_RANGE_MM = (300.0, 4000.0)
"""The longest side of the box around a person's joints, from curled up to arms stretched."""


def read_poses(path: Path) -> np.ndarray:
    """The 17 joints of a CDF file of positions, (T, 17, 3) float64, metres.

    Raises:
        InputError: no CDF file, of another shape, not finite, or not in millimetres.
    """
    import cdflib  # here, so that other data sets do not need it

    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_CDF_BYTES:
                raise ValueError("it is larger than any of a take")
        with patch("cdflib.cdfread.gzip_inflate", _inflate):
            cdf = cdflib.CDF(path)
            claim = cdf.varinq("Pose")
            if math.prod((*claim.Dim_Sizes, claim.Last_Rec + 1, 8)) > MAX_UNPACKED_BYTES:
                raise ValueError(f"it claims shape {claim.Dim_Sizes}")
            values = np.asarray(cdf.varget("Pose"))
    except Exception as error:  # cdflib follows offsets in the file: on a damaged one anything may come out
        raise InputError(
            f"{path} is not a whole CDF file with a variable Pose ({in_words(error)}): fetch it again"
        ) from None
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.ndim != 2 or values.shape[1] != 96 or values.dtype.kind != "f":
        raise InputError(f"{path}: Pose has shape {values.shape}, not (1, frames, 96), which is 32 joints of x y z")
    return kept_joints_m(values.reshape(-1, 32, 3), str(path))


def _inflate(packed: bytes) -> bytes:
    """:func:`gzip.decompress` with an end."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = unpacker.decompress(packed, MAX_UNPACKED_BYTES)
    if not unpacker.eof:
        raise ValueError("a packed part of it is cut off or unpacks to more than a take has")
    return content


def kept_joints_m(joints_mm: np.ndarray, source: str) -> np.ndarray:
    """(T, 32, 3) millimetres to (T, 17, 3) float64, metres.

    Raises:
        InputError: no frames, not finite, or another unit; names ``source``.
    """
    poses_mm = joints_mm[:, HUMAN36M_32_TO_17].astype(np.float64)
    if not len(poses_mm):
        raise InputError(f"{source} has no frames: fetch it again")
    if not np.isfinite(poses_mm).all():
        frame = int(np.argwhere(~np.isfinite(poses_mm))[0, 0])
        raise InputError(f"{source}: a position is not finite at frame {frame}: fetch it again")
    extent_mm = float(np.median((poses_mm.max(1) - poses_mm.min(1)).max(-1)))
    if not PERSON_RANGE_MM[0] <= extent_mm <= PERSON_RANGE_MM[1]:
        unit = "in metres, not millimetres" if 0.3 <= extent_mm <= 4 else "in another unit or of something else"
        raise InputError(f"{source}: people are {extent_mm:.3g} mm in size: the positions are {unit}")
    return poses_mm / 1000


def check_video(path: Path, camera: Camera, poses: int) -> tuple[int, bool]:
    """Number of frames that a video says it has, and whether it says that it is interlaced; two frames are decoded.

    Frames are found by number, so that the frame rate matters only where there are more of them than poses: at the
    right one, the recording went on; at another, frames were put in.

    Args:
        path: the video.
        camera: whose size the pictures must have.
        poses: frames that the take's poses have.

    Raises:
        InputError: it does not open, its first frame does not decode, OpenCV does not decode it because it is
            interlaced, or its size or length is not that of the take.
    """
    video = cv2.VideoCapture(video_path(path), cv2.CAP_FFMPEG)
    try:
        if not video.isOpened():
            raise InputError(f"{path} does not open as a video: the file is damaged, fetch it again")
        width, height = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
        rate_hz, claimed = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
        if (width, height) != (camera.width_px, camera.height_px):
            raise InputError(
                f"{path} is {width} x {height} px, camera {camera.id} gives {camera.width_px} x {camera.height_px}: "
                "the video was resized or is another camera's"
            )
        first = [picture for decoded, picture in (video.read(), video.read()) if decoded]
        if not first:
            raise InputError(f"{path} does not open as a video: the file is damaged, fetch it again")
        interlaced = codec_is_interlaced(video)
        require_pictures(path, first, interlaced)
    finally:
        video.release()
    frames = max(int(claimed), 1) if np.isfinite(claimed) else 1
    check_length(path, frames, "frames", poses)
    if frames > poses + LONGEST_GAP_FRAMES and abs(rate_hz - FRAME_RATE_HZ) > 0.5:
        raise InputError(
            f"{path} has {frames} frames for {poses} poses, and {rate_hz:g} a second, not {FRAME_RATE_HZ:g}: it was "
            "encoded again or is of another take"
        )
    return frames, interlaced


def read_boxes(path: Path, indices: np.ndarray, camera: Camera) -> np.ndarray:
    """Boxes (T, 4) of frames with given ascending indices, px; fewer where the file ends a little earlier.

    Args:
        path: the MAT file.
        indices: (T,) frames, from 0.
        camera: whose size the masks must have.

    Raises:
        InputError: not a MAT file of version 7.3, too few masks, or a mask is empty or of another size.
    """
    try:
        with h5py.File(path, "r") as file:
            check_links(file)
            check_packed_dataset(file["Masks"])
            if not 0 < file["Masks"].size <= MAX_FRAMES:
                raise InputError(f"{path} has {file['Masks'].size} masks: that is no take's number, fetch it again")
            masks = file["Masks"][...].ravel()
            check_length(path, len(masks), "masks", int(indices[-1]) + 1)
            kept = indices[indices < len(masks)]
            boxes = [_box(file[masks[i]], f"{path} mask {i}", camera) for i in kept]
            return np.array(boxes, np.float64).reshape(-1, 4)
    except InputError:
        raise
    except Exception as error:  # h5py raises whatever fits the damage
        raise InputError(
            f"{path} is not a whole MAT file (version 7.3) of masks ({in_words(error)}): fetch it again"
        ) from None


def check_length(path: Path, frames: int, what: str, poses: int) -> None:
    """Refuse a file that ends long before the poses do.

    Args:
        path: the file.
        frames: how many of ``what`` it has.
        what: frames or masks, for the message.
        poses: how many poses the take has.

    Raises:
        InputError: names the file and both lengths.
    """
    if frames < poses - LONGEST_GAP_FRAMES:
        raise InputError(f"{path} has {frames} {what} for {poses} poses: it is cut off or of another take")


def _box(mask: h5py.Dataset, name: str, camera: Camera) -> tuple[int, int, int, int]:
    if mask.shape != (camera.width_px, camera.height_px):  # MATLAB's columns come first
        raise InputError(
            f"{name} has shape {mask.shape[::-1]}, camera {camera.id} gives {camera.height_px} rows of "
            f"{camera.width_px} px: the boxes are another camera's"
        )
    check_packed_dataset(mask)  # a reference may lead to what no link does
    inside = mask[...] != 0
    columns, rows = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(columns):
        raise InputError(f"{name} is empty: without a box that frame cannot be cut out, fetch the file again")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
