"""DVC's own files, cut at every length: put right, so that dvc repro starts, or one sentence."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.dvc_files import EXPERIMENTS_RWLOCK, HALF, LOCK, RWLOCK, put_right
from pose3d.runtime.errors import InputError

ROOT = Path(__file__).parents[2]
WHOLE = """schema: '2.0'
stages:
  one:
    cmd: touch x
    outs:
    - path: x
      md5: d41d8cd98f00b204e9800998ecf8427e
"""
DVC = [sys.executable, "-m", "dvc"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A repository of one stage, whose dvc.lock is in git."""
    folder = tmp_path_factory.mktemp("first")
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    (folder / "dvc.yaml").write_text("stages: {one: {cmd: touch x, outs: [x]}}")
    (folder / LOCK).write_text(WHOLE)
    for command in ([*git, "init", "-q"], [*DVC, "init", "-q"], [*git, "add", "-A"], [*git, "commit", "-qm", "one"]):
        subprocess.run(command, cwd=folder, env=os.environ | {"DVC_NO_ANALYTICS": "1"}, check=True)
    (folder / RWLOCK).parent.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def repository(first, tmp_path, monkeypatch):
    """A copy of it in the working folder."""
    shutil.copytree(first, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


def test_what_is_whole_is_left_as_it_is(repository):
    RWLOCK.write_text("{}")
    assert put_right() == []
    assert (LOCK.read_text(), RWLOCK.read_text(), HALF.exists()) == (WHOLE, "{}", False)


def test_dvc_lock_cut_at_any_length_reads_afterwards(repository):
    put = 0
    for length in range(len(WHOLE)):
        LOCK.write_text(WHOLE[:length])
        said = put_right()
        assert LOCK.read_text() == (WHOLE if said else WHOLE[:length])
        put += len(said)
        if said:
            assert HALF.read_text() == WHOLE[:length] and str(HALF) in said[0]
    assert put > len(WHOLE) / 2
    assert put_right() == []


@pytest.mark.parametrize("content", ["", '{"data": {"read": [{"pi', '{"x": {"read": 3}}'])
@pytest.mark.parametrize("path", [RWLOCK, EXPERIMENTS_RWLOCK])
def test_a_cut_rwlock_is_removed(repository, path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert len(put_right()) == 1 and not path.exists()


def test_dvc_repro_starts_again(repository):
    LOCK.write_text(WHOLE[:35])
    RWLOCK.write_text('{"x": ')
    assert subprocess.run([*DVC, "repro"], capture_output=True, check=False).returncode != 0
    done = subprocess.run(
        [sys.executable, "-m", "checks.dvc_files"],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stderr.splitlines()) == 2 and not done.stdout
    assert subprocess.run([*DVC, "repro"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("path", [RWLOCK, EXPERIMENTS_RWLOCK])
def test_what_another_dvc_is_writing_is_left_alone(repository, path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with open(path.with_name("rwlock.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert put_right() == []
    assert path.exists()


def test_only_a_person_can_end_a_merge(repository):
    LOCK.write_text("schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> other\n")
    with pytest.raises(InputError, match="git checkout --ours dvc.lock"):
        put_right()
    assert "<<<<<<<" in LOCK.read_text()


def test_without_git_s_dvc_lock_one_sentence_says_what_to_run(repository):
    subprocess.run(["git", "rm", "-q", "--cached", "dvc.lock"], check=True)
    LOCK.write_text(WHOLE[:35])
    with pytest.raises(InputError, match="run `rm dvc.lock`"):
        put_right()
    assert LOCK.read_text() == WHOLE[:35]


def test_where_dvc_never_ran_there_is_nothing_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert put_right() == []


def test_make_repro_puts_files_right_before_dvc_starts():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\tpython -m checks.dvc_files\n\tdvc repro\n" in makefile
