"""Pinhole cameras with lens distortion.

World: metres, z up. Camera: metres, x right, y down, z forward. Image: px, pixel i covers [i, i + 1), so that the
centre of the first pixel is at (0.5, 0.5).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pose3d.geometry.distortion import COEFFICIENTS, DISTORTION_MODELS, DistortionModel, distort, undistort
from pose3d.geometry.rotations import least_rotation, turned

_FARTHEST_RING, _RINGS, _SPOKES = 1.0, 64, 64
"""Of the circles on which it is tried what a lens shows, see :func:`_surely_shown_radius`: 45 degrees, and pictures are
rarely wider."""


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera: ``x_camera = rotation @ x_world + translation_m``.

    Attributes:
        id: name of the camera, unique within a subject.
        width_px, height_px: size of its images.
        intrinsics_px: (3, 3) K, zero skew.
        distortion: (5,) in OpenCV's order k1, k2, p1, p2, k3, or (8,) with k4, k5, k6 of its rational model.
        rotation: (3, 3), camera from world; orthonormal, determinant 1.
        translation_m: (3,), camera from world.
        distortion_model: the formula that ``distortion`` belongs to, see :mod:`pose3d.geometry.distortion`.

    Raises:
        ValueError: an array has another shape or is not finite, ``rotation`` is no rotation, or the model is unknown.

    Example:
        A level camera 5 m from the origin that looks along the world's +y.

        >>> intrinsics_px = np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]])
        >>> rotation = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
        >>> camera = Camera("cam0", 100, 80, intrinsics_px, np.zeros(5), rotation, np.array([0.0, 0, 5]))
        >>> (camera.position_m + 0).tolist()
        [0.0, -5.0, 0.0]
        >>> point_cam_m = camera.world_to_camera(np.array([1.0, 0, 2]))
        >>> point_cam_m.tolist()
        [1.0, -2.0, 5.0]
        >>> camera.project(point_cam_m).tolist()
        [70.0, 0.0]
        >>> camera.normalize(np.array([70.0, 0])).round(9).tolist()
        [0.2, -0.4]
        >>> camera.camera_to_world(point_cam_m).tolist()
        [1.0, 0.0, 2.0]
    """

    id: str
    width_px: int
    height_px: int
    intrinsics_px: np.ndarray
    distortion: np.ndarray
    rotation: np.ndarray
    translation_m: np.ndarray
    distortion_model: DistortionModel = "opencv"

    def __post_init__(self) -> None:
        if self.distortion_model not in DISTORTION_MODELS:
            raise ValueError(
                f"camera {self.id}: the distortion model must be {' or '.join(DISTORTION_MODELS)}, "
                f"not {self.distortion_model!r}"
            )
        for name, shapes in (
            ("intrinsics_px", [(3, 3)]),
            ("distortion", [(n,) for n in COEFFICIENTS[self.distortion_model]]),
            ("rotation", [(3, 3)]),
            ("translation_m", [(3,)]),
        ):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape not in shapes or not np.isfinite(value).all():
                known = " or ".join(map(str, shapes))
                raise ValueError(f"camera {self.id}: {name} must be finite and of shape {known}, not {value.shape}")
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if not np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-5):
            raise ValueError(f"camera {self.id}: rotation is not orthonormal")
        if np.linalg.det(self.rotation) < 0:
            raise ValueError(f"camera {self.id}: rotation is a reflection; an axis has the wrong sign")

    @property
    def position_m(self) -> np.ndarray:
        """Optical centre in the world, shape (3,), metres."""
        return self.camera_to_world(np.zeros(3))

    def world_to_camera(self, points_world_m: np.ndarray) -> np.ndarray:
        """(..., 3) world to (..., 3) camera space, metres, float64."""
        return turned(self.rotation, np.asarray(points_world_m, np.float64)) + self.translation_m

    def camera_to_world(self, points_cam_m: np.ndarray) -> np.ndarray:
        """(..., 3) camera space to (..., 3) world, metres, float64."""
        return turned(self.rotation.T, np.asarray(points_cam_m, np.float64) - self.translation_m)

    def project(self, points_cam_m: np.ndarray) -> np.ndarray:
        """(..., 3) camera space, metres, to (..., 2) px with the lens's distortion, float64.

        NaN where the lens does not see the point, see :func:`pose3d.geometry.distortion.distort`.

        Raises:
            ValueError: a point lies at or behind the optical centre.
        """
        points = np.asarray(points_cam_m, np.float64)
        if (points[..., 2] <= 0).any():
            raise ValueError(f"camera {self.id}: a point to project lies behind the camera")
        x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
        if self.distortion.any():
            x, y = distort(x, y, self.distortion, self.distortion_model)
        intrinsics = self.intrinsics_px
        return np.stack([intrinsics[0, 0] * x + intrinsics[0, 2], intrinsics[1, 1] * y + intrinsics[1, 2]], axis=-1)

    def normalize(self, keypoints_px: np.ndarray) -> np.ndarray:
        """(..., 2) px to (..., 2) undistorted image-plane x/z, y/z: the inverse of :meth:`project`, float64.

        NaN where the lens shows nothing, see :func:`pose3d.geometry.distortion.undistort`, and for NaN.
        """
        plane = self._behind_lens(keypoints_px)
        if not self.distortion.any():
            return plane
        return np.stack(undistort(plane[..., 0], plane[..., 1], self.distortion, self.distortion_model), axis=-1)

    def shows(self, keypoints_px: np.ndarray) -> np.ndarray:
        """(..., 2) px to (...) bool: whether the lens shows anything there, as far as :attr:`distortion` says."""
        plane = self._behind_lens(keypoints_px)
        if not self.distortion.any():
            return np.isfinite(plane).all(-1)
        x, y = plane[..., 0], plane[..., 1]
        near = np.hypot(x, y) < _surely_shown_radius(tuple(self.distortion.tolist()), self.distortion_model)
        if near.all():
            return near
        return near | np.isfinite(np.add(*undistort(x, y, self.distortion, self.distortion_model)))

    def _behind_lens(self, keypoints_px: np.ndarray) -> np.ndarray:
        """(..., 2) px to the image plane as the lens distorts it, no unit, float64."""
        return (np.asarray(keypoints_px, np.float64) - self.intrinsics_px[:2, 2]) / np.diag(self.intrinsics_px)[:2]


@lru_cache(maxsize=256)
def _surely_shown_radius(distortion: tuple[float, ...], model: DistortionModel) -> float:
    """Behind a lens, how far out it shows everything: most keypoints lie there, and need not be undistorted to know it.

    Everything on circles up to the one after it is shown, because what a lens shows ends at a smooth line, which
    comes nearer between two points of a circle by much less than there is between circles.
    """
    radii = np.linspace(0, _FARTHEST_RING, _RINGS + 1)
    angles = np.linspace(0, 2 * np.pi, _SPOKES, endpoint=False)
    found = undistort(np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles)), np.array(distortion), model)
    shown = np.isfinite(np.add(*found)).all(1)
    n_shown = len(radii) if shown.all() else int(shown.argmin())
    return float(radii[max(n_shown - 2, 0)])


def rotation_to_optical_axis(directions: np.ndarray) -> np.ndarray:
    """The rotations of least angle that turn given directions onto +z: a virtual camera looking along each of them.

    Args:
        directions: (..., 3), any length, z > 0.

    Returns:
        (..., 3, 3) R with ``R @ direction = (0, 0, |direction|)``.

    Raises:
        ValueError: a direction with z <= 0, which no camera in front of the person can have.

    Example:
        >>> rotation = rotation_to_optical_axis(np.array([0.0, 3.0, 4.0]))
        >>> (rotation.round(9) + 0).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.8, -0.6], [0.0, 0.6, 0.8]]
    """
    directions = np.asarray(directions, np.float64)
    if not (directions[..., 2] > 0).all():
        raise ValueError("a direction to look along must point forward (z > 0)")
    return least_rotation(directions, np.array([0.0, 0.0, 1.0]))


def square_box(box_px: np.ndarray, margin: float) -> np.ndarray:
    """The square around a box's centre whose side is ``margin`` times the longer side of the box.

    Args:
        box_px: (..., 4) x0, y0, x1, y1.
        margin: more than 0; 1 is the square that just holds the box.

    Returns:
        (..., 3) centre x, centre y, side, px.

    Raises:
        ValueError: an empty box.

    Example:
        >>> square_box(np.array([10, 20, 30, 60]), margin=1.5).tolist()
        [20.0, 40.0, 60.0]
    """
    box = np.asarray(box_px, np.float64)
    size = box[..., 2:] - box[..., :2]
    if not (size > 0).all():
        raise ValueError("a bounding box has no width or no height")
    return np.concatenate([(box[..., :2] + box[..., 2:]) / 2, margin * size.max(-1, keepdims=True)], axis=-1)


def crop_from_image(square_px: np.ndarray, crop_size_px: int) -> np.ndarray:
    """The affine transform from full-image px to crop px, shape (..., 2, 3).

    Both use centres at +0.5, so a square's corners map exactly onto the crop's corners 0 and ``crop_size_px``.

    Args:
        square_px: (..., 3) centre x, centre y, side.
        crop_size_px: side of the crop.

    Example:
        >>> crop_from_image(np.array([20.0, 40.0, 60.0]), crop_size_px=120).tolist()
        [[2.0, 0.0, 20.0], [0.0, 2.0, -20.0]]
    """
    square = np.asarray(square_px, np.float64)
    scale = crop_size_px / square[..., 2]
    transform = np.zeros((*square.shape[:-1], 2, 3))
    transform[..., 0, 0] = transform[..., 1, 1] = scale
    transform[..., :, 2] = crop_size_px / 2 - scale[..., None] * square[..., :2]
    return transform


def apply_affine(transform: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Apply (..., 2, 3) transforms to (..., N, 2) points, px to px, float64.

    Example:
        >>> apply_affine(np.array([[2.0, 0, 20], [0, 2, -20]]), np.array([[20.0, 40.0], [0.0, 0.0]])).tolist()
        [[60.0, 60.0], [20.0, -20.0]]
    """
    return np.asarray(points_px, np.float64) @ np.swapaxes(transform[..., :2], -1, -2) + transform[..., None, :, 2]


def invert_affine(transform: np.ndarray) -> np.ndarray:
    """Inverse of (..., 2, 3) affine transforms, px to px, same shape.

    Example:
        >>> (invert_affine(np.array([[2.0, 0, 20], [0, 2, -20]])) + 0).tolist()
        [[0.5, 0.0, -10.0], [0.0, 0.5, 10.0]]
    """
    linear = np.linalg.inv(transform[..., :2])
    return np.concatenate([linear, -(linear @ transform[..., 2:])], axis=-1)
