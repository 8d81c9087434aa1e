"""Pictures of how pose_resnet learned: curves, share of joints found, and detections on crops."""

import os

import numpy as np

from pose3d.geometry.skeleton import BONES, JOINT_NAMES
from pose3d.show.figures import TRUNK, TRUTH, bone_colour, new_figure, save_png, style_axes


def save_learning_curve(rows: list[dict[str, float]], measured_on: str, path: str | os.PathLike) -> None:
    """Loss on augmented training crops and on those of ``measured_on``, and the latter's PCK, against the epoch.

    Args:
        rows: as :func:`pose3d.pose2d.training.train` returns them.
        measured_on: whose crops were measured, for the legend.
        path: the PNG to write.
    """
    measured = [row for row in rows if "measured_pck" in row]
    epochs, measured_epochs = ([row["epoch"] for row in some] for some in (rows, measured))
    figure = new_figure((8, 3.5))
    left, right = figure.subplots(1, 2)
    left.semilogy(epochs, [row["train_loss"] for row in rows], color=TRUTH, label="training, augmented")
    left.semilogy(measured_epochs, [row["measured_loss"] for row in measured], "o-", color=TRUNK, label=measured_on)
    left.set(xlabel="epoch", ylabel="heatmap loss")
    for numbers in (left.yaxis.set_major_formatter, left.yaxis.set_minor_formatter):
        numbers("{x:g}")
    left.legend(frameon=False)
    right.plot(measured_epochs, [100 * row["measured_pck"] for row in measured], "o-", color=TRUNK)
    right.set(xlabel="epoch", ylabel="joints within 0.1 of the box, %", ylim=(0, 100))
    for axes in (left, right):
        style_axes(axes)
    save_png(figure, path)


def save_pck_curve(error_share: np.ndarray, measured_on: str, path: str | os.PathLike) -> None:
    """Share of joints found against the threshold (a share of the box's longer side): all joints, the best, the worst.

    Args:
        error_share: (N, 17) errors over the box's longer side.
        measured_on: whose crops were measured, for the title.
        path: the PNG to write.
    """
    thresholds = np.linspace(0, 0.2, 101)
    found = 100 * (error_share[:, :, None] < thresholds).mean(0)  # (17, thresholds)
    figure = new_figure((5, 3.5))
    axes = figure.add_subplot()
    ranked = np.argsort(found.mean(1), kind="stable")
    axes.plot(thresholds, found.mean(0), lw=2, color=TRUNK, label="all joints")
    axes.plot(thresholds, found[ranked[-1]], "--", color=TRUNK, label=f"best: {JOINT_NAMES[ranked[-1]]}")
    axes.plot(thresholds, found[ranked[0]], ":", color=TRUNK, label=f"worst: {JOINT_NAMES[ranked[0]]}")
    axes.set(
        xlabel="threshold, share of the box's longer side", ylabel="joints within it, %", xlim=(0, 0.2), ylim=(0, 100)
    )
    axes.set_title(measured_on, fontsize=10)
    axes.legend(frameon=False)
    style_axes(axes)
    save_png(figure, path)


def save_predictions(
    images_rgb: list[np.ndarray], detected_px: np.ndarray, truth_px: np.ndarray, path: str | os.PathLike
) -> None:
    """A panel of crops with the detected skeletons over the true ones.

    Args:
        images_rgb: N crops (S, S, 3).
        detected_px, truth_px: (N, 17, 2) crop px.
        path: the PNG to write.
    """
    n_columns = min(6, len(images_rgb))
    n_rows = -(-len(images_rgb) // n_columns)
    figure = new_figure((1.5 * n_columns, 1.5 * n_rows))
    for axes, image, detected, truth in zip(
        figure.subplots(n_rows, n_columns, squeeze=False).flat, images_rgb, detected_px, truth_px, strict=False
    ):
        height, width = image.shape[:2]
        axes.imshow(image, extent=(0, width, height, 0))
        for skeleton, is_truth in ((truth, True), (detected, False)):
            for bone in BONES:
                x, y = skeleton[list(bone)].T
                colour = bone_colour(bone[1], is_truth)
                axes.plot(x, y, color=colour, lw=2.5 if is_truth else 1.2, solid_capstyle="round")
        axes.set(xlim=(0, width), ylim=(height, 0))
    for axes in figure.axes:
        axes.set_axis_off()
    save_png(figure, path)
