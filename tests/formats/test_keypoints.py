"""What can be wrong with a file of keypoints: one sentence that names the file and the frame."""

import json

import numpy as np
import pytest
from tiny_keypoints import (
    BODY_25,
    COCO_NAMES,
    MEDIAPIPE_33,
    OPENPOSE_18,
    in_order,
    landmarks,
    mmpose_frames,
    person,
    triples,
    write_alphapose,
    write_alphapose_open,
    write_arrays,
    write_coco,
    write_coco_annotations,
    write_deeplabcut,
    write_detectron,
    write_mediapipe_csv,
    write_openpose,
    write_sleap,
    write_table,
    write_videopose3d,
)

from pose3d.formats import json_files, keypoints
from pose3d.formats.keypoints import layout_of, of_coco
from pose3d.formats.point_names import in_layout
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.layouts import layout
from pose3d.runtime.errors import InputError

KEYPOINTS, SCORES = person()
ONE = [(KEYPOINTS, SCORES)]


def sentence(path, *arguments):
    with pytest.raises(InputError) as caught:
        read_keypoints(path, *arguments)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


def change(path, how):
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))
    return path


def test_numbers_that_cannot_be_are_refused_by_their_frame(tmp_path):
    path = write_coco(tmp_path / "k.json", ONE)

    def with_value(index, value):
        return change(path, lambda entries: entries[7]["keypoints"].__setitem__(index, value))

    assert sentence(with_value(5, 101)) == ": frame 7 has a score of 101: give 0 to 1"
    with_value(5, 0.5)
    assert sentence(with_value(0, 1e300)) == ": frame 7 has a point that no picture can hold: correct the file"
    wrong = ": frame 7 has a person whose points are not x, y and score each: correct the file"
    assert sentence(with_value(0, "left")) == wrong
    assert sentence(with_value(0, [1])) == wrong


def test_undetected_points_are_told_by_zeros_nan_or_score(tmp_path):
    points, scores = KEYPOINTS.copy(), SCORES.copy()
    points[2, 3] = 0
    points[4, 5] = np.nan
    scores[6, 7] = 0
    points[7, 8, 1] = np.nan
    scores[8, 9], scores[9, 10] = -0.5, np.nan
    file = read_keypoints(write_arrays(tmp_path / "k.npz", [(points, scores)]))
    missing = np.argwhere(file.confidence == 0).tolist()
    assert (
        missing
        == [[2, 3], [4, 5], [6, 7], [7, 8], [8, 9], [9, 10]]
        == np.argwhere(np.isnan(file.keypoints[..., 0])).tolist()
    )
    assert file.said == (f"{tmp_path}/k.npz: 2.9% of all points are undetected",)


def test_scores_above_1_are_cut_or_percentages_and_said(tmp_path):
    file = read_keypoints(write_arrays(tmp_path / "k.npz", [(KEYPOINTS, SCORES * 2)]))
    np.testing.assert_allclose(file.confidence, np.minimum(SCORES * 2, 1), rtol=1e-6)
    assert file.said == (f"{tmp_path}/k.npz: scores reach 1.6; what is above 1 is taken as 1",)
    file = read_keypoints(write_arrays(tmp_path / "p.npz", [(KEYPOINTS, SCORES * 100)]))
    np.testing.assert_allclose(file.confidence, SCORES, rtol=1e-6)
    assert file.said == (f"{tmp_path}/p.npz: scores reach 80; they are taken as percentages",)


def test_depths_are_no_scores(tmp_path):
    """As of MediaPipe's x, y, z, saved as an array; a detector's few scores below 0 are those of undetected points."""
    third = SCORES.copy()
    third[:, :2] = [-0.4, -0.06]
    path = tmp_path / "k.npy"
    np.save(path, np.concatenate([KEYPOINTS, third[..., None]], -1))
    assert sentence(path) == (
        ": 12% of the scores, points' third numbers, are below 0, as depths are: give x and y alone, or x, y and a "
        "score from 0 to 1"
    )
    for undetected in ([-0.01, -0.049], [-1, -1], [-0.4, 0.1]):
        third[:, :2] = undetected
        np.save(path, np.concatenate([KEYPOINTS, third[..., None]], -1))
        assert ((read_keypoints(path).confidence == 0) == (third <= 0)).all()
    unseen = np.where(np.arange(17)[:, None] < 8, 0, KEYPOINTS)  # what is nowhere has no depth either
    np.save(path, np.concatenate([unseen, np.where(unseen[..., :1] == 0, -0.5, 0.9)], -1))
    assert ((read_keypoints(path).confidence > 0).sum(1) == 9).all()
    np.savez(tmp_path / "k.npz", keypoints=np.concatenate([KEYPOINTS, third[..., None] - 1], -1), scores=SCORES)
    np.testing.assert_allclose(read_keypoints(tmp_path / "k.npz").confidence, SCORES, rtol=1e-6)


@pytest.mark.parametrize("name", ["score", "conf", "Confidence", "p", "prob", "visible", "visibility", "likelihood"])
def test_scores_of_a_table_have_many_names(tmp_path, name):
    table = [[f"{point}_{axis}" for point in COCO_NAMES for axis in ("x", "y", name)], *triples(KEYPOINTS, SCORES)]
    found = read_keypoints(write_table(tmp_path / "k.csv", table))
    np.testing.assert_allclose(found.confidence, SCORES, rtol=1e-6)
    assert not found.said


def test_scores_of_a_table_may_be_true_or_false(tmp_path):
    rows = [[*row[:2], "True", *row[3:5], "FALSE", *row[6:]] for row in triples(KEYPOINTS, SCORES)]
    header = [f"{point}.{axis}" for point in COCO_NAMES for axis in ("x", "y", "visible")]
    found = read_keypoints(write_table(tmp_path / "k.csv", [header, *rows]))
    assert found.confidence[:, :2].tolist() == [[1, 0]] * 12


def test_columns_of_points_that_are_not_used_are_said(tmp_path):
    def said(*axes):
        header = [f"{point}_{axis}" for point in COCO_NAMES for axis in axes]
        table = [header, *([1.5 + number for number in range(len(header))] for _ in range(12))]
        return read_keypoints(write_table(tmp_path / "k.csv", table)).said

    assert said("x", "y", "z") == ()
    assert said("x", "y", "quality") == (
        f"{tmp_path}/k.csv: 'nose_quality' and 16 other columns of points are not used: call it nose_score if it is a "
        "score",
    )
    assert not any("not used" in one for one in said("x", "y", "quality", "p"))


@pytest.mark.parametrize("name", ["conf", "score", "confidence", "confidences", "keypoint_scores", "visibility"])
@pytest.mark.parametrize("n_people", [0, 2])
def test_scores_of_arrays_have_many_names(tmp_path, name, n_people):
    points = np.stack([KEYPOINTS] * n_people, 1) if n_people else KEYPOINTS
    scores = np.stack([SCORES, SCORES / 2], 1) if n_people else SCORES
    np.savez(tmp_path / "k.npz", keypoints=points + 0.5, **{name: scores})
    found = read_keypoints(tmp_path / "k.npz")
    np.testing.assert_allclose(found.confidence[0], SCORES[0], rtol=1e-6)
    assert not any("not used" in one for one in found.said)


def test_arrays_with_a_number_for_each_point_that_are_not_used_are_said(tmp_path):
    more = {"quality": SCORES, "bboxes": np.ones((12, 4)), "conf": np.ones(12), "meta": {"a": 1}}
    np.savez(tmp_path / "k.npz", keypoints=KEYPOINTS, **more)
    found = read_keypoints(tmp_path / "k.npz")
    assert (found.confidence == 1).all() and found.said == (
        f"{tmp_path}/k.npz: quality has a number for each point and is not used: call it scores if it has them",
    )
    np.savez(tmp_path / "k.npz", keypoints=KEYPOINTS, scores=SCORES, **more)
    assert not read_keypoints(tmp_path / "k.npz").said


def test_objects_of_frames_have_scores_of_many_names(tmp_path):
    points, scores = np.empty(12, object), np.empty(12, object)
    for frame in range(12):
        points[frame], scores[frame] = KEYPOINTS[None, frame], SCORES[None, frame]
    np.savez(tmp_path / "k.npz", keypoints=points, conf=scores)
    np.testing.assert_allclose(read_keypoints(tmp_path / "k.npz").confidence, SCORES, rtol=1e-6)
    np.savez(tmp_path / "k.npz", keypoints=points, conf=np.full(12, 0.9))  # of frames
    assert (read_keypoints(tmp_path / "k.npz").confidence == 1).all()


def write_numbered(path, title, numbers, points, scores):
    """A row for each point of each frame."""
    rows = [
        [frame, number, *points[frame, k], scores[frame, k]] for frame in range(len(points)) for k, number in numbers
    ]
    return write_table(path, [["frame", title, "x", "y", "score"], *rows])


@pytest.mark.parametrize("size", [(1, 1), (640, 480)])
@pytest.mark.parametrize("title", ["id", "point", "landmark"])
@pytest.mark.parametrize("first", [0, 1])
def test_17_numbered_points_of_a_table_are_not_mediapipes(tmp_path, title, size, first):
    numbers = list(enumerate(range(first, first + 17)))
    path = write_numbered(tmp_path / "k.csv", title, numbers, KEYPOINTS / size, SCORES)
    if title == "landmark" and first == 0:
        assert sentence(path) == (
            " has points 0 to 16 and does not say whose: give --layout mediapipe33 if they are the first 17 of "
            "MediaPipe's landmarks, else h36m17 or coco17"
        )
    else:
        found = read_keypoints(path)
        assert (found.layout, found.normalised) == (None, None)
        with pytest.raises(InputError, match=r"17 points a person and does not say which: give --layout h36m17 or c"):
            layout_of(found, None)
    found = read_keypoints(path, "coco17")
    np.testing.assert_allclose(found.keypoints, KEYPOINTS / size, rtol=1e-6)
    np.testing.assert_allclose(found.confidence, SCORES, rtol=1e-6)
    assert layout_of(found, "coco17") == "coco17"


def test_the_first_17_landmarks_are_mediapipes_where_that_is_asked_for(tmp_path):
    points, scores = in_order(KEYPOINTS / (640, 480), SCORES, MEDIAPIPE_33)
    path = write_numbered(tmp_path / "k.csv", "landmark", [(k, k) for k in range(17)], points, scores)
    found = read_keypoints(path, "mediapipe33")
    assert layout_of(found, "mediapipe33") == "mediapipe33" and found.normalised
    np.testing.assert_allclose(found.keypoints[:, 11:17], KEYPOINTS[:, 5:11] / (640, 480), rtol=1e-5)  # the arms
    assert np.isnan(found.keypoints[:, 17:]).all()


@pytest.mark.parametrize("size", [(1, 1), (640, 480)])
def test_tables_with_a_row_for_each_named_point(tmp_path, size):
    """Of COCO's points; MediaPipe has these names as well, so that shares may be its own."""
    named = list(enumerate(COCO_NAMES))
    path = write_numbered(tmp_path / "k.csv", "name", named, KEYPOINTS / size, SCORES)
    for asked in (None, "coco17") if size == (1, 1) else ("coco17",):
        found = read_keypoints(path, asked)
        assert (found.format, found.layout, found.normalised, found.said) == ("table", "coco17", None, ())
        np.testing.assert_allclose(found.keypoints, KEYPOINTS / size, rtol=1e-5)
        np.testing.assert_allclose(found.confidence, SCORES, rtol=1e-6)
    if size != (1, 1):
        assert read_keypoints(path).layout == "mediapipe33"
    named[0] = (0, "snout")
    path = write_numbered(tmp_path / "k.csv", "name", [*named, (0, "tail")], KEYPOINTS / size, SCORES)
    found = read_keypoints(path, None, {"snout": "nose"})
    assert found.layout == "coco17" and found.said == (f"{path}: coco17 has no points tail, which are left out",)
    np.testing.assert_allclose(found.keypoints, KEYPOINTS / size, rtol=1e-5)


def test_numbered_points_that_are_never_there_are_undetected(tmp_path):
    numbers = [(k, k) for k in range(5, 15)]  # neither head nor feet
    found = read_keypoints(write_numbered(tmp_path / "k.csv", "id", numbers, KEYPOINTS, SCORES), "coco17")
    assert np.isnan(found.keypoints[:, [*range(5), 15, 16]]).all() and found.n_points == 17
    np.testing.assert_allclose(found.keypoints[:, 5:15], KEYPOINTS[:, 5:15], rtol=1e-6)


def test_points_with_numbers_beyond_16_are_mediapipes_where_they_can_be(tmp_path):
    points, scores = in_order(KEYPOINTS / (640, 480), SCORES, MEDIAPIPE_33)
    of_upper_body = [(k, k) for k in range(25)]
    path = write_numbered(tmp_path / "k.csv", "id", of_upper_body, points, scores)
    assert read_keypoints(path).layout == "mediapipe33"
    points, scores = in_order(KEYPOINTS, SCORES, BODY_25)
    px = read_keypoints(write_numbered(tmp_path / "k.csv", "id", of_upper_body, points, scores))
    assert layout_of(px, None) == "body25"
    arms = [(k, k) for k in range(11, 17)]
    path = write_numbered(tmp_path / "k.csv", "landmark", arms, KEYPOINTS / (640, 480), SCORES)
    assert read_keypoints(path).layout == "mediapipe33"


@pytest.mark.parametrize("name", ["visibility", "v", "conf_", "score"])
def test_numbered_landmarks_have_scores_of_many_names(tmp_path, name):
    rows = [[value for one in frame for value in one.values()] for frame in landmarks(KEYPOINTS, SCORES)]
    header = [f"{axis}{number}" for number in range(33) for axis in ("x", "y", "z", name)]
    found = read_keypoints(write_table(tmp_path / "k.csv", [header, *rows]))
    np.testing.assert_allclose(found.confidence[:, 11], SCORES[:, 5], rtol=1e-6)
    header = [title.replace(name, "presence") for title in header]
    found = read_keypoints(write_table(tmp_path / "k.csv", [header, *rows]))
    assert found.said[0] == (
        f"{tmp_path}/k.csv: 'presence0' and 32 other columns of points are not used: call it visibility0 if it is a "
        "score"
    )


def test_mixed_layouts_are_refused_by_their_frames(tmp_path):
    folder = write_openpose(tmp_path / "op", ONE, BODY_25)
    write_openpose(tmp_path / "18", ONE, OPENPOSE_18)
    (tmp_path / "18" / "walk_000000000003_keypoints.json").rename(folder / "walk_000000000003_keypoints.json")
    mixed = "layouts are mixed, give one file for each"
    assert sentence(folder) == f": frame 3 has a person of 18 points, frame 0 one of 25: {mixed}"
    frames = mmpose_frames(ONE)
    frames[5]["instances"][0]["keypoints"].append([1.0, 2.0])
    (tmp_path / "m.json").write_text(json.dumps(frames))
    assert sentence(tmp_path / "m.json") == f": frame 5 has a person of 18 points, frame 0 one of 17: {mixed}"


def test_what_breaks_off_is_one_sentence(tmp_path):
    for name, path in (
        ("not whole JSON", write_coco(tmp_path / "k.json", ONE)),
        ("npz", write_arrays(tmp_path / "k.npz", ONE)),
        ("npz", write_videopose3d(tmp_path / "v.npz", KEYPOINTS)),
    ):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        assert name in sentence(path)
    np.save(tmp_path / "k.npy", KEYPOINTS)
    content = (tmp_path / "k.npy").read_bytes()
    (tmp_path / "k.npy").write_bytes(content[: len(content) // 2])
    assert "is no whole array of keypoints" in sentence(tmp_path / "k.npy")
    folder = write_openpose(tmp_path / "op", ONE, BODY_25)
    broken = folder / "walk_000000000004_keypoints.json"
    broken.write_text(broken.read_text()[:100])
    with pytest.raises(
        InputError,
        match=r"op/walk_000000000004_keypoints\.json is not whole JSON \(it breaks off or goes wrong",
    ):
        read_keypoints(folder)


def test_too_many_are_refused_before_arrays_are_built(tmp_path, monkeypatch):
    person_of_none = '{"pose_keypoints_2d": [1, 2, 0.5]}'
    path = tmp_path / "k.json"
    path.write_text('{"people": [' + ",".join([person_of_none] * 1001) + "]}")
    assert sentence(path) == " has 1,001 people in one frame, 1,000 are the most: leave some out"
    entry = '{"image_id": 3, "category_id": 1, "keypoints": [1, 2, 0.5]}'
    path.write_text("[" + ",".join([entry] * 1001) + "]")
    assert sentence(path) == ": frame 3 has 1,001 people, 1,000 are the most: leave some out"
    monkeypatch.setattr(keypoints, "MAX_SIGHTINGS", 1000)
    assert sentence(path) == " holds 1,001 people in all its frames, 1,000 are the most"
    monkeypatch.setattr(json_files, "MAX_BRACKETS", 1000)
    assert sentence(path) == " has 2,003 lists and dicts, 1,000 are the most: cut it up"
    monkeypatch.setattr(json_files, "MAX_BRACKETS", 10_000)
    monkeypatch.setattr(json_files, "MAX_NUMBERS", 1000)
    assert sentence(path) == " has 5,004 numbers, 1,000 are the most: cut it up"
    monkeypatch.setattr(json_files, "MAX_JSON_BYTES", 2**10)
    assert "larger than" in sentence(path)
    np.savez(tmp_path / "k.npz", keypoints=np.ones((2, 1001, 3, 2)))
    assert sentence(tmp_path / "k.npz").startswith(
        " has 1,001 people in each of 2 frames, 1,000 are the most: leave some"
    )


def test_nested_lists_without_end_are_one_sentence(tmp_path):
    (tmp_path / "k.json").write_text("[" * 100_000 + "]" * 100_000)
    assert "nests lists too deeply" in sentence(tmp_path / "k.json")


def test_files_of_no_known_format_say_what_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"what": 1}')
    assert sentence(tmp_path / "a.json").startswith(" is JSON of no known form: read are OpenPose's folder, ")
    (tmp_path / "b").write_bytes(bytes(range(256)))
    assert sentence(tmp_path / "b") == " is neither text nor an npz file: give a file of keypoints"
    np.savez(tmp_path / "c.npz", points=np.ones(3))
    assert sentence(tmp_path / "c.npz") == " has arrays points and no keypoints: name them keypoints and scores"
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    assert sentence(tmp_path / "d.csv").startswith(" has no columns of points such as nose_x")
    (tmp_path / "e.txt").write_text("hello\n")
    assert (
        sentence(tmp_path / "e.txt") == " is no table of keypoints (its first line has one column): give another file"
    )
    (tmp_path / "f.json").write_text("[]")
    assert sentence(tmp_path / "f.json") == " holds nobody: give a file with at least one person in one frame"
    assert sentence(tmp_path / "none") == " is missing: give a file of keypoints"
    (tmp_path / "g").mkdir()
    assert sentence(tmp_path / "g").startswith(" has no JSON files")


def test_layouts_are_said_known_by_their_count_or_asked_for(tmp_path):
    npz = read_keypoints(write_arrays(tmp_path / "k.npz", ONE))
    assert layout_of(npz, "coco17") == "coco17" and layout_of(npz, "h36m17") == "h36m17"
    with pytest.raises(InputError, match=r"17 points a person and does not say which: give --layout h36m17 or coco17$"):
        layout_of(npz, None)
    with pytest.raises(InputError, match=r"has 17 points a person, halpe26 has 26: give --layout h36m17 or coco17$"):
        layout_of(npz, "halpe26")
    with pytest.raises(InputError, match="no keypoint layout is called 'coco'"):
        layout_of(npz, "coco")
    results = read_keypoints(write_coco(tmp_path / "k.json", ONE))
    assert layout_of(results, None) == "coco17"
    with pytest.raises(
        InputError, match=r"\(COCO\) has the 17 points of coco17, not the 17 of h36m17: give --layout coco"
    ):
        layout_of(results, "h36m17")
    np.save(tmp_path / "k.npy", np.ones((3, 26, 2)))
    assert layout_of(read_keypoints(tmp_path / "k.npy"), None) == "halpe26"
    np.save(tmp_path / "k.npy", np.ones((3, 12, 2)))
    with pytest.raises(InputError, match=r"12 points a person, which no known layout has: h36m17 \(17\), "):
        layout_of(read_keypoints(tmp_path / "k.npy"), None)
    np.save(tmp_path / "k.npy", np.arange(3 * 133 * 2.0).reshape(3, 133, 2))
    wholebody = read_keypoints(tmp_path / "k.npy")
    assert layout_of(wholebody, None) == "coco_wholebody"
    np.testing.assert_array_equal(wholebody.keypoints[1, 22], [310, 311])  # the last of body and feet
    assert layout_of(wholebody, "coco17") == "coco17" and of_coco(wholebody).layout == "coco17"
    np.testing.assert_array_equal(of_coco(wholebody).keypoints, wholebody.keypoints[:, :17])
    with pytest.raises(InputError, match=r"not the 17 of h36m17: give --layout coco_wholebody, or leave it out$"):
        layout_of(wholebody, "h36m17")


def test_ids_are_the_files_own_where_they_tell_people_apart(tmp_path):
    two = [person(), person(x_px=150)]
    tracked = read_keypoints(write_alphapose(tmp_path / "a.json", two, range(17), [4, [7.0, 2.0]]))
    assert tracked.people[:4].tolist() == [4, 7, 4, 7]
    untracked = read_keypoints(write_alphapose(tmp_path / "b.json", two, range(17), [[0.0], [0.0]]))
    assert untracked.people is None
    assert untracked.said == (f"{tmp_path}/b.json: idx is 0 for everybody, so people are told apart by where they are",)
    twice = write_coco(tmp_path / "c.json", two, track_id=5)
    change(twice, lambda entries: entries[0].__setitem__("track_id", 1))
    found = read_keypoints(twice)
    assert found.people is None
    assert found.said == (f"{twice}: track_id is 5 twice in frame 1, so people are told apart by where they are",)
    sleap = read_keypoints(write_sleap(tmp_path / "s.csv", two))
    assert sleap.people[:4].tolist() == [0, 1, 0, 1]
    assert read_keypoints(write_detectron(tmp_path / "d.npz", two)).people is None
    folder = write_openpose(tmp_path / "op", two, BODY_25)
    assert read_keypoints(folder).people is None
    for file in folder.iterdir():
        change(file, lambda content: [one.update(person_id=[i]) for i, one in enumerate(content["people"])])
    assert read_keypoints(folder).people[:4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("title", ["person_id", "Track ID", "track", "person", "id"])
@pytest.mark.parametrize("form", [int, float, str, "walker {}".format])
def test_people_of_a_table_have_the_numbers_of_a_column(tmp_path, title, form):
    header = ["frame", title, *(f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score"))]
    two = [triples(*person()), triples(*person(x_px=150))]
    rows = [[n, form(number), *one[n]] for n in range(12) for number, one in zip((7, 9), two, strict=True)]
    path = write_table(tmp_path / "k.csv", [header, *rows])
    found = read_keypoints(path)
    assert found.people[:4].tolist() == ([0, 1, 0, 1] if form(7) == "walker 7" else [7, 9, 7, 9]) and not found.said
    rows[2][1] = ""
    found = read_keypoints(write_table(path, [header, *rows]))
    apart = "so people are told apart by where they are"
    assert found.people is None
    assert found.said == (f"{path}: 1 of 24 sightings of people have no {title}, {apart}",)
    sure = [[row[0], 0.9 + row[0] / 1000, *row[2:]] for row in rows[::2]]  # a detector's word on a person
    found = read_keypoints(write_table(path, [header, *sure]))
    assert found.people is None and (title == "id") == (not found.said)


def test_ids_that_number_rows_are_not_those_of_people(tmp_path):
    header = ["id", *(f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score"))]
    rows = [[n, *row] for n, row in enumerate(triples(*ONE[0]))]
    found = read_keypoints(write_table(tmp_path / "k.csv", [header, *rows]))
    assert found.people is None and not found.said


def test_numbered_landmarks_are_of_people_with_numbers(tmp_path):
    header = ["frame", "person_id", *(f"{axis}{number}" for number in range(33) for axis in ("x", "y", "z", "v"))]
    frames = [[value for one in frame for value in one.values()] for frame in landmarks(*ONE[0])]
    rows = [[n, number, *frame] for n, frame in enumerate(frames) for number in (7, 9)]
    assert read_keypoints(write_table(tmp_path / "k.csv", [header, *rows])).people[:4].tolist() == [7, 9, 7, 9]


def test_numbers_of_people_may_be_text_and_are_said_where_some_lack(tmp_path):
    two = [person(), person(x_px=150)]
    for write in (write_coco, lambda path, people: write_alphapose(path, people, range(17), [0, 1])):
        path = write(tmp_path / "k.json", two)
        change(path, lambda entries: [one.update(track_id=str(7 + 2 * (n % 2))) for n, one in enumerate(entries)])
        assert read_keypoints(path).people[:4].tolist() == [7, 9, 7, 9]
    path = write_coco(tmp_path / "k.json", two)
    change(path, lambda entries: [one.update(track_id=7 + n % 2) for n, one in enumerate(entries[:23])])
    found = read_keypoints(path)
    assert found.people is None and found.said == (
        f"{path}: 1 of 24 sightings of people have no track_id, so people are told apart by where they are",
    )


def test_one_number_for_everybody_tells_nobody_apart(tmp_path):
    two = [person(), person(x_px=150)]
    everybody = "is 0 for everybody, so people are told apart by where they are"
    folder = write_openpose(tmp_path / "op", two, BODY_25)
    for file in folder.iterdir():
        change(file, lambda content: [one.update(person_id=[0]) for one in content["people"]])
    found = read_keypoints(folder)
    assert found.people is None and found.said[0] == f"{folder}: person_id {everybody}"
    frames = mmpose_frames(two)
    for frame in frames:
        for instance in frame["instances"]:
            instance["track_id"] = 0
    (tmp_path / "m.json").write_text(json.dumps(frames))
    found = read_keypoints(tmp_path / "m.json")
    assert found.people is None and found.said == (f"{tmp_path}/m.json: track_id {everybody}",)
    path = write_alphapose(tmp_path / "a.json", two, range(17), [1, 2])
    change(path, lambda entries: entries[9].update(idx=1))
    found = read_keypoints(path)
    assert found.people is None
    assert found.said == (f"{path}: idx is 1 twice in frame 4, so people are told apart by where they are",)
    alone = write_coco(tmp_path / "one.json", ONE, track_id=0)
    assert read_keypoints(alone).people.tolist() == [0] * 12


def test_frames_have_the_numbers_of_their_pictures(tmp_path):
    path = write_coco(tmp_path / "k.json", ONE)
    change(path, lambda entries: [e.update(image_id=f"dir/walk_{40 - e['image_id']:04d}.png") for e in entries])
    file = read_keypoints(path)
    assert file.frames.tolist() == list(range(29, 41))
    np.testing.assert_allclose(file.keypoints[0], KEYPOINTS[11], atol=1e-3)  # sorted, as the numbers are
    change(path, lambda entries: entries[0].update(image_id="other_0039.png"))
    assert "are both frame 39: give one file for each video, or" in read_keypoints(path).pictures.alike
    change(path, lambda entries: entries[0].update(image_id="walk.png"))
    named = ["walk", *(f"walk_{number:04d}" for number in range(29, 40))]
    assert [*read_keypoints(path).pictures.names.values()] == named
    change(path, lambda entries: entries[0].update(image_id=""))
    assert sentence(path) == ": the name '' has no frame's number: name pictures by their frames"
    change(path, lambda entries: entries[0].update(image_id=3))
    assert sentence(path) == ": image_id is a name in some entries and not in others: give it in all, or in none"
    change(path, lambda entries: [e.update(image_id=-1) for e in entries])
    assert sentence(path) == ": frame -1 is below 0: number frames from 0"
    change(path, lambda entries: [e.update(image_id=0.5) for e in entries])
    assert sentence(path) == ": a frame's number is no whole number below 2 billion: correct the file"
    change(path, lambda entries: entries[3].pop("keypoints"))
    assert sentence(path).startswith(": entry 3 has no image_id and keypoints")


def test_who_has_no_points_is_passed_over(tmp_path):
    """As where a detector found a box and no pose in it."""
    path = write_coco(tmp_path / "k.json", ONE)
    change(path, lambda entries: [entries[frame].update(keypoints=[]) for frame in (0, 5, 11)])
    file = read_keypoints(path)
    assert (file.format, file.frames.tolist()) == ("COCO", [1, 2, 3, 4, 6, 7, 8, 9, 10]) and file.layout == "coco17"
    change(path, lambda entries: [entry.update(keypoints=[]) for entry in entries])
    assert sentence(path) == " holds nobody: give a file with at least one person in one frame"
    frames = mmpose_frames(ONE)
    for frame in (0, 5, 11):
        frames[frame]["instances"][0].update(keypoints=[], keypoint_scores=[])
    (tmp_path / "m.json").write_text(json.dumps(frames))
    file = read_keypoints(tmp_path / "m.json")
    assert (file.frames.tolist(), file.n_frames) == ([1, 2, 3, 4, 6, 7, 8, 9, 10], 12)
    path = write_alphapose_open(tmp_path / "a.json", *ONE[0])
    change(path, lambda pictures: pictures["0.jpg"]["people"][0].update(pose_keypoints_2d=[]))
    assert read_keypoints(path).frames.tolist() == list(range(1, 12))


def test_frames_without_anybody_are_counted(tmp_path):
    frames = mmpose_frames(ONE)
    frames[0]["instances"], frames[11]["instances"] = [], []
    (tmp_path / "m.json").write_text(json.dumps(frames))
    file = read_keypoints(tmp_path / "m.json")
    assert (file.frames[0], file.frames[-1], file.n_frames, file.first_frame) == (1, 10, 12, 0)
    (tmp_path / "m.json").write_text(json.dumps([frame | {"frame_id": n} for n, frame in enumerate(frames, 1)]))
    file = read_keypoints(tmp_path / "m.json")
    assert (file.frames[0], file.frames[-1], file.n_frames, file.first_frame) == (2, 11, 13, 1)
    folder = write_openpose(tmp_path / "op", ONE, BODY_25)
    change(folder / "walk_000000000011_keypoints.json", lambda content: content["people"].clear())
    assert read_keypoints(folder).n_frames == 12
    path = write_coco_annotations(tmp_path / "annotations.json", ONE[0][0])
    change(path, lambda content: content.update(annotations=content["annotations"][2:-3]))
    change(path, lambda content: [one.update(file_name=f"{n}.png") for n, one in enumerate(content["images"], 1)])
    file = read_keypoints(path)
    assert (file.frames[0], file.frames[-1], file.n_frames, file.first_frame) == (3, 9, 13, 1)


def test_hidden_files_of_a_folder_are_left_alone(tmp_path):
    """As macOS leaves one beside each on disks of other systems."""
    folder = write_openpose(tmp_path / "op", ONE, BODY_25)
    for file in list(folder.iterdir()):
        file.with_name(f"._{file.name}").write_bytes(b"\x00\x05\x16\x07")
    assert read_keypoints(folder).frames.tolist() == list(range(12))
    for file in folder.glob("walk_*"):
        file.unlink()
    assert sentence(folder).startswith(" has no JSON files")


def test_points_are_known_by_their_names(tmp_path):
    names = [name.replace("left_", "L-").replace("right_", "R-") for name in COCO_NAMES]
    names[0] = "snout"
    path = write_deeplabcut(tmp_path / "d.csv", *ONE[0], names)
    file = read_keypoints(path)
    assert file.layout == "coco17" and np.isnan(file.keypoints[:, 0]).all()
    np.testing.assert_allclose(file.keypoints[:, 5], KEYPOINTS[:, 5], atol=1e-3)
    assert file.said[:2] == (
        f"{path}: coco17 has no points snout, which are left out",
        f"{path} is read as coco17; of its points the file lacks nose",
    )
    file = read_keypoints(path, None, {"snout": "nose"})
    np.testing.assert_allclose(file.keypoints, KEYPOINTS, atol=1e-3)
    assert file.said == ()
    assert sentence(path, None, {"snout": "tail"}).startswith(
        ": coco17 has no point 'tail': its points are nose, left_eye"
    )
    assert sentence(path, None, {"tail": "nose"}).startswith(" has no point 'tail', which the file of names lists")
    assert read_keypoints(path, "halpe26").layout == "halpe26"
    with pytest.raises(InputError, match="has no names of points: leave --names out"):
        read_keypoints(write_coco(tmp_path / "k.json", ONE), None, {"snout": "nose"})
    write_deeplabcut(path, *ONE[0], [f"p{number}" for number in range(17)])
    assert sentence(path).startswith(": no name of p0, p1, p2, p3, p4 ... is a point of any known layout: give a file")


SAME_FIT = {
    "below the head": (COCO_NAMES[5:], "coco17"),  # 12, which six layouts have
    "without ankles": (COCO_NAMES[5:15], "coco17"),  # as many are joints of h36m17
    "with heels": ([*COCO_NAMES, "left_heel", "right_heel"], "body25"),  # 19, also of halpe26 and coco_wholebody
    "all of coco_wholebody": (layout("coco_wholebody").points, "coco_wholebody"),  # body25 has all 23 as well
    "all of mpii16": (layout("mpii16").points, "mpii16"),
}


@pytest.mark.parametrize("name", SAME_FIT)
def test_of_layouts_that_fit_alike_one_with_lifters_is_taken(tmp_path, name):
    points, taken = SAME_FIT[name]
    path = write_table(
        tmp_path / "k.csv", [[f"{one}_{axis}" for one in points for axis in "xy"], [5] * 2 * len(points)]
    )
    assert read_keypoints(path).layout == taken


def test_mmposes_names_of_points_are_used(tmp_path):
    """As its PoseTrack18 has them: neck and top of the head where COCO has the eyes."""
    names = ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]]
    meta = {"dataset_name": "posetrack18", "keypoint_id2name": {str(n): name for n, name in enumerate(names)}}
    path = tmp_path / "m.json"

    def read(asked=None):
        path.write_text(json.dumps({"meta_info": meta, "instance_info": mmpose_frames(ONE)}))
        return read_keypoints(path, asked)

    file = read()
    assert file.layout == "coco17" and np.isnan(file.keypoints[:, 1:3]).all() and not file.confidence[:, 1:3].any()
    np.testing.assert_allclose(file.keypoints[:, 3:], KEYPOINTS[:, 3:], atol=1e-3)
    assert file.said == (
        f"{path}: coco17 has no points head_bottom, head_top, which are left out",
        f"{path} is read as coco17; of its points the file lacks left_eye, right_eye",
    )
    assert read("h36m17").said[0].startswith(f"{path}: h36m17 has no points nose, head_bottom, head_top, left_ear")
    meta["keypoint_id2name"] = {str(n): name for n, name in enumerate(reversed(COCO_NAMES))}
    np.testing.assert_allclose(read().keypoints, KEYPOINTS[:, ::-1], atol=1e-3)
    meta["keypoint_id2name"] = {str(n): f"p{n}" for n in range(17)}
    unknown = (
        " has the 17 points of posetrack18, which is no known layout: give --layout if they are in the order of one"
    )
    with pytest.raises(InputError) as caught:
        read()
    assert str(caught.value) == f"{path}{unknown}"
    assert read("coco17").layout == "coco17" and read("coco17").said == (
        f"{path}: no layout has points p0, p1, p2, p3, p4: all are taken in coco17's order, as --layout says",
    )
    np.testing.assert_allclose(read("coco17").keypoints, KEYPOINTS, atol=1e-3)
    path.write_text(json.dumps({"meta_info": meta, "instance_info": mmpose_frames(ONE)}))
    mapped = read_keypoints(path, None, {f"p{n}": name for n, name in enumerate(reversed(COCO_NAMES))})
    np.testing.assert_allclose(mapped.keypoints, KEYPOINTS[:, ::-1], atol=1e-3)
    del meta["keypoint_id2name"]
    path.write_text(json.dumps({"meta_info": meta, "instance_info": mmpose_frames(ONE)}))
    assert sentence(path) == unknown
    assert sentence(path, None, {"p0": "nose"}) == " (MMPose) has no names of points that are used: leave --names out"
    meta["dataset_name"] = None
    assert read().layout is None


def test_posetracks_ids_end_in_frames(tmp_path):
    path = write_coco(tmp_path / "k.json", ONE)
    change(path, lambda entries: [entry.update(image_id=10003420000 + entry["image_id"]) for entry in entries])
    file = read_keypoints(path)
    assert file.frames.tolist() == list(range(12)) and file.said == (
        f"{path}: image_id is 10003420000 and on, as PoseTrack's: its last four digits are taken as the frame, and "
        "points as COCO's",
    )
    change(path, lambda entries: entries[11].update(image_id=10003430000))  # of another sequence
    assert sentence(path) == ": a frame's number is no whole number below 2 billion: correct the file"


POSETRACK = ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]]


@pytest.mark.parametrize("names", [COCO_NAMES, COCO_NAMES[::-1], POSETRACK, [str(k) for k in range(1, 18)], []])
def test_annotations_are_in_the_order_of_their_categories_names(tmp_path, names):
    path = write_coco_annotations(tmp_path / "k.json", KEYPOINTS[:, ::-1] if names == COCO_NAMES[::-1] else KEYPOINTS)
    change(path, lambda content: content["categories"][0].update(keypoints=names))
    animals = {"id": 2, "name": "dog", "keypoints": ["tail", "paw"]}
    change(path, lambda content: content["categories"].append(animals))
    found = read_keypoints(path)
    assert (found.layout, found.frames.tolist()) == ("coco17", list(range(12)))
    expected = KEYPOINTS.copy()
    if names == POSETRACK:
        expected[:, 1:3] = np.nan
        assert found.said == (
            f"{path}: coco17 has no points head_bottom, head_top, which are left out",
            f"{path} is read as coco17; of its points the file lacks left_eye, right_eye",
            f"{path}: 11.8% of all points are undetected",
        )
    else:
        assert not found.said
    np.testing.assert_allclose(found.keypoints, expected, rtol=1e-6)


def test_annotations_with_feet_have_names_of_the_body_alone(tmp_path):
    feet = [[7.0 + point, 400.0, 2.0] for point in range(6)]
    path = write_coco_annotations(tmp_path / "k.json", KEYPOINTS)
    change(path, lambda content: [one.update(foot_kpts=sum(feet, [])) for one in content["annotations"]])
    as_before = read_keypoints(path)
    change(path, lambda content: content["categories"][0].update(keypoints=COCO_NAMES[::-1]))
    turned = read_keypoints(path)
    assert (as_before.layout, turned.layout) == ("coco_wholebody", "coco_wholebody")
    np.testing.assert_array_equal(turned.keypoints[:, :17], as_before.keypoints[:, 16::-1])
    np.testing.assert_array_equal(turned.keypoints[:, 17:], as_before.keypoints[:, 17:])


def test_annotations_of_points_that_no_layout_has_are_refused(tmp_path):
    path = write_coco_annotations(tmp_path / "k.json", KEYPOINTS)

    def named(*lists):
        categories = [{"id": 1, "keypoints": names} for names in lists]
        return change(path, lambda content: content.update(categories=categories))

    parts = [f"part{number}" for number in range(17)]
    assert sentence(named(parts)).endswith(
        "is a point of any known layout: give a file of names with --names (columns name,point), or --layout if they "
        "are in the order of one"
    )
    in_order = read_keypoints(path, "coco17")
    assert in_order.layout == "coco17" and len(in_order.said) == 1 and "in coco17's order" in in_order.said[0]
    np.testing.assert_allclose(in_order.keypoints, KEYPOINTS, rtol=1e-6)
    found = read_keypoints(path, None, dict(zip(parts, COCO_NAMES, strict=True)))
    assert not found.said
    np.testing.assert_allclose(found.keypoints, KEYPOINTS, rtol=1e-6)
    assert sentence(named(COCO_NAMES[:12])) == ": categories name 12 points, but people have 17: correct the names"
    assert read_keypoints(path, "coco17").said == (
        f"{path}: categories name 12 points, but people have 17, which are taken in coco17's order, as --layout says",
    )
    assert not read_keypoints(named(COCO_NAMES, [name.upper() for name in COCO_NAMES])).said
    assert layout_of(read_keypoints(named([]), "h36m17"), "h36m17") == "h36m17"
    different = ": categories have points of different names: give one file for each"
    assert sentence(named(COCO_NAMES, COCO_NAMES[::-1])) == different
    assert sentence(named(), None, {"snout": "nose"}) == " (COCO annotations) has no names of points: leave --names out"


def test_an_order_that_is_asked_for_is_that_of_names_of_which_some_are_unknown():
    """Human3.6M's joints as others name them; where a known name is elsewhere, names decide."""
    ours = [*layout("h36m17").points]
    others = ["root", *ours[1:9], "neck_base", *ours[10:]]
    _, where, said = in_layout("k.json", others, "h36m17", {})
    assert where == list(range(17)) and said == [
        "k.json: no layout has points root, neck_base: all are taken in h36m17's order, as --layout says"
    ]
    where = in_layout("k.json", [others[2], others[1], others[0], *others[3:]], "h36m17", {})[1]
    assert where[:3] == [None, 1, 0] and where[9] is None
    where = in_layout("k.json", ["nose", "head_bottom", "head_top", *COCO_NAMES[3:]], "coco17", {})[1]
    assert where == [0, None, None, *range(3, 17)]


def test_a_nose_alone_among_names_that_nobody_knows_is_not_enough():
    german = [name.replace("left", "links").replace("right", "rechts") for name in COCO_NAMES]
    with pytest.raises(InputError) as caught:
        in_layout("k.csv", german, None, {})
    assert str(caught.value) == (
        "k.csv: of nose, links_eye, rechts_eye, links_ear, rechts_ear ... coco17 has no more points than nose: give a "
        "file of names with --names (columns name,point), or --layout if they are in the order of one"
    )
    assert in_layout("k.csv", german, "coco17", {})[1] == list(range(17))
    assert in_layout("k.csv", ["left_wrist", "right_wrist"], None, {})[1].count(None) == 15  # is refused as nobody


@pytest.mark.parametrize(
    "form", ["{0[0]}{1}", "{0[0]}_{1}", "{2[0]}{3}", "{0}{1}", "{1}_{0[0]}", "{1}{2[0]}", "{2[0]}.{3}", "{1}{0}"]
)
def test_sides_may_be_one_letter_before_or_behind(form):
    parts = [name.partition("_") for name in COCO_NAMES]
    names = [form.format(side, part, side.capitalize(), part.capitalize()) if part else side for side, _, part in parts]
    assert in_layout("k.json", names, None, {})[1:] == (list(range(17)), [])


def test_an_annotation_of_no_picture_is_named(tmp_path):
    path = write_coco_annotations(tmp_path / "a.json", ONE[0][0])
    change(path, lambda content: content["annotations"][4].update(image_id=77))
    assert sentence(path) == (
        ": an annotation has image_id 77, which is none of images: add that one, or leave the annotation out"
    )


def test_points_are_known_by_names_in_capitals(tmp_path):
    """As of MediaPipe's PoseLandmark: LEFT_SHOULDER."""
    header = [f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score")]
    table = write_table(tmp_path / "k.csv", [[one.upper() for one in header], *triples(KEYPOINTS, SCORES)])
    found = read_keypoints(table)
    assert found.layout == "coco17" and not found.said
    np.testing.assert_allclose(found.keypoints, KEYPOINTS, rtol=1e-6)


@pytest.mark.parametrize("title", ["Frame", "FRAME_ID", "", "Unnamed: 0"])
def test_rows_have_the_numbers_of_their_frames(tmp_path, title):
    header = [title, *(f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score"))]
    rows = [[3 * frame, *row] for frame, row in enumerate(triples(KEYPOINTS, SCORES))]
    assert read_keypoints(write_table(tmp_path / "k.csv", [header, *rows])).frames.tolist() == list(range(0, 36, 3))
    rows[4][0] = 12.5
    path = write_table(tmp_path / "k.csv", [header, *rows])
    assert sentence(path) == " line 6: the row has no frame's number in column 1: correct it"


def test_who_is_there_twice_is_taken_once(tmp_path):
    """As where results of overlapping parts of a video were joined."""
    two = write_coco(tmp_path / "k.json", [person(), person(x_px=150)])
    entries = json.loads(two.read_text())
    two.write_text(json.dumps(entries[6:12] + entries))
    found = read_keypoints(two)
    assert found.frames.tolist() == [frame for frame in range(12) for _ in range(2)]
    assert found.said == (f"{two}: 6 people are there twice, point for point, and are taken once",)


def test_frames_that_were_labelled_in_deeplabcut(tmp_path):
    """CollectedData: folder, video and picture in three columns, and no likelihood."""
    header = [[title, "", ""] for title in ("scorer", "bodyparts", "coords")]
    columns = (["me"] * 34, [name for name in COCO_NAMES for _ in "xy"], ["x", "y"] * 17)
    rows = [
        ["labeled-data", "walk", f"img{frame:04d}.png", *KEYPOINTS[row].ravel()]
        for row, frame in enumerate([7, 20, 31])
    ]
    rows[1][3:5] = ["", ""]
    table = [[*titles, *more] for titles, more in zip(header, columns, strict=True)]
    file = read_keypoints(write_table(tmp_path / "k.csv", [*table, *rows]))
    assert file.frames.tolist() == [7, 20, 31]
    np.testing.assert_allclose(file.keypoints[2], KEYPOINTS[2], atol=1e-3)
    assert file.confidence[1].tolist() == [0, *[1] * 16]
    rows[1][1:3] = ["run", "img0020.png"]
    path = write_table(tmp_path / "k.csv", [*table, *rows])
    several = (
        " has labels of several videos, 'labeled-data/walk' and 'labeled-data/run': give the table of one of them, as "
        "in its folder"
    )
    assert sentence(path) == several
    in_one = [["\\".join(row[:3]), *row[3:]] for row in rows]  # as on Windows
    table = [[row[0], *row[3:]] for row in table]
    assert sentence(write_table(tmp_path / "k.csv", [*table, *in_one])) == several
    in_one[1][0] = "labeled-data\\walk\\img0020.png"
    assert read_keypoints(write_table(tmp_path / "k.csv", [*table, *in_one])).frames.tolist() == [7, 20, 31]


def test_several_individuals_of_deeplabcut(tmp_path):
    two = [person(), person(x_px=150)]
    write_deeplabcut(tmp_path / "one.csv", *two[0])
    header = [
        ["scorer"] + ["DLC"] * 102,
        ["individuals"] + ["mouse1"] * 51 + ["mouse2"] * 51,
        ["bodyparts"] + [name for name in COCO_NAMES for _ in range(3)] * 2,
        ["coords"] + ["x", "y", "likelihood"] * 34,
    ]
    rows = [[frame, *one, *other] for frame, (one, other) in enumerate(zip(*(triples(*p) for p in two), strict=True))]
    rows[3][1:52] = [""] * 51
    file = read_keypoints(write_table(tmp_path / "two.csv", [*header, *rows]))
    assert file.people[:8].tolist() == [0, 1, 0, 1, 0, 1, 1, 0]
    np.testing.assert_allclose(file.keypoints[6], two[1][0][3], atol=1e-3)


def test_cells_that_are_no_numbers_are_refused_by_their_line(tmp_path):
    path = write_mediapipe_csv(tmp_path / "m.csv", *ONE[0])
    lines = path.read_text().splitlines()
    lines[40] = "1,6,left,0.5,0,0.9"
    path.write_text("\n".join(lines))
    assert sentence(path) == " line 41: a cell is missing or no number: correct it"
    lines[40] = "1,33,0.5,0.5,0,0.9"
    path.write_text("\n".join(lines))
    assert sentence(path) == " line 41: '33' is no landmark of MediaPipe's pose: give 0 to 32"
    path = write_deeplabcut(tmp_path / "d.csv", *ONE[0])
    path.write_text(path.read_text().replace("\n2,", "\n2,x"))
    assert sentence(path) == " line 6: column 2 is no number: correct it"
    excel = tmp_path / "excel.csv"
    excel.write_text("frame;nose_x;nose_y\n0;320,5;90\n")
    assert sentence(excel) == " line 2: column 2 is no number: write decimals with a point, not a comma"


def test_landmarks_in_metres_or_px_are_told_from_normalised_ones(tmp_path):
    world = [[dict(one, x=one["x"] - 0.5, y=one["y"] - 0.54) for one in frame] for frame in landmarks(*ONE[0])]
    (tmp_path / "w.json").write_text(json.dumps(world))
    assert sentence(tmp_path / "w.json").startswith(" holds world landmarks, which are metres around the hips")
    px = [[dict(one, x=640 * one["x"], y=480 * one["y"]) for one in frame] for frame in landmarks(*ONE[0])]
    (tmp_path / "p.json").write_text(json.dumps(px))
    assert sentence(tmp_path / "p.json").startswith(" has landmarks beyond 2, which are px")
    (tmp_path / "s.json").write_text(json.dumps([frame[:20] for frame in px]))
    assert sentence(tmp_path / "s.json") == ": frame 0 has 20 landmarks, MediaPipe's pose has 33: write them all"


def test_pickles_that_would_run_code_are_refused(tmp_path):
    class Runs:
        def __reduce__(self):
            return print, ("run",)

    np.savez(tmp_path / "k.npz", keypoints=np.array([Runs()], object))
    assert "it might run code" in sentence(tmp_path / "k.npz")
    np.savez(tmp_path / "v.npz", positions_2d=np.array({"a": Runs()}, object))
    assert "it might run code" in sentence(tmp_path / "v.npz")
    np.save(tmp_path / "k.npy", np.array([Runs()], object))
    assert "calls" in sentence(tmp_path / "k.npy") or "asks for" in sentence(tmp_path / "k.npy")


def test_a_file_of_several_videos_is_refused(tmp_path):
    positions = {name: {"custom": [KEYPOINTS]} for name in ("a.mp4", "b.mp4")}
    np.savez(tmp_path / "v.npz", positions_2d=positions, metadata={"layout_name": "coco"})
    assert sentence(tmp_path / "v.npz").startswith(" holds keypoints of 2 videos (a.mp4/custom, b.mp4/custom): save")


def test_more_people_than_frames_are_said_because_they_may_be_the_frames(tmp_path):
    points = np.random.default_rng(0).uniform(10, 90, (30, 1, 17, 2))
    for array, doubted in ((points, False), (points[:, 0], False), (points[:3].repeat(19, 1), False)):
        np.save(tmp_path / "k.npy", array)
        assert any("read as" in said for said in read_keypoints(tmp_path / "k.npy").said) == doubted
    np.save(tmp_path / "k.npy", points.swapaxes(0, 1))
    assert read_keypoints(tmp_path / "k.npy").said == (
        f"{tmp_path}/k.npy: keypoints have shape (1, 30, 17, 2), read as 30 people in each of 1 frames: if they are 30 "
        "frames of 1 people, save (frames, people, points, 2)",
    )


def test_frames_of_different_numbers_of_people_may_be_objects(tmp_path):
    two = [person(), person(x_px=150)]
    by_frame, scores = np.empty(12, object), np.empty(12, object)
    for frame in range(12):
        people = two[: frame % 3]
        by_frame[frame] = np.array([points[frame] for points, _ in people]).reshape(-1, 17, 2)
        scores[frame] = np.array([rated[frame] for _, rated in people]).reshape(-1, 17)
    np.savez(tmp_path / "k.npz", keypoints=by_frame, scores=scores)
    file = read_keypoints(tmp_path / "k.npz")
    assert file.frames.tolist() == [1, 2, 2, 4, 5, 5, 7, 8, 8, 10, 11, 11]
    np.testing.assert_allclose(file.keypoints[2], two[1][0][2], atol=1e-3)


def test_openpose_folders_that_lack_frames_keep_their_numbers(tmp_path):
    folder = write_openpose(tmp_path / "op", ONE, BODY_25)
    for file in sorted(folder.iterdir())[:5]:
        file.unlink()
    found = read_keypoints(folder)
    assert found.frames.tolist() == list(range(5, 12)) and found.pictures.counted


@pytest.mark.parametrize("other", ["run", "run/"])
def test_pictures_of_other_videos_that_nobody_labelled_take_nothing_from_annotations(tmp_path, other):
    path = write_coco_annotations(tmp_path / "a.json", ONE[0][0])
    change(
        path,
        lambda content: content["images"].extend(
            [
                one | {"id": one["id"] + 500, "file_name": other + one["file_name"], "width": 320}
                for one in content["images"]
            ]
        ),
    )
    assert read_keypoints(path).frames.tolist() == list(range(12))


def test_an_index_of_zeros_counts_nothing_and_words_for_nothing_are_no_people(tmp_path):
    header = [f"{name}_{axis}" for name in COCO_NAMES for axis in ("x", "y", "score")]
    rows = triples(*ONE[0])
    write_table(tmp_path / "i.csv", [["index", *header], *([0, *row] for row in rows)])
    assert read_keypoints(tmp_path / "i.csv").frames.tolist() == list(range(12))
    named = ([n, "None" if n % 3 == 2 else 7, *row] for n, row in enumerate(rows))
    write_table(tmp_path / "n.csv", [["frame", "track_id", *header], *named])
    found = read_keypoints(tmp_path / "n.csv")
    assert found.people is None and "4 of 12 sightings of people have no track_id" in found.said[0]


def test_numbered_points_that_may_count_from_1_are_asked_about(tmp_path):
    """Ankles are out of the picture: without them nothing tells 1 to 15 from 0 to 14."""
    path = write_numbered(tmp_path / "k.csv", "id", list(enumerate(range(1, 16))), KEYPOINTS, SCORES)
    assert any("no point has the number 0: are they counted from 1?" in one for one in read_keypoints(path).said)
    path = write_numbered(tmp_path / "k.csv", "id", list(enumerate(range(15))), KEYPOINTS, SCORES)
    assert not any("number 0" in one for one in read_keypoints(path).said)
