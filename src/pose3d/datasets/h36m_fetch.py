"""Human3.6M as the tool h36m-fetch unpacks it (https://github.com/anibali/h36m-fetch), one folder per take.

::

    processed/S1/Directions-1/annot.h5                                pose/2d, pose/3d, camera, frame: a row per image
    processed/S1/Directions-1/imageSequence/<camera>/img_000001.jpg   the number is that in ``frame``

The data folder is ``processed`` or the one that holds it. The tool keeps every 64th frame of the test subjects and, of
the training subjects, those frames where a joint has moved by 40 mm, so that the time between frames varies: the frame
rate given here is that of the median step, and temporal models and errors of acceleration mean little on it. Edit the
tool's ``select_frame_indices_to_include`` to keep all frames.
"""

from pathlib import Path

import h5py
import numpy as np

from pose3d.config.dataset import H36mFetchParams
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.human36m import camera_space, make_sequence, sequence_names
from pose3d.datasets.human36m_files import FRAME_RATE_HZ, MAX_FRAMES, kept_joints_m
from pose3d.datasets.recording import Recording, SequenceName
from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import HUMAN36M_32_TO_17
from pose3d.records.frames import ImageFiles, check_jpeg_files, decode_image, read_image_file
from pose3d.records.hdf5_checks import check_links, check_packed_dataset
from pose3d.runtime.errors import InputError, in_words

KEYPOINTS_TOLERANCE_PX = 3.0
COLUMNS = {"pose/2d": ((32, 2), "f"), "pose/3d": ((32, 3), "f"), "camera": ((), "iu"), "frame": ((), "iu")}
"""Datasets of annot.h5: the shape of a row and the kinds of number."""


class H36mFetch:
    """The data set in h36m-fetch's form; a :class:`pose3d.datasets.recording.Source`.

    Raises:
        InputError: a subject or action that the data set does not have, or a subject without a folder.
    """

    def __init__(self, params: H36mFetchParams, folder: Path) -> None:
        self._folder, self._step = folder, params.frame_step
        self._processed = folder / "processed" if (folder / "processed").is_dir() else folder
        self._names = sequence_names(params, self._processed)
        self._cameras = human36m_cameras()

    def sequences(self) -> list[SequenceName]:
        """All sequences of the params' subjects and actions, sorted, without the broken one."""
        return list(self._names)

    def read(self, name: SequenceName) -> Recording:
        """Read one take of one camera.

        Raises:
            InputError: a file is missing, damaged, or not what its place says.
        """
        take, camera = self._processed / name.subject / name.action, self._cameras[name.subject][name.camera]
        annotations = take / "annot.h5"
        rows = _rows(annotations, camera)
        numbers = rows["frame"][:: self._step]
        in_camera = kept_joints_m(rows["pose/3d"], str(annotations))[:: self._step]
        poses = camera.camera_to_world(in_camera)
        sequence = make_sequence(
            name, camera, frame_rate_hz(numbers), poses, camera_space(poses, camera, str(annotations)), None
        )
        given = rows["pose/2d"][:: self._step, HUMAN36M_32_TO_17].astype(np.float64)
        apart_px = float(np.median(np.linalg.norm(given - sequence.keypoints_px, axis=-1)))
        if not apart_px <= KEYPOINTS_TOLERANCE_PX:
            raise InputError(
                f"{annotations}: pose/2d lies {apart_px:.0f} px from where pose/3d projects in camera {camera.id}: "
                "they are of two cameras or takes, or in another unit"
            )
        images = [take / "imageSequence" / camera.id / f"img_{number:06d}.jpg" for number in numbers]
        _check_images(images, camera)
        files = ImageFiles(tuple(image.relative_to(self._folder).as_posix() for image in images))
        return Recording(sequence, files, None, annotations)


def _rows(annotations: Path, camera: Camera) -> dict[str, np.ndarray]:
    """The columns of annot.h5, only the rows of one camera."""
    if not annotations.exists():
        raise InputError(f"{annotations} is missing: run h36m-fetch, or take its action out of dataset.actions")
    try:
        with h5py.File(annotations, "r") as file:
            check_links(file)
            missing = [column for column in COLUMNS if column not in file]
            if missing:
                raise InputError(f"{annotations} has no {missing[0]}: make it again with a newer h36m-fetch")
            if file["frame"].size > MAX_FRAMES:
                raise InputError(f"{annotations} claims {file['frame'].size} rows: it is damaged, run h36m-fetch again")
            for column, (shape, kinds) in COLUMNS.items():
                found = file[column]
                check_packed_dataset(found)
                if found.shape != (len(file["frame"]), *shape) or found.dtype.kind not in kinds:
                    raise InputError(
                        f"{annotations}: {column} has shape {found.shape} and type {found.dtype} for "
                        f"{len(file['frame'])} frames: run h36m-fetch again"
                    )
            mine = np.flatnonzero(file["camera"][...] == int(camera.id))
            if not len(mine):
                raise InputError(f"{annotations} has no rows of camera {camera.id}: its video was damaged or missing")
            rows = {column: file[column][...][mine] for column in COLUMNS}
    except InputError:
        raise
    except Exception as error:  # h5py raises whatever fits the damage
        raise InputError(f"{annotations} is not a whole HDF5 file ({in_words(error)}): run h36m-fetch again") from None
    rows["frame"] = rows["frame"].astype(np.int64)
    if (np.diff(rows["frame"], prepend=0) <= 0).any():
        raise InputError(f"{annotations}: frame of camera {camera.id} does not ascend from 1: the rows are shuffled")
    return rows


def frame_rate_hz(numbers: np.ndarray) -> float:
    """The frame rate of the median step between frames of these numbers (T,); the full rate for a single frame."""
    return FRAME_RATE_HZ / float(np.median(np.diff(numbers))) if len(numbers) > 1 else FRAME_RATE_HZ


def _check_images(images: list[Path], camera: Camera) -> None:
    """Refuse missing and cut off files; only the first is decoded, to learn its size."""
    check_jpeg_files(images, "run h36m-fetch again")
    height, width, _ = decode_image(read_image_file(images[0]), str(images[0])).shape
    if (width, height) != (camera.width_px, camera.height_px):
        raise InputError(
            f"{images[0]} is {width} x {height} px, camera {camera.id} gives {camera.width_px} x {camera.height_px}: "
            "the images were resized or are another camera's"
        )
