"""Params of lifters so small that their training takes no time, and a way to stop it."""

from lightning_fabric import Fabric

from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.lifting import adversarial

ONE = Fabric(accelerator="cpu", devices=1)
COMMON = {
    "init": None,
    "steps": 6,
    "batch_size": 8,
    "width": 16,
    "critic_width": 8,
    "lr": 1e-3,
    "final_lr_ratio": 0.1,
    "betas": (0.5, 0.9),
    "ema_decay": 0.9,
    "critic_steps": 2,
    "critic_sees_keypoints": False,
    "reproj_weight_ramp": 0.5,
    "spread_steps": 0,
    "landmark_steps": 0,
}


WEIGHTS = {
    "virtual_camera": {"critic_weight": 1e-4, "reproj_weight": 0.1, "reproj_weight_start": 0.025},
    "original": {"critic_weight": 0.01, "reproj_weight": 200.0, "reproj_weight_start": 50.0},
}


def params(kind, formulation, **changes):
    on = formulation == "virtual_camera"
    extra = WEIGHTS[formulation] | {"projected_prior_weight": float(on), "projected_prior_batch_size": 12}
    extra |= {"critic_loss": "logistic" if on else "wasserstein", "gradient_penalty": 0.01 if on else 10.0}
    if kind == "temporal":
        extra |= {"network": "convolution", "window_frames": 9, "run_outputs": 3, "velocity_weight": 3.0}
        return TemporalParams(**COMMON | extra | changes)
    return RepnetParams(**COMMON | extra | {"blocks": 1} | changes)


def lifting(formulation, paired=None, joint_weights=None, layout="h36m17"):
    return LiftingParams(
        formulation=formulation,
        layout=layout,
        keypoints_subjects=("S1",),
        prior=({"subjects": ("S7",)},),
        paired=paired,
        noise_scale=1.0,
        other_noise=0,
        noise_candidates=4,
        fit_proportions=False,
        body_spread=0.05,
        limb_mix_prob=0.5,
        limb_turn_deg=0,
        tilt_deg=0,
        reproj_joint_weights=joint_weights or {},
    )


def at_fourth_step(monkeypatch, act):
    """Call ``act`` before the fourth generator step; gives the list of steps begun since."""
    begun = []
    step = adversarial.generator_step

    def interrupted(*arguments):
        begun.append(1)
        if len(begun) == 4:
            act()
        return step(*arguments)

    monkeypatch.setattr(adversarial, "generator_step", interrupted)
    return begun


def ctrl_c():
    raise KeyboardInterrupt
