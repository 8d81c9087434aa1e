"""Evaluation protocols of the field, and their table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pose3d.evaluation.tables import Errors, millimetres, over_actions, per_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Protocol:
    """One published figure: which errors are averaged, and how.

    Attributes:
        of: the errors of each frame (or pair of frames) and their actions; None where the method has none.
        mean_over: a key of :data:`MEANS`.
        published_by: whose figures mean the same.
    """

    name: str
    alignment: str
    joints: str
    mean_over: str
    published_by: str
    of: Callable[[Errors], tuple[np.ndarray, np.ndarray] | None]


PROTOCOLS = (
    Protocol(
        "P1",
        "roots coincide",
        "17",
        "actions",
        "VideoPose3D protocol 1; RepNet protocol I (joints and mean not verified)",
        lambda e: (per_frame(e.mpjpe), e.action),
    ),
    Protocol(
        "P1, over frames",
        "roots coincide",
        "17",
        "frames",
        "the original, single frame, without alignment",
        lambda e: (per_frame(e.mpjpe), e.action),
    ),
    Protocol(
        "P1, root not counted",
        "roots coincide",
        "16, without the root",
        "actions",
        "none of these; exactly 17/16 of P1",
        lambda e: (per_frame(e.mpjpe, count_root=False), e.action),
    ),
    Protocol(
        "P2",
        "rotation, translation, scale",
        "17",
        "actions",
        "VideoPose3D protocol 2; RepNet protocol II (joints, mean and reflections not verified)",
        lambda e: (e.pa_mpjpe, e.action),
    ),
    Protocol(
        "P2, over frames",
        "rotation, translation, scale",
        "17",
        "frames",
        "the original, both models, after Procrustes (joints and reflections not verified)",
        lambda e: (e.pa_mpjpe, e.action),
    ),
    Protocol(
        "not P2: least mean distance",
        "rotation, translation, scale, in L1",
        "17",
        "actions",
        "none of these; unlike P2 never above P1",
        lambda e: (e.pa_l1_mpjpe, e.action),
    ),
    Protocol(
        "N-MPJPE",
        "roots coincide, least-squares scale",
        "17",
        "actions",
        "VideoPose3D protocol 3",
        lambda e: (e.n_mpjpe, e.action),
    ),
    Protocol(
        "A-MPJPE",
        "none: camera space",
        "17",
        "frames",
        "the original, temporal, without alignment",
        lambda e: None if e.absolute is None else (per_frame(e.absolute), e.action),
    ),
    Protocol(
        "MPJVE, mm per frame",
        "roots coincide",
        "17",
        "actions",
        "VideoPose3D velocity error",
        lambda e: (e.velocity, e.velocity_action),
    ),
    Protocol(
        "not N-MPJPE: equal size",
        "roots coincide, equal norms",
        "17",
        "frames",
        "ElePose N-MPJPE",
        lambda e: (e.size_mpjpe, e.action),
    ),
    Protocol(
        "not P2: mirroring allowed",
        "rotation, translation, scale, reflection",
        "17",
        "frames",
        "ElePose PA-MPJPE",
        lambda e: (e.reflected_mpjpe, e.action),
    ),
)
"""Read off the evaluation code that its authors published, so far as there is any:

- VideoPose3D (run.py, common/loss.py): the true root is 0 and counts among 17 joints; the network's own root, trained
  towards 0, is not moved there first, as :func:`metrics.align_root` does. Procrustes aligns all 17, without reflection.
  Frames are averaged within an action (both takes, all cameras and subjects), then the 15 actions. A take's velocity
  error is weighed by its T frames where ours is by its T - 1 differences: no matter with Human3.6M's long takes.
- ElePose (train_lightning.py, utils/metrics_batch.py): 17 joints, the root included, over frames; Procrustes keeps
  whichever of rotation and reflection fits better; the scaled error divides both poses by their norms about the root
  and is therefore not the least-squares N-MPJPE.
- RepNet: its published code scores nothing on the test set (eval_h36m.py only draws; its header says that the paper's
  figures came from a Matlab script, which is not there). Its training log takes Procrustes with reflections allowed on
  the 16 joints of its skeleton, the hip among them and the spine not, over 200 frames. The paper's way is unknown.
- The original: root-relative joints with the root's zero among 17 (single frame), joints in camera space (temporal),
  both over frames and joints. How it did Procrustes is not verified.

All of these count exactly the joints that they align, so there is no Procrustes row without the root: aligning 16
joints, or 17 and dropping one, would be two further protocols that nobody here published.
"""


def protocols_mm(methods: dict[str, Errors]) -> pd.DataFrame:
    """One row for each published protocol, mm by method, so that figures are only compared within a row.

    Empty where a method has no such figure: absolute errors without a root, velocities of single frames.
    See :data:`PROTOCOLS` for which published figure a row matches, and how that is known.

    Example:
        Three frames predicted 50 mm away as a whole.

        >>> from pose3d.evaluation.tables import errors_of
        >>> from pose3d.geometry.camera import Camera
        >>> from pose3d.records.sequences import PoseSequence
        >>> camera = Camera("cam0", 100, 100, np.eye(3), np.zeros(5), np.eye(3), np.zeros(3))
        >>> truth_m = np.ones((3, 17, 3))
        >>> walk = PoseSequence("S1", "Walk-1", camera, 50, truth_m, truth_m, truth_m[..., :2], np.ones((3, 4)))
        >>> errors = errors_of("ours", [walk], [truth_m + [0.03, 0, 0.04]], has_root=True)
        >>> protocols_mm({"ours": errors})["ours_mm"][["P1", "A-MPJPE"]].to_dict()
        {'P1': 0.0, 'A-MPJPE': 50.0}
    """
    import pandas as pd

    rows = []
    for protocol in PROTOCOLS:
        row: dict[str, str | float | None] = {
            "protocol": protocol.name,
            "alignment": protocol.alignment,
            "joints": protocol.joints,
            "mean_over": protocol.mean_over,
            "as_published_by": protocol.published_by,
        }
        for name, errors in methods.items():
            values, action = protocol.of(errors) or (np.empty(0), np.empty(0, str))
            if protocol.mean_over == "actions":
                values = over_actions(values, action).to_numpy()
            row[f"{name}_mm"] = millimetres(values)
        rows.append(row)
    return pd.DataFrame(rows).astype({f"{name}_mm": float for name in methods}).set_index("protocol")
