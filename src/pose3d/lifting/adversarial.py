"""The training steps that both lifters and both formulations share.

Nothing here looks at 3D labels, and no checkpoint is chosen: a fixed number of steps, and an exponential average of the
generator's weights is the result.

On several processes each has its share of every batch. Every term is a mean over it, so that the mean of the processes'
gradients is that of the whole batch. (DistributedDataParallel would do that during one backward pass of one module's
forward pass; the critic's penalties need gradients of gradients, and the generator's step a critic whose weights are
fixed.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from pose3d.lifting.captured_step import Capture, CapturedStep
from pose3d.lifting.critic import CriticLoss, TwoPathCritic, beside
from pose3d.lifting.networks import Forward, Lifter
from pose3d.lifting.schedule import WeightAverage, cosine_factor
from pose3d.runtime.processes import average_gradients
from pose3d.training.seeds import numpy_generator

CRITIC = "critic"
"""Name of the adversarial term's weight."""
_LOG_STEPS = 50
_CHECKPOINT_STEPS = 500
_STEPS_AHEAD = 32
"""Steps whose batches are drawn at once. For one step's few poses, to call an operator would take longer than its work.

A run that goes on from a checkpoint draws its batches in the same groups, so that no number is rounded otherwise."""
_BATCHES = 2  # key of the batches' random numbers, apart from the seed's other uses


class Objective(Protocol):
    """Data and losses of one formulation; each batch is drawn by random numbers from its own ``rng`` only.

    Of ``batch_size`` draws B are this process's share, and terms are means over that.
    """

    def generator_batches(self, rngs: Sequence[np.random.Generator], batch_size: int) -> Sequence[Any]:
        """What :meth:`terms` takes, for each of several steps: tensors in a tuple, of the same shapes at every step.

        Args:
            rngs: numbers of each step, the same in all processes.
            batch_size: detections drawn for a step by all processes together.
        """

    def critic_batches(
        self, rngs: Sequence[np.random.Generator], batch_size: int
    ) -> Sequence[tuple[Tensor, Tensor, Tensor]]:
        """Poses of the prior as the critic takes them, features (B, ...) of which the generator makes one pose each,
        and what stands :func:`beside <pose3d.lifting.critic.beside>` those.

        Args:
            rngs, batch_size: as for :meth:`generator_batches`, of each critic step.
        """

    def terms(self, generator: Forward, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Fake poses as the critic takes them, and the generator's unweighted loss terms by name.

        Args:
            generator: forward pass of the generator in training.
            batch: one of :meth:`generator_batches`.
        """


@dataclass(frozen=True)
class Optimisation:
    """Settings of the training steps.

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


class StepInputs(NamedTuple):
    """What one step takes, on the device.

    Attributes:
        generator: the generator's batch.
        critic: of each critic step, poses of the prior, features, what stands beside their poses, and the numbers of
            the penalty.
        weights: of the generator's terms, in the order of those that count.
    """

    generator: Any
    critic: tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]
    weights: Tensor


class AdversarialTrainer:
    """Steps of a generator against a critic, see :class:`pose3d.training.loop.Trainer`.

    Args:
        generator, critic: on the device, in their initial state, which is the same in all processes.
        objective: data and losses.
        weights: step to the weight of each term of the objective and of :data:`CRITIC`. Terms of weight 0 at the first
            step never count; without :data:`CRITIC` the critic is not trained.
        optimisation: steps, batches, learning rates.
        seed: of the random draws, together with the step.
        capture: how the device takes a step down as a whole; None where it takes its operators one by one.
    """

    def __init__(
        self,
        generator: Lifter,
        critic: TwoPathCritic,
        objective: Objective,
        weights: Callable[[int], dict[str, float]],
        optimisation: Optimisation,
        seed: int,
        capture: Capture | None = None,
    ) -> None:
        self._generator, self._critic, self._objective = generator, critic, objective
        self._weights, self._optimisation, self._seed = weights, optimisation, seed
        self.steps = optimisation.steps
        self._generator_optimizer, self._generator_schedule = _adam(generator, optimisation)
        self._critic_optimizer, self._critic_schedule = _adam(critic, optimisation)
        self._average = WeightAverage(generator, optimisation.ema_decay)
        self._device = next(generator.parameters()).device
        self._counting = [name for name, weight in weights(0).items() if weight > 0]
        self._critic_weights = torch.tensor([1.0, optimisation.gradient_penalty], device=self._device)
        self._ahead: dict[int, StepInputs] = {}
        optimizers = [self._generator_optimizer, *([self._critic_optimizer] if self._trains_critic else [])]
        self._take = CapturedStep(self._take_plain, optimizers, capture, self._device) if capture else self._take_plain
        self.parts = {
            "average": self._average,
            "generator": generator,
            "critic": critic,
            "generator_optimizer": self._generator_optimizer,
            "critic_optimizer": self._critic_optimizer,
            "generator_schedule": self._generator_schedule,
            "critic_schedule": self._critic_schedule,
        }

    def averaged_weights(self) -> dict[str, Tensor]:
        """The result: an exponential average over the steps of the generator's weights."""
        return self._average.weights

    @property
    def _trains_critic(self) -> bool:
        return CRITIC in self._counting

    def step(self, step: int) -> dict[str, Tensor]:
        """As many steps of the critic as the settings say and one of the generator; their unweighted terms."""
        if step not in self._ahead:
            self._ahead = self._draw_ahead(step)
        logged = self._take(self._ahead[step])
        if self._trains_critic:
            self._critic_schedule.step()
        self._generator_schedule.step()
        self._average.update()
        return logged

    def _take_plain(self, inputs: StepInputs) -> dict[str, Tensor]:
        """What of a step happens on the device."""
        o = self._optimisation
        logged: dict[str, Tensor] = {}
        for real, fake, numbers in real_and_fake(self._generator, inputs.critic, o):
            logged |= critic_step(self._critic, self._critic_optimizer, real, fake, numbers, o, self._critic_weights)
        weights = dict(zip(self._counting, inputs.weights.unbind(), strict=True))
        return logged | generator_step(
            self._generator, self._critic, self._generator_optimizer, self._objective, inputs.generator, o, weights
        )

    def _draw_ahead(self, step: int) -> dict[int, StepInputs]:
        """Inputs of the step and of those drawn with it, by step."""
        o = self._optimisation
        first = step - step % _STEPS_AHEAD
        steps = range(first, min(first + _STEPS_AHEAD, self.steps))
        turns = range(1, 1 + o.critic_steps if self._trains_critic else 1)
        rngs = [numpy_generator(self._seed, _BATCHES, s, turn) for s in steps for turn in turns]
        generator = self._objective.generator_batches(
            [numpy_generator(self._seed, _BATCHES, s, 0) for s in steps], o.batch_size
        )
        critic = []
        if turns:
            batches = self._objective.critic_batches(rngs, o.batch_size)
            numbers = o.critic_loss.numbers(rngs, len(batches[0][0])).to(self._device)
            critic = [(*batch, row) for batch, row in zip(batches, numbers, strict=True)]
        of_steps = [tuple(critic[i * len(turns) : (i + 1) * len(turns)]) for i in range(len(steps))]
        weights = torch.tensor([[self._weights(s)[name] for name in self._counting] for s in steps])
        return dict(zip(steps, map(StepInputs, generator, of_steps, weights.to(self._device)), strict=True))

    def logs(self, done: int) -> bool:
        return done % _LOG_STEPS == 0 or done == self.steps

    def saves(self, done: int) -> bool:
        return done % _CHECKPOINT_STEPS == 0 and done < self.steps

    def row(self, done: int, terms: Mapping[str, Tensor], progress: tqdm) -> dict[str, float]:
        """Mean of each unweighted term over the steps."""
        steps = torch.stack(list(terms.values()), 1)
        means = [total / len(steps) for total in torch.as_tensor(sum(steps)).tolist()]
        row = dict(zip(terms, means, strict=True))
        progress.set_postfix({name: f"{value:.3g}" for name, value in row.items()}, refresh=False)
        return row


def _adam(network: nn.Module, optimisation: Optimisation) -> tuple[torch.optim.Adam, LambdaLR]:
    o = optimisation
    # Fused, it wants gradients in their weights' memory layout, as backward() stores them and autograd.grad may not:
    # findings/torch_fused_optimizer_strides.sh.
    optimizer = torch.optim.Adam(network.parameters(), lr=o.lr, betas=o.betas, fused=True)
    return optimizer, LambdaLR(optimizer, lambda step: cosine_factor(step, o.final_lr_ratio, o.steps))


@torch.no_grad()
def real_and_fake(
    generator: Lifter, batches: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], optimisation: Optimisation
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each critic step poses of the prior and of the generator as the critic takes them, and the penalty's numbers.

    The generator, which is fixed meanwhile, makes those of all steps in one pass.

    Args:
        generator: on the device of the batches.
        batches: of each critic step, see :class:`StepInputs`.
        optimisation: its ``autocast`` is used.
    """
    if not batches:
        return []
    with optimisation.autocast():
        features = batches[0][1] if len(batches) == 1 else torch.cat([features for _, features, _, _ in batches])
        poses = generator.poses(features).flatten(0, -3)
    fakes = poses.to(batches[0][0].dtype).chunk(len(batches))
    return [(real, beside(fake, seen), numbers) for fake, (real, _, seen, numbers) in zip(fakes, batches, strict=True)]


def critic_step(
    critic: TwoPathCritic,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    fake: Tensor,
    numbers: Tensor,
    optimisation: Optimisation,
    weights: Tensor,
) -> dict[str, Tensor]:
    """One step of the critic. Returns the terms, detached.

    Args:
        critic: takes poses, gives (B,) scores; one step changes it.
        optimizer: of the critic's parameters.
        real, fake: root-relative poses in metres as it takes them, without a graph.
        numbers: of the penalty, see :meth:`pose3d.lifting.critic.CriticLoss.numbers`.
        optimisation: its ``critic_loss`` is used.
        weights: (2,) of the loss and of the penalty.
    """
    loss, penalty = optimisation.critic_loss.critic_terms(critic, real, fake, numbers)
    _derive([loss, penalty], weights.unbind(), critic)
    average_gradients(critic)
    optimizer.step()
    return {"critic_loss": loss.detach(), "gradient_penalty": penalty.detach()}


def generator_step(
    generator: nn.Module,
    critic: TwoPathCritic,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    batch: Any,
    optimisation: Optimisation,
    weights: dict[str, Tensor],
) -> dict[str, Tensor]:
    """One step of the generator; the critic only judges. Returns the unweighted terms, detached.

    Args:
        generator: one step changes it.
        critic: takes poses, gives (B,) scores; it stays as it is.
        optimizer: of the generator's parameters.
        objective: gives the terms.
        batch: one of its ``generator_batches``.
        optimisation: its ``critic_loss`` and ``autocast`` are used.
        weights: of the terms that count, scalars on the device; :data:`CRITIC` among them or not.
    """
    fake, terms = objective.terms(_forward(generator, optimisation), batch)
    if CRITIC in weights:
        terms[CRITIC] = optimisation.critic_loss.generator_term(critic(fake))
    _derive([terms[name] for name in weights], list(weights.values()), generator)
    average_gradients(generator)
    optimizer.step()
    with torch.no_grad():
        return dict(zip(terms, torch.stack(list(terms.values())).unbind(), strict=True))


def _derive(terms: Sequence[Tensor], weights: Sequence[Tensor], network: nn.Module) -> None:
    """Give a network's parameters the gradients of a weighted sum of terms, and no others any: the critic stays.

    The optimizer takes a gradient as if it lay in memory as its parameter does.
    """
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(terms, parameters, weights, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None and gradient.stride() != parameter.stride():
            gradient = torch.empty_like(parameter).copy_(gradient)
        parameter.grad = gradient


def _forward(generator: nn.Module, optimisation: Optimisation) -> Forward:
    def forward(*inputs: Tensor) -> tuple[Tensor, Tensor]:
        with optimisation.autocast():
            poses, others = generator(*inputs)
        return poses.to(inputs[0].dtype), others.to(inputs[0].dtype)

    return forward
