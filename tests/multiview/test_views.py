import struct

import cv2
import numpy as np
import pytest
from patched_mp4 import hide_frames, insert_in_entry, make_frames_uneven
from people import camera_ring
from tiny_calibrations import KALIBR
from tiny_gopro import box
from tiny_qualisys import CAMERA, write_calibration

from pose3d.formats.qualisys import read_qualisys
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
        ({"frames": 5}, "of one take and start together, so cut them to the same frames"),
        ({"fps": 30}, "of one take"),
        ({"width": 500}, "has 500 x 800 px, its calibration 1000 x 800: give the calibration of the video's own size"),
        ({"width": 800, "height": 1000}, "1000 x 800: the video is turned by 90 degrees against it: turn the calibrat"),
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
    with pytest.raises(InputError, match=r"a\.mp4 is missing: put the video of camera a there, or take"):
        read_views(folder)


def test_a_video_that_is_named_as_no_camera_is_named(folder, capsys):
    content = (folder / "a.mp4").read_bytes()
    (folder / "walk_a.mp4").write_bytes(content)
    assert len(read_views(folder)) == 2
    assert (
        f"{folder}/walk_a.mp4 is named as no camera of calibration.qca.txt: it is left out" in capsys.readouterr().err
    )
    (folder / "a.mp4").unlink()
    message = (
        r"a\.mp4 is missing, and walk_a\.mp4 is named as no camera of .*: rename it, if it is the video of camera a"
    )
    with pytest.raises(InputError, match=message):
        read_views(folder)


def test_marker_cameras_without_a_video_are_left_out_by_name(folder, capsys):
    markers = CAMERA.format(serial="20301").replace("<camera ", '<camera model="Miqus M3" ')
    cameras = [CAMERA.format(serial=serial) for serial in ("b", "a")]
    write_calibration(folder / CALIBRATION, cameras[0], markers, cameras[1])
    assert [view.camera.id for view in read_views(folder)] == ["b", "a"]
    assert "camera 20301 sees markers and has no video: it is left out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "sees_markers"),
    [
        ("Miqus M5u", True),
        ("Arqus A12", True),
        ("Oqus 700+", True),
        ("Miqus Video", False),
        ("Miqus VC+", False),
        ("Miqus Hybrid", False),
        ("Oqus 210c", False),
        ("", False),
        ("none", False),
    ],
)
def test_models_of_cameras_that_see_markers(folder, model, sees_markers):
    markers = CAMERA.format(serial="1").replace("<camera ", f'<camera model="{model}" ')
    one = read_qualisys(write_calibration(folder / CALIBRATION, markers))[0]
    assert one.sees_markers == sees_markers


def test_a_marker_camera_without_a_place_in_a_picture_is_no_matter(folder):
    bare = '<camera serial="1" model="Miqus M3"><transform x="0" y="0" z="0"/></camera>'
    write_calibration(folder / CALIBRATION, bare, *(CAMERA.format(serial=serial) for serial in ("b", "a")))
    assert [view.camera.id for view in read_views(folder)] == ["b", "a"]


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


def test_hidden_files_are_left_alone(folder, capsys):
    """As macOS leaves one beside each on disks of other systems."""
    (folder / CALIBRATION).unlink()
    (folder / "calibration.toml").write_text(TOML.format("a", 0.0) + TOML.format("b", 1.57))
    for file in list(folder.iterdir()):
        (folder / f"._{file.name}").write_bytes(b"\x00\x05\x16\x07")
    assert len(read_views(folder)) == 2
    assert "._" not in capsys.readouterr().err


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


def test_a_camera_of_no_size_must_look_through_its_video(folder, capsys):
    (folder / CALIBRATION).unlink()
    (folder / "camchain.yaml").write_text(
        KALIBR.replace("[1920, 1080]", "null").replace("940.0, 530.0", "499.5, 399.5")
    )
    for name in ("cam0", "cam1"):
        write_video(folder / f"{name}.mp4")
    assert [view.camera.width_px for view in read_views(folder)] == [1000, 1000]
    assert "optical axis" not in capsys.readouterr().err
    (folder / "camchain.yaml").write_text(KALIBR.replace("[1920, 1080]", "null"))  # at (940, 530) of 1000 x 800
    read_views(folder)
    assert "camchain.yaml: camera cam1 has its optical axis at (940.5, 530.5), far from" in capsys.readouterr().err


def test_one_camera_is_too_few(folder):
    write_calibration(folder / CALIBRATION, CAMERA.format(serial="a"))
    with pytest.raises(InputError, match="has one camera with a video: joints are triangulated from two or more"):
        read_views(folder)


def test_marker_cameras_alone_are_too_few_and_the_videos_of_none_are_named(folder, capsys):
    write_calibration(folder / CALIBRATION, CAMERA.format(serial="1").replace("<camera ", '<camera model="Miqus M3" '))
    with pytest.raises(InputError, match=r"calibration\.qca\.txt has no camera with a video: joints are triangulated"):
        read_views(folder)
    assert f"{folder}/a.mp4 is named as no camera of calibration.qca.txt: it is left out" in capsys.readouterr().err


def test_frames_are_counted_and_not_believed(folder, capsys):
    """Two videos of three frames, of which one was cut without encoding it again: an edit list hides the first."""
    write_video(folder / "b.mp4", frames=4, width=992)
    hide_frames(folder / "b.mp4", 1)
    assert [view.frames for view in read_views(folder)] == [3, 3]
    assert capsys.readouterr().err == ""


def test_a_true_frame_rate_is_taken_in_place_of_the_videos(folder):
    assert [(view.fps, view.rate_hz) for view in read_views(folder, rate_hz=240)] == [(240, 240)] * 2


def test_frames_at_uneven_times_are_refused_unless_a_rate_is_said(folder):
    write_video(folder / "a.mp4", frames=10)
    write_video(folder / "b.mp4", frames=10)
    make_frames_uneven(folder / "a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4 has frames at uneven times, 0\.\d+ s apart at frame \d, mostly"):
        read_views(folder)
    assert [view.fps for view in read_views(folder, rate_hz=25)] == [25, 25]


def test_px_that_are_not_square_change_the_camera_as_they_do_the_picture(folder, capsys):
    """1000 px twice as wide as high are shown as 2000."""
    insert_in_entry(folder / "a.mp4", box(b"pasp", struct.pack(">II", 2, 1)))
    before, after = read_views(folder)[1].camera, read_qualisys(folder / CALIBRATION)[1].camera
    assert (before.width_px, before.height_px) == (2000, 800)
    np.testing.assert_allclose(before.intrinsics_px[0], 2 * after.intrinsics_px[0])
    np.testing.assert_allclose(before.intrinsics_px[1], after.intrinsics_px[1])
    assert "px that are 2 times as wide as high" in capsys.readouterr().err


def test_videos_of_other_endings_and_folders_of_pictures(folder):
    (folder / "a.mp4").rename(folder / "a.MOV")
    (folder / "b.mp4").unlink()
    (folder / "b").mkdir()
    for number in (9, 10, 11):
        cv2.imwrite(str(folder / "b" / f"{number}.png"), np.zeros((800, 1000, 3), np.uint8))
    with pytest.raises(InputError, match=r"b is a folder of 3 pictures, .* give --fps 25"):
        read_views(folder)
    assert [view.video.name for view in read_views(folder, rate_hz=25)] == ["b", "a.MOV"]
    write_video(folder / "a.mp4")
    with pytest.raises(InputError, match=r"a\.MOV and a\.mp4 are both of camera a"):
        read_views(folder, rate_hz=25)


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


@pytest.mark.parametrize("grey", [120, 0])
def test_a_cut_picture_has_the_same_camera(grey):
    """Also where it is dark all over."""
    camera = camera_ring(1)[0]
    smaller = camera_of_video(camera, np.full((1000, 992, 3), grey, np.uint8))
    np.testing.assert_array_equal(smaller.intrinsics_px, camera.intrinsics_px)
    assert (smaller.width_px, smaller.height_px) == (992, 1000)


@pytest.mark.parametrize(
    ("width", "height", "asked"),
    [(990, 792, True), (992, 794, True), (992, 800, False), (984, 800, False), (990, 798, False)],
)
def test_a_picture_that_may_have_been_scaled_is_said_to_be_taken_for_cut(folder, capsys, width, height, asked):
    """Of 1000 x 800 px."""
    write_video(folder / "a.mp4", width=width, height=height)
    assert read_views(folder)[1].camera.intrinsics_px[0, 0] == 1000
    said = (
        f"{folder}/a.mp4 has {width} x {height} px, its calibration 1000 x 800: taken for cut at the right and the bo"
    )
    assert (said in capsys.readouterr().err) == asked


@pytest.mark.parametrize(("size", "taken"), [("999, 799", True), ("999, 800", True), ("998, 799", False)])
def test_the_last_columns_number_is_taken_for_a_width(folder, capsys, size, taken):
    """As Pose2Sim's converters wrote it: 999 x 799 for a video of 1000 x 800 px."""
    (folder / CALIBRATION).unlink()
    both = TOML.format("a", 0.0) + TOML.format("b", 1.57)
    (folder / "c.toml").write_text(both.replace("[1000, 800]", f"[{size}]"))
    write_video(folder / "b.mp4")
    if not taken:
        with pytest.raises(InputError, match="has 1000 x 800 px, its calibration 998 x 799"):
            read_views(folder)
        return
    cameras = [view.camera for view in read_views(folder)]
    assert [(one.width_px, one.height_px, one.intrinsics_px[0, 2]) for one in cameras] == [(1000, 800, 500.5)] * 2
    said = f"c.toml: camera a is of {size.replace(', ', ' x ')} px: taken for the numbers of the last column and row"
    assert f"{said} of 1000 x 800" in capsys.readouterr().err


def test_the_size_of_another_program_is_its_size(folder):
    (folder / CALIBRATION).unlink()
    both = TOML.format("a", 0.0) + TOML.format("b", 1.57) + "[metadata]\ncharuco_square_size = 58.0\n"
    (folder / "freemocap.toml").write_text(both.replace("[1000, 800]", "[999, 800]"))
    with pytest.raises(InputError, match="has 1000 x 800 px, its calibration 999 x 800"):
        read_views(folder)
