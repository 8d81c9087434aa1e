"""Blocks ``crop_resize``, ``train_2d`` and ``infer_2d``: from frames to 2D keypoints."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

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

BLAZEPOSE = Path("data/pretrained/blazepose/pose_landmark_full.tflite")
"""Where stage download puts the weights that BlazePose starts from."""
MIN_STEM_CHANNELS = 8
"""Fewer are not safe with torch 2.13."""


class CropResizeParams(Block):
    """Square crops around the ground-truth box."""

    margin: Annotated[float, Number, Field(ge=1, le=3)]
    """Side of the square over the longer side of the box."""
    size_px: PositiveInt
    jpeg_quality: Annotated[int, Number, Field(ge=1, le=100)]


class AugmentationParams(Block):
    """Random changes to training crops; zero (or false) turns one off."""

    flip: bool
    rotation_deg: Annotated[float, Number, Field(ge=0, le=180)]
    """Uniform within plus and minus this."""
    scale: BelowOne
    """Uniform within 1 - scale ... 1 + scale."""
    translation: BelowOne
    """Uniform within plus and minus this share of the crop, along both axes."""
    color: Probability
    """Strength of contrast, brightness, saturation, hue and light colour."""
    occlusion: Probability
    """Share of crops that get a rectangle of one colour; as many get a piece of themselves at another place."""
    degradation: Probability
    """Share of crops that get blur, low resolution, noise and JPEG's artefacts, each of a random strength."""


class CosineSchedule(Block):
    """Linear warm-up over a share of the training, then half a cosine to zero."""

    kind: Literal["cosine"]
    warmup: Probability


class StepSchedule(Block):
    """The learning rate times ``factor`` after each of these epochs."""

    kind: Literal["steps"]
    after_epochs: tuple[PositiveInt, ...]
    factor: PositiveFloat


def _wide_enough(stem_channels: int) -> int:
    if stem_channels < MIN_STEM_CHANNELS:
        raise ValueError(
            f"must be {MIN_STEM_CHANNELS} or more: of narrower networks torch's gradients damage other numbers "
            "in memory on some processors (x86 with AVX2 and without AVX-512)"
        )
    return stem_channels


class PoseResNetParams(Block):
    """Xiao et al.'s network, from random weights or from those of ``train_2d.init``."""

    kind: Literal["pose_resnet"]
    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
    stem_channels: Annotated[PositiveInt, AfterValidator(_wide_enough)]
    """Width of the first stage; 64 in the paper and in every published checkpoint."""
    deconv_channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    left_right_weight: NonNegativeFloat
    """Weight of the auxiliary loss on the direction people face; 0 for the paper's loss alone."""


class BlazePoseParams(Block):
    """BlazePose, which was trained on real people, with a new head for the 17 joints."""

    kind: Literal["blazepose"]
    trainable: Literal["head", "last_blocks", "all"]
    """What learns beside the head: nothing, the stages of 16 and 32 px with all that follows, or everything."""


NetworkParams = Annotated[PoseResNetParams | BlazePoseParams, Field(discriminator="kind")]


class Train2DParams(Block):
    """The 2D network and its training."""

    network: NetworkParams
    init: Annotated[str | None, AfterValidator(directly_in("pretrained/train_2d"))]
    """Weights to start from (docs/starting_weights.md says whose), ``pretrained/train_2d/NAME``; null: random,
    but for BlazePose's own."""
    sigma_heatmap_px: PositiveFloat
    frame_step: PositiveInt
    """Learn from every n-th frame of each training sequence: neighbours at 50 Hz are nearly the same picture."""
    epochs: PositiveInt
    batch_size: Annotated[int, Number, Field(ge=2)]
    lr: PositiveFloat
    schedule: Annotated[CosineSchedule | StepSchedule, Field(discriminator="kind")]
    augmentation: AugmentationParams


class Infer2DParams(Block):
    """Heatmaps to keypoints."""

    flip_test: bool
    decode: Literal["local_soft_argmax", "marginal_soft_argmax"]
    skip_subjects: tuple[str, ...]
    """Subjects whose frames only train the 2D network: they get no keypoints, which nothing would read."""

    def require_unread_skipped(self, training: Collection[str], taught: Collection[str]) -> None:
        """Refuse to skip those whose keypoints are read later on.

        Args:
            training: the training subjects; all others are evaluated.
            taught: those of them whose keypoints teach the lifters.

        Raises:
            ValueError: names the key and the subject.
        """
        read = [name for name in self.skip_subjects if name not in training or name in taught]
        if read:
            raise ValueError(
                f"infer_2d.skip_subjects names {read[0]}, but it may only name subjects of dataset.subjects.train "
                "whose keypoints block lifting does not name"
            )
