"""Files that stages read are damaged or swapped: an error that names the file, or nothing that is read differs.

Each case is read in a process of its own with a time and a memory limit, by the functions that the stages read with.
What a stage writes depends on nothing but what it reads, so that equal content read is equal bytes written. A valid
file in another's place is found by its content or, where it is of the same kind, by DVC, which knows the hash of each.
"""

import hashlib
import json
import os
import pickle
import random
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch
from dvc.repo import Repo
from tqdm import tqdm

from pose3d.config.check import Params
from pose3d.datasets.manifest import check_manifest
from pose3d.lifting.lift import load_lifter
from pose3d.onnx.runtime import load_lifter_onnx, load_network_onnx, load_spread_onnx
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.inference import load_network
from pose3d.predict.clip import read_camera
from pose3d.predict.given_boxes import GivenBoxes
from pose3d.records.frames import Frames, as_image
from pose3d.records.hdf5 import LAYOUT
from pose3d.records.keypoints2d import read_keypoints2d
from pose3d.records.sequences import keys_in, read_sequences, read_splits
from pose3d.runtime.errors import InputError
from pose3d.synthetic.body import read_body
from pose3d.synthetic.split import STILLS
from pose3d.training.model_file import load_model, save_model
from torture.own_files import OWN, checkpoint_path, read_checkpoint, read_own, write_own_files
from torture.rows import Row, run_alone
from torture.workspace import smoke_workspace

SEED = 7
LIMIT_S = 60
LIMIT_BYTES = 2**31
VIDEO_PX = (640, 480)
_SEQUENCES = Path("data/sequences.h5")


@dataclass(frozen=True)
class Target:
    """A file that is damaged.

    Attributes:
        path: from the repository's root.
        read: reads all of it as the stages do, in the repository's root, and gives what it read.
        tracked: DVC knows its hash.
        own: the user's, who may put anything there: reading other values from it is no failure.
    """

    path: str
    read: Callable[[], Any]
    tracked: bool = True
    own: bool = False


@dataclass(frozen=True)
class Case:
    """One way in which one file is damaged; ``seed`` makes its bytes again, of a :class:`Target` of ``kind``."""

    target: Target
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.target.path}: {self.kind}, seed {self.seed}"


def _read_raw() -> Any:
    raw = Path("data/raw")
    check_manifest(raw)
    files = sorted(path for path in raw.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {str(path): path.read_bytes() for path in files}


def _people() -> list[str]:
    """Subjects with a body and with keypoints: stills are of many people, and only train the 2D network."""
    return sorted(set(Params.load().dataset.subjects.all) - {STILLS})


def _read_bodies() -> Any:
    return [vars(read_body("data/bodies.h5", subject)) for subject in _people()]


def _read_sequences() -> Any:
    values = [(vars(s) | {"camera": vars(s.camera)}) for s in read_sequences(_SEQUENCES)]
    return read_splits(_SEQUENCES), values


def _read_frames() -> Any:
    with Frames("data/frames.h5") as frames:
        return [
            [(frames.names(key)[i], as_image(f, key)) for i, f in enumerate(frames.read(key, range(frames.count(key))))]
            for key in keys_in("data/frames.h5")
        ]


def _read_crops() -> Any:
    with Crops("data/crops.h5", read_sequences(_SEQUENCES)) as crops:
        images = [crops.image_rgb(i) for i in range(len(crops))]
        return crops.size_px, crops.crop_from_image, images


def _read_keypoints() -> Any:
    sequences = read_sequences(_SEQUENCES, _people())
    return [vars(found) for found in read_keypoints2d("data/keypoints2d.h5", sequences)]


def _state(module: Any) -> Any:
    return type(module).__name__, {name: value.numpy() for name, value in module.state_dict().items()}


def _read_onnx(load: Callable[[str], Any], path: str) -> Any:
    load(path)
    return Path(path).read_bytes()


def _read_boxes(path: str) -> Any:
    return GivenBoxes(path, *VIDEO_PX).at(np.arange(20))


_CAMERA, _BOXES = "camera.json", "boxes.csv"
OWN_FILES = (
    "human36m/S1/MyPoseFeatures/D3_Positions/Walking.cdf",
    "human36m/S1/MyPoseFeatures/D3_Positions_mono/Walking.54138969.cdf",
    "human36m/S1/MySegmentsMat/ground_truth_bb/Walking.54138969.mat",
    "human36m/S1/Videos/Walking.54138969.mp4",
    "h36m_fetch/processed/S1/Walking-1/annot.h5",
    "h36m_fetch/processed/S1/Walking-1/imageSequence/54138969/img_000001.jpg",
    "videopose3d/data_3d_h36m.npz",
    "videopose3d/data_2d_h36m_cpn_ft_h36m_dbb.npz",
    "original_npz/h36m_gt_train.npz",
    "original_npz/pose_resnet/h36m_pred2d_train.npz",
    "original_crops/cropped/S1/Walking-1/annot.h5",
    "original_crops/cropped/S1/Walking-1/54138969/img_000001.jpg",
    "views/calibration.qca.txt",
    "views/cam0.mp4",
    "clip.mp4",
)
TARGETS = (
    Target("data/raw/manifest.json", _read_raw),
    Target("data/raw/deepmimic/walk.json", _read_raw),
    Target("data/raw/climb/climb_0.npy", _read_raw),
    Target("data/raw/climb/climb_0_boxes.obj", _read_raw),
    Target("data/bodies.h5", _read_bodies),
    Target("data/sequences.h5", _read_sequences),
    Target("data/frames.h5", _read_frames),
    Target("data/given_keypoints2d.h5", lambda: keys_in("data/given_keypoints2d.h5")),
    Target("data/crops.h5", _read_crops),
    Target("data/keypoints2d.h5", _read_keypoints),
    Target("data/models/pose2d.pt", lambda: _state(load_network("data/models/pose2d.pt")[0])),
    Target("data/models/repnet.pt", lambda: _state(load_lifter("data/models/repnet.pt"))),
    Target("data/models/temporal.pt", lambda: _state(load_lifter("data/models/temporal.pt"))),
    Target("data/onnx/pose2d.onnx", lambda: _read_onnx(load_network_onnx, "data/onnx/pose2d.onnx"), tracked=False),
    Target("data/onnx/repnet.onnx", lambda: _read_onnx(load_lifter_onnx, "data/onnx/repnet.onnx"), tracked=False),
    Target("data/onnx/temporal.onnx", lambda: _read_onnx(load_lifter_onnx, "data/onnx/temporal.onnx"), tracked=False),
    Target(
        "data/onnx/temporal.spread.onnx",
        lambda: _read_onnx(load_spread_onnx, "data/onnx/temporal.spread.onnx"),
        tracked=False,
    ),
    Target("params.yaml", lambda: Params.load().model_dump()),
    Target("sizes/smoke.yaml", lambda: Params.load().model_dump()),
    Target(_CAMERA, lambda: vars(read_camera(_CAMERA, *VIDEO_PX).camera), tracked=False, own=True),
    Target(_BOXES, lambda: _read_boxes(_BOXES), tracked=False, own=True),
    Target(checkpoint_path(), read_checkpoint, tracked=False),
    *(Target(str(OWN / name), partial(read_own, str(OWN / name)), tracked=False, own=True) for name in OWN_FILES),
)
DAMAGES = {"one bit flipped": 10, "16 bytes changed": 7, "cut off": 6, "emptied": 1}
"""How often each kind of damage is done to each target."""
SWAPS = {
    "another kind's file": 2,
    "another run's file": 1,
    "a file of other sequences": 1,
    "a file of another schema version": 1,
}
_HDF5_SWAPS = ("a file of other sequences", "a file of another schema version")


def damaged(case: Case, root: Path) -> bytes:
    """The content that the case puts in the place of its file's, which is not changed."""
    path = root / case.target.path
    content, rng = path.read_bytes(), random.Random(f"{case.target.path} {case.kind} {case.seed}")
    if case.kind == "one bit flipped":
        flipped = bytearray(content)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if case.kind == "16 bytes changed":
        changed = bytearray(content)
        for _ in range(16):
            changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
        return bytes(changed)
    if case.kind == "cut off":
        return content[: rng.randrange(1, len(content))]
    if case.kind == "emptied":
        return b""
    if case.kind == "another kind's file":
        others = [other.path for other in TARGETS if Path(other.path).suffix == path.suffix or not other.own]
        others = [name for name in others if (root / name).read_bytes() != content]
        return (root / rng.choice(others)).read_bytes()
    return _rewritten(path, case.kind)


def _rewritten(path: Path, kind: str) -> bytes:
    """A whole file of the same kind as ``path``, as another run would have written it."""
    other = path.with_name(f".other{path.suffix}")
    try:
        if path.suffix == ".pt":
            architecture, weights = load_model(path)
            save_model(other, architecture, {name: value * 1.01 for name, value in weights.items()})
            return other.read_bytes()
        shutil.copyfile(path, other)
        with h5py.File(other, "r+", libver=LAYOUT) as file:
            if kind == "a file of another schema version":
                file.attrs["schema_version"] = 1
            elif kind == "a file of other sequences":
                for name in list(file)[::2]:
                    file[f"{name}X"] = file[name]
                    del file[name]
            else:
                file.visititems(_change_numbers)
        return other.read_bytes()
    finally:
        other.unlink(missing_ok=True)


def _change_numbers(_: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset) and item.dtype.kind == "f" and item.size:
        item[...] = item[...] * 1.01


def cases(root: Path, targets: tuple[Target, ...] = TARGETS, repeats: dict[str, int] | None = None) -> list[Case]:
    """Every case of the campaign, the same in every run."""
    made = []
    for target in targets:
        for kind, n in (DAMAGES | SWAPS if repeats is None else repeats).items():
            suffix = Path(target.path).suffix
            ours = not target.own and suffix == ".h5"
            groups = ours and target.path != "data/given_keypoints2d.h5"
            if kind in _HDF5_SWAPS and not (groups or (ours and "schema" in kind)):
                continue
            if kind == "another run's file" and not groups and (suffix != ".pt" or target.path == checkpoint_path()):
                continue
            made += [Case(target, kind, SEED + i) for i in range(n)]
    return made


def digest(value: Any) -> str:
    """Hash of what was read."""
    return hashlib.sha256(pickle.dumps(_plain(value), protocol=4)).hexdigest()


def _plain(value: Any) -> Any:
    """Without objects whose pickles differ though they are equal."""
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), value.tobytes()
    if isinstance(value, dict):
        return [(str(key), _plain(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return repr(value)


@dataclass(frozen=True)
class Outcome:
    """How reading ended: ``kind`` is read, refused (an InputError), or failed; ``text`` the digest or the message."""

    kind: str
    text: str


def in_child(read: Callable[[], Any], root: Path) -> Outcome:
    """Read in a fork of this process that has a limit of time and memory."""
    receiving, sending = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receiving)
        with os.fdopen(sending, "wb") as pipe:
            pickle.dump(_outcome(read, root), pipe)
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving, "rb") as pipe:
        answer = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return pickle.loads(answer) if answer else Outcome("failed", f"the process ended with status {status}")  # noqa: S301


def _outcome(read: Callable[[], Any], root: Path) -> Outcome:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIMIT_S)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + LIMIT_BYTES,) * 2)
    os.chdir(root)
    try:
        with redirect_stderr(StringIO()):
            return Outcome("read", digest(read()))
    except InputError as error:
        return Outcome("refused", str(error))
    except BaseException as error:
        return Outcome("failed", f"{type(error).__name__}: {error}")


def _tell_status() -> None:
    """Raise what ``dvc status`` says of the working folder: an outcome keeps only the digest of what is read."""
    with Repo() as repo:
        raise InputError(json.dumps(repo.status()))


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Other content at ``path`` until the block ends; times stay, so that DVC need not hash it again."""
    original, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(content)
        yield
    finally:
        path.write_bytes(original)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def failure(case: Case, root: Path, whole: str) -> str | None:
    """Try a case; None where it ended as guaranteed, else what happened.

    Args:
        whole: digest of what is read from the undisturbed file.
    """
    target = case.target
    with replaced(root / target.path, damaged(case, root)):
        found = in_child(target.read, root)
        if found.kind == "refused":
            return None if Path(target.path).name in found.text else f"the file is not named: {found.text}"
        if found.kind == "failed":
            return found.text
        if found.text == whole or target.own:
            return None
        if target.tracked:
            told = in_child(_tell_status, root)
            if told.kind == "refused" and target.path in told.text:
                return None
    return "other content was read without a message"


def prepare(root: Path) -> None:
    """Add the files that users give."""
    width_px, height_px = VIDEO_PX
    intrinsics = [[600.0, 0, width_px / 2], [0, 600.0, height_px / 2], [0, 0, 1]]
    camera = {"width_px": width_px, "height_px": height_px, "intrinsics_px": intrinsics, "distortion": [0.1] * 5}
    (root / _CAMERA).write_text(json.dumps(camera))
    rows = [f"{i},{10 + i},20,{200 + i},400" for i in range(0, 20, 3)]
    (root / _BOXES).write_text("\n".join(["frame,x0,y0,x1,y1", *rows]) + "\n")
    write_own_files(root)


def run_cases(root: Path, tried: list[Case]) -> list[Row]:
    """Try the cases; what fails is printed with its seed."""
    whole: dict[str, str] = {}
    for target in {case.target.path: case.target for case in tried}.values():
        outcome = in_child(target.read, root)
        if outcome.kind != "read":
            raise AssertionError(f"{target.path} does not read undisturbed: {outcome.text}")
        whole[target.path] = outcome.text
    counted: dict[str, list[bool]] = {}
    for case in tqdm(tried, desc="corruption", unit="case", mininterval=2):
        problem = failure(case, root, whole[case.target.path])
        if problem:
            print(f"failed: {case}: {problem} (python -m torture.corruption)", file=sys.stderr)
        what = case.target.path + (", the user's own" if case.target.own else "")
        counted.setdefault(what, []).append(problem is None)
    tried = "damaged, or another valid file in its place"
    return [Row("corruption", f"{what}: {tried}", len(ends), sum(ends)) for what, ends in counted.items()]


def run() -> list[Row]:
    """All cases, in the finished copy of the repository."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)  # a fork that computes would wait for this process's threads for ever
    workspace = smoke_workspace()
    workspace.run(
        sys.executable, "-m", "pose3d", "export", "--models", "data/models", "--out", "data/onnx", PYTHONPATH="src"
    )
    prepare(workspace.root)
    return run_cases(workspace.root, cases(workspace.root))


if __name__ == "__main__":
    run_alone(run)
