"""Block ``evaluate``: metrics and baselines."""

from pose3d.config.blocks import Block, PositiveFloat, PositiveInt


class EvaluateParams(Block):
    """Metrics and pictures."""

    pck_threshold: PositiveFloat
    """2D: share of the longer side of the person's box within which a keypoint counts as found."""
    nearest_poses: PositiveInt
    """Poses of the prior that the nearest-neighbour baseline searches, evenly spaced over its takes."""
    nearest_yaws: PositiveInt
    """Regular turns about the vertical at which each of them (and its mirror image) is tried."""
