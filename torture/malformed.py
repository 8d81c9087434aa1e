"""Whatever is wrong with a call of ``pose3d``, it ends well or in one sentence.

    python -m torture.malformed [--times 2000] [--only COMMAND ...] [--number N] [--workers 2]

Every call begins as a right one of some command, on small files. One to three things of it are then broken: values of
options, files exchanged for others, left out, emptied, damaged or under another ending, options that exclude each
other, that are unknown or missing. A case passes where the command

- ends with status 0, or with another one and a line that begins with ``error:`` (``check-data``: with its list);
- says no traceback, and no word of Python's or of a library's;
- leaves no half-written file;
- stays below 2 GiB, and, where it still works after a minute, ends on SIGTERM in one sentence.

``--number`` runs one case again and shows the call and what was said.
"""

import argparse
import importlib
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from params_files import write_params
from people import SPLITS, camera_ring, population, swinging_poses, write_data
from tiny_calibrations import KALIBR, OPENCV, toml
from tiny_keypoints import FILES, person, write_coco
from tiny_mocap import CMU, climb_motion, named, write_any_bvh
from tiny_models import save_lifters, save_models
from tiny_npz import write_videopose3d
from tiny_performers import tiny_body
from tiny_qualisys import element, write_calibration
from tiny_video import picture, write_video
from tqdm import tqdm

from pose3d.commands.run import COMMANDS
from pose3d.commands.run import main as pose3d
from pose3d.formats.joint_files import write_motion
from pose3d.formats.motion import from_ours
from pose3d.runtime.errors import FOREIGN
from pose3d.synthetic.body import write_bodies
from torture.corruption import LIMIT_BYTES
from torture.readers import MOTIONS, damaged
from torture.rows import Row, run_alone

TIMES = 2000
SEED = 7
ROOT = Path(__file__).parents[1]
ENOUGH_S, AT_LAST_S = 60, 240
"""After which a command that still works is asked to end, and is killed if it does not."""
_VIDEO = ["--fps 25", "--rate 30", "--fov 60", "--camera camera.json", "--camera opencv.yml", "--camera-name cam0"]
_PERSON = ["--height 1.7", "--up level", "--up 0,-1,0", "--person largest", "--person 1", "--person all"]
_RESULTS = ["--format trc,c3d", "--format glb,amass", "--frame world", "--show 0.1"]
_VIEWS = ["--units mm", "--fps 25", "--frame-step 1"]
_ARRAYS = ("arrays", "VideoPose3D", "Detectron")
_POINTS = {name: f"keypoints/{number}{'.npz' * (name in _ARRAYS)}" for number, name in enumerate(FILES)}


@dataclass(frozen=True)
class Calls:
    """Right calls of a command.

    Attributes:
        bases: of which one is taken, as in a shell, without the command.
        weight: how many of 100 calls are its.
        more: options that may be added.
        reads: files and folders that it reads beside those that are named.
    """

    bases: Sequence[str]
    weight: int
    more: Sequence[str] = ()
    reads: Sequence[str] = ()


CALLS = {
    "predict": Calls(
        [
            "walk.mp4 --boxes boxes.csv --models data/models --out out",
            "frames --fps 25 --boxes boxes.csv --models data/models --out out",
            "walk.mp4 --models data/models --out out",
            "walk.mp4 --keypoints keypoints.json --models lifters --out out",
        ],
        20,
        [*_VIDEO, *_PERSON, *_RESULTS, "--layout coco17", "--normalised", "--names names.csv", "--runtime onnx"],
        ["params.yaml", "models"],
    ),
    "angles": Calls(["prediction/predictions.npz --out out", "prediction --out out"], 2),
    "lift": Calls(
        [
            f"{path} --fps 25 --size 640x480 --layout {FILES[name][0]} --out out --models lifters"
            for name, path in _POINTS.items()
        ],
        25,
        [*_VIDEO, *_PERSON, *_RESULTS, "--normalised", "--names names.csv", "--video walk.mp4"],
    ),
    "convert": Calls(
        [f"{read} out.trc out.c3d out.bvh" for read in MOTIONS]
        + ["prediction/predictions.npz out.glb out.openpose", "prediction/predictions.csv out.amass.npz out.csv"],
        16,
        ["--frame world", "--frame camera", "--lifter repnet", "--unit mm"],
    ),
    "sample-video": Calls(["--out out"], 1),
    "demo": Calls(
        ["--seconds 0.08 --out out", "--seconds 0.04 --data data --out out"],
        4,
        ["--sequence S9/Walk-1/cam0", "--start 0.1", "--no-truth"],
        ["data"],
    ),
    "export": Calls(["--models data/models --out out"], 2),
    "check-data": Calls([""], 9, (), ["params.yaml", "data_sets/videopose3d.yaml", "sizes/smoke.yaml", "own"]),
    "evaluate-predictions": Calls(
        [
            "--predictions poses.npz --dataset data/sequences.h5",
            "--predictions pose.npy --dataset data/sequences.h5 --sequence S9/Walk-1/cam0",
        ],
        7,
        ["--unit mm", "--unit m", "--root relative", "--root camera", "--angles", "--subjects S9 S11"],
    ),
    "evaluate-views": Calls(
        ["--models data/models --folder views --frame-step 1"],
        2,
        [*_VIEWS, "--refine", "--refine rotations", "--output out.json", "--overlay out.png"],
        ["views", "params.yaml"],
    ),
    "adapt-views": Calls(
        ["--models data/models --folder views --out out --frame-step 1 --steps 1 --rounds 1"],
        1,
        [*_VIEWS, "--learnt-share 1"],
        ["views", "params.yaml", "data"],
    ),
    "write-npz": Calls(["--format original --out out", "--format videopose3d --data data --out out"], 5, (), ["data"]),
    "make-prior": Calls(
        ["mocap --out priors/mine.h5"], 5, ["--map map.yaml", "--up y", "--fps 25"], ["mocap", "data/bodies.h5"]
    ),
    "release": Calls([""], 1, ["--layouts coco17", "--landmarks"]),
}
ODD = (
    *("", " ", "-1", "0", "0.5", "1e308", "-1e308", "1e-320", "nan", "inf", "-inf", "9" * 30, "1e999", "--", "-"),
    *("x", "é×", "\x1b[31m", "a,b", "1,2", "0,0,0", "nan,0,1", "9x9", "0x0", "1920x", "m", "world", "all", "largest"),
    *(".", "..", "/", "/dev/null", "~", "no/such/folder", "out", "a" * 300, os.fsdecode(b"caf\xe9.mp4"), "*.mp4"),
    *("trc", "npz", "torch", "onnx", "coco17", "halpe26", "S9", "level", "metadata", "calibration", "http://a/b.mp4"),
)
"""Values that are right for hardly any option."""
ENDINGS = (".mp4", ".json", ".npz", ".csv", ".toml", ".h5", ".trc", ".pt", ".yaml", ".bvh", ".txt", "")


def write_whole(folder: Path) -> Path:
    """Everything that the right calls read, as small as it may be."""
    people = population(frames=6)
    (folder / "own").mkdir(parents=True)
    subjects = {"train": ["S1", "S7"], "validation": ["S8"], "test": ["S9", "S11"]}
    write_videopose3d(folder / "own", [name for names in subjects.values() for name in names])
    write_params(
        folder, "videopose3d", dataset={"folder": "own", "subjects": subjects}, lifting={"keypoints_subjects": ["S1"]}
    )
    (folder / "data").mkdir()
    write_data(folder / "data", people)
    (folder / "data/crops.h5").unlink()  # of another size than the 2D network's, which is left out where there are none
    write_bodies(folder / "data/bodies.h5", {"S7": tiny_body()})
    for name in ("data/models", "lifters", "keypoints", "views", "mocap", "frames"):
        (folder / name).mkdir()
    save_models(folder / "data/models")
    save_lifters(folder / "lifters", "h36m17")
    for layout in {layout for layout, _ in FILES.values()}:
        save_lifters(folder / "lifters", layout)
    (folder / "models").symlink_to(ROOT / "models")
    _write_pictures(folder)
    for name, (_, write) in FILES.items():
        write(folder / "keypoints/k").rename(folder / _POINTS[name])
    points_px, scores = person(3)
    write_coco(folder / "keypoints.json", [(points_px / 10, scores)])
    _write_calibrations(folder)
    for name in MOTIONS:
        write_motion(folder / name, from_ours(swinging_poses(np.random.default_rng(1), 6), 25.0, "world"))
    motion = named(climb_motion(), CMU)
    write_any_bvh(folder / "mocap/walk.bvh", motion)
    write_motion(folder / "mocap/walk.trc", motion)
    poses = {s.key: 1000 * s.poses_cam_m for s in people if s.subject in SPLITS["test"]}
    np.savez(folder / "poses.npz", **poses)
    np.save(folder / "pose.npy", poses["S9/Walk-1/cam0"] / 1000)
    lifted = "keypoints.json --fps 25 --size 64x48 --layout coco17 --models lifters --out prediction"
    if not _ends_well(folder, ["lift", *shlex.split(lifted)]):
        raise AssertionError(f"pose3d lift {lifted} does not run undisturbed: {(folder / _SAID).read_text()}")
    return folder


def _write_pictures(folder: Path) -> None:
    images = [picture(64, 48, (20, 10, 30 + t, 40), t) for t in range(3)]
    write_video(folder / "walk.mp4", images)
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f"frames/{number:03}.png"), image)
    (folder / "boxes.csv").write_text("frame,x0,y0,x1,y1\n0,10,0,40,48\n")
    (folder / "names.csv").write_text("name,point\nnose,nose\n")
    (folder / "map.yaml").write_text("LKnee: LeftLeg\n")
    for camera in (cameras := camera_ring(2)):
        write_video(
            folder / f"views/{camera.id}.mp4",
            [picture(1000, 1000, (300 + 20 * t, 200, 500 + 20 * t, 800), t) for t in range(6)],
        )
    write_calibration(folder / "views/walk.qca.txt", *map(element, cameras))


def _write_calibrations(folder: Path) -> None:
    sizes = {"1920": "64", "1080": "48"}
    for name, text in (("opencv.yml", OPENCV), ("calib.toml", toml(1)), ("camchain.yaml", KALIBR)):
        (folder / name).write_text(re.sub("|".join(sizes), lambda found: sizes[found[0]], text))
    (folder / "camera.json").write_text(
        '{"width_px": 64, "height_px": 48, "intrinsics_px": [[70, 0, 32], [0, 70, 24], [0, 0, 1]]}'
    )


def _relative(folder: Path, top: int = 2) -> list[str]:
    """Files and folders, the large ones of data/ and models/ as those folders alone."""
    found = [path for depth in range(1, top + 1) for path in folder.glob("/".join(["[!.]*"] * depth))]
    return sorted(str(path.relative_to(folder)) for path in found if path.relative_to(folder).parts[0] != "models")


def broken_call(command: str, rng: random.Random, whole: Path, folder: Path) -> list[str]:
    """The tokens of a call, whose files are in ``folder`` by then."""
    calls = CALLS[command]
    for entry in whole.glob("[!.]*"):
        (folder / entry.name).symlink_to(entry)
    more = rng.sample(calls.more, min(len(calls.more), rng.choice([0, 0, 1, 2])))
    tokens = [command, *shlex.split(rng.choice(calls.bases)), *shlex.split(" ".join(more))]
    files = _relative(whole)
    for _ in range(rng.choice([1, 1, 2, 3])):
        named_files = [place for place, token in enumerate(tokens) if token in files]
        read = [tokens[place] for place in named_files] + list(calls.reads)
        way = rng.random()
        if way < 0.3 and read:
            _break_file(folder, rng.choice(read), whole, files, rng)
        elif way < 0.5 and named_files:
            tokens[rng.choice(named_files)] = rng.choice(files)
        elif way < 0.7 and len(tokens) > 1:
            tokens[rng.randrange(1, len(tokens))] = rng.choice(ODD)
        elif way < 0.8:
            others = [one for calls in CALLS.values() for one in calls.more]
            tokens += shlex.split(rng.choice(calls.more or others))[: rng.choice([1, 2, 2])]
        elif way < 0.85:
            option = rng.choice([one for calls in CALLS.values() for one in calls.more])
            tokens += [*shlex.split(option)[:1], rng.choice([*ODD, *files])]
        elif way < 0.95 and len(tokens) > 1:
            del tokens[rng.randrange(1, len(tokens))]
        else:
            place = rng.randrange(len(tokens))
            tokens[place] = rng.choice([tokens[place][:-1], tokens[place] + "x", tokens[place].upper()])
    return tokens


def _break_file(folder: Path, name: str, whole: Path, files: list[str], rng: random.Random) -> None:
    """Put something else in the place of a file, or of one in a folder."""
    source = whole / name
    if source.is_dir() and rng.random() < 0.8:
        inner = [path for path in sorted(source.rglob("*")) if path.is_file()]
        source = rng.choice(inner) if inner else source
    place = folder / source.relative_to(whole)
    if not place.exists():  # broken before
        return
    _own(folder, whole, place.relative_to(folder))
    kept = source.read_bytes() if source.is_file() else b""
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    way = rng.random()
    if way < 0.5 and kept:
        place.write_bytes(damaged(kept, rng))
    elif way < 0.6:
        place.touch()
    elif way < 0.7:
        place.mkdir()
    elif way < 0.85:
        other = whole / rng.choice(files)
        shutil.copytree(other, place) if other.is_dir() else shutil.copyfile(other, place)
    elif way < 0.95 and kept:
        renamed = place.with_suffix(rng.choice(ENDINGS))
        if not renamed.exists():
            renamed.write_bytes(kept)
    # else it is missing


def _own(folder: Path, whole: Path, name: Path) -> None:
    """Make the links on the way to a file folders of the case's own, so that the whole ones stay as they are."""
    for part in (*reversed(name.parents), name):
        place = folder / part
        if place.is_symlink():
            place.unlink()
            if (whole / part).is_dir():
                place.mkdir()
                for entry in (whole / part).iterdir():
                    (place / entry.name).symlink_to(entry)
            else:
                shutil.copyfile(whole / part, place)


_SAID, _PRINTED = ".said", ".printed"
_OTHERS = re.compile(r"^\[.{1,40}@ ?0x[0-9a-f]+\].*$|^\[ ?(?:WARN|ERROR|INFO)[:@].*$", re.MULTILINE)
"""What FFmpeg and OpenCV say by themselves, where OpenCV was loaded before a command could silence them."""


def _start(folder: Path, tokens: list[str]) -> int:
    """Run a call in a fork, in its folder and with a limit of memory; gives its process."""
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.chdir(folder)
        for name, descriptor in ((_PRINTED, 1), (_SAID, 2)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), descriptor)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + LIMIT_BYTES,) * 2)
        status = _status(tokens)
        sys.stdout.flush()
    finally:
        os._exit(status)


def _status(tokens: list[str]) -> int:
    try:
        pose3d(tokens)
        return 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 70


def _ends_well(folder: Path, tokens: list[str]) -> bool:
    return os.waitpid(_start(folder, tokens), 0)[1] == 0


def wrong(folder: Path, tokens: list[str], status: int | None) -> str | None:
    """What is wrong with how a call ended, if anything.

    Args:
        folder: in which it ran.
        tokens: of its command line.
        status: its exit status, negative where a signal killed it; None where it had to be killed.
    """
    said, printed = ((folder / name).read_bytes().decode("utf-8", "replace") for name in (_SAID, _PRINTED))
    ours = _OTHERS.sub("", said).replace("\r", "\n")
    if "Traceback" in said + printed:
        return "a traceback"
    for token in sorted(tokens, key=len, reverse=True):
        ours = ours.replace(token, "") if len(token) > 2 else ours
    foreign = FOREIGN.search(ours)
    if foreign:
        return f"the word {foreign[0]}"
    if status is None or status < 0:
        return f"it was killed (status {status})"
    errors = [line for line in ours.splitlines() if line.startswith(("error:", "terminated:"))]
    listed = tokens[0] == "check-data" and re.search(r"^\d+ problems?$", printed, re.MULTILINE)
    if status and len(errors) != 1 and not listed:
        return f"status {status} and {len(errors)} sentences"
    left = [path.name for path in folder.rglob(".*") if path.name.endswith((".partial", ".lock"))]
    return f"it left {left[0]}" if left else None


def _ended(pid: int, since_s: float, asked: set[int]) -> tuple[bool, int | None]:
    """Whether a process has ended, and its status; one that takes too long is asked to end, and then killed."""
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        return True, os.waitstatus_to_exitcode(status)
    if time.monotonic() - since_s > AT_LAST_S:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return True, None
    if time.monotonic() - since_s > ENOUGH_S and pid not in asked:
        os.kill(pid, signal.SIGTERM)
        asked.add(pid)
    return False, None


def run_cases(
    command: str, numbers: Sequence[int], whole: Path, scratch: Path, workers: int
) -> Iterator[tuple[int, int | None, str | None, list[str], str]]:
    """Of each case its number, status, what is wrong, tokens, and what was said."""
    waiting, asked = list(numbers), set[int]()
    at_work: dict[int, tuple[int, Path, list[str], float]] = {}
    while waiting or at_work:
        while waiting and len(at_work) < workers:
            number = waiting.pop(0)
            folder = scratch / f"{command}-{number}"
            folder.mkdir()
            tokens = broken_call(command, random.Random(f"{command} {SEED} {number}"), whole, folder)
            at_work[_start(folder, tokens)] = number, folder, tokens, time.monotonic()
        for pid, (number, folder, tokens, since_s) in list(at_work.items()):
            ended, status = _ended(pid, since_s, asked)
            if ended:
                del at_work[pid]
                said = (folder / _SAID).read_bytes().decode("utf-8", "replace")
                yield number, status, wrong(folder, tokens, status), tokens, said
                shutil.rmtree(folder)
        time.sleep(0.005)


def campaign(command: str, times: int, whole: Path, scratch: Path, workers: int = 2) -> Row:
    """Call one command wrongly; what fails is printed with its number, which is its seed."""
    passed = refused = 0
    for number, status, what, tokens, said in run_cases(command, range(times), whole, scratch, workers):
        passed += what is None
        refused += bool(status)
        if what is not None:
            print(f"failed: {command}, number {number}: {what}: {shlex.join(tokens)}: {said[-500:]}", file=sys.stderr)
    return Row("malformed", f"`pose3d {command}`: called wrongly ({refused} refused in one sentence)", times, passed)


_LOADED = (
    *("predict.pipeline", "predict.lift_given", "predict.show", "formats.rrd", "formats.keypoint_files", "show.angles"),
    *("show.demo_files", "onnx.export", "config.check", "datasets.sources", "evaluation.prediction_report"),
    *("multiview.agreement", "multiview.adaptation", "formats.lifting_npz", "priors.making", "priors.table"),
    *("formats.angles", "formats.mot", "formats.predictions", "geometry.strides", "formats.joint_files"),
)
"""What commands load only where they need it, and every fork would load again; SIGTERM while libraries written in C are
loaded makes an ImportError of theirs."""


def prepare_process() -> None:
    """One thread, because forks have no others; and as on a machine without a GPU."""
    for name in _LOADED:
        importlib.import_module(f"pose3d.{name}")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    os.environ |= {"POSE3D_ACCELERATOR": "cpu", "POSE3D_PRECISION": "32-true"}


def run(times: int = TIMES, only: Sequence[str] = (), workers: int = 2) -> list[Row]:
    """All commands, or some; ``times`` is shared out by their weights."""
    prepare_process()
    chosen = [command for command in COMMANDS if not only or command in only]
    with tempfile.TemporaryDirectory(prefix="pose3d-malformed-") as scratch:
        whole = write_whole(Path(scratch) / "whole")
        return [
            campaign(command, -(-times * CALLS[command].weight // 100), whole, Path(scratch), workers)
            for command in tqdm(chosen, desc="malformed", unit="command", mininterval=5)
        ]


def show(command: str, number: int) -> None:
    """Run one case again, and print the call, how it ended and what was said."""
    prepare_process()
    with tempfile.TemporaryDirectory(prefix="pose3d-malformed-") as scratch:
        whole = write_whole(Path(scratch) / "whole")
        for _, status, what, tokens, said in run_cases(command, [number], whole, Path(scratch), 1):
            print(f"pose3d {shlex.join(tokens)}\nstatus {status}, wrong: {what}\n{said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES, help="calls, shared out among all commands")
    parser.add_argument("--only", nargs="+", default=(), choices=COMMANDS, metavar="COMMAND", help="these alone")
    parser.add_argument("--number", type=int, help="of one case of --only's command, which is shown")
    parser.add_argument("--workers", type=int, default=2, help="calls at a time")
    given = parser.parse_args()
    if given.number is not None and given.only:
        show(given.only[0], given.number)
    else:
        run_alone(lambda: run(given.times, given.only, given.workers))


if __name__ == "__main__":
    main()
