"""How many torch operators a training step calls: on small batches their calls take as long as their work."""

from pathlib import Path

import pytest
from lightning_fabric import Fabric
from people import camera_ring, detect, take
from torch.utils._python_dispatch import TorchDispatchMode

from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import read_merged
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.supervision import Supervision
from pose3d.training.checkpoint import Checkpoint

PARAMS, _ = read_merged(Path(__file__).parents[2], "embedded", "small")
NARROW = {"width": 8, "critic_width": 8, "batch_size": 4, "projected_prior_batch_size": 8}
NARROW |= {"spread_steps": 0, "landmark_steps": 0}


class Operators(TorchDispatchMode):
    """Counts the calls, those of views, of the backward pass and of the optimizers too."""

    calls = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("block", "critic_weight", "bound"),
    [("repnet", 0.01, 450), ("repnet", 0.0, 250), ("temporal", 0.01, 600), ("temporal", 0.0, 350)],
)
def test_a_step_calls_few_operators(block, critic_weight, bound, tmp_path, monkeypatch):
    """Of a run in size small but for the tensors' sizes, the mean over steps of which the last are drawn together."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    kind = RepnetParams if block == "repnet" else TemporalParams
    fabric, seen = Fabric(accelerator="cpu", devices=1), take("S1", "Walk-1", 30, camera_ring())
    supervision = Supervision(seen, detect(seen, 3.0), take("S7", "Walk-1", 30, camera_ring()))
    calls = []
    for steps in (32, 32, 64):  # the first fills caches
        params = kind(**PARAMS[block] | NARROW | {"critic_weight": critic_weight, "steps": steps})
        lifting = LiftingParams(**PARAMS["lifting"])
        with Operators() as operators:
            fit_lifter(lifting, params, supervision, 1, fabric, Checkpoint("t", "x"))
        calls.append(operators.calls)
    assert (calls[2] - calls[1]) / 32 <= bound
