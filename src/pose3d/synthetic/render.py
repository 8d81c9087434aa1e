"""Rasterises a body into full frames: light, shadows, antialiasing, occlusion by what is in the room.

cv2.triangleRasterize does the triangles. What does not move is prepared once per take and camera
(:class:`pose3d.synthetic.background.View`); each frame then costs one shadow map and, per camera, the part of the image
that the body and its shadow cover.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import unit
from pose3d.synthetic.appearance import Room
from pose3d.synthetic.background import SHADOW_BIAS_M, View, mixed
from pose3d.synthetic.raster import Lamp, look_up_depth, rasterize, to_camera
from pose3d.synthetic.surface import Facets, Surface

_SHADOW_SOFTNESS_PX = 1.2  # at 512 px
_WINDOW_MARGIN_PX = 4
_NEAREST_SHADOW_M = 0.3


@dataclass(frozen=True, eq=False)
class Mesh:
    """The constant part of a moving body's mesh: its closed surface, and vertex colours (V, 3) float32."""

    surface: Surface
    colours: np.ndarray

    @classmethod
    def of(cls, triangles: np.ndarray, colours: np.ndarray) -> "Mesh":
        """The mesh of triangles (F, 3) and vertex colours (V, 3)."""
        return cls(Surface.of(triangles, len(colours)), colours)


@dataclass(frozen=True, eq=False)
class LitBody:
    """A body in one frame, under light.

    Attributes:
        vertices_m: (V, 3) in the world.
        facets: planes of its triangles.
        colours: (V, 3) float32 RGB in [0, 1], under light.
        lamp_depth: (S, S) float32, the lamp's depth map of the body.
        on_floor_m: (N, 3) points around its shadow on the floor.
    """

    vertices_m: np.ndarray
    facets: Facets
    colours: np.ndarray
    lamp_depth: np.ndarray
    on_floor_m: np.ndarray


def light_body(mesh: Mesh, vertices_m: np.ndarray, room: Room, lamp: Lamp) -> LitBody:
    """Shade a body once for all cameras: light from everywhere, more from above, and the lamp's where it reaches.

    Args:
        mesh: surface and colours.
        vertices_m: (V, 3) in the world.
        room: its light.
        lamp: the same light, with its map of the boxes.
    """
    axes_m = np.ascontiguousarray(vertices_m.T)
    facets = mesh.surface.facets(vertices_m)
    lamp_depth = lamp.depth_map(vertices_m, mesh.surface.triangles.take(facets.facing(lamp.position_m), axis=0))
    map_px, lit_depth = lamp.look_up(axes_m, SHADOW_BIAS_M)
    occluder = look_up_depth(np.minimum(lamp_depth, lamp.boxes_depth), map_px[:, None])
    visible = lit_depth < occluder[:, 0]
    normals = mesh.surface.vertex_normals(facets)
    x, y, z = unit(room.lamp_m).tolist()
    direct = np.clip(normals[0] * x + normals[1] * y + normals[2] * z, 0, 1) * np.where(visible, 1.2, 1.2 * 0.15)
    upward = 0.85 + 0.15 * normals[2]
    colours = np.empty((len(vertices_m), 3), np.float32)
    for c, (everywhere, lamps) in enumerate(zip(room.ambient.tolist(), room.direct.tolist(), strict=True)):
        colours[:, c] = np.clip(mesh.colours[:, c] * (everywhere * upward + lamps * direct), 0, 1)
    return LitBody(vertices_m, facets, colours, lamp_depth, _shadow_on_floor(axes_m, room.lamp_m))


def _shadow_on_floor(axes_m: np.ndarray, lamp_m: np.ndarray) -> np.ndarray:
    """(8, 3) corners of an octagon around the shadow of points (3, V) below the lamp on the floor."""
    share = axes_m[2] / (float(lamp_m[2]) - axes_m[2])
    x, y = (along + share * (along - at) for along, at in zip(axes_m, lamp_m[:2].tolist(), strict=False))
    # Of each side the direction in which it lies and how far; neighbours meet in the corners.
    (dx, lx, hx), (dy, ly, hy) = ((along, float(along.min()), float(along.max())) for along in (x, y))
    plus, minus = dx + dy, dx - dy
    lp, hp, lm, hm = (float(end) for end in (plus.min(), plus.max(), minus.min(), minus.max()))
    corners = [(hx, hp - hx), (hp - hy, hy), (lm + hy, hy), (lx, lx - lm)]
    corners += [(lx, lp - lx), (lp - ly, ly), (hm + ly, ly), (hx, hx - hm)]
    return np.array([(*corner, 0.0) for corner in corners], np.float32)


def draw(view: View, mesh: Mesh, body: LitBody) -> tuple[np.ndarray, np.ndarray]:
    """One full frame.

    Args:
        view: the room as the camera sees it.
        mesh: triangles of the body.
        body: its vertices, lit.

    Returns:
        image (H, W, 3) uint8 RGB, and the share of each pixel that shows the body, (H, W) float32 in [0, 1].
    """
    image = view.lit.copy()
    coverage = np.zeros(image.shape[:2], np.float32)
    camera = view.camera
    points = to_camera(camera.rotation, camera.translation_m, body.vertices_m.T)
    on_body = _bounds(camera, points)
    window = body_window(camera, body, on_body)
    if window is None:
        return image, coverage
    x0, y0, x1, y1 = window
    part = (slice(y0, y1), slice(x0, x1))
    occluder = look_up_depth(body.lamp_depth, view.lamp_px[part])
    shadow = cv2.compare(occluder, view.lit_depth[part], cv2.CMP_LT)
    shadow = cv2.GaussianBlur(shadow, (0, 0), _SHADOW_SOFTNESS_PX * camera.width_px / 512)
    image[part] = mixed(view.unlit[part], view.lit[part], shadow)

    window = _window(camera, on_body)
    if window is None:
        return image, coverage
    x0, y0, x1, y1 = window
    part = (slice(y0, y1), slice(x0, x1))
    scale = view.supersampling
    before = view.depth[y0 * scale : y1 * scale, x0 * scale : x1 * scale]
    depth, colour = before.copy(), np.zeros((*before.shape, 3), np.float32)
    intrinsics = camera.intrinsics_px - np.array([[0, 0, x0], [0, 0, y0], [0, 0, 0]])
    intrinsics = np.diag([scale, scale, 1.0]) @ intrinsics
    # A closed surface hides its own inside.
    triangles = mesh.surface.triangles.take(body.facets.facing(camera.position_m), axis=0)
    rasterize(points.T, triangles, intrinsics, depth, body.colours * (255 * view.exposure), colour)
    size = (x1 - x0, y1 - y0)
    alpha = cv2.resize(cv2.compare(depth, before, cv2.CMP_LT), size, interpolation=cv2.INTER_AREA)
    front = cv2.convertScaleAbs(cv2.resize(colour, size, interpolation=cv2.INTER_AREA))  # already times alpha
    image[part] = cv2.add(front, cv2.multiply(image[part], cv2.merge([255 - alpha] * 3), scale=1 / 255))
    coverage[part] = alpha * np.float32(1 / 255)
    return image, coverage


def extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest of (..., N, D) points along each axis, (..., D) both; NumPy is slow where D is innermost."""
    axes = np.ascontiguousarray(np.swapaxes(points, -1, -2))
    return axes.min(axis=-1), axes.max(axis=-1)


def _bounds(camera: Camera, axes_cam_m: np.ndarray) -> np.ndarray:
    """(4,) x0, y0, x1, y1 px around points (3, N), which may lie outside the image.

    What reaches behind the camera would not project; near the lens it leaves the image anyway.
    """
    x, y, z = axes_cam_m
    inverse = 1 / np.maximum(z, _NEAREST_SHADOW_M)
    x, y = x * inverse, y * inverse
    (fx, _, cx), (_, fy, cy), _ = camera.intrinsics_px.tolist()
    return np.array([fx * x.min() + cx, fy * y.min() + cy, fx * x.max() + cx, fy * y.max() + cy])


def _window(camera: Camera, bounds_px: np.ndarray) -> tuple[int, int, int, int] | None:
    """Whole px x0, y0, x1, y1 inside the image around bounds, with a margin; None when outside the image."""
    x0, y0 = (max(int(low) - _WINDOW_MARGIN_PX, 0) for low in np.floor(bounds_px[:2]))
    x1, y1 = (int(high) + _WINDOW_MARGIN_PX for high in np.ceil(bounds_px[2:]))
    x1, y1 = min(x1, camera.width_px), min(y1, camera.height_px)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def body_window(camera: Camera, body: LitBody, on_body_px: np.ndarray) -> tuple[int, int, int, int] | None:
    """Pixels x0, y0, x1, y1 that can show the body or its shadow on floor and boxes; None when outside the image.

    A shadow lies between the body and the body's shadow on the floor, so those two bound it.

    Args:
        camera: that looks.
        body: under light.
        on_body_px: (4,) x0, y0, x1, y1 around the body itself.
    """
    on_floor_px = _bounds(camera, to_camera(camera.rotation, camera.translation_m, body.on_floor_m.T))
    low, high = np.minimum(on_floor_px, on_body_px)[:2], np.maximum(on_floor_px, on_body_px)[2:]
    return _window(camera, np.concatenate([low, high]))
