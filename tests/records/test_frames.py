import cv2
import numpy as np
import pytest
from people import camera_ring, take
from tiny_video import jpeg_that_claims

from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.frames import (
    Frames,
    ImageFiles,
    VideoFrames,
    as_image,
    decode_image,
    read_rgb,
    video_frames,
    write_reference,
)
from pose3d.records.hdf5 import create_hdf5, write_strings
from pose3d.runtime.errors import InputError

GREYS = (10, 60, 110, 160, 210)
KEY = "S9/Walk-1/cam0"


def grey(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with a video and image files of the same five grey pictures."""
    writer = cv2.VideoWriter(str(tmp_path / "walk.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 50, (64, 48))
    for number, value in enumerate(GREYS):
        writer.write(grey(value))
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), grey(value))
    writer.release()
    monkeypatch.setenv("POSE3D_DATA", str(tmp_path))
    return tmp_path


def write_frames(path, frames) -> None:
    with create_hdf5(path) as file:
        write_strings(file, "folder", [""])
        if isinstance(frames, list):
            write_encoded_images(file, KEY, frames)
        else:
            write_reference(file, KEY, frames)


def forms(folder) -> list:
    encoded = [(folder / f"{number}.jpg").read_bytes() for number in (0, 2, 4)]
    return [encoded, VideoFrames("walk.mp4", np.array([0, 2, 4])), ImageFiles(("0.jpg", "2.jpg", "4.jpg"))]


@pytest.mark.parametrize("form", range(3))
def test_every_form_gives_the_same_pictures(folder, tmp_path, form):
    path = tmp_path / "frames.h5"
    write_frames(path, forms(folder)[form])
    with Frames(path) as frames:
        assert KEY in frames and not frames.empty
        assert (frames.count(KEY), frames.count("S9/Run-1/cam0")) == (3, 0)
        images = [as_image(frame, "") for frame in frames.read(KEY, range(3))]
        assert [round(float(image.mean())) for image in images] == pytest.approx([10, 110, 210], abs=3)
        (last,) = (as_image(frame, "") for frame in frames.read(KEY, [2]))
        assert float(last.mean()) == pytest.approx(210, abs=3)
        assert str({0: path, 1: folder / "walk.mp4", 2: folder / "4.jpg"}[form]) in frames.names(KEY)[2]


def test_references_do_not_depend_on_where_the_data_is(folder, tmp_path):
    for name in ("a.h5", "b.h5"):
        write_frames(tmp_path / name, VideoFrames("walk.mp4", np.arange(3)))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert str(folder).encode() not in (tmp_path / "a.h5").read_bytes()


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "takes/../../secret"])
@pytest.mark.parametrize("refer", [lambda place: VideoFrames(place, np.arange(1)), lambda place: ImageFiles((place,))])
def test_files_outside_of_the_data_folder_are_not_read(folder, tmp_path, place, refer):
    path = tmp_path / "frames.h5"
    write_frames(path, refer(place))
    with Frames(path) as frames:
        for look in (lambda: frames.names(KEY), lambda: list(frames.read(KEY, [0]))):
            with pytest.raises(InputError, match=r"frames\.h5 refers to .*, which is not in the data folder"):
                look()


def test_an_image_of_more_px_than_opencv_makes_room_for_does_not_decode():
    with pytest.raises(InputError, match="x frame 0 does not decode"):
        decode_image(np.frombuffer(jpeg_that_claims(65_000, 65_000) + b"\xff\xd9", np.uint8), "x frame 0")


def test_missing_files_are_named(folder, tmp_path):
    for frames, name in ((VideoFrames("none.mp4", np.arange(2)), "none.mp4"), (ImageFiles(("none.jpg",)), "none.jpg")):
        path = tmp_path / "frames.h5"
        write_frames(path, frames)
        with Frames(path) as opened, pytest.raises(InputError, match=f"{name} is missing"):
            list(opened.read(KEY, [0]))


def test_a_video_that_ends_too_soon_or_is_none_is_named(folder):
    assert len(list(video_frames(folder / "walk.mp4", np.arange(5)))) == 5
    with pytest.raises(InputError, match=r"walk.mp4 ends or is damaged at frame 5, frame 7 was asked for"):
        list(video_frames(folder / "walk.mp4", np.array([1, 7])))
    (folder / "noise.mp4").write_bytes(b"no video at all")
    with pytest.raises(InputError, match="noise.mp4 does not open as a video"):
        list(video_frames(folder / "noise.mp4", np.arange(1)))


def test_an_image_that_is_cut_off_does_not_decode(folder):
    encoded = np.fromfile(folder / "0.jpg", np.uint8)
    assert decode_image(encoded, "").shape == (48, 64, 3)
    for damaged in (encoded[:-20], encoded[:0], np.zeros(50, np.uint8)):
        with pytest.raises(InputError, match="0.jpg does not decode"):
            decode_image(damaged, "0.jpg")


def test_a_crop_is_drawn_where_it_was(tmp_path, monkeypatch):
    """A white crop with a dark upper left quarter, over x 400..480 and y 200..360."""
    monkeypatch.setenv("POSE3D_DATA", str(tmp_path))
    sequence = take("S9", "Walk-1", 1, camera_ring(1))[0]
    sequence.boxes_px[:] = [400, 200, 480, 360]
    crop = np.full((32, 32, 3), 255, np.uint8)
    crop[:16, :16] = 0
    cv2.imwrite(str(tmp_path / "crop.jpg"), crop)
    with create_hdf5(tmp_path / "frames.h5") as file:
        write_strings(file, "folder", [""])
        write_reference(file, sequence.key, ImageFiles(("crop.jpg",), np.array([[32, 32]])))
    with Frames(tmp_path / "frames.h5") as frames:
        assert frames.crop_sizes_px(sequence.key).tolist() == [[32, 32]]
    (image,) = read_rgb(tmp_path / "frames.h5", sequence, [0])
    assert image.shape == (1000, 1000, 3)
    inside = np.zeros((1000, 1000), bool)
    inside[200:360, 400:480] = True
    dark = image[..., 0] < 128
    assert (image[~inside] == 235).all()
    rows, columns = np.nonzero(dark)
    assert (rows.min(), columns.min()) == (200, 400)
    assert (rows.max() + 1, columns.max() + 1) == pytest.approx((280, 440), abs=3)


def test_read_rgb_is_red_first_and_grey_where_there_are_no_images(tmp_path):
    sequence = take("S9", "Walk-1", 3, camera_ring(1))[0]
    blue = np.zeros((20, 30, 3), np.uint8)
    blue[..., 0] = 255  # BGR
    encoded = cv2.imencode(".jpg", blue)[1].tobytes()
    write_frames(tmp_path / "frames.h5", [encoded, b"no image", encoded])
    first, last = read_rgb(tmp_path / "frames.h5", sequence, [0, 2])
    assert first.shape == (20, 30, 3)
    assert first[5, 5, 2] > 240 > 20 > first[5, 5, 0]
    np.testing.assert_array_equal(first, last)
    with pytest.raises(InputError, match="S9/Walk-1/cam0 frame 1 does not decode"):
        list(read_rgb(tmp_path / "frames.h5", sequence, [1]))
    with create_hdf5(tmp_path / "none.h5"):
        pass
    one, two = read_rgb(tmp_path / "none.h5", sequence, [0, 2])
    assert one.shape == (sequence.camera.height_px, sequence.camera.width_px, 3)
    assert one.min() == one.max() == two.min() == two.max()
    with Frames(tmp_path / "none.h5") as frames:
        assert frames.empty
