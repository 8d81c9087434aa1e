from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from people import camera_ring, population, take, write_data

from pose3d.evaluation.metrics import root_relative
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.show import figures


@pytest.fixture(scope="module")
def sequence():
    return take("S9", "Walk-1", 8, camera_ring(1))[0]


def text_of(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_right_is_red_left_is_blue_trunk_is_neither():
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        red, _, blue = to_rgb(figures.bone_colour(joint))
        if name[0] == "R":
            assert red > 2 * blue
        elif name.startswith("L"):
            assert blue > 2 * red
        else:
            assert red == blue
        true = to_rgb(figures.bone_colour(joint, truth=True))
        assert true[0] == true[1] == true[2]


def test_save_png_gives_the_same_bytes_and_no_version(tmp_path):
    contents = []
    for name in ("a.png", "b.png"):
        figure = figures.pck3d_figure(pd.DataFrame({"repnet": [0, 50.0]}, index=[0, 150]))
        figures.save_png(figure, tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert b"atplotlib" not in contents[0]


def test_pose_3d_is_upright_with_equal_axes(sequence):
    axes = figures.add_axes_3d(Figure(), 1, 1, 1)
    pose = root_relative(sequence.poses_cam_m[0])
    figures.draw_pose_3d(axes, pose, pose)
    spans = [np.ptp(limits) for limits in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]
    np.testing.assert_allclose(spans, spans[0])
    truth, drawn = axes.lines[:16], axes.lines[16:]
    # First, so that the prediction is drawn over it
    assert {line.get_color() for line in truth} == {figures.TRUTH_RIGHT, figures.TRUTH_LEFT, figures.TRUTH}
    assert {line.get_color() for line in drawn} == {figures.RIGHT, figures.LEFT, figures.TRUNK}
    heights = {joint: drawn[joint - 1].get_data_3d()[2][1] for joint in (3, 6, 10)}
    assert heights[10] > 0 > max(heights[3], heights[6])  # head above the hip, feet below


def test_panel_titles_and_cells(sequence):
    truth = root_relative(sequence.poses_cam_m[0])
    row = {
        "title": "Walk, cam0",
        "image_rgb": np.zeros((1000, 1000, 3), np.uint8),
        "keypoints_px": sequence.keypoints_px[0],
        "box_px": sequence.boxes_px[0],
        "truth_m": truth,
        "methods": {"repnet": (truth * 1.1, 63.4), "temporal": (truth, 0.0)},
    }
    figure = figures.panel([row, row])
    assert text_of(figure) == 2 * ["Walk, cam0", "single frame, 63 mm", "temporal, 0 mm", "ground truth"]


def test_error_over_time_figure_has_both_curves():
    columns = ["repnet_mpjpe_mm", "repnet_accel_error_mm", "temporal_mpjpe_mm", "temporal_accel_error_mm"]
    table = pd.DataFrame({"time_s": [0, 0.04, 0.08]} | {name: [np.nan, 1, np.nan] for name in columns})
    upper, lower = figures.error_over_time_figure(table, "S9/Walk-1/cam0").axes
    assert (
        [line.get_label() for line in upper.lines]
        == ["single frame", "temporal"]
        == [line.get_label() for line in lower.lines]
    )


def test_reproject_draws_a_joint_behind_the_camera_instead_of_failing(sequence):
    np.testing.assert_allclose(
        figures.reproject(sequence.camera, sequence.poses_cam_m), sequence.camera.project(sequence.poses_cam_m)
    )
    pinhole = replace(sequence.camera, distortion=np.zeros(5))
    assert np.isfinite(figures.reproject(pinhole, -sequence.poses_cam_m)).all()
    folded = figures.reproject(sequence.camera, -sequence.poses_cam_m)  # most joints are beyond the fold of the lens
    assert np.isfinite(folded).any() and np.isnan(folded).any()


def test_people_can_be_written(tmp_path):
    write_data(tmp_path, population(2, ("Walk-1",)))
    assert {path.name for path in tmp_path.iterdir()} == {"sequences.h5", "keypoints2d.h5", "frames.h5", "crops.h5"}
