import os

import cv2
import numpy as np
import pytest
from moving_square import moving_frames

from pose3d.runtime.errors import InputError
from pose3d.show.webm import write_webm


def test_webm_is_vp8_readable_and_its_bytes_repeat(tmp_path):
    frames = moving_frames()
    for name in ("a.webm", "b.webm"):
        write_webm(tmp_path / name, iter(frames), 25.0)
    content = (tmp_path / "a.webm").read_bytes()
    assert content == (tmp_path / "b.webm").read_bytes() and b"V_VP8" in content
    capture = cv2.VideoCapture(str(tmp_path / "a.webm"))
    assert capture.get(cv2.CAP_PROP_FPS) == 25 and capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(frames)
    for frame in frames:
        assert np.abs(capture.read()[1].astype(int) - frame).mean() < 6  # lossy
    assert not capture.read()[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.webm", "b.webm"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_webm_bytes_are_the_same_on_one_core(tmp_path):
    frames = moving_frames(size=256)
    write_webm(tmp_path / "all.webm", frames, 25.0)
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        write_webm(tmp_path / "one.webm", frames, 25.0)
    finally:
        os.sched_setaffinity(0, cores)
    assert (tmp_path / "one.webm").read_bytes() == (tmp_path / "all.webm").read_bytes()


def elements(content):
    """Names and contents of the EBML elements one after another, sizes in eight bytes."""
    found = []
    while content:
        length = 9 - content[0].bit_length()
        size = int.from_bytes(content[length : length + 8]) - 2**56
        found.append((content[:length].hex(), content[length + 8 : length + 8 + size]))
        content = content[length + 8 + size :]
    return found


def test_cues_lead_to_clusters_that_begin_with_key_frames(tmp_path):
    write_webm(tmp_path / "a.webm", moving_frames(30), 12.5)
    (head, _), (segment, content) = elements((tmp_path / "a.webm").read_bytes())
    assert (head, segment) == ("1a45dfa3", "18538067")
    parts = elements(content)
    (_, where), *_ = elements(elements(dict(parts)["114d9b74"])[0][1])[1:]
    assert content[int.from_bytes(where) :].startswith(bytes.fromhex("1c53bb6b"))
    times = []
    for _, point in elements(dict(parts)["1c53bb6b"]):
        time, place = (dict(elements(point))[name] for name in ("b3", "b7"))
        cluster = dict(elements(content[int.from_bytes(dict(elements(place))["f1"]) :])[:1])["1f43b675"]
        (_, start), (_, block), *_ = elements(cluster)
        assert start == time and not block[4] & 1  # VP8: the lowest bit is 0 in key frames
        times.append(int.from_bytes(time))
    assert times[0] == 0 and len(times) > 1 and times == sorted(times)
    blocks = [b for name, cluster in parts if name == "1f43b675" for n, b in elements(cluster) if n == "a3"]
    assert len(blocks) == 30


def test_a_failing_video_leaves_nothing(tmp_path):
    def breaks():
        yield np.zeros((64, 64, 3), np.uint8)
        raise InputError("frame 1 is not a readable image")

    with pytest.raises(InputError):
        write_webm(tmp_path / "a.webm", breaks(), 25.0)
    with pytest.raises(ValueError, match="no frames"):
        write_webm(tmp_path / "a.webm", iter([]), 25.0)
    assert list(tmp_path.iterdir()) == []


def test_a_video_cut_short_by_a_full_disk_is_refused(tmp_path, monkeypatch):
    class FullDisk:
        def __init__(self, path, *_):
            self.path = path

        @staticmethod
        def fourcc(*_):
            return 0

        def isOpened(self):
            return True

        def write(self, frame):
            pass

        def release(self):
            with open(self.path, "wb") as file:
                file.write(b"cut off")

    monkeypatch.setattr(cv2, "VideoWriter", FullDisk)
    with pytest.raises(InputError, match="could not be written whole"):
        write_webm(tmp_path / "a.webm", iter([np.zeros((64, 64, 3), np.uint8)]), 25.0)
    assert list(tmp_path.iterdir()) == []
