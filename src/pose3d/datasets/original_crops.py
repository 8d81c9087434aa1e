"""The original system's data for its 2D network: the person cut out of Human3.6M's images, with keypoints in the crop.

::

    cropped/S1/Directions-1/annot.h5                  pose2d (N, 17, 2), px of the crops
    cropped/S1/Directions-1/<camera>/img_000001.jpg   in the order of the number at the end of the name
    h36m_gt_train.npz, h36m_gt_test.npz               pose3d, see :mod:`pose3d.datasets.original_npz`

Rows and images meet by their order alone: those of the first camera, then those of the second, cameras in the order of
their numbers. A crop has the size of its person's box, or another that it was stretched to; pose2d is in px of each
file as it is. Nothing says where in the full image a crop was, nor how it was stretched. Both follow from the 3D poses,
because the same joints are known in the crop and, projected, in the full image. Without files of 3D poses each crop is
taken as a full image: enough for the 2D network, and for no lifter.
"""

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np

from pose3d.config.dataset import OriginalCropsParams
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.h36m_fetch import frame_rate_hz
from pose3d.datasets.human36m import BROKEN, sequence_names
from pose3d.datasets.human36m_files import MAX_FRAMES
from pose3d.datasets.original_npz import merged
from pose3d.datasets.pose_arrays import as_17_joints
from pose3d.datasets.recording import Recording, SequenceName, check_scale
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.records.frames import ImageFiles, check_jpeg_files, jpeg_sizes_px
from pose3d.records.hdf5_checks import check_links, check_packed_dataset
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError, in_words

FIT_TOLERANCE_PX = 3.0
"""Root mean square over the joints of a frame, in px of the full image."""
ADVICE = "cut the crops again, or take its action out of dataset.actions"
_IMAGE_NAME = re.compile(r"(?:\w[\w .-]*?(?<!\d))?(\d{1,9})\.jpg", re.ASCII)


@dataclass(frozen=True, eq=False)
class View:
    """One camera's part of a take, T images.

    Attributes:
        images: their files.
        numbers: (T,) in the files' names.
        keypoints_crop_px: (T, 17, 2) in the images.
    """

    images: list[Path]
    numbers: np.ndarray
    keypoints_crop_px: np.ndarray


class OriginalCrops:
    """The data set as a :class:`~pose3d.datasets.recording.Source`.

    Raises:
        InputError: a subject or action that Human3.6M does not have, a subject without a folder, or a file of 3D poses
            that is missing, damaged or of another form.
    """

    def __init__(self, params: OriginalCropsParams, folder: Path) -> None:
        if Path(params.crops).is_absolute() or ".." in Path(params.crops).parts:
            raise InputError(f"dataset.crops is {params.crops}: it must name a folder inside of {folder}")
        self._folder, self._crops, self._step = folder, folder / params.crops, params.frame_step
        self._names = sequence_names(params, self._crops)
        self._cameras = human36m_cameras()
        self._poses = merged((folder / name for name in params.poses), "pose3d")
        self._poses_files = ", ".join(str(folder / name) for name in params.poses)
        self._read_take = lru_cache(maxsize=1)(_read_take)  # a take's cameras come one after another

    def sequences(self) -> list[SequenceName]:
        """All sequences of the params' subjects and actions, sorted, without the broken one."""
        return list(self._names)

    def read(self, name: SequenceName) -> Recording:
        """Read one take of one camera.

        Raises:
            InputError: a file is missing, damaged, or not what its place says.
        """
        take = self._crops / name.subject / name.action
        cameras = (name._replace(camera=camera) for camera in sorted(self._cameras[name.subject]))
        view = self._read_take(take, tuple(n.camera for n in cameras if n != BROKEN))[name.camera]
        annotations = f"{take / 'annot.h5'}: pose2d of camera {name.camera}"
        _check_finite(view.keypoints_crop_px, annotations)
        kept = slice(None, None, self._step)
        images = view.images[kept]
        check_jpeg_files(images, ADVICE)
        sizes_px = jpeg_sizes_px(images)
        keypoints_px = view.keypoints_crop_px[kept]
        inside = ((keypoints_px >= 0) & (keypoints_px <= sizes_px[:, None])).all(-1).mean()
        if inside < 0.5:
            width, height = sizes_px[0]
            raise InputError(
                f"{annotations}: {100 * inside:.0f} % of the joints lie in the crops, the first of {width} x {height} "
                "px: it must be in px of each crop, not of the full images"
            )
        if self._poses_files:
            poses_mm, poses_file = self._poses_of(name, len(view.images))
            camera = self._cameras[name.subject][name.camera]
            sources = (annotations, poses_file)
            arrays = _in_full_image(name, camera, poses_mm[kept], keypoints_px, sizes_px, sources, images)
        else:
            poses_file = take / "annot.h5"
            camera = _nominal_camera(name.camera, *sizes_px.max(0).tolist())
            arrays = _in_crops(keypoints_px, sizes_px)
        rate_hz = frame_rate_hz(view.numbers[kept])
        sequence = PoseSequence(name.subject, name.action, camera, rate_hz, *(a.astype(np.float32) for a in arrays))
        paths = tuple(image.relative_to(self._folder).as_posix() for image in images)
        return Recording(sequence, ImageFiles(paths, sizes_px), None, poses_file)

    def _poses_of(self, name: SequenceName, n_images: int) -> tuple[np.ndarray, Path]:
        """(T, 17, 3) camera space, millimetres, and the file that has them."""
        if name not in self._poses:
            raise InputError(f"{self._poses_files}: no pose3d of {name.key}, of which there are crops: add its file")
        array, path = self._poses[name]
        poses_mm = as_17_joints(array, (3,), f"{path}: {name.key}")
        if len(poses_mm) != n_images:
            raise InputError(
                f"{path}: {name.key}: {len(poses_mm)} poses for {n_images} crops: they are of different choices of "
                "frames; name the file that belongs to the crops in dataset.poses"
            )
        _check_finite(poses_mm, f"{path}: {name.key}: pose3d")
        return poses_mm, path


def fit_crops(crop_px: np.ndarray, image_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place of crops in the full image: ``image = scale * crop + offset`` by least squares, along x and y apart.

    Args:
        crop_px, image_px: (T, J, 2), the same joints in px of each.

    Returns:
        scale (T, 2) and offset (T, 2), and the root mean square (T,) of what remains, px of the full image. NaN where
        all joints of a frame have one x or one y in the crop.
    """
    crop_mean, image_mean = crop_px.mean(1), image_px.mean(1)
    crop, image = crop_px - crop_mean[:, None], image_px - image_mean[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = (crop * image).sum(1) / (crop**2).sum(1)
    rest = image - scale[:, None] * crop
    return scale, image_mean - scale * crop_mean, np.sqrt((rest**2).sum(-1).mean(-1))


def _in_full_image(
    name: SequenceName,
    camera: Camera,
    poses_mm: np.ndarray,
    keypoints_crop_px: np.ndarray,
    crop_sizes_px: np.ndarray,
    sources: tuple[str, Path],
    images: list[Path],
) -> tuple[np.ndarray, ...]:
    """World and camera-space poses, keypoints and boxes, as :class:`PoseSequence` has them."""
    annotations, path = sources
    poses_cam_m = poses_mm.astype(np.float64) / 1000
    check_scale(f"{path}: {name.key}", poses_cam_m)
    try:
        projected_px = camera.project(poses_cam_m)
    except ValueError:
        raise InputError(f"{path}: {name.key}: joints lie behind camera {camera.id}: axes are swapped") from None
    scale, offset_px, apart_px = fit_crops(keypoints_crop_px, projected_px)
    fits = (apart_px <= FIT_TOLERANCE_PX) & (scale > 0).all(-1)
    if not fits.all():
        frame = int(np.argmin(fits))
        if np.isnan(apart_px[frame]):
            raise InputError(
                f"{annotations}, of {images[frame].name}: all joints have one x or one y, so that no place in the full "
                "image can be fitted to them: leave the take out of dataset.actions"
            )
        raise InputError(
            f"{annotations}, of {images[frame].name}, does not fit pose3d of {path}, {apart_px[frame]:.3g} px apart at "
            "best: the two files' rows are in another order, or of different takes"
        )
    keypoints_px = scale[:, None] * keypoints_crop_px + offset_px[:, None]
    boxes_px = np.concatenate([offset_px, offset_px + scale * crop_sizes_px], axis=-1)
    return camera.camera_to_world(poses_cam_m), poses_cam_m, keypoints_px, boxes_px


def _in_crops(keypoints_crop_px: np.ndarray, crop_sizes_px: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same of 2D only: no poses, and boxes that are the whole crops."""
    no_poses = np.full((len(crop_sizes_px), N_JOINTS, 3), np.nan)
    return no_poses, no_poses, keypoints_crop_px, np.pad(crop_sizes_px, [(0, 0), (2, 0)])


def _nominal_camera(camera_id: str, width_px: int, height_px: int) -> Camera:
    """A camera of the largest crop's size. Its focal length is arbitrary, because 2D without 3D is not lifted."""
    focal_px = max(width_px, height_px)
    intrinsics_px = np.array([[focal_px, 0, width_px / 2], [0, focal_px, height_px / 2], [0, 0, 1]])
    return Camera(camera_id, width_px, height_px, intrinsics_px, np.zeros(5), np.eye(3), np.zeros(3))


def _read_take(take: Path, cameras: tuple[str, ...]) -> dict[str, View]:
    """Every camera's images and keypoints of one take.

    Raises:
        InputError: a folder or annot.h5 is missing or damaged, or they do not have as many images as rows.
    """
    images = {camera: _numbered_images(take / camera) for camera in cameras}
    keypoints_px = _read_pose2d(take / "annot.h5")
    counts = [len(of_camera) for of_camera in images.values()]
    if len(keypoints_px) != sum(counts):
        shown = ", ".join(f"{count} of {camera}" for camera, count in zip(cameras, counts, strict=True))
        raise InputError(
            f"{take / 'annot.h5'} has {len(keypoints_px)} rows of pose2d for {sum(counts)} images ({shown}): each must "
            f"have its row; {ADVICE}"
        )
    rows = np.split(keypoints_px, np.cumsum(counts)[:-1])
    return {
        camera: View(list(images[camera].values()), np.array(list(images[camera])), of_camera)
        for camera, of_camera in zip(cameras, rows, strict=True)
    }


def _numbered_images(folder: Path) -> dict[int, Path]:
    """The images in a folder by the number in their names, ascending; hidden files are left out."""
    if not folder.is_dir():
        raise InputError(f"{folder} is missing: {ADVICE}")
    numbered: dict[int, Path] = {}
    for file_name in sorted(os.listdir(folder)):
        if not file_name.endswith(".jpg") or file_name.startswith("."):
            continue
        path, match = folder / file_name, _IMAGE_NAME.fullmatch(file_name)
        if not match:
            raise InputError(f"{path}: its name must end in a number of up to nine digits, which says where it belongs")
        number = int(match[1])
        if number in numbered:
            raise InputError(f"{path} has the same number as {numbered[number].name}: remove one of the two")
        numbered[number] = path
    if not numbered:
        raise InputError(f"{folder} holds no images *.jpg: {ADVICE}")
    return dict(sorted(numbered.items()))


def _read_pose2d(path: Path) -> np.ndarray:
    """(N, 17, 2) float64."""
    if not path.exists():
        raise InputError(f"{path} is missing: {ADVICE}")
    try:
        with h5py.File(path, "r") as file:
            check_links(file)
            if "pose2d" not in file:
                raise InputError(f"{path} has no pose2d: {ADVICE}")
            found = file["pose2d"]
            check_packed_dataset(found)
            shape = (N_JOINTS, 2)
            if found.shape[1:] != shape or found.dtype.kind not in "fiu" or len(found) > MAX_FRAMES:
                raise InputError(
                    f"{path}: pose2d has shape {found.shape} and type {found.dtype}, not images x 17 joints x 2 "
                    f"numbers: {ADVICE}"
                )
            return found[...].astype(np.float64)
    except InputError:
        raise
    except Exception as error:  # h5py raises whatever fits the damage
        raise InputError(f"{path} is not a whole HDF5 file ({in_words(error)}): {ADVICE}") from None


def _check_finite(array: np.ndarray, where: str) -> None:
    bad = ~np.isfinite(array)
    if bad.any():
        frame, joint, _ = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(f"{where} is not finite at frame {frame}, joint {JOINT_NAMES[joint]}; {ADVICE}")
