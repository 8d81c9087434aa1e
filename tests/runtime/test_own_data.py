import json
import subprocess
from pathlib import Path

import pytest

from pose3d.datasets.manifest import list_own_files
from pose3d.runtime.errors import InputError
from pose3d.runtime.user_data import data_folder, files_without_dvc, relative_folder, untracked_files


def test_the_params_come_before_the_environment(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("POSE3D_DATA", str(tmp_path / "a"))
    assert data_folder(None) == tmp_path / "a"
    assert data_folder(str(tmp_path / "b")) == tmp_path / "b"


def test_no_folder_is_one_sentence_that_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("POSE3D_DATA", raising=False)
    with pytest.raises(InputError, match="set the environment variable POSE3D_DATA"):
        data_folder(None)
    monkeypatch.setenv("POSE3D_DATA", str(tmp_path / "none"))
    with pytest.raises(InputError, match="POSE3D_DATA is .*none, which is no folder"):
        data_folder(None)
    with pytest.raises(InputError, match="dataset.folder is .*other, which is no folder"):
        data_folder(str(tmp_path / "other"))


def test_the_manifest_lists_data_files_with_their_sizes_and_no_single_images(tmp_path):
    data, output = tmp_path / "data", tmp_path / "out" / "raw"
    (data / "S1").mkdir(parents=True)
    (data / "S1" / "Walking.mp4").write_bytes(b"12345")
    (data / "a.npz").write_bytes(b"123")
    (data / "img_000001.jpg").write_bytes(b"1")
    (output / "deepmimic").mkdir(parents=True)  # what another data set left there
    assert list_own_files("human36m", data, output) == {"S1/Walking.mp4": 5, "a.npz": 3}
    assert [path.name for path in output.iterdir()] == ["manifest.json"]
    content = json.loads((output / "manifest.json").read_text())
    assert content == {"source": "human36m", "files_bytes": {"S1/Walking.mp4": 5, "a.npz": 3}}
    assert [path.name for path in output.parent.iterdir()] == ["raw"]


def test_a_folder_without_data_is_refused_and_what_stood_there_stays(tmp_path):
    data, output = tmp_path / "data", tmp_path / "raw"
    data.mkdir()
    output.mkdir()
    (output / "kept").touch()
    with pytest.raises(InputError, match="holds no file of a data set"):
        list_own_files("human36m", data, output)
    assert (output / "kept").exists()


def test_subjects_may_be_linked_from_elsewhere(tmp_path):
    data, disk = tmp_path / "data", tmp_path / "disk"
    data.mkdir()
    (disk / "Videos").mkdir(parents=True)
    (disk / "Videos" / "Walking.mp4").write_bytes(b"12")
    (data / "S1").symlink_to(disk)
    assert list_own_files("human36m", data, tmp_path / "raw") == {"S1/Videos/Walking.mp4": 2}


def test_what_experiments_of_the_queue_would_lack_is_said(tmp_path, monkeypatch):
    """They run in a copy of what git tracks, in another folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("POSE3D_DATA", "mine")
    assert relative_folder(None) == [
        "POSE3D_DATA is mine, which leads elsewhere from the copies that experiments of the queue run in: give the "
        f"whole path, {tmp_path}/mine"
    ]
    assert relative_folder("mine")[0].startswith("dataset.folder is mine")
    assert relative_folder(str(tmp_path / "mine")) == []
    monkeypatch.setenv("POSE3D_DATA", "other")
    for unread in ("~/mine", "$HOME/mine"):
        with pytest.raises(
            InputError, match="is no folder; write the path out, because no ~ or variable in it is read"
        ):
            data_folder(unread)
        assert relative_folder(unread) == []
    with pytest.raises(InputError, match=f"other, which is no folder; it counts from {tmp_path}, .* give the whole"):
        data_folder(None)


def test_files_that_git_does_not_track_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.touch()
    assert untracked_files(files) == []  # no repository
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "a.yaml"], check=True)
    assert untracked_files(files) == [
        f"{files[1]} is not in git, and experiments of the queue run without it: `git add {files[1]}`"
    ]


def test_large_files_are_in_git_by_the_small_file_of_dvc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["added.h5", "half.h5", "mine.h5", "committed.h5"]
    files = [Path(name) for name in names]
    for name in (*names, "added.h5.dvc", "half.h5.dvc"):
        Path(name).touch()
    assert files_without_dvc(files) == []  # no repository
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "added.h5.dvc", "committed.h5"], check=True)
    assert files_without_dvc(files) == [
        "half.h5 is not in DVC and git, and experiments of the queue run without it: `git add half.h5.dvc`",
        "mine.h5 is not in DVC and git, and experiments of the queue run without it: `dvc add mine.h5` and "
        "`git add mine.h5.dvc`",
    ]
