"""Rasterises a body into full frames: light, shadows, antialiasing, occlusion by what is in the room.

cv2.triangleRasterize does the triangles. What does not move is prepared once per take and camera
(:class:`pose3d.synthetic.background.View`); each frame then costs one shadow map and, per camera, the part of the image
that the body and its shadow cover.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse

from pose3d.geometry.camera import Camera
from pose3d.synthetic.appearance import Room
from pose3d.synthetic.background import View
from pose3d.synthetic.raster import UNDRAWN, Lamp, look_up_depth, rasterize

_SHADOW_BIAS_M = 0.03  # nearer than this to the shadow's cause a surface counts as lit, or it would shade itself
_SHADOW_SOFTNESS_PX = 1.2  # at 512 px
_WINDOW_MARGIN_PX = 4


@dataclass(frozen=True, eq=False)
class Mesh:
    """The constant part of a moving body's mesh: triangles (F, 3) int32, vertex colours (V, 3) float32."""

    triangles: np.ndarray
    colours: np.ndarray
    _spread: sparse.csr_array

    @classmethod
    def of(cls, triangles: np.ndarray, colours: np.ndarray) -> "Mesh":
        """Prepare the sum over faces that gives vertex normals."""
        triangles = np.ascontiguousarray(triangles, np.int32)
        faces = np.repeat(np.arange(len(triangles)), 3)
        shape = (len(colours), len(triangles))
        spread = sparse.csr_array((np.ones(faces.size, np.float32), (triangles.ravel(), faces)), shape=shape)
        return cls(triangles, np.ascontiguousarray(colours, np.float32), spread)

    def normals(self, vertices_m: np.ndarray) -> np.ndarray:
        """(V, 3) float32 unit vertex normals, weighted by area."""
        corners = vertices_m[self.triangles]
        normals = self._spread @ np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True, eq=False)
class LitBody:
    """A body in one frame, under light.

    Attributes:
        vertices_m: (V, 3) in the world.
        colours: (V, 3) float32 RGB in [0, 1], under light.
        lamp_depth_m: (S, S) float32, the lamp's depth map of the body.
    """

    vertices_m: np.ndarray
    colours: np.ndarray
    lamp_depth_m: np.ndarray


def light_body(mesh: Mesh, vertices_m: np.ndarray, room: Room, lamp: Lamp) -> LitBody:
    """Shade a body once for all cameras: light from everywhere, more from above, and the lamp's where it reaches.

    Args:
        mesh: triangles and colours.
        vertices_m: (V, 3) in the world.
        room: its light.
        lamp: the same light, with its map of the boxes.
    """
    lamp_depth = lamp.depth_map(vertices_m, mesh.triangles)
    normals = mesh.normals(vertices_m)
    map_px, depth_m = lamp.look_up(vertices_m)
    nearest = np.minimum(lamp_depth, lamp.boxes_depth_m)
    occluder = look_up_depth(nearest, map_px[:, None])
    visible = depth_m < occluder[:, 0] + _SHADOW_BIAS_M
    to_lamp = (room.lamp_m / np.linalg.norm(room.lamp_m)).astype(np.float32)
    direct = np.clip(normals @ to_lamp, 0, 1) * np.where(visible, 1, 0.15)
    light = room.ambient * (0.85 + 0.15 * normals[:, 2:3]) + room.direct * 1.2 * direct[:, None]
    colours = np.clip(mesh.colours * light, 0, 1).astype(np.float32)
    return LitBody(vertices_m, colours, lamp_depth)


def draw(view: View, mesh: Mesh, body: LitBody, room: Room) -> tuple[np.ndarray, np.ndarray]:
    """One full frame.

    Args:
        view: the room as the camera sees it.
        mesh: triangles of the body.
        body: its vertices, lit.
        room: its light.

    Returns:
        image (H, W, 3) uint8 RGB, and the share of each pixel that shows the body, (H, W) float32 in [0, 1].
    """
    image = view.image.copy()
    coverage = np.zeros(image.shape[:2], np.float32)
    window = body_window(view.camera, body.vertices_m, room.lamp_m)
    if window is None:
        return image, coverage
    x0, y0, x1, y1 = window
    part = (slice(y0, y1), slice(x0, x1))

    occluder = look_up_depth(body.lamp_depth_m, view.lamp_px[part])
    shadow: np.ndarray = (occluder + _SHADOW_BIAS_M < view.lamp_depth_m[part]).astype(np.float32)
    shadow = cv2.GaussianBlur(shadow, (0, 0), _SHADOW_SOFTNESS_PX * view.camera.width_px / 512)

    scale = view.supersampling
    depth = view.depth_m[y0 * scale : y1 * scale, x0 * scale : x1 * scale].copy()
    colour = np.full((*depth.shape, 3), UNDRAWN, np.float32)
    intrinsics = view.camera.intrinsics_px - np.array([[0, 0, x0], [0, 0, y0], [0, 0, 0]])
    intrinsics = np.diag([scale, scale, 1.0]) @ intrinsics
    points = view.camera.world_to_camera(body.vertices_m)
    rasterize(points, mesh.triangles, body.colours, intrinsics, colour, depth)
    covered = (colour[..., 0] > UNDRAWN).astype(np.float32)
    size = (x1 - x0, y1 - y0)
    alpha = cv2.resize(covered, size, interpolation=cv2.INTER_AREA)
    front = cv2.resize(np.maximum(colour, 0, out=colour), size, interpolation=cv2.INTER_AREA)  # already times alpha
    lit, unlit, seen = view.lit[part], view.unlit[part], 1 - alpha
    for c in range(3):  # NumPy takes several times as long where the innermost axis is three long
        behind = lit[..., c] + shadow * (unlit[..., c] - lit[..., c])
        image[part][..., c] = to_uint8(front[..., c] * view.exposure[c] + behind * seen)
    coverage[part] = alpha
    return image, coverage


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest of (..., N, D) points along each axis, (..., D) both; NumPy is slow where D is innermost."""
    axes = np.ascontiguousarray(np.swapaxes(points, -1, -2))
    return axes.min(axis=-1), axes.max(axis=-1)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] to 0..255, rounded and clipped."""
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def body_window(camera: Camera, vertices_m: np.ndarray, lamp_m: np.ndarray) -> tuple[int, int, int, int] | None:
    """Pixels x0, y0, x1, y1 that can show the body or its shadow on floor and boxes; None when outside the image.

    A shadow lies between the body and the body's shadow on the floor, so those two bound it.

    Args:
        camera: that looks.
        vertices_m: (V, 3) in the world, below the lamp.
        lamp_m: (3,) place of the lamp.
    """
    share = vertices_m[:, 2:] / (lamp_m[2] - vertices_m[:, 2:])
    on_floor = vertices_m + share * (vertices_m - lamp_m)
    points = camera.world_to_camera(np.concatenate([vertices_m, on_floor]))
    # A shadow that reaches behind the camera would not project; near the lens it leaves the image anyway.
    points[:, 2] = np.maximum(points[:, 2], 0.3)
    pixels = camera.project(points)
    least, greatest = extent(pixels)
    low, high = np.floor(least).astype(int) - _WINDOW_MARGIN_PX, np.ceil(greatest).astype(int) + _WINDOW_MARGIN_PX
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]), camera.width_px), min(int(high[1]), camera.height_px)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
