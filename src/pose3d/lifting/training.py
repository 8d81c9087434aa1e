"""What the stages train_repnet and train_temporal do alike: from data and params to a model and its curves."""

from pathlib import Path

from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.lifting.fit import Fitted, fit_lifter, with_heads_anew
from pose3d.lifting.plots import save_curves_png
from pose3d.lifting.supervision import read_supervision
from pose3d.runtime.processes import all_processes
from pose3d.training.checkpoint import Checkpoint, fingerprint
from pose3d.training.curves import write_curves
from pose3d.training.model_file import save_model

SEQUENCES, KEYPOINTS = "data/sequences.h5", "data/keypoints2d.h5"


def fit_layout(
    layout: str,
    block: str,
    params: RepnetParams | TemporalParams,
    lifting: LiftingParams,
    seed: int,
    data: Path,
    script: str,
) -> Fitted:
    """Train a lifter of a layout outside the stages, on the projected prior alone, or go on from its checkpoint.

    Args:
        layout: a name of :data:`pose3d.geometry.layouts.LAYOUTS`; Human3.6M's learns as the others do.
        block: repnet or temporal.
        params, lifting, seed: as of :func:`train_lifter`.
        data: folder of sequences.h5 and keypoints2d.h5.
        script: whose code a checkpoint counts for.

    Raises:
        InputError: as :func:`train_lifter`.
    """
    lifting, params = _of_prior_alone(layout, params, lifting)
    sequences, keypoints = data / "sequences.h5", data / "keypoints2d.h5"
    supervision = read_supervision(sequences, keypoints, lifting)
    used = {"seed": seed, "lifting": lifting.model_dump(), block: params.model_dump()}
    checkpoint = Checkpoint(
        f"train_{block}.{layout}", fingerprint(used, [str(sequences), str(keypoints), *lifting.prior_files], script)
    )
    with all_processes() as fabric:
        fitted = fit_lifter(lifting, params, supervision, seed, fabric, checkpoint)
    checkpoint.remove()
    return fitted


def fit_layout_heads(
    layout: str,
    block: str,
    params: RepnetParams | TemporalParams,
    lifting: LiftingParams,
    seed: int,
    data: Path,
    trained: Fitted,
) -> Fitted:
    """Keep a lifter of :func:`fit_layout`, and learn its radii and where its layout's own points are anew.

    Args:
        trained: the lifter; the other arguments are :func:`fit_layout`'s.

    Raises:
        InputError: as :func:`train_lifter`.
    """
    lifting, params = _of_prior_alone(layout, params, lifting)
    supervision = read_supervision(data / "sequences.h5", data / "keypoints2d.h5", lifting)
    with all_processes() as fabric:
        return with_heads_anew(trained, lifting, params, supervision, seed, fabric)


def _of_prior_alone(
    layout: str, params: RepnetParams | TemporalParams, lifting: LiftingParams
) -> tuple[LiftingParams, RepnetParams | TemporalParams]:
    alone = params.model_copy(update={"critic_weight": 0.0, "reproj_weight": 0.0})
    return lifting.model_copy(update={"layout": layout}), alone


def train_lifter(
    block: str, params: RepnetParams | TemporalParams, lifting: LiftingParams, seed: int, script: str, title: str
) -> None:
    """Train a lifter, or go on from its checkpoint, and write ``data/models/<block>.pt`` and ``plots/<block>/``.

    Args:
        block: name of the lifter's params; the stage's is ``train_<block>``.
        params: of the lifter; its type says which.
        lifting: what both lifters share.
        seed: of the initial weights and all draws.
        script: the stage's. A checkpoint counts only for the code that it loads.
        title: of the curves' picture.

    Raises:
        InputError: a file is missing or damaged, or :func:`pose3d.lifting.fit.fit_lifter` refuses.
    """
    supervision = read_supervision(SEQUENCES, KEYPOINTS, lifting)
    used = {"seed": seed, "lifting": lifting.model_dump(), block: params.model_dump()}
    inputs = [SEQUENCES, KEYPOINTS, *lifting.prior_files, *([params.init] if params.init else [])]
    checkpoint = Checkpoint(f"train_{block}", fingerprint(used, inputs, script))
    with all_processes() as fabric:
        if fabric.is_global_zero:
            for sentence in supervision.sentences():
                print(sentence)
        fitted = fit_lifter(lifting, params, supervision, seed, fabric, checkpoint)
    save_model(f"data/models/{block}.pt", fitted.architecture, fitted.weights)
    write_curves(f"plots/{block}/curves.csv", fitted.curves)
    save_curves_png(f"plots/{block}/curves.png", fitted.curves, f"{title}: unweighted loss terms")
    checkpoint.remove()
