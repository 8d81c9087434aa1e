"""Which frames the rows of a table are of."""

import json
from pathlib import PurePath

import pytest
from tiny_keypoints import COCO_NAMES, landmarks, person, triples, write_table

from pose3d.formats.frame_columns import frame_column, frames_of_rows
from pose3d.formats.frame_numbers import NamedPictures
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.runtime.errors import InputError

WITH_A_GAP = [*range(4), *range(10, 14)]
POINTS = triples(*person(len(WITH_A_GAP)))
HEADER = [f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score")]
IN_ORDER = (
    "rows are taken as frames 0 to 7, one after the other, and 'X' is not used: if frames are missing, number them in "
    "a column frame"
)


def read(tmp_path, title, cells):
    rows = [[cell, *points] for cell, points in zip(cells, POINTS, strict=True)]
    return read_keypoints(write_table(tmp_path / "k.csv", [[title, *HEADER], *rows]))


@pytest.mark.parametrize(
    "title",
    ["frame", "frame_no", "Frame #", "FrameNumber", "frame nr.", "frameidx", "image", "image_id", "img_no"],
)
def test_a_column_of_numbers_is_known_by_its_title(tmp_path, title):
    file = read(tmp_path, title, WITH_A_GAP)
    assert file.frames.tolist() == WITH_A_GAP and file.n_frames == 14 and not file.said


@pytest.mark.parametrize("title", ["image_name", "Image", "filename", "file", "frame", "frame_path", "Foto"])
@pytest.mark.parametrize("form", ["walk_{:04d}.png", "cut2/{}.jpg", "{}_v2.png"])
def test_a_column_of_names_of_pictures_too(tmp_path, title, form):
    file = read(tmp_path, title, [form.format(frame) for frame in WITH_A_GAP])
    assert file.frames.tolist() == WITH_A_GAP and not file.said


@pytest.mark.parametrize(
    ("title", "cells"),
    [
        ("Bild", WITH_A_GAP),
        ("time_s", [frame / 25 for frame in WITH_A_GAP]),
        ("timestamp_ms", [40 * frame for frame in WITH_A_GAP]),
        ("t", [f"00:00:{frame:02d}" for frame in WITH_A_GAP]),
    ],
)
def test_rows_in_order_are_said_where_a_column_may_say_otherwise(tmp_path, title, cells):
    file = read(tmp_path, title, cells)
    assert file.frames.tolist() == list(range(8))
    assert file.said == (f"{tmp_path}/k.csv: {IN_ORDER.replace('X', title)}",)


@pytest.mark.parametrize(
    ("title", "cells"),
    [
        ("row", range(1, 9)),  # numbers the rows
        ("Bild", range(0, 16, 2)),  # evenly
        ("bbox_score", [0.9, 0.8] * 4),
        ("index", range(8)),
        ("index", [*range(20, 24), *range(4)]),  # of two tables, one below the other
        ("index", [*"abcdefgh"]),
        ("clicks", [1, 2, 2, 5, 5, 6, 9, 9]),
        ("file", ["walk1.mp4"] * 8),  # the video's name
        ("person", ["Ann"] * 8),
    ],
)
def test_other_columns_are_no_word_worth(tmp_path, title, cells):
    file = read(tmp_path, title, cells)
    assert file.frames.tolist() == list(range(8)) and not file.said


def test_an_index_with_a_name_says_the_frames(tmp_path):
    for cells in (range(20, 28), WITH_A_GAP):
        file = read(tmp_path, "index", cells)
        assert file.frames.tolist() == list(cells) and not file.said
    with_names = [[str(frame), "abcdefgh"[row]] for row, frame in enumerate(WITH_A_GAP)]
    assert frames_of_rows("k.csv", ["Index", "image"], with_names, [])[0] == WITH_A_GAP
    plain = [[str(row), "bacdefgh"[row]] for row in range(8)]
    named = NamedPictures(dict(enumerate("abcdefgh")), counted=False)
    assert frames_of_rows("k.csv", ["index", "image"], plain, []) == ([1, 0, *range(2, 8)], named, [])


def test_pictures_are_named_beside_numbers(tmp_path):
    """Of frames, of COCO's pictures, and of MediaPipe's; a video's name is none of a picture."""
    names = [f"cam2_{frame}.png" for frame in WITH_A_GAP]
    expected = {frame: f"cam2_{frame}" for frame in WITH_A_GAP}
    table = [[str(frame), name] for frame, name in zip(WITH_A_GAP, names, strict=True)]
    assert frames_of_rows("k.csv", ["frame", "image"], table, [])[1].names == expected
    for others in (["walk.mp4"] * 8, [""] * 8, ["a.png", *["b.png"] * 7], [*map(str, range(8))]):
        table = [[str(frame), name] for frame, name in zip(WITH_A_GAP, others, strict=True)]
        assert frames_of_rows("k.csv", ["frame", "file"], table, []) == (WITH_A_GAP, None, [])
    mediapipe = read_keypoints(frames_with(tmp_path / "m.json", frame=WITH_A_GAP, image=names))
    assert mediapipe.pictures.names == expected
    content = json.loads((tmp_path / "m.json").read_text())
    del content["frames"][3]["frame"]  # so that not all numbers are known
    (tmp_path / "m.json").write_text(json.dumps(content))
    assert read_keypoints(tmp_path / "m.json").pictures is None
    results = [
        {"image_id": frame, "file_name": name, "category_id": 1, "keypoints": points}
        for frame, name, points in zip(WITH_A_GAP, names, POINTS, strict=True)
    ]
    (tmp_path / "c.json").write_text(json.dumps(results))
    assert read_keypoints(tmp_path / "c.json").pictures.names == expected


def test_one_row_is_frame_0_or_what_it_says(tmp_path):
    write_table(tmp_path / "k.csv", [["file", *HEADER], ["walk_7.png", *POINTS[0]]])
    assert read_keypoints(tmp_path / "k.csv").pictures.names == {0: "walk_7"}
    write_table(tmp_path / "k.csv", [["file", *HEADER], ["walk.mp4", *POINTS[0]]])
    assert read_keypoints(tmp_path / "k.csv").frames.tolist() == [0]
    write_table(tmp_path / "k.csv", [["frame_no", *HEADER], [7, *POINTS[0]]])
    assert read_keypoints(tmp_path / "k.csv").frames.tolist() == [7]


def test_times_beside_numbers_are_said_to_be_unused():
    table = [[str(frame), str(frame / 30)] for frame in WITH_A_GAP]
    frames, _, said = frames_of_rows("k.csv", ["frame", "time_s"], table, [])
    assert frames == WITH_A_GAP
    assert said == ["k.csv: 'time_s' is not used: frames are as far apart as the frame rate says"]


@pytest.mark.parametrize(
    "names",
    [
        [f"11-59-{50 + row // 2}_{row % 2 * 480:03d}.png" for row in range(8)],
        [f"f{row:03d}_{37 * row % 100:02d}.png" for row in range(8)],
        [f"part{row}/frame0.png" for row in range(8)],
        [f"{1_700_000_000_000 + 40 * row}.png" for row in range(8)],
        [*"abcdefgh"],
    ],
    ids=["clock", "number and score", "folders", "milliseconds of an epoch", "letters"],
)
def test_names_that_count_no_frames_have_an_order_alone(tmp_path, names):
    file = read(tmp_path, "image", names)
    assert file.frames.tolist() == list(range(8))
    if len({PurePath(name).stem for name in names}) == 8:
        assert [*file.pictures.names.values()] == [PurePath(name).stem for name in names] and not file.said
    else:
        assert file.said == (f"{tmp_path}/k.csv: {IN_ORDER.replace('X', 'image')}",) and file.pictures is None
    with_index = [[str(frame), name] for frame, name in zip(WITH_A_GAP, names, strict=True)]
    frames, pictures, said = frames_of_rows("k.csv", ["", "image"], with_index, [])
    assert frames == WITH_A_GAP
    if file.pictures is None:
        assert pictures is None and said == [
            "k.csv: 'image' is not used: frames are as far apart as the frame rate says"
        ]
    else:  # beside an index they are names alone, for a folder that has them
        assert [*pictures.names] == WITH_A_GAP and [*pictures.names.values()] == [*file.pictures.names.values()]
        assert pictures.counted and not said


def test_numbers_are_before_names_and_both_before_an_index():
    assert frame_column(["", "image", "frame_id", "frame"]) == 3
    assert frame_column(["", "image", "frame_id"]) == 2
    table = [[str(row), f"{frame}.png"] for row, frame in enumerate(WITH_A_GAP)]
    assert frames_of_rows("k.csv", ["", "image"], table, [])[0] == WITH_A_GAP
    table = [[str(row), str(frame)] for row, frame in enumerate(WITH_A_GAP)]
    assert frames_of_rows("k.csv", ["", "X"], table, []) == (list(range(8)), None, [f"k.csv: {IN_ORDER}"])


@pytest.mark.parametrize("cell", ["12.5", "", "x", "inf", "nan"])
def test_a_row_without_a_number_is_refused_by_its_line(tmp_path, cell):
    with pytest.raises(InputError, match=r"k\.csv line 4: the row has no frame's number in column 1: correct it"):
        read(tmp_path, "Frame #", [0, 1, cell, *range(3, 8)])


@pytest.mark.parametrize("ending", ["mp4", "MOV", "avi"])
def test_rows_of_two_videos_are_refused(tmp_path, ending):
    with pytest.raises(
        InputError, match=rf"has rows of 'take1\.{ending}' and 'take2\.{ending}': give one file for each"
    ):
        read(tmp_path, "file", [f"take{1 + row // 4}.{ending}" for row in range(8)])


def test_pictures_of_two_videos_are_refused(tmp_path):
    with pytest.raises(InputError, match="are both frame 0: give one file for each video"):
        read(tmp_path, "image", [f"{video}/{frame}.png" for video in "ab" for frame in range(4)])


def test_mediapipes_tables_are_read_alike(tmp_path):
    found = landmarks(*person(8))
    wide = [f"{axis}{number}" for number in range(33) for axis in "xyzv"]
    values = [[value for one in frame for value in one.values()] for frame in found]
    for title, frames, n_said in (("frame_no", WITH_A_GAP, 0), ("Bild", [*range(8)], 1)):
        rows = [[frame, *row] for frame, row in zip(WITH_A_GAP, values, strict=True)]
        file = read_keypoints(write_table(tmp_path / "m.csv", [[title, *wide], *rows]))
        assert file.format == "MediaPipe" and file.frames.tolist() == frames
        assert len([said for said in file.said if "one after the other" in said]) == n_said
    rows = [
        (f"walk_{frame}.png", point, one["x"], one["y"], one["visibility"])
        for frame, of_frame in zip(WITH_A_GAP, found, strict=True)
        for point, one in enumerate(of_frame)
    ]
    file = read_keypoints(write_table(tmp_path / "m.csv", [("image", "landmark", "x", "y", "visibility"), *rows]))
    assert file.format == "MediaPipe" and file.frames.tolist() == WITH_A_GAP


def frames_with(path, **more):
    """MediaPipe's JSON of frames that have something besides landmarks."""
    found = landmarks(*person(len(WITH_A_GAP)))
    frames = [{"landmarks": one} | {key: cells[n] for key, cells in more.items()} for n, one in enumerate(found)]
    path.write_text(json.dumps({"fps": 25, "width": 640, "height": 480, "frames": frames}))
    return path


@pytest.mark.parametrize("key", ["frame", "frame_idx", "frame_index", "frame_number", "frameNumber", "image_id"])
@pytest.mark.parametrize("form", [int, float, str, "walk_{}.png".format])
def test_frames_of_landmarks_are_known_by_the_same_titles(tmp_path, key, form):
    file = read_keypoints(frames_with(tmp_path / "k.json", **{key: list(map(form, WITH_A_GAP))}))
    assert file.frames.tolist() == WITH_A_GAP
    assert not [one for one in file.said if "undetected" not in one]


def test_times_of_landmarks_are_not_used_which_is_said(tmp_path):
    times = [40 * frame for frame in WITH_A_GAP]
    file = read_keypoints(frames_with(tmp_path / "k.json", timestamp_ms=times))
    assert file.frames.tolist() == list(range(8))
    assert file.said[0] == (
        f"{tmp_path}/k.json: frames are taken one after the other, and 'timestamp_ms' is not used: if frames are "
        "missing, number them under frame"
    )
    file = read_keypoints(frames_with(tmp_path / "k.json", timestamp=times, frame=WITH_A_GAP))
    assert file.frames.tolist() == WITH_A_GAP
    assert file.said[0] == (
        f"{tmp_path}/k.json: 'timestamp' is not used: frames are as far apart as the frame rate says"
    )


def test_names_of_landmarks_that_are_not_of_each_frame_are_not_used(tmp_path):
    file = read_keypoints(frames_with(tmp_path / "k.json", image=["walk.mp4"] * 8))
    assert file.frames.tolist() == list(range(8)) and "not used" not in file.said[0]
    file = read_keypoints(frames_with(tmp_path / "k.json", image=[{"width": 640}] * 8))
    assert file.frames.tolist() == list(range(8))
    some = [f"walk_{n}.png" if n % 2 else None for n in range(8)]
    file = read_keypoints(frames_with(tmp_path / "k.json", image=some))
    assert file.frames.tolist() == list(range(8)) and "and 'image' is not used: if" in file.said[0]


def test_landmarks_have_the_names_of_their_pictures(tmp_path):
    """Clocks, backwards, and one without anybody; two people in each picture."""
    clocks = [f"11-59-{50 + n}_{n:03}.png" for n in range(8)]
    path = frames_with(tmp_path / "k.json", image=clocks[::-1])
    file = read_keypoints(path)
    assert file.frames.tolist() == list(range(8)) and file.pictures.names[7] == "11-59-57_007"
    assert not [one for one in file.said if "not used" in one]
    content = json.loads(path.read_text())
    content["frames"][3] = None
    path.write_text(json.dumps(content))
    file = read_keypoints(path)
    assert (file.frames.tolist(), file.n_frames) == ([*range(7)], 7)
    assert [*file.pictures.names.values()] == [clock.removesuffix(".png") for clock in clocks if "54" not in clock]
    path = frames_with(tmp_path / "k.json", image=[f"walk_{7 + n // 2}.png" for n in range(8)])
    assert read_keypoints(path).frames.tolist() == [7, 7, 8, 8, 9, 9, 10, 10]
