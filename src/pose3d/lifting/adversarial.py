"""The training loop that both lifters and both formulations share.

Nothing here looks at 3D labels, and no checkpoint is chosen: a fixed number of steps, and an exponential average of the
generator's weights is the result. A step's random draws depend on the seed and the step alone, so a run that was
killed goes on from its last checkpoint and ends with the same bytes as one that was not.

On several processes each has its share of every batch. Every term is a mean over it, so that the mean of the processes'
gradients is that of the whole batch. (DistributedDataParallel would do that during one backward pass of one module's
forward pass; the critic's penalties need gradients of gradients, and the generator's step a critic whose weights are
fixed.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from pose3d.lifting.critic import CriticLoss
from pose3d.lifting.networks import Forward, Lifter
from pose3d.lifting.schedule import averaging_decay, cosine_decay
from pose3d.runtime.processes import average_gradients, mean_over_processes
from pose3d.runtime.signals import Terminated, sigterm_held
from pose3d.training.checkpoint import Checkpoint, require_finite, require_finite_state
from pose3d.training.seeds import numpy_generator

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CRITIC = "critic"
"""Name of the adversarial term's weight."""
_LOG_STEPS = 50
_CHECKPOINT_STEPS = 500
_BATCHES = 2  # key of the batches' random numbers, apart from the seed's other uses


class Objective(Protocol):
    """Data and losses of one formulation; batches are drawn by random numbers from ``rng`` only.

    Of ``batch_size`` draws B are this process's share, and terms are means over that.
    """

    def terms(self, generator: Forward, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Fake poses (B, 16, 3) for the critic, and the generator's unweighted loss terms by name.

        Args:
            generator: forward pass of the generator in training.
            rng: numbers of this step, the same in all processes.
            batch_size: detections drawn by all processes together.
        """

    def critic_batch(self, rng: np.random.Generator, batch_size: int) -> tuple[Tensor, Tensor]:
        """Poses of the prior (B, 16, 3), and features (B, ...) of which the generator makes one pose each."""


@dataclass(frozen=True)
class Optimisation:
    """Settings of the training loop.

    Attributes:
        steps: generator steps.
        batch_size: detections, and for the critic prior poses, per step of all processes; 0 where no term uses them.
        lr, final_lr_ratio: Adam's learning rate, and what is left of it at the end of half a cosine.
        betas: Adam's.
        critic_loss: the losses of the critic and, from its scores, of the generator.
        critic_steps: critic steps before each generator step.
        gradient_penalty: weight of the critic's penalty.
        ema_decay: decay of the averaged weights per step.
        autocast: context of the generator's forward pass, for mixed precision. Geometry, losses and the critic, whose
            scores and penalties are small differences, stay in float32.
    """

    steps: int
    batch_size: int
    lr: float
    final_lr_ratio: float
    betas: tuple[float, float]
    critic_loss: CriticLoss
    critic_steps: int
    gradient_penalty: float
    ema_decay: float
    autocast: Callable[[], AbstractContextManager] = nullcontext


def train(
    generator: Lifter,
    critic: nn.Module,
    objective: Objective,
    weights: Callable[[int], dict[str, float]],
    optimisation: Optimisation,
    seed: int,
    fabric: Fabric,
    checkpoint: Checkpoint,
    label: str,
) -> tuple[dict[str, Tensor], list[dict[str, float]]]:
    """Train a generator against a critic.

    Args:
        generator, critic: on the device, in their initial state, which is the same in all processes.
        objective: data and losses.
        weights: step to the weight of each term of the objective and of :data:`CRITIC`; where that is 0 the critic is
            not trained.
        optimisation: steps, batches, learning rates.
        seed: of the random draws, together with the step.
        fabric: device and processes.
        checkpoint: read and written every 500 steps by the first process, and when SIGTERM came: after the step where
            it trains alone, else with the next row of the curves, up to which each process has sums of its own. The
            caller removes it once the model is written.
        label: for the progress bar.

    Returns:
        averaged weights of the generator, and one row of curves (mean of each unweighted term) per 50 steps.

    Raises:
        InputError: a term or a weight stopped being finite; the last good checkpoint stays.
        Terminated: SIGTERM came, and the checkpoint is written.
    """
    o = optimisation
    generator_optimizer = torch.optim.Adam(generator.parameters(), lr=o.lr, betas=o.betas, fused=True)
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=o.lr, betas=o.betas, fused=True)
    average = {name: value.detach().clone() for name, value in generator.state_dict().items()}
    parts: dict[str, Any] = {
        "generator": generator,
        "critic": critic,
        "generator_optimizer": generator_optimizer,
        "critic_optimizer": critic_optimizer,
    }
    first_step = 0
    rows: list[dict[str, float]] = []
    sums: dict[str, Tensor] = {}

    def state_after(step: int) -> dict[str, Any]:
        return {**parts, "step": step, "rows": rows, "sums": sums, "average": average}

    state = fabric.broadcast(checkpoint.load(state_after(0)) if fabric.is_global_zero else None)
    if state is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        first_step, rows = state["step"], state["rows"]
        sums = {name: value.to(fabric.device) for name, value in state["sums"].items()}
        for name, value in state["average"].items():
            average[name].copy_(value)
        if fabric.is_global_zero:
            print(f"{label}: going on from step {first_step}", file=sys.stderr)

    unchecked: list[dict[str, Tensor]] = []  # terms not looked at yet: looking makes the device wait
    progress = tqdm(
        range(first_step, o.steps),
        desc=label,
        initial=first_step,
        total=o.steps,
        mininterval=2,
        disable=not fabric.is_global_zero,
    )
    with sigterm_held() as terminated:
        for step in progress:
            step_weights = weights(step)
            for group in generator_optimizer.param_groups + critic_optimizer.param_groups:
                group["lr"] = cosine_decay(step, o.lr, o.final_lr_ratio, o.steps)
            logged: dict[str, Tensor] = {}
            if step_weights[CRITIC] > 0:
                rngs = [numpy_generator(seed, _BATCHES, step, 1 + turn) for turn in range(o.critic_steps)]
                for (real, fake), rng in zip(real_and_fake(generator, objective, rngs, o), rngs, strict=True):
                    logged |= critic_step(critic, critic_optimizer, real, fake, rng, o)
            rng = numpy_generator(seed, _BATCHES, step, 0)
            logged |= generator_step(generator, critic, generator_optimizer, objective, rng, o, step_weights)
            decay = averaging_decay(step, o.ema_decay)
            for name, value in generator.state_dict().items():
                average[name].lerp_(value, 1 - decay)

            unchecked.append(logged)
            for name, value in logged.items():
                sums[name] = sums.get(name, 0) + value
            done = step + 1
            if done % _LOG_STEPS == 0 or done == o.steps:
                counted = _LOG_STEPS if done % _LOG_STEPS == 0 else done % _LOG_STEPS
                totals = mean_over_processes(torch.stack(list(sums.values())))
                means = {name: float(total) / counted for name, total in zip(sums, totals, strict=True)}
                _require_finite_steps(done, unchecked, means, checkpoint)
                rows.append({"step": done, **means})
                sums, unchecked = {}, []
                progress.set_postfix({name: f"{value:.3g}" for name, value in means.items()}, refresh=False)
            ends = terminated() and fabric.is_global_zero and (fabric.world_size == 1 or not sums)
            if fabric.is_global_zero and (ends or (done % _CHECKPOINT_STEPS == 0 and done < o.steps)):
                checkpoint.save(state_after(done))
            if ends:
                raise Terminated
    require_finite_state(o.steps, checkpoint, average=average, **parts)
    return average, rows


def _require_finite_steps(
    done: int, steps: list[dict[str, Tensor]], means: dict[str, float], checkpoint: Checkpoint
) -> None:
    """Stop a diverged run at the first of its last steps that shows it, or at ``done`` where another process's did."""
    if not all(math.isfinite(mean) for mean in means.values()):
        for step, terms in enumerate(steps, done - len(steps) + 1):
            require_finite(step, checkpoint, **{name: float(term) for name, term in terms.items()})
        require_finite(done, checkpoint, **means)


@torch.no_grad()
def real_and_fake(
    generator: Lifter, objective: Objective, rngs: Sequence[np.random.Generator], optimisation: Optimisation
) -> list[tuple[Tensor, Tensor]]:
    """For each critic step poses of the prior and of the generator, (B, 16, 3) each.

    The generator, which is fixed meanwhile, makes those of all steps in one pass.

    Args:
        generator: on the device of the objective's data.
        objective: draws the batches.
        rngs: one for each critic step.
        optimisation: its ``batch_size`` and ``autocast`` are used.
    """
    drawn = [objective.critic_batch(rng, optimisation.batch_size) for rng in rngs]
    with optimisation.autocast():
        poses = generator.poses(torch.cat([features for _, features in drawn])).flatten(0, -3)
    real = [poses_of_prior for poses_of_prior, _ in drawn]
    return list(zip(real, poses.to(real[0].dtype).chunk(len(rngs)), strict=True))


def critic_step(
    critic: nn.Module,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    fake: Tensor,
    rng: np.random.Generator,
    optimisation: Optimisation,
) -> dict[str, Tensor]:
    """One step of the critic. Returns the terms, detached.

    Args:
        critic: takes (B, 16, 3) poses, gives (B,) scores; one step changes it.
        optimizer: of the critic's parameters.
        real, fake: (B, 16, 3) root-relative poses in metres, without a graph.
        rng: numbers of the penalty.
        optimisation: its ``critic_loss`` and ``gradient_penalty`` are used.
    """
    loss, penalty = optimisation.critic_loss.critic_terms(critic, real, fake, rng)
    optimizer.zero_grad(set_to_none=True)
    (loss + optimisation.gradient_penalty * penalty).backward()
    average_gradients(critic)
    optimizer.step()
    return {"critic_loss": loss.detach(), "gradient_penalty": penalty.detach()}


def generator_step(
    generator: nn.Module,
    critic: nn.Module,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    rng: np.random.Generator,
    optimisation: Optimisation,
    weights: dict[str, float],
) -> dict[str, Tensor]:
    """One step of the generator; the critic only judges. Returns the unweighted terms, detached.

    Args:
        generator: one step changes it.
        critic: takes (B, 16, 3) poses, gives (B,) scores; it stays as it is.
        optimizer: of the generator's parameters.
        objective: draws the batch and gives the terms.
        rng: numbers of the batch.
        optimisation: its ``batch_size``, ``critic_loss`` and ``autocast`` are used.
        weights: term to weight, at least 0, :data:`CRITIC` among them.
    """
    fake, terms = objective.terms(_forward(generator, optimisation), rng, optimisation.batch_size)
    if weights[CRITIC] > 0:
        critic.requires_grad_(False)
        terms[CRITIC] = optimisation.critic_loss.generator_term(critic(fake))
        critic.requires_grad_(True)
    used = {name: weight for name, weight in weights.items() if weight > 0}
    # To a type checker the sum may be that of nothing, the number 0.
    loss = torch.as_tensor(sum(weight * terms[name] for name, weight in used.items()))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    average_gradients(generator)
    optimizer.step()
    return {name: term.detach() for name, term in terms.items()}


def _forward(generator: nn.Module, optimisation: Optimisation) -> Forward:
    def forward(*inputs: Tensor) -> tuple[Tensor, Tensor]:
        with optimisation.autocast():
            poses, others = generator(*inputs)
        return poses.to(inputs[0].dtype), others.to(inputs[0].dtype)

    return forward
