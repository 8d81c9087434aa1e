"""The still part of a take as one camera sees it: floor, walls, posters and the climbing boxes, lit and with depth."""

from dataclasses import dataclass

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.synthetic.appearance import Room, Texture
from pose3d.synthetic.mocap import Boxes
from pose3d.synthetic.raster import FAR_M, UNDRAWN, Lamp, look_up_depth, rasterize

_SHADOW_BIAS_M = 0.03
_WALLS = ((0, 1), (0, -1), (1, 1), (1, -1))  # (axis, sign) of the walls x = +, x = -, y = +, y = -
_FLOOR, _BOX = 4, 5  # surfaces 0 to 3 are the walls


@dataclass(frozen=True, eq=False)
class View:
    """A take's room as a camera sees it, for :func:`pose3d.synthetic.render.draw`.

    Attributes:
        camera: that looks.
        supersampling: rendered px per image px along each axis.
        lit, unlit: (H, W, 3) float32 with all light and with the light from everywhere only.
        image: ``lit`` as (H, W, 3) uint8.
        depth_m: (H * s, W * s) float32 along the optical axis, s the supersampling.
        lamp_px, lamp_depth_m: (H, W, 2) and (H, W) float32, each pixel's place and distance in the lamp's map.
        exposure: (3,) float32 the camera's gain per colour, already in ``lit`` and ``unlit``.
    """

    camera: Camera
    supersampling: int
    lit: np.ndarray
    unlit: np.ndarray
    image: np.ndarray
    depth_m: np.ndarray
    lamp_px: np.ndarray
    lamp_depth_m: np.ndarray
    exposure: np.ndarray


def render_background(
    camera: Camera, room: Room, boxes: Boxes | None, lamp: Lamp, supersampling: int, exposure: np.ndarray
) -> View:
    """Draw the still part of a take.

    Args:
        camera: without lens distortion.
        room: textures, posters and light.
        boxes: climbing boxes, if any.
        lamp: the same light, with its map of the boxes.
        supersampling: rendered px per image px along each axis, at least 1.
        exposure: (3,) gain of the camera for R, G and B, about 1.

    Raises:
        ValueError: the camera has lens distortion, which this renderer does not draw.
    """
    if camera.distortion.any():
        raise ValueError(f"camera {camera.id}: the renderer draws no lens distortion")
    width, height = camera.width_px * supersampling, camera.height_px * supersampling
    intrinsics = np.diag([supersampling, supersampling, 1.0]) @ camera.intrinsics_px
    rays = pixel_rays(intrinsics, camera.rotation, width, height)
    depth, surface = room_depth(rays, camera.position_m, room.half_size_m)
    to_lamp = (room.lamp_m / np.linalg.norm(room.lamp_m)).astype(np.float32)
    normals = np.array([*[-sign * np.eye(3)[axis] for axis, sign in _WALLS], [0, 0, 1]], np.float32)
    direct, upward = (light.take(surface) for light in _light_on(normals, to_lamp))
    box_normals = np.empty((0, 3), np.float32)
    if boxes is not None:
        corners, triangles, corner_normals = split_corners(boxes)
        # Normals are drawn as colours, moved into [0, 1] as the rasteriser wants them.
        drawn = np.full((height, width, 3), UNDRAWN, np.float32)
        points = camera.world_to_camera(corners)
        rasterize(points, triangles, corner_normals / 2 + 0.5, intrinsics, drawn, depth)
        is_box = drawn[..., 0] > UNDRAWN
        surface[is_box] = _BOX
        box_normals = drawn[is_box] * 2 - 1
        direct[is_box], upward[is_box] = _light_on(box_normals, to_lamp)
    positions = np.empty_like(rays)
    for axis in range(3):  # NumPy takes several times as long where the innermost axis is three long
        positions[..., axis] = np.float32(camera.position_m[axis]) + rays[..., axis] * depth
    albedo = _albedo(positions, surface, box_normals, room)
    if boxes is not None:
        map_px, lamp_depth = lamp.look_up(positions)
        occluder = look_up_depth(lamp.boxes_depth_m, map_px)
        visible = (lamp_depth < occluder + _SHADOW_BIAS_M).astype(np.float32)
        direct *= cv2.GaussianBlur(visible, (0, 0), 1.5 * supersampling * camera.width_px / 512)
    unlit, lit = np.empty_like(albedo), np.empty_like(albedo)
    for colour in range(3):
        everywhere, lamps = (np.float32((light * exposure)[colour]) for light in (room.ambient, room.direct))
        unlit[..., colour] = albedo[..., colour] * upward * everywhere
        lit[..., colour] = unlit[..., colour] + albedo[..., colour] * direct * lamps
    size = (camera.width_px, camera.height_px)
    lit, unlit = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (lit, unlit))
    small_px, small_depth = lamp.look_up(cv2.resize(positions, size, interpolation=cv2.INTER_AREA))
    image = np.clip(lit * 255 + 0.5, 0, 255).astype(np.uint8)
    return View(camera, supersampling, lit, unlit, image, depth, small_px, small_depth, exposure.astype(np.float32))


def _light_on(normals: np.ndarray, to_lamp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (N,) of the lamp's light and of the light from everywhere that reach surfaces with normals (N, 3)."""
    return np.clip(normals @ to_lamp, 0, 1), 0.9 + 0.1 * normals[:, 2]


def pixel_rays(intrinsics_px: np.ndarray, rotation: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) float32 world directions through the pixels' centres, of length 1 along the optical axis.

    Args:
        intrinsics_px: (3, 3).
        rotation: (3, 3) camera from world.
        width, height: of the image, px.
    """
    x = (np.arange(width) + 0.5 - intrinsics_px[0, 2]) / intrinsics_px[0, 0]
    y = (np.arange(height) + 0.5 - intrinsics_px[1, 2]) / intrinsics_px[1, 1]
    x, y, rows = x.astype(np.float32), y.astype(np.float32), rotation.astype(np.float32)
    rays = np.empty((height, width, 3), np.float32)
    for axis in range(3):  # row vector times rotation is the rotation's transpose: camera to world
        rays[..., axis] = x * rows[0, axis] + (y * rows[1, axis] + rows[2, axis])[:, None]
    return rays


def room_depth(rays: np.ndarray, position_m: np.ndarray, half_size_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance from inside the room to the first of floor and walls, (H, W) float32; 0 to 3 for a wall, 4 the floor.

    Args:
        rays: (H, W, 3) world directions of length 1 along the optical axis.
        position_m: (3,) of the camera, inside the room.
        half_size_m: (2,) distance of the walls from the origin along x and y.
    """
    depth = np.full(rays.shape[:2], FAR_M, np.float32)
    surface = np.zeros(rays.shape[:2], np.uint8)
    planes = [(axis, sign * half_size_m[axis], sign) for axis, sign in _WALLS] + [(2, 0.0, -1)]
    for index, (axis, at_m, sign) in enumerate(planes):
        # What a ray runs along or away from lies beyond FAR_M: the camera is nearer than that to no side of its room.
        hit = sign * (at_m - position_m[axis]) / np.maximum(sign * rays[..., axis], 1e-6)
        nearer = hit < depth
        np.copyto(depth, hit, where=nearer, casting="same_kind")
        np.copyto(surface, index, where=nearer)
    return depth, surface


def split_corners(boxes: Boxes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each triangle with corners of its own, so flat: (3M, 3) points, (M, 3) int32 triangles, (3M, 3) unit normals."""
    corners = boxes.vertices_m[boxes.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    triangles = np.arange(corners.shape[0] * 3, dtype=np.int32).reshape(-1, 3)
    return corners.reshape(-1, 3), triangles, np.repeat(normals, 3, axis=0)


def _albedo(positions_m: np.ndarray, surface: np.ndarray, box_normals: np.ndarray, room: Room) -> np.ndarray:
    """(H, W, 3) float32 colour before light.

    Args:
        box_normals: of the pixels that show a box, row by row.
    """
    positions = positions_m.reshape(-1, 3)
    albedo = np.empty_like(positions)

    def showing(wanted: int) -> tuple[np.ndarray, np.ndarray]:
        pixels = np.flatnonzero(surface == wanted)  # several times as fast to gather by as the mask
        return pixels, positions.take(pixels, axis=0).T

    for index, (axis, _) in enumerate(_WALLS):
        pixels, (x, y, up) = showing(index)
        along = y if axis == 0 else x
        colours = _sample(room.walls, along, up)
        for wall, centre, centre_z, half_width, half_height, *colour in room.posters:
            if wall == index:
                colours[(np.abs(along - centre) < half_width) & (np.abs(up - centre_z) < half_height)] = colour
        albedo[pixels] = colours
    pixels, (x, y, _) = showing(_FLOOR)
    albedo[pixels] = _sample(room.floor, x, y)
    pixels, (x, y, z) = showing(_BOX)
    if len(pixels):
        # Top faces are textured by x and y, sides by what runs along them and the height.
        is_top = np.abs(box_normals[:, 2]) > 0.7
        along = np.where(is_top, x, x + y)
        albedo[pixels] = _sample(room.boxes, along, np.where(is_top, y, z))
    return albedo.reshape(positions_m.shape)


def _sample(texture: Texture, u_m: np.ndarray, v_m: np.ndarray) -> np.ndarray:
    """Colours (N, 3) of a repeating texture at N places."""
    size = len(texture.colours)
    column, row = (_wrapped(along_m * (size / texture.tile_m), size) for along_m in (u_m, v_m))
    return texture.colours.reshape(-1, 3).take(row * size + column, axis=0)


def _wrapped(pixels: np.ndarray, size: int) -> np.ndarray:
    """Whole pixels modulo ``size``, a power of two: for that this is exact, and faster than NumPy's remainder."""
    pixels = pixels - size * np.floor(pixels / size)
    return np.minimum(pixels.astype(np.int32), size - 1)
