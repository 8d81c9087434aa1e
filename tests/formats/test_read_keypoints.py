"""Every format's file, written by hand, gives the same person."""

import numpy as np
import pytest
from tiny_keypoints import (
    BODY_25,
    COCO_NAMES,
    HALPE_26,
    HEIGHT_PX,
    MEDIAPIPE_33,
    OPENPOSE_18,
    WIDTH_PX,
    in_order,
    person,
    write_alphapose,
    write_alphapose_open,
    write_arrays,
    write_coco,
    write_coco_annotations,
    write_deeplabcut,
    write_detectron,
    write_mediapipe_csv,
    write_mediapipe_json,
    write_mediapipe_wide,
    write_mmpose,
    write_openpose,
    write_sleap,
    write_videopose3d,
    write_wholebody,
)

from pose3d.formats.keypoints import KeypointFile, layout_of
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.layouts import layout

KEYPOINTS, SCORES = person()
ONE = [(KEYPOINTS, SCORES)]
FILES = {
    "OpenPose body25": ("body25", lambda path: write_openpose(path, ONE, BODY_25)),
    "OpenPose coco17": ("coco17", lambda path: write_openpose(path, ONE, OPENPOSE_18)),
    "COCO": ("coco17", lambda path: write_coco(path, ONE)),
    "COCO annotations": ("coco17", lambda path: write_coco_annotations(path, KEYPOINTS)),
    "COCO-WholeBody": ("coco_wholebody", lambda path: write_wholebody(path, *ONE[0])),
    "AlphaPose coco17": ("coco17", lambda path: write_alphapose(path, ONE, range(17), [3])),
    "AlphaPose halpe26": ("halpe26", lambda path: write_alphapose(path, ONE, HALPE_26, [[1.0]])),
    "AlphaPose open": ("coco17", lambda path: write_alphapose_open(path, *ONE[0])),
    "MMPose": ("coco17", lambda path: write_mmpose(path, ONE)),
    "arrays": ("coco17", lambda path: write_arrays(path.with_suffix(".npz"), ONE)),
    "VideoPose3D": ("coco17", lambda path: write_videopose3d(path.with_suffix(".npz"), KEYPOINTS)),
    "Detectron": ("coco17", lambda path: write_detectron(path.with_suffix(".npz"), ONE)),
    "MediaPipe JSON": ("mediapipe33", lambda path: write_mediapipe_json(path, *ONE[0])),
    "MediaPipe CSV": ("mediapipe33", lambda path: write_mediapipe_csv(path, *ONE[0])),
    "MediaPipe wide": ("mediapipe33", lambda path: write_mediapipe_wide(path, *ONE[0])),
    "DeepLabCut": ("coco17", lambda path: write_deeplabcut(path, *ONE[0])),
    "SLEAP": ("coco17", lambda path: write_sleap(path, ONE)),
}
ORDERS = {
    "body25": BODY_25,
    "coco17": range(17),
    "halpe26": HALPE_26,
    "mediapipe33": MEDIAPIPE_33,
    "coco_wholebody": (*range(17), *[None] * 6),
}
UNRATED = {"COCO annotations", "VideoPose3D"}


def px_of(file: KeypointFile) -> np.ndarray:
    return file.keypoints * ([WIDTH_PX, HEIGHT_PX] if file.normalised else [1, 1])


@pytest.mark.parametrize("name", FILES)
def test_the_same_person_in_every_format_gives_the_same_px(tmp_path, name):
    layout_name, write = FILES[name]
    file = read_keypoints(write(tmp_path / "k"))
    assert file.format == name.split()[0] or file.format == name
    assert layout_of(file, "coco17" if name == "arrays" else None) == layout_name
    points, scores = in_order(KEYPOINTS, SCORES, ORDERS[layout_name])
    missing = scores == 0
    np.testing.assert_array_equal(file.frames, np.arange(len(KEYPOINTS)))
    np.testing.assert_allclose(px_of(file)[~missing], points[~missing], atol=1e-3)
    assert np.isnan(file.keypoints[missing]).all()
    expected = np.where(missing, 0, 1.0 if name in UNRATED else scores)
    np.testing.assert_allclose(file.confidence, expected, atol=1e-6)


def test_tables_of_the_test_are_right():
    """The orders that the files are written in, by the names that the layouts have."""
    for name, order in ORDERS.items():
        for point, number in zip(layout(name).points, order, strict=True):
            if number is not None:
                coco = layout("coco17").body_points[layout("coco17").points.index(COCO_NAMES[number])]
                assert layout(name).body_points[layout(name).points.index(point)] == coco
