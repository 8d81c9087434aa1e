"""Blocks ``lifting``, ``repnet`` and ``temporal``: from 2D keypoints to 3D."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from pose3d.config.blocks import (
    BelowOne,
    Block,
    NonNegativeFloat,
    Number,
    PositiveFloat,
    PositiveInt,
    Probability,
    directly_in,
)
from pose3d.geometry.layouts import LAYOUTS
from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.runtime.errors import InputError

LAYOUT_NAMES = tuple(layout.name for layout in LAYOUTS)


class PriorSource(Block):
    """Some subjects' unpaired 3D poses, of this data set or of another."""

    file: str | None = None
    """The sequences.h5 of another data set, ``priors/NAME.h5``; None: this data set's own."""
    subjects: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """None: everybody in the file."""

    @field_validator("file")
    @classmethod
    def _in_priors(cls, file: str | None) -> str | None:
        # DVC watches that folder only: a file elsewhere could change and no stage would run again.
        if file is not None and not re.fullmatch(r"priors/[^/]+\.h5", file):
            raise ValueError("a prior's file must be priors/NAME.h5")
        return file


class PairedFrames(Block):
    """Frames whose 2D and 3D the lifter sees together."""

    subjects: Annotated[tuple[str, ...], Field(min_length=1)]
    frames_share: Annotated[float, Number, Field(gt=0, le=1)]
    """Of each sequence, from its first frame on."""
    draws_share: Annotated[float, Number, Field(gt=0, le=1)]
    """Share of the supervised draws of a step that are these; the others are the projected prior's."""


class LiftingParams(Block):
    """Keys that both lifters share."""

    formulation: Literal["virtual_camera", "original"]
    layout: str
    """Whose keypoints the lifters take, a name of :data:`pose3d.geometry.layouts.LAYOUTS`; Human3.6M's 17 joints are
    what the 2D network gives, and a data set that comes with keypoints of another layout needs that one. Of another
    layout, points may be missing, and the lifter learns from the projected prior alone: the critic's and the
    reprojection's weights do not count (virtual camera only; docs/layouts.md)."""
    keypoints_subjects: tuple[str, ...]
    """Subjects whose 2D keypoints train the lifter."""
    prior: Annotated[tuple[PriorSource, ...], Field(min_length=1)]
    """Whose unpaired 3D poses train the critic: the frames of all sources, mixed."""
    paired: PairedFrames | None
    """3D labels, for the bound by full supervision and for those who have a few; null: no labels, weak supervision
    (virtual camera only)."""
    noise_scale: NonNegativeFloat
    """Factor on the detector's errors that projected prior poses get: it errs less on the subjects that trained it
    than on others (virtual camera only)."""
    other_noise: NonNegativeFloat
    """Errors of a detector that the lifter has not seen, beside those of its own: Gaussian, the same for all frames of
    a take, of a standard deviation that each draws evenly from 0 to this share of the person's 2D size (virtual camera
    only)."""
    noise_candidates: PositiveInt
    """Detections drawn in each step, of which the one that looks most like a projected pose lends it its errors; 1: the
    errors of any (virtual camera only)."""
    fit_proportions: bool
    """Scale the prior's bones until, projected, they look as long as the annotated ones, and then move its joints to
    where the annotations have them: for a prior of another data set, whose joints sit elsewhere on the body (virtual
    camera only)."""
    body_spread: NonNegativeFloat | None
    """How much the prior's bone lengths are varied: standard deviation of their logarithm; null: as much as the
    proportions of the people in the 2D are seen to differ from the prior's (virtual camera only)."""
    limb_mix_prob: Probability
    """Share of prior takes that get another's trunk and arms (virtual camera only)."""
    limb_turn_deg: NonNegativeFloat
    """How far the prior's arms and legs are turned and bent, within the ranges that the prior shows: standard deviation
    of each angle, drawn for each take evenly from 0 to this. For a prior that holds few of the poses in the 2D, above
    all one of another data set (virtual camera only)."""
    tilt_deg: NonNegativeFloat
    """How far the viewpoints of projected prior poses are tilted and rolled away from those of the data set's cameras:
    standard deviation of each angle. For pictures of other cameras than these (virtual camera only)."""
    reproj_joint_weights: dict[str, NonNegativeFloat]
    """Factors on single joints' part in the reprojection; joints that are not named have 1, and with 0 a joint's
    detections do not count. RepNet's published code has ``{Spine: 0, Neck/Nose: 0.1, Head: 0.1}``. The Hip counts in
    the original's temporal model only, because the others see all joints relative to it."""

    @field_validator("layout")
    @classmethod
    def _of_known_layouts(cls, name: str) -> str:
        if name not in LAYOUT_NAMES:
            raise ValueError(f"there is no layout {name}, only {', '.join(LAYOUT_NAMES)}")
        return name

    @model_validator(mode="after")
    def _other_layouts_are_of_the_virtual_camera(self) -> "LiftingParams":
        if self.layout != "h36m17" and self.formulation == "original":
            raise ValueError("layout must be h36m17 with formulation original, whose lifters take nothing else")
        if self.layout != "h36m17" and self.paired is not None:
            raise ValueError(f"paired must be null with layout {self.layout}, which learns from the prior alone")
        return self

    @field_validator("prior")
    @classmethod
    def _each_data_set_once(cls, prior: tuple[PriorSource, ...]) -> tuple[PriorSource, ...]:
        files = [source.file for source in prior]
        twice = [file or "this data set" for file in files if files.count(file) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is in it twice; name all its subjects in one source")
        return prior

    @field_validator("reproj_joint_weights")
    @classmethod
    def _of_known_joints(cls, weights: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in weights if name not in JOINT_NAMES]
        if unknown:
            raise ValueError(f"there is no joint {unknown[0]}, only {', '.join(JOINT_NAMES)}")
        return weights

    @property
    def joint_weights(self) -> list[float]:
        """Factor of each of the 17 joints in the reprojection, in their order."""
        return [self.reproj_joint_weights.get(name, 1.0) for name in JOINT_NAMES]

    @property
    def prior_files(self) -> list[str]:
        """Files that the prior is read from beside this data set, relative to the repository's root."""
        return [source.file for source in self.prior if source.file is not None]

    def require_prior_files(self) -> None:
        """Look for them, from the repository's root.

        Raises:
            InputError: names the first that is not there.
        """
        for file in self.prior_files:
            if not Path(file).is_file():
                raise InputError(
                    f"lifting.prior names {file}, which is missing: make it as priors/README.md says "
                    "(or `dvc pull` it), or take it out of lifting.prior"
                )

    def require_training_subjects(self, training: Collection[str]) -> None:
        """Refuse teachers of this data set that are not training subjects: the others are for choosing and testing.

        Raises:
            ValueError: names the key and the subject.
        """
        for key, names in {"keypoints_subjects": self.keypoints_subjects, **self._subjects_of_3d}.items():
            other = [name for name in names if name not in training]
            if other or not names:
                raise ValueError(
                    f"lifting.{key} must name subjects of dataset.subjects.train ({', '.join(training)}), "
                    f"not {', '.join(other) or 'nobody'}"
                )

    def require_projected_prior(self, block: str, projected_prior_weight: float) -> None:
        """Lifters of other layouts learn from nothing else.

        Args:
            block: repnet or temporal, whose weight it is.

        Raises:
            InputError: names the key.
        """
        if not projected_prior_weight:
            raise InputError(
                f"{block}.projected_prior_weight is 0, but with lifting.layout {self.layout} nothing else teaches: set "
                "it to 1"
            )

    def require_critic(self, block: str, critic_weight: float) -> None:
        """The original's lifters learn depth from the critic alone.

        Args:
            block: repnet or temporal, whose weight it is.

        Raises:
            ValueError: names the key.
        """
        if self.formulation == "original" and not critic_weight:
            raise ValueError(
                f"{block}.critic_weight is 0, but with lifting.formulation original nothing else teaches depth: set it "
                "to 1, and the other keys that docs/method.md names for this formulation"
            )

    def require_3d(self, keypoints_only: Collection[str]) -> None:
        """Subjects without 3D give keypoints and nothing else.

        Raises:
            ValueError: names the key and the subject.
        """
        for key, names in self._subjects_of_3d.items():
            without = [name for name in names if name in keypoints_only]
            if without:
                raise ValueError(
                    f"lifting.{key} names {without[0]}, who is in dataset.keypoints_only: without 3D, subjects may "
                    "be in lifting.keypoints_subjects only"
                )

    @property
    def _subjects_of_3d(self) -> dict[str, tuple[str, ...]]:
        """This data set's subjects whose 3D teaches, by key."""
        named = {f"prior.{i}.subjects": source.subjects or () for i, source in enumerate(self.prior) if not source.file}
        return named if self.paired is None else named | {"paired.subjects": self.paired.subjects}


class LifterParams(Block):
    """Keys of either lifter's training.

    The formulations' terms differ in unit and size, and so do their weights: those of params.yaml are the virtual
    camera's, chosen on the validation subject; docs/method.md has the original's.
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
    final_lr_ratio: Probability
    """What is left of lr at the end of half a cosine; 1 is the original's constant rate."""
    betas: tuple[BelowOne, BelowOne]
    ema_decay: Probability
    """Decay of the averaged weights, which are the result, per step."""
    critic_loss: Literal["wasserstein", "logistic"]
    """With gradient penalty (WGAN-GP, the original's), or non-saturating with R1."""
    critic_steps: PositiveInt
    critic_weight: NonNegativeFloat
    critic_sees_keypoints: bool
    """Show the critic a pose beside the 2D that it is to explain, and the prior's poses beside their projection with a
    detector's errors: much better where the critic is the only source of depth (virtual camera only)."""
    gradient_penalty: NonNegativeFloat
    """WGAN-GP's lambda, or R1's gamma."""
    reproj_weight: NonNegativeFloat
    """Weight in the end; it grows geometrically from ``reproj_weight_start`` over ``reproj_weight_ramp`` of the
    steps."""
    reproj_weight_start: NonNegativeFloat
    reproj_weight_ramp: Probability
    projected_prior_weight: NonNegativeFloat
    """Direct supervision on prior poses projected with the detector's kind of errors (virtual camera only)."""
    spread_steps: Annotated[int, Number, Field(ge=0)]
    """Steps, after the lifter's own, in which it learns how far off its joints may be; 0: it does not say (virtual
    camera only)."""
    landmark_steps: Annotated[int, Number, Field(ge=0)]
    """Steps, after these, in which a lifter of another layout learns where that layout's own points are beside our
    joints (nose, heels, toes, ...); 0: it does not say."""

    @field_validator("projected_prior_weight")
    @classmethod
    def _something_to_learn_from(cls, weight: float, info: ValidationInfo) -> float:
        others = [info.data.get(name) for name in ("critic_weight", "reproj_weight")]
        if not weight and others == [0, 0]:
            raise ValueError("nothing is learnt while critic_weight and reproj_weight are 0 too; give one a weight")
        return weight


class RepnetParams(LifterParams):
    """The single-frame lifter."""

    init: Annotated[str | None, AfterValidator(directly_in("pretrained/repnet"))]
    """Weights to start from (docs/starting_weights.md says whose), ``pretrained/repnet/NAME``; null: random."""
    blocks: PositiveInt
    """Residual blocks of the virtual camera's generator; the original's form is fixed."""


class TemporalParams(LifterParams):
    """The temporal lifter."""

    init: Annotated[str | None, AfterValidator(directly_in("pretrained/temporal"))]
    """As of repnet, ``pretrained/temporal/NAME``."""
    network: Literal["convolution", "causal_convolution", "gru"]
    """The convolution gives its window's centre frame; the causal one and the GRU, meant for live use, the last one
    (virtual camera only; the original's is the convolution)."""
    window_frames: Literal[3, 9, 27, 81, 243]
    """What an output sees; with the GRU, which remembers more, what it has seen at least."""
    run_outputs: PositiveInt
    """Consecutive outputs per draw, which the velocity loss compares (this and its weight: virtual camera only)."""
    velocity_weight: NonNegativeFloat
    """Against jitter where the network looks at no later frame; poses of one that does are smoothed when they are
    lifted (:func:`pose3d.lifting.trajectory.smooth_poses`)."""

    @model_validator(mode="after")
    def _one_output_has_no_velocity(self) -> "TemporalParams":
        if self.velocity_weight and self.run_outputs == 1:
            raise ValueError("run_outputs must be at least 2 for a velocity_weight: one output has no velocity")
        return self
