"""``pose3d release --layouts``: lifters of other keypoint layouts, which no stage trains by default.

They learn from the pipeline's data with params.yaml, from the projected prior alone, of all training subjects who
perform: without a critic, no 2D is there that a prior must be kept apart from. Files are ``<lifter>.<layout>.pt``;
layouts.json says what they were made of and how good they are on true 2D.
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
    from pose3d.lifting.networks import Lifter

BLOCKS = ("repnet", "temporal")
FACTS = "layouts.json"
TABLE = "<!-- pose3d release --layouts writes from here -->", "<!-- up to here -->"
SPLITS = ("validation", "test")
MISSING = 0.2
"""Share of the points that the second figures do without."""


class Params(StageParams):
    seed: Seed
    dataset: DatasetParams
    lifting: LiftingParams
    repnet: RepnetParams
    temporal: TemporalParams


def release_layouts(names: list[str], file: Callable[[str], Path], facts: dict[str, Any]) -> str:
    """Train, write, and give the table of all that are released.

    Args:
        names: of the layouts.
        file: gives a file of the pipeline's data, and refuses one that is not what the pipeline made.
        facts: commit and versions, to go into layouts.json.

    Raises:
        InputError: a layout is not known, or a file is another.
    """
    import json

    from pose3d.geometry.layouts import OURS, layout
    from pose3d.lifting.lift import build_lifter
    from pose3d.lifting.training import fit_layout
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
            fitted = fit_layout(name, block, params, prior, given.seed, data, __file__)
            weights = {key: value.half() if value.ndim > 1 else value for key, value in fitted.weights.items()}
            released = RELEASED / lifter_file(block, name)
            save_model(released, fitted.architecture, weights)
            lifter = build_lifter(fitted.architecture).eval()
            lifter.load_state_dict(weights)
            known[released.name] = facts | {
                "layout": name,
                "params": {"seed": given.seed, "lifting": prior.model_dump(), block: params.model_dump()},
                "metrics": {split: _figures(lifter, sequences) for split, sequences in splits.items()},
                "sha256": sha256_of(released),
                "bytes": released.stat().st_size,
            }
            write_text(path, json.dumps({"lifters": dict(sorted(known.items()))}, indent=2) + "\n")
    return table_of(known)


def _figures(lifter: "Lifter", sequences: list[Any]) -> dict[str, Any]:
    from pose3d.evaluation.layouts import layout_errors_mm

    return {
        "true_2d": layout_errors_mm(lifter, sequences),
        f"true_2d_{MISSING:.0%}_missing": layout_errors_mm(lifter, sequences, MISSING),
    }


def table_of(lifters: dict[str, Any]) -> str:
    """The figures as Markdown, of the test subjects."""
    lines = [
        "| file | MB | MPJPE mm | PA-MPJPE mm | root error mm | PA-MPJPE mm, a fifth of the points missing |",
        "|---|---|---|---|---|---|",
    ]
    for name, facts in sorted(lifters.items()):
        whole, part = facts["metrics"]["test"].values()
        values = [facts["bytes"] / 1e6, whole["mpjpe_mm"], whole["pa_mpjpe_mm"], whole["root_error_mm"]]
        cells = [f"{values[0]:.2f}", *(f"{value:.1f}" for value in [*values[1:], part["pa_mpjpe_mm"]])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
