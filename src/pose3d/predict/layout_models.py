"""``pose3d release --layouts``: lifters of other keypoint layouts, which no stage trains by default.

They learn from the pipeline's data with params.yaml, from the projected prior alone, of all training subjects who
perform: without a critic, no 2D is there that a prior must be kept apart from. Files are ``<lifter>.<layout>.pt``;
layouts.json says what they were made of and how good they are on true 2D. With --heads the lifters stay as they are,
and how far off joints may be and where the layouts' own points are is learnt anew, beside the released weights.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pose3d.config.blocks import Seed
from pose3d.config.dataset import DatasetParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import StageParams
from pose3d.predict.models import RELEASED, lifter_file
from pose3d.runtime.errors import InputError

if TYPE_CHECKING:
    from pose3d.lifting.fit import Fitted
    from pose3d.lifting.networks import Lifter

BLOCKS = ("repnet", "temporal")
FACTS = "layouts.json"
TABLE = "<!-- pose3d release --layouts writes from here -->", "<!-- up to here -->"
SPLITS = ("validation", "test")
MISSING = 0.2
"""Share of the points that the second figures do without."""
PARTLY = f"true_2d_{MISSING:.0%}_missing"


class Params(StageParams):
    seed: Seed
    dataset: DatasetParams
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams


def release_layouts(
    names: list[str], file: Callable[[str], Path], facts: dict[str, Any], heads_alone: bool = False
) -> str:
    """Train, write, and give the table of all that are released.

    Args:
        names: of the layouts.
        file: gives a file of the pipeline's data, and refuses one that is not what the pipeline made.
        facts: commit and versions, to go into layouts.json.
        heads_alone: keep the lifters that are released, which do not change, and learn their heads alone.

    Raises:
        InputError: a layout is not known, a file is another, or there is no lifter to keep.
    """
    import json

    from pose3d.geometry.layouts import OURS, layout
    from pose3d.lifting.lift import build_lifter
    from pose3d.lifting.training import fit_layout, fit_layout_heads
    from pose3d.records.sequences import read_sequences
    from pose3d.runtime.files import sha256_of, write_text
    from pose3d.training.model_file import save_model

    for name in names:
        if layout(name).name == OURS:
            raise InputError(f"--layouts {OURS}: its lifters are the pipeline's own, released without --layouts")
    data = file("data/sequences.h5").parent
    file("data/keypoints2d.h5")
    given = Params.load()
    performers = [subject for subject in given.dataset.subjects.train if subject != "Stills"]
    prior = LiftingParams.model_validate(given.lifting.model_dump() | {"prior": [{"subjects": performers}]})
    splits = {split: read_sequences(data / "sequences.h5", getattr(given.dataset.subjects, split)) for split in SPLITS}
    path = RELEASED / FACTS
    known = json.loads(path.read_text(encoding="utf-8"))["lifters"] if path.is_file() else {}
    for name in names:
        for block in BLOCKS:
            params = getattr(given, block)
            released = RELEASED / lifter_file(block, name)
            arguments = name, block, params, prior, given.seed, data
            if heads_alone:
                fitted = fit_layout_heads(*arguments, _kept(released, known))
                made = {key: known[released.name][key] for key in (*facts, "params")}
            else:
                fitted = fit_layout(*arguments, __file__)
                made = facts | {
                    "params": {"seed": given.seed, "lifting": prior.model_dump(), block: params.model_dump()}
                }
            weights = {key: value.half() if value.ndim > 1 else value for key, value in fitted.weights.items()}
            save_model(released, fitted.architecture, weights)
            lifter = build_lifter(fitted.architecture).eval()
            lifter.load_state_dict(weights)
            known[released.name] = made | {
                "layout": name,
                "heads": facts | {"spread_steps": params.spread_steps, "landmark_steps": params.landmark_steps},
                "metrics": {split: _figures(lifter, sequences) for split, sequences in splits.items()},
                "sha256": sha256_of(released),
                "bytes": released.stat().st_size,
            }
            write_text(path, json.dumps({"lifters": dict(sorted(known.items()))}, indent=2) + "\n")
    return table_of(known)


def _kept(released: Path, known: dict[str, Any]) -> "Fitted":
    """A released lifter, as layouts.json knows it."""
    from pose3d.lifting.fit import Fitted
    from pose3d.runtime.files import sha256_of
    from pose3d.training.model_file import load_model

    if not released.is_file() or sha256_of(released) != known.get(released.name, {}).get("sha256"):
        raise InputError(f"{released} is not there as {FACTS} says: leave --heads out, and its lifter is trained")
    architecture, weights = load_model(released)
    return Fitted(architecture, weights, [])


def _figures(lifter: "Lifter", sequences: list[Any]) -> dict[str, Any]:
    from pose3d.evaluation.landmarks import landmark_errors
    from pose3d.evaluation.layouts import layout_coverage, layout_errors_mm

    return {
        "true_2d": layout_errors_mm(lifter, sequences),
        PARTLY: layout_errors_mm(lifter, sequences, MISSING),
        "landmarks": {} if lifter.landmarks is None else landmark_errors(lifter, sequences),
        "spread": {} if lifter.spread is None else layout_coverage(lifter, sequences),
    }


def table_of(lifters: dict[str, Any]) -> str:
    """The figures as Markdown, of the test subjects."""
    from pose3d.evaluation.coverage import inside_of

    lines = [
        "| file | MB | MPJPE mm | PA-MPJPE mm | root error mm | PA-MPJPE mm, a fifth of the points missing "
        "| own points mm | ankle, degrees | inside radii, %, across / along |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, facts in sorted(lifters.items()):
        metrics = facts["metrics"]["test"]
        whole, own = metrics["true_2d"], metrics.get("landmarks", {})  # of lifters released before there were any
        values = [whole["mpjpe_mm"], whole["pa_mpjpe_mm"], whole["root_error_mm"], metrics[PARTLY]["pa_mpjpe_mm"]]
        values += [own.get("landmarks_mm"), own.get("ankle_mae_deg")]
        cells = [f"{facts['bytes'] / 1e6:.2f}", *("" if value is None else f"{value:.1f}" for value in values)]
        cells.append(inside_of(metrics.get("spread", {})))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
