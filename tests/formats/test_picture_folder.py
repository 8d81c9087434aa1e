import cv2
import numpy as np
import pytest
from PIL import Image

from pose3d.formats.clip import Clip
from pose3d.formats.picture_folder import PictureFolder, is_picture
from pose3d.runtime.errors import InputError


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def write(folder, *names, size=(64, 48)):
    for name in names:
        number = int("".join(filter(str.isdigit, name)) or 0)
        cv2.imwrite(str(folder / name), np.full((size[1], size[0], 3), number % 256, np.uint8))


def refusal(folder, rate_hz=25.0):
    with pytest.raises(InputError) as caught, Clip(folder, rate_hz) as clip:
        list(clip)
    return str(caught.value)


def test_numbers_in_names_count_by_their_value(folder):
    write(folder, "f2.png", "f10.png", "f1.png", "f100.png")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    with Clip(folder, 50) as clip:
        assert (clip.width_px, clip.height_px, clip.claimed_frames, clip.rate_hz) == (64, 48, 4, 50)
        frames = list(clip)
    assert [frame.image_bgr[0, 0, 0] for frame in frames] == [1, 2, 10, 100]
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(4) / 50)
    with Clip(folder, 50) as clip:
        np.testing.assert_allclose(clip.times_s(), np.arange(4) / 50)


def test_numbers_of_the_names_are_known_where_they_rise(folder):
    write(folder, "f2.png", "f10.png", "f4.png")
    with Clip(folder, 25) as clip:
        assert clip.picture_numbers.tolist() == [2, 4, 10]
    write(folder, "g3.png")
    with Clip(folder, 25) as clip:
        assert clip.picture_numbers is None
    (folder / "g3.png").unlink()
    write(folder, "first.png")
    assert PictureFolder(folder, 25).numbers is None


def test_the_rate_is_asked_for(folder):
    write(folder, "1.png", "2.png")
    assert refusal(folder, None) == (
        f"{folder} is a folder of 2 pictures, which do not say how many a second there are: give --fps 25, or as many "
        "as there are"
    )


def test_what_does_not_belong_is_named(folder):
    assert "is a folder without pictures: give a video" in refusal(folder)
    (folder / "v.mp4").write_bytes(b"")
    assert f"give a video of it, such as {folder}/v.mp4" in refusal(folder)
    write(folder, "1.png", "2.png", "3.png")
    write(folder, "2.png", size=(60, 48))
    assert refusal(folder).startswith(f"{folder}/2.png has 60 x 48 px, 1.png 64 x 48")
    (folder / "2.png").write_bytes(b"no picture")
    assert refusal(folder).startswith(f"{folder}/2.png does not decode as a picture")
    write(folder, "2.jpg")
    assert "pictures of several kinds, 1.png and 2.jpg" in refusal(folder)
    (folder / "IMG_4.HEIC").write_bytes(b"")
    assert refusal(folder).startswith(f"{folder}/IMG_4.HEIC is a picture of a kind that is not read: convert")


def test_an_empty_picture_is_named_before_the_first_is_looked_at(folder):
    write(folder, "1.png", "2.png")
    (folder / "3.png").write_bytes(b"")
    with pytest.raises(InputError, match="3.png is empty: make it again, or leave it out$"):
        Clip(folder, 25)


def test_a_jpeg_that_was_cut_off_is_named_and_one_with_more_behind_it_is_read(folder):
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    (folder / "1.jpg").write_bytes(content + b"more of the camera's")
    (folder / "2.JPEG").write_bytes(content)
    with Clip(folder, 25) as clip:
        assert len(list(clip)) == 2
    (folder / "2.JPEG").write_bytes(content[:-100])
    assert refusal(folder).startswith(f"{folder}/2.JPEG does not decode as a picture")


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "jfif", "png", "webp", "tif"])
def test_a_photograph_needs_no_rate_and_is_turned_as_its_exif_says(folder, ending):
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:, :32] = 200
    turned = Image.Exif()
    turned[0x112] = 6  # a quarter clockwise: what is stored at the left is shown at the top
    Image.fromarray(stored).save(folder / f"IMG_2034.{ending}", exif=turned)
    with Clip(folder / f"IMG_2034.{ending}") as clip:
        assert (clip.width_px, clip.height_px, clip.picture_numbers.tolist()) == (48, 64, [2034])
        (frame,) = clip
    assert frame.time_s == 0
    assert frame.image_bgr[:24].mean() > 150 and frame.image_bgr[40:].mean() < 50
    with Clip(folder) as clip:
        assert len(list(clip)) == 1


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_animations_are_videos(folder, ending):
    pictures = [Image.fromarray(np.full((48, 64, 3), grey, np.uint8)) for grey in (0, 100, 200)]
    pictures[0].save(folder / f"walk.{ending}", save_all=True, append_images=pictures[1:], duration=[40, 80, 40])
    with Clip(folder / f"walk.{ending}") as clip:
        np.testing.assert_allclose(clip.times_s(), [0, 0.04, 0.12])


def test_a_picture_that_may_not_be_read_is_named(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    write(folder, "1.png")
    monkeypatch.setattr("builtins.open", refuse)
    assert is_picture(folder / "1.png")
    monkeypatch.setattr("pose3d.formats.picture_folder.read_image_file", refuse)
    assert refusal(folder / "1.png", None).startswith(f"{folder}/1.png cannot be read (Permission denied): give")


def test_of_a_picture_that_is_not_read_and_of_a_stack_of_them_it_is_said(folder):
    (folder / "IMG_4.HEIC").write_bytes(b"")
    assert refusal(folder / "IMG_4.HEIC", None) == (
        f"{folder}/IMG_4.HEIC is a picture of a kind that is not read: convert it to JPEG or PNG"
    )
    pages = [Image.fromarray(np.full((48, 64, 3), grey, np.uint8)) for grey in (0, 100)]
    pages[0].save(folder / "stack.tif", save_all=True, append_images=pages[1:])
    with Clip(folder / "stack.tif") as clip:
        assert clip.said == (
            f"{folder}/stack.tif holds 2 pictures, of which the first is taken: save each as a file of its own if they "
            "are a video's",
        )


def names(folder) -> list[str]:
    """In their order."""
    return [path.name for path in PictureFolder(folder, 25)._paths]


def test_seconds_with_decimals_count_by_their_value(folder):
    seconds = ["0", "0.04", "0.08", "0.1", "0.12", "0.2", "0.24", "1", "1.04", "1.2"]
    write(folder, *(f"t{one}.png" for one in seconds))
    assert names(folder) == [f"t{one}.png" for one in seconds]
    (said,) = PictureFolder(folder, 25).said
    assert "in the order of these, t0.png first and t1.2.png last" in said


def test_decimal_commas_too(folder):
    write(folder, "t0,1.png", "t0,04.png", "t0,08.png")
    assert names(folder) == ["t0,04.png", "t0,08.png", "t0,1.png"]


@pytest.mark.parametrize("form", ["shot1.{}.png", "frame.{}.png", "{}.5mm.png", "cam1.{:02d}.png"])
def test_a_point_may_part_numbers(folder, form):
    counted = [form.format(number) for number in range(1, 13)]
    write(folder, *counted)
    assert names(folder) == counted
    assert not PictureFolder(folder, 25).said


def test_what_is_before_its_copies_comes_first_and_capitals_are_as_small_letters(folder):
    write(folder, "walk (1).png", "walk.png", "walk (10).png", "walk (2).png")
    assert names(folder) == ["walk.png", "walk (1).png", "walk (2).png", "walk (10).png"]
    for path in folder.iterdir():
        path.unlink()
    write(folder, "IMG_1.png", "img_2.PNG", "IMG_3.png")
    assert names(folder) == ["IMG_1.png", "img_2.PNG", "IMG_3.png"]
    assert not PictureFolder(folder, 25).said


def test_gaps_in_the_numbers_are_said(folder):
    write(folder, "1.png", "2.png", "3.png", "5.png")
    with Clip(folder, 25) as clip:
        assert "between 3.png and 5.png pictures seem to be missing" in clip.said[0]
    (folder / "5.png").unlink()
    with Clip(folder, 25) as clip:
        assert clip.said == ()
    write(folder, "b_1.png")
    with Clip(folder, 25) as clip:
        assert "named as 1.png and as b_1.png" in clip.said[0]


@pytest.mark.parametrize(
    ("forms", "parts"),
    [
        (("cam{}_{:04d}.png", 12), "cam0_0000.png to cam0_0011.png and cam1_0000.png to cam1_0011.png"),
        (("cam{}_{:04d}.png", 100), "cam0_0000.png to cam0_0099.png and cam1_0000.png to cam1_0099.png"),
        (("{1}_cam{0}.png", 12), "0_cam0.png to 11_cam0.png and 0_cam1.png to 11_cam1.png"),
        (("take{}_{:02d}_v2.png", 2), "take0_00_v2.png to take0_01_v2.png and take1_00_v2.png to take1_01_v2.png"),
    ],
)
def test_two_cameras_in_one_folder_are_said(folder, forms, parts):
    form, n_frames = forms
    write(folder, *(form.format(camera, frame) for camera in (0, 1) for frame in range(n_frames)))
    clip = PictureFolder(folder, 25)
    first, last = clip._paths[0].name, clip._paths[-1].name
    assert clip.said == [
        f"{folder} seems to hold several series of pictures, {parts}: all are taken as one video, {first} first and "
        f"{last} last; give a folder for each"
    ]


@pytest.mark.parametrize(
    "written",
    [
        [f"00-{frame // 30:02d}-{frame % 30 * 100 // 3:03d}.png" for frame in range(90)],  # seconds-milliseconds
        [f"{2 * second // 60:02d}-{2 * second % 60:02d}.png" for second in range(90)],  # minutes-seconds
        ["100_0998.png", "100_0999.png", "101_0001.png", "101_0002.png"],  # as cameras number folders and files
        [f"frame_{frame:04d}_t{33 * frame}.png" for frame in range(5)],
        [f"frame_{frame:04d}_v2.png" for frame in range(5)],
        [f"frame_{frame:04d}_people_{frame % 2}.png" for frame in range(5)],
        ["7.png"],
        ["walk.png"],
    ],
)
def test_one_series_is_said_to_be_nothing_else(folder, written):
    write(folder, *written)
    assert PictureFolder(folder, 25).said == []


def test_a_gap_is_said_of_the_digits_that_count(folder):
    write(folder, *(f"frame{frame:04d}_v2.png" for frame in (0, 1, 2, 5, 6)))
    (said,) = PictureFolder(folder, 25).said
    assert "between frame0002_v2.png and frame0005_v2.png pictures seem to be missing" in said
