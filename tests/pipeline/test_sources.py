"""The whole DAG on each kind of recorded data, on small files that are written here in its layout."""

import hashlib
import json
import math
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from params_files import write_params
from pipeline.workspace import ENVIRONMENT, Workspace, copy_repository
from tiny_human36m import ALL_SUBJECTS, CAMERAS, write_h36m_fetch, write_human36m
from tiny_npz import OTHER_METADATA, save_videopose3d, write_original_npz, write_other_layout, write_videopose3d
from tiny_original_crops import write_original_crops

from pose3d.records.keypoints2d import read_keypoints2d, read_layout
from pose3d.records.sequences import each_sequence, keys_in, read_sequences

pytestmark = pytest.mark.pipeline

SUBJECTS = {"train": ["S1", "S5"], "validation": ["S8"], "test": ["S9"]}
ALL = [subject for names in SUBJECTS.values() for subject in names]
WITHOUT_3D = "S6"
"""Who has keypoints only in VideoPose3D's files."""
SEVEN = {"train": ["S1", "S5", "S6", "S7"], "validation": ["S8"], "test": ["S9", "S11"]}
TAKES = ("1", "2")
FRAMES = 10
LONG_TAKE, LONG_FRAMES = ("S6", "Directions-1"), 270
"""More than are read at a time; of a subject who is not scored, which costs most."""
LONGER = dict(zip(CAMERAS, (8, 3, 0, -2), strict=True))
"""By how many frames the videos of each camera are longer than the poses; a few are shorter in the real data, too."""
UNEVEN = {("S1", "Directions-2"): 13, ("S7", "Directions-1"): 7, ("S8", "Directions-1"): 8, ("S9", "Directions-2"): 16}
"""Frames of takes that do not have as many as the others of their form."""
KEPT = {CAMERAS[1]: slice(1, None, 2), CAMERAS[2]: slice(None, -2), CAMERAS[3]: slice(0, None, 3)}
"""The frames that h36m-fetch kept of a camera's take, where these are not all."""
RECORDED = {"folder": None, "subjects": SUBJECTS, "actions": ["Walking"], "frame_step": 1}
# Of this action both takes of S5 have a number in their files' names, and one camera's video of S11 is broken.
HUMAN36M = {"folder": None, "subjects": SEVEN, "actions": ["Directions"], "frame_step": 1}
NPZ = RECORDED | {"frame_rate_hz": 50, "calibration": None, "keypoints_only": []}
BOTH = ("train", "test")
SOURCES = {
    "human36m": HUMAN36M,
    "h36m_fetch": HUMAN36M,
    "videopose3d": NPZ
    | {"subjects": SUBJECTS | {"train": ["S1", "S5", WITHOUT_3D]}, "keypoints_only": [WITHOUT_3D]}
    | {"positions": "data_3d_h36m.npz", "keypoints": "data_2d_h36m_cpn_ft_h36m_dbb.npz"},
    "original_npz": NPZ
    | {
        "poses": [f"h36m_gt_{split}.npz" for split in BOTH],
        "keypoints": [f"pose_resnet/h36m_pred2d_{split}.npz" for split in BOTH],
    },
    "original_crops": HUMAN36M | {"crops": "cropped", "poses": [f"h36m_gt_{split}.npz" for split in BOTH]},
}
WITH_IMAGES = ("human36m", "h36m_fetch", "original_crops")


def write_data(source: str, folder: Path) -> dict[str, int]:
    """Two takes of every subject in the layout of a source; gives the frames that each sequence should have."""
    subjects = ALL
    match source:
        case "human36m":
            lengths = {LONG_TAKE: LONG_FRAMES}
            written = write_human36m(folder, ALL_SUBJECTS, ["Directions"], FRAMES, lengths, LONGER, ["S6"])
            return {key: len(s) + min(0, LONGER[s.camera.id]) for key, s in written.items()}
        case "h36m_fetch":
            written = write_h36m_fetch(folder, ALL_SUBJECTS, ["Directions"], FRAMES, lengths=UNEVEN, kept=KEPT)
            return {key: len(sequence) for key, sequence in written.items()}
        case "original_crops":
            actions = [f"Directions-{take}" for take in TAKES]
            written = write_original_crops(folder, ALL_SUBJECTS[:5], ALL_SUBJECTS[5:], actions, FRAMES)
            return {key: len(sequence) for key, sequence in written.items()}
        case "videopose3d":
            subjects = [*ALL, WITHOUT_3D]
            positions, keypoints = write_videopose3d(folder, subjects, ["Walking 1", "Walking 2"], frames=FRAMES)
            del positions[WITHOUT_3D]
            save_videopose3d(folder, positions, keypoints)
        case "original_npz":
            write_original_npz(folder, ALL[:-1], ALL[-1:], frames=FRAMES)
    return {
        f"{subject}/Walking-{take}/{camera}": FRAMES for subject in subjects for take in TAKES for camera in CAMERAS
    }


LIFTING = {"keypoints_subjects": ["S1"], "prior": [{"subjects": ["S5"]}]}
SHORT = {"train_2d": {"epochs": 1, "frame_step": 5}, "repnet": {"steps": 30}, "temporal": {"steps": 30}}
"""Size smoke, trained for some steps only."""


def lifting_of(source: str) -> dict:
    """The subjects that the lifters learn from."""
    return LIFTING | ({"keypoints_subjects": ["S1", WITHOUT_3D]} if source == "videopose3d" else {})


@pytest.fixture(scope="module")
def workspace_of(preloaded: Path) -> Callable[..., Workspace]:
    """Makes a copy of the repository in which nothing has run, on a block ``dataset`` and its folder."""
    return partial(_workspace_of, preloaded)


def _workspace_of(python: Path, dataset: dict, data: Path, folder: Path, lifting: dict = LIFTING) -> Workspace:
    root = folder / "pose3d"
    root.mkdir()
    copy_repository(root)
    write_params(root, dataset["source"], dataset=dataset, lifting=lifting, **SHORT)
    path = os.pathsep.join([str(python), ENVIRONMENT["PATH"]])
    environment = ENVIRONMENT | {"PATH": path, "POSE3D_DATA": str(data)}
    return Workspace(root, environment, root)


class Ran(NamedTuple):
    """A source, its frames by sequence, the repository's copy after ``dvc repro``, the data, and what was printed."""

    source: str
    frames: dict[str, int]
    workspace: Workspace
    data: Path
    printed: str

    def frames_of(self, *subjects: str) -> int:
        return sum(frames for key, frames in self.frames.items() if key.split("/")[0] in subjects)


@pytest.fixture(scope="module", params=SOURCES)
def ran(request, tmp_path_factory, workspace_of) -> Ran:
    source = request.param
    data = tmp_path_factory.mktemp("data")
    frames = write_data(source, data)
    dataset = {"source": source} | SOURCES[source]
    workspace = workspace_of(dataset, data, tmp_path_factory.mktemp(source), lifting_of(source))
    return Ran(source, frames, workspace, data, workspace.run("dvc", "repro").stdout)


def test_every_method_is_scored_on_the_test_subjects(ran) -> None:
    workspace = ran.workspace
    evaluation = json.loads((workspace.root / "metrics" / "evaluation.json").read_text())
    rates = [50 / 3, 25.0, 50.0] if ran.source == "h36m_fetch" else 50.0  # of every third, second and each frame
    assert evaluation["data"] == {"frames": ran.frames_of("S9", "S11"), "fps": rates, "frames_left_out": 0}
    for method in ("repnet", "temporal", "mean_pose", "nearest_neighbour"):
        assert 0 < evaluation[method]["pa_mpjpe_mm"] < evaluation[method]["mpjpe_mm"] < 5000
    assert all(math.isfinite(value) for value in evaluation["temporal"].values())
    assert (workspace.root / "plots" / "evaluation" / "panel.png").stat().st_size > 10_000


def test_image_stages_do_their_work_or_say_that_there_is_none(ran) -> None:
    source, printed, data = ran.source, ran.printed, ran.workspace.root / "data"
    n_sequences = len(ran.frames)
    # Seven subjects' takes but for one camera, or all of five or four.
    assert n_sequences == (55 if source in WITH_IMAGES else 40 if source == "videopose3d" else 32)
    assert {s.key: len(s) for s in each_sequence(data / "sequences.h5")} == ran.frames
    assert len(keys_in(data / "sequences.h5")) == len(keys_in(data / "keypoints2d.h5")) == n_sequences
    with_images = source in WITH_IMAGES
    for name, expected in (("frames", with_images), ("crops", with_images), ("given_keypoints2d", not with_images)):
        assert len(keys_in(data / f"{name}.h5")) == (n_sequences if expected else 0), name
    assert ("the data set has no images: there is nothing to crop" in printed) == (not with_images)
    assert ("the data set has no images: no 2D network is trained" in printed) == (not with_images)
    assert (ran.workspace.root / "plots" / "pose2d" / "predictions.png").exists() == with_images
    if not with_images:
        sequences = read_sequences(data / "sequences.h5")
        given = read_keypoints2d(data / "given_keypoints2d.h5", sequences)
        passed_on = read_keypoints2d(data / "keypoints2d.h5", sequences)
        assert all((a.keypoints_px == b.keypoints_px).all() for a, b in zip(given, passed_on, strict=True))


def test_the_users_files_stay_as_they_are_and_nothing_of_them_enters_git(ran) -> None:
    source, workspace, data = ran.source, ran.workspace, ran.data
    listed = json.loads((workspace.root / "data" / "raw" / "manifest.json").read_text())
    assert listed["source"] == source
    assert listed["files_bytes"] == {name: (data / name).stat().st_size for name in listed["files_bytes"]}
    assert listed["files_bytes"]
    of_user = {hashlib.md5(p.read_bytes()).hexdigest() for p in data.rglob("*") if p.is_file()}
    in_cache = {p.parent.name + p.name for p in (workspace.root / ".dvc" / "cache").rglob("*") if p.is_file()}
    assert in_cache and not of_user & in_cache
    changed = workspace.run("git", "status", "--short").stdout.split()[1::2]
    expected = {"dvc.lock", "params.yaml", f"data_sets/{source}.yaml", "sizes/smoke.yaml", "metrics/"}
    assert set(changed) <= expected | {f"metrics/{name}.json" for name in ("pose2d", "evaluation", "validation")}


def test_second_repro_does_nothing(ran) -> None:
    assert "Data and pipelines are up to date" in ran.workspace.run("dvc", "repro").stdout


def test_changed_files_are_noticed_once_download_looks_again(ran) -> None:
    """As docs/datasets.md has it. What is appended changes no picture and no pose."""
    source, workspace, data = ran.source, ran.workspace, ran.data
    if source != "h36m_fetch":
        pytest.skip("download lists the files of all sources alike, and each takes half a minute")
    changed = min(data.rglob("*.h5"))
    with open(changed, "ab") as file:
        file.write(b"\0" * 8)
    assert "up to date" in workspace.run("dvc", "repro").stdout
    workspace.run("dvc", "repro", "--force", "--single-item", "download")
    printed = workspace.run("dvc", "repro").stdout
    assert "Running stage 'prepare'" in printed
    assert "Running stage 'crop_resize'" in printed
    assert "Running stage 'train_2d'" not in printed  # because the crops came out the same


def test_who_has_keypoints_only_trains_the_lifters(ran) -> None:
    """S6 has no 3D in the files: all stages ran, and no param may ask for it."""
    source, workspace = ran.source, ran.workspace
    if source != "videopose3d":
        pytest.skip("has 3D of everybody")
    dataset, lifting = {"source": source} | SOURCES[source], lifting_of(source)
    assert WITHOUT_3D in lifting["keypoints_subjects"]
    sequences = read_sequences(workspace.root / "data" / "sequences.h5", [WITHOUT_3D])
    assert len(sequences) == len(TAKES) * len(CAMERAS) and not any(s.has_3d or s.is_annotated for s in sequences)
    evaluation = json.loads((workspace.root / "metrics" / "evaluation.json").read_text())
    assert all(math.isfinite(value) for name in ("repnet", "temporal") for value in evaluation[name].values())

    asking = lifting | {"prior": [{"subjects": [WITHOUT_3D]}]}
    write_params(workspace.root, source, dataset=dataset, lifting=asking, **SHORT)
    source_folder = str(workspace.root / "src")
    refused = workspace.run("python", "-m", "pose3d.config.check", check=False, PYTHONPATH=source_folder)
    write_params(workspace.root, source, dataset=dataset, lifting=lifting, **SHORT)
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    assert "lifting.prior.0.subjects names S6, who is in dataset.keypoints_only" in refused.stdout


def test_another_detectors_keypoints_train_and_are_scored_in_their_own_layout(tmp_path, workspace_of) -> None:
    """As Detectron's of COCO: with scores, a longer video, and frames in which nobody was found."""
    data = tmp_path / "data"
    data.mkdir()
    positions, keypoints = write_other_layout(data, "coco17", ALL, ["Walking 1", "Walking 2"], FRAMES, scored=True)
    keypoints["S1"]["Walking 1"][0][2] = np.nan
    keypoints["S9"]["Walking 2"][1][4:6, :, 2] = 0
    keypoints["S9"]["Walking 1"] = [np.concatenate([view, view, view]) for view in keypoints["S9"]["Walking 1"]]
    save_videopose3d(data, positions, keypoints, OTHER_METADATA["coco17"])
    dataset = {"source": "videopose3d"} | SOURCES["videopose3d"] | {"subjects": SUBJECTS, "keypoints_only": []}
    workspace = workspace_of(dataset, data, tmp_path)

    printed = workspace.run("dvc", "repro", check=False).stdout
    assert f"2D and 3D of 4 sequences are not of the same length: {4 * 2 * FRAMES} frames" in printed
    assert "3 of 320 frames have no detection" in printed
    refused = "error: lifting.layout is h36m17, but data/keypoints2d.h5 holds keypoints of coco17: set lifting.layout"
    assert refused in printed and "Traceback" not in printed
    check = ["python", "-m", "pose3d", "check-data"]
    checked = workspace.run(*check, check=False, PYTHONPATH=str(workspace.root / "src"))
    assert checked.returncode == 1 and "3 of 320 frames have no detection" in checked.stdout
    assert "- lifting.layout is h36m17, but the data set's keypoints are of coco17" in checked.stdout

    write_params(workspace.root, "videopose3d", dataset=dataset, lifting=LIFTING | {"layout": "coco17"}, **SHORT)
    assert "no problems" in workspace.run(*check, PYTHONPATH=str(workspace.root / "src")).stdout
    workspace.run("dvc", "repro")
    assert read_layout(workspace.root / "data" / "keypoints2d.h5") == "coco17"
    evaluation = json.loads((workspace.root / "metrics" / "evaluation.json").read_text())
    assert evaluation["data"]["frames"] == len(TAKES) * len(CAMERAS) * FRAMES
    assert evaluation["pose2d"]["mean_error_px"] < 10
    for method in ("repnet", "temporal", "mean_pose", "nearest_neighbour"):
        assert 0 < evaluation[method]["pa_mpjpe_mm"] < evaluation[method]["mpjpe_mm"] < 5000


def test_crops_without_3d_train_the_2d_network_and_no_lifter(tmp_path, workspace_of) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_original_crops(data, ALL[:-1], ALL[-1:], [f"Directions-{take}" for take in TAKES], frames=2)
    for archive in data.rglob("*.npz"):
        archive.unlink()
    dataset = {"source": "original_crops"} | SOURCES["original_crops"] | {"poses": [], "subjects": SUBJECTS}
    workspace = workspace_of(dataset, data, tmp_path)
    workspace.run("dvc", "repro", "train_2d", "infer_2d")
    assert len(keys_in(workspace.root / "data" / "keypoints2d.h5")) == len(ALL) * len(TAKES) * len(CAMERAS)
    assert (workspace.root / "plots" / "pose2d" / "predictions.png").stat().st_size > 10_000
    figures = json.loads((workspace.root / "metrics" / "pose2d.json").read_text())["validation"]
    shares = [figures[f"pck_at_{px}_heatmap_px"] for px in (1, 2, 4)]
    assert shares == sorted(shares) and 0 <= shares[0] < shares[2] <= 1 and figures["crops"] > 0
    refused = workspace.run("dvc", "repro", check=False)
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    assert "error: data/sequences.h5: S5/Directions-1/54138969 has no 3D poses" in refused.stdout


def test_check_data_shows_what_is_there_and_what_is_missing(ran) -> None:
    source, workspace, data = ran.source, ran.workspace, ran.data

    def check() -> subprocess.CompletedProcess:
        source_folder = str(workspace.root / "src")
        return workspace.run("python", "-m", "pose3d", "check-data", check=False, PYTHONPATH=source_folder)

    done = check()
    assert done.returncode == 0, done.stdout
    assert "no problems" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.strip().startswith("S")]
    subjects, action = (ALL_SUBJECTS, "Directions") if source in WITH_IMAGES else (ALL, "Walking")
    subjects = [*subjects, WITHOUT_3D] if source == "videopose3d" else subjects
    assert sorted(rows) == sorted([s, action, "2", "4", str(ran.frames_of(s)), "0"] for s in subjects)

    largest = max((p for p in data.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[: len(content) // 2])
    try:
        done = check()
        assert done.returncode == 1
        assert "Traceback" not in done.stdout
        assert largest.name in done.stdout
    finally:
        largest.write_bytes(content)
