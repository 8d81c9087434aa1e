"""Ablations of the lifters on recorded 2D and 3D in VideoPose3D's format; no images, no DVC.

    python benchmarks/lifting_ablation.py run benchmarks/lifting_ablation.yaml [--only REGEX] [--workers 2]
    python benchmarks/lifting_ablation.py table benchmarks/lifting_ablation.yaml

``run`` needs the data folder in POSE3D_DATA; both work from the root of the repository. A run's params are params.yaml,
data set videopose3d and the file's size, and over them the file's ``dataset``, the table's protocol and ``base``, and
the run's ``set``. Figures go to ``results/`` beside the YAML file, one JSON line a run; a run with a line of the same
params and data is not done again. Models, logs and the checkpoints of killed runs are in .ckpt/ablation/.
"""

import argparse
import fcntl
import functools
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import h5py
import torch
from pydantic import ConfigDict, Field, ValidationError, model_validator
from tqdm import tqdm

from pose3d.config.blocks import Block, Seed
from pose3d.config.dataset import VideoPose3DParams
from pose3d.config.lifting import LiftingParams, RepnetParams, TemporalParams
from pose3d.config.reading import read_merged, read_yaml
from pose3d.datasets.recording import Problem, recordings
from pose3d.datasets.sources import open_source
from pose3d.evaluation import occlusion
from pose3d.evaluation.tables import errors_of, per_occlusion_mm, summary_mm
from pose3d.lifting import fit
from pose3d.lifting.lift import lift_sequences
from pose3d.lifting.supervision import read_supervision
from pose3d.records.hdf5 import create_hdf5
from pose3d.records.keypoints2d import append_keypoints2d, read_keypoints2d
from pose3d.records.sequences import PoseSequence, read_sequences, write_sequences
from pose3d.runtime.errors import InputError
from pose3d.runtime.processes import one_process
from pose3d.runtime.user_data import data_folder
from pose3d.runtime.workers import worker_count
from pose3d.training.checkpoint import Checkpoint, fingerprint
from pose3d.training.model_file import save_model

STATE = Path(".ckpt/ablation")
FIGURES = {
    "mpjpe_mm": "MPJPE mm",
    "pa_mpjpe_mm": "PA-MPJPE mm",
    "accel_error_mm": "acceleration mm/frame²",
    "root_error_mm": "root mm",
}
BY_OCCLUSION = {f"{name}_mpjpe_mm": f"{name} joints mm" for name in occlusion.CLASSES}
TIME = {"train_cpu_s": "CPU s"}


class Protocol(Block):
    """Subjects that are scored, which nothing may train on, and beside them overrides."""

    model_config = ConfigDict(extra="allow", frozen=True)
    score: Annotated[tuple[str, ...], Field(min_length=1)]


class Row(Block):
    name: str
    what: str
    set: dict[str, Any] = {}


class Table(Block):
    """Runs that compare with each other; ``base`` and ``set`` are overrides, ``block.key`` to value.

    ``by_occlusion`` adds MPJPE by how deep the person's own body hides the joint, see
    :mod:`pose3d.evaluation.occlusion`.
    """

    title: str
    protocol: str
    kind: Literal["repnet", "temporal"]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    base: dict[str, Any] = {}
    by_occlusion: bool = False
    runs: tuple[Row, ...]


class Ablation(Block):
    """The YAML file; the tables' headings show ``data`` and ``caveat``."""

    data: str
    caveat: str = "These are no Human3.6M figures and do not compare with any."
    size: str
    dataset: dict[str, Any] = {}
    protocols: dict[str, Protocol]
    tables: tuple[Table, ...]


class Params(Block):
    """What shapes a run beside its seed and its data; only the lifter that is trained has its block."""

    dataset: VideoPose3DParams
    lifting: LiftingParams
    repnet: RepnetParams | None = None
    temporal: TemporalParams | None = None

    @model_validator(mode="after")
    def _nothing_scored_trains(self) -> "Params":
        self.lifting.require_training_subjects(self.dataset.subjects.train)
        return self


@dataclass(frozen=True)
class Run:
    """One training with one seed."""

    table: str
    name: str
    seed: int
    overrides: dict[str, Any]
    params: Params

    @property
    def setup(self) -> dict[str, Any]:
        """Without names of files, whose content counts and not their place: :attr:`key`."""
        left_out = {"dataset": {"folder"}, "repnet": {"init"}, "temporal": {"init"}}
        return {"seed": self.seed, **self.params.model_dump(mode="json", exclude=left_out)}

    @property
    def data_sha256(self) -> dict[str, str]:
        dataset = self.params.dataset
        names = [name for name in (dataset.positions, dataset.keypoints, dataset.calibration) if name]
        return {name: file_sha256(data_folder(dataset.folder) / name) for name in names}

    @property
    def key(self) -> str:
        """A digest of all that shapes the results except the code; a new kind of lifter has a new name."""
        lifter = self.params.repnet or self.params.temporal
        files = [*self.params.lifting.prior_files, *([lifter.init] if lifter and lifter.init else [])]
        kind = fit.lifter_architecture(self.params.lifting, lifter)["lifter"]
        return digest([kind, self.setup, self.data_sha256, [file_sha256(Path(file)) for file in files]])

    def data(self, what: str) -> Path:
        """The data as the stages read it, shared by all runs on the same files and splits."""
        return STATE / f"{what}-{digest([self.setup['dataset'], self.data_sha256])}.h5"

    def __str__(self) -> str:
        return f"{self.table}: {self.name}, seed {self.seed}"


def digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@functools.cache
def file_sha256(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} is missing: put it there, or correct its name")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(model: type[Block], values: dict[str, Any], where: str) -> Any:
    """Raises :class:`InputError` for the first key that is unknown, missing or of a wrong value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def resolve(ablation: Ablation, table: Table, row: Row, seed: int) -> Run:
    """Raises :class:`InputError`: a wrong override, or one that the table's kind of lifter would not read."""
    where = f"{table.title}: {row.name}"
    if table.protocol not in ablation.protocols:
        raise InputError(f"{where}: there is no protocol {table.protocol}")
    protocol = ablation.protocols[table.protocol]
    overrides = {f"dataset.{key}": value for key, value in ablation.dataset.items()}
    overrides |= protocol.model_extra | table.base | row.set
    params, _ = read_merged(Path(), "videopose3d", ablation.size)
    blocks = {name: params[name] for name in ("dataset", "lifting", table.kind)}
    for override, value in overrides.items():
        block, _, key = override.partition(".")
        if block not in blocks:
            raise InputError(f"{where}: {override} belongs to none of {', '.join(blocks)}")
        blocks[block][key] = value
    others = [name for split in blocks["dataset"]["subjects"].values() for name in split if name not in protocol.score]
    blocks["dataset"]["subjects"] = {"train": others, "validation": [], "test": protocol.score}
    return Run(table.title, row.name, seed, overrides, checked(Params, blocks, where))


def write_data(run: Run) -> None:
    """Read and check the npz files once, for every run on them."""
    if run.data("keypoints2d").exists():
        return  # it is completed after the sequences
    source = open_source(run.params.dataset)

    def sequences(given: h5py.File) -> Iterator[PoseSequence]:
        for recording in tqdm(recordings(source), "sequences", total=len(source.sequences())):
            if isinstance(recording, Problem):
                raise InputError(recording.sentence)
            append_keypoints2d(given, recording.sequence.key, recording.detected)
            yield recording.sequence

    with create_hdf5(run.data("keypoints2d")) as given:
        write_sequences(run.data("sequences"), sequences(given), run.params.dataset.subjects.by_split)


class NotedCheckpoint(Checkpoint):
    """A checkpoint that knows the step at which training went on from it."""

    first_step = 0

    def load(self, start: Mapping[str, Any]) -> dict[str, Any] | None:
        """The saved state, or None, as every checkpoint gives it."""
        state = super().load(start)
        self.first_step = state["step"] if state else 0
        return state


def perform(run: Run, results: Path) -> None:
    """Train, score and note one run; in a process of its own, which prints to the run's log."""
    log = open(STATE / f"{run.key}.log", "a", encoding="utf-8")  # noqa: SIM115, open as long as the process lives
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another process is at this run")
    print(f"{run}: {run.overrides}", flush=True)
    torch.set_num_threads(1)
    lifting, block = run.params.lifting, run.params.repnet or run.params.temporal
    supervision = read_supervision(run.data("sequences"), run.data("keypoints2d"), lifting)
    checkpoint = NotedCheckpoint(f"ablation/{run.key}", fingerprint(run.key, [], __file__))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    fitted = fit.fit_lifter(lifting, block, supervision, run.seed, one_process(), checkpoint)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    model = STATE / f"{run.key}.pt"
    save_model(model, fitted.architecture, fitted.weights)

    sequences = read_sequences(run.data("sequences"), run.params.dataset.subjects.test)
    lifted = lift_sequences(model, sequences, read_keypoints2d(run.data("keypoints2d"), sequences))
    poses = [one.poses_cam_m for one in lifted]
    errors = errors_of(str(run), sequences, poses, all(one.has_root for one in lifted))
    by_occlusion = per_occlusion_mm(sequences, {"lifter": errors}, {"lifter": poses})["lifter_mpjpe_mm"]
    line = {
        "key": run.key,
        "table": run.table,
        "name": run.name,
        "seed": run.seed,
        "overrides": run.overrides,
        "setup": run.setup,
        "data_sha256": run.data_sha256,
        "code": fingerprint(None, [], fit.__file__),
        "frames": sum(map(len, sequences)),
        "figures": summary_mm(errors) | {f"{name}_mpjpe_mm": by_occlusion[name] for name in occlusion.CLASSES},
        "steps": block.steps,
        "first_step": checkpoint.first_step,  # where a killed run went on; the seconds are since then
        "train_wall_s": round(wall_s, 1),
        "train_cpu_s": round(cpu_s, 1),
        "last_curves": fitted.curves[-1],
    }
    results.parent.mkdir(exist_ok=True)
    file = os.open(results, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, (json.dumps(line) + "\n").encode())  # one write, because other runs append too
    checkpoint.remove()


def failure(run: Run, results: Path) -> str | None:
    """Perform a run in a fresh process; None, or what its log says last."""
    process = multiprocessing.get_context("spawn").Process(target=perform, args=(run, results), daemon=True)
    process.start()
    process.join()
    if process.exitcode == 0:
        return None
    log = STATE / f"{run.key}.log"
    last = log.read_text(encoding="utf-8").split()[-30:] if log.exists() else []
    return f"{run}: exit status {process.exitcode}: … {' '.join(last)}"


def run_missing(runs: list[Run], results: Path, workers: int) -> None:
    """Raises :class:`InputError` in the end: some runs failed."""
    done = {line["key"] for line in read_results(results)}
    missing = {run.key: run for run in runs if run.key not in done}  # tables may share a run
    for run in missing.values():
        write_data(run)
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # of the processes that start from here on
    pool = ThreadPoolExecutor(workers)
    try:
        ends = as_completed([pool.submit(failure, run, results) for run in missing.values()])
        failures = [end.result() for end in tqdm(ends, "runs", total=len(missing), unit="run") if end.result()]
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C reaches the runs by itself, and the next must not start
    if failures:
        raise InputError("\n".join([f"of {len(missing)} runs failed {len(failures)}; logs in {STATE}/", *failures]))


def read_results(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def cell(values: list[float | None]) -> str:
    """Mean over seeds, with half the range as the spread."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    spread = f" ± {(max(known) - min(known)) / 2:.1f}" if len(known) > 1 else ""
    return f"{sum(known) / len(known):.1f}{spread}"


def markdown(ablation: Ablation, table: Table, lines: dict[str, dict[str, Any]]) -> str:
    """One table; ``lines`` of the results by :func:`digest` of their setup, so that no data is needed."""
    columns = FIGURES | (BY_OCCLUSION if table.by_occlusion else {}) | TIME
    used, rows = [], []
    for row in table.runs:
        found = [lines.get(digest(resolve(ablation, table, row, seed).setup)) for seed in table.seeds]
        found = [line for line in found if line]
        seconds = [{"train_cpu_s": None if line["first_step"] else line["train_cpu_s"]} for line in found]
        figures = [line["figures"] | time for line, time in zip(found, seconds, strict=True)]
        cells = [cell([one.get(key) for one in figures]) if found else "not run" for key in columns]
        part = f" ({len(found)} of {len(table.seeds)} seeds)" if 0 < len(found) < len(table.seeds) else ""
        rows.append(f"| {row.name}{part} | {row.what} | {' | '.join(cells)} |")
        used += found
    score = " and ".join(ablation.protocols[table.protocol].score)
    head = f"**{table.title}** ({table.kind}). {ablation.data}, scored on {score}. {ablation.caveat}"
    if len(table.seeds) > 1:
        head += f" Mean of {len(table.seeds)} seeds ± half their range."
    for what in ("code", "data_sha256"):
        if len({str(line[what]) for line in used}) > 1:
            head += f" Not all rows are of the same {what}: see the results' lines."
    titles = f"| run | what | {' | '.join(columns.values())} |\n|---|---|{'---|' * len(columns)}"
    return "\n".join([head, "", titles, *rows, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "table"))
    parser.add_argument("ablation", type=Path, help="YAML file of the tables")
    parser.add_argument("--only", default="", metavar="REGEX", help="runs in whose 'table title: name' it is found")
    parser.add_argument("--workers", type=int, default=worker_count(), help="runs at a time (default POSE3D_WORKERS)")
    arguments = parser.parse_args()
    ablation = checked(Ablation, read_yaml(arguments.ablation), str(arguments.ablation))
    results = arguments.ablation.parent / "results" / f"{arguments.ablation.stem}.jsonl"
    rows = [(table, row, seed) for table in ablation.tables for row in table.runs for seed in table.seeds]
    runs = [resolve(ablation, *row) for row in rows]
    if arguments.command == "run":
        chosen = [run for run in runs if re.search(arguments.only, f"{run.table}: {run.name}")]
        run_missing(chosen, results, arguments.workers)
    else:
        lines = {digest(line["setup"]): line for line in read_results(results)}
        print("\n".join(markdown(ablation, table, lines) for table in ablation.tables))


if __name__ == "__main__":
    try:
        main()
    except InputError as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
