"""Adapt the 2D network to a folder of videos, and measure before and after what the views and the rendered crops say.

``pose3d adapt-views --help`` says what is learnt from and what is held out, :mod:`pose3d.multiview.selftraining` how.
"""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pose3d.config.blocks import Seed
from pose3d.config.pose2d import Train2DParams
from pose3d.config.reading import StageParams
from pose3d.formats.calibrated import Units
from pose3d.multiview.agreement import LIFTERS, agreement, ask_exchanged, ask_odd_view, frames_of, takes_of
from pose3d.multiview.finding import detector_of, find_person
from pose3d.multiview.selftraining import AGREEING_VIEWS, AdaptationParams, adapt
from pose3d.multiview.views import read_views
from pose3d.pose2d.batches import plain_batches
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.inference import batch_size, detect, load_network, save_network
from pose3d.pose2d.training import PCK_SHARE, evenly_spaced, keypoint_errors
from pose3d.records.sequences import keys_in, read_sequences, read_splits
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, write_text
from pose3d.runtime.workers import worker_count
from pose3d.training.seeds import seed_all

DATA = Path("data")
MEASURED_CROPS = 512


class Params(StageParams):
    seed: Seed
    train_2d: Train2DParams


def adapt_models(
    models: Path,
    folder: Path,
    out: Path,
    frame_step: int,
    learnt_share: float,
    rounds: int,
    steps: int,
    units: Units | None = None,
    rate_hz: float | None = None,
) -> dict:
    """Write the adapted models to ``out``; gives the figures before and after, which are in adaptation.json too.

    Args:
        models: folder of the trained models.
        folder: of the calibrated videos, see :mod:`pose3d.multiview.views`.
        out: folder to write the three models and adaptation.json to.
        frame_step: every frame_step-th frame of the videos is taken.
        learnt_share: the first frames, from which it learns, as a share of those taken; the others are held out.
        rounds, steps: see :class:`pose3d.multiview.selftraining.AdaptationParams`.
        units, rate_hz: see :func:`pose3d.multiview.views.read_views`.

    Raises:
        InputError: a model, a video or the crops are missing or damaged, there are fewer than three views, one frame
            alone is taken, or the views agree on nothing.
    """
    params = Params.load()
    seed_all(params.seed)
    network, architecture = load_network(str(models / "pose2d.pt"))
    views = read_views(folder, units, rate_hz)
    if len(views) < AGREEING_VIEWS:
        raise InputError(
            f"{folder} has {len(views)} views: the network learns from what {AGREEING_VIEWS} agree on, so add a camera"
        )
    cameras, fps = [view.camera for view in views], views[0].fps / frame_step
    frames = frames_of(views, frame_step)
    learnt = max(1, round(learnt_share * len(frames)))
    parts = {"all": slice(None)}
    if learnt < len(frames):
        parts = {"learnt_from": slice(learnt), "held_out": slice(learnt, None)} | parts

    with ExitStack() as opened:
        rendered, measured = _rendered_crops(opened, architecture["crop_size_px"], params.train_2d.frame_step)

        def figures(network: nn.Module, first: bool = False) -> dict:
            person = find_person(detector_of(network, architecture), cameras, takes_of(views, frames), fps)
            found = {name: agreement(cameras, person.in_frames(part)) for name, part in parts.items()}
            if first:
                ask_exchanged(cameras, person)
                ask_odd_view(cameras, found["all"])
            pck_pct = None if measured is None else _pck_pct(network, architecture, measured)
            return found | {"rendered_validation_pck_pct": pck_pct}

        report = {"frames": len(frames), "learnt_from": learnt, "before": figures(network, first=True)}
        network = adapt(
            (network, architecture),
            cameras,
            takes_of(views, frames[:learnt]),
            fps,
            rendered,
            AdaptationParams(rounds=rounds, steps=steps),
            params.train_2d.augmentation,
            params.seed,
        )
        report["after"] = figures(network)
    save_network(out / "pose2d.pt", architecture, network)
    for name in LIFTERS:
        with atomic_output(out / f"{name}.pt") as partial:
            shutil.copyfile(models / f"{name}.pt", partial)
    write_text(out / "adaptation.json", json.dumps(report, indent=2) + "\n")
    return report


def _rendered_crops(opened: ExitStack, size_px: int, frame_step: int) -> tuple[Crops | None, Crops | None]:
    """Crops of the training and of the validation subjects, None where the data has none of that size."""
    if not (DATA / "crops.h5").exists() or not keys_in(DATA / "crops.h5"):
        print(f"{DATA / 'crops.h5'} has no crops: the real ones alone teach, and may make the network forget")
        return None, None
    splits = read_splits(DATA / "sequences.h5")
    found = [
        opened.enter_context(Crops(DATA / "crops.h5", read_sequences(DATA / "sequences.h5", splits[split]), step))
        if splits[split]
        else None
        for split, step in (("train", frame_step), ("validation", 1))
    ]
    for crops in found:
        if crops is not None and crops.size_px != size_px:
            raise InputError(
                f"{DATA / 'crops.h5'} has crops of {crops.size_px} px, the 2D model was trained on {size_px} px: "
                "run crop_resize and train_2d again"
            )
    return found[0], found[1]


def _pck_pct(network: nn.Module, architecture: dict[str, Any], crops: Crops) -> float:
    """Share of keypoints within a tenth of the box, %, on crops spread over all of them."""
    chosen = evenly_spaced(len(crops), MEASURED_CROPS)
    device, sigma_px = torch.device("cpu"), architecture["sigma_heatmap_px"]
    batches = plain_batches(crops, chosen, batch_size(device), worker_count())
    found = detect(network, batches, device, "local_soft_argmax", sigma_px, True)
    return round(100 * float((keypoint_errors(found.keypoints_px, crops, chosen)[1] < PCK_SHARE).mean()), 2)
