"""The embedded data set: plans the takes, performs and renders each, and gives the records of any data set.

A take depends on the seed and on its own name only, so the result is the same for any number of workers and does not
change when another take is added or left out.
"""

import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import rotation_about_z, turned
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.frame_jobs import in_order
from pose3d.synthetic.appearance import Room, sample_clothes, sample_room
from pose3d.synthetic.background import render_background
from pose3d.synthetic.body import Body, PosedBones, read_body
from pose3d.synthetic.cameras import MAX_CAMERAS, stage_cameras
from pose3d.synthetic.clutter import clutter
from pose3d.synthetic.mocap import Boxes, PositionClip, RotationClip, read_climb, read_deepmimic
from pose3d.synthetic.raster import Lamp
from pose3d.synthetic.render import Mesh, draw, extent, light_body
from pose3d.synthetic.retarget import Performance, retarget
from pose3d.synthetic.split import (
    PERFORMERS,
    STILLS,
    TRAINING_SUBJECTS,
    Take,
    plan_stills,
    plan_takes,
)

_DEEPMIMIC_FILES = {
    "WalkLeft": "walker_turn_left0",
    "WalkRight": "walker_turn_right0",
    "TurnLeft": "walker_turn_left1",
    "TurnRight": "walker_turn_right1",
    "WalkStraight": "walk",
    "Walk": "walker_0walk_forward",
    "Backflip": "backflip",
    "Cartwheel": "cartwheel",
    "Crawl": "crawl",
    "DanceA": "dance_a",
    "DanceB": "dance_b",
    "GetupFacedown": "getup_facedown",
    "GetupFaceup": "getup_faceup",
    "Jump": "jump",
    "Kick": "kick",
    "Punch": "punch",
    "Roll": "roll",
    "Run": "run",
    "Spin": "spin",
    "Spinkick": "spinkick",
}
_CLIMB_PREFIX = "Climb"
_PLACE_SPREAD_M = 0.15
_BOX_CLEARANCE_M = 1.8  # from any camera; a box in front of the lens would hide the whole take
_HEADING_TRIES = 64


@dataclass(frozen=True)
class EmbeddedSettings:
    """Settings of the rendering.

    Attributes:
        seed: of every draw, together with the take's name.
        image_size_px: width and height.
        cameras: 1 to 4 per subject.
        frame_rate_hz: frames per second.
        take_seconds: longest take; longer clips are cut.
        repeats: how often each take is performed, in other clothes, rooms and headings.
        takes_per_subject: keep only so many, spread over all of them; None keeps all.
        still_rooms, stills_per_room: how many stills, see :data:`pose3d.synthetic.split.STILLS`.
        supersampling: rendered px per image px, along each axis.
        jpeg_quality: 1 to 100.
        clutter: share of the training subjects' views with dead leaves behind the person; if any, clothes vary more.
    """

    seed: int
    image_size_px: int
    cameras: int
    frame_rate_hz: float
    take_seconds: float
    repeats: int
    takes_per_subject: int | None
    still_rooms: int
    stills_per_room: int
    supersampling: int
    jpeg_quality: int
    clutter: float


@dataclass(frozen=True, eq=False)
class RenderedTake:
    """One take: its sequences, one per camera, and for each of them the T encoded frames."""

    sequences: list[PoseSequence]
    images: list[list[bytes]]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on the seed and the names only (never on Python's salted hash)."""
    return np.random.default_rng(np.random.SeedSequence([seed, *(zlib.crc32(name.encode()) for name in names)]))


def clip_path(raw: Path, clip: str) -> Path:
    """The file of a clip of :data:`pose3d.synthetic.split.PERFORMERS` in the download stage's folder."""
    if clip.startswith(_CLIMB_PREFIX):
        return raw / "climb" / f"climb_{clip.removeprefix(_CLIMB_PREFIX)}.npy"
    return raw / "deepmimic" / f"{_DEEPMIMIC_FILES[clip]}.json"


def read_clip(raw: Path, clip: str, rate_hz: float) -> RotationClip | PositionClip:
    """Read a clip of :data:`pose3d.synthetic.split.PERFORMERS` from the download stage's folder.

    Args:
        raw: the download stage's folder.
        clip: its name.
        rate_hz: frames per second of the result.

    Raises:
        InputError: a file is missing or damaged.
    """
    path = clip_path(raw, clip)
    if clip.startswith(_CLIMB_PREFIX):
        return read_climb(path, path.with_name(f"{path.stem}_boxes.obj"), rate_hz)
    return read_deepmimic(path, rate_hz)


def plan(subjects: list[str], settings: EmbeddedSettings, raw: Path) -> list[Take]:
    """All takes of the subjects, in order.

    Args:
        subjects: keys of :data:`~pose3d.synthetic.split.PERFORMERS`, or :data:`~pose3d.synthetic.split.STILLS`.
        settings: how much is rendered.
        raw: the download stage's folder.

    Raises:
        InputError: a subject nobody knows, more cameras than there are, or clips that cannot be read.
    """
    unknown = [subject for subject in subjects if subject not in (*PERFORMERS, STILLS)]
    if unknown:
        known = ", ".join((*PERFORMERS, STILLS))
        raise InputError(f"dataset.subjects: the embedded data set has no subject {unknown[0]}, only {known}")
    if not 1 <= settings.cameras <= MAX_CAMERAS:
        raise InputError(f"embedded.cameras must be 1 to {MAX_CAMERAS}, not {settings.cameras}")
    take_frames = int(settings.take_seconds * settings.frame_rate_hz + 1e-6)
    if take_frames < 1:
        raise InputError("embedded.take_seconds is shorter than one frame; make it longer")
    performers = [subject for subject in subjects if subject != STILLS]
    clips = sorted({clip for subject in performers for clip in PERFORMERS[subject]})
    frames = {clip: len(read_clip(raw, clip, settings.frame_rate_hz)) for clip in clips}
    takes = []
    for subject in performers:
        takes += plan_takes(subject, frames, take_frames, settings.repeats, settings.takes_per_subject)
    if STILLS in subjects:
        takes += plan_stills(settings.still_rooms, settings.stills_per_room)
    return takes


def render_takes(takes: list[Take], settings: EmbeddedSettings, raw: Path, bodies: Path) -> Iterator[RenderedTake]:
    """Render takes in parallel and give them in order, a few at a time, so that memory stays bounded.

    Args:
        takes: from :func:`plan`.
        settings: how they are rendered.
        raw: the download stage's folder.
        bodies: bodies.h5.

    Raises:
        InputError: a body or a clip is missing or damaged; or as :func:`pose3d.runtime.frame_jobs.in_order`.
    """
    return in_order(render_take, ((take, settings, raw.absolute(), bodies.absolute()) for take in takes))


def render_take(take: Take, settings: EmbeddedSettings, raw: Path, bodies: Path) -> RenderedTake:
    """Perform one take on the subject's body and render it with all cameras.

    Args:
        take: one of :func:`plan`.
        settings: how it is rendered.
        raw: the download stage's folder.
        bodies: bodies.h5.
    """
    if take.subject == STILLS:
        return _render_stills(take, settings, raw, bodies)
    body, whole = _performance(take.subject, take.clip, settings.frame_rate_hz, raw, bodies)
    cameras = stage_cameras(generator(settings.seed, take.subject), settings.image_size_px, settings.cameras)
    rng = generator(settings.seed, take.subject, take.action)
    bones, boxes = place(rng, whole.bones.cut(take.start, take.stop), whole.boxes, cameras)
    vertices_m = body.skin(bones)
    points = body.joints(bones, vertices_m), body.landmarks(bones, vertices_m)
    sequences = record(take, settings.frame_rate_hz, cameras, *points, vertices_m)
    # Clutter is for training only: it must not change what models are measured on.
    share = settings.clutter if take.subject in TRAINING_SUBJECTS else 0.0
    meshes = repeat(Mesh(body.surface, sample_clothes(body, rng, share > 0)))
    return RenderedTake(sequences, _render(rng, settings, share, sample_room(rng), meshes, vertices_m, boxes, cameras))


def _render_stills(take: Take, settings: EmbeddedSettings, raw: Path, bodies: Path) -> RenderedTake:
    """One room with its own four cameras, and a training subject in some pose of theirs for each still.

    There are no boxes, so whoever climbs, jumps or flies is put onto the floor.
    """
    rng = generator(settings.seed, take.subject, take.action)
    cameras = stage_cameras(rng, settings.image_size_px, settings.cameras)
    joints, landmarks, vertices, meshes = [], [], [], []
    for _ in range(len(take)):
        subject = TRAINING_SUBJECTS[rng.integers(len(TRAINING_SUBJECTS))]
        clip = PERFORMERS[subject][rng.integers(len(PERFORMERS[subject]))]
        body, whole = _performance(subject, clip, settings.frame_rate_hz, raw, bodies)
        frame = int(rng.integers(len(whole.bones)))
        bones, _ = place(rng, whole.bones.cut(frame, frame + 1), None, cameras)
        height_m = body.skin(bones, axes=slice(2, 3)).min()
        bones = bones.moved(np.eye(3), np.array([0.0, 0.0, -height_m]))
        vertices.append(body.skin(bones))
        joints.append(body.joints(bones, vertices[-1]))
        landmarks.append(body.landmarks(bones, vertices[-1]))
        meshes.append(Mesh(body.surface, sample_clothes(body, rng, settings.clutter > 0)))
    vertices_m = np.concatenate(vertices)
    points = np.concatenate(joints), np.concatenate(landmarks)
    sequences = record(take, settings.frame_rate_hz, cameras, *points, vertices_m)
    images = _render(rng, settings, settings.clutter, sample_room(rng), meshes, vertices_m, None, cameras)
    return RenderedTake(sequences, images)


def _performance(subject: str, clip: str, rate_hz: float, raw: Path, bodies: Path) -> tuple[Body, Performance]:
    """A whole clip on a body: takes and stills come back to each of the few that there are many times."""
    # Other files under the same names are another performance: a cluster's workers outlive a run.
    body = _body(subject, bodies, _written_ns(bodies))
    return body, _retargeted(body, clip, rate_hz, raw, _written_ns(clip_path(raw, clip)))


def _written_ns(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0  # whoever reads it says that it is missing


@lru_cache(maxsize=8)
def _body(subject: str, bodies: Path, written_ns: int) -> Body:
    return read_body(bodies, subject)


@lru_cache(maxsize=32)  # enough for all of them
def _retargeted(body: Body, clip: str, rate_hz: float, raw: Path, written_ns: int) -> Performance:
    return retarget(body, read_clip(raw, clip, rate_hz))


def place(
    rng: np.random.Generator, bones: PosedBones, boxes: Boxes | None, cameras: list[Camera]
) -> tuple[PosedBones, Boxes | None]:
    """Turn a take to a random heading and put its middle near the origin, boxes away from the cameras.

    Args:
        rng: every draw comes from it.
        bones: T frames of the take.
        boxes: what is climbed on; None: nothing.
        cameras: that boxes keep away from.
    """
    path_m = bones.heads_m[:, 0]
    middle_m = (path_m.min(axis=0) + path_m.max(axis=0)) / 2 * [1, 1, 0]
    offset_m = np.array([*rng.uniform(-_PLACE_SPREAD_M, _PLACE_SPREAD_M, 2), 0.0])
    headings = rng.uniform(0, 2 * np.pi, _HEADING_TRIES)
    best = (-np.inf, np.eye(3))
    for heading in headings:
        rotation = rotation_about_z(math.cos(heading), math.sin(heading))
        clearance = np.inf
        if boxes is not None:
            corners = turned(rotation, boxes.vertices_m[np.unique(boxes.triangles)] - middle_m) + offset_m
            positions = np.stack([camera.position_m for camera in cameras])
            clearance = np.linalg.norm((corners[:, None] - positions)[..., :2], axis=-1).min()
        if clearance > best[0]:
            best = (clearance, rotation)
        if clearance > _BOX_CLEARANCE_M:
            break
    rotation = best[1]
    translation = offset_m - turned(rotation, middle_m)
    if boxes is not None:
        boxes = Boxes(turned(rotation, boxes.vertices_m) + translation, boxes.triangles)
    return bones.moved(rotation, translation), boxes


def record(
    take: Take,
    fps: float,
    cameras: list[Camera],
    poses_world_m: np.ndarray,
    landmarks_world_m: np.ndarray,
    vertices_m: np.ndarray,
) -> list[PoseSequence]:
    """Ground truth of a take by camera; boxes are tight around the body's mesh, cut at the image's edges.

    Args:
        take: subject, action and number.
        fps: frames per second.
        cameras: V of them.
        poses_world_m: (T, 17, 3).
        landmarks_world_m: (T, L, 3).
        vertices_m: (T, N, 3) of the body, in the world.
    """
    sequences = []
    for camera in cameras:
        poses_cam_m = camera.world_to_camera(poses_world_m)
        # Frame by frame, because one frame's vertices stay in the processor's cache.
        frames_px = (camera.project(camera.world_to_camera(vertices)) for vertices in vertices_m)
        boxes_px = np.stack([np.concatenate(extent(mesh_px)) for mesh_px in frames_px])
        sequences.append(
            PoseSequence(
                subject=take.subject,
                action=take.action,
                camera=camera,
                fps=fps,
                poses_world_m=poses_world_m.astype(np.float32),
                poses_cam_m=poses_cam_m.astype(np.float32),
                keypoints_px=camera.project(poses_cam_m).astype(np.float32),
                boxes_px=np.clip(boxes_px, 0, np.tile([camera.width_px, camera.height_px], 2)).astype(np.float32),
                landmarks_world_m=landmarks_world_m.astype(np.float32),
            )
        )
    return sequences


def _render(
    rng: np.random.Generator,
    settings: EmbeddedSettings,
    clutter_share: float,
    room: Room,
    meshes: Iterable[Mesh],
    vertices_m: np.ndarray,
    boxes: Boxes | None,
    cameras: list[Camera],
) -> list[list[bytes]]:
    """JPEG bytes of each camera's frames; one mesh per frame, all with as many vertices."""
    low, high = extent(vertices_m.reshape(-1, 3))
    # The shadow map needs about the images' own resolution.
    lamp = Lamp(
        room.lamp_m, (low + high) / 2, float(np.linalg.norm(high - low, axis=-1)) / 2, settings.image_size_px, boxes
    )
    exposures = rng.uniform(0.9, 1.1) * (1 + rng.uniform(-0.04, 0.04, (MAX_CAMERAS, 3)))
    views = [
        render_background(camera, room, boxes, lamp, settings.supersampling, exposure)
        for camera, exposure in zip(cameras, exposures, strict=False)
    ]
    if clutter_share > 0:
        views = [clutter(view, rng) if rng.random() < clutter_share else view for view in views]
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
    images: list[list[bytes]] = [[] for _ in cameras]
    for mesh, vertices in zip(meshes, vertices_m, strict=False):  # one person's mesh is repeated without end
        lit = light_body(mesh, vertices, room, lamp)
        for view, encoded in zip(views, images, strict=True):
            image, _ = draw(view, mesh, lit)
            encoded.append(cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1].tobytes())
    return images
