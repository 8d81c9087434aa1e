"""frames.h5: the pictures of each sequence, or where in the user's own data they are.

Rendered frames are in the file, encoded. Those of recorded data sets stay in the user's videos and image files, to
which the file refers by path (relative to the data folder, so that the file's bytes do not depend on the machine).

======================  =============================================================================================
of a sequence's group   content
======================  =============================================================================================
encoded, offsets        the frames themselves, see :mod:`pose3d.records.sequences`
attribute video         path of a video; dataset ``frame_indices`` (T,) int64 says which of its frames, ascending
dataset image_paths     (T,) paths of image files
dataset crop_sizes_px   (T, 2) int64 widths and heights of image files that are cut already: each shows its box, maybe
                        stretched
======================  =============================================================================================

Root attribute ``folder``: ``dataset.folder``; empty where the environment names the folder. A data set
without images has no groups here.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from pose3d.records.encoded_images import EncodedImages
from pose3d.records.hdf5 import open_hdf5, read_strings, write_dataset, write_strings
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import video_path
from pose3d.runtime.user_data import data_folder

NO_IMAGE_GREY = 235
MAX_IMAGE_BYTES = 2**27
"""Of an image file: more than 8K has unpacked."""
PART_FRAMES = 256
"""Most frames of a part of a sequence, see :meth:`Frames.parts`: enough for a job, few enough for memory."""
_JPEG_ENDS = b"\xff\xd8", b"\xff\xd9"


@dataclass(frozen=True, eq=False)
class VideoFrames:
    """Some frames of a video.

    Attributes:
        path: relative to the data folder.
        indices: (T,) int64, strictly ascending, the first frame of the video is 0.
    """

    path: str
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """T image files.

    Attributes:
        paths: relative to the data folder.
        crop_sizes_px: None for whole images. Else the files are cut already: each shows what is in its box, stretched
            to its width and height in this (T, 2) array.
    """

    paths: tuple[str, ...]
    crop_sizes_px: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.paths)


def write_reference(file: h5py.File, key: str, frames: VideoFrames | ImageFiles) -> None:
    """Say under ``key`` where the frames of a sequence are.

    Args:
        file: an open frames.h5.
        key: of the sequence.
        frames: of the whole sequence.
    """
    group = file.create_group(key)
    if isinstance(frames, VideoFrames):
        write_strings(group, "video", [frames.path])
        write_dataset(group, "frame_indices", np.asarray(frames.indices, np.int64))
    else:
        write_dataset(group, "image_paths", np.array([path.encode() for path in frames.paths]))
        if frames.crop_sizes_px is not None:
            write_dataset(group, "crop_sizes_px", np.asarray(frames.crop_sizes_px, np.int64))


def read_image_file(path: str | os.PathLike) -> np.ndarray:
    """(N,) uint8, an encoded image; of a file larger than :data:`MAX_IMAGE_BYTES` its beginning, which will not decode.

    Raises:
        OSError: it cannot be read.
    """
    return np.fromfile(path, np.uint8, MAX_IMAGE_BYTES)


def is_jpeg(encoded: np.ndarray) -> bool:
    """True if an encoded image (N,) uint8 begins as a JPEG does."""
    return encoded[:2].tobytes() == _JPEG_ENDS[0]


def check_jpeg_files(paths: Iterable[Path], advice: str) -> None:
    """Refuse JPEG files that are missing, or cut off so far as both ends show; nothing is decoded.

    Args:
        advice: what to do, the end of the sentence.

    Raises:
        InputError: names the first such file.
    """
    for path in paths:
        try:
            with open(path, "rb") as file:
                start = file.read(2)
                file.seek(-min(2, os.fstat(file.fileno()).st_size), os.SEEK_END)
                end = file.read(2)
        except FileNotFoundError:
            raise InputError(f"{path} is missing: {advice}") from None
        if (start, end) != _JPEG_ENDS:
            raise InputError(f"{path} is no whole JPEG file: it is cut off or damaged, {advice}")


def jpeg_sizes_px(paths: Iterable[Path]) -> np.ndarray:
    """(T, 2) int64 widths and heights as JPEG files say them; nothing is decoded.

    Raises:
        InputError: names the first file that does not say it.
    """
    from PIL import Image

    sizes_px = []
    for path in paths:
        try:
            with Image.open(path, formats=["JPEG"]) as image:
                sizes_px.append(image.size)
        except (OSError, Image.DecompressionBombError, SyntaxError, ValueError):  # Pillow raises what fits the damage
            raise InputError(f"{path} does not decode: the file is damaged, make or fetch it again") from None
    return np.array(sizes_px, np.int64).reshape(-1, 2)


def decode_image(encoded: np.ndarray, name: str, order: int = cv2.IMREAD_COLOR_BGR) -> np.ndarray:
    """Encoded image (N,) uint8 to (H, W, 3) uint8, blue first, as OpenCV has it, or red first with IMREAD_COLOR_RGB.

    Args:
        encoded: (N,) bytes of an image file.
        name: file, sequence and frame, for messages.
        order: of the colours, one of OpenCV's IMREAD flags.

    Raises:
        InputError: it does not decode; ``name`` says which file, sequence and frame.
    """
    # OpenCV decodes a JPEG that was cut off to grey below the cut, so its end marker is checked as well.
    cut_off = is_jpeg(encoded) and encoded[-2:].tobytes() != _JPEG_ENDS[1]
    try:
        image = None if cut_off or not len(encoded) else cv2.imdecode(encoded, order)
    except cv2.error:  # its header claims more px than pose3d lets OpenCV make room for
        image = None
    if image is None:
        raise InputError(f"{name} does not decode: the file is damaged, make or fetch it again")
    return image


def video_frames(path: Path, indices: np.ndarray) -> Iterator[np.ndarray]:
    """Decode frames of a video in order, (H, W, 3) uint8, blue first; only the asked ones are converted.

    Args:
        indices: strictly ascending.

    Raises:
        InputError: the video is missing, does not open, or ends before the last of the frames.
    """
    if not path.exists():
        raise InputError(f"{path} is missing: it was there when prepare ran; put it back or run prepare again")
    video = cv2.VideoCapture(video_path(path))
    try:
        if not video.isOpened():
            raise InputError(f"{path} does not open as a video: the file is damaged, fetch it again")
        position = 0
        for index in indices:
            while position <= index:
                if not video.grab():
                    raise InputError(
                        f"{path} ends or is damaged at frame {position}, frame {index} was asked for: fetch it again"
                    )
                position += 1
            decoded, image = video.retrieve()
            if not decoded:
                raise InputError(f"{path} is damaged at frame {index}: fetch it again")
            yield image
    finally:
        video.release()


class Frames:
    """frames.h5, open for reading. Use it in a ``with`` statement.

    Args:
        folder: of the user's data, to which the file refers; None: as the file or the environment has it.

    Raises:
        InputError: the file is missing or damaged; when frames are read, one is missing or damaged.
    """

    def __init__(self, path: str | os.PathLike, folder: Path | None = None) -> None:
        self._path = path
        self._given_folder = folder
        self._opened = open_hdf5(path)

    def __enter__(self) -> "Frames":
        self._file = self._opened.__enter__()
        return self

    def __exit__(self, *error: Any) -> bool | None:
        return self._opened.__exit__(*error)

    def __contains__(self, key: str) -> bool:
        return key in self._file

    @property
    def empty(self) -> bool:
        """True for a data set without images."""
        return not len(self._file)

    def count(self, key: str) -> int:
        """Number of frames of a sequence; 0 where it has none."""
        if key not in self._file:
            return 0
        group = self._file[key]
        if "encoded" in group:
            return len(EncodedImages(group))
        return len(group["frame_indices"] if "video" in group.attrs else group["image_paths"])

    def crop_sizes_px(self, key: str) -> np.ndarray | None:
        """(T, 2) widths and heights of a sequence's pictures where they are cut already, see :class:`ImageFiles`."""
        group = self._file[key]
        return group["crop_sizes_px"][...] if "crop_sizes_px" in group else None

    @property
    def folder(self) -> Path | None:
        """The folder of the user's data, absolute; None where the frames are in the file itself."""
        if self._given_folder is None and "folder" in self._file.attrs:
            (folder,) = read_strings(self._file, "folder")
            return data_folder(folder or None).absolute()
        return self._given_folder

    def parts(self, key: str) -> list[range]:
        """A sequence's frames in parts that are read independently: a video whole, because it is decoded from its
        start."""
        count = self.count(key)
        step = count if "video" in self._file[key].attrs else PART_FRAMES
        return [range(start, min(start + step, count)) for start in range(0, count, step)]

    def names(self, key: str) -> list[str]:
        """A sequence's frames as error messages name them: the file of each, and its number there."""
        group = self._file[key]
        if "encoded" in group:
            return [f"{self._path}: {key} frame {frame}" for frame in range(self.count(key))]
        folder = self.folder
        if "video" in group.attrs:
            video = self._own(folder, _video(group))
            return [f"{video} frame {index}" for index in group["frame_indices"][...]]
        return [str(self._own(folder, path.decode())) for path in group["image_paths"][...]]

    def _own(self, folder: Path | None, path: str) -> Path:
        """A file of the data folder."""
        if folder is None or Path(path).is_absolute() or ".." in Path(path).parts:
            raise InputError(f"{self._path} refers to {path}, which is not in the data folder: run prepare again")
        return folder / path

    def read(self, key: str, frames: Iterable[int]) -> Iterator[np.ndarray]:
        """Frames of a sequence one after another: (N,) uint8 where they are encoded, (H, W, 3) BGR from a video.

        Decoding is left to :func:`as_image`, which threads may share; a video has to be decoded in order.

        Args:
            frames: ascending.
        """
        group = self._file[key]
        if "encoded" in group:
            images = EncodedImages(group)
            for frame in frames:
                yield images[frame]
        elif "video" in group.attrs:
            yield from video_frames(self._own(self.folder, _video(group)), group["frame_indices"][...][list(frames)])
        else:
            paths, folder = group["image_paths"][...], self.folder
            for frame in frames:
                path = self._own(folder, paths[frame].decode())
                try:
                    yield read_image_file(path)
                except FileNotFoundError:
                    raise InputError(
                        f"{path} is missing: it was there when prepare ran; put it back or run prepare again"
                    ) from None


def _video(group: h5py.Group) -> str:
    (path,) = read_strings(group, "video")
    return path


def as_image(frame: np.ndarray, name: str) -> np.ndarray:
    """Decode what :meth:`Frames.read` returns to (H, W, 3) uint8, blue first."""
    return decode_image(frame, name) if frame.ndim == 1 else frame


def read_rgb(frames_path: str | os.PathLike, sequence: PoseSequence, indices: Iterable[int]) -> Iterator[np.ndarray]:
    """Decode some frames of a sequence for drawing, each (H, W, 3) RGB; plain grey where the data set has no images.

    Pictures that are cut already are drawn where they were, on grey.

    Args:
        frames_path: of a frames.h5.
        sequence: whose frames they are.
        indices: ascending, 0 to T - 1.

    Raises:
        InputError: an image does not decode; says which.
    """
    indices = list(indices)
    with Frames(frames_path) as frames:
        if sequence.key not in frames:
            yield from (_grey(sequence) for _ in indices)
            return
        names, is_cut = frames.names(sequence.key), frames.crop_sizes_px(sequence.key) is not None
        for index, frame in zip(indices, frames.read(sequence.key, indices), strict=True):
            image = as_image(frame, names[index])
            if is_cut:
                image = _put_back(image, sequence.boxes_px[index], _grey(sequence))
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _grey(sequence: PoseSequence) -> np.ndarray:
    return np.full((sequence.camera.height_px, sequence.camera.width_px, 3), NO_IMAGE_GREY, np.uint8)


def _put_back(crop: np.ndarray, box_px: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Draw a crop over its box in the full image, which is changed and given back."""
    box = box_px.astype(np.float64)
    size_px = image.shape[1::-1]
    scale = (box[2:] - box[:2]) / crop.shape[1::-1]
    # OpenCV has px centres at whole numbers, not at + 0.5.
    image_from_crop = np.column_stack([np.diag(scale), box[:2] + 0.5 * scale - 0.5])
    everywhere = cv2.warpAffine(crop, image_from_crop, size_px, borderMode=cv2.BORDER_REPLICATE)
    x0, y0, x1, y1 = np.clip(np.round(box), 0, [*size_px, *size_px]).astype(int)
    image[y0:y1, x0:x1] = everywhere[y0:y1, x0:x1]
    return image
