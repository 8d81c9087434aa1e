import errno
import gc
import signal
import subprocess
import sys
from dataclasses import replace
from unittest.mock import Mock

import h5py
import numpy as np
import pytest
from people import SPLITS, camera_ring, detect, population, take

from pose3d.geometry.layouts import LANDMARK_NAMES, N_LANDMARKS
from pose3d.records.encoded_images import EncodedImages, write_encoded_images
from pose3d.records.hdf5 import create_hdf5, open_hdf5, write_dataset, write_strings
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, read_layout, write_keypoints2d
from pose3d.records.sequences import (
    PoseSequence,
    check_3d,
    check_sequence,
    read_sequences,
    read_splits,
    write_sequences,
)
from pose3d.runtime.errors import InputError

ARRAYS = ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "sequences.h5"
    write_sequences(path, population(), SPLITS)
    return path


def changed(sequence: PoseSequence, **arrays) -> PoseSequence:
    values = {name: getattr(sequence, name) for name in ARRAYS} | arrays
    return PoseSequence(sequence.subject, sequence.action, sequence.camera, sequence.fps, **values)


def test_sequences_round_trip(path):
    written, read = population(), read_sequences(path)
    assert [s.key for s in read] == sorted(s.key for s in written)
    for before, after in zip(written, read, strict=True):
        for name in ARRAYS:
            assert getattr(after, name).dtype == np.float32
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert (after.fps, len(after)) == (before.fps, len(before))
        for name in ("intrinsics_px", "distortion", "rotation", "translation_m", "width_px", "height_px", "id"):
            np.testing.assert_array_equal(getattr(after.camera, name), getattr(before.camera, name))
    assert read_splits(path) == SPLITS
    assert {s.subject for s in read_sequences(path, ["S8", "S9"])} == {"S8", "S9"}


def test_landmarks_come_back_and_where_there_are_none_they_leave_no_trace(path, tmp_path):
    rng = np.random.default_rng(0)
    with h5py.File(path) as file:
        assert "landmarks" not in file.attrs
    assert all(s.landmarks_world_m is None for s in read_sequences(path))
    with_landmarks = [
        replace(s, landmarks_world_m=rng.normal(size=(len(s), N_LANDMARKS, 3)).astype(np.float32)) for s in population()
    ]
    write_sequences(tmp_path / "with.h5", with_landmarks[:1] + population()[1:], SPLITS)
    first, *others = sorted(read_sequences(tmp_path / "with.h5"), key=lambda s: s.key != with_landmarks[0].key)
    np.testing.assert_array_equal(first.landmarks_world_m, with_landmarks[0].landmarks_world_m)
    assert all(s.landmarks_world_m is None for s in others)
    with h5py.File(tmp_path / "with.h5", "r+") as file:
        write_strings(file, "landmarks", LANDMARK_NAMES[::-1])
    with pytest.raises(InputError, match="landmarks are those of another version"):
        read_sequences(tmp_path / "with.h5")


def test_landmarks_that_are_not_finite_are_refused_by_name():
    sequence = population()[0]
    landmarks = np.zeros((len(sequence), N_LANDMARKS, 3), np.float32)
    landmarks[1, LANDMARK_NAMES.index("left_heel"), 2] = np.nan
    with pytest.raises(InputError, match="landmarks_world_m is not finite at frame 1, joint left_heel"):
        check_sequence(replace(sequence, landmarks_world_m=landmarks), "here")
    with pytest.raises(InputError, match="landmarks_world_m has shape"):
        check_sequence(replace(sequence, landmarks_world_m=landmarks[:, 1:]), "here")


def test_the_distortion_model_comes_back_and_opencvs_leaves_no_trace(path, tmp_path):
    sequence = population()[0]
    camera = replace(sequence.camera, distortion_model="human36m")
    with h5py.File(path) as file:
        assert "distortion_model" not in file[sequence.key].attrs

    mixed = [replace(s, camera=camera) if s.key == sequence.key else s for s in population()]
    write_sequences(tmp_path / "mixed.h5", mixed, SPLITS)
    models = {s.key: s.camera.distortion_model for s in read_sequences(tmp_path / "mixed.h5")}
    assert {key for key, model in models.items() if model == "human36m"} == {sequence.key}
    with h5py.File(tmp_path / "mixed.h5", "r+") as file:
        write_strings(file[sequence.key], "distortion_model", ["fisheye"])
    with pytest.raises(InputError, match=rf"mixed.h5: {sequence.key}: .* must be opencv or human36m, not 'fisheye'"):
        read_sequences(tmp_path / "mixed.h5")


def test_a_rational_lens_comes_back_beside_one_of_five_coefficients(path, tmp_path):
    first, *others = population()
    eight = np.array([0.5, -0.6, 0, 0, 0.3, 0.4, -0.4, 0.2])
    rational = replace(first, camera=replace(first.camera, distortion=eight))
    write_sequences(tmp_path / "rational.h5", [rational, *others], SPLITS)
    found = {s.key: s.camera.distortion for s in read_sequences(tmp_path / "rational.h5")}
    np.testing.assert_array_equal(found[first.key], eight)
    assert {len(found[sequence.key]) for sequence in others} == {5}
    with h5py.File(path) as file:
        assert file[first.key].attrs["distortion"].shape == (5,)


def test_equal_content_gives_equal_bytes(path, tmp_path):
    write_sequences(tmp_path / "again.h5", population(), SPLITS)
    assert (tmp_path / "again.h5").read_bytes() == path.read_bytes()


def test_no_sequence_of_a_subject_is_an_error(path):
    with pytest.raises(InputError, match="has no frames of subjects S5"):
        read_sequences(path, ["S5"])


@pytest.mark.parametrize("name", ["poses_world_m", "poses_cam_m", "keypoints_px"])
def test_nan_is_refused_with_sequence_frame_and_joint(tmp_path, name):
    sequence = take("S1", "Walk-1", 5, camera_ring(1))[0]
    bad = getattr(sequence, name).copy()
    bad[3, 16, 1] = np.nan
    with pytest.raises(InputError, match=rf"S1/Walk-1/cam0: {name} is not finite at frame 3, joint RWrist"):
        write_sequences(tmp_path / "out.h5", [changed(sequence, **{name: bad})], SPLITS)
    assert list(tmp_path.iterdir()) == []


def test_2d_only_is_kept_and_3d_may_be_asked_for(tmp_path):
    sequence = take("S1", "Walk-1", 5, camera_ring(1))[0]
    no_poses = np.full((5, 17, 3), np.nan)
    flat = changed(sequence, poses_world_m=no_poses, poses_cam_m=no_poses)
    half = changed(sequence, poses_cam_m=no_poses)
    assert [s.has_3d for s in (sequence, flat, half)] == [True, False, True]
    path = tmp_path / "out.h5"
    write_sequences(path, [flat, *take("S9", "Walk-1", 5, camera_ring(1))], SPLITS | {"validation": []})
    found = read_sequences(path)
    assert [s.has_3d for s in found] == [False, True]
    np.testing.assert_array_equal(found[0].keypoints_px, sequence.keypoints_px)
    check_3d(found[1:], path)
    with pytest.raises(InputError, match="out.h5: S1/Walk-1/cam0 has no 3D poses, which are needed here: name"):
        check_3d(found, path)
    with pytest.raises(InputError, match="poses_cam_m is not finite at frame 0, joint Hip"):
        write_sequences(tmp_path / "half.h5", [half], SPLITS)


def test_2d_that_is_not_annotated_is_kept_where_there_is_no_3d(tmp_path):
    sequence = take("S1", "Walk-1", 5, camera_ring(1))[0]
    unknown = np.full((5, 17, 3), np.nan)
    bare = changed(sequence, poses_world_m=unknown, poses_cam_m=unknown, keypoints_px=unknown[..., :2])
    path = tmp_path / "out.h5"
    write_sequences(path, [bare, *take("S9", "Walk-1", 5, camera_ring(1))], SPLITS | {"validation": []})
    found = read_sequences(path)
    assert [(s.has_3d, s.is_annotated, len(s)) for s in found] == [(False, False, 5), (True, True, 5)]
    np.testing.assert_array_equal(found[0].boxes_px, sequence.boxes_px)
    half = bare.keypoints_px.copy()
    half[2:] = 0
    for bad in (changed(sequence, keypoints_px=unknown[..., :2]), changed(bare, keypoints_px=half)):
        with pytest.raises(InputError, match="keypoints_px is not finite at frame 0, joint Hip"):
            write_sequences(tmp_path / "bad.h5", [bad], SPLITS)


def test_wrong_shapes_and_zero_frames_are_refused(tmp_path):
    sequence = take("S1", "Walk-1", 5, camera_ring(1))[0]
    with pytest.raises(InputError, match=r"S1/Walk-1/cam0: boxes_px has shape \(4, 4\), not \(5, 4\)"):
        write_sequences(tmp_path / "out.h5", [changed(sequence, boxes_px=sequence.boxes_px[:4])], SPLITS)
    empty = changed(sequence, **{name: getattr(sequence, name)[:0] for name in ARRAYS})
    with pytest.raises(InputError, match="S1/Walk-1/cam0: has no frames"):
        write_sequences(tmp_path / "out.h5", [empty], SPLITS)


def test_splits_that_overlap_or_are_empty_are_refused(tmp_path):
    with pytest.raises(InputError, match="subject S8 is in two splits"):
        write_sequences(tmp_path / "out.h5", population(2), SPLITS | {"test": ["S9", "S8"]})
    with pytest.raises(InputError, match="the validation split has zero frames"):
        write_sequences(tmp_path / "out.h5", population(2), SPLITS | {"validation": ["S6"]})
    assert list(tmp_path.iterdir()) == []
    for split in ("train", "test"):
        with pytest.raises(InputError, match=f"the {split} split has zero frames"):
            write_sequences(tmp_path / "out.h5", population(2), SPLITS | {split: []})


def test_validation_may_name_nobody(tmp_path):
    write_sequences(tmp_path / "out.h5", population(2), SPLITS | {"validation": []})
    assert read_splits(tmp_path / "out.h5")["validation"] == []


def test_a_missing_truncated_or_foreign_file_is_named(path, tmp_path):
    with pytest.raises(InputError, match=r"nothing.h5 is missing"):
        read_sequences(tmp_path / "nothing.h5")
    content = path.read_bytes()
    for size in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match=r"sequences.h5 is not a whole HDF5 file"):
            read_sequences(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match=r"sequences.h5 has schema version None, not 2"):
        read_sequences(path)


def test_one_flipped_bit_in_any_dataset_is_found(path):
    content = path.read_bytes()
    with h5py.File(path, "r") as file:
        offsets = [
            file["S9/Walk-1/cam0"][name].id.get_chunk_info(0).byte_offset
            + file["S9/Walk-1/cam0"][name].id.get_chunk_info(0).size // 2
            for name in ARRAYS
        ]
    for offset in offsets:
        damaged = bytearray(content)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"sequences.h5 is damaged"):
            read_sequences(path)
    path.write_bytes(content)
    assert read_sequences(path)


def test_one_flipped_bit_in_any_attribute_or_structure_is_found(path):
    content = path.read_bytes()
    names, fps = content.index(b"S11"), content.index(np.float64(50).tobytes())
    for offset in (names, fps, *range(0, 400, 7), *range(400, len(content), 9973)):
        damaged = bytearray(content)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"sequences.h5 is (damaged|not a whole HDF5 file|laid out)"):
            read_splits(path), read_sequences(path)


def test_structures_are_those_of_hdf5_1_10(tmp_path):
    """What HDF5 2 lays out anew (version 5 of a dataset's layout) no HDF5 1.x reads; before 1.10 (version 3) the index
    of the chunks has no checksum."""
    with create_hdf5(tmp_path / "a.h5") as file:
        assert file.libver == ("v110", "v110")
        write_dataset(file, "x", np.zeros((4, 17, 2), np.float32))
    content = (tmp_path / "a.h5").read_bytes()
    assert content[8] == 3  # of the superblock
    # Version 4, chunked, one filtered chunk, sides and bytes of a number in a byte each, index: that of a single chunk.
    assert content.count(bytes([4, 2, 2, 4, 1, 4, 17, 2, 4, 1])) == 1


def test_a_file_of_a_later_hdf5_is_not_to_be_deleted(path, monkeypatch):
    content = bytearray(path.read_bytes())
    content[8] = 4  # no superblock has that version yet
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"sequences.h5 is laid out as HDF5 [\d.]+ does not know") as raised:
        read_sequences(path)
    assert "have it written again" in str(raised.value) and "delete" not in str(raised.value)
    content[8] = 3
    path.write_bytes(content)

    def of_version_5(*_):
        raise KeyError("Unable to synchronously open object (bad version number for layout message)")

    monkeypatch.setattr(h5py.h5o, "open", of_version_5)
    with pytest.raises(InputError, match=r"sequences.h5 is laid out as HDF5 [\d.]+ does not know") as raised:
        read_sequences(path)
    assert "delete" not in str(raised.value)


def test_a_missing_dataset_is_named(path):
    with h5py.File(path, "r+") as file:
        del file["S9/Walk-1/cam0/boxes_px"]
    with pytest.raises(InputError, match=r"sequences.h5 is damaged or incomplete .*boxes_px"):
        read_sequences(path)


@pytest.mark.parametrize("place", ["S12", "S9/Walking", "S9/Waving/cam0"])
def test_what_is_no_sequence_among_sequences_is_named(tmp_path, place):
    with create_hdf5(tmp_path / "sequences.h5") as file:
        file.create_group("S9/Greeting/cam0")
        write_dataset(file, place, np.zeros(3))
    with pytest.raises(InputError, match=r"sequences\.h5 holds something else beside sequences: delete it and run"):
        read_sequences(tmp_path / "sequences.h5")


def test_a_full_disk_while_an_input_is_open_is_not_blamed_on_the_input(path):
    with pytest.raises(OSError, match="No space left") as caught, open_hdf5(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not isinstance(caught.value, InputError)


def test_a_file_of_keypoints_says_its_layout_and_holds_one(tmp_path):
    path, sequences = tmp_path / "keypoints2d.h5", take("S1", "Walk-1", 3, camera_ring(2))
    of_mpii = [Keypoints2D(np.full((3, 16, 2), i), np.ones((3, 16)), "mpii16") for i in (1, 2)]
    keys = [s.key for s in sequences]
    write_keypoints2d(path, zip(keys, of_mpii, strict=True))
    assert read_layout(path) == "mpii16"
    read = read_keypoints2d(path, sequences, "mpii16")
    assert [one.layout for one in read] == ["mpii16", "mpii16"] and (read[1].keypoints_px == 2).all()
    with pytest.raises(InputError, match=r"keypoints2d.h5 holds keypoints of the layout mpii16, but those of h36m17"):
        read_keypoints2d(path, sequences)
    with pytest.raises(InputError, match=r"cam1 has keypoints of the layout mpii16, those before it are of h36m17"):
        write_keypoints2d(path, zip(keys, [detect(sequences, 1)[0], of_mpii[1]], strict=True))
    write_keypoints2d(path, zip(keys, detect(sequences, 1), strict=True))
    assert read_layout(path) == "h36m17"
    with create_hdf5(path) as file:
        write_strings(file, "layout", ["mine30"])
    with pytest.raises(InputError, match="of a layout 'mine30' that is not known here"):
        read_layout(path)


def test_keypoints_round_trip_and_checks(tmp_path):
    sequences = take("S1", "Walk-1", 5, camera_ring(2))
    detections = detect(sequences, 2.0)
    path = tmp_path / "keypoints2d.h5"
    keys = [s.key for s in sequences]
    write_keypoints2d(path, zip(keys, detections, strict=True))
    for before, after in zip(reversed(detections), read_keypoints2d(path, sequences[::-1]), strict=True):
        np.testing.assert_array_equal(after.keypoints_px, before.keypoints_px)
        np.testing.assert_array_equal(after.confidence, before.confidence)
    with pytest.raises(InputError, match="no keypoints for S1/Wave-1/cam0"):
        read_keypoints2d(path, take("S1", "Wave-1", 5, camera_ring(1)))
    with pytest.raises(InputError, match=r"S1/Walk-1/cam0 has keypoints of shape \(5, 17, 2\)"):
        read_keypoints2d(path, take("S1", "Walk-1", 4, camera_ring(1)))
    with open_hdf5(path) as file:
        stored = {name: file[keys[0]][name][...] for name in ("keypoints_px", "confidence")}
    for name, values, message in (
        ("confidence", np.where(np.arange(17) == 3, np.nan, stored["confidence"]), "confidence is not finite"),
        ("keypoints_px", stored["keypoints_px"] * np.inf, "keypoints_px is not finite"),
        ("confidence", stored["confidence"][:, :16], r"confidence of shape \(5, 16\)"),
    ):
        with create_hdf5(path) as file:
            group = file.create_group(keys[0])
            for other, whole in (stored | {name: values}).items():
                write_dataset(group, other, whole)
        with pytest.raises(InputError, match=rf"keypoints2d.h5: S1/Walk-1/cam0.*{message}.*run infer_2d again"):
            read_keypoints2d(path, sequences[:1])
    detections[0].keypoints_px[1, 1] = np.inf
    with pytest.raises(InputError, match="S1/Walk-1/cam0: a detected keypoint is not finite"):
        write_keypoints2d(path, zip(keys, detections, strict=True))


def test_encoded_images_round_trip(tmp_path):
    path = tmp_path / "frames.h5"
    images = [b"\xff\xd8one", b"\xff\xd8another", b"x"]
    with create_hdf5(path) as file:
        write_encoded_images(file, "S1/Walk-1/cam0", images)
    with open_hdf5(path) as file:
        read = EncodedImages(file["S1/Walk-1/cam0"])
        assert len(read) == 3
        assert [read[t].tobytes() for t in range(3)] == images


def test_empty_datasets_are_written(tmp_path):
    with create_hdf5(tmp_path / "x.h5") as file:
        write_dataset(file, "nothing", np.zeros((0, 3)))
    with open_hdf5(tmp_path / "x.h5") as file:
        assert file["nothing"].shape == (0, 3)


def test_a_failed_write_leaves_the_old_file(path):
    before = path.read_bytes()
    with pytest.raises(RuntimeError), create_hdf5(path) as file:
        file["half"] = 1
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["sequences.h5"]


def test_hdf5_may_close_a_file_that_a_signal_kept_from_closing_after_all_else(tmp_path, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with monkeypatch.context() as signalled:
        signalled.setattr(h5py.File, "close", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), create_hdf5(tmp_path / "x.h5") as file:
            write_dataset(file, "numbers", np.arange(5000.0))
    del file
    gc.collect()
    assert not unraisable
    assert list(tmp_path.iterdir()) == []


INTERRUPTED = """
import numpy as np
import sys
from pose3d.runtime.errors import run_stage
from pose3d.records.hdf5 import create_hdf5, write_dataset

def main():
    print("writing", flush=True)
    while True:
        with create_hdf5("x.h5") as file:
            for i in range(200):
                write_dataset(file, f"numbers{i}", np.arange(3000.0))

__doc__ = ""
run_stage(main)
"""


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")]
)
def test_a_signal_while_hdf5_writes_neither_crashes_nor_gets_lost(tmp_path, number, status, word):
    for _ in range(5):  # without care every sixth of them crashed
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        process.stdout.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (status, f"{word}: run the same command again to go on\n")
        assert {path.name for path in tmp_path.iterdir()} <= {"x.h5"}
