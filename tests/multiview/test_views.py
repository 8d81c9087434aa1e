import cv2
import numpy as np
import pytest
from people import camera_ring
from tiny_qualisys import CAMERA, write_calibration

from pose3d.multiview.views import CALIBRATION, camera_of_video, read_views
from pose3d.runtime.errors import InputError


def write_video(path, width=1000, height=800, frames=3, fps=25):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    for _ in range(frames):
        video.write(np.zeros((height, width, 3), np.uint8))
    video.release()


@pytest.fixture
def folder(tmp_path):
    write_calibration(tmp_path / CALIBRATION, *(CAMERA.format(serial=serial) for serial in ("b", "a")))
    write_video(tmp_path / "a.mp4")
    write_video(tmp_path / "b.mp4", width=992)
    return tmp_path


def test_views_come_in_the_calibrations_order_with_the_videos_sizes(folder):
    views = read_views(folder)
    assert [view.video.name for view in views] == ["b.mp4", "a.mp4"]
    assert [(view.camera.width_px, view.camera.height_px) for view in views] == [(992, 800), (1000, 800)]
    assert [(view.frames, view.fps) for view in views] == [(3, 25), (3, 25)]


@pytest.mark.parametrize(
    ("video", "message"),
    [
        ({"frames": 5}, "of one take"),
        ({"fps": 30}, "of one take"),
        ({"width": 500}, "has 500 x 800 px, its calibration 1000 x 800"),
        (None, "does not open as a video"),
    ],
)
def test_videos_that_do_not_fit_are_refused(folder, video, message):
    if video is None:
        (folder / "a.mp4").write_bytes(b"no video")
    else:
        write_video(folder / "a.mp4", **video)
    with pytest.raises(InputError, match=message):
        read_views(folder)


def test_a_missing_video_is_named(folder):
    (folder / "a.mp4").unlink()
    with pytest.raises(InputError, match=r"a\.mp4 is missing"):
        read_views(folder)


def test_marker_cameras_without_a_video_are_left_out_by_name(folder, capsys):
    markers = CAMERA.format(serial="20301").replace("<camera ", '<camera model="Miqus M3" ')
    cameras = [CAMERA.format(serial=serial) for serial in ("b", "a")]
    write_calibration(folder / CALIBRATION, cameras[0], markers, cameras[1])
    assert [view.camera.id for view in read_views(folder)] == ["b", "a"]
    assert "camera 20301 sees markers and has no video: it is left out" in capsys.readouterr().err


TOML = """[{0}]
name = "{0}"
size = [1000, 800]
matrix = [[900.0, 0, 500], [0, 900.0, 400], [0, 0, 1]]
distortions = [-0.1, 0.02, 0, 0]
rotation = [0.0, {1}, 0.0]
translation = [0.0, 0.0, 4000.0]

"""


def test_a_toml_calibration_serves_as_well(folder, capsys):
    (folder / CALIBRATION).unlink()
    (folder / "calibration.toml").write_text(TOML.format("a", 0.0) + TOML.format("b", 1.57))
    first, second = (view.camera for view in read_views(folder))
    np.testing.assert_allclose(first.position_m, [0, 0, -4])
    assert "positions are taken for mm, because cameras are up to 5" in capsys.readouterr().err
    assert (second.width_px, second.height_px) == (992, 800)


def test_a_calibration_without_places_is_refused(folder):
    (folder / CALIBRATION).unlink()
    lines = (TOML.format("a", 0.0) + TOML.format("b", 1.57)).splitlines()
    (folder / "c.toml").write_text("\n".join(line for line in lines if not line.startswith("rotation")))
    with pytest.raises(InputError, match="does not say where camera a is"):
        read_views(folder)


def test_which_file_is_the_calibration_must_be_clear(folder):
    (folder / CALIBRATION).unlink()
    with pytest.raises(InputError, match=r"calibration\.qca\.txt is missing, and so is any other calibration"):
        read_views(folder)
    for name in ("a.toml", "b.json"):
        (folder / name).write_text("")
    with pytest.raises(InputError, match=r"has a\.toml and b\.json: leave the calibration there"):
        read_views(folder)


def test_one_camera_is_too_few(folder):
    write_calibration(folder / CALIBRATION, CAMERA.format(serial="a"))
    with pytest.raises(InputError, match="has one camera"):
        read_views(folder)


def test_a_video_that_claims_a_billion_frames_is_refused(folder, monkeypatch):
    class Claiming:
        def __init__(self, path):
            self._video = video_capture(path)

        def __getattr__(self, name):
            return getattr(self._video, name)

        def get(self, what):
            return 1e9 if what == cv2.CAP_PROP_FRAME_COUNT else self._video.get(what)

    video_capture = cv2.VideoCapture
    monkeypatch.setattr("pose3d.multiview.views.cv2.VideoCapture", Claiming)
    with pytest.raises(InputError, match=r"b\.mp4 does not open as a video"):
        read_views(folder)


@pytest.mark.parametrize(
    ("height", "width", "across"),
    [(1000, 990, (slice(5), slice(None))), (990, 1000, (slice(None), slice(5)))],
)
def test_a_scaled_picture_between_black_borders_has_its_camera_scaled(height, width, across):
    """1000 x 1000 px to 990 of 1000: scaled by 0.99, with 5 px of black before and after."""
    camera = camera_ring(1)[0]
    picture = np.full((height, width, 3), 120, np.uint8)
    rows, columns = across
    picture[rows, columns] = 3  # video codecs leave no perfect black
    picture[tuple(slice(-5, None) if part.stop else part for part in across)] = 3
    smaller = camera_of_video(camera, picture)
    points_m = camera.world_to_camera(np.array([[0.0, 0, 0.95], [0.4, -0.3, 1.7]]))
    border_px = np.array([0, 5]) if height > width else np.array([5, 0])
    np.testing.assert_allclose(smaller.project(points_m), 0.99 * camera.project(points_m) + border_px)
    assert (smaller.width_px, smaller.height_px) == (width, height)


def test_a_cut_picture_has_the_same_camera():
    camera = camera_ring(1)[0]
    smaller = camera_of_video(camera, np.full((1000, 992, 3), 120, np.uint8))
    np.testing.assert_array_equal(smaller.intrinsics_px, camera.intrinsics_px)
    assert (smaller.width_px, smaller.height_px) == (992, 1000)
