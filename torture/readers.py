"""Whatever is damaged in a file that is read from elsewhere, it is read or refused in one sentence, in bounded memory.

    python -m torture.readers [--times 500] [--only NAME ...]

Of every kind of file that a command takes a whole one is written and damaged ``--times`` times: bits, bytes, lines,
cells and numbers changed, doubled or left out, pieces of JSON replaced, the file cut off. A case passes where the
reader

- refuses it by an ``InputError``, one line that names the file, or reads it (a user's own file may say anything); of
  the released models, which carry checksums, what is read must be what was written;
- stays below 2 GiB and 60 s.
"""

import argparse
import json
import os
import pickle
import random
import resource
import signal
import struct
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from people import camera_ring, swinging_poses
from tiny_calibrations import KALIBR, OPENCV, opencv_json, toml
from tiny_gopro import payload, stream, write_gopro
from tiny_keypoints import FILES
from tiny_qualisys import element, write_calibration
from tqdm import tqdm

from pose3d.datasets.packages import blazepose_folder
from pose3d.formats.calibrations import read_calibration
from pose3d.formats.gpmf import gopro_up
from pose3d.formats.joint_files import read_motion, write_motion
from pose3d.formats.keypoints import layout_of
from pose3d.formats.mot import read_mot, write_mot
from pose3d.formats.motion import from_ours
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.lifting.lift import load_lifter
from pose3d.pose2d.blazepose_network import BlazePoseTrunk, load_trunk
from pose3d.pose2d.blazepose_people import OUTPUTS
from pose3d.pose2d.inference import load_network
from pose3d.pose2d.tflite_network import load_tflite
from pose3d.predict.given_keypoints import people_of
from pose3d.runtime.errors import InputError
from torture.corruption import LIMIT_BYTES, LIMIT_S, digest
from torture.rows import Row, run_alone

TIMES = 500
SEED = 3
MODELS = Path(__file__).parents[1] / "models"
MOTIONS = ("walk.trc", "walk.c3d", "walk.bvh", "walk.glb", "walk.csv", "walk.npz", "walk.amass.npz")
CALIBRATIONS: dict[str, str] = {
    "pose2sim.toml": toml(1, extra="fisheye = false"),
    "freemocap.toml": toml(1000, metadata="charuco_square_size = 58.0"),
    "caliscope.toml": toml(1, name="", table="cameras.{}"),
    "anipose.toml": toml(1000),
    "camchain.yaml": KALIBR,
    "opencv.yml": OPENCV,
    "opencv.json": opencv_json(),
    "camera.json": json.dumps(
        {"width_px": 640, "height_px": 480, "intrinsics_px": [[600, 0, 320], [0, 600, 240], [0, 0, 1]]}
    ),
}
RELEASED = (
    *("pose2d.pt", "repnet.pt", "temporal.pt"),
    *("repnet.coco17.pt", "temporal.coco17.pt", "repnet.mediapipe33.pt", "temporal.body25.pt"),
)
_VALUES = [None, -1, 0, 1.5, 10**30, float("nan"), float("inf"), True, "x", "12", [], {}, [[]], {"a": 1}]
_CELLS = ["", "x", "nan", "inf", "-1", "0", "1e400", "-1e-320", "999999999999", "18446744073709551616", '"']
_INTEGERS = [0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1]
_BATCH = 25


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: of the row.
        make: writes a whole file at a path in a folder, and gives the path that a user would give.
        read: reads it to the end, as the commands do.
        exact: a checksum protects it: it reads as it was, or not at all.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    exact: bool = False


def _people(path: Path) -> Any:
    file = read_keypoints(path)
    layout_of(file, "coco17" if file.format == "arrays" else None)
    people = people_of(file, fps=None if file.fps else 25, size_px=file.size_px or (640, 480))
    return [vars(one) for one in [people.of(people.largest())] if hasattr(one, "__dict__")]


def _motion(path: Path) -> Any:
    motion = read_motion(path)
    return motion.joints, motion.positions_m, motion.fps


def _network(network: torch.nn.Module) -> Any:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def _trunk(path: Path) -> Any:
    trunk = BlazePoseTrunk()
    load_trunk(trunk, path)
    return _network(trunk)


def _copy(source: Path, name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(source.read_bytes())
        return folder / name

    return make


def _text(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return make


def _walk(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_motion(folder / name, from_ours(swinging_poses(np.random.default_rng(1), 12), 25.0, "world"))
        return folder / name

    return make


def _qualisys(folder: Path) -> Path:
    write_calibration(folder / "walk.qca.txt", *(element(camera) for camera in camera_ring(2)))
    return folder / "walk.qca.txt"


def _gopro(folder: Path) -> Path:
    gravity = [payload(stream(b"GRAV", *[(0, 32767, 0)] * 5)) for _ in range(3)]
    return write_gopro(folder / "gopro.mp4", *gravity)


def _angles(folder: Path) -> Path:
    times_s = np.arange(12) / 25
    write_mot(folder / "walk.mot", times_s, {"knee_angle_r": 10 * times_s, "knee_angle_l": -5 * times_s})
    return folder / "walk.mot"


def kinds() -> list[Kind]:
    """Every kind, in the order of the table."""
    made = [
        Kind(f"keypoints, {name}", lambda folder, write=write: write(folder / "k"), _people)
        for name, (_, write) in FILES.items()
    ]
    made += [
        Kind(f"calibration, {name}", _text(name, text), lambda path: read_calibration(path).cameras)
        for name, text in CALIBRATIONS.items()
    ]
    made += [
        Kind("calibration, Qualisys", _qualisys, lambda path: read_calibration(path).cameras),
        *(Kind(f"joints, {name.partition('.')[2]}", _walk(name), _motion) for name in MOTIONS),
        Kind("angles, mot", _angles, read_mot),
        Kind("gravity, GoPro's mp4", _gopro, gopro_up),
    ]
    for name in RELEASED:
        read = _read_pose2d if name == "pose2d.pt" else _read_lifter
        made.append(Kind(f"models/{name}", _copy(MODELS / name, name), read, exact=True))
    return [
        *made,
        Kind("models/pose_detection.tflite, without its sha256", _copy(MODELS / _FINDER, _FINDER), _read_finder),
        Kind("pose_landmark_full.tflite, without its sha256", _landmarks, _trunk),
    ]


_FINDER = "pose_detection.tflite"


def _landmarks(folder: Path) -> Path:
    return _copy(blazepose_folder() / "pose_landmark_full.tflite", "pose_landmark_full.tflite")(folder)


def _read_pose2d(path: Path) -> Any:
    return _network(load_network(str(path))[0])


def _read_lifter(path: Path) -> Any:
    layout = path.name.split(".")[1]
    return _network(load_lifter(str(path), layout if layout != "pt" else "h36m17"))


def _read_finder(path: Path) -> Any:
    return _network(load_tflite(path, OUTPUTS))


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield content, key
        yield from _places(value)


def _as_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The content of a whole file, damaged in one way."""
    way = rng.random()
    if way < 0.1:
        return data[: rng.randrange(len(data))]
    if way < 0.8 and (content := _as_json(data)):
        known = list(_places(content))
        container, key = rng.choice(known[: rng.choice([5, 20, len(known)])])
        if rng.random() < 0.3:
            del container[key]
        else:
            container[key] = rng.choice(_VALUES)
        return json.dumps(content).encode()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _other_bytes(data, rng)
    return _other_bytes(data, rng) if way > 0.9 else _other_text(text, rng).encode()


def _other_text(text: str, rng: random.Random) -> str:
    lines = text.split("\n")
    line = rng.choice([rng.randrange(min(8, len(lines))), rng.randrange(len(lines))])
    if (way := rng.random()) < 0.1:
        del lines[line]
    elif way < 0.2:
        lines.insert(line, rng.choice(lines))
    else:
        marks = [mark for mark in "\t, =" if mark in lines[line]] or [" "]
        mark = rng.choice(marks)
        cells = lines[line].split(mark)
        column = rng.randrange(len(cells))
        cells[column : column + 1] = [rng.choice(_CELLS)] * rng.choice([0, 1, 1, 2])
        lines[line] = mark.join(cells)
    return "\n".join(lines)


def _other_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    where = rng.choice([len(data), min(600, len(data)), min(5000, len(data))])
    places = [rng.randrange(where) if rng.random() < 0.5 else len(data) - 1 - rng.randrange(where) for _ in range(3)]
    way = rng.random()
    for place in places[: 1 if way < 0.5 else 3]:
        if way < 0.3:
            changed[place] ^= 1 << rng.randrange(8)
        elif way < 0.6:
            changed[place] = rng.randrange(256)
        elif place + 4 <= len(data):
            struct.pack_into(rng.choice("<>") + "I", changed, place, rng.choice(_INTEGERS))
    if way > 0.95:
        del changed[places[0] : places[0] + rng.randrange(1, 50)]
    return bytes(changed)


def _ends(kind: Kind, path: Path, part: Path, contents: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """Of each content how reading ended: read, refused or failed; and a digest or what was said."""
    for content in contents:
        part.write_bytes(content)
        signal.alarm(LIMIT_S)
        try:
            with redirect_stderr(StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = kind.read(path)
            yield "read", digest(found) if kind.exact else ""
        except InputError as error:
            yield "refused", str(error)
        except Exception as error:
            yield "failed", f"{type(error).__name__}: {error}"
        except SystemExit as error:
            yield "failed", f"it ends the process: {error}"
        signal.alarm(0)


def _in_child(kind: Kind, path: Path, part: Path, contents: Sequence[bytes]) -> list[tuple[str, str]]:
    """As :func:`_ends`, in a fork with a limit of memory; as many as came before it died."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receiving)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        torch.set_num_threads(1)
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + LIMIT_BYTES,) * 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(sending, "wb") as pipe:
            for end in _ends(kind, path, part, contents):
                pickle.dump(end, pipe)
                pipe.flush()
        os._exit(0)
    os.close(sending)
    ends = []
    with os.fdopen(receiving, "rb") as pipe:
        try:
            while True:
                ends.append(pickle.load(pipe))  # noqa: S301, of our own fork
        except (EOFError, pickle.UnpicklingError):
            pass
    status = os.waitpid(pid, 0)[1]
    if len(ends) < len(contents):
        ends.append(("failed", f"the process ended with status {status}"))
    return ends


def campaign(kind: Kind, times: int, seed: int = SEED) -> Row:
    """Damage one kind of file ``times`` times; what fails is printed with its number, which is its seed."""
    passed = refused = 0
    with tempfile.TemporaryDirectory(prefix="pose3d-readers-") as folder:
        path = kind.make(Path(folder))
        part = max(path.iterdir()) if path.is_dir() else path
        whole = part.read_bytes()
        (undisturbed,) = _in_child(kind, path, part, [whole])
        if undisturbed[0] != "read":
            raise AssertionError(f"{kind.name} does not read undisturbed: {undisturbed[1]}")
        done = 0
        while done < times:
            numbers = range(done, min(done + _BATCH, times))
            contents = [damaged(whole, random.Random(f"{kind.name} {seed} {number}")) for number in numbers]
            ends = _in_child(kind, path, part, contents)
            for number, (end, said) in zip(numbers, ends, strict=False):
                named = path.name in said and "\n" not in said
                right = named if end == "refused" else end == "read" and (not kind.exact or said == undisturbed[1])
                passed += right
                refused += end == "refused"
                if not right:
                    print(f"failed: {kind.name}, number {number}: {end} {said[:500]}", file=sys.stderr)
            done += len(ends)
    tried = f"{kind.name}: damaged ({refused} refused in one sentence, the others read without harm)"
    return Row("readers", tried, times, passed)


def run(times: int = TIMES, only: Sequence[str] = ()) -> list[Row]:
    """Every kind, or those whose names hold one of the words."""
    chosen = [kind for kind in kinds() if not only or any(word in kind.name for word in only)]
    return [campaign(kind, times) for kind in tqdm(chosen, desc="readers", unit="kind", mininterval=5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES, help="of each kind of file")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="kinds whose names hold one of these")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.times, arguments.only))


if __name__ == "__main__":
    main()
