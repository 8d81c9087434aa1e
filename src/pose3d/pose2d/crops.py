"""Square crops of a person: cut out of a frame, decoded, and read at random from crops.h5."""

import os
from pathlib import Path

import cv2
import h5py
import numpy as np

from pose3d.geometry.camera import apply_affine, square_box
from pose3d.records.encoded_images import EncodedImages
from pose3d.records.frames import Frames, as_image, decode_image, is_jpeg
from pose3d.records.hdf5 import open_hdf5
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError, in_words


def whole_px_square(boxes_px: np.ndarray, margin: float) -> np.ndarray:
    """The square around each box, moved and resized by less than one px onto whole px.

    Resizing by area averages whole source px, so that the crop-to-image transform is exact only for such a square.

    Args:
        boxes_px: (..., 4) x0, y0, x1, y1.
        margin: side over the longer side of the box.

    Returns:
        (..., 3) centre x, centre y, side, for :func:`pose3d.geometry.camera.crop_from_image`.
    """
    square = square_box(boxes_px, margin)
    side = np.maximum(np.round(square[..., 2:]), 1)
    corner = np.round(square[..., :2] - side / 2)
    return np.concatenate([corner + side / 2, side], axis=-1)


def crop_from_box(boxes_px: np.ndarray, crop_size_px: int) -> np.ndarray:
    """The affine transforms that stretch boxes (..., 4) x0, y0, x1, y1 to square crops, shape (..., 2, 3).

    Where :func:`pose3d.geometry.camera.crop_from_image` keeps the picture's proportions, these need not.
    """
    boxes = np.asarray(boxes_px, np.float64)
    scale = crop_size_px / (boxes[..., 2:] - boxes[..., :2])
    transform = np.zeros((*boxes.shape[:-1], 2, 3))
    transform[..., 0, 0], transform[..., 1, 1] = scale[..., 0], scale[..., 1]
    transform[..., 2] = -scale * boxes[..., :2]
    return transform


def cut_square(image: np.ndarray, square_px: np.ndarray, crop_size_px: int) -> np.ndarray:
    """Cut a square on whole px and resize it.

    Shrinking averages the area (no aliasing), enlarging interpolates linearly; px beyond the image repeat its border.

    Args:
        image: (H, W, 3) uint8.
        square_px: (3,) from :func:`whole_px_square`.
        crop_size_px: side of the crop.

    Returns:
        (crop_size_px, crop_size_px, 3) uint8.
    """
    (x0, y0), side = (square_px[:2] - square_px[2] / 2).astype(int), int(square_px[2])
    rows, above, below = _inside(y0, side, image.shape[0])
    columns, before, after = _inside(x0, side, image.shape[1])
    square = image[rows, columns]
    if above or below or before or after:
        square = cv2.copyMakeBorder(square, above, below, before, after, cv2.BORDER_REPLICATE)
    return _resize(square, crop_size_px)


def _inside(start: int, side: int, length: int) -> tuple[slice, int, int]:
    """Which of ``side`` px from ``start`` on lie in an image, at least one, and how many are missing before and after.

    Args:
        start: of the square's rows or columns, maybe outside.
        side: of the square.
        length: of the image's rows or columns.
    """
    first, stop = int(np.clip(start, 0, length - 1)), int(np.clip(start + side, 1, length))
    missing = side - (stop - first)
    before = min(max(-start, 0), missing)
    return slice(first, stop), before, missing - before


def _resize(image: np.ndarray, crop_size_px: int) -> np.ndarray:
    """(H, W, 3) to a square, stretched where it is not one."""
    shrinking = max(image.shape[:2]) > crop_size_px
    return cv2.resize(
        image, (crop_size_px, crop_size_px), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    )


def encode_crop(
    frame: np.ndarray,
    square_px: np.ndarray | None,
    crop_size_px: int,
    jpeg_quality: int,
    image_size_px: tuple[int, int],
    name: str,
) -> bytes:
    """A frame, encoded or not (see :func:`pose3d.records.frames.as_image`), to the JPEG bytes of its crop.

    A JPEG that is cut already and has the crops' size stays as it is, byte by byte.

    Args:
        frame: (H, W, 3) uint8 BGR, or the bytes of a file as (N,) uint8.
        square_px: (3,) from :func:`whole_px_square`; None: the frame is cut already.
        crop_size_px: side of the crop.
        jpeg_quality: 1 to 100.
        image_size_px: width and height that the frame must have: those of the camera's calibration, or, of a frame that
            is cut already, those that it had when prepare ran.
        name: for messages.

    Raises:
        InputError: the frame does not decode or is of another size; ``name`` says which file, sequence and frame.
    """
    image = as_image(frame, name)
    if image.shape[1::-1] != tuple(image_size_px):
        whose, advice = "its camera", "the calibration must be that of the images"
        if square_px is None:
            whose, advice = "when prepare ran it had", "run prepare again"
        raise InputError(
            f"{name} has {image.shape[1]} x {image.shape[0]} px, {whose} {image_size_px[0]} x {image_size_px[1]}: "
            f"{advice}"
        )
    if square_px is not None:
        crop = cut_square(image, square_px, crop_size_px)
    elif image.shape[:2] == (crop_size_px, crop_size_px) and frame.ndim == 1 and is_jpeg(frame):
        return frame.tobytes()
    else:
        crop = _resize(image, crop_size_px)
    return cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])[1].tobytes()


def encode_crops(
    frames_path: Path,
    folder: Path | None,
    key: str,
    numbers: range,
    squares_px: np.ndarray | None,
    crop_size_px: int,
    jpeg_quality: int,
    image_sizes_px: np.ndarray,
) -> list[bytes]:
    """Read some frames of a sequence, one at a time, and encode their crops: a job of its own, on any machine.

    Args:
        frames_path, folder: what :class:`pose3d.records.frames.Frames` is opened with.
        key: of the sequence.
        numbers: T numbers of frames, ascending.
        squares_px: (T, 3) from :func:`whole_px_square`; None: the frames are cut already.
        crop_size_px: side of the crops.
        jpeg_quality: 1 to 100.
        image_sizes_px: (T, 2), as :func:`encode_crop` has them.

    Raises:
        InputError: a frame is missing, does not decode or is of another size.
    """
    with Frames(frames_path, folder) as frames:
        names = frames.names(key)
        squares = [None] * len(numbers) if squares_px is None else squares_px
        return [
            encode_crop(frame, square_px, crop_size_px, jpeg_quality, size_px, names[number])
            for number, square_px, size_px, frame in zip(
                numbers, squares, image_sizes_px.tolist(), frames.read(key, numbers), strict=True
            )
        ]


def read_crop_from_image(path: str | os.PathLike, sequences: list[PoseSequence]) -> np.ndarray | None:
    """(N, 2, 3) affine transforms of all crops of some sequences, end to end; None for a data set without images.

    Raises:
        InputError: the file is damaged, or does not hold a crop for each frame of the sequences.
    """
    with open_hdf5(path) as file:
        return np.concatenate([_crop_from_image(file, s, path) for s in sequences]) if len(file) else None


def _crop_from_image(file: h5py.File, sequence: PoseSequence, path: str | os.PathLike) -> np.ndarray:
    if sequence.key not in file or len(EncodedImages(file[sequence.key])) != len(sequence):
        raise InputError(f"{path} does not hold the {len(sequence)} crops of {sequence.key}: run crop_resize again")
    crop_from_image = file[sequence.key]["crop_from_image"][...]
    if not (np.isfinite(crop_from_image).all() and (crop_from_image[:, [0, 1], [0, 1]] > 0).all()):
        raise InputError(
            f"{path}: {sequence.key} has a crop_from_image that is not finite or does not scale: run crop_resize again"
        )
    return crop_from_image


class Crops:
    """The crops of some sequences, one after another, whose images are read from crops.h5 when asked for.

    Use it in a ``with`` statement. Threads may share it.

    Args:
        path: crops.h5.
        sequences: whose crops are read, in this order.
        frame_step: only every n-th crop of each sequence, from its first on.

    Attributes:
        size_px: side of the crops.
        crop_from_image: (N, 2, 3) affine transforms, full-image px to crop px.
        keypoints_px: (N, 17, 2) true keypoints in crop px, float32.
        box_sides_px: (N,) longer side of the ground-truth box in crop px, float32: what PCK's threshold is a share of.

    Raises:
        InputError: the file is damaged, or does not hold a crop for each frame of the sequences.
    """

    def __init__(self, path: str | os.PathLike, sequences: list[PoseSequence], frame_step: int = 1) -> None:
        taken = slice(None, None, frame_step)
        with open_hdf5(path) as file:
            self.size_px = int(file.attrs["size_px"])
            self.crop_from_image = np.concatenate([_crop_from_image(file, s, path)[taken] for s in sequences])
        keypoints = np.concatenate([sequence.keypoints_px[taken] for sequence in sequences])
        self.keypoints_px = apply_affine(self.crop_from_image, keypoints).astype(np.float32)
        boxes = np.concatenate([sequence.boxes_px[taken] for sequence in sequences])
        sides = (boxes[:, 2:] - boxes[:, :2]) * self.crop_from_image[:, [0, 1], [0, 1]]
        self.box_sides_px = sides.max(-1).astype(np.float32)
        self._path, self._sequences, self._frame_step = path, sequences, frame_step
        self._first_index = np.cumsum([0, *(-(-len(sequence) // frame_step) for sequence in sequences)])
        self._file = h5py.File(path, "r")
        self._images = [EncodedImages(self._file[sequence.key]) for sequence in sequences]

    def __len__(self) -> int:
        return len(self.keypoints_px)

    def __enter__(self) -> "Crops":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def image_rgb(self, index: int) -> np.ndarray:
        """One crop, (S, S, 3) uint8.

        Raises:
            InputError: it is damaged; names the file, the sequence and the frame.
        """
        number = int(np.searchsorted(self._first_index, index, side="right")) - 1
        frame = (index - int(self._first_index[number])) * self._frame_step
        name = f"{self._path}: {self._sequences[number].key} frame {frame}"
        try:
            encoded = self._images[number][frame]
        except (OSError, KeyError) as error:
            raise InputError(f"{name} is damaged ({in_words(error)}): delete the file and run `dvc repro`") from None
        image = decode_image(encoded, name, cv2.IMREAD_COLOR_RGB)
        if image.shape != (self.size_px, self.size_px, 3):
            raise InputError(f"{name} has {image.shape[1]} x {image.shape[0]} px, not {self.size_px}: run crop_resize")
        return image
