"""Clips of 100,000 frames: every file of a prediction is whole, no frame is lost, memory stays below 2 GB.

    python -m torture.long_clips [--frames 100000] [--seed 0]

Another program's keypoints are lifted by the released models, in a layout with landmarks, and written in every format;
each file is one case, which passes where it is read back and has all frames. A person in given boxes is looked at in a
video of as many frames, by a tiny network. Pictures are of 64 x 48 px. And a real person is followed by the released
models through a fifth of the frames, some forty of them a second, of the video of `pose3d sample-video`, forwards and
backwards.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
from people import camera_ring, swinging_poses
from pipeline.workspace import ENVIRONMENT, REPOSITORY
from tiny_models import save_models
from tiny_video import picture, write_video

from pose3d.commands.run import main as run_pose3d
from pose3d.formats.endings import ENDINGS, OF_KEYPOINTS
from pose3d.formats.joint_files import read_motion
from pose3d.formats.predictions import read_predictions
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.layouts import layout
from torture.rows import Row, run_alone

FRAMES = 100_000
MOST_BYTES = 2 * 10**9
LAYOUT = "body25"
FORMATS = tuple(name for name in ENDINGS if name != "rrd")
"""All but that of a package that is not kept installed."""
_WIDTH_PX, _HEIGHT_PX = 64, 48
_BOX_PX = 20, 4, 44, 44
FOLLOWED_SHARE = 5
_FOLLOWED_HEIGHT_PX = 480
_MEASURED = """
import atexit, sys
from benchmarks.speed.measured_stage import peak_memory_bytes
from pose3d.commands.run import main
atexit.register(lambda: print(peak_memory_bytes(), flush=True))
main(sys.argv[1:])
"""


def pose3d(*arguments: str) -> tuple[int, str]:
    """Run a command in a process of its own; gives its peak memory in bytes and what was wrong, or nothing."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *arguments],
        cwd=REPOSITORY,
        env={**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        check=False,
    )
    peak_bytes = int(done.stdout.splitlines()[-1])
    if done.returncode:
        return peak_bytes, f"it ended with status {done.returncode}: {done.stderr[-500:]}"
    return peak_bytes, "" if peak_bytes < MOST_BYTES else f"it took {peak_bytes / 1e9:.2f} GB of memory"


def frames_in(path: Path) -> int:
    """Frames of one person that a file of a prediction holds, all of which is read."""
    if path.name.endswith(tuple(ENDINGS[name] for name in OF_KEYPOINTS)):
        return len(np.unique(read_keypoints(path).frames))
    return len(read_predictions(path)) if path.name == "predictions.npz" else len(read_motion(path))


def write_clip(folder: Path, frames: int, seed: int) -> Path:
    """A video of something bright that stands still."""
    return write_video(folder / "clip.mp4", [picture(_WIDTH_PX, _HEIGHT_PX, _BOX_PX, seed)] * frames)


def write_given_keypoints(path: Path, frames: int, seed: int) -> Path:
    """Of somebody who swings all limbs, as arrays of :data:`LAYOUT`; points that are no joints lie at the head."""
    rng = np.random.default_rng(seed)
    (camera,) = camera_ring(1)
    joints = layout(LAYOUT).joints
    points_px = np.zeros((frames, 1, len(joints), 3), np.float32)
    projected_px = camera.project(camera.world_to_camera(swinging_poses(rng, frames))) * _HEIGHT_PX / camera.height_px
    points_px[:, 0, :, :2] = projected_px[:, [10 if joint is None else joint for joint in joints]]
    points_px[:, 0, :, :2] += rng.normal(0, 0.2, points_px.shape[2:3] + (2,))
    points_px[..., 2] = rng.uniform(0.5, 1, (frames, 1, len(joints)))
    np.savez(path, keypoints=points_px[..., :2], scores=points_px[..., 2])
    return path


def keypoints(folder: Path, frames: int, seed: int) -> Row:
    """``predict --keypoints`` in all formats."""
    clip = write_clip(folder, frames, seed)
    given = write_given_keypoints(folder / "keypoints.npz", frames, seed)
    formats = ",".join(name for name in FORMATS if name not in ("npz", "csv", "bvh"))
    command = ["predict", str(clip), "--keypoints", str(given), "--layout", LAYOUT, "--models", "models"]
    peak_bytes, wrong = pose3d(*command, "--format", formats, "--out", str(folder / "lifted"))
    cases = {f"predictions{ENDINGS[name]}": "" for name in FORMATS}
    for name in cases:
        path = folder / "lifted" / name
        held = frames_in(path) if path.exists() else 0
        cases[name] = wrong or ("" if held == frames else f"it holds {held:,} frames")
    text = f"`predict --keypoints` of {frames:,} frames, a file each of {', '.join(FORMATS)}"
    return row(text, peak_bytes, cases, seed)


def boxes(folder: Path, frames: int, seed: int) -> Row:
    """``predict --boxes``."""
    given = folder / "boxes.csv"
    given.write_text("frame,x0,y0,x1,y1\n0,{},{},{},{}\n".format(*_BOX_PX))
    command = ["predict", str(write_clip(folder, frames, seed)), "--models", str(save_models(folder / "models"))]
    peak_bytes, wrong = pose3d(*command, "--boxes", str(given), "--out", str(folder / "boxed"))
    held = 0 if wrong else frames_in(folder / "boxed" / "predictions.npz")
    cases = {"predict --boxes": wrong or ("" if held == frames else f"it holds {held:,} frames")}
    return row(f"`predict --boxes` of a video of {frames:,} frames", peak_bytes, cases, seed)


def walk(folder: Path, frames: int) -> Path:
    """The sample video of a real person, forwards and backwards until there are enough frames, made small."""
    run_pose3d(["sample-video", "--out", str(folder / "sample")])
    video, pictures = cv2.VideoCapture(str(folder / "sample" / "walk.mp4")), []
    while (shown := video.read())[0]:
        height, width = shown[1].shape[:2]
        size = width * _FOLLOWED_HEIGHT_PX // height, _FOLLOWED_HEIGHT_PX
        pictures.append(cv2.resize(shown[1], size, interpolation=cv2.INTER_AREA))
    there_and_back = pictures + pictures[-2:0:-1]
    return write_video(folder / "walk.mp4", list(islice(cycle(there_and_back), frames)))


def followed(folder: Path, frames: int) -> Row:
    """``predict`` that finds and follows people by itself."""
    peak_bytes, wrong = pose3d("predict", str(walk(folder, frames)), "--models", "models", "--out", str(folder / "on"))
    held = 0 if wrong else frames_in(folder / "on" / "predictions.npz")
    cases = {"predict": wrong or ("" if held == frames else f"it holds {held:,} frames")}
    return row(f"`predict` that follows a person through a video of {frames:,} frames", peak_bytes, cases)


def row(tried: str, peak_bytes: int, cases: dict[str, str], seed: int | None = None) -> Row:
    """The row; what is wrong with a case is printed, with the seed of what was drawn for it."""
    drawn = "" if seed is None else f" (seed {seed})"
    for name, wrong in cases.items():
        if wrong:
            print(f"failed: {tried}{drawn}: {name}: {wrong.strip()}", file=sys.stderr)
    tried += f": peak memory {peak_bytes / 1e6:.0f} MB"
    return Row("long_clips", tried, len(cases), sum(not wrong for wrong in cases.values()))


def run(frames: int = FRAMES, seed: int = 0) -> list[Row]:
    """All three ways."""
    with tempfile.TemporaryDirectory(prefix="pose3d-long-") as name:
        folder = Path(name)
        few = max(1, frames // FOLLOWED_SHARE)
        return [keypoints(folder, frames, seed), boxes(folder, frames, seed), followed(folder, few)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of each clip")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures and the keypoints")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.frames, arguments.seed))


if __name__ == "__main__":
    main()
