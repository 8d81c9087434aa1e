"""Blocks ``lifting``, ``repnet`` and ``temporal``: from 2D keypoints to 3D."""

from collections.abc import Collection
from typing import Literal

from pose3d.config.blocks import Block, NonNegativeFloat, PositiveFloat, PositiveInt, Probability


class LiftingParams(Block):
    """What both lifters share."""

    formulation: Literal["virtual_camera", "original"]
    keypoints_subjects: tuple[str, ...]
    """Subjects whose 2D keypoints train the lifter."""
    prior_subjects: tuple[str, ...]
    """Subjects whose unpaired 3D poses train the critic."""
    error_gain: NonNegativeFloat
    """Factor on the detector's errors that projected prior poses get: it errs less on the subjects that trained it
    than on others (virtual camera only)."""
    body_spread: NonNegativeFloat
    """How much the prior's bone lengths are varied: standard deviation of their logarithm (virtual camera only)."""
    mixed_share: Probability
    """Share of prior takes that get another's trunk and arms (virtual camera only)."""

    def require_training_subjects(self, training: Collection[str]) -> None:
        """Only training subjects teach; the others are for choosing and testing.

        Raises:
            ValueError: names the key and the subject.
        """
        for key in ("keypoints_subjects", "prior_subjects"):
            names = getattr(self, key)
            other = [name for name in names if name not in training]
            if other or not names:
                raise ValueError(
                    f"lifting.{key} must name subjects of dataset.subjects.train ({', '.join(training)}), "
                    f"not {', '.join(other) or 'nobody'}"
                )


class LifterParams(Block):
    """What the training of either lifter needs.

    Loss weights are multiples of the formulation's own, ``OWN_WEIGHTS`` in :mod:`pose3d.lifting.fit`.
    """

    steps: PositiveInt
    """Generator steps."""
    batch_size: PositiveInt
    """Detections, and for the critic prior poses, per step."""
    projected_prior_batch_size: PositiveInt
    """Projected prior takes per generator step (virtual camera only)."""
    width: PositiveInt
    """Features of the generator."""
    critic_width: PositiveInt
    lr: PositiveFloat
    lr_end_share: Probability
    """What is left of lr at the end of half a cosine; 1 is the original's constant rate."""
    betas: tuple[Probability, Probability]
    average_decay: Probability
    """Decay of the averaged weights, which are the result, per step."""
    critic_steps: PositiveInt
    critic_weight: NonNegativeFloat
    gradient_penalty: NonNegativeFloat
    reproj_weight: NonNegativeFloat
    """Weight in the end; it grows geometrically from ``reproj_weight_start`` over ``reproj_weight_ramp`` of the
    steps."""
    reproj_weight_start: NonNegativeFloat
    reproj_weight_ramp: Probability
    projected_prior_weight: NonNegativeFloat
    """Direct supervision on prior poses projected with the detector's kind of errors (virtual camera only)."""


class RepnetParams(LifterParams):
    """The single-frame lifter."""

    blocks: PositiveInt
    """Residual blocks of the virtual camera's generator; the original's form is fixed."""


class TemporalParams(LifterParams):
    """The temporal-convolution lifter."""

    window_frames: Literal[3, 9, 27, 81, 243]
    run_outputs: PositiveInt
    """Consecutive outputs per draw, which the velocity loss compares (this and its weight: virtual camera only)."""
    velocity_weight: NonNegativeFloat
