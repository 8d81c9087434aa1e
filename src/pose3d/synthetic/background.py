"""The still part of a take as one camera sees it: floor, walls, posters and the climbing boxes, lit and with depth."""

from dataclasses import dataclass

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import product, turned, unit
from pose3d.synthetic.appearance import Room, Texture
from pose3d.synthetic.mocap import Boxes
from pose3d.synthetic.raster import FAR_M, Lamp, depth_m, device_depth, look_up_depth, rasterize

SHADOW_BIAS_M = 0.03
"""What is nearer than this to the cause of a shadow counts as lit, or it would shade itself."""
_SHADOW_SOFTNESS_PX = 1.5  # at 512 px
_WALLS = ((0, 1), (0, -1), (1, 1), (1, -1))  # (axis, sign) of the walls x = +, x = -, y = +, y = -
_FLOOR, _BOX = 4, 5  # surfaces 0 to 3 are the walls
_ROWS = 32
_FULL = 2**15  # white in 16 bits, which hold twice as much light


@dataclass(frozen=True, eq=False)
class View:
    """A take's room as a camera sees it, for :func:`pose3d.synthetic.render.draw`.

    Attributes:
        camera: that looks.
        supersampling: rendered px per image px along each axis.
        lit, unlit: (H, W, 3) uint8 RGB with all light and with the light from everywhere only.
        depth: (H * s, W * s) float32 device depth, s the supersampling.
        lamp_px: (H, W, 2) int16, each pixel's place in the lamp's map.
        lit_depth: (H, W) float32, the least device depth in the lamp's map with which a pixel is lit.
        exposure: (3,) float32 the camera's gain per colour, already in ``lit`` and ``unlit``.
    """

    camera: Camera
    supersampling: int
    lit: np.ndarray
    unlit: np.ndarray
    depth: np.ndarray
    lamp_px: np.ndarray
    lit_depth: np.ndarray
    exposure: np.ndarray


def render_background(
    camera: Camera, room: Room, boxes: Boxes | None, lamp: Lamp, supersampling: int, exposure: np.ndarray
) -> View:
    """Draw the still part of a take.

    Seen by a camera, a plane's inverse depth is linear in the pixels and its texture a homography, so that no pixel of
    the room needs its place in the world.

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
    rays = pixel_rays(camera, supersampling)
    inverse_depth, surface = room_depth(rays, camera.position_m, room.half_size_m, width, height)
    depth = device_depth(inverse_depth)
    light = _Light(room, exposure)
    full = np.empty((height, width, 3), np.uint16)
    for index in range(_FLOOR + 1):
        _paint_plane(full, surface, index, camera.position_m, rays, room, light)
    middle = slice(supersampling // 2, None, supersampling)
    shares = light.unlit_shares.take(surface[middle, middle], axis=0)
    if boxes is not None:
        normals = np.zeros((height, width, 3), np.float32)
        is_box = _draw_boxes(boxes, camera, supersampling, depth, normals)
        pixels = np.flatnonzero(is_box)
        box_normals = normals.reshape(-1, 3).take(pixels, axis=0)
        direct, upward = light.on(box_normals)
        albedo = _box_albedo(_places(pixels, depth, rays, camera.position_m), box_normals, room.boxes)
        full.reshape(-1, 3)[pixels] = _to_16_bits(albedo * light.full(direct, upward))
        shown = is_box[middle, middle]
        direct, upward = light.on(normals[middle, middle][shown])
        shares[shown] = light.unlit_share(direct, upward)

    size = (camera.width_px, camera.height_px)
    light_16: np.ndarray = cv2.resize(full, size, interpolation=cv2.INTER_AREA)
    small = depth_m(cv2.resize(depth, size, interpolation=cv2.INTER_AREA))
    map_px, lit_depth = lamp.look_up(_positions(small, pixel_rays(camera, 1), camera.position_m), SHADOW_BIAS_M)
    everywhere = light_16 * shares
    if boxes is not None:
        occluder = look_up_depth(lamp.boxes_depth, map_px)
        # In 8 bits, in which OpenCV blurs alike on every processor; in float32 it does not.
        visible = cv2.compare(lit_depth, occluder, cv2.CMP_LT)
        visible = cv2.GaussianBlur(visible, (0, 0), _SHADOW_SOFTNESS_PX * camera.width_px / 512)
        light_16 = everywhere + (light_16 - everywhere) * (visible * np.float32(1 / 255))[..., None]
    lit, unlit = (cv2.convertScaleAbs(image, alpha=255 / _FULL) for image in (light_16, everywhere))
    return View(camera, supersampling, lit, unlit, depth, map_px, lit_depth, exposure.astype(np.float32))


def mixed(over: np.ndarray, under: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Two images (H, W, 3) uint8 by the share (H, W) uint8 of the first, of 255."""
    shares = cv2.merge([share, share, share])
    return cv2.add(cv2.multiply(over, shares, scale=1 / 255), cv2.multiply(under, 255 - shares, scale=1 / 255))


class _Light:
    """How bright surfaces are under a room's light, through a camera's exposure (3,)."""

    def __init__(self, room: Room, exposure: np.ndarray) -> None:
        self._everywhere = (room.ambient * exposure).astype(np.float32)
        self._lamp = (room.direct * exposure).astype(np.float32)
        self._to_lamp = unit(room.lamp_m).astype(np.float32)
        normals = np.array([*[-sign * np.eye(3)[axis] for axis, sign in _WALLS], [0, 0, 1]], np.float32)
        self.of_planes = self.full(*self.on(normals))
        """(5, 3) of walls and floor."""
        self.unlit_shares = self.unlit_share(*self.on(normals))
        """(5, 3) of walls and floor: what is left of it without the lamp."""

    def on(self, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares (N,) of the lamp's light and of the light from everywhere that reach surfaces with normals (N, 3)."""
        return np.clip(turned(normals, self._to_lamp), 0, 1), 0.9 + 0.1 * normals[:, 2]

    def full(self, direct: np.ndarray, upward: np.ndarray) -> np.ndarray:
        """(N, 3) light of all kinds on surfaces with these shares (N,)."""
        return upward[:, None] * self._everywhere + direct[:, None] * self._lamp

    def unlit_share(self, direct: np.ndarray, upward: np.ndarray) -> np.ndarray:
        """(N, 3) the part of :meth:`full` that comes from everywhere."""
        return upward[:, None] * self._everywhere / self.full(direct, upward)


def pixel_rays(camera: Camera, supersampling: int) -> np.ndarray:
    """(3, 3) that takes (column, row, 1) of a pixel to the ray through its centre.

    Rays are world directions of length 1 along the optical axis.

    Args:
        camera: without lens distortion.
        supersampling: pixels per pixel of the camera, along each axis.
    """
    (fx, _, cx), (_, fy, cy), _ = (supersampling * camera.intrinsics_px).tolist()
    plane = np.array([[1 / fx, 0.0, (0.5 - cx) / fx], [0.0, 1 / fy, (0.5 - cy) / fy], [0.0, 0.0, 1.0]])
    return product(camera.rotation.T, plane)


def _over_pixels(form: np.ndarray, width: int, height: int, column: int = 0, row: int = 0) -> np.ndarray:
    """(height, width) float32 of a linear form (3,) over (column, row, 1), from a first column and row on."""
    across = form[0] * np.arange(column, column + width) + form[2]
    return np.add.outer((form[1] * np.arange(row, row + height)).astype(np.float32), across.astype(np.float32))


def room_depth(
    rays: np.ndarray, position_m: np.ndarray, half_size_m: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inverse distance from inside the room to floor or wall, (H, W) float32; and which: 0 to 3 a wall, 4 the floor.

    Args:
        rays: of :func:`pixel_rays`.
        position_m: (3,) of the camera, inside the room.
        half_size_m: (2,) distance of the walls from the origin along x and y.
        width, height: of the image, px.
    """
    forms = plane_forms(rays, position_m, half_size_m)
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    in_front = np.flatnonzero((product(forms, corners.T) > 0).any(axis=1)).tolist()
    inverse_depth = np.zeros((height, width), np.float32)
    surface = np.zeros((height, width), np.uint8)
    for top in range(0, height, _ROWS):  # a few rows at a time stay in the processor's cache
        nearest, shown = inverse_depth[top : top + _ROWS], surface[top : top + _ROWS]
        for index in in_front:
            inverse = _over_pixels(forms[index], width, len(nearest), 0, top)
            cv2.copyTo(np.full_like(shown, index), (inverse > nearest).view(np.uint8), shown)
            np.maximum(nearest, inverse, out=nearest)
    return inverse_depth, surface


def plane_forms(rays: np.ndarray, position_m: np.ndarray, half_size_m: np.ndarray) -> np.ndarray:
    """(5, 3) linear forms over (column, row, 1) that are the inverse distances of four walls and the floor."""
    planes = [(axis, sign * half_size_m[axis], sign) for axis, sign in _WALLS] + [(2, 0.0, -1)]
    return np.array([rays[axis] / (at_m - position_m[axis]) for axis, at_m, _ in planes])


def _paint_plane(
    image: np.ndarray,
    surface: np.ndarray,
    index: int,
    position_m: np.ndarray,
    rays: np.ndarray,
    room: Room,
    light: _Light,
) -> None:
    """Paint the pixels (H, W, 3) uint16 where ``surface`` shows a plane with its texture, lit, and its posters."""
    mask = (surface == index).view(np.uint8)
    x0, y0, width, height = cv2.boundingRect(mask)
    if not width:
        return
    part = (slice(y0, y0 + height), slice(x0, x0 + width))
    texture = room.floor if index == _FLOOR else room.walls
    inverse_depth = plane_forms(rays, position_m, room.half_size_m)[index]
    u_axis, v_axis = (0, 1) if index == _FLOOR else (1 - _WALLS[index][0], 2)
    # A place along an axis is position + ray * depth: over inverse depth both are linear.
    along, across = (position_m[axis] * inverse_depth + rays[axis] for axis in (u_axis, v_axis))
    # By a map, because OpenCV's warps round otherwise where a processor multiplies and adds at once.
    scale = len(texture.colours) / texture.tile_m
    distance_m = 1 / np.maximum(_over_pixels(inverse_depth, width, height, x0, y0), 1 / FAR_M)
    texels = np.empty((height, width, 2), np.int16)
    for axis, form in enumerate((along * scale, across * scale)):
        place = _over_pixels(form, width, height, x0, y0) * distance_m
        texels[..., axis] = np.clip(np.floor(place, out=place), -(2**15), 2**15 - 1, out=place)
    colours = _to_16_bits(texture.colours * light.of_planes[index])
    # OpenCV's types know of two separate maps only.
    painted = cv2.remap(colours, texels, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_WRAP)  # type: ignore[call-overload]
    for wall, centre, centre_z, half_width, half_height, *colour in room.posters:
        if wall == index:
            edges = [
                half * inverse_depth + sign * (place - middle * inverse_depth)  # positive inside
                for place, middle, half in ((along, centre, half_width), (across, centre_z, half_height))
                for sign in (-1, 1)
            ]
            _fill(painted, np.array(edges), (x0, y0), _to_16_bits(np.array(colour) * light.of_planes[index]))
    cv2.copyTo(painted, mask[part], image[part])


def _fill(image: np.ndarray, edges: np.ndarray, corner_px: tuple[int, int], colour: np.ndarray) -> None:
    """Fill where all of some linear forms (N, 3) over (column, row, 1) are positive.

    Args:
        image: (H, W, C), changed in place.
        edges: the forms.
        corner_px: column and row of the image's first pixel.
        colour: (C,).
    """
    height, width = image.shape[:2]
    # On a grid of its pixels' corners a convex polygon shows in which of the rows and columns it can lie.
    shifted = product(edges, np.array([[1, 0, corner_px[0]], [0, 1, corner_px[1]], [0, 0, 1]]))
    rows = np.flatnonzero(_reached(shifted[:, [1, 0, 2]], height, width))
    columns = np.flatnonzero(_reached(shifted, width, height))
    if not len(rows) or not len(columns):
        return
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    inside = np.logical_and.reduce([_over_pixels(form, x1 - x0, y1 - y0, x0, y0) > 0 for form in shifted])
    image[y0:y1, x0:x1][inside] = colour


def _reached(forms: np.ndarray, length: int, breadth: int) -> np.ndarray:
    """(length,) bool: lines across an image on which all of some linear forms (N, 3) can be positive together.

    Args:
        forms: over (place along, place across, 1), lines being those of equal place along.
        length, breadth: number of places along and across.
    """
    offset = forms[:, :1] * np.arange(length) + forms[:, 2:]
    slope = forms[:, 1:2]
    with np.errstate(divide="ignore"):
        crossing = np.where(slope == 0, np.where(offset > 0, -np.inf, np.inf), -offset / slope)
    least = np.where(slope >= 0, crossing, -np.inf).max(axis=0)
    greatest = np.where(slope < 0, crossing, np.inf).min(axis=0)
    return np.maximum(least, 0) <= np.minimum(greatest, breadth - 1)


def _to_16_bits(light: np.ndarray) -> np.ndarray:
    return np.clip(light * _FULL + 0.5, 0, 2**16 - 1).astype(np.uint16)


def _positions(distance_m: np.ndarray, rays: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    """(3, H, W) float32 places in the world of pixels at distances (H, W)."""
    height, width = distance_m.shape
    positions = np.empty((3, height, width), np.float32)
    for axis in range(3):
        np.multiply(_over_pixels(rays[axis], width, height), distance_m, out=positions[axis])
        positions[axis] += float(position_m[axis])
    return positions


def _places(pixels: np.ndarray, depth: np.ndarray, rays: np.ndarray, position_m: np.ndarray) -> np.ndarray:
    """(3, N) places in the world of some pixels of a depth buffer, by flat index (N,)."""
    rows, columns = np.divmod(pixels, depth.shape[1])
    directions = product(rays, np.stack([columns, rows, np.ones_like(rows)]))
    return position_m[:, None] + directions * depth_m(depth.ravel()[pixels])


def _draw_boxes(boxes: Boxes, camera: Camera, supersampling: int, depth: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Draw boxes into ``depth`` (H, W) and ``normals`` (H, W, 3); (H, W) bool where they are seen."""
    corners, triangles, corner_normals = split_corners(boxes)
    before = depth.copy()
    intrinsics = np.diag([supersampling, supersampling, 1.0]) @ camera.intrinsics_px
    rasterize(camera.world_to_camera(corners), triangles, intrinsics, depth, corner_normals, normals)
    return depth < before


def split_corners(boxes: Boxes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each triangle with corners of its own, so flat: (3M, 3) points, (M, 3) int32 triangles, (3M, 3) unit normals."""
    corners = boxes.vertices_m[boxes.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    triangles = np.arange(corners.shape[0] * 3, dtype=np.int32).reshape(-1, 3)
    return corners.reshape(-1, 3), triangles, np.repeat(normals, 3, axis=0)


def _box_albedo(places_m: np.ndarray, normals: np.ndarray, texture: Texture) -> np.ndarray:
    """(N, 3) colours of boxes before light, at places (3, N) with normals (N, 3)."""
    x, y, z = places_m
    # Top faces are textured by x and y, sides by what runs along them and the height.
    is_top = np.abs(normals[:, 2]) > 0.7
    size = len(texture.colours)
    column, row = (
        np.floor(along_m * (size / texture.tile_m)).astype(int) % size
        for along_m in (np.where(is_top, x, x + y), np.where(is_top, y, z))
    )
    return texture.colours[row, column]
