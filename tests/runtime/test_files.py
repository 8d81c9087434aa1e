import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from pose3d.datasets.manifest import MANIFEST, check_manifest
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import (
    atomic_folder,
    atomic_output,
    exclusive,
    read_small_text,
    sha256_of,
    video_path,
    write_text,
)
from pose3d.runtime.signals import Terminated, raise_signals


def test_a_whole_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "deep" / "er" / "out.txt"
    write_text(path, "eins\n")
    write_text(path, "zwei ä\n")
    assert path.read_bytes() == "zwei ä\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["out.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_partial_one(tmp_path, error):
    path = tmp_path / "out.txt"
    write_text(path, "old")
    with pytest.raises(error), atomic_output(path) as partial:
        partial.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_a_full_disk_is_named_by_the_file_that_was_to_be(tmp_path):
    with pytest.raises(OSError) as caught, atomic_output(tmp_path / "out.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "out.txt")
    with pytest.raises(OSError) as caught, atomic_output(tmp_path / "out.txt"):
        raise OSError(errno.EACCES, "Permission denied", "input.txt")
    assert caught.value.filename == "input.txt"


def test_a_failure_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(RuntimeError), atomic_output(tmp_path / "out.txt") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_partial_file_of_a_killed_run_is_written_over(tmp_path):
    (tmp_path / ".out.txt.partial").write_text("left behind by a kill, longer than the new text")
    write_text(tmp_path / "out.txt", "new")
    assert (tmp_path / "out.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_the_temporary_name_is_fixed_and_beside_the_target(tmp_path):
    names = []
    for _ in range(2):
        with atomic_output(tmp_path / "model.pt") as partial:
            names.append(partial)
            partial.write_bytes(b"x")
    assert names[0] == names[1] and names[0].parent == tmp_path


def test_a_whole_folder_replaces_the_old_one_and_a_failure_leaves_it(tmp_path):
    path = tmp_path / "deep" / "folder"
    with atomic_folder(path) as partial:
        (partial / "old").touch()
    with pytest.raises(RuntimeError), atomic_folder(path) as partial:
        (partial / "new").touch()
        raise RuntimeError
    assert [p.name for p in path.iterdir()] == ["old"]
    with atomic_folder(path) as partial:
        (partial / "new").touch()
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in path.parent.iterdir()] == ["folder"]


def test_a_file_of_a_folder_that_does_not_reach_the_disk_leaves_the_old_folder(tmp_path, monkeypatch):
    with atomic_folder(tmp_path / "folder") as partial:
        (partial / "old").touch()
    flush = os.fsync

    def full(descriptor):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("37"):
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), atomic_folder(tmp_path / "folder") as partial:
        for i in range(50):
            (partial / f"new{i}").touch()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["old"]


def test_a_signal_waits_until_a_temporary_folder_is_gone(tmp_path, own_signals, monkeypatch):
    raise_signals()
    remove = shutil.rmtree

    def interrupted(path, **options):
        if path.exists():
            signal.raise_signal(signal.SIGTERM)
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(Terminated):
        with atomic_folder(tmp_path / "folder") as partial:
            (partial / "new").touch()
        time.sleep(10)
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["folder", "folder/new"]


TWO_AT_ONCE = """
import sys
from pose3d.runtime.files import atomic_output
for _ in range(40):
    with atomic_output(sys.argv[1]) as partial:
        with open(partial, "w") as file:
            for _ in range(200):
                file.write(sys.argv[2] * 50)
                file.flush()
"""


def test_of_two_processes_that_write_one_file_each_writes_it_whole(tmp_path):
    path = tmp_path / "out.txt"
    write_text(path, "c" * 10_000)
    writers = [
        subprocess.Popen([sys.executable, "-c", TWO_AT_ONCE, path, letter], stderr=subprocess.PIPE, text=True)
        for letter in "ab"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(path.read_text())
    for writer in writers:
        errors = writer.communicate()[1]
        assert writer.returncode == 0, errors
    assert seen <= {letter * 10_000 for letter in "abc"}
    assert len(seen) > 1, "something was written while this looked on"
    assert [p.name for p in tmp_path.iterdir()] == ["out.txt"]


def test_two_folders_at_once_come_one_after_the_other(tmp_path):
    def fill(name):
        with atomic_folder(tmp_path / "folder") as partial:
            for i in range(20):
                (partial / f"{name}{i}").touch()

    threads = [threading.Thread(target=fill, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {path.name for path in (tmp_path / "folder").iterdir()}
    assert names in [{f"{letter}{i}" for i in range(20)} for letter in "abcd"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_who_does_not_wait_is_told_in_one_sentence(tmp_path):
    path = tmp_path / "out"
    with exclusive(path):
        with (
            pytest.raises(InputError, match="another run is writing .*out: wait for it, or write elsewhere$"),
            exclusive(path, wait=False),
        ):
            pytest.fail("two have it")
        with exclusive(tmp_path / "other", wait=False):
            pass
    with exclusive(path, wait=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_who_waits_says_so_and_goes_on_when_the_other_is_killed(tmp_path):
    path = tmp_path / "out"
    script = "import sys, time\nfrom pose3d.runtime.files import exclusive\n"
    script += "with exclusive(sys.argv[1]):\n    print(1, flush=True)\n    time.sleep(float(sys.argv[2]))"
    first = subprocess.Popen([sys.executable, "-c", script, path, "60"], stdout=subprocess.PIPE)
    assert first.stdout.readline() == b"1\n"
    second = subprocess.Popen(
        [sys.executable, "-c", script, path, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "waiting for it" in second.stderr.readline()
    first.kill()
    first.wait()
    assert second.communicate(timeout=20)[0] == "1\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_written_to_all_the_same(tmp_path, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    write_text(tmp_path / "out.txt", "text")
    assert (tmp_path / "out.txt").read_text() == "text"


def test_small_text_is_read_to_its_bound_and_no_further(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("é" * 8, encoding="utf-8")
    assert read_small_text(path, 16) == "é" * 8
    with pytest.raises(ValueError, match="it is larger than"):
        read_small_text(path, 15)
    with pytest.raises(ValueError, match="it is larger than 1 MiB"):
        read_small_text("/dev/zero")
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="utf-8"):
        read_small_text(path)


def with_manifest(folder):
    write_text(folder / "licences/a.txt", "free")
    files = {"licences/a.txt": {"sha256": sha256_of(folder / "licences/a.txt")}}
    write_text(folder / MANIFEST, json.dumps({"a": {"version": "1", "files": files}}))


def test_files_are_as_their_manifest_says(tmp_path):
    with_manifest(tmp_path)
    check_manifest(tmp_path)
    (tmp_path / "licences/a.txt").write_text("fred")
    with pytest.raises(InputError, match=r"licences/a\.txt is not as .*manifest\.json describes it"):
        check_manifest(tmp_path)
    (tmp_path / "licences/a.txt").unlink()
    with pytest.raises(InputError, match=r"licences/a\.txt is not as"):
        check_manifest(tmp_path)
    with_manifest(tmp_path)
    (tmp_path / "b.txt").touch()
    with pytest.raises(InputError, match=r"b\.txt is not as"):
        check_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"a": {"files": {"b": {}}}}'])
def test_what_is_no_manifest_is_named(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json is not a manifest of packages"):
        check_manifest(tmp_path)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        check_manifest(tmp_path)


def test_a_name_that_is_no_utf_8_is_refused_and_said_so_that_it_can_be_read():
    with pytest.raises(InputError) as caught:
        video_path(os.fsdecode(b"walk\xe9.mp4"))
    assert str(caught.value) == (
        "walk\\udce9.mp4 has a name with bytes that are no UTF-8: rename the file or its folder"
    )
    assert video_path("wälk.mp4") == "./wälk.mp4"
