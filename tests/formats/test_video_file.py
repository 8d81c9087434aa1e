"""Videos of OpenCV's whose headers are changed, and what is no video."""

import shutil
import struct

import cv2
import numpy as np
import pytest
from patched_mp4 import hide_frames, insert_in_entry, insert_in_index, set_matrix
from tiny_gopro import box, track
from tiny_video import picture, write_video

from pose3d.formats import video_file
from pose3d.formats.clip import Clip, clip_pictures
from pose3d.runtime.errors import InputError

SIZE = 64, 48


@pytest.fixture
def video(tmp_path):
    """Ten frames of 64 x 48 px that grow brighter, with a white upper left quarter."""
    images = [np.full((48, 64, 3), 10 * number, np.uint8) for number in range(10)]
    for image in images:
        image[:24, :32] = 255
    return write_video(tmp_path / "v.mp4", images)


def first(path) -> tuple[np.ndarray, str]:
    with Clip(path) as clip:
        image = next(iter(clip)).image_bgr
        assert image.shape[1::-1] == (clip.width_px, clip.height_px)
        return image.astype(int), " ".join(clip.said)


@pytest.mark.parametrize(
    ("matrix", "white"),
    [
        ((-1, 0, 0, 1), (slice(24), slice(32, None))),
        ((1, 0, 0, -1), (slice(24, None), slice(32))),
        ((0, 1, 1, 0), (slice(32), slice(24))),
    ],
)
def test_a_matrix_that_mirrors_is_done_and_said(video, matrix, white):
    set_matrix(video, *matrix)
    image, said = first(video)
    assert image[white].mean() > 240 and image.sum() < 1.1 * image[white].sum()
    assert said.startswith(f"{video} asks to be shown mirrored") and "ffmpeg -display_rotation:v:0" in said


def test_a_matrix_counts_although_the_track_says_another_size(video):
    """As of cameras that write the coded height, 1088, and of a codec that cuts the picture."""
    content = bytearray(video.read_bytes())
    struct.pack_into(">HH", content, content.index(b"stsd") + 12 + 32, 64, 64)
    struct.pack_into(">II", content, content.index(b"tkhd") + 80, 64 << 16, 64 << 16)
    video.write_bytes(content)
    set_matrix(video, -1, 0, 0, 1)
    insert_in_entry(video, box(b"clap", struct.pack(">IIIIiIiI", 40, 1, 30, 1, 0, 1, 0, 1)))  # of which picture?
    image, said = first(video)
    assert image.shape == (48, 64, 3) and image[:24, 32:].mean() > 240
    assert "asks to be shown mirrored" in said and "clean aperture" not in said


def test_px_that_are_not_square_are_made_square(video):
    assert first(video)[1] == ""
    insert_in_entry(video, box(b"pasp", struct.pack(">II", 4, 3)))
    image, said = first(video)
    assert image.shape == (48, 85, 3)
    assert image[:23, :41].min() > 200 > 60 > image[26:, :].max()
    assert "px that are 1.333 times as wide as high: 64 x 48 of them are shown as 85 x 48 px" in said


def test_a_clean_aperture_is_cut_out(video):
    """40 x 30 px whose middle lies 4 px left of and 3 above the picture's."""
    content = struct.pack(">IIIIiIiI", 40, 1, 30, 1, -8, 2, -3, 1)
    insert_in_entry(video, box(b"clap", content))
    image, said = first(video)
    assert image.shape == (30, 40, 3)  # from 8, 6 to 48, 36
    assert image[:16, :22].min() > 200 > 60 > image[21:, :].max()
    assert "cut to its clean aperture, 40 x 30 px of 64 x 48" in said


@pytest.mark.parametrize("content", [b"", bytes(32), struct.pack(">IIIIiIiI", 80, 1, 30, 1, 0, 1, 0, 1)])
def test_a_clean_aperture_that_cannot_be_is_not_cut(video, content):
    insert_in_entry(video, box(b"clap", content))
    assert first(video)[0].shape == (48, 64, 3)


def test_a_codec_that_cuts_at_the_left_is_refused(video, monkeypatch):
    """OpenCV 5.0.0 squeezes what it should cut off, but for whole 64 px."""
    for left_px in (0, 64):
        monkeypatch.setattr(video_file, "left_crop_px", lambda _, left_px=left_px: left_px)
        assert first(video)[1] == ""
    monkeypatch.setattr(video_file, "left_crop_px", lambda _: 96)
    assert refusal(video).startswith(f"{video} has 96 px cut off at the left by its codec, which OpenCV squeezes")


def test_fields_are_said(video):
    insert_in_entry(video, box(b"fiel", b"\2\6"))
    assert "says that it is interlaced" in first(video)[1]
    assert "-vf bwdif" in first(video)[1]


def test_what_opencv_hands_out_without_writing_to_it_is_refused(video, tmp_path, monkeypatch):
    """OpenCV 5.0.0, of interlaced frames: the same memory each time, and another for grey."""

    class Untouched:
        def __init__(self, *arguments):
            self._video, self._grey = video_capture(*arguments), len(arguments) == 3

        def __getattr__(self, name):
            return getattr(self._video, name)

        def read(self):
            decoded, image = self._video.read()
            return decoded, np.zeros_like(image) if self._grey else np.full_like(image, 90)

    video_capture = cv2.VideoCapture
    still = write_video(tmp_path / "still.mp4", [picture(*SIZE, (0, 0, 32, 24))] * 3)
    assert first(still)[1] == ""
    monkeypatch.setattr(video_file.cv2, "VideoCapture", Untouched)
    with pytest.raises(InputError, match=r"v\.mp4 is interlaced, which this build of OpenCV does not decode: `ffmpeg"):
        Clip(video)


def test_hidden_frames_are_not_counted_as_missing(video):
    hide_frames(video, 4)
    with Clip(video) as clip:
        assert clip.claimed_frames == 6
        frames = list(clip)
    assert len(frames) == 6
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(6) / 25, atol=1e-3)
    with Clip(video) as clip:
        np.testing.assert_allclose(clip.times_s(), np.arange(6) / 25, atol=1e-3)
        assert clip.ends_early(6, 0.2) is None
        assert "2 frames decode, up to 0.04 s; its header has 6" in clip.ends_early(2, 0.04)


def test_an_edit_at_another_speed_is_said(video):
    content = bytearray(video.read_bytes())
    struct.pack_into(">i", content, content.index(b"elst") + 20, 2 << 16)
    video.write_bytes(content)
    assert "edit list that plays parts of it at another speed" in first(video)[1]


def test_what_is_cut_off_is_said(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 240, 320, 3), np.uint8)
    path = write_video(tmp_path / "v.avi", list(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Clip(path) as clip:
        times_s = clip.times_s()
        assert f"{len(times_s)} frames decode" in clip.ends_early(len(times_s), times_s[-1])


def key(name: bytes, kind: int, value: bytes) -> bytes:
    keys = box(b"keys", struct.pack(">II", 0, 1), box(b"mdta", name))
    values = box(b"ilst", box(struct.pack(">I", 1), box(b"data", struct.pack(">II", kind, 0), value)))
    return box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, values)


@pytest.mark.parametrize(("kind", "value"), [(23, struct.pack(">f", 250)), (1, b"250.0")])
def test_slow_motion_is_timed_as_it_was_filmed(video, kind, value):
    insert_in_index(video, key(b"com.android.capture.fps", kind, value))
    with Clip(video) as clip:
        assert "was filmed at 250 frames a second and plays at 25" in clip.said[0]
        np.testing.assert_allclose([frame.time_s for frame in clip], np.arange(10) / 250, atol=1e-4)
    with Clip(video, 25) as clip:
        assert clip.said == ()
        np.testing.assert_allclose([frame.time_s for frame in clip], np.arange(10) / 25)


def test_a_rate_that_is_the_same_but_for_rounding_says_nothing(video):
    insert_in_index(video, key(b"com.android.capture.fps", 23, struct.pack(">f", 29.9)))
    assert first(video)[1] == ""


@pytest.mark.parametrize(
    "rates", [b'captureFps="119.88p" formatFps="23.98p"', b"formatFps='23.98p' videoCodec='AVC'\n captureFps='119.88p'"]
)
def test_slow_motion_of_sony(video, rates):
    text = b'<?xml version="1.0"?><VideoFrame codec="AVC" ' + rates + b"/>"
    video.write_bytes(video.read_bytes() + box(b"meta", bytes(4), box(b"xml ", bytes(4), text)))
    with Clip(video) as clip:
        assert "filmed at 124.979 frames a second" in clip.said[0]
        assert clip.rate_hz == pytest.approx(25 * 119.88 / 23.98)


@pytest.mark.parametrize("rate_hz", [0, -5, float("nan"), float("inf"), 1e9])
def test_rates_that_cannot_be(video, rate_hz):
    with pytest.raises(InputError, match="--rate takes frames a second"):
        Clip(video, rate_hz)


def test_some_pictures_of_a_video(video):
    means = [image[24:].mean() for image in clip_pictures(video, None, np.array([0, 3, 9]))]
    np.testing.assert_allclose(means, [0, 30, 90], atol=4)
    means = [image[24:].mean() for image in clip_pictures(video, None, np.array([4, 5]))]
    np.testing.assert_allclose(means, [40, 50], atol=4)
    with pytest.raises(InputError, match=r"v\.mp4 ends at frame 10, frame 12 was asked for"):
        list(clip_pictures(video, None, np.array([2, 12])))


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        Clip(path)
    return str(caught.value)


def test_a_codec_that_does_not_decode_is_named_with_a_command(tmp_path, video):
    for code, name in ((b"av01", "AV1"), (b"xyz1", "xyz1")):
        content = video.read_bytes()
        path = tmp_path / "my video.mp4"
        path.write_bytes(content.replace(b"mp4v", code).replace(b"esds", b"free"))
        said = refusal(path)
        assert f"nothing of its {name} decodes" in said
        assert f"ffmpeg -i '{tmp_path}/my video.mp4' -c:v libx264" in said


def test_sound_and_unfinished_and_empty_files_are_said_to_be_that(tmp_path, video):
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"M4A ") + box(b"moov", track(b"soun", b"mp4a", [])))
    assert refusal(path) == f"{path} has sound and no video: give a video"
    for start in (b"ID3\4", b"fLaC", b"RIFF\0\0\0\0WAVEfmt ", b"OggS" + bytes(24) + b"OpusHead", b"\xff\xfb\x90"):
        path.write_bytes(start + bytes(200))
        assert refusal(path) == f"{path} has sound and no video: give a video"
    path.write_bytes(video.read_bytes()[:-600])
    assert "its index is missing or damaged" in refusal(path)
    path.write_bytes(b"")
    assert refusal(path) == f"{path} is empty: fetch it again"
    path.write_bytes(b"hello")
    assert "does not open as a video: it is damaged, or of a format" in refusal(path)


def test_damaged_headers_are_no_defect(tmp_path, video):
    """Whatever byte of the index is another: a video, or one sentence."""
    content = video.read_bytes()
    start, rng, path = content.rindex(b"moov"), np.random.default_rng(0), tmp_path / "d.mp4"
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(start, len(content))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            with Clip(path) as clip:
                next(iter(clip))
        except InputError as error:
            assert str(path) in str(error)


def test_a_name_with_colons_is_no_protocol(video, monkeypatch):
    monkeypatch.chdir(video.parent)
    for name in ("2024-05-01T12:30:45.mp4", "file:walk.mp4"):
        shutil.copy(video, name)
        assert len(list(clip_pictures(name, None, np.arange(10)))) == 10
