"""Who performs which clip, and how clips are cut into takes.

No motion is shared between the splits, nor between the people whose images are lifted and the person whose 3D poses
train the critic: a lifter that has seen a pose in the prior would be helped by memory. Each side has upright motion,
walking, something athletic, motion on the floor, and one of the five climbing clips.

=========  =====================  =============================================================================
subject    role                   clips
=========  =====================  =============================================================================
S1 S5 S6   2D keypoints           climb 0 and seven clips, each performed by two of the three
S7         prior (and 2D)         climb 1 and six others
S8         validation             climb 2 and two others
S9 S11     test                   climb 3, climb 4 and five others
=========  =====================  =============================================================================
"""

from dataclasses import dataclass

import numpy as np

# Order matters in small selections only: upright motion comes first.
PERFORMERS = {
    "S1": ("WalkLeft", "Spinkick", "GetupFaceup", "Backflip", "Climb0"),
    "S5": ("WalkRight", "Cartwheel", "Roll", "GetupFaceup", "Spinkick"),
    "S6": ("WalkLeft", "WalkRight", "Cartwheel", "Backflip", "Roll"),
    "S7": ("Walk", "DanceA", "Punch", "Run", "Crawl", "GetupFacedown", "Climb1"),
    "S8": ("TurnLeft", "Spin", "Climb2"),
    "S9": ("WalkStraight", "DanceB", "Climb3"),
    "S11": ("TurnRight", "Jump", "Kick", "Climb4"),
}
"""Clips by subject, under the names that actions get."""

KEYPOINTS_SUBJECTS = ("S1", "S5", "S6")
PRIOR_SUBJECTS = ("S7",)
TRAINING_SUBJECTS = KEYPOINTS_SUBJECTS + PRIOR_SUBJECTS
STILLS = "Stills"
"""Not a person but photographs of the training subjects, for the 2D network alone.

Each has a body, pose, heading and clothes of its own, and only a few share a room. Within a take a person faces one way
before one wall in one shirt, and a network soon knows left from right by the wall and the shirt: with some dozens of
takes and no stills it told the sides of people it had not seen no better than by tossing a coin.
"""


@dataclass(frozen=True)
class Take:
    """Frames ``start`` to ``stop - 1`` of a clip, performed once: one set of clothes, one room, one place.

    Attributes:
        subject: who performs it.
        clip: one of the subject's in :data:`PERFORMERS`, or Room for stills.
        number: of the take among those of the clip, from 1.
        start, stop: the first frame of the clip and the one after the last, at the data set's rate.
    """

    subject: str
    clip: str
    number: int
    start: int
    stop: int

    @property
    def action(self) -> str:
        """Name of the take, such as ``Climb0-2``."""
        return f"{self.clip}-{self.number}"

    def __len__(self) -> int:
        return self.stop - self.start


def plan_stills(rooms: int, per_room: int) -> list[Take]:
    """Rooms of stills, as takes whose frames have nothing to do with each other."""
    return [Take(STILLS, "Room", number, 0, per_room) for number in range(1, rooms + 1)]


def plan_takes(
    subject: str, clip_frames: dict[str, int], take_frames: int, repeats: int, limit: int | None = None
) -> list[Take]:
    """All takes of a subject.

    Args:
        subject: a key of :data:`PERFORMERS`.
        clip_frames: frames of each of the subject's clips at the data set's rate.
        take_frames: longest take; longer clips are cut into pieces of nearly equal length.
        repeats: how often every piece is performed.
        limit: keep this many takes, spread evenly over all of them.

    Returns:
        takes, in the order of :data:`PERFORMERS`, numbered from 1 within each clip.

    Raises:
        ValueError: ``take_frames`` or ``repeats`` below 1.
    """
    if take_frames < 1 or repeats < 1:
        raise ValueError("take_frames and repeats must be 1 or more")
    takes = []
    for clip in PERFORMERS[subject]:
        frames = clip_frames[clip]
        pieces = -(-frames // take_frames)
        cuts = [frames * piece // pieces for piece in range(pieces + 1)]
        for number in range(pieces * repeats):
            piece = number % pieces
            takes.append(Take(subject, clip, number + 1, cuts[piece], cuts[piece + 1]))
    if limit is not None and limit < len(takes):
        chosen = np.linspace(0, len(takes) - 1, limit).round().astype(int)
        takes = [takes[index] for index in chosen]
    return takes
