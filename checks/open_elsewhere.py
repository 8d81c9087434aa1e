"""Have other programs open the files that pose3d writes: ``make readers``, or ``python -m checks.open_elsewhere``.

One made-up walk is written in every format and read by programs that share no code with this one. Each says where the
joints are at each frame, and the rate or the duration. That must be what was written, to 5 mm and 0.1 %, in axes that
the program has by itself. Printed is a table; the exit status is 1 if a reader disagrees or a program fails.

The programs go into a folder, with ``--folder`` one that stays: 1.5 GB, mostly Blender. Those that cannot be had here,
or fail by themselves, are named and passed over; ``--all`` makes that a failure.
"""

import argparse
import functools
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from people import camera_ring, swinging_poses, take

from pose3d.formats.joint_files import write_motion
from pose3d.formats.mot import write_mot
from pose3d.formats.motion import NAMES, Z_UP_FROM_Y_UP, Motion, as_skeleton, from_ours
from pose3d.geometry.skeleton_fit import fit_bone_lengths, with_bone_lengths
from pose3d.records.prior_file import write_prior

READERS = Path(__file__).parent / "readers"
PACKAGES = {
    "opensim": "opensim==4.6",
    "blender": "bpy==5.0.1",
    "ezc3d": "ezc3d==1.7.2",
    "trc": "trc-data-reader==0.4.1",
    "h5py": "h5py==3.12.1",
}
"""Into an environment of its own each, because they ask for different versions of NumPy."""
NPM_PACKAGES = ("gltf-validator@2.0.0-dev.3.10", "three@0.187.0", "h5wasm@0.10.3")
FPS, N_FRAMES = 30.0, 90
MOST_MM = 5.0
MOST_SHARE = 1e-3
"""By which a rate or a duration may differ."""
SCRIPT_S = 300


def walk() -> Motion:
    """Three seconds of somebody who walks and turns, in the world."""
    return from_ours(swinging_poses(np.random.default_rng(1), N_FRAMES) + [0.5, 2.0, 0.0], FPS, "world")


def write_all(folder: Path) -> dict[str, np.ndarray]:
    """Write the walk in every format; gives by format where its joints are, (T, 17, 3) metres, y up."""
    motion = walk()
    for ending in ("trc", "c3d", "glb", "bvh"):
        write_motion(folder / f"walk.{ending}", motion)
    write_motion(folder / "walk_mm.trc", motion, "mm")
    gaps = motion.positions_m.copy()
    gaps[10:20, -1] = gaps[15, :3] = np.nan  # also the last marker of a row, which some readers want filled
    for ending in ("trc", "c3d"):
        write_motion(folder / f"gaps.{ending}", Motion(NAMES, gaps, FPS))
    seen = take("S1", "Walk", N_FRAMES, camera_ring(1))[0]
    write_prior(folder / "walk.h5", [replace(seen, poses_world_m=motion.positions_m @ Z_UP_FROM_Y_UP.T, fps=FPS)])
    write_mot(folder / "walk.mot", motion.times_s, dict(zip("xyz", motion.positions_m[:, 0].T, strict=True)))
    poses = as_skeleton(motion).positions_m
    fitted = with_bone_lengths(poses, fit_bone_lengths(poses))
    return {"walk": motion.positions_m, "gaps": gaps, "skeleton": fitted, "mot": motion.positions_m[:, :1]}


def python_of(name: str, folder: Path) -> Path:
    """The interpreter of an environment with a package, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    python = folder / name / "bin/python"
    if not (folder / name / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / name], check=True)
        _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGES[name])
        (folder / name / "ready").touch()
    return python


def node_modules(folder: Path) -> Path:
    """The folder of JavaScript packages.

    Raises:
        OSError, subprocess.CalledProcessError: there is no npm, or it cannot install them.
    """
    if not (folder / "node/ready").exists():
        (folder / "node").mkdir(exist_ok=True)
        _run("npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder / "node", *NPM_PACKAGES)
        (folder / "node/ready").touch()
    return folder / "node/node_modules"


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=SCRIPT_S)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command[0], stderr=done.stderr)
    return done.stdout


def said(printed: str) -> dict:
    """What a reader's script prints, after whatever the program says of itself."""
    return json.loads(printed[printed.index("READ ") + 5 :].partition("\nEND")[0])


def by_python(name: str, program: str, folder: Path, *arguments: str | Path) -> dict:
    return said(_run(python_of(name, folder), READERS / program, *arguments))


def by_node(program: str, folder: Path, file: Path) -> dict:
    return said(_run("node", READERS / program, node_modules(folder), file))


def unnamed(read: dict) -> dict:
    """What was read of a file whose joints have an order and no names."""
    return {"names": list(NAMES), **read}


def by_three(folder: Path, file: Path) -> dict:
    """three.js in Chromium, from a server of this process's own."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise OSError("there is no Chromium")
    page = file.parent / "three.html"
    shutil.copyfile(READERS / "three.html", page)
    modules = file.parent / "node_modules"
    if not modules.exists():
        modules.symlink_to(node_modules(folder))
    handler = functools.partial(_Quiet, directory=str(file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/three.html?file={file.name}&frames={N_FRAMES}&fps={FPS}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
        printed = _run(chromium, *options, f"--user-data-dir={file.parent / 'chromium'}", url)
        server.shutdown()
    return said(printed)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


Z_UP, MM, CM = Z_UP_FROM_Y_UP, 0.001, 0.01
CHECKS: dict[str, tuple[str, str, Callable[[Path, Path], dict], np.ndarray, float]] = {
    "opensim, TimeSeriesTableVec3": (
        "walk.trc", "walk", lambda f, p: by_python("opensim", "opensim_tables.py", f, p), np.eye(3), 1.0),
    "opensim, TimeSeriesTableVec3, gaps": (
        "gaps.trc", "gaps", lambda f, p: by_python("opensim", "opensim_tables.py", f, p), np.eye(3), 1.0),
    "opensim, MarkersReference": (
        "walk_mm.trc", "walk", lambda f, p: by_python("opensim", "opensim_markers.py", f, p), np.eye(3), 1.0),
    "opensim, MOT": ("walk.mot", "mot", lambda f, p: by_python("opensim", "opensim_mot.py", f, p), np.eye(3), 1.0),
    "trc-data-reader": ("gaps.trc", "gaps", lambda f, p: by_python("trc", "trc_data.py", f, p), np.eye(3), 1.0),
    "ezc3d": ("walk.c3d", "walk", lambda f, p: by_python("ezc3d", "ezc3d_points.py", f, p), Z_UP, MM),
    "ezc3d, gaps": ("gaps.c3d", "gaps", lambda f, p: by_python("ezc3d", "ezc3d_points.py", f, p), Z_UP, MM),
    "h5py": ("walk.h5", "walk", lambda f, p: unnamed(by_python("h5py", "h5py_poses.py", f, p)), Z_UP, 1.0),
    "h5wasm": ("walk.h5", "walk", lambda f, p: unnamed(by_node("h5wasm_poses.mjs", f, p)), Z_UP, 1.0),
    "gltf-validator": ("walk.glb", "", functools.partial(by_node, "gltf_validator.cjs"), np.eye(3), 1.0),
    "three.js, GLB": ("walk.glb", "skeleton", by_three, np.eye(3), 1.0),
    "three.js, BVH": ("walk.bvh", "skeleton", by_three, np.eye(3), CM),
    "Blender, GLB": (
        "walk.glb", "skeleton", lambda f, p: by_python("blender", "blender.py", f, p, str(FPS)), Z_UP, 1.0),
    "Blender, BVH": (
        "walk.bvh", "skeleton", lambda f, p: by_python("blender", "blender.py", f, p, str(FPS)), Z_UP, 1.0),
}  # fmt: skip
"""By reader: the file, what must be in it, how it is read, the rotation to its axes, and its unit in m."""


def verdict(read: dict, expected_m: np.ndarray, axes: np.ndarray, unit_m: float) -> tuple[float, float, float]:
    """The worst difference of a joint in mm, the frames a second, and the seconds from the first frame to the last.

    Args:
        read: ``names``, ``positions`` (T, J, 3; null where missing) and ``times_s`` (T,) or ``rate`` as a reader says.
        expected_m: (T, J, 3), y up; NaN where a joint must be missing.
        axes: (3, 3) to the reader's axes.
        unit_m: of the reader.

    Raises:
        ValueError: a joint is there that must not be, or the other way round; or frames are.
    """
    names = [name for name in NAMES if name in read["names"]]
    order = [read["names"].index(name) for name in names]
    positions = np.array(read["positions"], np.float64)[:, order] * unit_m
    if positions.shape != expected_m.shape:
        raise ValueError(f"{positions.shape} joints in place of {expected_m.shape}")
    if (np.isnan(positions) != np.isnan(expected_m)).any():
        raise ValueError("other joints are missing than should")
    off_mm = 1000 * float(np.nanmax(np.linalg.norm(positions - expected_m @ axes.T, axis=-1)))
    if "rate" in read:
        return off_mm, float(read["rate"]), (len(positions) - 1) / float(read["rate"])
    span_s = read["times_s"][-1] - read["times_s"][0]
    return off_mm, (len(positions) - 1) / span_s, span_s


def check(reader: str, folder: Path, files: Path, expected: dict[str, np.ndarray]) -> tuple[str, bool]:
    """A row of the table, and whether the reader agrees.

    Raises:
        OSError, subprocess.SubprocessError: the program is not there or fails.
    """
    name, content, read, axes, unit_m = CHECKS[reader]
    found = read(folder, files / name)
    version = found.get("version", "")
    if not content:
        good = found["errors"] == 0
        return f"| {name} | {reader} {version} | {found['errors']} errors, {found['warnings']} warnings | | |", good
    off_mm, rate, span_s = verdict(found, expected[content], axes, unit_m)
    good = off_mm <= MOST_MM and abs(rate / FPS - 1) < MOST_SHARE
    good &= abs(span_s * FPS / (N_FRAMES - 1) - 1) < MOST_SHARE
    return f"| {name} | {reader} {version} | {off_mm:.4f} mm | {rate:.3f} | {span_s:.4f} s |", good


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--folder", type=Path, help="where the programs go and stay; by default they do not stay")
    arguments.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), help="of these readers")
    arguments.add_argument("--all", action="store_true", help="a program that cannot be had or fails is a failure")
    return arguments


def main() -> None:
    given = parser().parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch) / "programs"
        files = Path(scratch) / "files"
        for path in (folder, files):
            path.mkdir(parents=True, exist_ok=True)
        expected = write_all(files)
        print("| file | read by | worst joint | frames/s | first to last |\n|---|---|---|---|---|", flush=True)
        for reader in given.only:
            try:
                row, good = check(reader, folder.resolve(), files, expected)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                last = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
                row, good = f"| {CHECKS[reader][0]} | {reader} | failed: {' '.join(last)[:200]} | | |", False
                failed |= given.all or isinstance(error, ValueError)
            else:
                failed |= not good
            print(row + ("" if good else " WRONG"), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
