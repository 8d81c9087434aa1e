"""Every format's file, written by hand, gives the same person."""

import numpy as np
import pytest
from tiny_keypoints import (
    COCO_NAMES,
    FILES,
    HEIGHT_PX,
    ORDERS,
    WIDTH_PX,
    in_order,
    person,
)

from pose3d.formats.keypoints import KeypointFile, layout_of
from pose3d.formats.read_keypoints import read_keypoints
from pose3d.geometry.layouts import layout

KEYPOINTS, SCORES = person()
UNRATED = {"COCO annotations", "VideoPose3D"}
OF_ONE_PERSON = {"arrays", "VideoPose3D", "MediaPipe JSON", "MediaPipe CSV", "MediaPipe wide", "DeepLabCut"}


def px_of(file: KeypointFile) -> np.ndarray:
    return file.keypoints * ([WIDTH_PX, HEIGHT_PX] if file.normalised else [1, 1])


@pytest.mark.parametrize("name", FILES)
def test_the_same_person_in_every_format_gives_the_same_px(tmp_path, name):
    layout_name, write = FILES[name]
    file = read_keypoints(write(tmp_path / "k"))
    assert file.format == name.split()[0] or file.format == name
    assert file.one_person == (name in OF_ONE_PERSON)
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
