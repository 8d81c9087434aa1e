import json
import re

import cv2
import pytest
from people import population, write_data
from tiny_models import save_models

from pose3d.commands.run import main
from pose3d.records import frames as frames_module
from pose3d.show.video import GAP_PX, SIDE_PX


def test_missing_data_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"^error: .*sequences.h5 is missing"):
        main(["demo", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="--seconds must be more than 0"):
        main(["demo", "--data", str(tmp_path), "--seconds", "0"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Sequences of 12 frames at 25 frames/s and untrained models, as the stages leave them."""
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, population())
    save_models(folder / "models")
    return folder


@pytest.fixture
def made(data, tmp_path, monkeypatch):
    """Make a demo; gives the frames of sequences.h5 that it asked for, its video's frames and the page's clip."""
    asked = []
    read_rgb = frames_module.read_rgb

    def read_and_note(path, sequence, frames):
        asked.append(frames)
        return read_rgb(path, sequence, frames)

    monkeypatch.setattr(frames_module, "read_rgb", read_and_note)

    def make(*options):
        main(["demo", "--data", str(data), "--out", str(tmp_path / "out"), *options])
        capture = cv2.VideoCapture(str(tmp_path / "out/demo.webm"))
        frames = []
        while (frame := capture.read()[1]) is not None:
            frames.append(frame)
        page = (tmp_path / "out/player.html").read_text(encoding="utf-8")
        return asked, frames, json.loads(re.search(r'id="clip">(.*?)</script>', page)[1])

    return make


def width_of(panels):
    return panels * SIDE_PX + (panels - 1) * GAP_PX


@pytest.mark.slow
def test_the_whole_sequence_beside_the_truth(made, tmp_path):
    asked, frames, clip = made()
    assert asked == [range(12)] and len(frames) == 12
    assert frames[0].shape[1] == width_of(4)
    assert list(clip["poses"]) == ["single frame", "temporal", "ground truth"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"player.html", "demo.webm", "demo.gif"}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--start", "0.2", "--seconds", "0.12"], range(5, 8)),
        (["--start", "0.4"], range(10, 12)),
        (["--start", "0.479"], range(11, 12)),
        (["--seconds", "inf"], range(12)),
        (["--seconds", "0.001"], range(1)),
    ],
)
@pytest.mark.slow
def test_a_part_of_the_sequence(made, options, shown):
    asked, frames, clip = made("--sequence", "S9/Wave-1/cam1", *options)
    assert asked == [shown] and len(frames) == len(shown)
    assert len(clip["keypoints"]) == 4 * -(-len(shown) * 17 * 2 * 4 // 3)  # float32 as base64


def test_without_truth(made):
    _, frames, clip = made("--no-truth", "--seconds", "0.08")
    assert frames[0].shape[1] == width_of(3)
    assert list(clip["poses"]) == ["single frame", "temporal"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "-1"], "--start must be 0 or more, not -1"),
        (["--start", "nan"], "--start must be 0 or more, not nan"),
        (["--start", "0.48"], r"--start must be less than the 0\.48 s that S11/Walk-1/cam0 has, not 0\.48"),
        (["--start", "inf"], r"--start must be less than the 0\.48 s"),
        (["--seconds", "-1"], "--seconds must be more than 0, not -1"),
        (["--seconds", "nan"], "--seconds must be more than 0, not nan"),
        (["--sequence", "S9/Run-1/cam0"], "has no sequence S9/Run-1/cam0"),
    ],
)
def test_bad_choices_are_one_sentence_and_leave_nothing(data, tmp_path, options, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        main(["demo", "--data", str(data), "--out", str(tmp_path / "out"), *options])
    assert str(stopped.value).startswith("error: ") and "\n" not in str(stopped.value)
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_one_sentence(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=rf"^error: Not a directory at {tmp_path / 'file'}"):
        main(["demo", "--data", str(data), "--out", str(tmp_path / "file" / "out"), "--seconds", "0.04"])
