"""The lifters: training against the plain original, against the machine's matmul peak, and inference on whole clips."""

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.speed import people, plain_original
from benchmarks.speed.report import Figure, Setting
from benchmarks.speed.timing import interleaved, seconds, synchronize
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import PARAMS_FILE, PROFILES_FOLDER, read_yaml
from pose3d.lifting import fit
from pose3d.lifting.lift import build_lifter, lift
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.temporal import TemporalLifter

_BLOCKS = {"lifting": LiftingParams, "repnet": RepnetParams, "temporal": TemporalParams}
_ORIGINAL = {"critic_weight": 1, "critic_loss": "wasserstein", "gradient_penalty": 10}
# So many frames that no loader of the plain original comes to the end of its items while it is timed.
_TAKES, _TAKE_FRAMES = 20, 1000
_BATCH = 1024
_CLIP_FRAMES = 2000
_TOLERANCE_M = 1e-4


def block(profile: str, name: str, **changes: Any) -> Any:
    """A block of params.yaml and a profile, with some keys changed."""
    files = (PARAMS_FILE, PROFILES_FOLDER / f"{profile}.yaml")
    merged = {key: value for file in files for key, value in read_yaml(Path(file)).get(name, {}).items()}
    return _BLOCKS[name].model_validate(merged | changes)


class _Stopwatch:
    """Stands in for a checkpoint: training asks for one when all is set up, and from then on it is timed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def load(self) -> None:
        synchronize(self._device)
        self.start = time.perf_counter()

    def save(self, state: dict[str, Any]) -> None:
        """Nothing is kept."""

    def seconds(self) -> float:
        synchronize(self._device)
        return time.perf_counter() - self.start


def training(
    lifting: LiftingParams, params: RepnetParams | TemporalParams, supervision: Supervision, device: torch.device
) -> Callable[[int], float]:
    """Number of steps to the seconds that :func:`pose3d.lifting.fit.fit_lifter` spends in its loop."""

    def run(steps: int) -> float:
        watch = _Stopwatch(device)
        of_length = params.model_copy(update={"steps": steps})  # unchecked: counting flops needs a run of no steps
        with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
            fit.fit_lifter(lifting, of_length, supervision, 1, device, watch)
        return watch.seconds()

    return run


def _against_plain(
    setting: Setting,
    measure: str,
    params: RepnetParams | TemporalParams,
    plain: type[plain_original.FrameTraining | plain_original.WindowTraining],
    steps: int,
    goals: tuple[float, float],
) -> list[Figure]:
    supervision = people.supervision(_TAKES, _TAKE_FRAMES)
    ours = training(block("human36m", "lifting", formulation="original"), params, supervision, setting.device)
    theirs = plain(supervision, params.width, setting.device)

    def plain_seconds() -> float:
        # Ours asks for deterministic algorithms, once and for the whole process; the original does not.
        torch.use_deterministic_algorithms(False)
        return seconds(lambda: [theirs.step() for _ in range(steps)], setting.device)

    ours(2)
    theirs.step()
    median = interleaved({"ours": lambda: ours(steps), "plain": plain_seconds}, setting.repeats)
    rates = {name: steps / value for name, value in median.items()}
    details = (
        f"{rates['ours']:.2f} against {rates['plain']:.2f} steps/s, width {params.width}, batch {params.batch_size}, "
        f"{params.critic_steps} critic steps, turns of {steps} steps"
    )
    return [Figure(measure, rates["ours"] / rates["plain"], "x", goals[setting.on_gpu], details)]


def frame_training(setting: Setting) -> list[Figure]:
    """RepNet's."""
    params = block("human36m", "repnet", **_ORIGINAL)
    measure = "RepNet training against the plain original"
    steps = 40 if setting.on_gpu else 10
    return _against_plain(setting, measure, params, plain_original.FrameTraining, steps, (2.2, 8))


def window_training(setting: Setting) -> list[Figure]:
    """The temporal lifter's."""
    params = block("human36m", "temporal", **_ORIGINAL)
    measure = "temporal training against the plain original"
    steps = 40 if setting.on_gpu else 4
    return _against_plain(setting, measure, params, plain_original.WindowTraining, steps, (2.5, 8))


def _best_matmul_rate(setting: Setting) -> float:
    """float32 flop/s of the fastest of some square products."""
    rates = []
    for size in (4096, 8192) if setting.on_gpu else (1024, 2048):
        a, b = (torch.rand(size, size, device=setting.device) for _ in range(2))
        product = torch.empty_like(a)
        rates.append(2 * size**3 / seconds(lambda a=a, b=b, product=product: torch.mm(a, b, out=product), a.device))
    return max(rates)


class _FlopCounter(TorchDispatchMode):
    """Adds up torch's own counts. Its FlopCounterMode fails here: it cannot follow gradients of gradients."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def counted_flops(run: Callable[[int], float]) -> int:
    """Of the matrix products and convolutions of one training step, forward and backward."""
    totals = []
    for steps in (0, 1):
        with _FlopCounter() as counter:
            run(steps)
        totals.append(counter.total)
    return totals[1] - totals[0]


def _matmul_share(setting: Setting, name: str, measure: str, steps: int) -> list[Figure]:
    params = block("gpu", name, batch_size=_BATCH, projected_prior_batch_size=_BATCH)
    supervision = people.supervision(4, _TAKE_FRAMES)
    run = training(block("gpu", "lifting"), params, supervision, setting.device)
    flops = counted_flops(run)
    _best_matmul_rate(setting)
    sections = {"training": lambda: steps * flops / run(steps), "matmul": lambda: _best_matmul_rate(setting)}
    median = interleaved(sections, setting.repeats)
    details = (
        f"{median['training'] / 1e9:,.0f} of {median['matmul'] / 1e9:,.0f} Gflop/s, {flops / 1e9:.1f} Gflop a step, "
        f"{_BATCH} detections and {_BATCH} projected poses, networks of profiles/gpu.yaml"
    )
    return [Figure(measure, 100 * median["training"] / median["matmul"], "%", 60, details)]


def frame_matmul_share(setting: Setting) -> list[Figure]:
    steps = 20 if setting.on_gpu else 3
    return _matmul_share(setting, "repnet", "share of the matmul peak, single-frame training", steps)


def window_matmul_share(setting: Setting) -> list[Figure]:
    steps = 10 if setting.on_gpu else 1
    return _matmul_share(setting, "temporal", "share of the matmul peak, temporal training", steps)


class WindowByWindow(TemporalLifter):
    """The same lifter with every frame's window cut out and all of them run as a batch."""

    forward_clip = TemporalLifter.forward


def clip_inference(setting: Setting) -> list[Figure]:
    """A whole clip at once against its windows one by one."""
    architecture = fit.lifter_architecture(block("gpu", "lifting"), block("gpu", "temporal"))
    torch.manual_seed(0)
    lifters = {"whole": build_lifter(architecture).to(setting.device).eval()}
    sizes = {key: value for key, value in architecture.items() if key != "lifter"}
    lifters["windows"] = WindowByWindow(**sizes).to(setting.device).eval()
    lifters["windows"].load_state_dict(lifters["whole"].state_dict())
    sequence = people.take("S1", "Swing-1", _CLIP_FRAMES, 0)[0]
    keypoints = people.detections([sequence], 0)[0].keypoints_px
    poses = {name: lift(lifter, sequence, keypoints).poses_cam_m for name, lifter in lifters.items()}
    difference_m = float(np.abs(poses["whole"] - poses["windows"]).max())
    if difference_m > _TOLERANCE_M:
        raise AssertionError(f"whole clips and windows differ by {difference_m} m: they must be the same numbers")
    sections = {
        name: lambda lifter=lifter: seconds(lambda: lift(lifter, sequence, keypoints), setting.device)
        for name, lifter in lifters.items()
    }
    median = interleaved(sections, setting.repeats)
    rates = {name: _CLIP_FRAMES / value for name, value in median.items()}
    details = (
        f"{rates['whole']:,.0f} against {rates['windows']:,.0f} frames/s on {_CLIP_FRAMES} frames, network of "
        f"profiles/gpu.yaml, outputs differ by {1000 * difference_m:.2g} mm at most"
    )
    measure = "temporal inference, whole clip against windows"
    return [Figure(measure, rates["whole"] / rates["windows"], "x", 3, details)]
