"""Boxes by hand, and what is damaged or hostile."""

import struct

import pytest
from tiny_gopro import UPSIDE_DOWN, box, track, write_gopro
from tiny_video import picture, write_video

from pose3d.formats.mp4 import MAX_SAMPLE_BYTES, read_samples, read_tracks


def tracks_of(path, *content):
    path.write_bytes(box(b"ftyp", b"mp41") + b"".join(content))
    return read_tracks(path)


def test_tracks_and_their_samples(tmp_path):
    path = write_gopro(tmp_path / "a.mp4", b"first", b"2nd", b"third one")
    video, metadata = read_tracks(path)
    assert (video.handler, video.entry, video.upright) == (b"vide", b"avc1", True)
    assert (metadata.handler, metadata.entry) == (b"meta", b"gpmd")
    assert list(read_samples(path, metadata, 10)) == [b"first", b"2nd", b"third one"]
    assert list(read_samples(path, metadata, 2)) == [b"first", b"2nd"]
    assert list(read_samples(path, video, 2)) == []


def test_chunks_of_several_samples_wide_offsets_and_one_size_for_all(tmp_path):
    """Two chunks of two samples and one of one; of 3 bytes each, from bytes 40, 60 and 50 on."""
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(100)))
    (one,) = read_tracks(write_gopro(tmp_path / "b.mp4"))[1:]
    one.tables[b"stsc"] = struct.pack(">II6I", 0, 2, 1, 2, 1, 3, 1, 1)
    one.tables[b"stsz"] = struct.pack(">III", 0, 3, 5)
    del one.tables[b"stco"]
    one.tables[b"co64"] = struct.pack(">II3Q", 0, 3, 40, 60, 50)
    starts = [sample[0] for sample in read_samples(path, one, 10)]
    assert starts == [40, 43, 60, 63, 50]
    assert [sample[0] for sample in read_samples(path, one, 3)] == [40, 43, 60]


def test_a_video_of_opencv_and_a_picture_that_is_shown_turned(tmp_path):
    path = write_video(tmp_path / "v.mp4", [picture(64, 48, None, seed) for seed in range(3)])
    (video,) = read_tracks(path)
    assert (video.handler, video.entry, video.upright) == (b"vide", b"mp4v", True)
    assert len(list(read_samples(path, video, 10))) == 3
    assert not read_tracks(write_gopro(tmp_path / "a.mp4", b"x", matrix=UPSIDE_DOWN))[0].upright


def test_large_boxes_and_boxes_up_to_the_end(tmp_path):
    inner = track(b"meta", b"gpmd", [])
    wide = struct.pack(">I4sQ", 1, b"moov", 16 + len(inner)) + inner
    last = struct.pack(">I4s", 0, b"moov") + inner
    for index in (wide, last):
        assert [one.entry for one in tracks_of(tmp_path / "a.mp4", box(b"free", bytes(5)), index)] == [b"gpmd"]


@pytest.mark.parametrize("content", [b"", b"\0", bytes(100), b"\x1aE\xdf\xa3" + bytes(40), b"RIFF\0\0\0\0AVI LIST"])
def test_what_is_no_mp4_has_no_tracks(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert read_tracks(tmp_path / "a") == []


def test_boxes_that_claim_too_much_are_refused(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(ValueError, match="a box b'moov' of 4294967295 bytes where 12 are left"):
        tracks_of(path, struct.pack(">I4sI", 2**32 - 1, b"moov", 0))
    with pytest.raises(ValueError, match="a box b'free' of 3 bytes"):
        tracks_of(path, struct.pack(">I4s", 3, b"free"), bytes(20))
    with pytest.raises(ValueError, match="a box b'trak' of 1000 bytes where 8 are left"):
        tracks_of(path, box(b"moov", struct.pack(">I4s", 1000, b"trak")))
    with pytest.raises(ValueError, match="an index of 16777225 bytes"):
        tracks_of(path, box(b"moov", bytes(2**24 + 1)))
    with pytest.raises(ValueError, match="more than 10000 boxes"):
        tracks_of(path, box(b"moov", box(b"free") * 10_001))


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        (b"stsz", struct.pack(">III", 0, 0, 9), "table b'stsz' of 9 rows in 12 bytes"),
        (b"stsz", b"\0", "table b'stsz' of 1 bytes"),
        (b"stsz", struct.pack(">III", 0, MAX_SAMPLE_BYTES + 1, 2**32 - 1), "a sample of 262145 bytes"),
        (b"stsz", struct.pack(">III", 0, 5000, 1), "a sample of 5000 bytes at byte "),
        (b"stco", struct.pack(">II", 0, 2**32 - 1), "table b'stco' of 4294967295 rows"),
        (b"stco", struct.pack(">III", 0, 1, 2**32 - 1), "a sample of 4 bytes at byte 4294967295"),
        (b"stsc", struct.pack(">IIIII", 0, 1, 1, 0, 1), "no samples in chunk 1"),
        (b"stsc", struct.pack(">IIIII", 0, 1, 2, 1, 1), "no samples in chunk 1"),
        (b"stsc", struct.pack(">II", 0, 0), "no samples in chunk 1"),
    ],
)
def test_tables_that_cannot_be_are_refused(tmp_path, name, table, said):
    path = write_gopro(tmp_path / "a.mp4", b"data")
    metadata = read_tracks(path)[1]
    metadata.tables[name] = table
    with pytest.raises(ValueError, match=said):
        list(read_samples(path, metadata, 60))
