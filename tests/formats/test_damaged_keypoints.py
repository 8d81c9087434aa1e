"""Whatever is damaged in a file of keypoints, it is read, or refused in one sentence."""

import json
import random

import pytest
from tiny_keypoints import FILES

from pose3d.formats.keypoints import layout_of
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.predict.given_keypoints import people_of
from pose3d.runtime.errors import InputError

VALUES = [None, -1, 0, 1.5, 10**30, float("nan"), float("inf"), True, "x", "12", [], {}, [[]], {"a": 1}]
CELLS = ["", "x", "nan", "inf", "-1", "1e400", "999999999999"]


def places(content):
    """Every (container, key) in some JSON."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield content, key
        yield from places(value)


def damaged(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.2:
        return data[: rng.randrange(len(data))]
    if data[:1] in b"{[":
        content = json.loads(data)
        known = list(places(content))
        container, key = rng.choice(known[: rng.choice([5, 20, len(known)])])
        if rng.random() < 0.3:
            del container[key]
        else:
            container[key] = rng.choice(VALUES)
        return json.dumps(content).encode()
    if data[:2] != b"PK":
        lines = data.decode().splitlines()
        line = rng.choice([0, 1, 2, 3, rng.randrange(len(lines))])
        cells = lines[line].split(",")
        column = rng.randrange(len(cells))
        cells[column : column + 1] = [rng.choice(CELLS)] * rng.choice([0, 1, 1, 2])
        lines[line] = ",".join(cells)
        return "\n".join(lines).encode()
    changed = bytearray(data)
    for _ in range(3):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_one_sentence(tmp_path, name):
    rng = random.Random(name)
    path = FILES[name][1](tmp_path / "k")
    part = max(path.iterdir()) if path.is_dir() else path
    whole, refused = part.read_bytes(), 0
    for _ in range(40):
        part.write_bytes(damaged(whole, rng))
        try:
            file = read_keypoints(path)
            layout_of(file, "coco17" if name == "arrays" else None)
            people = people_of(file, fps=None if file.fps else 25, size_px=file.size_px or (640, 480))
            people.of(people.largest())
        except InputError as error:
            refused += 1
            assert str(error).startswith(str(tmp_path)) and "\n" not in str(error)
    assert refused
