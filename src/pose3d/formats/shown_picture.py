"""From a video's picture as it is stored to the one that players show: turned, cut to its clean part, px square.

The steps, in this order: the display matrix turns or mirrors; the clean aperture cuts; px that are not square are made
so by stretching or shrinking what was stored as the picture's width. All of it moves straight lines parallel to the
picture's sides onto such, so that a camera that was calibrated on the turned picture is still a pinhole after it.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pose3d.geometry.camera import Camera

SQUARE = 0.005
"""Px are square whose sides differ by no more: 1 px on the sides of a picture of 200."""


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """How pictures of one video are shown.

    Attributes:
        stored_px: width and height as they are decoded.
        matrix: (2, 2) of -1, 0, 1, from px as stored, to the right and down, to px as shown.
        aperture_px: x0, y0, x1, y1 of what is shown, in px as stored; None: all.
        px_aspect: width of a stored px by its height.
    """

    stored_px: tuple[int, int]
    matrix: np.ndarray
    aperture_px: tuple[int, int, int, int] | None = None
    px_aspect: float = 1.0

    @property
    def mirrored(self) -> bool:
        """Left and right of what was filmed are exchanged, if they were not when it was stored."""
        return bool(np.linalg.det(self.matrix) < 0)

    @property
    def turned_px(self) -> tuple[int, int]:
        """Width and height after turning alone: of the picture that other programs mostly see."""
        width, height = np.abs(self.matrix) @ self.stored_px
        return round(width), round(height)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height as shown."""
        x0, y0, x1, y1 = self._window
        (sx, sy), (width, height) = self._stretch, (x1 - x0, y1 - y0)
        return max(1, round(width * sx)), max(1, round(height * sy))

    @property
    def _window(self) -> tuple[int, int, int, int]:
        """The clean aperture in px of the turned picture."""
        if self.aperture_px is None:
            return (0, 0, *self.turned_px)
        corners = np.array(self.aperture_px).reshape(2, 2) - np.array(self.stored_px) / 2
        turned = corners @ self.matrix.T + np.array(self.turned_px) / 2
        (x0, y0), (x1, y1) = turned.min(0).round().astype(int).tolist(), turned.max(0).round().astype(int).tolist()
        return x0, y0, x1, y1

    @property
    def _stretch(self) -> tuple[float, float]:
        if abs(self.px_aspect - 1) <= SQUARE:
            return 1.0, 1.0
        along_x = self.matrix[0, 0] != 0
        return (self.px_aspect, 1.0) if along_x else (1.0, self.px_aspect)

    def show(self, stored: np.ndarray) -> np.ndarray:
        """The picture (H, W, 3) as shown of one as stored.

        Example:
            A quarter turn clockwise moves the upper left px to the upper right.

            >>> picture = np.arange(6, dtype=np.uint8).reshape(2, 3)[..., None]
            >>> turned = ShownPicture((3, 2), np.array([[0, -1], [1, 0]])).show(picture)
            >>> turned[..., 0].tolist()
            [[3, 0], [4, 1], [5, 2]]
        """
        picture = stored
        to_x, to_y = self.matrix.sum(1)  # -1 where that axis runs backward
        if self.matrix[0, 0] == 0:
            picture = picture.swapaxes(0, 1)
        picture = picture[:: int(to_y), :: int(to_x)]
        x0, y0, x1, y1 = self._window
        picture = np.ascontiguousarray(picture[y0:y1, x0:x1])
        if picture.shape[1::-1] == self.size_px:
            return picture
        shrinks = self.size_px < picture.shape[1::-1]
        return cv2.resize(picture, self.size_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def camera(self, calibrated: Camera) -> Camera:
        """The camera of the picture as shown, of one that was calibrated on the turned picture, or as it is.

        A camera of the shown picture's own size, or of a size that is neither, comes back as it is.
        """
        size = calibrated.width_px, calibrated.height_px
        if size == self.size_px or size != self.turned_px:
            return calibrated
        x0, y0, x1, y1 = self._window
        width, height = self.size_px
        sx, sy = width / (x1 - x0), height / (y1 - y0)
        to_shown = np.array([[sx, 0, -sx * x0], [0, sy, -sy * y0], [0, 0, 1]])
        return replace(calibrated, width_px=width, height_px=height, intrinsics_px=to_shown @ calibrated.intrinsics_px)
