"""Triangles to pixels with cv2.triangleRasterize, for any intrinsics, and the lamp's shadow maps."""

import cv2
import numpy as np

from pose3d.synthetic.cameras import look_at
from pose3d.synthetic.mocap import Boxes

NEAR_M, FAR_M = 0.2, 40.0
# A colour buffer filled with this tells drawn pixels from others. The depth buffer does not: the rasteriser converts
# all of it and back, and rounding changes pixels that no triangle covers.
UNDRAWN = -1.0

_SETTINGS = cv2.TriangleRasterizeSettings()
_SETTINGS.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
_SETTINGS.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
_IDENTITY = np.eye(4, dtype=np.float32)


def rasterize(
    points_cam_m: np.ndarray,
    triangles: np.ndarray,
    attributes: np.ndarray,
    intrinsics_px: np.ndarray,
    colour: np.ndarray,
    depth_m: np.ndarray,
) -> None:
    """Draw triangles into ``colour`` and ``depth_m`` where they are nearer than what is there.

    OpenCV's camera has its principal point in the middle and square pixels; a shear of the points in camera space
    turns it into any pinhole camera, exactly.

    Args:
        points_cam_m: (V, 3) x right, y down, z forward.
        triangles: (F, 3) int32.
        attributes: (V, 3) interpolated over the triangles.
        intrinsics_px: (3, 3), pixel i covering [i, i + 1).
        colour: (H, W, 3) float32, changed in place.
        depth_m: (H, W) float32 distance along the optical axis, changed in place.
    """
    height, width = depth_m.shape
    focal = intrinsics_px[1, 1]
    x, y, z = points_cam_m.T
    sheared = np.empty((len(points_cam_m), 3), np.float32)
    sheared[:, 0] = (intrinsics_px[0, 0] * x + (intrinsics_px[0, 2] - width / 2) * z) / focal
    sheared[:, 1] = -(y + (intrinsics_px[1, 2] - height / 2) / focal * z)
    sheared[:, 2] = -z
    field_of_view = float(2 * np.arctan(height / 2 / focal))
    attributes = np.ascontiguousarray(attributes, np.float32)
    cv2.triangleRasterize(
        sheared, triangles, attributes, colour, depth_m, _IDENTITY, field_of_view, NEAR_M, FAR_M, _SETTINGS
    )


class Lamp:
    """A lamp seen as a camera: whatever it sees is lit.

    Args:
        lamp_m: (3,) place of the lamp, in the world.
        centre_m: (3,) centre of the ball that the map covers.
        radius_m: of that ball.
        map_size_px: width and height of the map, S.
        boxes: what does not move; None: nothing.

    Attributes:
        boxes_depth_m: (S, S) float32, its depth map of what does not move.
    """

    def __init__(
        self, lamp_m: np.ndarray, centre_m: np.ndarray, radius_m: float, map_size_px: int, boxes: Boxes | None
    ) -> None:
        # float32 halves the time of looking up whole images, and 12 m in float32 are still exact to a micrometre.
        rotation, translation = look_at(lamp_m, centre_m)
        self._rotation, self._translation = rotation.astype(np.float32), translation.astype(np.float32)
        distance = float(np.linalg.norm(lamp_m - centre_m))
        focal = map_size_px / 2 / np.tan(np.arcsin(min(radius_m / distance, 0.9)))
        centre = map_size_px / 2
        self._intrinsics = np.array([[focal, 0, centre], [0, focal, centre], [0, 0, 1.0]])
        self._size = map_size_px
        self.boxes_depth_m = self._empty() if boxes is None else self.depth_map(boxes.vertices_m, boxes.triangles)

    def _empty(self) -> np.ndarray:
        return np.full((self._size, self._size), FAR_M, np.float32)

    def depth_map(self, vertices_m: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """(S, S) float32 distance of the nearest triangle, ``FAR_M`` elsewhere."""
        depth = self._empty()
        colour = np.zeros((self._size, self._size, 3), np.float32)
        points = vertices_m @ self._rotation.T + self._translation
        rasterize(points, triangles, np.zeros((len(vertices_m), 3)), self._intrinsics, colour, depth)
        return depth

    def look_up(self, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places of world points (..., 3) in the map, px with centres at whole numbers, and distances; float32."""
        points = np.asarray(points_m, np.float32).reshape(-1, 3) @ self._rotation.T
        points = points.reshape(points_m.shape)
        depth_m = points[..., 2] + self._translation[2]
        scale = np.float32(self._intrinsics[0, 0]) / depth_m
        # cv2.remap has pixel centres at whole numbers: half a pixel less than here.
        centre = np.float32(self._intrinsics[0, 2]) - np.float32(0.5)
        map_px = np.empty((*points.shape[:-1], 2), np.float32)
        for axis in range(2):  # NumPy takes several times as long where the innermost axis is two or three long
            map_px[..., axis] = (points[..., axis] + self._translation[axis]) * scale + centre
        return map_px, depth_m


def look_up_depth(depth_m: np.ndarray, map_px: np.ndarray) -> np.ndarray:
    """Depths of a lamp's map at (H, W, 2) places of :meth:`Lamp.look_up`, (H, W) float32; ``FAR_M`` beyond the map."""
    # OpenCV's types know of two separate maps only.
    return cv2.remap(depth_m, map_px, None, cv2.INTER_NEAREST, borderValue=FAR_M)  # type: ignore[call-overload]
