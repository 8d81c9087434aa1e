import numpy as np
from walking import walking_poses

from pose3d.geometry.joint_angles import joint_angles_deg
from pose3d.geometry.strides import strides_s
from pose3d.show.angles import COLOURS, angles_figure, over_strides, strides_figure
from pose3d.show.figures import save_png

TIMES_S = np.arange(0, 5, 0.02)
ANGLES_DEG = joint_angles_deg(walking_poses(TIMES_S))


def curves(figure):
    """Panel's title to side's colour to (x, y)."""
    return {
        axes.get_title(): {line.get_color(): line.get_data() for line in axes.get_lines()} for axes in figure.get_axes()
    }


def test_every_angle_has_a_panel_with_both_sides_over_time():
    drawn = curves(angles_figure(TIMES_S, ANGLES_DEG, "walk"))
    for side in ("right", "left"):
        x, y = drawn["hip flexion"][COLOURS[side]]
        np.testing.assert_array_equal(x, TIMES_S)
        np.testing.assert_array_equal(y, ANGLES_DEG[f"{side}_hip_flexion_deg"])
    assert set(drawn["trunk rotation"]) == {COLOURS["trunk"]}
    assert sum(len(lines) for lines in drawn.values()) == len(ANGLES_DEG)


def test_no_line_crosses_the_panel_where_an_angle_passes_half_a_turn():
    around = {"right_hip_flexion_deg": np.array([170.0, 179, -179, -170])}
    _, y = curves(angles_figure(np.arange(4.0), around, ""))["hip flexion"][COLOURS["right"]]
    np.testing.assert_array_equal(y, [170, 179, np.nan, -170])


def test_over_the_stride_both_legs_do_the_same():
    """A stride from foremost to foremost: flexion is 25 degrees times a cosine, whichever the side."""
    strides = strides_s(TIMES_S, walking_poses(TIMES_S))
    drawn = curves(strides_figure(TIMES_S, ANGLES_DEG, strides, "walk"))
    for side in ("right", "left"):
        x, y = drawn["hip flexion"][COLOURS[side]]
        np.testing.assert_allclose(y, 25 * np.cos(2 * np.pi * x / 100), atol=1.5)
    assert drawn["hip internal rotation"] == {}  # never defined: the knees are straight


def test_a_stride_where_an_angle_is_undefined_does_not_count_for_it():
    values_deg = np.where(np.abs(TIMES_S - 1.5) < 0.05, np.nan, TIMES_S)
    cycles = over_strides(TIMES_S, values_deg, np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]))
    assert np.isfinite(cycles).all(1).tolist() == [True, False, True]
    np.testing.assert_allclose(cycles[2], np.linspace(2, 3, 101))


def test_a_figure_has_the_same_bytes_twice(tmp_path):
    for name in "ab":
        save_png(angles_figure(TIMES_S, ANGLES_DEG, "walk"), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
