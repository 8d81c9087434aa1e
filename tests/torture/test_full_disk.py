"""The campaign on a full disk tells what is as guaranteed from what is not, and its disk is small."""

import errno

import pytest

from torture.full_disk import faults, files_of, small_disk

EARLIER, NEW = {"a.csv": b"1", "a.bvh": b"1"}, {"a.csv": b"2", "a.bvh": b"2"}
FULL = (
    "predict: 100%\nerror: No space left on device at a.csv; free space or correct permissions there, then run again\n"
)


@pytest.mark.parametrize(
    ("status", "said", "found"),
    [(0, "", NEW), (1, FULL, EARLIER), (1, FULL, {"a.csv": b"2", "a.bvh": b"1"}), (1, FULL, NEW)],
)
def test_whole_files_and_one_sentence_pass(status, said, found):
    assert faults(status, said, EARLIER, NEW, found) == []


@pytest.mark.parametrize(
    ("status", "said", "found", "fault"),
    [
        (0, "", EARLIER, "not those of an undisturbed run"),
        (1, "OSError: [Errno 28] No space left on device\n", EARLIER, "it ended with status 1"),
        (1, "Traceback (most recent call last):\n" + FULL, EARLIER, "it ended with status 1"),
        (1, "error: clip.mp4 is missing: give the path of a video\n", EARLIER, "it ended with status 1"),
        (-9, "", EARLIER, "it ended with status -9"),
        (1, FULL, {"a.csv": b"1"}, "a.bvh is lost"),
        (1, FULL, {"a.csv": b"", "a.bvh": b"1"}, "a.csv is half-written"),
        (1, FULL, EARLIER | {".a.csv.partial": b""}, ".a.csv.partial was left"),
    ],
)
def test_all_else_fails(status, said, found, fault):
    (wrong,) = faults(status, said, EARLIER, NEW, found)
    assert fault in wrong


def test_a_small_disk_fills_up_and_goes(tmp_path):
    try:
        with small_disk(tmp_path, 2**16) as disk:
            (disk / "in").mkdir()
            (disk / "in" / "small").write_bytes(b"1")
            with pytest.raises(OSError) as caught:
                (disk / "large").write_bytes(bytes(2**17))
            assert caught.value.errno == errno.ENOSPC
            assert files_of(disk)["in/small"] == b"1"
            assert not list(tmp_path.iterdir())
    except PermissionError:
        pytest.skip("nobody may mount in a name space of one's own here")
    assert not disk.exists()
