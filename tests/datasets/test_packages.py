import hashlib
import json
import stat
import subprocess
import threading
import time
import zipfile
from dataclasses import replace

import pytest

from pose3d.datasets import packages
from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES, Package, fetch_packages
from pose3d.runtime.errors import InputError


class FakePip:
    """In place of ``pip download``: copies one wheel, or fails as pip does."""

    def __init__(self, wheel):
        self.wheel, self.calls, self.error = wheel, [], None

    def __call__(self, command, **_):
        self.calls.append(command)
        if self.error:
            return subprocess.CompletedProcess(command, 1, "", f"some warning\nERROR: {self.error}\n")
        folder = command[command.index("--dest") + 1]
        from pathlib import Path

        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / self.wheel.name).write_bytes(self.wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def pip(tmp_path, monkeypatch):
    wheel = tmp_path / "motions-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("motions/walk.txt", "left right left")
        archive.writestr("motions/huge.bin", "not wanted")
        archive.writestr("../../evil.txt", "escaped")
        archive.writestr(str(tmp_path / "evil.txt"), "an absolute name")
        archive.writestr("CON/evil.txt", "a device of Windows")
        link = zipfile.ZipInfo("motions/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(tmp_path / "secret.txt"))
    fake = FakePip(wheel)
    monkeypatch.setattr(packages.subprocess, "run", fake)
    monkeypatch.setenv("POSE3D_CACHE", str(tmp_path / "cache"))
    return fake


def package(pip, **changes):
    sha256 = hashlib.sha256(pip.wheel.read_bytes()).hexdigest()
    pinned = Package("motions", "1.0", "Zlib", sha256, ("--platform", "any"), {"motions/walk.txt": "a/walk.json"})
    return replace(pinned, **changes)


def test_kept_files_and_a_manifest_arrive_and_nothing_else(pip, tmp_path):
    output = tmp_path / "data" / "raw"
    manifest = fetch_packages((package(pip),), output)
    assert (output / "a/walk.json").read_text() == "left right left"
    assert sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()) == [
        "a/walk.json",
        "manifest.json",
    ]
    assert json.loads((output / "manifest.json").read_text()) == manifest
    entry = manifest["motions"]
    assert entry["version"] == "1.0" and entry["licence"] == "Zlib"
    assert entry["files"]["a/walk.json"]["sha256"] == hashlib.sha256(b"left right left").hexdigest()
    assert "motions==1.0" in pip.calls[0] and "--no-deps" in pip.calls[0]


def test_the_second_run_needs_no_network(pip, tmp_path):
    fetch_packages((package(pip),), tmp_path / "raw")
    first = (tmp_path / "raw/manifest.json").read_bytes()
    pip.error = "no network"
    fetch_packages((package(pip),), tmp_path / "raw")
    assert len(pip.calls) == 1 and (tmp_path / "raw/manifest.json").read_bytes() == first


def test_two_runs_at_once_download_once_and_both_have_the_files(pip, tmp_path, monkeypatch):
    def slow_pip(command, **options):
        time.sleep(0.2)  # long enough for the other to find the cache empty
        return pip(command, **options)

    monkeypatch.setattr(packages.subprocess, "run", slow_pip)
    outputs = [tmp_path / "one", tmp_path / "two"]
    runs = [threading.Thread(target=fetch_packages, args=((package(pip),), output)) for output in outputs]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [(output / "a/walk.json").read_text() for output in outputs] == ["left right left"] * 2
    assert len(pip.calls) == 1


def test_a_damaged_cache_is_filled_again(pip, tmp_path):
    pinned = package(pip)
    fetch_packages((pinned,), tmp_path / "raw")
    (tmp_path / "cache" / pinned.sha256 / "a/walk.json").write_text("left left left")
    fetch_packages((pinned,), tmp_path / "raw")
    assert len(pip.calls) == 2 and (tmp_path / "raw/a/walk.json").read_text() == "left right left"


@pytest.mark.parametrize(
    ("error", "changes", "message"),
    [
        ("No matching distribution found for motions==1.0", {}, "cannot download motions==1.0 .*No matching"),
        ("Connection refused", {}, "check the network"),
        (None, {"sha256": "0" * 64}, "not the pinned 0000"),
        (None, {"kept": {"motions/run.txt": "run.json"}}, "lacks a needed file.*run.txt"),
        (None, {"kept": {"motions/walk.txt": "../walk.json"}}, "outside"),
    ],
)
def test_failures_are_one_sentence_and_leave_nothing(pip, tmp_path, error, changes, message):
    pip.error = error
    output = tmp_path / "raw"
    output.mkdir()
    (output / "old.txt").write_text("from before")
    with pytest.raises(InputError, match=message) as raised:
        fetch_packages((package(pip, **changes),), output)
    assert "\n" not in str(raised.value)
    assert [path.name for path in output.iterdir()] == ["old.txt"]
    assert not any((tmp_path / "cache").rglob("*.*")), "the cache must not be poisoned"
    assert not (tmp_path / ".raw.partial").exists() and not (tmp_path / "walk.json").exists()
    # With the fault gone the same command works.
    pip.error = None
    fetch_packages((package(pip),), output)
    assert (output / "a/walk.json").exists() and not (output / "old.txt").exists()


def test_malicious_members_stay_in_the_archive(pip, tmp_path):
    fetch_packages((package(pip),), tmp_path / "raw")
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_kept_member_that_is_a_link_comes_as_the_text_that_it_is(pip, tmp_path):
    (tmp_path / "secret.txt").write_text("not for others")
    fetch_packages((package(pip, kept={"motions/link": "link.txt"}),), tmp_path / "raw")
    kept = tmp_path / "raw/link.txt"
    assert not kept.is_symlink() and kept.read_text() == str(tmp_path / "secret.txt")


def test_a_broken_wheel_is_refused(pip, tmp_path):
    pip.wheel.write_bytes(b"not a zip")
    with pytest.raises(InputError, match="not a whole wheel"):
        fetch_packages((package(pip),), tmp_path / "raw")


def test_the_real_pins():
    assert [(pinned.name, pinned.version) for pinned in PACKAGES] == [
        ("pybullet", "3.2.7"),
        ("holosoma-retargeting", "0.1.0"),
    ]
    names = [name for pinned in PACKAGES for name in pinned.kept.values()]
    assert len(set(names)) == len(names) == 20 + 10 + 2
    assert not any(name.startswith("/") or ".." in name for name in names)
    # Both wheels are chosen by platform and not by this machine, or the hash could not be pinned.
    assert all("--platform" in pinned.platform and "--python-version" in pinned.platform for pinned in PACKAGES)


def test_the_videos_are_pinned_and_stay_in_their_folder():
    (pinned,) = MULTIVIEW_PACKAGES
    assert (pinned.name, pinned.version, len(pinned.sha256)) == ("pose2sim", "0.10.49", 64)
    videos = {"multiview/cam01.mp4", "multiview/cam02.mp4", "multiview/cam03.mp4", "multiview/cam04.mp4"}
    assert set(pinned.kept.values()) == videos | {"multiview/calibration.qca.txt", "licences/pose2sim.txt"}


def test_the_pretrained_network_is_pinned_with_its_licence():
    (pinned,) = BLAZEPOSE_PACKAGES
    assert (pinned.name, pinned.version, len(pinned.sha256)) == ("mediapipe", "0.10.21", 64)
    networks = {"blazepose/pose_detection.tflite", "blazepose/pose_landmark_full.tflite"}
    assert set(pinned.kept.values()) == networks | {"blazepose/METADATA", "licences/mediapipe.txt"}
    assert "--platform" in pinned.platform and "--python-version" in pinned.platform
