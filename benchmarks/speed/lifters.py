"""The lifters: training against the plain original, against the machine's matmul peak, and inference on whole clips."""

import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.speed import people, plain_original
from benchmarks.speed.report import Figure, NotMeasured, Setting
from benchmarks.speed.timing import interleaved, seconds, synchronize
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import read_merged
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.lifting import fit
from pose3d.lifting.lift import build_lifter, lift, repeat_edges
from pose3d.lifting.supervision import Supervision
from pose3d.lifting.temporal import TemporalLifter
from pose3d.lifting.trajectory import smooth, smooth_poses
from pose3d.lifting.virtual_camera import lifter_features, root_position, to_camera_space
from pose3d.records.sequences import PoseSequence

_BLOCKS = {"lifting": LiftingParams, "repnet": RepnetParams, "temporal": TemporalParams}
_ORIGINAL = {
    "width": 1000,
    "critic_width": 1000,
    "batch_size": plain_original.BATCH_SIZE,
    "critic_steps": plain_original.CRITIC_STEPS,
    "critic_weight": 1,
    "critic_loss": "wasserstein",
    "gradient_penalty": plain_original.PENALTY_WEIGHT,
}
# So many frames that no loader of the plain original comes to the end of its items while it is timed.
_TAKES, _TAKE_FRAMES = 20, 1000
_BATCH = 1024
_CLIP_FRAMES = 2000
_TOLERANCE_M = 1e-4
_CAPTURED, _CAPTURED_STEPS = {"small": 300, "gpu": 200}, 200  # sizes with the steps a second that they must reach


def block(size: str, name: str, **changes: Any) -> Any:
    """A block of the params of the embedded data set at a size, with some keys changed.

    No lifter learns error bars or landmarks, because what is timed is its own steps and those would follow them.
    """
    params, _ = read_merged(Path(), "embedded", size)
    steps_alone = {} if name == "lifting" else {"spread_steps": 0, "landmark_steps": 0}
    return _BLOCKS[name].model_validate(params[name] | steps_alone | changes)


class _Stopwatch:
    """Given in place of a checkpoint: training asks for one when all is set up, and from then on it is timed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def load(self, expected: dict[str, Any]) -> None:
        """Nothing was kept, and so nothing is there to go on from."""
        synchronize(self._device)
        self.start = time.perf_counter()

    def save(self, state: dict[str, Any]) -> None:
        """Nothing is kept."""

    def seconds(self) -> float:
        synchronize(self._device)
        return time.perf_counter() - self.start


def training(
    lifting: LiftingParams, params: RepnetParams | TemporalParams, supervision: Supervision, fabric: Fabric
) -> Callable[[int], float]:
    """Number of steps to the seconds that :func:`pose3d.lifting.fit.fit_lifter` spends in its loop."""

    def run(steps: int) -> float:
        watch = _Stopwatch(fabric.device)
        of_length = params.model_copy(update={"steps": steps})
        with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
            fit.fit_lifter(lifting, of_length, supervision, 1, fabric, watch)
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
    ours = training(block("full", "lifting", formulation="original"), params, supervision, setting.fabric)
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
    params = block("full", "repnet", reproj_weight_start=100, reproj_weight=10_000, **_ORIGINAL)
    measure = "RepNet training against the plain original"
    steps = 40 if setting.on_gpu else 20
    return _against_plain(setting, measure, params, plain_original.FrameTraining, steps, (2.2, 8))


def window_training(setting: Setting) -> list[Figure]:
    """The temporal lifter's."""
    weights = {"reproj_weight_start": 100, "reproj_weight": 100}
    params = block("full", "temporal", window_frames=2 * plain_original.PAD + 1, **weights, **_ORIGINAL)
    measure = "temporal training against the plain original"
    steps = 40 if setting.on_gpu else 4
    return _against_plain(setting, measure, params, plain_original.WindowTraining, steps, (2.5, 8))


def _best_matmul_rate(setting: Setting) -> float:
    """float32 flop/s of the fastest of some square products."""
    rates = []
    for size in (4096, 8192) if setting.on_gpu else (1024, 2048, 4096):
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
    for steps in (1, 2):
        with _FlopCounter() as counter:
            run(steps)
        totals.append(counter.total)
    return totals[1] - totals[0]


def _matmul_share(setting: Setting, name: str, measure: str, steps: int) -> list[Figure]:
    params = block("gpu", name, batch_size=_BATCH, projected_prior_batch_size=_BATCH)
    supervision = people.supervision(4, _TAKE_FRAMES)
    run = training(block("gpu", "lifting"), params, supervision, setting.fabric)
    flops = counted_flops(run)
    _best_matmul_rate(setting)
    sections = {"training": lambda: steps * flops / run(steps), "matmul": lambda: _best_matmul_rate(setting)}
    median = interleaved(sections, setting.repeats)
    details = (
        f"{median['training'] / 1e9:,.0f} of {median['matmul'] / 1e9:,.0f} Gflop/s, {flops / 1e9:.1f} Gflop a step, "
        f"{_BATCH} detections and {_BATCH} projected poses, networks of size gpu"
    )
    return [Figure(measure, 100 * median["training"] / median["matmul"], "%", 60, details)]


def frame_matmul_share(setting: Setting) -> list[Figure]:
    steps = 20 if setting.on_gpu else 3
    return _matmul_share(setting, "repnet", "share of the matmul peak, single-frame training", steps)


def window_matmul_share(setting: Setting) -> list[Figure]:
    steps = 10 if setting.on_gpu else 1
    return _matmul_share(setting, "temporal", "share of the matmul peak, temporal training", steps)


def captured_steps(setting: Setting) -> list[Figure]:
    """Training of sizes small and gpu whose steps a GPU replays, in turns with the same steps operator by operator."""
    if not setting.on_gpu:
        raise NotMeasured("only a GPU captures a training step, and there is none here")
    return [
        _captured_steps(setting, size, name, goal)
        for size, goal in _CAPTURED.items()
        for name in ("repnet", "temporal")
    ]


def _captured_steps(setting: Setting, size: str, name: str, goal: float) -> Figure:
    supervision = people.supervision(4, _TAKE_FRAMES)
    run = training(block(size, "lifting"), block(size, name), supervision, setting.fabric)
    run(_CAPTURED_STEPS)
    plainly = mock.patch.object(fit, "capture_for", lambda *_: None)(run)
    ways = {"captured": lambda: run(_CAPTURED_STEPS), "plain": lambda: plainly(_CAPTURED_STEPS)}
    median = interleaved(ways, setting.repeats)
    rates = {way: _CAPTURED_STEPS / value for way, value in median.items()}
    details = f"{rates['captured'] / rates['plain']:.2f} times as many as operator by operator ({rates['plain']:.1f})"
    return Figure(f"train_{name} of size {size}, captured", rates["captured"], "steps/s", goal, details)


Windows = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Windows of features (N, 27, 35) to poses (N, 16, 3) and root codes (N, 3) of their centre frames."""


class _PlainWindowNetwork(plain_original.WindowNetwork):
    """The original's form with our own residual connection, so that our weights give our numbers."""

    def residual(self, centres: Tensor, mixed: Tensor) -> Tensor:
        return centres + functional.leaky_relu(mixed)


def plain_windows(lifter: TemporalLifter) -> Windows:
    """A lifter's weights in the original's form of the network: strided convolutions."""
    networks = []
    for network in (lifter.pose, lifter.root):
        first, last = network.first, network.last
        plain = _PlainWindowNetwork(first.in_channels, last.out_channels, first.out_channels)
        plain.load_state_dict(network.state_dict())
        networks.append(plain.to(first.weight.device))
    return lambda windows: (networks[0](windows).unflatten(1, (-1, 3)), networks[1](windows))


@torch.no_grad()
def lift_windows(
    lifter: TemporalLifter, network: Windows, sequence: PoseSequence, keypoints_px: np.ndarray
) -> np.ndarray:
    """:func:`pose3d.lifting.lift.lift` with every frame's window cut out of the keypoints, and all windows of the clip
    and of its mirror image run as a batch; (T, 17, 3) metres."""
    device = next(lifter.parameters()).device
    image_plane = torch.from_numpy(sequence.camera.normalize(keypoints_px)).float().to(device)
    before, after = lifter.frames_before, lifter.frames_after
    padded = repeat_edges(image_plane, before + 1, after)  # the motion needs the frame before the first
    windows = padded.unfold(0, before + after + 2, 1).movedim(-1, 1).contiguous()
    joints = torch.from_numpy(mirror_permutation()).to(device)
    flip = torch.tensor([-1.0, 1.0, 1.0], device=device)
    features, view = lifter_features(torch.cat([windows, windows[:, :, joints] * flip[:2]]), with_motion=True)
    poses, codes = (output.chunk(2) for output in network(features))
    poses = (poses[0] + poses[1][:, joints[1:] - 1] * flip) / 2
    code = (codes[0] + codes[1] * flip) / 2
    seen = slice(0, len(image_plane))
    roots = root_position(code, view.scale[seen, before])
    distance = roots[:, 2:].log()
    smoothed = torch.from_numpy(smooth(distance[:, 0].cpu().numpy(), sequence.fps)).to(distance)
    roots = roots * (smoothed[:, None] - distance).exp()
    joints_cam_m = to_camera_space(poses, roots, view.rotation[seen, before]).cpu().numpy()
    return smooth_poses(joints_cam_m, None, sequence.fps)


def clip_inference(setting: Setting) -> list[Figure]:
    """A whole clip at once against its windows, which go through strided convolutions as the original has them.

    Our own windows, those of training, are matrix products instead; the details say how they compare.
    """
    torch.manual_seed(0)
    lifter = build_lifter(fit.lifter_architecture(block("gpu", "lifting"), block("gpu", "temporal")))
    lifter = lifter.to(setting.device).eval()
    plain = plain_windows(lifter)
    sequence = people.take("S1", "Swing-1", _CLIP_FRAMES, 0)[0]
    keypoints = people.detections([sequence], 0)[0].keypoints_px
    ways = {
        "whole": lambda: lift(lifter, sequence, keypoints).poses_cam_m,
        "windows": lambda: lift_windows(lifter, plain, sequence, keypoints),
        "ours": lambda: lift_windows(
            lifter, lambda windows: tuple(output.squeeze(1) for output in lifter(windows)), sequence, keypoints
        ),
    }
    poses = [way() for way in ways.values()]
    difference_m = max(float(np.abs(poses[0] - other).max()) for other in poses[1:])
    if difference_m > _TOLERANCE_M:
        raise AssertionError(f"whole clips and windows differ by {difference_m} m: they must be the same numbers")
    sections = {name: lambda way=way: seconds(way, setting.device) for name, way in ways.items()}
    median = interleaved(sections, setting.repeats)
    rates = {name: _CLIP_FRAMES / value for name, value in median.items()}
    details = (
        f"{rates['whole']:,.0f} against {rates['windows']:,.0f} frames/s ({rates['ours']:,.0f} for windows as matrix "
        f"products), {_CLIP_FRAMES} frames, network of size gpu, outputs within {1000 * difference_m:.2g} mm"
    )
    measure = "temporal inference, whole clip against windows"
    return [Figure(measure, rates["whole"] / rates["windows"], "x", 3, details)]
