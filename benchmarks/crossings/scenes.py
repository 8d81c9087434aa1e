"""Short videos of two and three people who walk to and fro and cross, rendered, with who is where in every frame.

A scene depends on its set, kind and seed only. Two sets share no body and no motion: figures are chosen on CHOICE and
reported on REPORT.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pose3d.formats.clip import ClipFrame
from pose3d.geometry.camera import Camera
from pose3d.synthetic.appearance import sample_clothes, sample_room
from pose3d.synthetic.background import View, render_background
from pose3d.synthetic.body import Body, PosedBones, read_body
from pose3d.synthetic.cameras import look_at
from pose3d.synthetic.raster import UNDRAWN, Lamp, depth_m, rasterize
from pose3d.synthetic.render import LitBody, Mesh, draw, extent, light_body
from pose3d.synthetic.retarget import retarget
from pose3d.synthetic.surface import Facets
from pose3d.synthetic.takes import generator, read_clip

RATE_HZ = 25.0
CASTS = {"choice": (("S1", "S5", "S6", "S7"), "Walk"), "report": (("S8", "S9", "S11"), "WalkStraight")}
"""By set, the bodies, and the one gait cycle that they repeat."""
KINDS = ("two", "three", "returning", "panning", "handheld", "cut")
"""What happens: two or three people cross before a camera at rest; one of three leaves and comes back; three before a
camera that pans, two before one that is held and carried; three, and after half the time another camera's view."""
SECONDS = 12.0
_CYCLE_RATE_HZ = 200.0
_SUPERSAMPLING, _LAMP_MAP_PX = 1, 640
_FOCAL_PER_WIDTH = 0.78  # a phone's 65 degrees
_CAMERA_M, _OTHER_CAMERA_M = np.array([0.0, -4.8, 1.5]), np.array([3.2, -3.9, 1.7])
_LANES_M = np.array([-0.9, 0.0, 0.9])  # depths at which people walk, farther apart than bodies are wide
_HIDDEN_M = 0.12  # a joint lies this deep in its own body at most


@dataclass(frozen=True)
class Scene:
    """A video to render: one of :data:`CASTS`, one of :data:`KINDS`, and the seed of all draws."""

    cast: str
    kind: str
    seed: int
    seconds: float = SECONDS

    @property
    def width_px(self) -> int:
        return 1280 if self.kind == "handheld" else 640

    @property
    def height_px(self) -> int:
        return self.width_px * 9 // 16

    @property
    def name(self) -> str:
        return f"{self.cast}-{self.kind}-{self.seed}"

    @property
    def n_people(self) -> int:
        return 2 if self.kind in ("two", "handheld") else 3

    def __len__(self) -> int:
        return round(self.seconds * RATE_HZ)


@dataclass(frozen=True, eq=False)
class SceneFrame(ClipFrame):
    """One frame and the truth about its P people, always in the same order.

    Attributes:
        boxes_px: (P, 4) tight around the bodies, those hidden by others included, cut off at the picture's edges.
        keypoints_px: (P, 17, 2).
        visible: (P, 17) bool, in the picture and behind nobody else.
        seen: (P,) in [0, 1], share of the body that is in the picture and behind nobody else.
    """

    boxes_px: np.ndarray
    keypoints_px: np.ndarray
    visible: np.ndarray
    seen: np.ndarray


def walk_along(gait: PosedBones, path_m: np.ndarray) -> PosedBones:
    """One gait cycle, towards -y, repeated along a path on the floor, so fast that no foot slides.

    Args:
        gait: N frames of a cycle.
        path_m: (T, 2) where the body is.
    """
    stride_m = gait.heads_m[-1, 0, :2] - gait.heads_m[0, 0, :2]
    shares = np.linspace(0, 1, len(gait))[:, None]
    on_the_spot_m = gait.heads_m.copy()
    on_the_spot_m[..., :2] -= (gait.heads_m[0, 0, :2] + shares * stride_m)[:, None]
    steps_m = np.gradient(path_m, axis=0)
    walked_m = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path_m, axis=0), axis=1))])
    frames = (walked_m / np.linalg.norm(stride_m) % 1 * len(gait)).astype(int)
    headings = np.unwrap(np.arctan2(steps_m[:, 1], steps_m[:, 0])) + np.pi / 2
    zero = np.zeros(len(path_m))
    cosine, sine = np.cos(headings), np.sin(headings)
    turns = np.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, zero + 1], -1).reshape(-1, 3, 3)
    heads_m = on_the_spot_m[frames] @ turns.swapaxes(-1, -2)
    heads_m[..., :2] += path_m[:, None]
    return PosedBones(turns[:, None] @ gait.rotations[frames], heads_m)


def paths(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(P, T, 2) metres on the floor: flat figures of eight, one behind the other, of their own length and pace."""
    time_s = np.arange(len(scene)) / RATE_HZ
    lanes_m = rng.permutation(_LANES_M[: scene.n_people])
    walked = []
    for person, lane_m in enumerate(lanes_m):
        reach_m = rng.uniform(1.2, 2.2)
        middle_m = rng.uniform(-0.5, 0.5)
        if scene.kind == "returning" and person == 0:  # beyond the picture's right edge for some seconds
            reach_m, middle_m = 2.9, 2.6
        turn_rate = rng.uniform(0.9, 1.3) / reach_m  # of the angle, 1/s: the pace in the middle is 0.9 to 1.3 m/s
        angle = turn_rate * time_s + rng.uniform(0, 2 * np.pi)
        if scene.kind == "returning" and person == 0:
            angle = turn_rate * time_s + np.pi  # starts where it is seen
        walked.append(np.stack([middle_m + reach_m * np.cos(angle), lane_m + 0.15 * np.sin(2 * angle)], -1))
    return np.stack(walked)


def cameras(scene: Scene, rng: np.random.Generator) -> list[Camera]:
    """The camera of every frame; those of a camera at rest are one object."""
    time_s = np.arange(len(scene)) / RATE_HZ
    target_m = np.array([0.0, 0.0, rng.uniform(0.8, 1.0)])
    if scene.kind == "panning":
        aside_m = 1.1 * np.sin(2 * np.pi * time_s / rng.uniform(5, 8) + rng.uniform(0, 2 * np.pi))
        return [_camera(scene, _CAMERA_M, target_m + [x, 0, 0], 0.0) for x in aside_m]
    if scene.kind == "handheld":
        # Shaking hands up to some 3 Hz turn the camera by a degree, and steps carry it.
        rates_hz = rng.uniform([0.3, 1.0, 2.0], [0.6, 1.6, 3.0])
        waves = np.sin(2 * np.pi * (time_s[:, None, None] * rates_hz + rng.uniform(0, 1, (6, 3)))) @ [1.0, 0.5, 0.25]
        moved = waves * [0.08, 0.05, 0.02, 0.08, 0.05, 0.008]  # place (3), target (2) in m, roll in rad
        return [_camera(scene, _CAMERA_M + m[:3], target_m + [m[3], 0, m[4]], m[5]) for m in moved]
    still = _camera(scene, _CAMERA_M + rng.uniform(-0.3, 0.3, 3) * [1, 1, 0.5], target_m, 0.0)
    if scene.kind != "cut":
        return [still] * len(scene)
    before = len(scene) // 2
    return [still] * before + [_camera(scene, _OTHER_CAMERA_M, target_m, 0.0)] * (len(scene) - before)


def _camera(scene: Scene, position_m: np.ndarray, target_m: np.ndarray, roll_rad: float) -> Camera:
    rotation, translation = look_at(position_m, target_m, roll_rad)
    focal_px = _FOCAL_PER_WIDTH * scene.width_px
    intrinsics = np.array([[focal_px, 0, scene.width_px / 2], [0, focal_px, scene.height_px / 2], [0, 0, 1.0]])
    return Camera(scene.kind, scene.width_px, scene.height_px, intrinsics, np.zeros(5), rotation, translation)


def render(scene: Scene, raw: Path, bodies: Path) -> Iterator[SceneFrame]:
    """Render a scene, frame after frame.

    Args:
        scene: what to show.
        raw: the download stage's folder.
        bodies: bodies.h5.

    Raises:
        InputError: a body or the gait is missing or damaged.
    """
    subjects, clip = CASTS[scene.cast]
    rng = generator(scene.seed, scene.cast, scene.kind)
    people = [read_body(bodies, str(subject)) for subject in rng.permutation(subjects)[: scene.n_people]]
    gait = read_clip(raw, clip, _CYCLE_RATE_HZ)
    walks = [
        walk_along(retarget(body, gait).bones, path_m) for body, path_m in zip(people, paths(scene, rng), strict=True)
    ]
    room = sample_room(rng)
    colours = [sample_clothes(body, rng, varied=True) for body in people]
    meshes = [Mesh.of(body.faces, colour) for body, colour in zip(people, colours, strict=True)]
    # Drawn as one mesh, in which people hide each other.
    starts = np.cumsum([0, *(len(body.vertices_m) for body in people)])
    triangles = np.concatenate([body.faces + start for body, start in zip(people, starts, strict=False)])
    everybody = Mesh.of(triangles, np.concatenate(colours))
    exposure = rng.uniform(0.9, 1.1) * np.ones(3)
    lamp = Lamp(room.lamp_m, np.array([0.0, 0.0, 0.9]), 6.0, _LAMP_MAP_PX, None)
    view: View | None = None
    for frame, camera in enumerate(cameras(scene, rng)):
        if view is None or view.camera is not camera:
            view = render_background(camera, room, None, lamp, _SUPERSAMPLING, exposure)
        posed = [walk.cut(frame, frame + 1) for walk in walks]
        vertices_m = [body.skin(bones) for body, bones in zip(people, posed, strict=True)]
        joints_m = [body.joints(p, v)[0] for body, p, v in zip(people, posed, vertices_m, strict=True)]
        lit = [light_body(mesh, vertices[0], room, lamp) for mesh, vertices in zip(meshes, vertices_m, strict=True)]
        image, _ = draw(view, everybody, _together(lit))
        yield _with_truth(frame / RATE_HZ, image[..., ::-1].copy(), camera, people, vertices_m, np.stack(joints_m))


def _together(bodies: list[LitBody]) -> LitBody:
    """Their shadows fall onto the room and not onto each other."""
    return LitBody(
        np.concatenate([body.vertices_m for body in bodies]),
        Facets(
            np.concatenate([body.facets.normals for body in bodies], axis=1),
            np.concatenate([body.facets.offsets for body in bodies]),
        ),
        np.concatenate([body.colours for body in bodies]),
        np.minimum.reduce([body.lamp_depth for body in bodies]),
        np.concatenate([body.on_floor_m for body in bodies]),
    )


def _with_truth(
    time_s: float,
    image_bgr: np.ndarray,
    camera: Camera,
    people: list[Body],
    vertices_m: list[np.ndarray],
    joints_m: np.ndarray,
) -> SceneFrame:
    size = np.array([camera.width_px, camera.height_px])
    depths, boxes, shares_inside = [], [], []
    for body, vertices in zip(people, vertices_m, strict=True):
        points_cam_m = camera.world_to_camera(vertices[0])
        depth = np.full((camera.height_px, camera.width_px), UNDRAWN, np.float32)
        rasterize(points_cam_m, body.faces, camera.intrinsics_px, depth)
        depths.append(np.where(depth < UNDRAWN, depth_m(depth), np.inf))
        box = np.concatenate(extent(camera.project(points_cam_m)))
        boxes.append(np.clip(box, 0, np.tile(size, 2)))
        shares_inside.append(_area(boxes[-1]) / _area(box))
    joints_cam_m = camera.world_to_camera(joints_m)
    keypoints_px = camera.project(joints_cam_m)
    inside = np.all((keypoints_px >= 0) & (keypoints_px < size), axis=-1)
    columns, rows = np.clip(keypoints_px, 0, size - 1).astype(int).swapaxes(0, -1).swapaxes(1, -1)
    visible, seen = inside.copy(), np.zeros(len(people))
    for person, depth in enumerate(depths):
        others = np.min([*depths[:person], *depths[person + 1 :]], axis=0)
        in_front = joints_cam_m[person, :, 2] < others[rows[person], columns[person]] + _HIDDEN_M
        visible[person] &= in_front
        own = np.isfinite(depth)
        seen[person] = shares_inside[person] * (depth < others)[own].mean() if own.any() else 0.0
    return SceneFrame(time_s, image_bgr, np.stack(boxes), keypoints_px, visible, seen)


def _area(box: np.ndarray) -> float:
    return float((box[2:] - box[:2]).prod())
