import pytest

from pose3d.files import atomic_folder, atomic_output, write_text


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
