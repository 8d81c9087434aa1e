"""From params and sequences to a trained lifter: which networks, data and weights each formulation takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pose3d.config.lifting import LifterParams, LiftingParams, RepnetParams, TemporalParams
from pose3d.geometry.layouts import OURS, layout
from pose3d.lifting import landmark_training, spread_training
from pose3d.lifting.adversarial import CRITIC, AdversarialTrainer, Objective, Optimisation
from pose3d.lifting.captured_step import capture_for
from pose3d.lifting.critic import Critic, Logistic, TwoPathCritic, Wasserstein
from pose3d.lifting.landmark_training import fit_landmarks
from pose3d.lifting.lift import LANDMARKS, SPREAD, build_lifter
from pose3d.lifting.networks import FrameLifter, Lifter
from pose3d.lifting.observations import Observations, PairedClips
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.original_critic import OriginalCritic
from pose3d.lifting.original_objective import OriginalSingleFrame, OriginalWindows
from pose3d.lifting.prior import PriorTakes
from pose3d.lifting.proportions import body_difference, fit_subjects
from pose3d.lifting.schedule import geometric_ramp
from pose3d.lifting.spread_training import fit_spread
from pose3d.lifting.starting_weights import load_starting_weights
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.temporal import TemporalLifter
from pose3d.lifting.virtual_objective import VirtualCameraObjective, VirtualCameraSettings
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.runtime.processes import Share
from pose3d.training.checkpoint import Checkpoint
from pose3d.training.loop import run_training
from pose3d.training.seeds import numpy_generator, seed_all

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PROPORTIONS, _BODIES = 5, 9  # keys of random numbers, apart from the seed's other uses


@dataclass(frozen=True)
class Fitted:
    """A trained lifter's architecture and weights, as model files hold them, and its curves.

    Attributes:
        architecture: as model files hold it.
        weights: parameter to tensor, as model files hold them.
        curves: rows of :func:`pose3d.training.loop.run_training`.
    """

    architecture: dict[str, Any]
    weights: dict[str, Tensor]
    curves: list[dict[str, float]]


def fit_lifter(
    lifting: LiftingParams,
    params: RepnetParams | TemporalParams,
    supervision: Supervision,
    seed: int,
    fabric: Fabric,
    checkpoint: Checkpoint,
) -> Fitted:
    """Train the single-frame (:class:`RepnetParams`) or the temporal lifter in the chosen formulation.

    Args:
        lifting: formulation, prior and weak supervision.
        params: architecture, loss weights and schedule; its type says which lifter.
        supervision: the training data.
        seed: of the initial weights and all draws.
        fabric: device, processes and precision. Of the mixed precisions bf16-mixed alone counts, everything else is
            32-true: float16 would have to scale the losses.
        checkpoint: where training is saved and resumed.

    Raises:
        InputError: ``params.init`` is not such a lifter, training diverged, every clip is shorter than the temporal
            window, the processes cannot share a batch equally, or the original is to learn without its critic.
    """
    if isinstance(params, TemporalParams):
        _require_whole_windows(params.window_frames, supervision)
    try:
        lifting.require_critic(_block(params), params.critic_weight)
    except ValueError as error:
        raise InputError(str(error)) from None
    if lifting.layout != OURS:
        params = _without_detections(lifting, params)
    seed_all(seed)
    architecture = lifter_architecture(lifting, params)
    generator = build_lifter(architecture)
    if params.init is not None:
        report = load_starting_weights(generator, architecture, params.init, _block(params))
        if fabric.is_global_zero:
            print(*(f"{params.init}: {line}" for line in report), sep="\n")
    generator = generator.to(fabric.device)
    if lifting.formulation == "original":
        critic: TwoPathCritic = OriginalCritic(params.critic_width)
    else:
        critic = Critic(params.critic_width, params.critic_sees_keypoints)
    critic = critic.to(fabric.device)
    objective = _objective(lifting, params, supervision, generator, seed, fabric)
    weights = term_weights(lifting, params)
    uses_detections = lifting.formulation == "original" or params.critic_weight or params.reproj_weight
    batch_size = params.batch_size if uses_detections else 0
    share = Share.of(fabric)
    share.require_equal(f"{_block(params)}.batch_size", batch_size)
    optimisation = Optimisation(
        params.steps,
        batch_size,
        params.lr,
        params.final_lr_ratio,
        params.betas,
        Wasserstein(share) if params.critic_loss == "wasserstein" else Logistic(),
        params.critic_steps,
        params.gradient_penalty,
        params.ema_decay,
        fabric.autocast if fabric.strategy.precision.precision == "bf16-mixed" else nullcontext,
    )
    capture = capture_for(fabric.device, fabric.world_size)
    trainer = AdversarialTrainer(generator, critic, objective, weights, optimisation, seed, capture)
    curves = run_training(trainer, fabric, checkpoint, f"train_{_block(params)}")
    fitted = Fitted(architecture, trainer.averaged_weights(), curves)
    if isinstance(objective, VirtualCameraObjective):
        return _with_heads(fitted, generator, objective, supervision, params, seed)
    return fitted


def _with_heads(
    fitted: Fitted,
    lifter: Lifter,
    objective: VirtualCameraObjective,
    supervision: Supervision,
    params: LifterParams,
    seed: int,
) -> Fitted:
    """Add the spread, and the landmarks of a layout that has some.

    Both are learnt in seconds, and again from their start where a run goes on from a checkpoint.
    """
    landmark_steps = params.landmark_steps if layout(lifter.layout).landmarks else 0
    if not (params.spread_steps or landmark_steps):
        return fitted
    lifter.load_state_dict(fitted.weights)
    strangers = _strangers(objective, supervision, params, seed)
    architecture, weights = dict(fitted.architecture), dict(fitted.weights)
    if params.spread_steps:
        spread = fit_spread(lifter, strangers, params.spread_steps, seed)
        architecture[SPREAD] = spread_training.WIDTH
        weights |= {f"spread.{name}": weight for name, weight in spread.state_dict().items()}
    if landmark_steps:
        head = fit_landmarks(lifter, strangers, landmark_steps, seed)
        architecture[LANDMARKS] = landmark_training.WIDTH
        weights |= {f"landmarks.{name}": weight for name, weight in head.state_dict().items()}
    return Fitted(architecture, weights, fitted.curves)


def with_heads_anew(
    trained: Fitted,
    lifting: LiftingParams,
    params: RepnetParams | TemporalParams,
    supervision: Supervision,
    seed: int,
    fabric: Fabric,
) -> Fitted:
    """Keep a lifter, and learn its spread and landmarks in place of any that it had.

    Args:
        trained: the lifter, in the formulation of virtual cameras; the other arguments are :func:`fit_lifter`'s.
    """
    architecture = {name: value for name, value in trained.architecture.items() if name not in (SPREAD, LANDMARKS)}
    weights = {
        name: weight for name, weight in trained.weights.items() if not name.startswith(("spread.", "landmarks."))
    }
    lifter = build_lifter(architecture).to(fabric.device)
    objective = _objective(lifting, params, supervision, lifter, seed, fabric)
    assert isinstance(objective, VirtualCameraObjective)
    return _with_heads(Fitted(architecture, weights, trained.curves), lifter, objective, supervision, params, seed)


def _strangers(
    objective: VirtualCameraObjective, supervision: Supervision, params: LifterParams, seed: int
) -> VirtualCameraObjective:
    difference = _body_difference(objective.prior, supervision, objective.device, seed)
    return objective.of_strangers(params.projected_prior_batch_size, difference)


def _body_difference(prior: PriorTakes, supervision: Supervision, device: torch.device, seed: int) -> float:
    return body_difference(prior, _by_person(supervision, device), numpy_generator(seed, _BODIES))


def _by_person(supervision: Supervision, device: torch.device) -> list[Observations]:
    """The clips with annotated 2D of each person."""
    people: dict[str, list[tuple[PoseSequence, Keypoints2D]]] = {}
    for sequence, detected in zip(supervision.sequences, supervision.detections, strict=True):
        if sequence.is_annotated:
            people.setdefault(sequence.subject, []).append((sequence, detected))
    return [Observations([s for s, _ in clips], [d for _, d in clips], device) for clips in people.values()]


def _without_detections(lifting: LiftingParams, params: RepnetParams | TemporalParams) -> RepnetParams | TemporalParams:
    """The critic and the reprojection compare with detections of Human3.6M's joints: off elsewhere."""
    lifting.require_projected_prior(_block(params), params.projected_prior_weight)
    return params.model_copy(update={"critic_weight": 0.0, "reproj_weight": 0.0})


def _block(params: RepnetParams | TemporalParams) -> str:
    return "temporal" if isinstance(params, TemporalParams) else "repnet"


def _require_whole_windows(window_frames: int, supervision: Supervision) -> None:
    """Repeated edge frames fill windows up, but a network that never sees a whole one learns nothing about time."""
    for what, clips in (("2D", supervision.sequences), ("prior", supervision.prior)):
        longest = max(len(clip) for clip in clips)
        if longest < window_frames:
            raise InputError(
                f"temporal.window_frames is {window_frames}, but the longest {what} clip has {longest} frames: "
                "choose a shorter window or longer clips"
            )


def lifter_architecture(lifting: LiftingParams, params: RepnetParams | TemporalParams) -> dict[str, Any]:
    """The architecture of the params, as :func:`pose3d.lifting.lift.build_lifter` takes it."""
    original = lifting.formulation == "original"
    of_layout = {} if lifting.layout == OURS else {"layout": lifting.layout}
    if isinstance(params, TemporalParams):
        windows = {"width": params.width, "window_frames": params.window_frames}
        if original:
            return {"lifter": OriginalTemporal.kind, **windows}
        return {"lifter": TemporalLifter.kind, **windows, "network": params.network, **of_layout}
    if original:
        return {"lifter": RepNet.kind, "width": params.width}
    return {"lifter": FrameLifter.kind, "width": params.width, "blocks": params.blocks, **of_layout}


def term_weights(lifting: LiftingParams, params: LifterParams) -> Callable[[int], dict[str, float]]:
    """Step to the weight of each loss term that the formulation has."""
    fixed = {CRITIC: params.critic_weight}
    if lifting.formulation == "virtual_camera":
        fixed |= {"projected_prior": params.projected_prior_weight, "root": params.projected_prior_weight}
        if isinstance(params, TemporalParams) and params.run_outputs > 1:
            fixed |= {"velocity": params.velocity_weight, "root_velocity": params.velocity_weight}
    elif not isinstance(params, TemporalParams):
        fixed["camera"] = 1.0
    ramp = max(1, round(params.reproj_weight_ramp * params.steps))

    def weights(step: int) -> dict[str, float]:
        reprojection = geometric_ramp(step, params.reproj_weight_start, params.reproj_weight, ramp)
        return fixed | {"reprojection": reprojection}

    return weights


def _objective(
    lifting: LiftingParams,
    params: RepnetParams | TemporalParams,
    supervision: Supervision,
    generator: Lifter,
    seed: int,
    fabric: Fabric,
) -> Objective:
    temporal = params if isinstance(params, TemporalParams) else None
    device, share = fabric.device, Share.of(fabric)
    if lifting.formulation == "virtual_camera":
        observations = Observations(supervision.sequences, supervision.detections, device)
        prior = PriorTakes(supervision.prior, device, landmarks=lifting.layout != OURS)
        if lifting.fit_proportions:
            prior.poses_world_m = fit_subjects(prior, observations, numpy_generator(seed, _PROPORTIONS))
        body_spread = lifting.body_spread
        if body_spread is None:
            body_spread = _body_difference(prior, supervision, device, seed)
        supervised = params.projected_prior_weight or (temporal and temporal.velocity_weight)
        pairs = params.projected_prior_batch_size if supervised else 0
        labelled = round(lifting.paired.draws_share * pairs) if lifting.paired else 0
        batch = f"{_block(params)}.projected_prior_batch_size"
        share.require_equal(batch, pairs)
        share.require_equal(f"lifting.paired.draws_share of {batch}", labelled)
        settings = VirtualCameraSettings(
            run_outputs=temporal.run_outputs if temporal else 1,
            pairs_per_step=pairs,
            labelled_per_step=labelled,
            noise_scale=lifting.noise_scale,
            other_noise=lifting.other_noise,
            noise_candidates=lifting.noise_candidates,
            body_spread=body_spread,
            limb_mix_prob=lifting.limb_mix_prob,
            limb_turn_deg=lifting.limb_turn_deg,
            tilt_deg=lifting.tilt_deg,
            joint_weights=lifting.joint_weights,
            critic_sees_keypoints=params.critic_sees_keypoints,
            layout=lifting.layout,
        )
        clips = [sequence for sequence, _ in supervision.paired]
        paired = PairedClips(clips, [found for _, found in supervision.paired], device) if clips else None
        return VirtualCameraObjective(generator, observations, prior, paired, settings, device, share)
    joint_weights = torch.tensor(lifting.joint_weights, device=device)[:, None]
    keypoints = [d.keypoints_px for d in supervision.detections]
    kind = OriginalWindows if temporal else OriginalSingleFrame
    window_frames = temporal.window_frames if temporal else 1
    return kind(supervision.sequences, keypoints, supervision.prior, window_frames, joint_weights, device, share)
