"""The box of the person to look at: from a file, or of one person followed from frame to frame.

Training crops are squares around the body's box. Here the box comes from the keypoints of the frames just before,
moved on at their velocity. Where nobody is known (at the start, or once the keypoints became unsure) the 2D network
itself says who is a person: it looks at what moves before a still camera's background and, where that gives nobody,
at squares of several sizes all over the picture, and each look is repeated around what the one before found. The
network may be surer of furniture than of a body, and so what moves also says where the followed person is.
"""

import csv
import io
import os
from collections.abc import Iterable

import cv2
import numpy as np

from pose3d.pose2d.detector import KeypointDetector, box_around_joints, box_within
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import read_small_text

MAX_BOXES_BYTES = 32 * 2**20
"""Of a file of boxes: a million frames."""
SURE = 0.35
"""Least mean confidence with which joints are a person's. With size small's models, 98 % of the validation
subject's frames have more in their true boxes, and 41 of 42 boxes beside validation and training subjects have less."""
_LOOKS = 2
_MEMORY_FRAMES = 5
_BLOB_PICTURE_PX = 160
_BLOB_AREA_SHARES = (0.003, 0.25)  # smaller is noise; larger is a camera that moves, or a cut
_BLOB_AFTER_FRAMES = 10
_LEARNING_RATE = 0.002
_LARGE_BLOB = 0.5  # of the followed box
_STILL_BATCHES = 6


def search_boxes(width_px: int, height_px: int) -> np.ndarray:
    """Squares where a person may be, (N, 4) px: the picture's middle first, then smaller ones half a side apart."""
    boxes = []
    for share in (1.0, 0.6, 0.36):
        side = share * min(width_px, height_px)
        corners = [
            np.linspace(0, length - side, 1 + round(2 * (length / side - 1))) for length in (width_px, height_px)
        ]
        boxes += [(x, y, x + side, y + side) for y in corners[1] for x in corners[0]]
    middle, half = np.array([width_px, height_px]) / 2, min(width_px, height_px) / 2
    return np.array([(*(middle - half), *(middle + half)), *boxes])


class MovingBlobs:
    """The moving parts of a still camera's picture: a mixture of Gaussians for each px of shrunk frames.

    Zivkovic, ICPR 2004. Where a quarter of the picture moves, the camera does or there was a cut: then there are no
    blobs, and the background is learnt anew.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(history=250, varThreshold=25, detectShadows=True)
        self._seen = 0

    def learn(self, images_bgr: Iterable[np.ndarray]) -> None:
        """Take the median of some frames for the background, seen more often than whoever moves before it."""
        small = [self._shrunk(image) for image in images_bgr]
        if small:
            background = np.median(small, axis=0).astype(np.uint8)
            for _ in range(_BLOB_AFTER_FRAMES):
                self._background.apply(background, learningRate=-1)
            self._seen = _BLOB_AFTER_FRAMES

    def _shrunk(self, image_bgr: np.ndarray) -> np.ndarray:
        height, width = image_bgr.shape[:2]
        scale = min(1.0, _BLOB_PICTURE_PX / max(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA)

    def boxes(self, image_bgr: np.ndarray) -> np.ndarray:
        """Show the next frame; gives what moves in it, (N, 4) px, the largest first."""
        height, width = image_bgr.shape[:2]
        small = self._shrunk(image_bgr)
        size = small.shape[1], small.shape[0]
        # OpenCV's own rate would take a person who rests for some frames for the background.
        mask = self._background.apply(small, learningRate=-1 if self._seen < _BLOB_AFTER_FRAMES else _LEARNING_RATE)
        self._seen += 1
        if self._seen <= _BLOB_AFTER_FRAMES:  # the model knows no background yet
            return np.empty((0, 4))
        moving = (mask == 255).astype(np.uint8)  # shadows have another value
        moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        moving = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))  # a body in parts is one
        _, _, blobs, _ = cv2.connectedComponentsWithStats(moving)
        blobs = blobs[1:]  # without the background
        least, most = np.array(_BLOB_AREA_SHARES) * size[0] * size[1]
        if blobs[:, cv2.CC_STAT_AREA].sum() > most:
            self._forget()
            return np.empty((0, 4))
        blobs = blobs[blobs[:, cv2.CC_STAT_AREA] >= least]
        blobs = blobs[np.argsort(-blobs[:, cv2.CC_STAT_AREA], kind="stable")].astype(float)
        boxes = np.concatenate([blobs[:, :2], blobs[:, :2] + blobs[:, 2:4]], axis=1)
        return boxes * np.tile([width / size[0], height / size[1]], 2)


class PersonTracker:
    """Follows one person through a video, a few frames at a time.

    Args:
        look: finds keypoints in boxes.
        width_px, height_px: of the video.
        person: whom to follow where several are seen, counted from the left, from 1, in the first frame in which
            anybody is found; None: the largest of those who move, or of all where nobody does.

    Attributes:
        found: whether anybody was ever found.
    """

    def __init__(self, look: KeypointDetector, width_px: int, height_px: int, person: int | None = None) -> None:
        self._look, self._size = look, (width_px, height_px)
        self._person = person
        self._blobs = MovingBlobs()
        self._recent: list[np.ndarray] = []  # boxes of consecutive frames, the last one that of the frame before
        self._last: np.ndarray | None = None
        self._unmoved_batches = 0
        self.found = False

    def learn_background(self, images_bgr: Iterable[np.ndarray]) -> None:
        """Show frames of the video's beginning, so that who moves is known from the first frame on."""
        self._blobs.learn(images_bgr)

    def follow(self, images_bgr: list[np.ndarray]) -> tuple[np.ndarray, Keypoints2D, np.ndarray]:
        """Look at the next N frames. The fewer, the less a person can leave the boxes ahead.

        Returns:
            (N, 4) boxes, keypoints, and (N,) whether they are a person's. Frames with nobody in them have the box of
            the last frame with somebody, or the picture's middle.

        Raises:
            InputError: there are fewer people than ``person`` asks for.
        """
        blobs = [self._blobs.boxes(image) for image in images_bgr]
        if not self._recent:
            self._find(images_bgr[0], blobs[0])
        else:
            self._heed_motion(images_bgr[0], blobs[0])
        boxes = self._boxes_ahead(len(images_bgr))
        found = self._look(images_bgr, boxes)
        # A second look, around the joints that the first one found: the network knows centred people only.
        sure = self._sureness(found, blobs) >= SURE
        around = [box_around_joints(keypoints, *self._size) for keypoints in found.keypoints_px]
        boxes = np.where(sure[:, None], np.stack(around), boxes)
        found = self._look(images_bgr, boxes)
        sure = self._sureness(found, blobs) >= SURE
        for keypoints, is_sure in zip(found.keypoints_px, sure, strict=True):
            if is_sure:
                self._last = box_around_joints(keypoints, *self._size)
                self._recent = [*self._recent, self._last][-_MEMORY_FRAMES:]
                self.found = True
        if not sure[len(sure) // 2 :].any():  # a single unsure frame is no reason to look elsewhere
            self._recent = []
        return boxes, found, sure

    def _boxes_ahead(self, n_frames: int) -> np.ndarray:
        if not self._recent:
            return np.repeat((search_boxes(*self._size)[0] if self._last is None else self._last)[None], n_frames, 0)
        first, last = self._recent[0], self._recent[-1]
        velocity = np.tile(((last - first)[:2] + (last - first)[2:]) / 2, 2) / max(1, len(self._recent) - 1)
        ahead = last + velocity * np.arange(1, n_frames + 1)[:, None]
        return np.stack([box_within(box, *self._size) for box in ahead])

    def _sureness(self, seen: Keypoints2D, blobs_px: list[np.ndarray]) -> np.ndarray:
        """(N,) mean confidence of frames' joints, those off the moving body counting nothing where one is known."""
        sureness = []
        for keypoints, confidence, blobs in zip(seen.keypoints_px, seen.confidence, blobs_px, strict=True):
            body = self._moving_body(blobs)
            on_body = np.ones(len(keypoints)) if body is None else _inside(keypoints, body)
            sureness.append((confidence * on_body).mean())
        return np.array(sureness)

    def _moving_body(self, blobs_px: np.ndarray) -> np.ndarray | None:
        """The blob most like the person's last box, unless it is a limb only."""
        last = self._last
        if last is None:
            return None
        near = [blob for blob in _large(blobs_px, last) if _overlap_of_smaller(last, blob) > 0.1]
        return max(near, key=lambda blob: _iou(last, blob), default=None)

    def _find(self, image_bgr: np.ndarray, blobs_px: np.ndarray) -> None:
        """Look for people in one frame; on success the one to follow is the first of the recent boxes."""
        people = self._people(image_bgr, blobs_px)
        body = self._moving_body(blobs_px)
        if not len(people) and body is not None:  # unsure on them is better than sure on furniture
            self._recent, self._last = [body], body
            return
        # A person at rest is no blob: only a search shows that there are no others.
        if not len(people) or (not self.found and self._person is not None):
            people = self._people(image_bgr, np.concatenate([blobs_px, search_boxes(*self._size)]))
        if not len(people):
            return
        self._take(people[self._choice(people)])

    def _take(self, box_px: np.ndarray) -> None:
        self._recent, self._last = [box_px], box_px
        self._unmoved_batches, self.found = 0, True

    def _heed_motion(self, image_bgr: np.ndarray, blobs_px: np.ndarray) -> None:
        """Switch to what moves where the box has slid off it, or has not moved for long: it may be on furniture.

        Moving limbs of a body at rest are smaller than its box, and whoever was asked for by number is not left.
        """
        followed, moving = self._recent[-1], self._moving_body(blobs_px)
        if any(_overlap_of_smaller(followed, blob) > 0.5 for blob in blobs_px):
            self._unmoved_batches = 0
            if moving is None or _iou(followed, moving) >= 0.5:
                return
        elif self._person is None and (large := _large(blobs_px, followed)):
            self._unmoved_batches += 1
            if self._unmoved_batches % _STILL_BATCHES:
                return
            moving = large[0]
        else:
            return
        boxes = np.stack([followed, moving])
        seen = self._look([image_bgr] * 2, boxes)
        boxes = np.stack([box_around_joints(keypoints, *self._size) for keypoints in seen.keypoints_px])
        seen = self._look([image_bgr] * 2, boxes)
        on_followed, on_moving = (seen.confidence * _inside(seen.keypoints_px, moving)).mean(1)
        around = [box_around_joints(keypoints, *self._size) for keypoints in seen.keypoints_px]
        if on_moving * _iou(around[1], moving) > on_followed * _iou(around[0], moving):
            self._take(boxes[1])

    def _choice(self, people_px: np.ndarray) -> int:
        centres = (people_px[:, :2] + people_px[:, 2:]) / 2
        if self._last is not None:  # found again: the one nearest to where the person was lost
            return int(np.linalg.norm(centres - (self._last[:2] + self._last[2:]) / 2, axis=1).argmin())
        if self._person is None:
            return int((people_px[:, 2:] - people_px[:, :2]).prod(1).argmax())
        if self._person > len(people_px):
            raise InputError(
                f"person {self._person} was asked for, {len(people_px)} can be seen where people first appear: "
                "ask for a lower number, or give --boxes"
            )
        return int(np.argsort(centres[:, 0], kind="stable")[self._person - 1])

    def _people(self, image_bgr: np.ndarray, boxes_px: np.ndarray) -> np.ndarray:
        """Boxes around the people whom the network sees in some boxes, (N, 4), each person once, the surest first."""
        for _ in range(1 + _LOOKS):
            if not len(boxes_px):
                return boxes_px
            seen = self._look([image_bgr] * len(boxes_px), boxes_px)
            sureness = seen.confidence.mean(1)
            kept = np.argsort(-sureness, kind="stable")
            around = [box_around_joints(seen.keypoints_px[i], *self._size) for i in kept]
            boxes_px = np.stack(_suppress_non_maxima(around))
        final = self._look([image_bgr] * len(boxes_px), boxes_px).confidence.mean(1)
        order = np.argsort(-final, kind="stable")
        return boxes_px[order[final[order] >= SURE]]


def _suppress_non_maxima(boxes_px: list[np.ndarray]) -> list[np.ndarray]:
    """Non-maximum suppression: the boxes that share less than half of the smaller one with each kept before them.

    OpenCV's and torchvision's go by the IoU, with which a limb's box inside a body's would stay.
    """
    kept: list[np.ndarray] = []
    for box in boxes_px:
        if all(_overlap_of_smaller(box, other) < 0.5 for other in kept):
            kept.append(box)
    return kept


def _inside(points_px: np.ndarray, box_px: np.ndarray) -> np.ndarray:
    """True for those of some points (..., 2) that lie in a box."""
    return np.all((points_px >= box_px[:2]) & (points_px <= box_px[2:]), axis=-1)


def _large(blobs_px: np.ndarray, box_px: np.ndarray) -> list[np.ndarray]:
    """The blobs that are more than a limb of the person in a box."""
    return [blob for blob in blobs_px if _area(blob) >= _LARGE_BLOB * _area(box_px)]


def _area(box_px: np.ndarray) -> float:
    return float((box_px[2:] - box_px[:2]).prod())


def _shared_area(first_px: np.ndarray, second_px: np.ndarray) -> float:
    shared = np.minimum(first_px[2:], second_px[2:]) - np.maximum(first_px[:2], second_px[:2])
    return float(np.clip(shared, 0, None).prod())


def _overlap_of_smaller(first_px: np.ndarray, second_px: np.ndarray) -> float:
    """Shared area over that of the smaller box."""
    return _shared_area(first_px, second_px) / min(_area(first_px), _area(second_px))


def _iou(first_px: np.ndarray, second_px: np.ndarray) -> float:
    """Intersection over union of two boxes (4,)."""
    shared = _shared_area(first_px, second_px)
    return shared / (_area(first_px) + _area(second_px) - shared)


class GivenBoxes:
    """Boxes from a CSV file with the columns frame, x0, y0, x1, y1: frames from 0, px, one row a frame.

    Frames between two rows have boxes between theirs; those before the first and after the last have the nearest.

    Args:
        path: the CSV file.
        width_px, height_px: of the picture, which every box must lie in.

    Raises:
        InputError: the file cannot be read, or a row is wrong or reaches outside of the picture; names the line.
    """

    def __init__(self, path: str | os.PathLike, width_px: int, height_px: int) -> None:
        rows: dict[int, list[float]] = {}
        try:
            text = read_small_text(path, MAX_BOXES_BYTES).removeprefix("\ufeff")
            table = csv.reader(io.StringIO(text, newline=""))
            if [name.strip() for name in next(table, [])] != ["frame", "x0", "y0", "x1", "y1"]:
                raise InputError(f"{path} line 1: the columns must be frame,x0,y0,x1,y1")
            for cells in filter(None, table):
                frame, box = _box_of(cells, f"{path} line {table.line_num}", width_px, height_px)
                if frame in rows:
                    raise InputError(f"{path} line {table.line_num}: frame {frame} has a box already; keep one")
                rows[frame] = box
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}): give a CSV file of boxes") from None
        except (ValueError, csv.Error) as error:
            raise InputError(f"{path} is not a CSV file ({error}): give one with frame,x0,y0,x1,y1") from None
        if not rows:
            raise InputError(f"{path} has no boxes: give at least one row below frame,x0,y0,x1,y1")
        self._frames = np.array(sorted(rows))
        self._boxes = np.array([rows[frame] for frame in sorted(rows)])

    def at(self, frames: np.ndarray) -> np.ndarray:
        """Boxes of some frames, (N,) to (N, 4) px."""
        return np.stack([np.interp(frames, self._frames, column) for column in self._boxes.T], axis=-1)


def _box_of(cells: list[str], where: str, width_px: int, height_px: int) -> tuple[int, list[float]]:
    try:
        frame, box = int(cells[0]), [float(cell) for cell in cells[1:]]
    except ValueError:
        frame, box = -1, []
    if len(box) != 4 or not 0 <= frame < 2**31 or not np.isfinite(box).all():
        raise InputError(f"{where}: a row must be a frame's number from 0 and four numbers of px")
    x0, y0, x1, y1 = box
    if x0 >= x1 or y0 >= y1:
        raise InputError(f"{where}: the box has no width or no height; x0 < x1 and y0 < y1 must hold")
    if x0 < 0 or y0 < 0 or x1 > width_px or y1 > height_px:
        raise InputError(f"{where}: the box reaches outside of the picture of {width_px} x {height_px} px; cut it off")
    return frame, box
