"""Eight predictions at once on one disk that fills up: each ends whole or in one sentence, nothing earlier is lost.

    python -m torture.full_disk [--times 20] [--seed 0]

Every folder has an earlier clip's files already. The disk is a file system in memory, with room for a random share,
half at most, of all new files: each that replaces another gives room back. A case is one prediction, and passes where

- it ended well with the bytes of an undisturbed run, or with status 1 and one sentence;
- every file of the folder is the earlier clip's or the new one's, whole, no name is gone, nothing temporary is left;
- where it was refused, it ends well once there is room.

Predictions run in forks of one process that has loaded torch, because loading it takes longer than all the rest.
"""

import argparse
import contextlib
import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pipeline.workspace import REPOSITORY
from tiny_models import save_models
from tiny_video import picture, write_video
from tqdm import tqdm

from pose3d.commands.run import main as pose3d
from pose3d.predict import pipeline, show  # noqa: F401 - loaded before the forks
from torture.rows import Row, run_alone

TIMES = 20
FRAMES = 12
OPTIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("--format", "trc,c3d"),
    ("--format", "glb,amass"),
    ("--format", "videopose3d"),
    ("--format", "openpose"),
    ("--frame", "world", "--up", "level", "--format", "trc"),
    ("--show", "0.2"),
    ("--height", "1.8"),
)
"""Of the eight predictions: all files that there are."""
_BOX_PX = 20, 4, 44, 44
_DISK_BYTES = 2**26
_MOST_SHARE = 0.5
_FULL = "No space left on device", "free space on the disk"

Files = dict[str, bytes]
"""Content by the path in a folder."""


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """An empty file system in memory that has no more room; gives its path.

    A process mounts it in a name space of its own, where that takes no rights, and others reach it through /proc. It
    goes with that process, which ends when its input does.
    """
    mount = f"mount -t tmpfs -o size={size_bytes} none '{folder}' && echo mounted && exec cat"
    holder = subprocess.Popen(
        ["unshare", "--map-root-user", "--mount", "bash", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        if holder.stdout.readline() != b"mounted\n":
            raise OSError("no file system can be mounted in a name space of one's own here")
        yield Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        holder.communicate()


def files_of(folder: Path) -> Files:
    """Every file of a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_clips(folder: Path, seed: int) -> list[list[str]]:
    """The arguments of each prediction but for ``--out``; their clips differ."""
    folder.mkdir()
    models, boxes = save_models(folder / "models"), folder / "boxes.csv"
    boxes.write_text("frame,x0,y0,x1,y1\n0,{},{},{},{}\n".format(*_BOX_PX))
    commands = []
    for number, options in enumerate(OPTIONS):
        images = [picture(64, 48, _BOX_PX, len(OPTIONS) * (FRAMES * seed + t) + number) for t in range(FRAMES)]
        clip = write_video(folder / f"{number}.mp4", images)
        commands.append(["predict", str(clip), "--boxes", str(boxes), "--models", str(models), *options])
    return commands


def at_once(commands: list[list[str]], outs: list[Path], logs: Path) -> list[tuple[int, str]]:
    """Run predictions at once; gives the status of each and what it said on stderr."""
    fork = multiprocessing.get_context("fork")
    said = [logs / f"{number}.log" for number in range(len(commands))]
    processes = [
        fork.Process(target=_predict, args=([*command, "--out", str(out)], log))
        for command, out, log in zip(commands, outs, said, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [(process.exitcode or 0, log.read_text()) for process, log in zip(processes, said, strict=True)]


def _predict(command: list[str], log: Path) -> None:
    with open(log, "w") as file, open(os.devnull, "w") as nowhere:
        os.dup2(file.fileno(), 2)
        os.dup2(nowhere.fileno(), 1)
    pose3d(command)


def faults(status: int, said: str, earlier: Files, new: Files, found: Files) -> list[str]:
    """What is not as guaranteed of one prediction, a sentence each."""
    last_line = [*said.splitlines(), ""][-1 if not said else -2]
    refused = status == 1 and last_line.startswith("error: ") and any(full in last_line for full in _FULL)
    wrong = []
    if (status != 0 and not refused) or "Traceback" in said:
        wrong.append(f"it ended with status {status}, saying {said[-500:]!r}")
    if status == 0 and found != new:
        wrong.append("it ended well, and its files are not those of an undisturbed run")
    wrong += [f"{name} is lost" for name in sorted(earlier.keys() - found.keys())]
    for name, content in sorted(found.items()):
        if content not in (earlier.get(name), new.get(name)):
            wrong.append(f"{name} is half-written" if name in new else f"{name} was left")
    return wrong


def trial(
    disk: Path, share: float, commands: list[list[str]], earlier: list[Files], new: list[Files]
) -> tuple[list[list[str]], int]:
    """Faults of each prediction with room for a share of all new files, and how many of them met the disk full."""
    outs = [disk / str(number) for number in range(len(commands))]
    for out, files in zip(outs, earlier, strict=True):
        for name, content in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
    new_bytes = sum(len(content) for files in new for content in files.values())
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - int(share * new_bytes))))
    with tempfile.TemporaryDirectory() as logs:
        ends = at_once(commands, outs, Path(logs))
        found = [files_of(out) for out in outs]
        ballast.unlink()
        again = [number for number, (status, _) in enumerate(ends) if status]
        at_once([commands[number] for number in again], [outs[number] for number in again], Path(logs))
    wrong = [faults(*end, *files) for end, *files in zip(ends, earlier, new, found, strict=True)]
    for number in again:
        if files_of(outs[number]) != new[number]:
            wrong[number].append("with room, it does not give what an undisturbed run gives")
    return wrong, len(again)


def run(times: int = TIMES, seed: int = 0) -> list[Row]:
    """All trials; what failed is printed."""
    os.chdir(REPOSITORY)  # whose params.yaml predictions read
    rng = np.random.default_rng(seed)
    passed = full = 0
    with tempfile.TemporaryDirectory(prefix="pose3d-full-disk-") as name:
        folder = Path(name)
        (folder / "disk").mkdir()
        versions = []
        for version in range(2):
            commands = write_clips(folder / f"clips-{version}", 2 * seed + version)
            outs = [folder / f"undisturbed-{version}" / str(number) for number in range(len(commands))]
            ends = at_once(commands, outs, folder)
            if any(status for status, _ in ends):
                raise AssertionError(f"predictions fail when the disk has room: {ends}")
            versions.append([files_of(out) for out in outs])
        earlier, new = versions
        for case in tqdm(range(times), desc="full disk", unit="trial"):
            share = rng.uniform(0, _MOST_SHARE)
            with small_disk(folder / "disk", _DISK_BYTES) as disk:
                results, refused = trial(disk, share, commands, earlier, new)
            full += refused
            for number, wrong in enumerate(results):
                passed += not wrong
                if wrong:
                    what = " ".join(OPTIONS[number]) or "no options"
                    tqdm.write(
                        f"failed: trial {case} (seed {seed}), {share:.3f} of the room, {what}: {'; '.join(wrong)}"
                    )
    tried = f"eight predictions at once on a disk that fills up ({full} met it full), and again with room"
    return [Row("full_disk", tried, times * len(OPTIONS), passed)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES, help="how often eight predictions are run")
    parser.add_argument("--seed", type=int, default=0, help="of the clips and of the room on the disk")
    arguments = parser.parse_args()
    run_alone(lambda: run(arguments.times, arguments.seed))


if __name__ == "__main__":
    main()
