"""Triangles to pixels with cv2.triangleRasterize, for any intrinsics, and the lamp's shadow maps."""

import cv2
import numpy as np

from pose3d.synthetic.cameras import look_at
from pose3d.synthetic.mocap import Boxes

NEAR_M, FAR_M = 0.2, 40.0
UNDRAWN = 1.0
"""Device depth of :data:`FAR_M`, with which an empty depth buffer is filled."""
_CLIP_M = 0.05  # near enough to lose nothing in view, far enough for float32 to hold the pixels of what is cut there
_DEVICE_FAR = FAR_M / (FAR_M - NEAR_M)
_DEVICE_SLOPE_M = NEAR_M * FAR_M / (FAR_M - NEAR_M)

_SETTINGS = cv2.TriangleRasterizeSettings()
_SETTINGS.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
_SETTINGS.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
_SETTINGS.setGlCompatibleMode(cv2.RASTERIZE_COMPAT_INVDEPTH)  # else all of the buffer is converted at every call
_IDENTITY = np.eye(4, dtype=np.float32)


def device_depth(inverse_depth: np.ndarray) -> np.ndarray:
    """The rasteriser's depth: 0 at :data:`NEAR_M`, 1 at :data:`FAR_M`, and linear in 1 / distance.

    Args:
        inverse_depth: any shape, 1 / m along the optical axis.

    Example:
        >>> device_depth(1 / np.array([0.2, 40.0])).round(9).tolist()
        [0.0, 1.0]
    """
    return _DEVICE_FAR - _DEVICE_SLOPE_M * inverse_depth


def depth_m(device: np.ndarray) -> np.ndarray:
    """Distance along the optical axis of a device depth, the inverse of :func:`device_depth`.

    Example:
        >>> depth_m(device_depth(1 / np.array([3.0]))).round(9).tolist()
        [3.0]
    """
    return _DEVICE_SLOPE_M / (_DEVICE_FAR - device)


def rasterize(
    points_cam_m: np.ndarray,
    triangles: np.ndarray,
    intrinsics_px: np.ndarray,
    depth: np.ndarray,
    attributes: np.ndarray | None = None,
    colour: np.ndarray | None = None,
) -> None:
    """Draw triangles into ``depth``, and ``colour`` if any, where they are nearer than what is there.

    OpenCV's camera has its principal point in the middle and square pixels; a shear of the points in camera space
    turns it into any pinhole camera, exactly. It does not clip, so what reaches behind the camera is cut off before.

    Args:
        points_cam_m: (V, 3) x right, y down, z forward.
        triangles: (F, 3) int32.
        intrinsics_px: (3, 3), pixel i covering [i, i + 1).
        depth: (H, W) float32 of :func:`device_depth`, changed in place where something is drawn and nowhere else.
        attributes: (V, 3) interpolated over the triangles.
        colour: (H, W, 3) float32, changed in place.
    """
    if points_cam_m[:, 2].min() < _CLIP_M:
        points_cam_m, triangles, attributes = clip_near(points_cam_m, triangles, attributes, _CLIP_M)
    height, width = depth.shape
    focal = float(intrinsics_px[1, 1])
    x, y, z = np.ascontiguousarray(points_cam_m.T, np.float32)
    sheared = np.empty((len(z), 3), np.float32)
    sheared[:, 0] = x = float(intrinsics_px[0, 0] / focal) * x + float((intrinsics_px[0, 2] - width / 2) / focal) * z
    sheared[:, 1] = y = -(y + float((intrinsics_px[1, 2] - height / 2) / focal) * z)
    sheared[:, 2] = -z
    scale = focal / z
    triangles = _over_centres(triangles, x * scale + width / 2, y * scale + height / 2, width, height)
    if not len(triangles):
        return
    camera = _IDENTITY, float(2 * np.arctan(height / 2 / focal)), NEAR_M, FAR_M, _SETTINGS
    if colour is None:
        cv2.triangleRasterizeDepth(sheared, triangles, depth, *camera)
    else:
        attributes = np.ascontiguousarray(attributes, np.float32)
        cv2.triangleRasterize(sheared, triangles, attributes, colour, depth, *camera)


def _over_centres(triangles: np.ndarray, x: np.ndarray, y: np.ndarray, width: int, height: int) -> np.ndarray:
    """Those triangles in whose bounding rectangle the image has a pixel's centre: the others draw nothing, at a price.

    Args:
        triangles: (F, 3).
        x, y: (V,) px of the corners; y may count from either edge.
        width, height: of the image, px.
    """
    centres = np.empty((len(x), 2), np.uint16)  # how many columns and rows have their centre before a corner
    centres[:, 0] = np.clip(x + 0.5, 0, width)
    centres[:, 1] = np.clip(y + 0.5, 0, height)
    first, second, third = centres.view(np.uint32)[:, 0].take(triangles.T)  # both at once
    differing = (first ^ second) | (first ^ third)
    return triangles.take(np.flatnonzero((differing & 0xFFFF != 0) & (differing > 0xFFFF)), axis=0)


def clip_near(
    points_cam_m: np.ndarray, triangles: np.ndarray, attributes: np.ndarray | None, near_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The parts of triangles that lie at least ``near_m`` in front of the camera, as triangles.

    Args:
        points_cam_m: (V, 3).
        triangles: (F, 3) int32.
        attributes: (V, A), or None.
        near_m: more than 0.

    Returns:
        points and attributes with those of the cuts behind them, all at least ``near_m`` in front; and the triangles.

    Example:
        >>> points = np.array([[0.0, 0, 3], [0, 0, -1], [4, 0, -1]])
        >>> points, triangles, _ = clip_near(points, np.array([[0, 1, 2]], np.int32), None, near_m=1.0)
        >>> points[triangles].tolist()
        [[[0.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 0.0, 1.0]]]
    """
    in_front = points_cam_m[:, 2] >= near_m
    corners_in_front = in_front[triangles].sum(axis=1)
    cut = triangles[(corners_in_front == 1) | (corners_in_front == 2)]
    # First the corner that is alone on its side of the plane; the order around the triangle stays.
    one = in_front[cut].sum(axis=1) == 1
    alone = (in_front[cut] == one[:, None]).argmax(axis=1)
    a, b, c = np.take_along_axis(cut, (alone[:, None] + np.arange(3)) % 3, axis=1).T
    z = points_cam_m[:, 2]
    to_b, to_c = ((near_m - z[a]) / (z[other] - z[a]) for other in (b, c))

    def on_plane(values: np.ndarray) -> np.ndarray:
        ends = zip((to_b, to_c), (b, c), strict=True)
        return np.concatenate([values[a] + share[:, None] * (values[end] - values[a]) for share, end in ends])

    cuts = on_plane(points_cam_m)
    cuts[:, 2] = near_m
    p = len(points_cam_m) + np.arange(len(cut))  # between a and b
    q = p + len(cut)  # between a and c
    pieces = [
        triangles[corners_in_front == 3],
        np.stack([a, p, q], axis=1)[one],
        np.stack([p, b, c], axis=1)[~one],
        np.stack([p, c, q], axis=1)[~one],
    ]
    # What no triangle needs any more would not project.
    points_cam_m = np.concatenate([np.where(in_front[:, None], points_cam_m, [0.0, 0.0, near_m]), cuts])
    if attributes is not None:
        attributes = np.concatenate([attributes, on_plane(attributes)])
    return points_cam_m, np.concatenate(pieces).astype(np.int32), attributes


class Lamp:
    """A lamp seen as a camera: whatever it sees is lit.

    Args:
        lamp_m: (3,) place of the lamp, in the world.
        centre_m: (3,) centre of the ball that the map covers.
        radius_m: of that ball.
        map_size_px: width and height of the map, S.
        boxes: what does not move; None: nothing.

    Attributes:
        position_m: (3,) place of the lamp.
        boxes_depth: (S, S) float32, its depth map of what does not move.
    """

    def __init__(
        self, lamp_m: np.ndarray, centre_m: np.ndarray, radius_m: float, map_size_px: int, boxes: Boxes | None
    ) -> None:
        self.position_m = lamp_m
        self._rotation, self._translation = look_at(lamp_m, centre_m)
        distance = float(np.linalg.norm(lamp_m - centre_m, axis=-1))
        focal = map_size_px / 2 / np.tan(np.arcsin(min(radius_m / distance, 0.9)))
        centre = map_size_px / 2
        self._intrinsics = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1.0]])
        self._size = map_size_px
        self.boxes_depth = self._empty() if boxes is None else self.depth_map(boxes.vertices_m, boxes.triangles)

    def _empty(self) -> np.ndarray:
        return np.full((self._size, self._size), UNDRAWN, np.float32)

    def depth_map(self, vertices_m: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(S, S) float32 device depth of the nearest triangle, ``UNDRAWN`` elsewhere."""
        depth = self._empty()
        points = to_camera(self._rotation, self._translation, vertices_m.T)
        rasterize(points.T, triangles, self._intrinsics, depth)
        return depth

    def look_up(self, axes_m: np.ndarray, bias_m: float) -> tuple[np.ndarray, np.ndarray]:
        """Where world points lie in the map, and the least device depth there with which they are lit.

        Args:
            axes_m: (3, ...), axes first.
            bias_m: what is nearer than this to the cause of a shadow counts as lit, or it would shade itself.

        Returns:
            (..., 2) int16 px for :func:`look_up_depth`, and (...) float32.
        """
        x, y, z = to_camera(self._rotation, self._translation, axes_m)
        scale = float(self._intrinsics[0, 0]) / z
        map_px = np.empty((*z.shape, 2), np.int16)
        for axis, along in enumerate((x, y)):
            along *= scale
            along += float(self._intrinsics[0, 2])  # not negative inside the map, where truncating is rounding down
            map_px[..., axis] = np.clip(along, -1, self._size, out=along)
        z -= bias_m
        return map_px, device_depth(1 / z)


def look_up_depth(depth: np.ndarray, map_px: np.ndarray) -> np.ndarray:
    """Depths of a lamp's map at (H, W, 2) places of :meth:`Lamp.look_up`, (H, W); ``UNDRAWN`` beyond the map."""
    # OpenCV's types know of two separate maps only.
    return cv2.remap(depth, map_px, None, cv2.INTER_NEAREST, borderValue=UNDRAWN)  # type: ignore[call-overload]


def to_camera(rotation: np.ndarray, translation_m: np.ndarray, axes_m: np.ndarray) -> np.ndarray:
    """World points (3, ...) to camera space (3, ...), axes first, float32, which is exact to a micrometre in a room.

    Axes first, because NumPy takes several times as long where the innermost axis is three long; and no matrix
    product, because the last bit of that differs from processor to processor.

    Args:
        rotation: (3, 3) camera from world.
        translation_m: (3,).
        axes_m: (3, ...).
    """
    x, y, z = np.ascontiguousarray(axes_m, np.float32)
    points = np.empty((3, *x.shape), np.float32)
    for axis, (row, offset) in enumerate(zip(rotation.tolist(), translation_m.tolist(), strict=True)):
        np.multiply(x, row[0], out=points[axis])
        points[axis] += row[1] * y
        points[axis] += row[2] * z
        points[axis] += offset
    return points
