"""A small hand-made body and motion capture files in their real formats, for tests without downloads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pose3d.datasets.manifest import MANIFEST
from pose3d.runtime.files import sha256_of, write_text
from pose3d.synthetic import takes as embedded
from pose3d.synthetic.body import SIDES, Body, write_bodies
from pose3d.synthetic.landmarks import N_VERTICES, skin_landmarks
from pose3d.synthetic.mocap import CLIMB_JOINTS
from pose3d.synthetic.split import PERFORMERS

# Corner i of a unit cube has coordinates (i & 1, i >> 1 & 1, i >> 2); triangles are counter-clockwise from outside.
CUBE_TRIANGLES = np.array(
    [
        *([0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4]),
        *([2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]),
    ],
    np.int32,
)


def cuboid(low: tuple, high: tuple) -> np.ndarray:
    """(8, 3) corners of an axis-aligned box, for :data:`CUBE_TRIANGLES`."""
    bits = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)])
    return np.where(bits, high, low).astype(float)


def tiny_body() -> Body:
    """A person of 1.75 m made of one cuboid per bone, arms obliquely down, elbows slightly bent forward."""
    bones: list[tuple[str, str | None, tuple[float, float, float]]] = [("root", None, (0, 0, 0.95))]
    for side in SIDES:
        s = 1 if side == "L" else -1
        bones += [
            (f"pelvis.{side}", "root", (0, 0, 0.95)),
            (f"upperleg01.{side}", f"pelvis.{side}", (0.1 * s, 0, 0.93)),
            (f"lowerleg01.{side}", f"upperleg01.{side}", (0.12 * s, -0.02, 0.5)),
            (f"foot.{side}", f"lowerleg01.{side}", (0.13 * s, 0.01, 0.08)),
            (f"toe2-1.{side}", f"foot.{side}", (0.13 * s, -0.13, 0.03)),
            (f"toe1-2.{side}", f"foot.{side}", (0.1 * s, -0.14, 0.03)),
            (f"toe5-3.{side}", f"foot.{side}", (0.16 * s, -0.1, 0.03)),
        ]
    spine = [("spine05", 0.97), ("spine04", 1.05), ("spine03", 1.13), ("spine02", 1.21), ("spine01", 1.32)]
    neck = [("neck01", 1.48), ("neck02", 1.51), ("neck03", 1.54), ("head", 1.57)]
    parent = "root"
    for label, z in spine:
        bones.append((label, parent, (0, 0.01, z)))
        parent = label
    for label, z in neck:
        bones.append((label, parent, (0, -0.01, z)))
        parent = label
    for side in SIDES:
        s = 1 if side == "L" else -1
        bones += [
            (f"eye.{side}", "head", (0.03 * s, -0.1, 1.64)),
            (f"clavicle.{side}", "spine01", (0.02 * s, 0, 1.42)),
            (f"shoulder01.{side}", f"clavicle.{side}", (0.1 * s, 0, 1.43)),
            (f"upperarm01.{side}", f"shoulder01.{side}", (0.18 * s, 0, 1.40)),
            (f"lowerarm01.{side}", f"upperarm01.{side}", (0.36 * s, 0, 1.18)),
            (f"lowerarm02.{side}", f"lowerarm01.{side}", (0.43 * s, -0.06, 1.10)),
            (f"wrist.{side}", f"lowerarm02.{side}", (0.50 * s, -0.13, 1.02)),
            (f"finger1-2.{side}", f"wrist.{side}", (0.51 * s, -0.18, 0.99)),
            (f"finger2-1.{side}", f"wrist.{side}", (0.53 * s, -0.22, 0.98)),
            (f"finger3-1.{side}", f"wrist.{side}", (0.55 * s, -0.20, 0.96)),
            (f"finger5-1.{side}", f"wrist.{side}", (0.57 * s, -0.16, 0.93)),
        ]
    labels = [label for label, _, _ in bones]
    parents = np.array([labels.index(parent) if parent else -1 for _, parent, _ in bones])
    heads = np.array([head for _, _, head in bones], float)

    vertices, faces, owners = [], [], []
    for index, label in enumerate(labels):
        children = np.flatnonzero(parents == index)
        end = heads[children].mean(axis=0) if len(children) else heads[index]
        radius = 0.02 if label.startswith(("finger", "eye", "toe")) else 0.05
        corners = cuboid(np.minimum(heads[index], end) - radius, np.maximum(heads[index], end) + radius)
        faces.append(CUBE_TRIANGLES + 8 * len(vertices))
        vertices.append(corners)
        owners += [index] * 8
    head = labels.index("head")
    for low, high in (((-0.01, -0.14, 1.60), (0.01, -0.12, 1.62)), ((-0.07, -0.1, 1.60), (0.07, 0.1, 1.75))):
        faces.append(CUBE_TRIANGLES + 8 * len(vertices))
        vertices.append(cuboid(low, high))
        owners += [head] * 8
    n = 8 * len(vertices)
    body = Body(
        bone_labels=tuple(labels),
        bone_parents=parents,
        bone_heads_m=heads,
        vertices_m=np.concatenate(vertices).astype(np.float32),
        faces=np.concatenate(faces).astype(np.int32),
        weight_bones=np.array(owners)[:, None],
        weights=np.ones((n, 1), np.float32),
        nose_vertices=np.arange(n - 16, n - 8),
        crown_vertices=np.arange(n - 4, n),
        landmark_vertices=np.empty((0, N_VERTICES), int),
    )
    return replace(body, landmark_vertices=skin_landmarks(body))


def deepmimic_frame(duration_s: float = 1 / 30, root=(0.0, 0.9, 0.0), **rotations) -> list[float]:
    """One frame: identity everywhere but in ``rotations``, by joint, quaternions w, x, y, z or hinge angles."""
    frame = [duration_s, *root]
    for joint in ("hips", "chest", "neck"):
        frame.extend(rotations.get(joint, (1, 0, 0, 0)))
    for side in ("right", "left"):
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow"):
            hinge = joint in ("knee", "elbow")
            value = rotations.get(f"{side}_{joint}", 0.0 if hinge else (1, 0, 0, 0))
            frame.extend([value] if hinge else value)
    return [float(number) for number in frame]


def write_deepmimic(path: Path, frames: list[list[float]]) -> Path:
    """Write a DeepMimic clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"Loop": "none", "Frames": frames}), encoding="utf-8")
    return path


def climb_pose(knee_rad: float = 0.0, elbow_rad: float = 0.0, arms_forward_rad: float = 0.0) -> np.ndarray:
    """(53, 3) a performer facing -y: knees and elbows bent as they bend in people, arms swung forward."""
    place = {"Hips": (0, 0, 0.9), "Spine": (0, 0, 1.0), "Spine1": (0, 0, 1.2), "Neck": (0, 0, 1.4), "Head": (0, 0, 1.5)}

    def swung(angle: float) -> np.ndarray:
        return np.array([0.0, -np.sin(angle), -np.cos(angle)])  # straight down at 0, forward at 90 degrees

    for name, s in (("Left", 1), ("Right", -1)):
        place[f"{name}UpLeg"] = hip = np.array([0.1 * s, 0, 0.85])
        place[f"{name}Leg"] = knee = hip + 0.4 * swung(knee_rad / 2)
        place[f"{name}Foot"] = ankle = knee + 0.4 * swung(-knee_rad / 2)
        place[f"{name}ToeBase"] = ankle + [0, -0.15, -0.04]
        place[f"{name}FootMod"] = ankle
        place[f"{name}Shoulder"] = np.array([0.05 * s, 0, 1.38])
        place[f"{name}Arm"] = shoulder = np.array([0.2 * s, 0, 1.35])
        place[f"{name}ForeArm"] = elbow = shoulder + 0.28 * swung(arms_forward_rad)
        forearm = swung(arms_forward_rad + elbow_rad)
        place[f"{name}Hand"] = wrist = elbow + 0.25 * forearm
        forward = np.cross(forearm, [1.0, 0, 0])  # thumbs forward, palms inward
        for i, finger in enumerate(("Thumb", "Index", "Middle", "Ring", "Pinky")):
            for k in (1, 2, 3):
                place[f"{name}Hand{finger}{k}"] = wrist + (0.06 + 0.03 * k) * forearm - 0.02 * (i - 2) * forward
    return np.array([place[name] for name in CLIMB_JOINTS], float)


def write_climb(path: Path, joints_m: np.ndarray) -> Path:
    """Write a climbing clip, and beside it one box of 1 x 0.5 x 0.3 m behind the performer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, joints_m.astype(np.float32))
    lines = [f"v {x} {y} {z}" for x, y, z in cuboid((-0.5, 0.6, 0.0), (0.5, 1.1, 0.3))]
    lines += [f"f {a} {b} {c}" for a, b, c in CUBE_TRIANGLES + 1]
    path.with_name(f"{path.stem}_boxes.obj").write_text("# boxes\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_sources(raw: Path, bodies: Path) -> None:
    """data/raw and data/bodies.h5 with every file that the real ones have."""
    for number in range(5):
        knees = np.linspace(0, 1 + number / 5, 25)
        write_climb(raw / f"climb/climb_{number}.npy", np.stack([climb_pose(knee_rad=k) for k in knees]))
    for stem in embedded._DEEPMIMIC_FILES.values():
        frames = [deepmimic_frame(0.05, (0.05 * i, 0.85, 0), left_knee=-0.2 * i) for i in range(5)]
        write_deepmimic(raw / f"deepmimic/{stem}.json", frames)
    files = {str(path.relative_to(raw)): {"sha256": sha256_of(path)} for path in raw.rglob("*.*")}
    write_text(raw / MANIFEST, json.dumps({"tiny": {"files": files}}))
    write_bodies(bodies, dict.fromkeys(PERFORMERS, tiny_body()))
