"""The speed benchmark's own arithmetic: what it compares is the same work, and what it says is what it measured."""

import json
import math

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from benchmarks.speed import __main__ as speed
from benchmarks.speed import alignment, before, growth, lifters, loading, manners, people, plain_original, pose2d
from benchmarks.speed.growth import slope_ratio
from benchmarks.speed.lifters import counted_flops
from benchmarks.speed.report import Figure, NotMeasured, Results, Setting, table
from benchmarks.speed.timing import interleaved
from pose3d.lifting import fit
from pose3d.lifting.critic import Wasserstein
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.original_critic import OriginalCritic
from pose3d.lifting.original_objective import OriginalSingleFrame, OriginalWindows
from pose3d.runtime.processes import one_process
from pose3d.synthetic.split import STILLS, Take

CPU = torch.device("cpu")
WIDTH, BATCH, SEED = 24, 7, 5


@pytest.fixture
def setting(tmp_path):
    return Setting(one_process("32-true"), cores=1, repeats=1, scratch=tmp_path, before="HEAD")


@pytest.fixture
def critics():
    """Ours, and the plain one with the same weights."""
    ours, plain = OriginalCritic(WIDTH), plain_original.Critic(WIDTH)
    plain.load_state_dict(ours.state_dict())
    return ours, plain


def objective_of(kind, window_frames):
    given = people.supervision(takes=1, frames=40)
    keypoints = [detected.keypoints_px for detected in given.detections]
    return kind(given.sequences, keypoints, given.prior, window_frames, torch.ones(17, 1), CPU)


def drawn():
    """Random numbers for one draw; again from the start each time."""
    return np.random.default_rng(SEED)


def test_frames_are_learnt_from_as_the_plain_original_learns_from_them(critics):
    ours, plain = critics
    generator, plain_generator = RepNet(WIDTH), plain_original.FrameGenerator(WIDTH)
    plain_generator.load_state_dict(generator.state_dict())
    objective = objective_of(OriginalSingleFrame, 1)
    (batch,) = objective.generator_batches([drawn()], BATCH)
    keypoints = batch.keypoints[:, 0]
    keypoints = (keypoints[:, 1:] - keypoints[:, :1]).flatten(1)

    poses, terms = objective.terms(generator, batch)
    plain_terms = plain_original.frame_losses(plain, plain_generator(keypoints), keypoints)
    expected = 10_000 * terms["reprojection"], terms["camera"], Wasserstein().generator_term(ours(poses))
    torch.testing.assert_close(plain_terms, expected)


def test_windows_are_learnt_from_as_the_plain_original_learns_from_them(critics):
    ours, plain = critics
    generator = OriginalTemporal(WIDTH, 2 * plain_original.PAD + 1)
    networks = plain_original.WindowNetwork(32, 48, WIDTH), plain_original.WindowNetwork(34, 3, WIDTH)
    for network, same in zip(networks, (generator.pose, generator.root), strict=True):
        network.load_state_dict(same.state_dict())
    objective = objective_of(OriginalWindows, 2 * plain_original.PAD + 1)
    (batch,) = objective.generator_batches([drawn()], BATCH)
    absolute = batch.keypoints
    relative = absolute[:, :, 1:] - absolute[:, :, :1]

    poses, terms = objective.terms(generator, batch)
    plain_poses, plain_roots = networks[0](relative.flatten(2)), networks[1](absolute.flatten(2))
    intrinsics = torch.cat([batch.focal, batch.centre], 1)
    centre = absolute[:, plain_original.PAD]
    plain_terms = plain_original.window_losses(plain, plain_poses, plain_roots, centre, intrinsics)
    torch.testing.assert_close(plain_terms, (100 * terms["reprojection"], Wasserstein().generator_term(ours(poses))))


def test_the_critic_learns_as_the_plain_originals(critics):
    ours, plain = critics
    real, fake = torch.randn(2, BATCH, 16, 3, generator=torch.Generator().manual_seed(SEED))
    (share,) = Wasserstein().numbers([drawn()], BATCH)
    loss, penalty = Wasserstein().critic_terms(ours, real, fake, share)
    plain_loss = plain_original.critic_loss(plain, real.flatten(1), fake.flatten(1), share[:, None])
    torch.testing.assert_close(plain_loss, loss + 10 * penalty)


def test_the_plain_originals_items_are_windows_with_their_edge_frames_repeated():
    given = people.supervision(takes=1, frames=20)
    items = plain_original.WindowItems(given)
    assert len(items) == 80
    window, intrinsics, pose = items[21]  # frame 1 of the second clip: 12 frames are missing before, 7 behind it
    frames = items.keypoints[[20] * 12 + [*range(20, 35)]]
    torch.testing.assert_close(window, frames)
    torch.testing.assert_close(items[38][0], items.keypoints[[*range(25, 40)] + [39] * 12])
    assert intrinsics.tolist() == pytest.approx([2.29, 2.2876, 0.025, 0.031]) and pose.shape == (48,)


@pytest.mark.parametrize("training", [plain_original.FrameTraining, plain_original.WindowTraining])
def test_the_plain_original_learns(training):
    plain = training(people.supervision(takes=1, frames=60), WIDTH, CPU)
    before = [parameter.clone() for parameter in plain.critic.parameters()]
    assert all(np.isfinite(plain.step()))
    assert any(not torch.equal(old, new) for old, new in zip(before, plain.critic.parameters(), strict=True))


SMALL = {
    lifters: {"_TAKES": 1, "_TAKE_FRAMES": 60, "_BATCH": 8, "_CLIP_FRAMES": 40},
    growth: {"MULTIPLES": (1, 3), "_MOST_CORES": 0.1, "_LIFTED_FRAMES": 80, "_LONG_TAKE_FRAMES": 40},
    alignment: {"_POSES": 100},
    manners: {"_STEPS": {"train_temporal": 2}},
    loading: {"_STEPS": 2},
    before: {"_STEPS": {"train_2d": 2, "train_repnet": 2}},
    pose2d: {"_TAKE_FRAMES": 2},
}
"""Sizes at which a row takes seconds, by module. Rows that start trainings share out what is trained."""


def test_trainings_that_are_shared_out_are_all_that_either_row_has():
    shared = [set(SMALL[module]["_STEPS"]) for module in (manners, before)]
    assert set.union(*shared) == set(manners._STEPS) == set(before._STEPS)


@pytest.mark.parametrize("row", sorted(set(speed.ROWS) - {"rendering", "captured_steps"}))
@pytest.mark.slow
def test_every_row_is_measured(row, setting, monkeypatch):
    for module, sizes in SMALL.items():
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(lifters, "_ORIGINAL", lifters._ORIGINAL | {"width": WIDTH, "critic_width": WIDTH})
    visits, costs, run = [], {}, growth.run

    def run_at_the_ends(script, folder, setting):
        """The way back is like the way there, and the size between like the largest."""
        visits.append(folder.name)
        if folder.name == "1":
            return growth.Cost(1.0, 1)
        if folder not in costs:
            costs[folder] = run(script, folder, setting)
        return costs[folder]

    monkeypatch.setattr(growth, "run", run_at_the_ends)
    figures = speed.ROWS[row](setting)
    assert figures and all(math.isfinite(one.value) for one in figures)
    # How much more time the larger of two tiny runs takes is noise, and may be less than nothing.
    assert all(one.value > 0 for one in figures if "time a frame" not in one.measure)
    assert visits == (["0", "1", "2", "1", "0"] if row.startswith("growth") else [])
    assert all(cost.seconds > 0 and cost.peak_bytes > 0 for cost in costs.values())


def test_captured_steps_wait_for_a_gpu(tmp_path):
    with pytest.raises(NotMeasured, match="^only a GPU captures a training step, and there is none here$"):
        speed.ROWS["captured_steps"](Setting(Fabric(accelerator="cpu", devices=1), 1, 1, tmp_path))


def test_captured_steps_are_timed_beside_those_that_are_not(setting, monkeypatch):
    """Here nothing captures them; the plain way asks nobody how."""
    asked, capture_for = [], fit.capture_for
    monkeypatch.setattr(Setting, "on_gpu", True)
    monkeypatch.setattr(fit, "capture_for", lambda *how: asked.append(how) or capture_for(*how))
    monkeypatch.setattr(lifters, "_TAKE_FRAMES", 60)
    monkeypatch.setattr(lifters, "_CAPTURED_STEPS", 2)
    monkeypatch.setattr(lifters, "_CAPTURED", {"small": 300})
    single, temporal = speed.ROWS["captured_steps"](setting)
    assert (single.measure, single.goal) == ("train_repnet of size small, captured", 300)
    assert temporal.value > 0 and len(asked) == 2 * (1 + setting.repeats)


@pytest.mark.parametrize(
    ("commit", "message"),
    [(None, "^say which commit it is compared with: --before COMMIT$"), ("0" * 40, "^git has no commit 0{40} here")],
)
def test_a_commit_to_compare_with_must_be_there(commit, message, tmp_path):
    with pytest.raises(NotMeasured, match=message):
        before.against_a_commit(Setting(one_process("32-true"), cores=1, repeats=1, scratch=tmp_path, before=commit))


def test_rendering_is_measured_with_the_settings_of_size_small(setting, tmp_path, monkeypatch):
    """Without what `make repro` bakes: planning and rendering are replaced."""
    given = []
    monkeypatch.setattr(speed.rendering, "RAW", tmp_path)
    monkeypatch.setattr(speed.rendering, "BODIES", tmp_path)
    monkeypatch.setattr(speed.rendering, "plan", lambda *how: [Take(s, "Walk", 1, 0, 9) for s in ("S1", STILLS)] * 2)
    monkeypatch.setattr(speed.rendering, "render_takes", lambda takes, settings, *_: given.append(settings) or takes)
    (figure,) = speed.ROWS["rendering"](setting)
    assert figure.value > 0 and given[0].image_size_px == 512


def test_the_command_writes_the_rows_it_was_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(alignment, "_POSES", 100)
    monkeypatch.setenv("POSE3D_WORKERS", "1")
    threads = torch.get_num_threads()
    speed.main(["--only", "pa_mpjpe", "--repeats", "1", "--cores", "1", "--output", str(tmp_path / "speed.json")])
    torch.set_num_threads(threads)
    assert "| PA-MPJPE on 1 cores |" in capsys.readouterr().out
    assert list(json.loads((tmp_path / "speed.json").read_text())["rows"]) == ["pa_mpjpe"]


def test_sections_take_turns_and_the_median_of_each_counts():
    calls, times = [], {"a": iter([5.0, 1.0, 2.0]), "b": iter([9.0, 7.0, 100.0])}

    def section(name):
        return lambda: (calls.append(name), next(times[name]))[1]

    assert interleaved({name: section(name) for name in times}, 3) == {"a": 2.0, "b": 9.0}
    assert calls == ["a", "b"] * 3


def test_growth_is_free_of_what_every_run_spends():
    assert slope_ratio([0, 10, 40, 160], [3.0, 4.0, 7.0, 19.0]) == pytest.approx(1)
    assert slope_ratio([8, 18, 48, 168], [3.0, 4.0, 7.0, 27.0]) == pytest.approx(1.5)


def test_flops_are_of_one_step_and_of_gradients_of_gradients_too():
    x, weight = torch.randn(3, 5), torch.randn(5, 7, requires_grad=True)

    def run(steps):
        _ = x @ weight  # before the first step
        for _ in range(steps):
            inputs = x.clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad((inputs @ weight).square().sum(), inputs, create_graph=True)
            gradient.sum().backward()
        return 0.0

    # Forward, the gradient by the inputs, and of the latter by the weight (twice), the inputs and the products.
    assert counted_flops(run) == 6 * 2 * 3 * 5 * 7


@pytest.mark.parametrize("name", ["repnet", "temporal"])
def test_nothing_follows_a_lifter_s_own_steps_while_they_are_timed(name, monkeypatch):
    def learnt(*_):
        raise AssertionError("error bars are learnt")

    monkeypatch.setattr(lifters.fit, "fit_spread", learnt)
    narrow = {"width": 8, "critic_width": 8, "batch_size": 4, "projected_prior_batch_size": 4}
    params = lifters.block("small", name, **narrow)
    run = lifters.training(lifters.block("small", "lifting"), params, people.supervision(2, 40), one_process())
    assert run(1) > 0


def figure(value, **changes):
    return Figure(**{"measure": "m", "value": value, "unit": "x", "goal": 2.0, "details": "d"} | changes)


def test_the_table_says_what_is_met():
    lines = table(
        [
            figure(2.5),
            figure(1.5),
            figure(1.1, goal=1.2, at_most=True),
            figure(61.2, unit="%", goal=60),
            "rendering: not measured: no data",
        ]
    )
    assert lines.splitlines()[2:] == [
        "| m | 2.50x | 2.00x | yes | d |",
        "| m | 1.50x | 2.00x | no | d |",
        "| m | 1.10x | at most 1.20x | yes | d |",
        "| m | 61.2 % | 60.0 % | yes | d |",
        "| rendering: not measured: no data | – | – | – | |",
    ]


def test_rows_are_noted_when_they_are_done_and_a_row_without_inputs_is_skipped(setting, tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "ROWS", {"one": lambda _: [figure(2.5)], "two": speed.rendering.frames_a_second})
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "results/speed.json"
    lines = speed.measure(["one", "two"], setting, output)
    assert lines[0] == figure(2.5)
    assert lines[1].startswith("two: not measured: data/raw is missing, which `make repro`")
    content = json.loads(output.read_text())
    assert content["machine"]["torch"] == torch.__version__ and content["machine"]["gpu"] is None
    assert content["rows"] == {
        "one": [{"measure": "m", "value": 2.5, "unit": "x", "goal": 2.0, "details": "d", "at_most": False, "met": True}]
    }


def test_a_row_that_fails_loses_none_before_it_and_other_machines_rows_go(setting, tmp_path, monkeypatch):
    def fail(_):
        raise RuntimeError("broken")

    output = tmp_path / "speed.json"
    Results(output, {"cpu": "another"}).add("old", [figure(1)])
    monkeypatch.setattr(speed, "ROWS", {"one": lambda _: [figure(2.5)], "two": fail, "three": lambda _: [figure(3.5)]})
    with pytest.raises(RuntimeError, match="broken"):
        speed.measure(["one", "two"], setting, output)
    speed.measure(["three"], setting, output)
    assert list(json.loads(output.read_text())["rows"]) == ["one", "three"]
