"""Where the joints of a GLB file are, over its first animation."""

import json
import math
import os
import struct
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from pose3d.formats.glb import COMPONENTS, JSON_CHUNK, MAGIC, NUMBERS_CHUNK
from pose3d.formats.motion import Motion, check_read, names_of_others, without_helpers
from pose3d.formats.number_rows import MAX_NUMBERS
from pose3d.runtime.errors import InputError, in_words

MAX_BYTES = 2**31
MAX_JSON_BYTES = 2**26
_MAX_NODES = 10_000
_NAME = 60  # characters of a name in a sentence
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_SAME_S = 1e-4
"""By which a key may come after the frame that it is for: times have single precision."""
_REST = {"translation": (0.0, 0.0, 0.0), "rotation": (0.0, 0.0, 0.0, 1.0), "scale": (1.0, 1.0, 1.0)}


class _Curve(NamedTuple):
    """(K,) ascending times, (K, C) values, and whether each stays until the next."""

    at_s: np.ndarray
    values: np.ndarray
    stays: bool


def read_glb(path: str | os.PathLike) -> Motion:
    """Read where the joints of the largest skin are, or all named nodes if there is none; of our own files the 17.

    The rate is that of the animation's densest channel; all others are interpolated to its times, as glTF says:
    rotations along the shortest arc, everything else on lines; steps stay until the next. Cubic splines are refused.

    Raises:
        InputError: the file is missing, damaged, cut off, holds no animation, or splines.
    """
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES / 2**30:g} GiB")
        with open(path, "rb") as file:
            content, numbers = _chunks(file.read(MAX_BYTES + 1))
        motion = _motion(content, numbers)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a GLB file that you may read") from None
    except Exception as error:  # whatever damage makes json, struct or NumPy raise
        reason = in_words(error)[:200]
        raise InputError(f"{path} is no whole GLB file of an animation ({reason}): write it again") from None
    check_read(motion, path)
    return without_helpers(motion)


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    if magic != MAGIC or version != 2 or length != len(data):
        raise ValueError(f"its header claims {length} bytes of version {version}, it has {len(data)}")
    n_text, kind = struct.unpack_from("<I4s", data, 12)
    if kind != JSON_CHUNK or n_text > MAX_JSON_BYTES:
        raise ValueError("its first chunk is no JSON text")
    content = json.loads(data[20 : 20 + n_text])
    start = 20 + n_text
    n_numbers, kind = struct.unpack_from("<I4s", data, start)
    if kind != NUMBERS_CHUNK or start + 8 + n_numbers > length:
        raise ValueError("its second chunk is not all of its numbers")
    return content, data[start + 8 : start + 8 + n_numbers]


def _accessor(content: dict[str, Any], numbers: bytes, index: int) -> np.ndarray:
    """(N, C) numbers."""
    accessor = content["accessors"][index]
    view = content["bufferViews"][accessor["bufferView"]]
    dtype, width, count = np.dtype(COMPONENTS[accessor["componentType"]]), _WIDTHS[accessor["type"]], accessor["count"]
    stride = view.get("byteStride", dtype.itemsize * width)
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    if dtype.kind != "f" or "sparse" in accessor or view["buffer"] != 0:
        raise ValueError("an animation has other numbers than floats in the file")
    if not 0 < count <= MAX_NUMBERS // width or start < 0 or stride < dtype.itemsize * width:
        raise ValueError("an accessor claims no or too many numbers")
    if start + stride * (count - 1) + dtype.itemsize * width > len(numbers):
        raise ValueError("an accessor reaches past the numbers' end")
    return np.ndarray((count, width), dtype, numbers, start, (stride, dtype.itemsize)).astype(np.float64)


def _motion(content: dict[str, Any], numbers: bytes) -> Motion:
    nodes, animation = content["nodes"], content["animations"][0]
    if len(nodes) > _MAX_NODES:
        raise ValueError(f"it has more than {_MAX_NODES:,} nodes")
    curves: dict[tuple[int, str], _Curve] = {}
    for channel in animation["channels"]:
        sampler, target = animation["samplers"][channel["sampler"]], channel["target"]
        if target["path"] not in _REST or "node" not in target:
            continue
        interpolation = sampler.get("interpolation", "LINEAR")
        if interpolation not in ("LINEAR", "STEP"):
            raise ValueError(f"its animation has the interpolation {interpolation}, only LINEAR and STEP are read")
        at_s, values = (_accessor(content, numbers, sampler[key]) for key in ("input", "output"))
        if len(at_s) != len(values) or (np.diff(at_s[:, 0]) <= 0).any() or not np.isfinite(values).all():
            raise ValueError("a channel's times and values do not fit")
        curves[target["node"], target["path"]] = _Curve(at_s[:, 0], values, interpolation == "STEP")
    if not curves:
        raise ValueError("its animation moves nothing")
    densest = max((curve.at_s for curve in curves.values()), key=len)
    start_s, end_s = (edge(curve.at_s[place] for curve in curves.values()) for edge, place in ((min, 0), (max, -1)))
    fps = frames_a_second(densest)
    n_frames = 1 + round((end_s - start_s) * fps)
    if not math.isfinite(fps) or n_frames * len(nodes) * 16 > MAX_NUMBERS:
        raise ValueError(f"it has too many frames ({n_frames:,}) of {len(nodes)} nodes")
    globals_ = _globals(nodes, curves, start_s + np.arange(n_frames) / fps)
    skins = content.get("skins") or [{"joints": range(len(nodes))}]
    wanted = max((skin["joints"] for skin in skins), key=len)  # hair may have a skin of its own, of few joints
    wanted = [node for node in wanted if nodes[node].get("name")]
    names = names_of_others(nodes[node]["name"] for node in wanted)
    positions_m = np.stack([globals_[node][:, :3, 3] for node in wanted], 1)
    others = len(content["animations"]) - 1
    name = " ".join(str(animation.get("name", "")).split())[:_NAME]
    first = f"of its {1 + others} animations the first is read" + (f", {name}" if name else "")
    return Motion(names, positions_m, float(fps), said=(first,) if others else ())


def frames_a_second(at_s: np.ndarray) -> float:
    """The rate of keys at (K,) ascending times, which glTF has in single precision; of uneven ones the usual.

    After an hour such times are a quarter of a millisecond apart, too coarse for one step to say the rate: where all
    steps are the same but for that, they say it together.

    Example:
        >>> frames_a_second(np.float32(np.arange(100_000) / 25))
        25.0
    """
    if len(at_s) < 2:
        return 1.0
    steps_s = np.diff(np.asarray(at_s, np.float64))
    step_s = float(np.median(steps_s))
    if np.abs(steps_s - step_s).max() <= 2 * np.spacing(np.float32(np.abs(at_s).max())):
        step_s = float(steps_s.mean())
    fps = 1 / step_s
    return float(round(fps)) if abs(fps - round(fps)) < 1e-3 else fps


def _globals(nodes: list[dict], curves: dict[tuple[int, str], _Curve], times_s: np.ndarray) -> dict[int, np.ndarray]:
    """(T, 4, 4) of each node, from its own space to the scene's."""
    parents = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])}
    found: dict[int, np.ndarray] = {}
    waiting = [index for index in range(len(nodes)) if index not in parents]
    for index in waiting:  # grows while it is gone through, parents before children
        local = _locals(nodes[index], index, curves, times_s)
        found[index] = found[parents[index]] @ local if index in parents else local
        waiting += nodes[index].get("children", [])
        if len(waiting) > len(nodes):
            raise ValueError("its nodes are no tree")
    return found


def _locals(node: dict, index: int, curves: dict[tuple[int, str], _Curve], times_s: np.ndarray) -> np.ndarray:
    matrices = np.tile(np.eye(4), (len(times_s), 1, 1))
    if "matrix" in node:
        matrices[:] = np.array(node["matrix"], np.float64).reshape(4, 4).T
        return matrices
    at: dict[str, np.ndarray] = {}
    for path, rest in _REST.items():
        values = np.array([node.get(path, rest)], np.float64).reshape(1, len(rest))
        curve = curves.get((index, path), _Curve(np.zeros(1), values, True))
        inside_s = np.clip(times_s, curve.at_s[0], curve.at_s[-1])
        if curve.stays:
            values = curve.values[np.searchsorted(curve.at_s, inside_s + _SAME_S, "right") - 1]
            at[path] = Rotation.from_quat(values).as_matrix() if path == "rotation" else values
        elif path == "rotation":
            turns = Rotation.from_quat(curve.values)
            turns = Slerp(curve.at_s, turns)(inside_s) if len(curve.at_s) > 1 else turns[np.zeros(len(times_s), int)]
            at[path] = turns.as_matrix()
        else:
            at[path] = np.stack([np.interp(inside_s, curve.at_s, column) for column in curve.values.T], -1)
    matrices[:, :3, :3] = at["rotation"] * at["scale"][:, None, :]
    matrices[:, :3, 3] = at["translation"]
    return matrices
