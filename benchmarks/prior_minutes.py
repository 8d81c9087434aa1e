"""How the error falls with the minutes of 3D that a single-frame lifter learns from: "more 3D", settled.

    python -m benchmarks.prior_minutes run --data data        # from the repository's root, after stage infer_2d
    python -m benchmarks.prior_minutes show --picture docs/prior_minutes.png

``run`` trains on the training subjects' 2D with params.yaml, but with a prior of whole takes, drawn at random, that
make up a share of its minutes: the takes of a smaller share are among those of a larger one. It does so with the
projected prior as in the params, and with critic and reprojection alone, and scores the validation subjects. Each
training adds a line to ``results/prior_minutes.jsonl`` beside this file, or to ``--results``; one that has a line is
not done again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from pose3d.config.lifting import LiftingParams, RepnetParams
from pose3d.config.reading import StageParams
from pose3d.evaluation.tables import errors_of, summary_mm
from pose3d.lifting.fit import fit_lifter
from pose3d.lifting.lift import lift_sequences
from pose3d.lifting.supervision import read_supervision
from pose3d.records.keypoints2d import read_keypoints2d
from pose3d.records.sequences import PoseSequence, read_sequences, read_splits
from pose3d.runtime.processes import one_process
from pose3d.show.figures import METHOD_COLOURS, new_figure, save_png, style_axes
from pose3d.training.checkpoint import Checkpoint, fingerprint
from pose3d.training.model_file import save_model

RESULTS = Path(__file__).parent / "results/prior_minutes.jsonl"
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
WAYS: dict[str, dict[str, Any]] = {
    "projected prior": {},
    "critic and reprojection alone": {
        "projected_prior_weight": 0,
        "critic_weight": 0.01,
        "batch_size": 256,
        "lr": 0.0005,
        "final_lr_ratio": 1,
        "reproj_weight_start": 0.05,
    },
}
"""Keys of repnet that differ from the params; the second are those of lifting_ablation.yaml."""
FIGURES = {"mpjpe_mm": "MPJPE mm", "pa_mpjpe_mm": "PA-MPJPE mm"}


class Params(StageParams):
    lifting: LiftingParams
    repnet: RepnetParams


def minutes_of(sequences: Sequence[PoseSequence]) -> float:
    """Of all takes; one that several cameras saw counts once."""
    takes = {(s.subject, s.action): len(s) / s.fps for s in sequences}
    return sum(takes.values()) / 60


def some_takes(prior: Sequence[PoseSequence], share: float, seed: int) -> list[PoseSequence]:
    """The first takes, in an order that only the seed says, that make up at least a share of the minutes."""
    takes = sorted({(s.subject, s.action) for s in prior})
    minutes = [minutes_of([s for s in prior if (s.subject, s.action) == take]) for take in takes]
    order = np.random.default_rng(seed).permutation(len(takes))
    before = np.concatenate([[0], np.cumsum(np.array(minutes)[order])[:-1]])
    chosen = {takes[take] for take in order[before < share * sum(minutes) - 1e-9]}
    return [s for s in prior if (s.subject, s.action) in chosen]


def measure(data: Path, way: str, share: float, seed: int, steps: int) -> dict[str, Any]:
    """Train one lifter and score it on the validation subjects."""
    params = Params.load()
    repnet = params.repnet.model_copy(update={"steps": steps, "spread_steps": 0} | WAYS[way])
    files = data / "sequences.h5", data / "keypoints2d.h5"
    supervision = read_supervision(*files, params.lifting)
    supervision = replace(supervision, prior=some_takes(supervision.prior, share, seed))
    checkpoint = Checkpoint("prior_minutes", fingerprint([way, share, seed, steps], files, __file__))
    fitted = fit_lifter(params.lifting, repnet, supervision, seed, one_process(), checkpoint)
    checkpoint.remove()
    sequences = read_sequences(files[0], read_splits(files[0])["validation"])
    with TemporaryDirectory() as folder:
        model = Path(folder) / "lifter.pt"
        save_model(model, fitted.architecture, fitted.weights)
        lifted = lift_sequences(model, sequences, read_keypoints2d(files[1], sequences))
    errors: dict[str, Any] = summary_mm(errors_of(way, sequences, [one.poses_cam_m for one in lifted], True))
    return {
        "way": way,
        "share": share,
        "seed": seed,
        "steps": steps,
        "minutes": round(minutes_of(supervision.prior), 3),
        "takes": len({(s.subject, s.action) for s in supervision.prior}),
        **{name: round(errors[name], 2) for name in FIGURES},
    }


def read_lines(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()] if results.exists() else []


def of_way(lines: Sequence[dict[str, Any]], way: str) -> list[dict[str, Any]]:
    """Means over seeds, one for each share, the smallest first."""
    groups = [[line for line in lines if line["way"] == way and line["share"] == share] for share in SHARES]
    keys = ("share", "minutes", "takes", *FIGURES)
    return [{key: np.mean([line[key] for line in g]) for key in keys} | {"seeds": len(g)} for g in groups if g]


def table(lines: Sequence[dict[str, Any]]) -> str:
    """A Markdown table, a row for each way and share."""
    rows = [f"| way | share | minutes | takes | {' | '.join(FIGURES.values())} | seeds |", "|---" * 7 + "|"]
    for way in WAYS:
        for mean in of_way(lines, way):
            figures = " | ".join(f"{mean[name]:.1f}" for name in FIGURES)
            share = f"1/{round(1 / mean['share'])}" if mean["share"] < 1 else "all"
            prior = f"{share} | {mean['minutes']:.2f} | {mean['takes']:.0f}"
            rows.append(f"| {way} | {prior} | {figures} | {mean['seeds']} |")
    return "\n".join(rows)


def draw(lines: Sequence[dict[str, Any]], picture: Path) -> None:
    """Errors over minutes, which double from one mark to the next."""
    figure = new_figure((7, 3.6))
    axes = figure.subplots()
    colours = dict(zip(WAYS, (METHOD_COLOURS["temporal"], METHOD_COLOURS["nearest_neighbour"]), strict=True))
    for way in dict.fromkeys(line["way"] for line in lines):
        means, colour = of_way(lines, way), colours[way]
        for (name, title), style in zip(FIGURES.items(), ("-", "--"), strict=True):
            minutes, errors_mm = ([mean[key] for mean in means] for key in ("minutes", name))
            label = f"{way}, {title.removesuffix(' mm')}"
            axes.plot(minutes, errors_mm, style, marker="o", ms=4, color=colour, label=label)
    axes.set_xscale("log", base=2)
    ticks = [mean["minutes"] for mean in means]
    axes.set_xticks(ticks, [f"{minutes:.2g}" for minutes in ticks])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes of prior")
    axes.set_ylabel("mm")
    axes.legend(fontsize=9)
    style_axes(axes)
    save_png(figure, picture)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("--data", type=Path, default=Path("data"), help="has sequences.h5 and keypoints2d.h5")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES), help="some of 0.0625, 0.125, ... 1")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--steps", type=int, default=1000, help="of training; lines of other lengths are not shown")
    parser.add_argument("--picture", type=Path, help="where `show` draws the curve")
    given = parser.parse_args(arguments)
    if given.command == "run":
        runs = [(w, share, seed) for seed in given.seeds for w in given.ways for share in given.shares]
        for way, share, seed in runs:
            run = {"way": way, "share": share, "seed": seed, "steps": given.steps}
            if not any(run.items() <= line.items() for line in read_lines(given.results)):
                line = measure(given.data, way, share, seed, given.steps)
                with open(given.results, "a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
    lines = [line for line in read_lines(given.results) if line["steps"] == given.steps]
    if not lines:
        parser.error(f"{given.results} has no line of {given.steps} steps: call `run` first")
    print(table(lines))
    if given.picture:
        draw(lines, given.picture)


if __name__ == "__main__":
    main()
