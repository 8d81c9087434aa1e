"""params.yaml (the method) and profiles/<profile>.yaml (the scale), merged into frozen, typed blocks.

There is one block per stage, and a key stands in exactly one of the two files, so that ``dvc exp run -S`` on either
file always has an effect.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pose3d.errors import InputError

PARAMS_FILE = Path("params.yaml")
PROFILES_FOLDER = Path("profiles")

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Block(BaseModel):
    """A block of params: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Subjects(Block):
    """Names of subjects by split. The test subjects choose nothing."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


class DatasetParams(Block):
    """Where the data comes from and how much of it."""

    source: Literal["embedded"]
    subjects: Subjects
    image_size_px: PositiveInt
    """Width and height of the rendered frames."""
    cameras: Annotated[int, Field(ge=1, le=4)]
    frame_rate_hz: PositiveFloat
    take_seconds: PositiveFloat
    """Longer clips are cut into takes of at most this, each with clothes, room, light and heading of its own."""
    repeats: PositiveInt
    """How often every take is performed."""
    takes_per_subject: PositiveInt | None
    """Keep this many takes of each subject, spread over all of them; null keeps all."""
    still_rooms: PositiveInt
    """Rooms for the stills of the training subjects, which the 2D network learns from (subject ``Stills``)."""
    stills_per_room: PositiveInt
    """Stills in each room, every one in other clothes and another pose, seen by every camera."""
    supersampling: PositiveInt
    """Pixels are rendered at this multiple in each direction and averaged."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]


class CropResizeParams(Block):
    """Square crops around the ground-truth box."""

    margin: Annotated[float, Field(ge=1, le=3)]
    """Side of the square over the longer side of the box."""
    size_px: PositiveInt
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]


class AugmentationParams(Block):
    """Random changes to training crops; zero (or false) turns one off."""

    flip: bool
    rotation_deg: Annotated[float, Field(ge=0, le=180)]
    """Uniform within plus and minus this."""
    scale: Annotated[float, Field(ge=0, lt=1)]
    """Uniform within 1 - scale ... 1 + scale."""
    color: Probability
    """Strength of contrast, brightness, saturation, hue and light colour."""
    occlusion: Probability
    """Share of crops that get a rectangle of one colour."""


class CosineSchedule(Block):
    """Linear warm-up over a share of the training, then half a cosine to zero."""

    kind: Literal["cosine"]
    warmup: Probability


class StepSchedule(Block):
    """The learning rate times ``factor`` after each of these epochs."""

    kind: Literal["steps"]
    after_epochs: tuple[PositiveInt, ...]
    factor: PositiveFloat


class Train2DParams(Block):
    """pose_resnet and its training."""

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
    stem_channels: PositiveInt
    """Width of the first stage; 64 in the paper and in every published checkpoint."""
    deconv_channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    init: str | None
    """A checkpoint to start from (MPII's pose_resnet or ImageNet's ResNet), or null for random weights."""
    sigma_heatmap_px: PositiveFloat
    sides_weight: NonNegativeFloat
    """Weight of the lesson on the side, which way people face; 0 for the paper's loss alone."""
    epochs: PositiveInt
    batch_size: Annotated[int, Field(ge=2)]
    lr: PositiveFloat
    schedule: Annotated[CosineSchedule | StepSchedule, Field(discriminator="kind")]
    augmentation: AugmentationParams


class Infer2DParams(Block):
    """Heatmaps to keypoints."""

    flip_test: bool
    decode: Literal["local_soft_argmax", "marginal_soft_argmax"]


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


class EvaluateParams(Block):
    """Metrics and pictures."""

    pck_threshold: PositiveFloat
    """2D: share of the longer side of the person's box within which a keypoint counts as found."""
    nearest_poses: PositiveInt
    """Poses of the prior that the nearest-neighbour baseline searches, evenly spaced over its takes."""
    nearest_yaws: PositiveInt
    """Regular turns about the vertical at which each of them (and its mirror image) is tried."""


class Params(Block):
    """Everything, as merged from both files."""

    profile: str
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    dataset: DatasetParams
    crop_resize: CropResizeParams
    train_2d: Train2DParams
    infer_2d: Infer2DParams
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams
    evaluate: EvaluateParams

    @model_validator(mode="after")
    def _prior_and_keypoints_subjects_train(self) -> "Params":
        for key in ("keypoints_subjects", "prior_subjects"):
            names = getattr(self.lifting, key)
            unknown = [name for name in names if name not in self.dataset.subjects.train]
            if unknown or not names:
                raise ValueError(
                    f"lifting.{key} must name subjects of dataset.subjects.train "
                    f"({', '.join(self.dataset.subjects.train)}), not {', '.join(unknown) or 'nobody'}"
                )
        return self


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of silently keeping the last."""


def _mapping_without_duplicates(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    keys = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in keys:
            raise InputError(
                f"{key_node.start_mark.name}: key '{key}' is written twice (again on line "
                f"{key_node.start_mark.line + 1}); keep one of them"
            )
        keys.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        InputError: missing, not YAML, a duplicate key, or not a mapping.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.load(file, Loader=_UniqueKeyLoader)  # noqa: S506, a SafeLoader
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run from the root of the repository") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold keys and values")
    return content


def load_params(root: Path = Path(".")) -> Params:
    """Read params.yaml and the profile it names.

    Raises:
        InputError: a missing file, an unknown profile, an unknown, missing, duplicate or mistyped key.
    """
    params_path = root / PARAMS_FILE
    method = read_yaml(params_path)
    profile = method.get("profile")
    profile_path = root / PROFILES_FOLDER / f"{profile}.yaml"
    if not profile_path.exists():
        known = sorted(path.stem for path in (root / PROFILES_FOLDER).glob("*.yaml"))
        raise InputError(f"{params_path}: profile '{profile}' is unknown; choose one of {', '.join(known)}")
    scale = read_yaml(profile_path)
    merged = dict(method)
    for block, values in scale.items():
        if block not in method:
            merged[block] = values
        elif not isinstance(values, dict) or not isinstance(method[block], dict):
            raise InputError(f"key '{block}' stands in both {params_path} and {profile_path}; keep one of them")
        else:
            twice = sorted(set(values) & set(method[block]))
            if twice:
                raise InputError(
                    f"key '{block}.{twice[0]}' stands in both {params_path} and {profile_path}; keep one of them"
                )
            merged[block] = {**method[block], **values}
    try:
        return Params.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        problem = {
            "extra_forbidden": "is not a known key; remove it or mend its spelling",
            "missing": "is missing; add it to one of them",
        }.get(first["type"], f"{first['msg']}, not {first['input']!r}" if key else first["msg"])
        raise InputError(f"{params_path} with {profile_path}: {key} {problem}".replace("  ", " ")) from None
