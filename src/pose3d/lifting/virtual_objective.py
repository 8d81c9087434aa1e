"""The training objective of virtual-camera lifters, for single frames (runs of one) and windows alike."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pose3d.geometry.layouts import OURS, layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.clips import Runs
from pose3d.lifting.critic import beside
from pose3d.lifting.layout_view import features_of
from pose3d.lifting.limb_turns import ranges_of, turn_limbs, turns
from pose3d.lifting.losses import (
    joint_distance,
    relative_root_distance,
    relative_root_velocity,
    reprojection_l1,
    velocity_distance,
)
from pose3d.lifting.missing import draw_seen, face_checked, facing_away, keep_enough
from pose3d.lifting.networks import Forward, Lifter
from pose3d.lifting.observations import Observations, PairedClips
from pose3d.lifting.prior import (
    PriorTakes,
    camera_tilts,
    errors_of_points,
    mirror_world,
    mix_halves,
    other_errors,
    place_before_camera,
    project_points,
    project_with_errors,
    symmetric_factors,
    vary_bone_lengths,
)
from pose3d.lifting.virtual_camera import (
    VirtualView,
    lifter_features,
    project_virtual,
    root_position,
    to_virtual_space,
    view_from_image_plane,
)
from pose3d.runtime.processes import WHOLE, Share

_STRANGENESS = 1.41
"""How much strangers' bone lengths vary, in differences between people and the prior: chosen on embedded S8."""


@dataclass(frozen=True)
class VirtualCameraSettings:
    """What is drawn for a step, and how the projected prior is varied.

    Attributes:
        run_outputs: consecutive outputs of each draw, so that losses over time exist; 1 for single frames.
        pairs_per_step: pairs of 2D and 3D per generator step, projected prior takes most often; 0 for none.
        labelled_per_step: how many of them are detections with their 3D labels instead; 0 for weak supervision.
        noise_scale: factor on the detector's errors.
        other_noise: most of another detector's errors (see :func:`other_errors`), in 2D sizes; 0 for none.
        noise_candidates: detections among which the most similar lends a projected pose its errors; 1 for any.
        body_spread: how much bone lengths vary around the prior's own (see :func:`symmetric_factors`).
        limb_mix_prob: share of prior takes that get the trunk and arms of another (see :func:`mix_halves`).
        limb_turn_deg: how far arms and legs are turned and bent (see :func:`pose3d.lifting.limb_turns.turns`).
        tilt_deg: how far viewpoints are tilted and rolled for pairs (see :func:`camera_tilts`); not for the critic,
            which compares with lifts from the viewpoints that there are.
        joint_weights: factors of the 17 joints in the reprojection, at least 0.
        critic_sees_keypoints: whether the critic's poses stand :func:`beside <pose3d.lifting.critic.beside>` their 2D.
        layout: whose points the lifter takes, with some missing; of another than Human3.6M's no detections are lifted.
    """

    run_outputs: int
    pairs_per_step: int
    labelled_per_step: int
    noise_scale: float
    other_noise: float
    noise_candidates: int
    body_spread: float
    limb_mix_prob: float
    limb_turn_deg: float
    tilt_deg: float
    joint_weights: Sequence[float]
    critic_sees_keypoints: bool
    layout: str = OURS


class Batch(NamedTuple):
    """One step's B detections and P pairs of 2D and 3D, N in all; R outputs of each run.

    Attributes:
        features: (N, T, C) the lifter's input, the detections first.
        scale: (N, R) of the outputs' views.
        keypoints: (B, R, 17, 2) the detections in their views, the root first.
        poses_virtual_m: (P, R, 16, 3) the pairs' true root-relative poses in their views' frames.
        roots_virtual_m: (P, R, 3) the true roots there.
        camera_from_virtual: (P, R, 3, 3) the pairs' rotations.
    """

    features: Tensor
    scale: Tensor
    keypoints: Tensor
    poses_virtual_m: Tensor
    roots_virtual_m: Tensor
    camera_from_virtual: Tensor


class VirtualCameraObjective:
    """Reprojection onto real detections, a critic of real lifts, and direct supervision on the projected prior.

    Args:
        lifter: whose ``frames_before``, ``frames_after`` and ``with_motion`` say which frames it has to see.
        observations: 2D of the keypoints subjects.
        prior: 3D of the prior subjects; no frame of it is ever matched with a detection of the same frame.
        paired: detections with their 3D labels; None where ``settings.labelled_per_step`` is 0.
        settings: what is drawn and how it is varied.
        device: where the data and draws live.
        share: what this process draws of each batch.

    Attributes:
        prior, device: as given.
    """

    def __init__(
        self,
        lifter: Lifter,
        observations: Observations,
        prior: PriorTakes,
        paired: PairedClips | None,
        settings: VirtualCameraSettings,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        self._observations, self.prior, self._paired = observations, prior, paired
        self._settings = settings
        self._with_motion, self._frames_after = lifter.with_motion, lifter.frames_after
        self._critic_sees = slice(None if settings.critic_sees_keypoints else 0)
        self._joint_weights = torch.tensor(settings.joint_weights, device=device)[:, None]
        self._shown = view_from_image_plane(observations.annotated).keypoints.flatten(1)

        def runs_of(lengths: Sequence[int]) -> Runs:
            before = lifter.frames_before + lifter.with_motion
            return Runs(lengths, before, settings.run_outputs, lifter.frames_after, device)

        self._seen, self._annotated = runs_of(observations.lengths), runs_of(observations.annotated_lengths)
        self._takes = runs_of(prior.lengths)
        self._ranges = ranges_of(prior.poses_world_m) if settings.limb_turn_deg else None
        self._labelled = None if paired is None else runs_of(paired.lengths)
        self.device, self._share = device, share

    def critic_batches(
        self, rngs: Sequence[np.random.Generator], batch_size: int
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """The critic's two sides, one output of each run: prior poses (B, 16, 3), and detections to lift, with nothing
        beside their lifts, (B, 16, 0). A critic that sees keypoints has the former :func:`beside` their projection with
        a detector's errors, (B, 16, 5), and the latter beside what was detected, (B, 16, 2).

        Of ``batch_size`` draws B are this process's share, here as in all other methods.
        """
        plane, poses = self.draw_projected(rngs, batch_size, middle_alone=True)
        shown = view_from_image_plane(plane)
        real, _ = to_virtual_space(poses, shown.rotation)
        observed = self._draw_observed(rngs, batch_size)
        middle = self._settings.run_outputs // 2
        around_it = slice(middle, observed.shape[2] - (self._settings.run_outputs - 1 - middle))
        features, view = lifter_features(observed[:, :, around_it], self._with_motion)
        seen = view.keypoints[:, :, -1 - self._frames_after, :, self._critic_sees]
        return list(zip(beside(real, shown.keypoints[..., self._critic_sees]).squeeze(2), features, seen, strict=True))

    def generator_batches(self, rngs: Sequence[np.random.Generator], batch_size: int) -> list[Batch]:
        """Detections and pairs, see :meth:`pose3d.lifting.adversarial.Objective.generator_batches`.

        Args:
            rngs: one for each step; every draw of it comes from there, the same in all processes.
            batch_size: detections; 0 where neither their reprojection nor the critic counts.
        """
        plane, poses, seen = self._draw_plane(rngs, batch_size)
        features, view = features_of(plane, self._with_motion, self._settings.layout)
        view = VirtualView(*(self._at_outputs(v) for v in (view.keypoints, view.scale, view.rotation)))
        joints = self._at_outputs(poses)[..., :N_JOINTS, :]
        true_poses, true_roots = to_virtual_space(joints, view.rotation[:, seen:])
        keypoints = functional.pad(view.keypoints[:, :seen], (0, 0, 1, 0))  # the detected root is at 0
        to_camera = view.rotation[:, seen:].transpose(-1, -2)
        drawn = (features, view.scale, keypoints, true_poses, true_roots, to_camera)
        return [Batch(*of_step) for of_step in zip(*drawn, strict=True)]

    def of_strangers(self, pairs: int, difference: float) -> "VirtualCameraObjective":
        """The same on people whom no lifter learnt from, to see how far off it may be. Labels are left out.

        All takes have the legs of one and the trunk of another. Bone lengths vary more than is seen between people and
        the prior: size does not show, and other people move otherwise, too.

        Args:
            pairs: of 2D and 3D in each step, all in every process.
            difference: see :func:`pose3d.lifting.proportions.body_difference`.
        """
        strangers = copy(self)
        strangers._settings = replace(
            self._settings,
            pairs_per_step=pairs,
            labelled_per_step=0,
            body_spread=_STRANGENESS * difference,
            limb_mix_prob=1.0,
        )
        strangers._paired = strangers._labelled = None
        strangers._share = WHOLE
        return strangers

    def draw_pairs(self, rngs: Sequence[np.random.Generator]) -> tuple[Tensor, Tensor]:
        """The pairs of :meth:`generator_batches` alone.

        Args:
            rngs: K, one for each step.

        Returns:
            What the lifter sees in the image plane, (K, P, T, 17, 2), or (K, P, T, points, 3) of another layout, and
            the poses (K, P, T, 17, 3) in camera space, metres, of another layout with landmarks.
        """
        plane, poses, _ = self._draw_plane(rngs, 0)
        return plane, poses

    def _draw_plane(self, rngs: Sequence[np.random.Generator], batch_size: int) -> tuple[Tensor, Tensor, int]:
        """Image plane of B detections and P pairs, the poses of those pairs (see :meth:`draw_pairs`), and B."""
        pairs = self._settings.pairs_per_step
        if self._settings.layout != OURS:
            plane, poses = self.draw_projected(rngs, pairs, self._settings.tilt_deg)
            return self._with_missing(rngs, plane, poses), poses, 0
        observed = self._draw_observed(rngs, batch_size)
        plane, poses = self._draw_supervised(rngs, pairs)
        return torch.cat([observed, plane], 1), poses, observed.shape[1]

    def _with_missing(self, rngs: Sequence[np.random.Generator], plane: Tensor, poses_cam_m: Tensor) -> Tensor:
        """Points (K, B, T, P, 2) with whether each is seen, (K, B, T, P, 3); poses with landmarks.

        What the detector has missed in the frames that lend their errors is missing, too.
        """
        batch_size, frames, points = self._settings.pairs_per_step, plane.shape[2], layout(self._settings.layout)
        seen = self._draw(rngs, lambda rng: draw_seen(rng, batch_size, frames, points))
        checked = self._draw(rngs, lambda rng: face_checked(rng, batch_size))
        hidden = facing_away(poses_cam_m, points) & checked[:, :, None, None]
        there = plane.isfinite().all(-1)
        seen = keep_enough(seen & ~hidden & there) & there
        return torch.cat([plane, seen[..., None].to(plane.dtype)], -1)

    def terms(self, generator: Forward, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's losses but the critic's.

        Args:
            generator: forward pass: features (N, T, C) to poses and root codes.
            batch: one of :meth:`generator_batches`.

        Returns:
            fake poses for the critic, (B, 16, 3) or :func:`beside` what was seen, and scalar terms by name.
        """
        poses, codes = generator(batch.features)
        sizes = [len(batch.keypoints), len(batch.poses_virtual_m)]
        fakes, lifted = poses.split(sizes)
        roots, lifted_roots = root_position(codes, batch.scale).split(sizes)
        terms = {}
        if sizes[0]:
            projected = project_virtual(fakes, roots, batch.scale[: sizes[0]])
            terms["reprojection"] = reprojection_l1(projected, batch.keypoints, self._joint_weights)
        if sizes[1]:
            terms["projected_prior"] = joint_distance(lifted, batch.poses_virtual_m)
            terms["root"] = relative_root_distance(lifted_roots, batch.roots_virtual_m)
            if self._settings.run_outputs > 1:
                terms["velocity"] = velocity_distance(lifted, batch.poses_virtual_m)
                terms["root_velocity"] = relative_root_velocity(
                    lifted_roots, batch.roots_virtual_m, batch.camera_from_virtual
                )
        middle = self._settings.run_outputs // 2
        judged = fakes[:, middle]
        if self._settings.critic_sees_keypoints:
            judged = beside(judged, batch.keypoints[:, middle, 1:])
        return judged, terms

    def _draw_supervised(self, rngs: Sequence[np.random.Generator], batch_size: int) -> tuple[Tensor, Tensor]:
        """Like :meth:`draw_projected`; detections with their labels among them, where there are any."""
        if self._paired is None or self._labelled is None:
            return self.draw_projected(rngs, batch_size, self._settings.tilt_deg)
        labelled = self._settings.labelled_per_step
        frames = self._draw_runs(self._labelled, rngs, labelled)
        plane, poses = self.draw_projected(rngs, batch_size - labelled, self._settings.tilt_deg)
        return torch.cat([self._paired.image_plane[frames], plane], 1), torch.cat(
            [self._paired.poses_cam_m[frames], poses], 1
        )

    def draw_projected(
        self,
        rngs: Sequence[np.random.Generator],
        batch_size: int,
        tilt_deg: float = 0.0,
        middle_alone: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Prior takes from other people's viewpoints; all draws are independent.

        Args:
            rngs: K, one for each step; every draw of a step comes from its own.
            batch_size: takes to draw for each step, of which B are this process's share.
            tilt_deg: how far the viewpoints are tilted and rolled, see :func:`camera_tilts`.
            middle_alone: of the T frames give the middle output's alone, which the critic sees.

        Returns:
            image plane (K, B, T, 17, 2), of another layout its points, with detection errors, and NaN for those that
            the detector has missed; and poses (K, B, T, 17, 3) in camera space, metres, of another layout with
            landmarks.
        """
        s, observations = self._settings, self._observations
        takes = (self._draw_runs(self._takes, rngs, batch_size).flatten(0, 1) for _ in range(2))
        legs, trunks = (self.prior.points_world_m(frames) for frames in takes)
        viewpoints = self._draw_runs(self._seen, rngs, batch_size).flatten(0, 1)
        heading = self._draw(rngs, lambda rng: rng.uniform(0, 2 * np.pi, batch_size)).flatten().float()
        mirrored = self._draw(rngs, lambda rng: rng.random(batch_size) < 0.5).flatten()
        mixed = self._draw(rngs, lambda rng: rng.random(batch_size) < s.limb_mix_prob).flatten()
        bodies = self._draw(rngs, lambda rng: symmetric_factors(rng, batch_size, s.body_spread)).flatten(0, 1).float()
        poses = torch.where(mixed[:, None, None, None], mix_halves(legs, trunks), legs)
        if self._ranges is not None:
            turned = self._draw(rngs, lambda rng: turns(rng, batch_size, s.limb_turn_deg))
            poses = turn_limbs(poses, turned.flatten(0, 1).float(), self._ranges)
        poses = vary_bone_lengths(poses, bodies)
        poses = torch.where(mirrored[:, None, None, None], mirror_world(poses), poses)
        frame = viewpoints.shape[1] - self._frames_after - s.run_outputs + s.run_outputs // 2  # the middle output's
        seen = viewpoints[:, frame]
        rotations = observations.rotations[seen]
        if tilt_deg:
            tilts = self._draw(rngs, lambda rng: camera_tilts(rng, batch_size, tilt_deg))
            rotations = tilts.flatten(0, 1).float() @ rotations
        roots = observations.roots[seen]
        poses = place_before_camera(poses, heading, rotations, roots, observations.scales[seen], frame)
        poses = poses.unflatten(0, (len(rngs), len(poses) // len(rngs)))
        alike = self._draw_alike(poses[:, :, frame, :N_JOINTS], frame, rngs)
        if middle_alone:
            poses, alike = poses[:, :, frame : frame + 1], alike[:, :, frame : frame + 1]
        errors = s.noise_scale * observations.residuals[alike]
        if s.other_noise:
            n_points = errors.shape[-2]
            others = self._draw(rngs, lambda rng: other_errors(rng, batch_size, n_points, s.other_noise))
            errors = errors + others.float()[:, :, None]
        if s.layout != OURS:
            points = layout(s.layout)
            own = errors if observations.layout == s.layout else errors_of_points(errors, points)
            return project_points(poses, own, points), poses
        return project_with_errors(poses, errors), poses

    def _draw_alike(self, poses_cam_m: Tensor, frame: int, rngs: Sequence[np.random.Generator]) -> Tensor:
        """For each pose (K, B, 17, 3) the annotated frames (K, B, T) drawn whose ``frame`` shows the most similar one.

        A detector errs according to what it sees: on the far arm of a person seen from the side, on left and right of
        one seen from behind.
        """
        shape = len(self._annotated), self._settings.noise_candidates
        candidates = np.stack([rng.integers(shape[0], size=shape[1]) for rng in rngs])  # the same for all processes
        drawn = self._annotated.frames(torch.from_numpy(candidates).to(self.device))
        wanted = view_from_image_plane(poses_cam_m[..., :2] / poses_cam_m[..., 2:]).keypoints
        nearest = torch.cdist(wanted.flatten(2), self._shown[drawn[:, :, frame]]).argmin(2)
        return drawn.take_along_dim(nearest[..., None], 1)

    def _draw_observed(self, rngs: Sequence[np.random.Generator], batch_size: int) -> Tensor:
        return self._observations.image_plane[self._draw_runs(self._seen, rngs, batch_size)]

    def _draw_runs(self, runs: Runs, rngs: Sequence[np.random.Generator], batch_size: int) -> Tensor:
        """Frames (K, B, T) of runs."""
        return runs.frames(self._draw(rngs, lambda rng: rng.integers(len(runs), size=batch_size)))

    def _draw(
        self, rngs: Sequence[np.random.Generator], numbers: Callable[[np.random.Generator], np.ndarray]
    ) -> Tensor:
        """This process's share of the numbers (N, ...) of each step, (K, B, ...)."""
        return torch.from_numpy(np.stack([self._share.part(numbers(rng)) for rng in rngs])).to(self.device)

    def _at_outputs(self, values: Tensor) -> Tensor:
        """Those of a run's frames (K, B, T, ...) that have an output, (K, B, R, ...)."""
        end = values.shape[2] - self._frames_after
        return values[:, :, end - self._settings.run_outputs : end]
