"""Whether the radii of joints hold the share of the errors that they claim, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pose3d.evaluation import occlusion
from pose3d.evaluation.metrics import root_relative
from pose3d.geometry.skeleton import ROOT
from pose3d.lifting.spread import LEVEL, LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from pose3d.lifting.lift import Lifted
    from pose3d.records.sequences import PoseSequence

DIRECTIONS = ("across", "along")


@dataclass(frozen=True, eq=False)
class Intervals:
    """A lifter's errors and radii on N frames of all sequences end to end, metres.

    Attributes:
        errors_m: (N, 17, 2) across and along the sight line to the lifted joint, see :func:`sight_errors_m`.
        radii_m: (N, 17, 2), see :class:`pose3d.lifting.lift.Lifted`.
        factors: (levels, 17, 2) that make radii of other levels of these,
            see :meth:`pose3d.lifting.spread.Spread.relative_factors`.
    """

    errors_m: np.ndarray
    radii_m: np.ndarray
    factors: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """(N, 17, 2) bool."""
        return self.errors_m <= self.radii_m


def intervals_of(
    sequences: Sequence[PoseSequence], lifted: Sequence[Lifted[np.ndarray]], factors: np.ndarray
) -> Intervals:
    """Compare what was lifted, with radii, with the truth.

    Args:
        sequences: N, with 3D.
        lifted: N, in the same order.
        factors: of their lifter.

    Example:
        Three frames, all joints of which are lifted to 50 mm behind the true ones as the camera sees the root.

        >>> from types import SimpleNamespace as Take
        >>> truth_m = np.tile([0.0, 0.0, 4.0], (3, 17, 1))
        >>> lifted = Take(poses_cam_m=truth_m + [0.0, 0.0, 0.05], radii_m=np.full((3, 17, 2), 0.04))
        >>> intervals = intervals_of([Take(poses_cam_m=truth_m)], [lifted], np.ones((10, 17, 2)))
        >>> intervals.inside[0, :2].tolist()
        [[True, False], [True, True]]
    """
    errors = [sight_errors_m(one.poses_cam_m, s.poses_cam_m) for s, one in zip(sequences, lifted, strict=True)]
    return Intervals(np.concatenate(errors), np.concatenate([one.radii_m for one in lifted]), factors)


def sight_errors_m(poses_cam_m: np.ndarray, truth_m: np.ndarray) -> np.ndarray:
    """Errors across and along the sight line to where each joint was lifted, what radii claim to hold.

    Args:
        poses_cam_m, truth_m: (T, 17, 3) in camera space.

    Returns:
        (T, 17, 2), at least 0: of the root those of its place, of the other joints of their places relative to it.

    Example:
        All is lifted to 4 m in front of the camera, and the last joint is 0.3 m beside that and 0.4 m behind it.

        >>> lifted_m = np.tile([0.0, 0.0, 4.0], (1, 17, 1))
        >>> errors_m = sight_errors_m(lifted_m, lifted_m + np.eye(17)[:, 16:] * [0.3, 0.0, 0.4])
        >>> errors_m[0, 16].round(3).tolist(), float(errors_m.sum().round(3))
        ([0.3, 0.4], 0.7)
    """
    errors = root_relative(poses_cam_m) - root_relative(truth_m)
    errors[:, ROOT] = poses_cam_m[:, ROOT] - truth_m[:, ROOT]
    sight = poses_cam_m / np.linalg.norm(poses_cam_m, axis=-1, keepdims=True)
    along = (errors * sight).sum(-1, keepdims=True)
    across = np.linalg.norm(errors - along * sight, axis=-1, keepdims=True)
    return np.concatenate([across, np.abs(along)], -1)


def summary(intervals: Intervals) -> dict[str, float]:
    """Keys for metrics/*.json: the share of errors inside radii that should hold 0.9 of them, and the median radius.

    The root is apart, because its radii are of its place and those of the joints relative to it.

    Example:
        Half of the frames are 0.2 m off, where 0.1 m is claimed.

        >>> errors_m = np.ones((2, 17, 2)) * [[[0.0]], [[0.2]]]
        >>> half = summary(Intervals(errors_m, np.full((2, 17, 2), 0.1), np.ones((10, 17, 2))))
        >>> half["coverage90_across"], half["median_radius_along_mm"], half["root_coverage90_along"]
        (0.5, 100.0, 0.5)
    """
    inside, radii = (np.delete(values, ROOT, axis=1) for values in (intervals.inside, intervals.radii_m))
    figures = {}
    for number, name in enumerate(DIRECTIONS):
        figures[f"coverage90_{name}"] = round(float(inside[..., number].mean()), 4)
        figures[f"median_radius_{name}_mm"] = round(1000 * float(np.median(radii[..., number])), 2)
    for number, name in enumerate(DIRECTIONS):
        figures[f"root_coverage90_{name}"] = round(float(intervals.inside[:, ROOT, number].mean()), 4)
    return figures


def inside_of(figures: Mapping[str, float]) -> str:
    """The cell of a table: % of errors inside across / along of a :func:`summary`, or nothing where there is none.

    Example:
        >>> inside_of({"coverage90_across": 0.8405, "coverage90_along": 0.9}), inside_of({"mpjpe_mm": 80.0})
        ('84.0 / 90.0', '')
    """
    shares = [figures.get(f"coverage90_{direction}") for direction in DIRECTIONS]
    return " / ".join(f"{100 * share:.1f}" for share in shares if share is not None)


def coverage_table(sequences: Sequence[PoseSequence], methods: dict[str, Intervals]) -> pd.DataFrame:
    """By how deep the person's own body hides the joint: % of errors inside, median radius and error, mm.

    ``q90_error`` is the one radius, the same for all joints of the row, that would have held nine of ten: what there is
    to gain by telling joints apart shows in a smaller median radius. The last rows are of all joints but the root, and
    of the root.

    Args:
        sequences: the truth.
        methods: by lifter, over these sequences in this order.

    Example:
        The right wrist is straight behind the rest of the body, and is 200 mm off where 100 mm are claimed.

        >>> from types import SimpleNamespace as Take
        >>> truth_m = np.tile([0.0, 0.0, 5.0], (1, 17, 1))
        >>> truth_m[:, 16] = [0, 0, 6]
        >>> off = Intervals(np.eye(17)[None, :, 16:] * [0.0, 0.2], np.full((1, 17, 2), 0.1), np.ones((10, 17, 2)))
        >>> table = coverage_table([Take(poses_cam_m=truth_m)], {"ours": off})
        >>> table["ours_along_inside_pct"].to_dict()
        {'visible': 100.0, 'partly': nan, 'deep': 0.0, 'all': 93.75, 'root': 100.0}
    """
    import pandas as pd  # here and below, so that a stage's `--help` does not wait for it

    depth = np.concatenate([occlusion.self_occlusion(sequence.poses_cam_m) for sequence in sequences])
    classes = occlusion.occlusion_class(depth)
    classes[:, ROOT] = -1
    rows = {name: classes == number for number, name in enumerate(occlusion.CLASSES)}
    rows |= {"all": classes >= 0, "root": classes < 0}
    columns: dict[str, list[float]] = {}
    for method, intervals in methods.items():
        for number, direction in enumerate(DIRECTIONS):
            inside, radii, errors = (
                values[..., number] for values in (intervals.inside, intervals.radii_m, intervals.errors_m)
            )
            name = f"{method}_{direction}"
            columns[f"{name}_inside_pct"] = [100 * _of(np.mean, inside[row]) for row in rows.values()]
            columns[f"{name}_median_radius_mm"] = [1000 * _of(np.median, radii[row]) for row in rows.values()]
            columns[f"{name}_median_error_mm"] = [1000 * _of(np.median, errors[row]) for row in rows.values()]
            columns[f"{name}_q90_error_mm"] = [1000 * _of(_q90, errors[row]) for row in rows.values()]
    return pd.DataFrame(columns, index=list(rows)).round(2).rename_axis("occlusion")


def _q90(values: np.ndarray) -> float:
    return float(np.quantile(values, LEVEL))


def _of(figure: Callable[[np.ndarray], Any], values: np.ndarray) -> float:
    return float(figure(values)) if values.size else float("nan")


def reliability_table(methods: dict[str, Intervals]) -> pd.DataFrame:
    """% of the joints' errors, the root left out, that lie inside radii which should hold so many %.

    Args:
        methods: by lifter.

    Example:
        Errors are spread evenly from 0 to 1 m, and the factors are those of such errors.

        >>> errors_m = np.tile(np.linspace(0, 1, 101)[:, None, None], (1, 17, 2))
        >>> factors = np.array(LEVELS)[:, None, None] * np.ones((1, 17, 2)) / LEVEL
        >>> reliability_table({"ours": Intervals(errors_m, np.full_like(errors_m, LEVEL), factors)}).loc[50].tolist()
        [50.5, 50.5]
    """
    import pandas as pd

    columns = {}
    for method, intervals in methods.items():
        ratios = np.delete(intervals.errors_m / intervals.radii_m, ROOT, axis=1)
        factors = np.delete(intervals.factors, ROOT, axis=1)
        for number, direction in enumerate(DIRECTIONS):
            inside = [(ratios[..., number] <= factor[..., number] + 1e-9).mean() for factor in factors]
            columns[f"{method}_{direction}"] = 100 * np.array(inside)
    index = pd.Index([round(100 * level) for level in LEVELS], name="claimed_pct")
    return pd.DataFrame(columns, index=index).round(2)
