"""The training objective of virtual-camera lifters, for single frames (runs of one) and windows alike."""

from collections.abc import Sequence
from dataclasses import dataclass

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
from pose3d.lifting.networks import Forward, Lifter
from pose3d.lifting.observations import Observations, PairedClips
from pose3d.lifting.prior import (
    PriorTakes,
    camera_tilts,
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


@dataclass(frozen=True)
class VirtualCameraSettings:
    """What is drawn for a step, and how the projected prior is varied.

    Attributes:
        run_outputs: consecutive outputs of each draw, so that losses over time exist; 1 for single frames.
        pairs_per_step: pairs of 2D and 3D per generator step, projected prior takes most often; 0 for none.
        labelled_per_step: how many of them are detections with their 3D labels instead; 0 for weak supervision.
        noise_scale: factor on the detector's errors.
        noise_candidates: detections among which the most similar lends a projected pose its errors; 1 for any.
        body_spread: how much bone lengths vary around the prior's own (see :func:`symmetric_factors`).
        limb_mix_prob: share of prior takes that get the trunk and arms of another (see :func:`mix_halves`).
        tilt_deg: how far viewpoints are tilted and rolled for pairs (see :func:`camera_tilts`); not for the critic,
            which compares with lifts from the viewpoints that there are.
        joint_weights: factors of the 17 joints in the reprojection, at least 0.
    """

    run_outputs: int
    pairs_per_step: int
    labelled_per_step: int
    noise_scale: float
    noise_candidates: int
    body_spread: float
    limb_mix_prob: float
    tilt_deg: float
    joint_weights: Sequence[float]


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
        self._observations, self._prior, self._paired = observations, prior, paired
        self._settings = settings
        self._with_motion, self._frames_after = lifter.with_motion, lifter.frames_after
        self._joint_weights = torch.tensor(settings.joint_weights, device=device)[:, None]
        self._shown = view_from_image_plane(observations.annotated).keypoints.flatten(1)

        def runs_of(lengths: Sequence[int]) -> Runs:
            before = lifter.frames_before + lifter.with_motion
            return Runs(lengths, before, settings.run_outputs, lifter.frames_after, device)

        self._seen, self._annotated = runs_of(observations.lengths), runs_of(observations.annotated_lengths)
        self._takes = runs_of(prior.lengths)
        self._labelled = None if paired is None else runs_of(paired.lengths)
        self._device, self._share = device, share

    def critic_batch(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """The critic's two sides, one output of each run: prior poses (B, 16, 3), and detections to lift.

        Of ``batch_size`` draws B are this process's share, here as in all other methods.
        """
        pairs = pairs_of(*self.draw_projected(rng, batch_size))
        observed = self._draw_observed(rng, batch_size)
        middle = self._settings.run_outputs // 2
        around_it = slice(middle, observed.shape[1] - (self._settings.run_outputs - 1 - middle))
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
        if self._settings.pairs_per_step:
            pairs = pairs_of(*self._draw_supervised(rng, self._settings.pairs_per_step))
            runs.append(pairs.image_plane)
        poses, roots, view = self._lift(generator, torch.cat(runs))
        if batch_size:
            projected = project_virtual(poses[seen], roots[seen], view.scale[seen])
            keypoints = functional.pad(view.keypoints[seen], (0, 0, 1, 0))  # the detected root is at 0
            terms["reprojection"] = reprojection_l1(projected, keypoints, self._joint_weights)
        if self._settings.pairs_per_step:
            lifted, lifted_roots = poses[paired], roots[paired]
            true_poses, true_roots = self._at_outputs(pairs.poses_virtual_m), self._at_outputs(pairs.roots_virtual_m)
            terms["projected_prior"] = joint_distance(lifted, true_poses)
            terms["root"] = relative_root_distance(lifted_roots, true_roots)
            if self._settings.run_outputs > 1:
                terms["velocity"] = velocity_distance(lifted, true_poses)
                to_camera = view.rotation[paired].transpose(-1, -2)
                terms["root_velocity"] = relative_root_velocity(lifted_roots, true_roots, to_camera)
        return poses[seen, self._settings.run_outputs // 2], terms

    def _draw_supervised(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """Like :meth:`draw_projected`; detections with their labels among them, where there are any."""
        if self._paired is None or self._labelled is None:
            return self.draw_projected(rng, batch_size, self._settings.tilt_deg)
        labelled = self._settings.labelled_per_step
        frames = self._draw_runs(self._labelled, rng, labelled)
        plane, poses = self.draw_projected(rng, batch_size - labelled, self._settings.tilt_deg)
        return torch.cat([self._paired.image_plane[frames], plane]), torch.cat(
            [self._paired.poses_cam_m[frames], poses]
        )

    def draw_projected(self, rng: np.random.Generator, batch_size: int, tilt_deg: float = 0.0) -> tuple[Tensor, Tensor]:
        """Prior takes from other people's viewpoints; all draws are independent.

        Args:
            rng: every draw comes from it.
            batch_size: takes to draw, of which B are this process's share.
            tilt_deg: how far the viewpoints are tilted and rolled, see :func:`camera_tilts`.

        Returns:
            image plane (B, T, 17, 2) with detection errors and poses (B, T, 17, 3) in camera space, metres.
        """
        legs, trunks = (self._prior.poses_world_m[self._draw_runs(self._takes, rng, batch_size)] for _ in range(2))
        viewpoints = self._draw_runs(self._seen, rng, batch_size)
        heading = self._shared(rng.uniform(0, 2 * np.pi, batch_size)).float()
        mirrored = self._shared(rng.random(batch_size) < 0.5)
        mixed = self._shared(rng.random(batch_size) < self._settings.limb_mix_prob)
        bodies = self._shared(symmetric_factors(rng, batch_size, self._settings.body_spread)).float()
        poses = torch.where(mixed[:, None, None, None], mix_halves(legs, trunks), legs)
        poses = vary_bone_lengths(poses, bodies)
        poses = torch.where(mirrored[:, None, None, None], mirror_world(poses), poses)
        # The middle output's, which the critic sees.
        frame = viewpoints.shape[1] - self._frames_after - self._settings.run_outputs + self._settings.run_outputs // 2
        observations, seen = self._observations, viewpoints[:, frame]
        rotations = observations.rotations[seen]
        if tilt_deg:
            rotations = self._shared(camera_tilts(rng, batch_size, tilt_deg)).float() @ rotations
        poses = place_before_camera(
            poses,
            heading,
            rotations,
            observations.image_plane[seen, ROOT],
            observations.scales[seen],
            frame,
        )
        errors = observations.residuals[self._draw_alike(poses[:, frame], frame, rng)]
        return project_with_errors(poses, self._settings.noise_scale * errors), poses

    def _draw_alike(self, poses_cam_m: Tensor, frame: int, rng: np.random.Generator) -> Tensor:
        """For each pose (B, 17, 3) the annotated frames (B, T) drawn whose ``frame`` shows the most similar one.

        A detector errs according to what it sees: on the far arm of a person seen from the side, on left and right of
        one seen from behind.
        """
        candidates = rng.integers(
            len(self._annotated), size=self._settings.noise_candidates
        )  # the same for all processes
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
        return values[:, end - self._settings.run_outputs : end]

    def _lift(self, generator: Forward, image_plane: Tensor) -> tuple[Tensor, Tensor, VirtualView]:
        """Poses (B, R, 16, 3), roots (B, R, 3) and the outputs' views."""
        features, view = lifter_features(image_plane, self._with_motion)
        poses, codes = generator(features)
        view = VirtualView(*(self._at_outputs(v) for v in (view.keypoints, view.scale, view.rotation)))
        return poses, root_position(codes, view.scale), view
