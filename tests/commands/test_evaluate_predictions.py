import io
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from people import SPLITS, population

from pose3d.commands.run import main
from pose3d.evaluation.protocols import protocols_mm
from pose3d.evaluation.tables import errors_of, per_subject_mm, summary_mm
from pose3d.geometry.joint_angles import joint_angles_deg
from pose3d.records.keypoints2d import Keypoints2D, write_keypoints2d
from pose3d.records.sequences import write_sequences

KEY = "S9/Wave-1/cam1"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "sequences.h5"
    write_sequences(path, population(), SPLITS)
    return path


@pytest.fixture(scope="module")
def good():
    """Test subjects' true poses in millimetres with the head 170 mm aside, so that P1 is 10 mm."""
    arrays = {s.key: 1000 * s.poses_cam_m.astype(np.float64) for s in population() if s.subject in SPLITS["test"]}
    for poses in arrays.values():
        poses[:, 10, 0] += 170
    return arrays


@pytest.fixture
def evaluate(tmp_path, dataset, capsys):
    """Give arrays, get what is printed."""

    def run(arrays, *options):
        np.savez(tmp_path / "p.npz", **arrays)
        main(["evaluate-predictions", "--predictions", str(tmp_path / "p.npz"), "--dataset", str(dataset), *options])
        return capsys.readouterr().out

    return run


def test_tables_are_those_of_the_pipeline(evaluate, good):
    printed = evaluate(good)
    assert "96 frames of 8 sequences at 25 frames/s, subjects S11, S9" in printed
    sequences = [s for s in population() if s.subject in SPLITS["test"]]
    errors = errors_of("m", sequences, [good[s.key] / 1000 for s in sequences], has_root=True)
    for name, value in summary_mm(errors).items():
        assert re.search(rf"^{name} +{re.escape(str(value))}$", printed, re.MULTILINE), name
    for protocol, row in protocols_mm({"m": errors}).iterrows():
        assert re.search(rf"^ *{re.escape(protocol)} .* {row['m_mm']:.2f}$", printed, re.MULTILINE), protocol
    assert re.search(r"^ *Walk +48 +10\.00 ", printed, re.MULTILINE)
    assert re.search(r"^ *mean over actions +96 +10\.00 ", printed, re.MULTILINE)
    for subject, row in per_subject_mm({"m": errors}).iterrows():
        figures = " +".join([f"{row['frames']:.0f}", *(f"{value:.2f}" for value in row.iloc[1:])])
        assert re.search(rf"^ *{subject} +{figures}$", printed, re.MULTILINE), subject
    assert "root-relative and have no absolute" not in printed


@pytest.fixture
def evaluate_beside(tmp_path, good, capsys):
    """Give some keys of sequences and the frames that the 2D beside the data set lacks, get what is printed."""

    def run(arrays, keys, missing, *options):
        write_sequences(tmp_path / "sequences.h5", population(), SPLITS)
        detections = []
        for sequence in population():
            if sequence.key in keys:
                frames = missing.get(sequence.key, [])
                confidence = np.ones((12, 17), np.float32)
                confidence[frames] = 0
                detections.append((sequence.key, Keypoints2D(sequence.keypoints_px, confidence)))
        write_keypoints2d(tmp_path / "keypoints2d.h5", detections)
        np.savez(tmp_path / "p.npz", **arrays)
        files = ["--predictions", str(tmp_path / "p.npz"), "--dataset", str(tmp_path / "sequences.h5")]
        main(["evaluate-predictions", *files, *options])
        return capsys.readouterr().out

    return run


def test_frames_that_the_2d_left_out_are_not_scored_and_are_counted(evaluate_beside, good):
    """Whatever is predicted there: zeros, which would make the root near 0 in some frames and far in others."""
    arrays = good | {KEY: np.where(np.isin(np.arange(12), range(3, 11))[:, None, None], 100 * np.eye(17, 3), good[KEY])}
    printed = evaluate_beside(arrays, list(good), {KEY: [*range(3, 11)], "S11/Walk-1/cam0": [4, 5]}, "--angles")
    assert "88 frames of 8 sequences at 25 frames/s" in printed  # the gap of two frames is bridged
    assert "\n8 of 96 frames are left out: too little is detected for too long.\n" in printed
    assert "the poses are in camera space" in printed and "is missing" not in printed and "lacks" not in printed
    assert re.search(r"^ *Wave +40 +8 +10\.00 ", printed, re.MULTILINE)
    assert re.search(r"^ *S9 +40 +8 +10\.00 ", printed, re.MULTILINE)
    assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE)
    assert re.search(r"^ *knee_flexion +100\.00( +-?0\.00){4}$", printed, re.MULTILINE)


def test_sequences_without_2d_are_scored_whole_which_is_said(evaluate, evaluate_beside, good):
    of_s9 = [key for key in good if key.startswith("S9/")]
    printed = evaluate_beside(good, of_s9, {KEY: [*range(3, 11)]})
    assert "keypoints2d.h5 lacks 4 of the 8 sequences: all frames of these are scored." in printed
    assert "88 frames of 8 sequences" in printed and "8 of 96 frames are left out" in printed
    printed = evaluate(good)
    assert "keypoints2d.h5 is missing, which says where nobody is detected: all frames are scored." in printed


def test_2d_in_which_nobody_is_found_is_one_sentence(evaluate_beside, good):
    with pytest.raises(SystemExit, match=r"keypoints2d\.h5: no frame of S9 has enough keypoints to be scored$"):
        evaluate_beside(good, list(good), {KEY: [*range(12)]}, "--sequence", KEY)


def test_joint_angles_are_compared_where_asked_for(evaluate, good):
    """Wrists that lie where the upper arm goes on straighten every elbow: the error is the true flexion."""
    straight = {key: poses.copy() for key, poses in good.items()}
    for poses in straight.values():
        poses[:, [13, 16]] = 2 * poses[:, [12, 15]] - poses[:, [11, 14]]
    assert "flexion" not in evaluate(straight)
    printed = evaluate(straight, "--angles")
    truth = np.concatenate([s.poses_cam_m for s in population() if s.subject in SPLITS["test"]])
    flexion = np.concatenate([joint_angles_deg(truth)[f"{side}_elbow_flexion_deg"] for side in ("left", "right")])
    limits = flexion.mean() - 1.96 * flexion.std(ddof=1), flexion.mean() + 1.96 * flexion.std(ddof=1)
    figures = [f"{value:.2f}" for value in (100, flexion.mean(), -flexion.mean(), -limits[1], -limits[0])]
    assert re.search(rf"^ *elbow_flexion +{' +'.join(figures)}$", printed, re.MULTILINE)
    assert re.search(r"^ *knee_flexion +100\.00( +-?0\.00){4}$", printed, re.MULTILINE)


def test_metres_and_other_types_give_the_same_figures(evaluate, good):
    printed = evaluate(good)
    assert evaluate({key: poses / 1000 for key, poses in good.items()}, "--unit", "m") == printed
    whole = evaluate({key: poses.round().astype(np.int32) for key, poses in good.items()})
    assert abs(float(re.search(r"^mpjpe_mm +(\S+)$", whole, re.MULTILINE)[1]) - 10) < 1


def test_root_relative_poses_have_no_absolute_figures(evaluate, good):
    printed = evaluate({key: poses - poses[:, :1] for key, poses in good.items()})
    assert "root-relative and have no absolute figures" in printed
    assert "mpjpe_absolute_mm" not in printed and "root_error_mm" not in printed
    assert re.search(r"^ *A-MPJPE .* -$", printed, re.MULTILINE)
    assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE)


@pytest.mark.parametrize(("root_mm", "is_near"), [(0, True), (10.1, True), (150, True), (1000, False)])
def test_a_root_that_stays_near_0_is_relative(evaluate, good, root_mm, is_near):
    """The root circles about 0 with the person about it, so that P1 is as it was; people are 5 m from the cameras."""
    turns = np.linspace(0, 6, 12)
    circle = root_mm * np.stack([np.cos(turns), 0 * turns, np.sin(turns)], -1)[:, None]
    printed = evaluate({key: poses - poses[:, :1] + circle for key, poses in good.items()})
    said = {
        True: f"The root is {root_mm:.3g} mm from 0 in the median, the person ",
        False: "The root is 1 m from 0 in the median: the poses are in camera space.",
    }
    assert said[is_near] in printed and said[not is_near] not in printed
    assert ("mpjpe_absolute_mm" in printed) != is_near
    assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE)


def test_a_root_that_a_network_predicts_is_relative(evaluate, good):
    """By VideoPose3D: some mm off, now and then some cm."""
    rng = np.random.default_rng(0)
    off = {key: rng.normal(scale=6, size=(12, 1, 3)) for key in good}
    off[KEY][7] += 60
    printed = evaluate({key: poses - poses[:, :1] + off[key] for key, poses in good.items()})
    assert "the poses are root-relative" in printed and "mpjpe_absolute_mm" not in printed


def test_poses_relative_to_another_joint_are_root_relative(evaluate, good):
    printed = evaluate({key: poses - poses[:, 8:9] for key, poses in good.items()})
    assert "Thorax is at 0 in every frame: the poses are root-relative and have no absolute figures." in printed
    assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE) and "mpjpe_absolute_mm" not in printed


def test_people_who_are_nowhere_near_are_doubted(evaluate, good):
    """Root-relative poses 0.6 m from 0: no root of a network, and nobody 5 m from the camera."""
    said = (
        r"camera space\. But it lies [45]\.\d+ m from where the person is, 5\.04 m from the camera: are they of another"
    )
    assert re.search(said, evaluate({key: poses - poses[:, :1] + [600, 0, 0] for key, poses in good.items()}))
    assert "But it lies" not in evaluate({key: 0.8 * poses for key, poses in good.items()})


def in_the_world(poses):
    return poses @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # z upwards


OTHER_AXES = {
    "the world's": in_the_world,
    "y upwards": lambda poses: poses * [1, -1, 1],
    "y upwards, z towards the camera": lambda poses: poses * [1, -1, -1],
    "the world's, as a network gives them": lambda p: in_the_world(p + np.random.default_rng(0).normal(0, 30, p.shape)),
}


@pytest.mark.parametrize("name", OTHER_AXES)
def test_axes_of_another_frame_are_doubted(evaluate, good, name):
    relative = {key: poses - poses[:, :1] for key, poses in good.items()}
    doubt = (
        r"they lie \d{3} mm off in the median, and turned or mirrored as well \d{1,2} mm: are their axes the camera's"
    )
    assert re.search(doubt, evaluate({key: OTHER_AXES[name](poses) for key, poses in relative.items()}))
    assert "are their axes" not in evaluate(relative)


def test_left_and_right_that_are_exchanged_are_doubted_and_not_the_axes(evaluate, good):
    order = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    printed = evaluate({key: (poses - poses[:, :1])[:, order] for key, poses in good.items()})
    assert re.search(r"mm off in the median, and \d{1,2} mm with left and right exchanged: are the joints in", printed)
    assert "are their axes" not in printed


HONEST = {
    "of half the size": lambda poses: poses / 2,
    "a root that is placed otherwise": lambda poses: poses - np.eye(17, 1) * [0, 100, 0],
    "turned by 15 degrees": lambda poses: poses @ np.array([[0.966, -0.259, 0], [0.259, 0.966, 0], [0, 0, 1]]),
    "a poor network": lambda poses: poses + np.random.default_rng(0).normal(0, 150, poses.shape),
}


@pytest.mark.parametrize("name", HONEST)
def test_poses_that_are_wrong_otherwise_are_not_said_to_be_turned(evaluate, good, name):
    printed = evaluate({key: HONEST[name](poses - poses[:, :1]) for key, poses in good.items()})
    assert "are their axes" not in printed and "left and right exchanged" not in printed


def test_a_frame_without_anybody_is_named_and_small_floats_are_read(evaluate, good):
    relative = {key: poses - poses[:, :1] for key, poses in good.items()}
    with pytest.raises(SystemExit, match=f"{KEY} has all joints of frame 3 in one point"):
        evaluate(relative | {KEY: relative[KEY] * (np.arange(12) != 3)[:, None, None]})
    assert re.search(
        r"^mpjpe_mm +10\.\d+$", evaluate({k: v.astype(np.float16) for k, v in relative.items()}), re.MULTILINE
    )


def test_root_is_what_the_user_says(evaluate, good):
    relative = {key: poses - poses[:, :1] for key, poses in good.items()}
    printed = evaluate(relative, "--root", "camera")
    assert "The poses are in camera space, as --root says." in printed
    root_error = float(re.search(r"^root_error_mm +(\S+)$", printed, re.MULTILINE)[1])
    truth = np.concatenate([poses[:, 0] for poses in good.values()])
    assert root_error == pytest.approx(np.linalg.norm(truth, axis=-1).mean(), rel=1e-5)
    told = "The poses are root-relative and have no absolute figures, as --root says."
    for arrays in (good, good | {KEY: relative[KEY]}):  # some sequences of each kind are no matter then
        printed = evaluate(arrays, "--root", "relative")
        assert told in printed and "root_error_mm" not in printed
        assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE)


@pytest.fixture
def evaluate_npy(tmp_path, dataset, capsys):
    """Give one array (or a file's bytes), get what is printed."""

    def run(poses, *options):
        path = tmp_path / "p.npy"
        path.write_bytes(poses) if isinstance(poses, bytes) else np.save(path, poses)
        main(["evaluate-predictions", "--predictions", str(path), "--dataset", str(dataset), *options])
        return capsys.readouterr().out

    return run


def test_one_array_is_scored_as_the_sequence_that_is_named(evaluate, evaluate_npy, good):
    """VideoPose3D's --viz-export: (T, 17, 3) float32, metres, root-relative in the camera's axes."""
    exported = (good[KEY] - good[KEY][:, :1]).astype(np.float32) / 1000
    printed = evaluate_npy(exported, "--sequence", KEY)
    assert "12 frames of 1 sequences at 25 frames/s, subjects S9\n" in printed
    assert "root-relative and have no absolute figures" in printed
    assert re.search(r"^mpjpe_mm +10\.0$", printed, re.MULTILINE)
    assert evaluate_npy(np.asfortranarray(1000 * exported), "--sequence", KEY, "--unit", "mm") == printed
    others = {key: poses + 100 for key, poses in good.items() if key != KEY}
    assert evaluate(others | {KEY: 1000 * exported}, "--sequence", KEY) == printed


def test_chosen_subjects_only(evaluate, good):
    assert "48 frames of 4 sequences at 25 frames/s, subjects S9\n" in evaluate(good, "--subjects", "S9")


def without(good, key):
    return {name: poses for name, poses in good.items() if name != key}


BAD_ARRAYS = {
    "missing": (lambda g: {"S9/Walk-1/cam0": g["S9/Walk-1/cam0"]}, r"no array 'S11/Walk-1/cam0' \(7 of 8 .* missing\)"),
    "one missing": (lambda g: without(g, KEY), rf"no array '{KEY}' \(1 of 8"),
    "unknown": (lambda g: g | {"S9/Wave/cam1": g[KEY]}, "'S9/Wave/cam1', which is no sequence .*'S11/Walk-1/cam0'"),
    "frames": (lambda g: g | {KEY: g[KEY][:-1]}, rf"{KEY} has shape \(11, 17, 3\), not \(12, 17, 3\)"),
    "joints": (lambda g: g | {KEY: g[KEY][:, :16]}, rf"{KEY} has shape \(12, 16, 3\)"),
    "flat": (lambda g: g | {KEY: g[KEY].reshape(12, 51)}, rf"{KEY} has shape \(12, 51\)"),
    "nan": (
        lambda g: g | {KEY: np.where(np.arange(12)[:, None, None] == 5, np.nan, g[KEY])},
        rf"{KEY} is not finite at frame 5, joint Hip",
    ),
    "infinite": (
        lambda g: g | {KEY: np.where(np.arange(17)[:, None] == 3, np.inf, g[KEY])},
        rf"{KEY} is not finite at frame 0, joint RFoot",
    ),
    "words": (lambda g: g | {KEY: g[KEY].astype(str)}, rf"{KEY} is not an array of numbers"),
    "complex": (lambda g: g | {KEY: g[KEY] + 0j}, rf"{KEY} is not an array of numbers"),
    "pickled": (lambda g: g | {KEY: g[KEY].astype(object)}, rf"{KEY} is not an array of numbers"),
    "metres": (lambda g: g | {KEY: g[KEY] / 1000}, rf"{KEY} has joints 0\.\d+ mm from the root.*give --unit m$"),
    "centimetres": (lambda g: g | {KEY: g[KEY] / 10}, rf"{KEY} has joints .* mm from the root.*scale the poses"),
    "collapsed": (lambda g: g | {KEY: 0 * g[KEY]}, rf"{KEY} has joints 0 mm from the root"),
    "a frame of zeros for a root": (
        lambda g: g | {KEY: np.where(np.arange(12)[:, None, None] == 5, g[KEY] - g[KEY][:, :1], g[KEY])},
        rf"root of {KEY} at frame 5 lies near 0 and that of S.* at frame 0 does not: give all frames",
    ),
    "some rootless": (
        lambda g: g | {KEY: g[KEY] - g[KEY][:, :1]},
        rf"root of {KEY} at frame 0 lies near 0 and that of S.* at frame 0 does not",
    ),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_named(evaluate, good, tmp_path, case):
    change, message = BAD_ARRAYS[case]
    with pytest.raises(SystemExit) as stopped:
        evaluate(change(good))
    sentence = str(stopped.value)
    assert sentence.startswith(f"error: {tmp_path / 'p.npz'}") and "\n" not in sentence
    assert re.search(message, sentence), sentence


def test_millimetres_called_metres(evaluate, good):
    with pytest.raises(SystemExit, match="S11/Walk-1/cam0 has joints .* m from the root.*give --unit mm"):
        evaluate(good, "--unit", "m")


def test_a_subject_that_is_not_there(evaluate, good):
    with pytest.raises(SystemExit, match="has no subject S99: it has S1, S11, S7, S8, S9"):
        evaluate(good, "--subjects", "S9", "S99")


def npz_bytes(path, arrays):
    np.savez(path, **arrays)
    return path.read_bytes()


def npy_bytes(path, arrays):
    np.save(path.with_suffix(".npy"), arrays[KEY])
    return path.with_suffix(".npy").read_bytes()


def with_a_wrong_byte(path, arrays):
    """One byte of one member's data is not what its checksum says."""
    content = bytearray(npz_bytes(path, arrays))
    with zipfile.ZipFile(path) as file:
        content[file.getinfo(f"{KEY}.npy").header_offset + 1000] ^= 255
    return bytes(content)


def not_arrays(path, arrays):
    with zipfile.ZipFile(path, "w") as file:
        for key in arrays:
            file.writestr(key, b"no array")
    return path.read_bytes()


def with_member(member, compression=zipfile.ZIP_DEFLATED):
    """The member of KEY is another one."""

    def write(path, arrays):
        np.savez(path, **without(arrays, KEY))
        with zipfile.ZipFile(path, "a", compression) as file:
            file.writestr(f"{KEY}.npy", member)
        return path.read_bytes()

    return write


def npy(header, content=b"", version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return np.lib.format.magic(version, 0) + length + header.encode() + content


def poses_of(shape, dtype="<f8"):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n"


def with_an_unknown_method(path, arrays):
    """The first member says in both places that it is packed by method 99."""
    content = bytearray(npz_bytes(path, arrays))
    for start, method in (content.index(b"PK\x03\x04"), 8), (content.index(b"PK\x01\x02"), 10):
        content[start + method] = 99
    return bytes(content)


BAD_FILES = {
    "a folder": (lambda path, arrays: None, "cannot be read (Is a directory): give a file made by numpy.savez"),
    "rows claimed": (with_member(npy(poses_of((10**13, 17, 3)))), f"{KEY} has shape (10000000000000, 17, 3)"),
    "less than claimed": (with_member(npy(poses_of((12, 17, 3)), b"few")), f"{KEY} is damaged"),
    "more than claimed": (
        with_member(npy(poses_of((12, 17, 3)), bytes(50_000_000))),
        f"{KEY} is damaged or no array ({KEY}.npy goes on after its end)",
    ),
    "a bomb": (with_member(npy(poses_of((10**6, 17, 3)), bytes(50_000_000))), f"{KEY} has shape (1000000, 17, 3)"),
    "a bomb of a header": (with_member(npy(" " * 50_000_000, version=2)), f"{KEY} is damaged or no array"),
    "fields": (with_member(npy(poses_of((12, 17, 3), "(9,)f4"))), f"{KEY} is not an array of numbers"),
    "a header without end": (with_member(npy("{'descr': '<f8', 'shape': (12, 17")), f"{KEY} is damaged or no array"),
    "another method": (with_member(b"", zipfile.ZIP_LZMA), f"{KEY} is damaged or no array"),
    "an unknown method": (with_an_unknown_method, "S11/Walk-1/cam0 is damaged or no array"),
    "text": (lambda path, arrays: b"S9: 1 2 3\n", "is not an npz file: write it with numpy.savez"),
    "empty": (lambda path, arrays: b"", "is not an npz file"),
    "cut short": (lambda path, arrays: npz_bytes(path, arrays)[:-100], "is not an npz file"),
    "one array": (npy_bytes, "is one array without a name: say with --sequence"),
    "wrong byte": (with_a_wrong_byte, f"{KEY} is damaged or no array (Bad CRC-32"),
    "members that are no arrays": (not_arrays, "S11/Walk-1/cam0 is damaged or no array"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_named(dataset, good, tmp_path, case):
    path = tmp_path / "p.npz"
    content, message = BAD_FILES[case]
    written = content(path, good)
    path.mkdir() if written is None else path.write_bytes(written)
    tracemalloc.start()
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate-predictions", "--predictions", str(path), "--dataset", str(dataset)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(stopped.value).startswith(f"error: {path}") and message in str(stopped.value), stopped.value
    assert "\n" not in str(stopped.value)
    assert peak < 20e6


def npy_file(change):
    """Bytes of an npy of changed poses, in metres."""

    def write(poses):
        file = io.BytesIO()
        np.save(file, change(poses))
        return file.getvalue()

    return write


BAD_NPY = {
    "frames": (npy_file(lambda p: p[:-1]), rf"for {KEY} has shape \(11, 17, 3\), not \(12, 17, 3\)"),
    "nan": (
        npy_file(lambda p: np.where(np.arange(17)[:, None] == 3, np.nan, p)),
        "is not finite at frame 0, joint RFoot",
    ),
    "millimetres": (npy_file(lambda p: 1000 * p), "which no person has: give --unit mm$"),
    "a pickle": (npy_file(lambda p: p.astype(object)), "is not an array of numbers"),
    "cut short": (lambda p: npy_file(np.asarray)(p)[:-8], rf"for {KEY} is damaged or no array"),
    "longer": (lambda p: npy_file(np.asarray)(p) + b"x", r"is damaged or no array \(its array goes on after its end\)"),
    "rows claimed": (lambda p: npy(poses_of((10**13, 17, 3))), r"has shape \(10000000000000, 17, 3\)"),
    "magic only": (lambda p: np.lib.format.MAGIC_PREFIX, "is damaged or no array"),
    "a header without end": (lambda p: npy("{'descr': '<f8', 'shape': (12, 17"), "is damaged or no array"),
    "another header": (lambda p: npy(poses_of((12, 17, 3)), version=2), "another header than NumPy gives"),
}


@pytest.mark.parametrize("case", BAD_NPY)
def test_a_bad_array_is_named(evaluate_npy, good, tmp_path, case):
    content, message = BAD_NPY[case]
    with pytest.raises(SystemExit) as stopped:
        evaluate_npy(content(good[KEY] / 1000), "--sequence", KEY)
    sentence = str(stopped.value)
    assert sentence.startswith(f"error: {tmp_path / 'p.npy'}") and "\n" not in sentence
    assert re.search(message, sentence), sentence


def test_a_sequence_that_is_not_there(evaluate_npy, good):
    with pytest.raises(
        SystemExit, match=r"has no sequence S9/Wave: names are <subject>/<action>/<camera>, for instance S"
    ):
        evaluate_npy(good[KEY] / 1000, "--sequence", "S9/Wave")
    with pytest.raises(SystemExit) as stopped:
        evaluate_npy(good[KEY] / 1000, "--sequence", KEY, "--subjects", "S9")
    assert stopped.value.code == 2  # one or the other


def test_missing_files_are_named(dataset, good, tmp_path):
    with pytest.raises(SystemExit, match=r"none\.npz cannot be read \(No such file or directory\)"):
        main(["evaluate-predictions", "--predictions", str(tmp_path / "none.npz"), "--dataset", str(dataset)])
    np.savez(tmp_path / "p.npz", **good)
    with pytest.raises(SystemExit, match=r"none\.h5 is missing"):
        main(["evaluate-predictions", "--predictions", str(tmp_path / "p.npz"), "--dataset", str(tmp_path / "none.h5")])


def test_as_a_program(dataset, good, tmp_path):
    np.savez(tmp_path / "p.npz", **good)
    np.savez(tmp_path / "bad.npz", **without(good, KEY))
    command = [sys.executable, "-m", "pose3d", "evaluate-predictions", "--dataset", str(dataset), "--predictions"]
    right = subprocess.run([*command, str(tmp_path / "p.npz")], capture_output=True, text=True)
    assert right.returncode == 0 and right.stderr == ""
    assert re.search(r"^mpjpe_mm +10\.0$", right.stdout, re.MULTILINE)
    wrong = subprocess.run([*command, str(tmp_path / "bad.npz")], capture_output=True, text=True)
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert wrong.stderr.startswith("error: ") and wrong.stderr.count("\n") == 1


def test_nothing_of_torch_is_loaded():
    program = (
        "import sys, pose3d.evaluation.prediction_report; "
        "print(sorted(m for m in sys.modules if m.startswith('torch')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
