"""Keypoints of people as other programs write them, each file made by hand; px of a picture of 640 x 480."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

WIDTH_PX, HEIGHT_PX = 640, 480
COCO_NAMES = [
    "nose",
    *(f"{side}_{part}" for part in ("eye", "ear", "shoulder", "elbow", "wrist") for side in ("left", "right")),
    *(f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in ("left", "right")),
]
_STANDING = [
    *((320, 90), (326, 84), (314, 84), (334, 88), (306, 88)),
    *((350, 140), (290, 140), (362, 200), (278, 200), (366, 255), (274, 255)),
    *((338, 260), (302, 260), (340, 340), (300, 340), (342, 420), (298, 420)),
]
"""COCO's 17 points of somebody who faces the camera."""
OPENPOSE_18 = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""OpenPose's 18 points by their number in COCO's 17; None: the neck."""
BODY_25 = (0, None, 6, 8, 10, 5, 7, 9, None, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, *[None] * 6)
HALPE_26 = (*range(17), *[None] * 9)
MEDIAPIPE_33 = (
    *(0, None, 1, None, None, 2, None, 3, 4, None, None, 5, 6, 7, 8, 9, 10, *[None] * 6),
    *(11, 12, 13, 14, 15, 16, *[None] * 4),
)


def person(n_frames: int = 12, x_px: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(T, 17, 2) px of COCO's points of somebody who sways, and (T, 17) scores; ``x_px`` to the right of the middle."""
    standing = np.array(_STANDING, float) + [x_px, 0]
    sway = 6 * np.sin(np.arange(n_frames) / 5)[:, None] * np.linspace(1, 0, 17)
    keypoints = np.repeat(standing[None], n_frames, 0)
    keypoints[..., 0] += sway
    scores = np.full((n_frames, 17), 0.8) - 0.01 * np.arange(17)
    return keypoints.round(3), scores.round(4)


def in_order(keypoints: np.ndarray, scores: np.ndarray, order: Sequence[int | None]) -> tuple[np.ndarray, np.ndarray]:
    """Points in another layout's order; those that COCO lacks are undetected: 0, 0, 0."""
    wanted = [number is not None for number in order]
    points, rated = np.zeros((len(keypoints), len(order), 2)), np.zeros((len(keypoints), len(order)))
    points[:, wanted] = keypoints[:, [number for number in order if number is not None]]
    rated[:, wanted] = scores[:, [number for number in order if number is not None]]
    return points, rated


def triples(keypoints: np.ndarray, scores: np.ndarray) -> list[list[float]]:
    """Of each frame x, y, score, x, y, ..."""
    rows = np.concatenate([keypoints, scores[..., None]], -1)
    return rows.reshape(len(rows), -1).tolist()


def write_openpose(folder: Path, people: Sequence[tuple[np.ndarray, np.ndarray]], order: Sequence[int | None]) -> Path:
    folder.mkdir()
    rows = [triples(*in_order(*one, order)) for one in people]
    for frame in range(len(rows[0])):
        content = {
            "version": 1.3,
            "people": [
                {
                    "person_id": [-1],
                    "pose_keypoints_2d": one[frame],
                    "face_keypoints_2d": [],
                    "hand_left_keypoints_2d": [],
                    "hand_right_keypoints_2d": [],
                    "pose_keypoints_3d": [],
                }
                for one in rows
            ],
        }
        (folder / f"walk_{frame:012d}_keypoints.json").write_text(json.dumps(content))
    return folder


def write_coco(path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]], **more: object) -> Path:
    """Results; ``more`` goes into every entry."""
    rows = [triples(*one) for one in people]
    entries = [
        {"image_id": frame, "category_id": 1, "keypoints": one[frame], "score": 0.98, **more}
        for frame in range(len(rows[0]))
        for one in rows
    ]
    path.write_text(json.dumps(entries))
    return path


def write_wholebody(path: Path, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    """COCO-WholeBody's results; feet, face and hands are undetected."""
    entries = [
        {
            "image_id": frame,
            "category_id": 1,
            "keypoints": row,
            "foot_kpts": [0.0] * 18,
            "face_kpts": [0.0] * 204,
            "lefthand_kpts": [0.0] * 63,
            "righthand_kpts": [0.0] * 63,
            "score": 0.9,
        }
        for frame, row in enumerate(triples(keypoints, scores))
    ]
    path.write_text(json.dumps(entries))
    return path


def write_coco_annotations(path: Path, keypoints: np.ndarray) -> Path:
    visible = np.full(keypoints.shape[:2], 2.0)
    content = {
        "images": [
            {"id": 100 + frame, "file_name": f"walk_{frame:05d}.png", "width": WIDTH_PX, "height": HEIGHT_PX}
            for frame in range(len(keypoints))
        ],
        "annotations": [
            {"id": frame, "image_id": 100 + frame, "category_id": 1, "iscrowd": 0, "keypoints": row}
            for frame, row in enumerate(triples(keypoints, visible))
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": COCO_NAMES}],
    }
    path.write_text(json.dumps(content))
    return path


def write_alphapose(
    path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]], order: Sequence[int | None], ids: Sequence[object]
) -> Path:
    rows = [triples(*in_order(*one, order)) for one in people]
    entries = [
        {
            "image_id": f"{frame}.jpg",
            "category_id": 1,
            "keypoints": one[frame],
            "score": 2.9,
            "box": [250.0, 60.0, 140.0, 380.0],
            "idx": number,
        }
        for frame in range(len(rows[0]))
        for one, number in zip(rows, ids, strict=True)
    ]
    path.write_text(json.dumps(entries))
    return path


def write_alphapose_open(path: Path, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    rows = triples(*in_order(keypoints, scores, OPENPOSE_18))
    content = {
        f"{frame}.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": row}]}
        for frame, row in enumerate(rows)
    }
    path.write_text(json.dumps(content))
    return path


def mmpose_frames(people: Sequence[tuple[np.ndarray, np.ndarray]], first: int = 0) -> list[dict]:
    return [
        {
            "frame_id": first + frame,
            "instances": [
                {
                    "keypoints": points[frame].tolist(),
                    "keypoint_scores": scores[frame].tolist(),
                    "bbox": [[250.0, 60.0, 390.0, 440.0]],
                    "bbox_score": 0.97,
                }
                for points, scores in people
            ],
        }
        for frame in range(len(people[0][0]))
    ]


def write_mmpose(path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]]) -> Path:
    meta = {"dataset_name": "coco", "num_keypoints": 17}
    path.write_text(json.dumps({"meta_info": meta, "instance_info": mmpose_frames(people)}))
    return path


def write_arrays(path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]], **more: object) -> Path:
    """As rtmlib gives them in each frame, of all frames: (T, P, K, 2) and (T, P, K)."""
    keypoints, scores = (np.stack(arrays, 1) for arrays in zip(*people, strict=True))
    np.savez(path, keypoints=keypoints, scores=scores, **more)
    return path


def write_videopose3d(path: Path, keypoints: np.ndarray) -> Path:
    sides = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    metadata = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": sides}
    metadata["video_metadata"] = {"walk.mp4": {"w": WIDTH_PX, "h": HEIGHT_PX}}
    positions = {"walk.mp4": {"custom": [keypoints.astype("float32")]}}
    np.savez_compressed(path, positions_2d=positions, metadata=metadata)
    return path


def write_detectron(path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]]) -> Path:
    n_frames = len(people[0][0])
    boxes, found = np.empty((n_frames, 2), object), np.empty((n_frames, 2), object)
    for frame in range(n_frames):
        rows = [
            np.stack([points[frame, :, 0], points[frame, :, 1], np.zeros(17), scores[frame]])
            for points, scores in people
        ]
        boxes[frame] = [[], np.array([[250, 60, 390, 440, 0.99]] * len(people), "float32")]
        found[frame] = [[], np.array(rows, "float32")]
    metadata = {"w": WIDTH_PX, "h": HEIGHT_PX}
    segments = np.array([None] * n_frames)
    np.savez_compressed(path, boxes=boxes, segments=segments, keypoints=found, metadata=metadata)
    return path


def landmarks(keypoints: np.ndarray, scores: np.ndarray) -> list[list[dict[str, float]]]:
    points, rated = in_order(keypoints, scores, MEDIAPIPE_33)
    return [
        [
            {"x": x / WIDTH_PX, "y": y / HEIGHT_PX, "z": -0.1, "visibility": sure}
            for (x, y), sure in zip(frame, sures, strict=True)
        ]
        for frame, sures in zip(points.tolist(), rated.tolist(), strict=True)
    ]


def write_mediapipe_json(path: Path, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    frames = [{"frame": number, "landmarks": one} for number, one in enumerate(landmarks(keypoints, scores))]
    path.write_text(json.dumps({"fps": 25.0, "width": WIDTH_PX, "height": HEIGHT_PX, "frames": frames}))
    return path


def write_mediapipe_csv(path: Path, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    rows = [
        (frame, number, one["x"], one["y"], one["z"], one["visibility"])
        for frame, found in enumerate(landmarks(keypoints, scores))
        for number, one in enumerate(found)
    ]
    return write_table(path, [("frame", "landmark", "x", "y", "z", "visibility"), *rows])


def write_mediapipe_wide(path: Path, keypoints: np.ndarray, scores: np.ndarray) -> Path:
    header = [f"{axis}{number}" for number in range(1, 34) for axis in "xyzv"]
    found = landmarks(keypoints, scores)
    return write_table(path, [header, *([value for one in frame for value in one.values()] for frame in found)])


def write_deeplabcut(
    path: Path, keypoints: np.ndarray, scores: np.ndarray, names: Sequence[str] = tuple(COCO_NAMES)
) -> Path:
    header = [
        ["scorer"] + ["DLC_resnet50"] * 3 * len(names),
        ["bodyparts"] + [name for name in names for _ in range(3)],
        ["coords"] + ["x", "y", "likelihood"] * len(names),
    ]
    rows = [[frame, *row] for frame, row in enumerate(triples(keypoints, scores))]
    return write_table(path, [*header, *rows])


def write_sleap(path: Path, people: Sequence[tuple[np.ndarray, np.ndarray]]) -> Path:
    header = ["track", "frame_idx", "instance.score"]
    header += [f"{name}.{column}" for name in COCO_NAMES for column in ("x", "y", "score")]
    rows = [triples(*one) for one in people]
    table = [
        [f"track_{number}", frame, 0.9, *one[frame]] for frame in range(len(rows[0])) for number, one in enumerate(rows)
    ]
    return write_table(path, [header, *table])


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


KEYPOINTS = person()[0]
ONE = [person()]
FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "OpenPose body25": ("body25", lambda path: write_openpose(path, ONE, BODY_25)),
    "OpenPose coco17": ("coco17", lambda path: write_openpose(path, ONE, OPENPOSE_18)),
    "COCO": ("coco17", lambda path: write_coco(path, ONE)),
    "COCO annotations": ("coco17", lambda path: write_coco_annotations(path, KEYPOINTS)),
    "COCO-WholeBody": ("coco_wholebody", lambda path: write_wholebody(path, *ONE[0])),
    "AlphaPose coco17": ("coco17", lambda path: write_alphapose(path, ONE, range(17), [3])),
    "AlphaPose halpe26": ("halpe26", lambda path: write_alphapose(path, ONE, HALPE_26, [[1.0]])),
    "AlphaPose open": ("coco17", lambda path: write_alphapose_open(path, *ONE[0])),
    "MMPose": ("coco17", lambda path: write_mmpose(path, ONE)),
    "arrays": ("coco17", lambda path: write_arrays(path.with_suffix(".npz"), ONE)),
    "VideoPose3D": ("coco17", lambda path: write_videopose3d(path.with_suffix(".npz"), KEYPOINTS)),
    "Detectron": ("coco17", lambda path: write_detectron(path.with_suffix(".npz"), ONE)),
    "MediaPipe JSON": ("mediapipe33", lambda path: write_mediapipe_json(path, *ONE[0])),
    "MediaPipe CSV": ("mediapipe33", lambda path: write_mediapipe_csv(path, *ONE[0])),
    "MediaPipe wide": ("mediapipe33", lambda path: write_mediapipe_wide(path, *ONE[0])),
    "DeepLabCut": ("coco17", lambda path: write_deeplabcut(path, *ONE[0])),
    "SLEAP": ("coco17", lambda path: write_sleap(path, ONE)),
}
"""Format to the layout of its file and what writes it: the same person in each."""
ORDERS = {
    "body25": BODY_25,
    "coco17": range(17),
    "halpe26": HALPE_26,
    "mediapipe33": MEDIAPIPE_33,
    "coco_wholebody": (*range(17), *[None] * 6),
}
