"""Where the landmarks of :mod:`pose3d.geometry.layouts` are on anny's mesh, found by its bones and shape at rest.

The rest mesh faces -y. Each landmark on the skin is the mean of :data:`N_VERTICES` vertices, as Neck/Nose and Head are.
"""

import numpy as np

from pose3d.geometry.layouts import LANDMARK_NAMES
from pose3d.synthetic.body import LANDMARK_BONES, SIDES, Body

N_VERTICES = 12
_SIDE_NAMES = {"L": "left", "R": "right"}
_TOES = {"big_toe": "toe1", "small_toe": "toe5", "foot_index": "toe2"}
# Of the face's own measures: the corners of the mouth are nearly below the pupils, and as far below the nose's tip as
# that is below the eyes.
_MOUTH_WIDTH, _MOUTH_BELOW = 0.9, 0.9
_OUTER_EAR = 0.9  # share of the head's half width beyond which there is nothing but ear


def skin_landmarks(body: Body) -> np.ndarray:
    """Vertices of the landmarks that are no bone's head, in the order of their names, (L, 12).

    Args:
        body: its own ``landmark_vertices`` are not read.
    """
    found: dict[str, np.ndarray] = {"nose": body.nose_vertices}
    for side in SIDES:
        found |= {f"{_SIDE_NAMES[side]}_{name}": rows for name, rows in (_face(body, side) | _foot(body, side)).items()}
    names = [name for name in LANDMARK_NAMES if name not in LANDMARK_BONES]
    # A mesh that is coarser there repeats some.
    return np.stack([np.resize(np.sort(found[name][:N_VERTICES]), N_VERTICES) for name in names])


def _face(body: Body, side: str) -> dict[str, np.ndarray]:
    vertices = body.vertices_m.astype(np.float64)
    eye, nose = body.rest(f"eye.{side}"), vertices[body.nose_vertices].mean(0)
    eyeball = np.flatnonzero(body.moved_by((f"eye.{side}",)))
    radius = np.ptp(vertices[eyeball, 0]) / 2
    front = np.flatnonzero(body.moved_by(("head",)) & (vertices[:, 1] < eye[1]))
    outwards = np.sign(eye[0])

    def on_face(x: float, z: float) -> np.ndarray:
        return front[np.argsort(np.hypot(vertices[front, 0] - x, vertices[front, 2] - z), kind="stable")]

    head = np.flatnonzero(body.moved_by(("head",)))
    aside = outwards * vertices[head, 0]
    ear = head[aside > _OUTER_EAR * aside.max()]
    from_middle = np.linalg.norm(vertices[ear] - vertices[ear].mean(0), axis=1)
    return {
        "eye": eyeball[np.argsort(vertices[eyeball, 1], kind="stable")],
        "eye_inner": on_face(eye[0] - outwards * radius, eye[2]),
        "eye_outer": on_face(eye[0] + outwards * radius, eye[2]),
        "ear": ear[np.argsort(from_middle, kind="stable")],
        "mouth": on_face(_MOUTH_WIDTH * eye[0], nose[2] - _MOUTH_BELOW * (eye[2] - nose[2])),
    }


def _foot(body: Body, side: str) -> dict[str, np.ndarray]:
    y, z = body.vertices_m[:, 1], body.vertices_m[:, 2]
    foot = np.flatnonzero(body.moved_by((f"foot.{side}",)))
    sole = foot[z[foot] < (z[foot].min() + body.rest(f"foot.{side}")[2]) / 2]
    found = {"heel": sole[np.argsort(-y[sole], kind="stable")]}
    for name, toe in _TOES.items():
        bones = tuple(label for label in body.bone_labels if label.startswith(toe) and label.endswith(side))
        rows = np.flatnonzero(body.moved_by(bones))
        found[name] = rows[np.argsort(y[rows], kind="stable")]
    return found
