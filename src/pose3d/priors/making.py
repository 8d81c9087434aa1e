"""From a folder of motion capture to a file in priors/, which ``lifting.prior`` names."""

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pose3d.datasets.recording import boxes_around
from pose3d.geometry.camera import Camera
from pose3d.geometry.rotations import least_rotation
from pose3d.priors.onto_body import joints_only, perform
from pose3d.priors.own_takes import OURS, Piece, Take, own_files, read_takes
from pose3d.records.prior_file import write_prior
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError, in_words
from pose3d.synthetic.bake import SHAPES, bake_bodies
from pose3d.synthetic.body import Body, read_body
from pose3d.synthetic.cameras import look_at
from pose3d.synthetic.split import PRIOR_SUBJECTS

SHOWN_PROBLEMS = 20
_UNSAID = (".bvh", ".trc")
"""Files that do not say which axis is up."""
_SURE = 0.5
"""Of the mean direction from feet to shoulders, along one axis: people mostly stand, also who dances or climbs."""
_SURE_ALONE = 0.75
"""The same of one take, in which somebody may well sit or be on the floor for a while."""
_FLOOR_QUANTILE = 0.1
_CAMERA_HEIGHT_M, _CAMERA_AWAY_M, _IMAGE_PX, _FOCAL_PX = 1.5, 4.0, 1000, 1146.0


def read_folder(folder: Path, given: Mapping[str, Sequence[str]], rate_hz: float) -> list[Take]:
    """All takes of a folder's files.

    Args:
        folder: with files of :data:`pose3d.priors.own_takes.ENDINGS`, also in folders below.
        given: a map of points, see :func:`pose3d.priors.point_map.read_map`; or an empty one.
        rate_hz: frames per second of training.

    Raises:
        InputError: there is no such file, or some cannot be used; says why of the first twenty.
    """
    files, takes, problems = own_files(folder), [], []
    for file in files:
        try:
            takes += read_takes(folder, file, given, rate_hz)
        except InputError as error:
            problems.append(str(error))
    if len(problems) == 1:
        raise InputError(problems[0])
    if problems:
        shown = "\n".join(f"- {sentence}" for sentence in problems[:SHOWN_PROBLEMS])
        raise InputError(f"{len(problems)} of {len(files)} files in {folder} cannot be used:\n{shown}")
    return takes


def upwards(takes: Sequence[Take], asked: str | None) -> dict[str, tuple[np.ndarray, str]]:
    """For each ending of files which way is up in their motions, (3,), and a sentence that says it.

    Found is the axis along which people mostly stand. Where they do not, it is the format's: what C3D and npz say, and
    y of the others.

    Args:
        takes: of all files.
        asked: x, y or z, of BVH and TRC, which do not say it; ``format``: what each format has, however people lie;
            None: not asked.
    """
    found = {}
    for ending in sorted({take.file.suffix.lower() for take in takes}):
        of_ending = [take for take in takes if take.file.suffix.lower() == ending]
        mean = np.sum([take.standing() for take in of_ending], 0)
        mean = mean / max(1, sum(len(piece) for take in of_ending for piece in take.pieces))
        axis = int(np.abs(mean).argmax())
        up, standing = np.array([0.0, 1.0, 0.0]), np.sign(mean[axis]) * np.eye(3)[axis]
        said = "y is up, as the format has it" if ending in _UNSAID else "up is what the files say"
        if asked == "format":
            said += ", as asked"
        elif asked is not None and ending in _UNSAID:
            up, said = np.eye(3)["xyz".index(asked)], f"{asked} is up, as asked"
        elif abs(mean[axis]) > _SURE and (standing == up).all():
            said += ", and people stand so"
        elif abs(mean[axis]) > _SURE:
            up, name = standing, _axis_name(ending, standing)
            said = f"{name} is up, because people stand so: if they lie, give --up format"
        found[ending] = up, f"{ending}: {said}"
    return found


def doubt_verticals(takes: Sequence[Take], up: Mapping[str, np.ndarray]) -> None:
    """Have the takes say it in which people stand along another axis than upwards; they may as well lie all the time.

    Args:
        takes: of all files.
        up: for each ending the upward direction (3,).
    """
    for take in takes:
        ending = take.file.suffix.lower()
        mean = take.standing() / max(1, sum(map(len, take.pieces)))
        axis = int(np.abs(mean).argmax())
        standing = np.sign(mean[axis]) * np.eye(3)[axis]
        if abs(mean[axis]) > _SURE_ALONE and (standing != up[ending]).any():
            along, wanted = _axis_name(ending, standing), _axis_name(ending, up[ending])
            take.said.append(
                f"people stretch along {along}, not {wanted}: unless they lie, its vertical is another, so turn it or "
                "make a prior of it alone"
            )


def prior_body(bodies: Path) -> Body:
    """The body of the embedded data's prior, baked unless a file of bodies has it.

    Raises:
        InputError: it cannot be baked either.
    """
    name = PRIOR_SUBJECTS[0]
    if bodies.exists():
        try:
            return joints_only(read_body(bodies, name))
        except InputError:
            pass  # of a recorded data set it is empty
    try:
        return joints_only(bake_bodies({name: SHAPES[name]})[name])
    except ImportError as error:
        raise InputError(f"cannot import anny ({in_words(error)}): install the packages of requirements.lock") from None


def write_takes(
    out: Path, folder: Path, takes: Sequence[Take], up: Mapping[str, np.ndarray], body: Body, rate_hz: float
) -> tuple[int, int]:
    """Write what is used of the takes; same files, same bytes.

    Args:
        out: priors/NAME.h5.
        folder: the takes' own, whose name those get that are in no folder below it.
        takes: from :func:`read_folder`.
        up: for each ending the upward direction (3,) in the motions' axes.
        body: from :func:`prior_body`.
        rate_hz: frames per second of the pieces.

    Returns:
        How many sequences and frames there were.

    Raises:
        InputError: nothing is left to write.
        OSError: the disk is full or not writable.
    """
    if not any(take.pieces for take in takes):
        raise InputError(f"nothing in {folder} can be used: the table says why")
    return write_prior(out, _sequences(folder, takes, up, body, rate_hz))


def _sequences(
    folder: Path, takes: Sequence[Take], up: Mapping[str, np.ndarray], body: Body, rate_hz: float
) -> Iterator[PoseSequence]:
    used: set[tuple[str, str]] = set()
    for take in takes:
        subject = _key_part("-".join(take.file.parent.parts) or folder.resolve().name)
        for number, piece in enumerate(take.pieces, 1):
            action = _key_part("-".join(filter(None, [take.file.name, take.person, str(number)])))
            while (subject, action) in used:  # names that differ in what keys cannot have
                action += "+"
            used.add((subject, action))
            try:
                poses_m, landmarks_m = joints_and_landmarks(body, piece, up[take.file.suffix.lower()])
            except ValueError as error:  # a segment that has no direction
                raise InputError(
                    f"{folder / take.file} cannot be put onto a body ({in_words(error)}): take it out of the folder"
                ) from None
            yield _sequence(subject, action, poses_m, landmarks_m, rate_hz)


def joints_and_landmarks(body: Body, piece: Piece, up: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(T, 17, 3) joints, and (T, L, 3) landmarks where a body performs: metres, z up, the floor at 0.

    Args:
        body: that performs what is not of our own joints already.
        piece: from :func:`pose3d.priors.own_takes.read_takes`.
        up: (3,) upwards in the piece's axes.
    """
    turn = least_rotation(up, np.array([0.0, 0.0, 1.0]))
    points = {name: path.astype(np.float64) @ turn.T for name, path in piece.points.items()}
    landmarks_m: np.ndarray | None = None
    if piece.ours:
        poses_m = np.stack([points[name] for name in OURS.values()], 1)
    else:
        poses_m, landmarks_m = perform(body, points, piece.leg_m)
    lowest_m = (poses_m if landmarks_m is None else landmarks_m)[..., 2].min(1)
    floor_m = np.array([0, 0, np.quantile(lowest_m, _FLOOR_QUANTILE)])
    return poses_m - floor_m, None if landmarks_m is None else landmarks_m - floor_m


def _sequence(
    subject: str, action: str, poses_m: np.ndarray, landmarks_m: np.ndarray | None, rate_hz: float
) -> PoseSequence:
    """With a level camera that sees all of it from some side, because a sequence has one; `original` looks from it."""
    rng = np.random.default_rng(zlib.crc32(f"{subject}/{action}".encode()))
    angle = rng.uniform(0, 2 * np.pi)
    middle_m = (poses_m.min((0, 1)) + poses_m.max((0, 1))) / 2
    away_m = _CAMERA_AWAY_M + np.linalg.norm(poses_m[..., :2] - middle_m[:2], axis=-1).max()
    target_m = np.array([middle_m[0], middle_m[1], _CAMERA_HEIGHT_M])
    position_m = target_m + away_m * np.array([np.cos(angle), np.sin(angle), 0])
    intrinsics_px = np.array([[_FOCAL_PX, 0, _IMAGE_PX / 2], [0, _FOCAL_PX, _IMAGE_PX / 2], [0, 0, 1]])
    camera = Camera("cam0", _IMAGE_PX, _IMAGE_PX, intrinsics_px, np.zeros(5), *look_at(position_m, target_m))
    poses_cam_m = camera.world_to_camera(poses_m)
    keypoints_px = camera.project(poses_cam_m)
    return PoseSequence(
        subject,
        action,
        camera,
        rate_hz,
        poses_world_m=poses_m.astype(np.float32),
        poses_cam_m=poses_cam_m.astype(np.float32),
        keypoints_px=keypoints_px.astype(np.float32),
        boxes_px=boxes_around(keypoints_px).astype(np.float32),
        landmarks_world_m=None if landmarks_m is None else landmarks_m.astype(np.float32),
    )


def _axis_name(ending: str, up: np.ndarray) -> str:
    """An upward axis as a file of that format calls it; C3D and npz came turned from z up."""
    axes = "xyz" if ending in _UNSAID else "xzy"
    axis = int(np.abs(up).argmax())
    backwards = up[axis] < 0
    if axes == "xzy" and axis == 2:
        backwards = not backwards
    return ("-" if backwards else "") + axes[axis]


def _key_part(name: str) -> str:
    return re.sub(r"[^\w.+()-]", "-", name).lstrip(".") or "take"
