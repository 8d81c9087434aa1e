"""Files for other programs, whose writing is killed half way: the earlier file stays, or the new one is whole.

    python -m torture.writers [--times 20]

Of every format one file is there already, and another is being written over it when the process is killed (SIGKILL),
at a random moment of the time that writing takes undisturbed. A case passes where the bytes behind the name are the
earlier ones or the new ones, and writing again, which meets what the kill left, gives the new ones and leaves nothing
else.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from people import swinging_poses

from pose3d.formats.angles import write_angles_csv
from pose3d.formats.endings import OF_KEYPOINTS
from pose3d.formats.joint_files import write_motion
from pose3d.formats.keypoint_files import write_keypoints
from pose3d.formats.mot import write_mot
from pose3d.formats.motion import from_ours
from pose3d.formats.predictions import Predictions, write_csv, write_npz
from pose3d.lifting.lift import Lifted
from pose3d.predict.clip import camera_from_view
from torture.rows import Row, run_alone

TIMES = 20
FRAMES = 300
SEED = 5
MOTIONS = ("trc", "c3d", "bvh", "glb", "npz", "csv", "amass.npz")
Write = Callable[[Path, int], Any]
"""Writes a file of one format; of another version other numbers."""


def _predictions(version: int) -> Predictions:
    rng = np.random.default_rng(version)
    points_px, poses_m = rng.uniform(0, 480, (FRAMES, 17, 2)), rng.uniform(-1, 1, (FRAMES, 17, 3))
    return Predictions(
        np.arange(FRAMES) / 25,
        np.ones((FRAMES, 4), np.float32),
        points_px.astype(np.float32),
        np.ones((FRAMES, 17), np.float32),
        np.ones(FRAMES, bool),
        {"temporal": Lifted(poses_m.astype(np.float32), True)},
        camera_from_view(640, 480, 60),
    )


def _motion(version: int) -> Any:
    poses_m = swinging_poses(np.random.default_rng(version), FRAMES)
    return from_ours(poses_m, 25.0, "world")


def _columns(version: int) -> dict[str, np.ndarray]:
    return {name: np.arange(FRAMES) * version / 7 for name in ("knee_angle_r", "knee_angle_l", "hip_flexion_r")}


def formats() -> dict[str, Write]:
    """What writes each format, by the name of its file."""
    writers: dict[str, Write] = {
        f"walk.{ending}": lambda path, version: write_motion(path, _motion(version)) for ending in MOTIONS
    }
    writers |= {
        "walk.videopose3d.npz": lambda path, version: write_keypoints(path, _predictions(version)),
        "walk.openpose": lambda path, version: write_keypoints(path, _predictions(version)),
        "predictions.npz": lambda path, version: write_npz(path, _predictions(version)),
        "predictions.csv": lambda path, version: write_csv(path, _predictions(version)),
        "angles.mot": lambda path, version: write_mot(path, np.arange(FRAMES) / 25, _columns(version)),
        "angles.csv": lambda path, version: write_angles_csv(path, np.arange(FRAMES) / 25, _columns(version)),
    }
    assert set(OF_KEYPOINTS) <= {name.split(".")[1] for name in writers}
    return writers


def content(path: Path) -> Any:
    """The bytes behind a name: of a file, or of each file of a folder; None where there is nothing."""
    if path.is_dir():
        return {file.name: file.read_bytes() for file in sorted(path.iterdir())}
    return path.read_bytes() if path.exists() else None


def killed(write: Write, path: Path, after_s: float) -> bool:
    """Write in a fork that is killed some seconds after it has begun; True where it was not ready by then."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(sending, b"!")
        write(path, 2)
        os._exit(0)
    os.read(receiving, 1)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    for end in (receiving, sending):
        os.close(end)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def campaign(name: str, write: Write, times: int) -> Row:
    """Kill the writing of one format; what fails is printed."""
    rng = np.random.default_rng([SEED, *name.encode()])
    passed = amid = 0
    with tempfile.TemporaryDirectory(prefix="pose3d-writers-") as folder:
        path = Path(folder) / name
        start = time.perf_counter()
        write(path, 2)
        seconds, new = time.perf_counter() - start, content(path)
        for case in range(times):
            write(path, 1)
            earlier = content(path)
            cases_s = rng.uniform(0, 1) * seconds
            amid += killed(write, path, cases_s)
            found = content(path)
            write(path, 2)
            left = sorted(file.name for file in Path(folder).iterdir() if file != path)
            right = earlier != new and found in (earlier, new) and content(path) == new and not left
            passed += right
            if not right:
                what = "half of a file" if found not in (earlier, new) else f"left behind: {', '.join(left)}"
                print(f"failed: {name}, case {case}, killed after {cases_s:.4f} s: {what}", file=sys.stderr)
    return Row("writers", f"{name}: written over another and killed, {amid} times before it was done", times, passed)


def run(times: int = TIMES) -> list[Row]:
    """Every format."""
    return [campaign(name, write, times) for name, write in formats().items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES, help="kills of each format")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.times))


if __name__ == "__main__":
    main()
