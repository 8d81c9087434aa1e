import numpy as np
import pytest

from pose3d.predict.given_boxes import GivenBoxes
from pose3d.runtime.errors import InputError


@pytest.fixture
def given_boxes(tmp_path):
    def read(text):
        (tmp_path / "b.csv").write_text(text)
        return GivenBoxes(tmp_path / "b.csv", 320, 240)

    return read


def test_given_boxes_are_interpolated(given_boxes):
    boxes = given_boxes("frame,x0,y0,x1,y1\n2,0,0,10,20\n\n6,40,0,50,40\n")
    np.testing.assert_allclose(
        boxes.at(np.array([0, 2, 3, 6, 99])),
        [[0, 0, 10, 20], [0, 0, 10, 20], [10, 0, 20, 25], [40, 0, 50, 40], [40, 0, 50, 40]],
    )


def test_rows_are_counted_from_1_or_as_pictures_are(given_boxes, tmp_path):
    """Boxes whose left edge is ten times their row's number, of three frames."""

    def left_edges(frames, picture_numbers=None):
        boxes = given_boxes("frame,x0,y0,x1,y1\n" + "".join(f"{n},{10 * k},0,90,9\n" for k, n in enumerate(frames)))
        said = boxes.put_into(3, None if picture_numbers is None else np.array(picture_numbers))
        return boxes.at(np.arange(3))[:, 0].tolist(), [sentence.removeprefix(f"{tmp_path}/") for sentence in said]

    from_1 = ["b.csv: frames are numbered from 1, and taken as the video's 0 to 2"]
    assert left_edges([1, 2, 3]) == ([0, 10, 20], from_1)
    assert left_edges([1, 2, 3], [1, 2, 3])[0] == [0, 10, 20]
    as_pictures = ["b.csv: frames are numbered as the pictures are, from 30 to 34: equal numbers go together"]
    assert left_edges([30, 34], [30, 32, 34]) == ([0, 5, 10], as_pictures)
    for numbers in (None, [1, 2, 3], [0, 2, 4]):
        assert left_edges([1, 2], numbers) == ([0, 0, 10], [])  # from 0, as the page says
        assert left_edges([2], numbers) == ([0, 0, 0], [])
    as_pictures = ["b.csv: frames are numbered as the pictures are, from 2 to 4: equal numbers go together"]
    assert left_edges([2], [2, 3, 4]) == ([0, 0, 0], as_pictures)
    assert left_edges([2, 4], [2, 3, 4]) == ([0, 5, 10], as_pictures)
    assert left_edges([0, 2], [2, 3, 4]) == ([0, 5, 10], [])
    assert left_edges([1, 5]) == ([0, 0, 2.5], [])


def test_rows_past_the_videos_end_alone_are_refused(given_boxes):
    boxes = given_boxes("frame,x0,y0,x1,y1\n1000,0,0,9,9\n1049,0,0,9,9\n")
    with pytest.raises(
        InputError, match=r"b\.csv: its first row is of frame 1000, the video has 50: number frames from"
    ):
        boxes.put_into(50, None)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("0,0,0,321,20", r"line 3: the box reaches outside of the picture of 320 x 240 px"),
        ("0,-1,0,10,20", r"line 3: the box reaches outside"),
        ("0,10,0,10,20", r"line 3: the box has no width or no height"),
        ("0,10,0,nan,20", r"line 3: a row must be a frame's number from 0 and four numbers of px"),
        ("0,10,0,12", r"line 3: a row must be"),
        ("-1,10,0,12,20", r"line 3: a row must be"),
        ("7,10,0,12,20", r"line 3: frame 7 has a box already"),
    ],
)
def test_wrong_boxes_are_refused_by_line(given_boxes, rows, sentence):
    with pytest.raises(InputError, match=rf"b\.csv {sentence}"):
        given_boxes(f"frame,x0,y0,x1,y1\n7,0,0,1,1\n{rows}\n")


def test_files_that_are_no_boxes_at_all():
    with pytest.raises(InputError, match=r"/dev/zero is not a CSV file \(it is larger than 32 MiB\)"):
        GivenBoxes("/dev/zero", 64, 48)


@pytest.mark.parametrize("frame", ["9" * 30, "9" * 5000, "-1", "1e3", "nan"])
def test_frames_that_no_video_has(tmp_path, frame):
    path = tmp_path / "boxes.csv"
    path.write_text(f"frame,x0,y0,x1,y1\n{frame},0,0,9,9\n")
    with pytest.raises(InputError, match=r"boxes\.csv line 2: a row must be a frame's number"):
        GivenBoxes(path, 64, 48)


def test_what_are_no_boxes_is_said_so(given_boxes, tmp_path):
    with pytest.raises(InputError, match=r"b\.csv line 1: the columns must be frame,x0,y0,x1,y1"):
        given_boxes("0,1,2,3,4\n")
    with pytest.raises(InputError, match=r"b\.csv has no boxes"):
        given_boxes("frame,x0,y0,x1,y1\n")
    with pytest.raises(InputError, match=r"none\.csv cannot be read \(No such file"):
        GivenBoxes(tmp_path / "none.csv", 320, 240)


def test_one_row_more_does_not_change_what_the_others_mean(given_boxes):
    """Pictures 5 to 14: rows 5 and 9 are of the first and the fifth, with a row of the last or without one."""
    rows = "frame,x0,y0,x1,y1\n5,0,0,90,9\n9,40,0,90,9\n"
    for more in ("", "14,40,0,90,9\n"):
        boxes = given_boxes(rows + more)
        (said,) = boxes.put_into(10, np.arange(5, 15))
        assert said.endswith("from 5 to 14: equal numbers go together")
        assert boxes.at(np.arange(10))[:, 0].tolist() == [0, 10, 20, 30, 40, 40, 40, 40, 40, 40]
