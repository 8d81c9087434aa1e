"""Where the joints of a BVH file are.

BVH states no unit: centimetres are assumed, as in our own files, and y up.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from pose3d.formats.motion import Motion, check_read, names_of_others, without_helpers
from pose3d.formats.number_rows import MAX_NUMBERS, Lines, open_lines, read_rows
from pose3d.runtime.errors import InputError

_CM = 0.01
_MAX_NODES = 10_000
_CHANNELS = {f"{axis}{kind}" for axis in "XYZ" for kind in ("position", "rotation")}
_ROUNDING = 1e-4
"""Of the rate: some programs write five decimals of the frames' time."""


@dataclass(eq=False)
class _Node:
    name: str
    parent: int | None
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()


def read_bvh(path: str | os.PathLike) -> Motion:
    """Read a BVH file of one or more roots; of our own skeleton the 17 joints, of others all but the ends.

    Raises:
        InputError: the file is missing, damaged, cut off, or something else; names the line.
    """
    with open_lines(path) as lines:
        nodes = _hierarchy(lines)
        n_frames = _header(lines, "Frames")
        step_s = _header(lines, "Frame Time")
        if not 0 < step_s < 1e4 or len(nodes) * n_frames * 3 > MAX_NUMBERS:
            raise lines.error("gives a frame time of 0 or too many frames: write the file again")
        rows = read_rows(lines, sum(len(node.channels) for node in nodes), int(n_frames))
    if np.isnan(rows).any():
        raise InputError(
            f"{path} has nan in frame {np.argwhere(np.isnan(rows))[0][0]}: give every angle of every frame"
        )
    fps = round(1 / step_s) if abs(step_s * round(1 / step_s) - 1) < _ROUNDING else 1 / step_s
    joints = [index for index, node in enumerate(nodes) if node.name]
    positions_m = _positions(nodes, rows)[:, joints] * _CM
    motion = Motion(names_of_others(nodes[index].name for index in joints), positions_m, float(fps))
    check_read(motion, path)
    return without_helpers(motion)


def _hierarchy(lines: Lines) -> list[_Node]:
    """The trees up to the line MOTION, parents before children; ends have no name."""
    nodes: list[_Node] = []
    stack: list[int] = []
    statements = _statements(lines)
    if next(statements, "") != "HIERARCHY":
        raise lines.error("is not HIERARCHY: give a BVH file")
    for statement in statements:
        word, rest = [*statement.split(maxsplit=1), "", ""][:2]
        if word == "MOTION" and nodes and not stack:
            return nodes
        try:
            if word in ("ROOT", "JOINT", "End"):
                if (word == "ROOT") != (not stack):
                    raise ValueError
                nodes.append(_Node("" if word == "End" else rest, stack[-1] if stack else None))
                if len(nodes) > _MAX_NODES:
                    raise ValueError
            elif word == "{":
                if not nodes or len(nodes) - 1 in stack:
                    raise ValueError
                stack.append(len(nodes) - 1)
            elif word == "}":
                stack.pop()
            elif word == "OFFSET":
                nodes[stack[-1]].offset = np.array([float(value) for value in rest.split()]).reshape(3)
            elif word == "CHANNELS":
                number, *names = rest.split()
                names = [name.capitalize() for name in names]  # some programs write XPosition
                if len(names) != int(number) or not set(names) <= _CHANNELS or len(set(names)) != len(names):
                    raise ValueError
                nodes[stack[-1]].channels = tuple(names)
            else:
                raise ValueError
        except (ValueError, IndexError):
            raise lines.error("is not as BVH has it there: write the file again") from None
    raise InputError(f"{lines.path} ends within its hierarchy: is it cut off? Write it again")


def _statements(lines: Lines) -> Iterator[str]:
    """Lines without blank ones; what some programs write in one with the brace that opens it comes by itself."""
    for line in lines:
        statement, brace, rest = line.strip().rpartition("{")
        if brace and not rest:
            yield from filter(None, [statement.strip(), brace])
        elif line.strip():
            yield line.strip()


def _header(lines: Lines, key: str) -> float:
    found, _, value = next(_statements(lines), "").partition(":")
    try:
        if found.split() != key.split() or not math.isfinite(float(value)):
            raise ValueError
        return float(value)
    except ValueError:
        raise lines.error(f"does not say {key}: and a number: write the file again") from None


def _positions(nodes: list[_Node], rows: np.ndarray) -> np.ndarray:
    """(T, N, 3) of all nodes, in the file's unit; position channels take the place of an offset."""
    positions = np.empty((len(rows), len(nodes), 3))
    turned: list[Rotation] = []
    column = 0
    for index, node in enumerate(nodes):
        local = np.tile(node.offset, (len(rows), 1))
        order, angles = "", []
        for channel in node.channels:
            if channel.endswith("position"):
                local[:, "XYZ".index(channel[0])] = rows[:, column]
            else:
                order += channel[0]
                angles.append(rows[:, column])
            column += 1
        own = Rotation.from_euler(order, np.stack(angles, -1), degrees=True) if order else Rotation.identity(len(rows))
        if node.parent is None:
            positions[:, index], rotation = local, own
        else:
            above = turned[node.parent]
            positions[:, index], rotation = positions[:, node.parent] + above.apply(local), above * own
        turned.append(rotation)
    return positions
