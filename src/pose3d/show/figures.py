"""Pictures in one style: right limbs red, left limbs blue, trunk and head dark; the ground truth in greys, of which the
right limbs have the darkest and the left ones the lightest.

All figures are PNG files whose bytes depend on their content only. Figures are made without pyplot, which keeps
global state.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from pose3d.geometry.camera import Camera
from pose3d.geometry.skeleton import BONES, LEFT_JOINTS, RIGHT_JOINTS
from pose3d.runtime.files import atomic_output

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mpl_toolkits.mplot3d import Axes3D

RIGHT, LEFT, TRUNK = "#d62728", "#1f77b4", "#333333"
TRUTH_RIGHT, TRUTH_LEFT, TRUTH = "#7d7d7d", "#c8c8c8", "#a3a3a3"
GRID = "#dedede"
TRAIL = "#e0b060"
"""Of the way on the floor that somebody took."""
METHOD_COLOURS = {
    "repnet": "#ff7f0e",
    "temporal": "#2ca02c",
    "nearest_neighbour": "#9467bd",
    "mean_pose": "#8c8c8c",
}
METHOD_TITLES = {
    "repnet": "single frame",
    "temporal": "temporal",
    "nearest_neighbour": "nearest neighbour",
    "mean_pose": "mean pose",
}
TRUTH_TITLE, REPROJECTION_TITLE = "ground truth", "image with reprojection"
REACH_M = 0.95
"""Half the side of the cube that a pose is drawn in: the same for all, so that sizes compare."""


def bone_colour(child: int, truth: bool = False) -> str:
    """Colour of the bone that ends at a joint, of a predicted or of the true skeleton."""
    if child in RIGHT_JOINTS:
        return TRUTH_RIGHT if truth else RIGHT
    if child in LEFT_JOINTS:
        return TRUTH_LEFT if truth else LEFT
    return TRUTH if truth else TRUNK


def new_figure(size_in: tuple[float, float], layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of 100 dots per inch."""
    from matplotlib.figure import Figure  # here, so that a stage's `--help` does not wait for it

    return Figure(figsize=size_in, dpi=100, layout=layout)


def save_png(figure: Figure, path: str | os.PathLike) -> None:
    """Write a figure atomically and without matplotlib's version in it."""
    with atomic_output(path) as partial:
        figure.savefig(partial, format="png", metadata={"Software": None})


def add_axes_3d(figure: Figure, rows: int, columns: int, index: int) -> Axes3D:
    """Axes for :func:`draw_pose_3d` in a cell of the figure; their grid is lighter than the greys of the truth.

    Args:
        figure: where the axes go.
        rows, columns: of the figure's cells.
        index: of the cell, row by row from 1 on.
    """
    from matplotlib import rc_context

    with rc_context({"grid.color": GRID}):  # 3D axes take it from nowhere else, and only when they are made
        return figure.add_subplot(rows, columns, index, projection="3d")


def draw_pose_3d(axes: Axes3D, pose_cam_m: np.ndarray | None, truth_cam_m: np.ndarray | None = None) -> None:
    """Draw a pose (J, 3), camera axes, metres, upright and with equal axes, over the truth in grey; or one of both.

    The view is the camera's own, moved a little to the right and up so that depth shows. The cube is centred on the
    truth (without a truth: on the pose).

    Args:
        axes: from :func:`add_axes_3d`.
        pose_cam_m, truth_cam_m: (J, 3), or None.
    """
    poses = [(pose, is_truth) for pose, is_truth in ((truth_cam_m, True), (pose_cam_m, False)) if pose is not None]
    for pose, is_truth in poses:
        x, depth, height = pose[:, 0], pose[:, 2], -pose[:, 1]  # y is down in camera space
        for bone in BONES:
            ends = list(bone)
            axes.plot(x[ends], depth[ends], height[ends], color=bone_colour(ends[1], is_truth), lw=2, zorder=2)
    reference, _ = poses[0]
    centre = (reference.min(0) + reference.max(0)) / 2
    axes.set_xlim(centre[0] - REACH_M, centre[0] + REACH_M)
    axes.set_ylim(centre[2] - REACH_M, centre[2] + REACH_M)
    axes.set_zlim(-centre[1] - REACH_M, -centre[1] + REACH_M)
    axes.set_box_aspect((1, 1, 1), zoom=1.2)
    axes.set_proj_type("ortho")
    axes.view_init(elev=12, azim=-60)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_ticklabels([])
        axis.set_tick_params(color="none")
        axis.line.set_visible(False)


def draw_overlay(axes: Axes, image_rgb: np.ndarray, keypoints_px: np.ndarray, box_px: np.ndarray) -> None:
    """Show the part of an image (H, W, 3) around a box, with a skeleton (J, 2) in px of the full image over it.

    Args:
        axes: where it is shown.
        image_rgb: (H, W, 3) uint8.
        keypoints_px: (J, 2); bones of joints that are NaN are left out.
        box_px: (4,) x0, y0, x1, y1.
    """
    height, width = image_rgb.shape[:2]
    axes.imshow(image_rgb, extent=(0, width, height, 0), interpolation="antialiased")
    for parent, child in BONES:
        x, y = keypoints_px[[parent, child]].T
        axes.plot(x, y, color=bone_colour(child), lw=2, solid_capstyle="round")
    centre, half = (box_px[:2] + box_px[2:]) / 2, 0.6 * (box_px[2:] - box_px[:2]).max()
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] + half, centre[1] - half)
    axes.set_aspect("equal")
    axes.set_axis_off()


def panel(rows: Iterable[dict]) -> Figure:
    """Test frames, one a row: image with the reprojected skeleton, then each method over the truth, then the truth.

    Each row has ``title``, ``image_rgb``, ``keypoints_px``, ``box_px``, ``truth_m`` (J, 3) and ``methods``: method's
    name to (root-relative pose (J, 3), its P1 in mm). All poses of a row share camera axes and the root.
    """
    rows = list(rows)
    n_columns = 2 + len(rows[0]["methods"])
    figure = new_figure((2.3 * n_columns, 2.4 * len(rows)), layout=None)
    figure.subplots_adjust(
        left=0.005, right=0.995, bottom=0.005, top=1 - 0.3 / (2.4 * len(rows)), wspace=0.03, hspace=0.14
    )
    for i, row in enumerate(rows):
        axes = figure.add_subplot(len(rows), n_columns, i * n_columns + 1)
        draw_overlay(axes, row["image_rgb"], row["keypoints_px"], row["box_px"])
        axes.set_title(row["title"], fontsize=10)
        for j, (name, (pose, error_mm)) in enumerate(row["methods"].items()):
            axes = add_axes_3d(figure, len(rows), n_columns, i * n_columns + 2 + j)
            draw_pose_3d(axes, pose, row["truth_m"])
            axes.set_title(f"{METHOD_TITLES[name]}, {error_mm:.0f} mm", fontsize=10)
        axes = add_axes_3d(figure, len(rows), n_columns, (i + 1) * n_columns)
        draw_pose_3d(axes, None, row["truth_m"])
        axes.set_title(TRUTH_TITLE, fontsize=10)
    return figure


def style_axes(axes: Axes) -> None:
    """Light grid behind the curves, no frame above and to the right."""
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def pck3d_figure(table: pd.DataFrame) -> Figure:
    """Curves of :func:`pose3d.evaluation.tables.pck3d_table`, each with its AUC in the legend."""
    figure = new_figure((6, 4))
    axes = figure.add_subplot()
    for name in table.columns:
        label = f"{METHOD_TITLES[name]} (AUC {table[name].mean():.1f} %)"
        axes.plot(table.index, table[name], color=METHOD_COLOURS[name], lw=2, label=label)
    axes.set(xlabel="threshold, mm", ylabel="joints within it, %", xlim=(0, 150), ylim=(0, 100))
    axes.legend(frameon=False)
    style_axes(axes)
    return figure


def error_over_time_figure(table: pd.DataFrame, title: str) -> Figure:
    """Curves of :func:`pose3d.evaluation.examples.error_over_time_mm`: P1 above, acceleration error below."""
    figure = new_figure((8, 5))
    upper, lower = figure.subplots(2, 1, sharex=True)
    for column in table.columns.drop("time_s"):
        name, axes = (column.removesuffix("_mpjpe_mm"), upper)
        if column.endswith("_accel_error_mm"):
            name, axes = (column.removesuffix("_accel_error_mm"), lower)
        axes.plot(table["time_s"], table[column], color=METHOD_COLOURS[name], lw=1.2, label=METHOD_TITLES[name])
    upper.set(title=title, ylabel="MPJPE, mm")
    lower.set(xlabel="time, s", ylabel="acceleration error,\nmm per frame$^2$")
    for axes in (upper, lower):
        axes.set_ylim(bottom=0)
        style_axes(axes)
    upper.legend(frameon=False, ncols=2)
    return figure


def reproject(camera: Camera, poses_cam_m: np.ndarray) -> np.ndarray:
    """(..., 3) to (..., 2) px for drawing: a joint predicted behind the camera is drawn as if 0.1 m before it.

    NaN beyond the fold of the lens, which is not drawn.
    """
    return camera.project(np.concatenate([poses_cam_m[..., :2], np.maximum(poses_cam_m[..., 2:], 0.1)], axis=-1))
