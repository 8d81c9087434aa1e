import json

import cv2
import numpy as np
import pytest
from patched_mp4 import make_frames_uneven, set_matrix
from tiny_calibrations import toml
from tiny_video import picture, write_video

from pose3d.formats.clip import Clip, ClipFrame
from pose3d.predict.clip import camera_from_view, read_camera
from pose3d.runtime.errors import InputError

K = [[500.0, 0, 32], [0, 510.0, 24], [0, 0, 1]]
GOOD = {"width_px": 64, "height_px": 48, "intrinsics_px": K, "distortion": [0.1, 0, 0, 0.01, 0]}


@pytest.fixture
def video(tmp_path):
    """Ten frames of 64 x 48 px whose left upper quarter is bright."""
    return write_video(tmp_path / "v.mp4", [picture(64, 48, (0, 0, 32, 24))] * 10)


def test_every_frame_once_in_order_with_its_time(tmp_path):
    images = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]
    with Clip(write_video(tmp_path / "v.mp4", images, rate_hz=50)) as clip:
        assert (clip.width_px, clip.height_px, clip.claimed_frames) == (64, 48, 10)
        frames = list(clip)
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(10) / 50, atol=1e-6)
    np.testing.assert_allclose([frame.image_bgr.mean() for frame in frames], 20 * np.arange(10), atol=6)


def test_a_single_frame_is_a_clip(tmp_path):
    with Clip(write_video(tmp_path / "v.mp4", [picture(48, 64, None)])) as clip:
        assert (clip.width_px, clip.height_px) == (48, 64)
        assert [frame.time_s for frame in clip] == [0]


def test_a_rotated_video_is_turned_upright(video):
    set_matrix(video, 0, 1, -1, 0)
    with Clip(video) as clip:
        assert (clip.width_px, clip.height_px) == (48, 64)
        image = next(iter(clip)).image_bgr
    assert image.shape == (64, 48, 3)
    assert image[:32, 24:].mean() > 180 > 60 > image[32:, :24].mean()  # left upper is now right upper


def test_frames_of_a_varying_rate_have_their_own_times(tmp_path):
    images = [np.full((48, 64, 3), 20 * number, np.uint8) for number in range(10)]
    path = write_video(tmp_path / "v.mp4", images)
    make_frames_uneven(path)
    with Clip(path) as clip:
        frames = list(clip)
    np.testing.assert_allclose([frame.image_bgr.mean() for frame in frames], 20 * np.arange(10), atol=6)
    expected_s = [0, 0.02, 0.08, 0.1, 0.16, 0.18, 0.24, 0.26, 0.32, 0.34]
    np.testing.assert_allclose([frame.time_s for frame in frames], expected_s, atol=1e-3)


def test_a_video_that_is_cut_off_gives_the_frames_that_decode(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 240, 320, 3), np.uint8)
    path = write_video(tmp_path / "v.avi", list(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Clip(path) as clip:
        frames = list(clip)
    assert 5 < len(frames) < 40
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()


def test_frames_without_times_of_their_own_follow_at_the_frame_rate(video, monkeypatch):
    times = iter([5.0, 5.0, 5.02, 5.3, 5.3])
    with Clip(video) as clip:
        read = [ClipFrame(next(times), picture(64, 48, None)) for _ in range(5)]
        clip._next, clip._first_s = read[0], 5.0
        rest = iter([*read[1:], *[None] * 9])
        monkeypatch.setattr(clip, "_read", lambda: next(rest))
        np.testing.assert_allclose([frame.time_s for frame in clip], [0, 0.04, 0.08, 0.3, 0.34])


def times_of(video, monkeypatch, own_s: list[float]) -> np.ndarray:
    """What a clip says of frames of such times."""
    read = [ClipFrame(own, picture(64, 48, None)) for own in own_s]
    with Clip(video) as clip:
        clip._next, clip._first_s = read[0], own_s[0]
        rest = iter([*read[1:], *[None] * 9])
        monkeypatch.setattr(clip, "_read", lambda: next(rest))
        return np.array([frame.time_s for frame in clip])


def test_times_that_begin_anew_go_on(video, monkeypatch):
    """Two recordings put one behind another, the second at 30 frames a second."""
    own_s = [*np.arange(30) / 25, *np.arange(40) / 30]
    expected_s = [*np.arange(30) / 25, *(30 / 25 + np.arange(40) / 30)]
    np.testing.assert_allclose(times_of(video, monkeypatch, own_s), expected_s, atol=1e-9)
    alone = [*np.arange(30) / 25, 0.0, *np.arange(31, 40) / 25]  # one frame without a time
    np.testing.assert_allclose(times_of(video, monkeypatch, alone), np.arange(40) / 25, atol=1e-9)


def test_a_frame_without_a_time_is_a_usual_step_later_whatever_the_header_says(video, monkeypatch):
    """The last ones of an AVI of 25 frames a second with B frames, whose header has a clock of 600."""
    with Clip(video) as clip:
        clock = clip._clock()
    clock._steps_s[0] = 1 / 600
    times_s = [clock.at(own_s) for own_s in [*np.arange(20) / 25, 0.0, 0.0]]
    np.testing.assert_allclose(times_s, np.arange(22) / 25, atol=1e-9)


def test_what_is_no_video_is_said_so(tmp_path, capfd):
    with pytest.raises(InputError, match=r"none.mp4 is missing: give the path of a video"):
        Clip(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"text.mp4 does not open as a video"):
        Clip(tmp_path / "text.mp4")


@pytest.mark.parametrize(
    ("name", "start"), [("list.m3u8", "#EXTM3U"), ("list.mp4", "ffconcat version 1.0\nfile v.mp4")]
)
def test_a_list_of_other_files_is_no_video(tmp_path, video, name, start):
    """FFmpeg would read the files that it names, of any folder."""
    path = tmp_path / name
    path.write_text(f"{start}\n#EXT-X-TARGETDURATION:3\n#EXTINF:1,\n{video.absolute()}\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError, match=rf"{name} is a list of other files, no video"):
        Clip(path)


def test_a_picture_larger_than_any_camera_gives_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "v.mjpeg"
    path.write_bytes(cv2.imencode(".jpg", np.zeros((6000, 6000, 3), np.uint8))[1].tobytes())
    with pytest.raises(InputError, match=r"v\.mjpeg has a picture of 6000 x 6000 px"):
        Clip(path)
    path.write_bytes(cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes())
    with Clip(path) as clip:
        assert (clip.width_px, clip.height_px, len(list(clip))) == (64, 48, 1)


@pytest.mark.parametrize("claimed", [1e9, 2.0**63, -5.0, np.inf, np.nan])
@pytest.mark.parametrize("rate_hz", [0.0, 1e-300, 1e300, np.inf, np.nan])
def test_counts_and_rates_that_no_video_has(tmp_path, monkeypatch, claimed, rate_hz):
    video = write_video(tmp_path / "v.avi", [picture(64, 48, (0, 0, 32, 24))] * 10)

    class Claiming:
        """No subclass, for OpenCV's classes crash as such."""

        def __init__(self, *arguments):
            self._video = video_capture(*arguments)

        def __getattr__(self, name):
            return getattr(self._video, name)

        def get(self, what):
            claims = {cv2.CAP_PROP_FRAME_COUNT: claimed, cv2.CAP_PROP_FPS: rate_hz, cv2.CAP_PROP_POS_MSEC: 0.0}
            return claims.get(what, self._video.get(what))

    video_capture = cv2.VideoCapture
    monkeypatch.setattr("pose3d.formats.video_file.cv2.VideoCapture", Claiming)
    with Clip(video) as clip:
        assert clip.claimed_frames == (int(claimed) if 0 < claimed < np.inf else 0)
        times_s = [frame.time_s for frame in clip]
    np.testing.assert_allclose(times_s, np.arange(len(times_s)) / 25)
    assert len(times_s) > 1


def test_what_is_no_file_is_said_so():
    with pytest.raises(InputError, match=r"/dev/zero is no file: give the path of a video"):
        Clip("/dev/zero")
    with pytest.raises(InputError, match=r"/dev/zero is no calibration \(it is larger than 1 MiB\)"):
        read_camera("/dev/zero", 64, 48)


def test_reads_a_camera(tmp_path):
    (tmp_path / "k.json").write_text(json.dumps(GOOD))
    camera = read_camera(tmp_path / "k.json", 64, 48).camera
    np.testing.assert_array_equal(camera.intrinsics_px, K)
    np.testing.assert_array_equal(camera.distortion, GOOD["distortion"])
    np.testing.assert_array_equal(camera.world_to_camera(np.array([1.0, 2, 3])), [1, 2, 3])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width_px": -3}, "width_px"),
        ({"height_px": 50}, "64 x 50, the video has 64 x 48: give the calibration of the video's own size"),
        (
            {"width_px": 48, "height_px": 64},
            "48 x 64, the video has 64 x 48: the video is turned by 90 degrees against",
        ),
        ({"intrinsics_px": [[1, 2], [3, 4]]}, "intrinsics_px"),
        ({"intrinsics_px": [[500, 1, 32], [0, 500, 24], [0, 0, 1]]}, r"must be \[\[fx, 0, cx\]"),
        ({"intrinsics_px": [[500, 0, 32], [0, -500, 24], [0, 0, 1]]}, "focal lengths must be above 0"),
        ({"intrinsics_px": [[float("nan"), 0, 32], [0, 500, 24], [0, 0, 1]]}, "intrinsics_px.0.0"),
        ({"distortion": [1, 2]}, "distortion"),
        ({"focal": 3}, "focal"),
    ],
)
def test_a_wrong_field_of_a_camera_is_named(tmp_path, change, sentence):
    (tmp_path / "k.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(InputError, match=f"k.json: .*{sentence}"):
        read_camera(tmp_path / "k.json", 64, 48)


@pytest.mark.parametrize("content", ["", "{", "[1]", "[" * 100_000])
def test_what_is_no_camera_is_said_so(tmp_path, content):
    (tmp_path / "k.json").write_text(content)
    with pytest.raises(InputError, match=r"k\.json"):
        read_camera(tmp_path / "k.json", 64, 48)
    with pytest.raises(InputError, match=r"none\.json cannot be read \(No such file or directory\)"):
        read_camera(tmp_path / "none.json", 64, 48)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920)])
def test_the_field_of_view_is_that_of_the_longer_side(size):
    camera = camera_from_view(*size, 60)
    edges = np.array([[0.0, size[1] / 2], [size[0], size[1] / 2], [size[0] / 2, 0], [size[0] / 2, size[1]]])
    angles = np.degrees(np.arctan(np.abs(camera.normalize(edges)).max(-1)))
    assert max(angles[0] + angles[1], angles[2] + angles[3]) == pytest.approx(60)
    with pytest.raises(InputError, match="between 5 and 170 degrees, not 180"):
        camera_from_view(*size, 180)


def test_the_unit_of_positions_does_not_matter_to_one_camera(tmp_path):
    (tmp_path / "c.toml").write_text(toml(1000, extra="fisheye = false"))  # mm, where Pose2Sim writes m
    one = read_camera(tmp_path / "c.toml", 1920, 1080, "camB")
    np.testing.assert_allclose(one.camera.intrinsics_px[:2, 2], [940.5, 530.5])


NO_SIZE = "camera_matrix: [[{f}, 0, {x}], [0, {f}, {y}], [0, 0, 1]]\ndist_coeffs: [0, 0, 0, 0, 0]\n"


@pytest.mark.parametrize(("x_px", "y_px"), [(319.5, 239.5), (390, 180)], ids=["middle", "a tenth aside"])
def test_a_calibration_without_a_size_is_of_the_videos(tmp_path, capsys, x_px, y_px):
    (tmp_path / "c.yml").write_text(NO_SIZE.format(f=500, x=x_px, y=y_px))
    camera = read_camera(tmp_path / "c.yml", 640, 480).camera
    assert (camera.width_px, camera.height_px, camera.intrinsics_px[0, 2]) == (640, 480, x_px + 0.5)
    said = "c.yml says no size: it is taken for that of the video, 640 x 480"
    assert capsys.readouterr().err.splitlines() == [f"{tmp_path}/{said}"]


@pytest.mark.parametrize(("width_px", "height_px"), [(1920, 1080), (2560, 1440), (480, 640)])
def test_a_calibration_without_a_size_whose_axis_is_far_from_the_middle_is_doubted(
    tmp_path, capsys, width_px, height_px
):
    """Of 1280 x 720, or of a camera that lay."""
    (tmp_path / "c.yml").write_text(NO_SIZE.format(f=1000, x=639.5 if width_px > 640 else 319.5, y=359.5))
    read_camera(tmp_path / "c.yml", width_px, height_px)
    said = capsys.readouterr().err.splitlines()[1]
    assert (
        f"far from the middle of its picture of {width_px} x {height_px} px: is it calibrated for another size?" in said
    )


def test_a_calibration_without_a_size_that_cannot_be_the_videos_is_refused(tmp_path):
    (tmp_path / "c.yml").write_text(NO_SIZE.format(f=1500, x=960, y=540))
    with pytest.raises(
        InputError, match=r"c\.yml: camera c has its optical axis at \(960\.5, 540\.5\), outside of its pi"
    ):
        read_camera(tmp_path / "c.yml", 640, 480)
    (tmp_path / "c.yml").write_text(NO_SIZE.format(f=35, x=18, y=12))
    with pytest.raises(
        InputError, match=r"c\.yml: camera c: no lens with a focal length of 35 px has its optical axis"
    ):
        read_camera(tmp_path / "c.yml", 640, 480)


def test_a_size_that_is_the_last_columns_number_is_made_whole(tmp_path, capsys):
    (tmp_path / "c.toml").write_text(toml(1, extra="fisheye = false"))
    one = read_camera(tmp_path / "c.toml", 1921, 1081, "camB")
    assert (one.camera.width_px, one.camera.height_px) == (1921, 1081)
    said = "camera camB is of 1920 x 1080 px: taken for the numbers of the last column and row of 1921 x 1081"
    assert said in capsys.readouterr().err
    with pytest.raises(InputError, match="width and height are 1920 x 1080, the video has 1919 x 1080"):
        read_camera(tmp_path / "c.toml", 1919, 1080, "camB")
