import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_video import picture

from pose3d.predict.tracking import GivenBoxes, MovingBlobs, PersonTracker, search_boxes
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError

WIDTH, HEIGHT = 320, 240
SPREAD = np.random.default_rng(0).uniform(0, 1, (17, 2))
SPREAD[:4] = [[0, 0], [1, 1], [0, 1], [1, 0]]


def look(images, boxes_px):
    """What a network would see: joints all over the bright part that is nearest to the middle of the box and its
    surroundings, sure where that part is large in them."""
    keypoints, confidences = [], []
    for image, box in zip(images, boxes_px, strict=True):
        (x, y), half = (box[:2] + box[2:]) / 2, 1.25 * (box[2:] - box[:2]).max() / 2
        x0, y0, x1, y1 = (int(max(0, edge)) for edge in (x - half, y - half, x + half, y + half))
        bright = (image[y0:y1, x0:x1, 0] > 100).astype(np.uint8)
        _, _, parts, centres = cv2.connectedComponentsWithStats(bright)
        if len(parts) == 1:
            keypoints.append(np.array([x, y]) + SPREAD)
            confidences.append(np.full(17, 0.1))
            continue
        nearest = 1 + np.linalg.norm(centres[1:] + [x0 - x, y0 - y], axis=1).argmin()
        left, top, width, height, _ = parts[nearest]
        keypoints.append(np.array([x0 + left, y0 + top]) + SPREAD * [width, height])
        confidences.append(np.full(17, 0.8 if height > 0.5 * half else 0.3))
    return Keypoints2D(np.array(keypoints, np.float32), np.array(confidences, np.float32))


def overlap(first, second):
    shared = np.clip(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0, None).prod()
    return shared / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - shared)


def walk(n_frames, start=40, speed=3):
    return [(start + speed * t, 80, start + speed * t + 40, 180) for t in range(n_frames)]


def follow(boxes, batch=4, **options):
    tracker = PersonTracker(look, WIDTH, HEIGHT, **options)
    images = [picture(WIDTH, HEIGHT, box, seed) for seed, box in enumerate(boxes)]
    found = [tracker.follow(images[k : k + batch])[0] for k in range(0, len(images), batch)]
    return tracker, np.concatenate(found)


@pytest.mark.parametrize("batch", [1, 4, 7])
def test_a_walker_is_found_and_followed_from_the_first_frame_on(batch):
    truth = walk(50)
    tracker, boxes = follow(truth, batch)
    assert tracker.found
    assert len(boxes) == 50
    assert min(overlap(a, np.array(b)) for a, b in zip(boxes[batch:], truth[batch:], strict=True)) > 0.6


def test_who_stands_still_is_found_by_searching():
    _, boxes = follow([(230, 120, 270, 220)] * 8)
    assert overlap(boxes[-1], np.array([230, 120, 270, 220])) > 0.6


def test_who_leaves_and_comes_back_elsewhere_is_found_again():
    truth = [*walk(12), *[None] * 12, *[(250, 60, 290, 160)] * 12]
    tracker, boxes = follow(truth)
    assert overlap(boxes[-1], np.array(truth[-1])) > 0.6
    np.testing.assert_array_equal(boxes[20], boxes[23])  # meanwhile the box waits


def test_nobody_in_an_empty_room():
    tracker, boxes = follow([None] * 16)
    assert not tracker.found
    np.testing.assert_array_equal(boxes, np.tile([40, 0, 280, 240], (16, 1)))


def two_people():
    image = picture(WIDTH, HEIGHT, (30, 90, 70, 190))
    image[60:200, 220:276] = 220
    return image


def test_the_largest_person_or_the_nth_from_the_left():
    left, right = np.array([30, 90, 70, 190]), np.array([220, 60, 276, 200])

    def first_box(person):
        return PersonTracker(look, WIDTH, HEIGHT, person).follow([two_people()])[0][0]

    assert overlap(first_box(None), right) > 0.6
    assert overlap(first_box(1), left) > 0.6
    assert overlap(first_box(2), right) > 0.6
    with pytest.raises(InputError, match="person 3 was asked for, 2 can be seen"):
        first_box(3)


def test_blobs_are_what_moves_and_nothing_when_all_does():
    blobs = MovingBlobs()
    for seed, box in enumerate([*[None] * 20, *walk(10)]):
        found = blobs.boxes(picture(WIDTH, HEIGHT, box, seed))
    assert len(found) == 1
    assert overlap(found[0], np.array(walk(10)[-1])) > 0.6
    assert not len(blobs.boxes(255 - picture(WIDTH, HEIGHT, None)))


@given(st.integers(20, 2000), st.integers(20, 2000))
@settings(max_examples=30, deadline=None)
def test_search_boxes_cover_the_picture_and_stay_inside(width, height):
    boxes = search_boxes(width, height)
    assert (boxes[:, :2] >= -1e-6).all()
    assert (boxes[:, 2:] <= np.array([width, height]) + 1e-6).all()
    np.testing.assert_allclose(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    for point in ((1, 1), (width - 1, height - 1), (width / 2, height / 2), (width - 1, 1)):
        assert ((boxes[:, :2] <= point) & (boxes[:, 2:] >= point)).all(1).any()


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


def test_the_background_is_known_from_the_first_frame_on_where_the_beginning_was_shown():
    truth = walk(40)
    images = [picture(WIDTH, HEIGHT, box, seed) for seed, box in enumerate(truth)]
    blobs = MovingBlobs()
    assert not len(blobs.boxes(images[0]))
    blobs = MovingBlobs()
    blobs.learn(images[::2])
    (moving,) = blobs.boxes(images[0])
    assert overlap(moving, np.array(truth[0])) > 0.6


def test_who_moves_is_taken_in_place_of_what_stands_still_unless_asked_for_by_number():
    still = (250, 60, 300, 170)  # the larger one

    def both(box, seed):
        image = picture(WIDTH, HEIGHT, box, seed)
        image[still[1] : still[3], still[0] : still[2]] = 220
        return image

    truth = walk(60, start=20, speed=2)
    images = [both(box, seed) for seed, box in enumerate(truth)]
    for person, expected in ((None, truth[-1]), (2, still)):
        tracker = PersonTracker(look, WIDTH, HEIGHT, person)
        found = [tracker.follow(images[k : k + 2])[0] for k in range(0, len(images), 2)]
        assert overlap(found[-1][-1], np.array(expected)) > 0.6
    tracker = PersonTracker(look, WIDTH, HEIGHT)
    tracker.learn_background(images[::3])
    assert overlap(tracker.follow(images[:2])[0][0], np.array(truth[0])) > 0.6


def test_a_moving_body_of_which_the_network_is_unsure_is_not_left_for_furniture_of_which_it_is_sure():
    furniture = (260, 20, 300, 120)

    def doubtful(images, boxes_px):
        seen = look(images, boxes_px)
        middles = seen.keypoints_px.mean(1)
        on_walker_far_right = (middles[:, 0] > 110) & (middles[:, 1] > 90)
        return Keypoints2D(seen.keypoints_px, np.where(on_walker_far_right[:, None], 0.2, seen.confidence))

    truth = walk(40)
    images = [picture(WIDTH, HEIGHT, box, seed) for seed, box in enumerate(truth)]
    for image in images:
        image[furniture[1] : furniture[3], furniture[0] : furniture[2]] = 200
    tracker = PersonTracker(doubtful, WIDTH, HEIGHT)
    tracker.learn_background(images[::3])
    found = [tracker.follow(images[k : k + 4]) for k in range(0, len(images), 4)]
    boxes = np.concatenate([boxes for boxes, _, _ in found])
    assert found[0][2].all() and not found[-1][2].any()
    assert found[-1][1].confidence.max() < 0.3
    assert min(overlap(a, np.array(b)) for a, b in zip(boxes[4:], truth[4:], strict=True)) > 0.3


def test_a_box_that_slid_onto_a_part_of_a_moving_body_comes_back_to_the_whole():
    truth = walk(40)
    images = [picture(WIDTH, HEIGHT, box, seed) for seed, box in enumerate(truth)]
    slips = iter([False] * 6 + [True] * 2)

    def slipping(images, boxes_px):
        """Once, in both looks of a batch, all joints are on the feet, and sure; around feet they always are."""
        seen = look(images, boxes_px)
        slips_now = next(slips, False)
        for keypoints, confidence, box in zip(seen.keypoints_px, seen.confidence, boxes_px, strict=True):
            if slips_now or (box[2:] - box[:2]).max() < 60:
                confidence[:] = 0.8
                keypoints[:, 1] = keypoints[:, 1].max() - 0.1 * (keypoints[:, 1].max() - keypoints[:, 1])
        return seen

    tracker = PersonTracker(slipping, WIDTH, HEIGHT)
    tracker.learn_background(images[::3])
    found = np.concatenate([tracker.follow(images[k : k + 4])[0] for k in range(0, len(images), 4)])
    errors = [overlap(a, np.array(b)) for a, b in zip(found, truth, strict=True)]
    assert min(errors) < 0.3
    assert min(errors[-16:]) > 0.6


def test_a_cut_to_another_room_is_no_motion():
    blobs = MovingBlobs()
    for seed in range(20):
        blobs.boxes(picture(WIDTH, HEIGHT, None, seed))
    room = picture(WIDTH, HEIGHT, None)
    room[120:] = 230
    for _ in range(15):
        assert not len(blobs.boxes(room))


def test_joints_off_the_moving_body_are_no_persons_however_sure_the_network_is():
    truth = walk(40)
    images = [picture(WIDTH, HEIGHT, box, seed) for seed, box in enumerate(truth)]
    calls = iter(range(100))

    def straying(images, boxes_px):
        seen = look(images, boxes_px)
        if next(calls) >= 20:
            seen.keypoints_px[..., 1] -= 150
        return seen

    tracker = PersonTracker(straying, WIDTH, HEIGHT)
    tracker.learn_background(images[::3])
    found = [tracker.follow(images[k : k + 4]) for k in range(0, len(images), 4)]
    assert found[0][2].all()
    assert found[-1][1].confidence.mean() > 0.5
    assert not found[-1][2].any()
