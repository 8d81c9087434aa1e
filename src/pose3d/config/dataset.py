"""Block ``dataset``, where the data comes from, with keys by ``source``; block ``embedded``, how much is rendered."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pose3d.config.blocks import Block, Number, PositiveFloat, PositiveInt, Probability


class Subjects(Block):
    """Names of subjects by split. The test subjects choose nothing."""

    train: Annotated[tuple[str, ...], Field(min_length=1)]
    validation: tuple[str, ...]
    test: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_subject_once(self) -> "Subjects":
        twice = sorted({name for name in self.all if self.all.count(name) > 1})
        if twice:
            raise ValueError(f"subject {twice[0]} is in it twice; each belongs to one split")
        return self

    @property
    def by_split(self) -> dict[str, list[str]]:
        """As sequences.h5 keeps them."""
        return {"train": list(self.train), "validation": list(self.validation), "test": list(self.test)}

    @property
    def all(self) -> list[str]:
        """Every subject, training subjects first."""
        return [*self.train, *self.validation, *self.test]


class EmbeddedDataset(Block):
    """Motion capture from Python packages, rendered here; :class:`EmbeddedParams` say how much of it."""

    source: Literal["embedded"]
    subjects: Subjects
    frame_rate_hz: PositiveFloat
    supersampling: PositiveInt
    """Pixels are rendered at this multiple in each direction and averaged."""
    jpeg_quality: Annotated[int, Number, Field(ge=1, le=100)]
    real_views: Literal["pose2sim"] | None
    """Videos of a real person from calibrated cameras, without labels, which evaluate measures the models on: those of
    the Python package pose2sim; null: none."""


class EmbeddedParams(Block):
    """Block ``embedded``: how much of the embedded data set is rendered. Recorded data sets do not read it."""

    image_size_px: PositiveInt
    """Width and height of the rendered frames."""
    cameras: Annotated[int, Number, Field(ge=1, le=4)]
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
    clutter: Probability
    """Share of the training subjects' views with things of all shapes behind the person; if any, clothes vary more."""


class RecordedParams(Block):
    """Keys of all recorded data sets, which the user has on disk."""

    subjects: Subjects
    folder: str | None
    """Where the data is; null: the folder that the environment variable ``POSE3D_DATA`` names."""
    actions: Annotated[tuple[str, ...], Field(min_length=1)] | None
    """Only takes of these actions (``Walking`` means Walking-1, Walking-2, ...); null takes all."""
    frame_step: PositiveInt
    """Keep every n-th frame of every take; the frame rate falls accordingly."""


class Human36mParams(RecordedParams):
    """Human3.6M as its authors distribute it."""

    source: Literal["human36m"]


class H36mFetchParams(RecordedParams):
    """Human3.6M as the tool h36m-fetch unpacks it."""

    source: Literal["h36m_fetch"]


class KeypointsParams(RecordedParams):
    """Keys of data sets that come with 2D keypoints."""

    frame_rate_hz: PositiveFloat
    calibration: str | None
    """JSON file of the cameras in the folder; null: Human3.6M's published calibration."""
    keypoints_only: tuple[str, ...]
    """Training subjects whose 3D is not read, if there is any: ``lifting.keypoints_subjects`` may name them, as
    VideoPose3D's semi-supervised setting does, and no other key."""

    @field_validator("keypoints_only")
    @classmethod
    def _of_training_subjects(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        training = info.data["subjects"].train if "subjects" in info.data else names
        others = [name for name in names if name not in training]
        if others:
            raise ValueError(
                f"{others[0]} is no subject of dataset.subjects.train: what has no 3D can neither validate nor test"
            )
        return names

    @property
    def subjects_with_3d(self) -> list[str]:
        """All others, training subjects first."""
        return [name for name in self.subjects.all if name not in self.keypoints_only]


class VideoPose3DParams(KeypointsParams):
    """VideoPose3D's pair of npz files: 3D positions, and 2D keypoints that somebody detected."""

    source: Literal["videopose3d"]
    positions: str
    """File of the 3D positions in the folder."""
    keypoints: str
    """File of the 2D keypoints in the folder."""


class OriginalNpzParams(KeypointsParams):
    """The original system's npz files, training and test apart."""

    source: Literal["original_npz"]
    poses: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files of the 3D poses in the folder."""
    keypoints: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files of the 2D keypoints in the folder."""


class OriginalCropsParams(RecordedParams):
    """The original system's data for its 2D network: crops with keypoints; 3D from its npz files."""

    source: Literal["original_crops"]
    crops: str
    """Folder of the crops in the folder."""
    poses: tuple[str, ...]
    """Files of the 3D poses in the folder; without any, the data set is for the 2D network alone."""


RecordedDataset = Human36mParams | H36mFetchParams | VideoPose3DParams | OriginalNpzParams | OriginalCropsParams
DatasetParams = Annotated[EmbeddedDataset | RecordedDataset, Field(discriminator="source")]
