"""The training objective of virtual-camera lifters, for single frames (runs of one) and windows alike."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pose3d.geometry.skeleton import ROOT
from pose3d.lifting.clips import Runs
from pose3d.lifting.losses import (
    joint_distance,
    relative_root_distance,
    relative_root_velocity,
    reprojection_l1,
    velocity_distance,
)
from pose3d.lifting.networks import Forward
from pose3d.lifting.observations import Observations, PairedClips
from pose3d.lifting.prior import (
    PriorTakes,
    mirror_world,
    mix_halves,
    pairs_of,
    place_before_camera,
    project_with_errors,
    symmetric_factors,
    vary_bone_lengths,
)
from pose3d.lifting.virtual_camera import (
    VirtualView,
    lifter_features,
    project_virtual,
    root_position,
    view_from_image_plane,
)
from pose3d.runtime.processes import WHOLE, Share


class VirtualCameraObjective:
    """Reprojection onto real detections, a critic of real lifts, and direct supervision on the projected prior.

    Args:
        observations: 2D of the keypoints subjects.
        prior: 3D of the prior subjects; no frame of it is ever matched with a detection of the same frame.
        frames_before, frames_after: frames that the generator needs around its outputs; 0 for single frames.
        with_motion: whether the generator also sees the motion since the frame before.
        run_outputs: consecutive outputs of each draw, so that losses over time exist; 1 for single frames.
        pairs_per_step: projected prior takes per generator step; 0 for none.
        noise_scale: factor on the detector's errors.
        noise_candidates: detections among which the most similar lends a projected pose its errors; 1 for any.
        body_spread: how much bone lengths vary around the prior's own (see :func:`symmetric_factors`).
        limb_mix_prob: share of prior takes that get the trunk and arms of another (see :func:`mix_halves`).
        joint_weights: (17, 1) factors of the joints in the reprojection, at least 0.
        paired: detections with their 3D labels; None, the usual case, for weak supervision.
        paired_share: share of ``pairs_per_step`` that are drawn from them.
        device: where the data and draws live.
        share: what this process draws of each batch.
    """

    def __init__(
        self,
        observations: Observations,
        prior: PriorTakes,
        frames_before: int,
        frames_after: int,
        with_motion: bool,
        run_outputs: int,
        pairs_per_step: int,
        noise_scale: float,
        noise_candidates: int,
        body_spread: float,
        limb_mix_prob: float,
        joint_weights: Tensor,
        paired: PairedClips | None,
        paired_share: float,
        device: torch.device,
        share: Share = WHOLE,
    ) -> None:
        self._observations, self._prior = observations, prior
        self._with_motion, self._frames_after = with_motion, frames_after
        self._run_outputs, self._pairs_per_step = run_outputs, pairs_per_step
        self._error_gain, self._error_candidates = noise_scale, noise_candidates
        self._body_spread, self._mixed_share = body_spread, limb_mix_prob
        self._joint_weights = joint_weights
        self._shown = view_from_image_plane(observations.annotated).keypoints.flatten(1)
        before = frames_before + with_motion
        self._seen = Runs(observations.lengths, before, run_outputs, frames_after, device)
        self._annotated = Runs(observations.annotated_lengths, before, run_outputs, frames_after, device)
        self._takes = Runs(prior.lengths, before, run_outputs, frames_after, device)
        self._paired, self._paired_share = paired, paired_share
        if paired is not None:
            self._labelled = Runs(paired.lengths, before, run_outputs, frames_after, device)
        self._device, self._share = device, share

    def critic_batch(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """The critic's two sides, one output of each run: prior poses (B, 16, 3), and detections to lift.

        Of ``batch_size`` draws B are this process's share, here as in all other methods.
        """
        pairs = pairs_of(*self.draw_projected(rng, batch_size))
        observed = self._draw_observed(rng, batch_size)
        middle = self._run_outputs // 2
        around_it = slice(middle, observed.shape[1] - (self._run_outputs - 1 - middle))
        features, _ = lifter_features(observed[:, around_it], self._with_motion)
        return self._at_outputs(pairs.poses_virtual_m)[:, middle], features

    def terms(self, generator: Forward, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's losses but the critic's.

        Args:
            generator: forward pass: features (N, T, C) to poses and root codes.
            rng: every draw comes from it, the same in all processes.
            batch_size: detections; 0 where neither their reprojection nor the critic counts.

        Returns:
            fake poses (B, 16, 3) for the critic, and scalar terms by name.
        """
        runs, terms = [self._draw_observed(rng, batch_size)], {}
        seen, paired = slice(len(runs[0])), slice(len(runs[0]), None)
        if self._pairs_per_step:
            pairs = pairs_of(*self._draw_supervised(rng, self._pairs_per_step))
            runs.append(pairs.image_plane)
        poses, roots, view = self._lift(generator, torch.cat(runs))
        if batch_size:
            projected = project_virtual(poses[seen], roots[seen], view.scale[seen])
            keypoints = functional.pad(view.keypoints[seen], (0, 0, 1, 0))  # the detected root is at 0
            terms["reprojection"] = reprojection_l1(projected, keypoints, self._joint_weights)
        if self._pairs_per_step:
            lifted, lifted_roots = poses[paired], roots[paired]
            true_poses, true_roots = self._at_outputs(pairs.poses_virtual_m), self._at_outputs(pairs.roots_virtual_m)
            terms["projected_prior"] = joint_distance(lifted, true_poses)
            terms["root"] = relative_root_distance(lifted_roots, true_roots)
            if self._run_outputs > 1:
                terms["velocity"] = velocity_distance(lifted, true_poses)
                to_camera = view.rotation[paired].transpose(-1, -2)
                terms["root_velocity"] = relative_root_velocity(lifted_roots, true_roots, to_camera)
        return poses[seen, self._run_outputs // 2], terms

    def _draw_supervised(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """Like :meth:`draw_projected`; detections with their labels among them, where there are any."""
        if self._paired is None:
            return self.draw_projected(rng, batch_size)
        labelled = round(self._paired_share * batch_size)
        frames = self._draw_runs(self._labelled, rng, labelled)
        plane, poses = self.draw_projected(rng, batch_size - labelled)
        return torch.cat([self._paired.image_plane[frames], plane]), torch.cat(
            [self._paired.poses_cam_m[frames], poses]
        )

    def draw_projected(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """Prior takes from other people's viewpoints; all draws are independent.

        Returns:
            image plane (B, T, 17, 2) with detection errors and poses (B, T, 17, 3) in camera space, metres.
        """
        legs, trunks = (self._prior.poses_world_m[self._draw_runs(self._takes, rng, batch_size)] for _ in range(2))
        viewpoints = self._draw_runs(self._seen, rng, batch_size)
        heading = self._shared(rng.uniform(0, 2 * np.pi, batch_size)).float()
        mirrored = self._shared(rng.random(batch_size) < 0.5)
        mixed = self._shared(rng.random(batch_size) < self._mixed_share)
        bodies = self._shared(symmetric_factors(rng, batch_size, self._body_spread)).float()
        poses = torch.where(mixed[:, None, None, None], mix_halves(legs, trunks), legs)
        poses = vary_bone_lengths(poses, bodies)
        poses = torch.where(mirrored[:, None, None, None], mirror_world(poses), poses)
        # The middle output's, which the critic sees.
        frame = viewpoints.shape[1] - self._frames_after - self._run_outputs + self._run_outputs // 2
        observations, seen = self._observations, viewpoints[:, frame]
        poses = place_before_camera(
            poses,
            heading,
            observations.rotations[seen],
            observations.image_plane[seen, ROOT],
            observations.scales[seen],
            frame,
        )
        errors = observations.residuals[self._draw_alike(poses[:, frame], frame, rng)]
        return project_with_errors(poses, self._error_gain * errors), poses

    def _draw_alike(self, poses_cam_m: Tensor, frame: int, rng: np.random.Generator) -> Tensor:
        """For each pose (B, 17, 3) the annotated frames (B, T) drawn whose ``frame`` shows the most similar one.

        A detector errs according to what it sees: on the far arm of a person seen from the side, on left and right of
        one seen from behind.
        """
        candidates = rng.integers(len(self._annotated), size=self._error_candidates)  # the same for all processes
        drawn = self._annotated.frames(torch.from_numpy(candidates).to(self._device))
        wanted = view_from_image_plane(poses_cam_m[..., :2] / poses_cam_m[..., 2:]).keypoints
        return drawn[torch.cdist(wanted.flatten(1), self._shown[drawn[:, frame]]).argmin(1)]

    def _draw_observed(self, rng: np.random.Generator, batch_size: int) -> Tensor:
        return self._observations.image_plane[self._draw_runs(self._seen, rng, batch_size)]

    def _draw_runs(self, runs: Runs, rng: np.random.Generator, batch_size: int) -> Tensor:
        return runs.frames(self._shared(rng.integers(len(runs), size=batch_size)))

    def _shared(self, drawn: np.ndarray) -> Tensor:
        return torch.from_numpy(self._share.part(drawn)).to(self._device)

    def _at_outputs(self, values: Tensor) -> Tensor:
        """Those of a run's frames (B, T, ...) that have an output, (B, R, ...)."""
        end = values.shape[1] - self._frames_after
        return values[:, end - self._run_outputs : end]

    def _lift(self, generator: Forward, image_plane: Tensor) -> tuple[Tensor, Tensor, VirtualView]:
        """Poses (B, R, 16, 3), roots (B, R, 3) and the outputs' views."""
        features, view = lifter_features(image_plane, self._with_motion)
        poses, codes = generator(features)
        view = VirtualView(*(self._at_outputs(v) for v in (view.keypoints, view.scale, view.rotation)))
        return poses, root_position(codes, view.scale), view
