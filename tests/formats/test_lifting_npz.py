"""What is written is read back by the readers of those forms, and by NumPy as other people's code reads it."""

import errno
import json
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from people import SPLITS, camera_ring, detect, population, take
from tiny_npz import METADATA, OTHER_METADATA, original_npz_params, write_original_npz

from pose3d.commands.run import main
from pose3d.config.dataset import OriginalNpzParams, VideoPose3DParams
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.original_npz import OriginalNpz
from pose3d.datasets.recording import Recording, recordings
from pose3d.datasets.videopose3d import VideoPose3D
from pose3d.evaluation.layouts import true_points_px
from pose3d.formats import lifting_npz as write_npz
from pose3d.geometry.layouts import layout
from pose3d.records import pickled_npz_writer
from pose3d.records.hdf5 import create_hdf5
from pose3d.records.keypoints2d import Keypoints2D, write_keypoints2d
from pose3d.records.sequences import write_sequences

pytestmark = pytest.mark.usefixtures("own_signals")  # the command takes over SIGTERM and Ctrl-C

NAMES = {"Walking-1": "Walking-1", "Walking-2": "Walking"}
"""Human3.6M's takes as VideoPose3D has them, in our names."""


def write_pipeline(folder, sequences, detected, splits=SPLITS):
    folder.mkdir(exist_ok=True)
    write_sequences(folder / "sequences.h5", sequences, splits)
    write_keypoints2d(folder / "keypoints2d.h5", zip([s.key for s in sequences], detected, strict=True))
    return folder


def rated(sequences):
    rng = np.random.default_rng(0)
    return [replace(d, confidence=rng.random(d.confidence.shape, np.float32)) for d in detect(sequences, 3)]


def written(data, form, out, capsys):
    """What was printed but the last line, and the block that it shows."""
    main(["write-npz", "--data", str(data), "--format", form, "--out", str(out)])
    *sentences, last = capsys.readouterr().out.splitlines()
    block = json.loads(last.removeprefix("to read it back: "))
    return sentences, block


def read_back(block, out):
    """All keys are in the block: nobody has to add one."""
    params, source = {
        "original_npz": (OriginalNpzParams, OriginalNpz),
        "videopose3d": (VideoPose3DParams, VideoPose3D),
    }[block["source"]]
    found = list(recordings(source(params(**block), out)))
    assert all(isinstance(recording, Recording) for recording in found), found
    return found


def check_equal(recording, sequence, detected, confidence):
    read = recording.sequence
    assert (read.key, read.fps) == (sequence.key, sequence.fps)
    np.testing.assert_array_equal(recording.detected.keypoints_px, detected.keypoints_px)
    np.testing.assert_array_equal(recording.detected.confidence, confidence)
    np.testing.assert_allclose(read.poses_world_m, sequence.poses_world_m, rtol=0, atol=2e-6)
    np.testing.assert_allclose(read.poses_cam_m, sequence.poses_cam_m, rtol=0, atol=2e-6)
    np.testing.assert_allclose(read.keypoints_px, sequence.keypoints_px, rtol=0, atol=2e-3)
    for name, value in vars(sequence.camera).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(read.camera, name), value, rtol=1e-12, atol=1e-12)
        else:
            assert getattr(read.camera, name) == value


def test_frames_without_a_detection_come_back_as_such_where_the_form_can_say_it(tmp_path, capsys):
    sequences = population()
    detected = detect(sequences, 3)
    detected[0].confidence[4:6] = 0
    data = write_pipeline(tmp_path / "data", sequences, detected)
    sentences, _ = written(data, "original", tmp_path / "original", capsys)
    assert "2 frames without a detection are written as their neighbours in time say" in sentences
    sentences, block = written(data, "videopose3d", tmp_path / "out", capsys)
    assert sentences == []
    back = {one.sequence.key: one.detected.confidence for one in read_back(block, tmp_path / "out")}
    np.testing.assert_array_equal(back[sequences[0].key], detected[0].confidence)


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_all_comes_back(tmp_path, form, capsys):
    """Cameras that are not Human3.6M's, among them one whose lens and size differ for one subject."""
    sequences = [
        replace(s, camera=replace(s.camera, width_px=1004, intrinsics_px=s.camera.intrinsics_px + np.diag([9, 9, 0])))
        if s.subject == "S8" and s.camera.id == "cam1"
        else s
        for s in population()
    ]
    sequences = [replace(s, keypoints_px=s.camera.project(s.poses_cam_m).astype(np.float32)) for s in sequences]
    detected = rated(sequences)
    data, out = write_pipeline(tmp_path / "data", sequences, detected), tmp_path / "out"
    sentences, block = written(data, form, out, capsys)
    assert sentences == (["confidences are not written: the form has no place for them"] if form == "original" else [])
    assert block["calibration"] == "cameras.json"
    found = read_back(block, out)
    assert len(found) == len(sequences)
    for recording, sequence, own in zip(found, sequences, detected, strict=True):
        check_equal(recording, sequence, own, 1 if form == "original" else own.confidence)


def test_keypoints_of_another_layout_come_back_in_videopose3ds_form_alone(tmp_path, capsys):
    sequences = population()
    rng = np.random.default_rng(0)
    detected = []
    for sequence in sequences:
        px = true_points_px(sequence, layout("mpii16")) + rng.normal(0, 3, (len(sequence), 16, 2))
        confidence = rng.uniform(0.1, 1, px.shape[:2])
        confidence[2] = confidence[4, 5] = 0
        detected.append(Keypoints2D(px.astype(np.float32), confidence.astype(np.float32), "mpii16"))
    data, out = write_pipeline(tmp_path / "data", sequences, detected), tmp_path / "out"
    _, block = written(data, "videopose3d", out, capsys)
    metadata = np.load(out / "data_2d_h36m_pose3d.npz", allow_pickle=True)["metadata"].item()
    assert metadata == OTHER_METADATA["mpii16"]
    for recording, own in zip(read_back(block, out), detected, strict=True):
        assert recording.detected.layout == "mpii16"
        np.testing.assert_array_equal(recording.detected.confidence, own.confidence)
        seen = own.confidence > 0
        np.testing.assert_array_equal(recording.detected.keypoints_px[seen], own.keypoints_px[seen])
    refused = failed(["--data", data, "--format", "original", "--out", tmp_path / "other"])
    assert "keypoints of the layout mpii16, which have no place in the original's form" in refused


def test_who_has_no_keypoints_is_left_out(tmp_path, capsys):
    """Subjects that infer_2d skips."""
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    others = [sequence for sequence in sequences if sequence.subject != "S7"]
    write_keypoints2d(data / "keypoints2d.h5", zip([s.key for s in others], detect(others, 3), strict=True))
    _, block = written(data, "videopose3d", tmp_path / "out", capsys)
    assert block["subjects"] == {"train": ["S1"], "validation": ["S8"], "test": ["S9", "S11"]}
    assert [r.sequence.key for r in read_back(block, tmp_path / "out")] == [s.key for s in others]


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_human36ms_cameras_need_no_calibration(tmp_path, form, capsys):
    own = tmp_path / "own"
    own.mkdir()
    write_original_npz(own)
    recorded = list(recordings(OriginalNpz(original_npz_params(), own)))
    splits = {"train": ["S1"], "validation": [], "test": ["S9"]}
    data = write_pipeline(tmp_path / "data", [r.sequence for r in recorded], [r.detected for r in recorded], splits)
    sentences, block = written(data, form, tmp_path / "out", capsys)
    renamed = ["takes have the names of VideoPose3D's own files: S1/Walking-2 is its Walking, and so on"]
    assert sentences == (renamed if form == "videopose3d" else []) and block["calibration"] is None
    assert not (tmp_path / "out" / "cameras.json").exists()
    found = read_back(block, tmp_path / "out")
    assert {r.sequence.camera.distortion_model for r in found} == {"human36m"}
    if form == "videopose3d":  # Walking-2 comes back as Walking, and so before Walking-1
        recorded = [replace(r, sequence=replace(r.sequence, action=NAMES[r.sequence.action])) for r in recorded]
        recorded.sort(key=lambda recording: recording.sequence.key.split("/"))
    for recording, wanted in zip(found, recorded, strict=True):
        check_equal(recording, wanted.sequence, wanted.detected, 1)


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_who_has_no_3d_gives_keypoints(tmp_path, form, capsys):
    sequences = population()
    detected = detect(sequences, 3)
    unknown = np.full_like(sequences[0].poses_cam_m, np.nan)
    bare = {"poses_world_m": unknown, "poses_cam_m": unknown, "keypoints_px": unknown[..., :2]}
    without = [replace(s, **bare) if s.subject == "S7" else s for s in sequences]
    data = write_pipeline(tmp_path / "data", without, detected)
    sentences, block = written(data, form, tmp_path / "out", capsys)
    assert sentences == [] and block["keypoints_only"] == ["S7"]
    found = read_back(block, tmp_path / "out")
    assert [one.sequence.has_3d for one in found] == [s.subject != "S7" for s in sequences]
    for one, sequence, own in zip(found, sequences, detected, strict=True):
        assert one.sequence.key == sequence.key
        np.testing.assert_array_equal(one.detected.keypoints_px, own.keypoints_px)


def test_videopose3d_finds_its_own_form(tmp_path, capsys):
    """As its loader takes them: np.load, 32 joints of which it keeps 17, cameras by place, takes after a space."""
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, rated(sequences))
    written(data, "videopose3d", tmp_path / "out", capsys)
    with np.load(tmp_path / "out" / "data_3d_h36m.npz", allow_pickle=True) as file:
        positions = file["positions_3d"].item()
    with np.load(tmp_path / "out" / "data_2d_h36m_pose3d.npz", allow_pickle=True) as file:
        keypoints, metadata = file["positions_2d"].item(), file["metadata"].item()
    assert metadata["num_joints"] == 17 and metadata["layout_name"] == "h36m"
    assert metadata["keypoints_symmetry"] == [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
    assert list(positions["S1"]) == list(keypoints["S1"]) == ["Walk 1", "Wave 1"]
    assert [view.shape for view in keypoints["S1"]["Wave 1"]] == [(12, 17, 3)] * 2
    poses = positions["S1"]["Wave 1"]
    removed = [4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31]
    assert poses.shape == (12, 32, 3) and poses.dtype == np.float32 and np.isnan(poses[:, removed]).all()
    wanted = next(s for s in sequences if s.key == "S1/Wave-1/cam0")
    np.testing.assert_array_equal(np.delete(poses, removed, axis=1), wanted.poses_world_m)


def test_the_original_finds_its_own_form(tmp_path, capsys):
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    written(data, "original", tmp_path / "out", capsys)
    with np.load(tmp_path / "out" / "h36m_gt_train.npz", allow_pickle=True) as file:
        poses, true = file["pose3d"].item(), file["pose2d"].item()
    assert sorted(poses) == ["S1", "S7", "S8"]
    wanted = next(s for s in sequences if s.key == "S8/Wave-1/cam1")
    np.testing.assert_allclose(poses["S8"]["Wave-1"]["cam1"], 1000 * wanted.poses_cam_m)
    np.testing.assert_array_equal(true["S8"]["Wave-1"]["cam1"], wanted.keypoints_px)
    with np.load(tmp_path / "out" / "pose_resnet" / "h36m_pred2d_test.npz", allow_pickle=True) as file:
        assert sorted(file["pose2d"].item()) == ["S11", "S9"]


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_same_data_same_bytes_that_any_numpy_reads(tmp_path, form, capsys):
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, rated(sequences))
    for out in ("first", "second"):
        written(data, form, tmp_path / out, capsys)
    first, second = (
        {p.relative_to(tmp_path / out): p.read_bytes() for p in (tmp_path / out).rglob("*") if p.is_file()}
        for out in ("first", "second")
    )
    assert first == second and len(first) == (5 if form == "original" else 3)
    for path in (tmp_path / "first").rglob("*.npz"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                content = archive.read(member)
                header_bytes = 10 + int.from_bytes(content[8:10], "little")
                names = {arg for code, arg, _ in pickletools.genops(content[header_bytes:]) if code.name == "GLOBAL"}
                assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}


def test_what_the_forms_cannot_hold_is_said(tmp_path, capsys):
    sequences = population()
    moved = take("S7", "Walk-2", 12, [replace(c, translation_m=c.translation_m + 0.1) for c in camera_ring()])
    sequences = sorted([*sequences, *moved], key=lambda s: s.key)
    sequences = [s for s in sequences if s.key != "S8/Wave-1/cam1"]
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    left_out = "left out: S7, whose cameras differ from take to take, because a calibration has one for each subject"
    sentences, block = written(data, "original", tmp_path / "original", capsys)
    assert sentences == [left_out]
    assert len(read_back(block, tmp_path / "original")) == 4 * 4 - 1
    sentences, block = written(data, "videopose3d", tmp_path / "videopose3d", capsys)
    assert sentences == [
        left_out,
        "left out: S8/Wave-1, because the form needs takes that were seen by all cameras",
    ]
    assert len(read_back(block, tmp_path / "videopose3d")) == 4 * 4 - 2


def test_a_subject_that_one_published_camera_never_saw_is_not_given_to_the_others(tmp_path, capsys):
    """Views are known by their order alone: three of four would be read as the first three cameras'."""
    cameras = human36m_cameras()
    sequences = [s for name in ("S1", "S9") for s in take(name, "Walk-1", 12, list(cameras[name].values()))]
    sequences = [s for s in sequences if (s.subject, s.camera.id) != ("S9", "54138969")]
    splits = {"train": ["S1"], "validation": [], "test": ["S9"]}
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3), splits)
    sentences, _ = written(data, "videopose3d", tmp_path / "out", capsys)
    assert sentences == ["left out: S9/Walk-1, because the form needs takes that were seen by all cameras"]
    with np.load(tmp_path / "out" / "data_2d_h36m_pose3d.npz", allow_pickle=True) as file:
        assert list(file["positions_2d"].item()) == ["S1"]
    assert not (tmp_path / "out" / "cameras.json").exists()


def test_takes_have_the_names_that_videopose3d_gives_them():
    """By its data_3d_h36m.npz: take 1 of S1's Eating is "Eating 2", and S9 has "SittingDown" and "SittingDown 1"."""
    takes = [("S1", "Eating-1"), ("S1", "Eating-2"), ("S9", "SittingDown-2"), ("S5", "TakingPhoto-2")]
    names = write_npz.videopose3d_names(takes, published=True)
    assert names[takes[0]] == "Eating 2" and names[takes[1]] == "Eating"
    assert {names[takes[2]]} <= {"SittingDown", "SittingDown 1"} and names[takes[3]].startswith("Photo")
    as_they_are = {take: take[1].replace("-", " ") for take in takes}
    assert write_npz.videopose3d_names(takes, published=False) == as_they_are
    own = [("S1", "Eating"), ("S1", "Eating-2")]  # a take without a number: from VideoPose3D's own files
    assert list(write_npz.videopose3d_names(own, published=True).values()) == ["Eating", "Eating 2"]


def test_views_of_different_moments_are_left_out(tmp_path, capsys):
    sequences = population()
    late = next(i for i, s in enumerate(sequences) if s.key == "S1/Walk-1/cam1")
    moved = sequences[late].poses_world_m + np.float32(0.002)
    sequences[late] = replace(sequences[late], poses_world_m=moved)
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    sentences, _ = written(data, "videopose3d", tmp_path / "out", capsys)
    assert sentences == [
        "left out: S1/Walk-1, whose views show different moments, but the form has one 3D for all",
    ]
    with np.load(tmp_path / "out" / "data_3d_h36m.npz", allow_pickle=True) as file:
        assert list(file["positions_3d"].item()["S1"]) == ["Wave 1"]


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_test_subjects_without_3d_are_refused(tmp_path, form):
    unknown = np.full_like(population()[0].poses_cam_m, np.nan)
    sequences = [
        replace(s, poses_world_m=unknown, poses_cam_m=unknown) if s.subject in ("S8", "S9") else s for s in population()
    ]
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    said = failed(["--data", data, "--format", form, "--out", tmp_path / "out"])
    assert f"{data / 'sequences.h5'}: S8, S9 of the validation and test subjects have no 3D" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_who_lacks_a_camera_of_the_others_is_left_out(tmp_path, form, capsys):
    sequences = [s for s in population() if (s.subject, s.camera.id) != ("S1", "cam1")]
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    sentences, block = written(data, form, tmp_path / "out", capsys)
    assert sentences == [
        "left out: S1, because a calibration has the same cameras for all subjects, which are cam0, cam1 for the others"
    ]
    assert len(read_back(block, tmp_path / "out")) == 4 * 4


@pytest.mark.parametrize("form", ["original", "videopose3d"])
def test_what_is_there_already_is_never_written_over(tmp_path, form):
    """The names are those of people's own data."""
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    name = "h36m_gt_test.npz" if form == "original" else "data_3d_h36m.npz"
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(b"mine")
    assert f"{name} is there already" in failed(["--data", data, "--format", form, "--out", out])
    assert [path.name for path in out.iterdir()] == [name] and (out / name).read_bytes() == b"mine"


def test_views_of_different_lengths_are_cut(tmp_path, capsys):
    long, short = population(frames=12), population(frames=9)
    sequences = [s if s.key == "S1/Walk-1/cam1" else long[i] for i, s in enumerate(short)]
    sequences[1] = replace(sequences[1], fps=30.0)
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    sentences, _ = written(data, "videopose3d", tmp_path / "out", capsys)
    assert sentences == [
        "cut to the shortest of their views: S1/Walk-1, because the form has one length for each",
        "frame rates are not written, and differ: 25, 30 Hz",
    ]
    with np.load(tmp_path / "out" / "data_2d_h36m_pose3d.npz", allow_pickle=True) as file:
        takes = file["positions_2d"].item()["S1"]
    assert [view.shape for view in takes["Walk 1"]] == [(9, 17, 2)] * 2  # sure everywhere: no third number
    assert [view.shape for view in takes["Wave 1"]] == [(12, 17, 2)] * 2


def failed(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["write-npz", *map(str, arguments)])
    assert str(stopped.value).startswith("error: ") and "\n" not in str(stopped.value)
    return str(stopped.value)


def test_bad_input_and_a_full_disk_give_one_sentence_and_no_file(tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert "sequences.h5 is missing" in failed(["--data", tmp_path, "--format", "original", "--out", out])
    sequences = population()
    data = write_pipeline(tmp_path / "data", sequences, detect(sequences, 3))
    moved = [replace(s, camera=replace(s.camera, height_px=900 + len(s.action + s.camera.id) + i))
             for i, s in enumerate(sequences)]  # fmt: skip
    other = write_pipeline(tmp_path / "other", moved, detect(moved, 3))
    assert "nothing can be written; left out: S1" in failed(["--data", other, "--format", "original", "--out", out])
    assert not out.exists()
    with create_hdf5(other / "keypoints2d.h5") as file:
        file.create_group("bodies")["S1"] = [0.0]
    exchanged = failed(["--data", other, "--format", "original", "--out", out])
    assert f"{other / 'keypoints2d.h5'} holds keypoints of nobody in" in exchanged
    (tmp_path / "file").touch()
    below = tmp_path / "file" / "out"
    assert f"at {tmp_path / 'file'}" in failed(["--data", data, "--format", "original", "--out", below])

    def full_at_the_last(value):
        if value == METADATA:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(value)

    whole = pickled_npz_writer._member
    monkeypatch.setattr(pickled_npz_writer, "_member", full_at_the_last)
    assert "No space left on device at " in failed(["--data", data, "--format", "videopose3d", "--out", out])
    assert not [path for path in out.rglob("*") if path.is_file()]
