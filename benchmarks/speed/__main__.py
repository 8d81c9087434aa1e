"""How fast the project is on this machine: one table, and benchmarks/results/speed.json.

    python -m benchmarks.speed [--only REGEX] [--repeats N] [--cores N] [--before COMMIT] [--output FILE]

Works from the root of the repository. Ratios are of medians of interleaved repeats, so that a busy machine slows both
sides alike; rates by themselves want a quiet one. On a machine with a GPU the networks run there. Rendering needs what
`make repro` has downloaded and baked, all other rows make their own data.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.speed import alignment, before, growth, lifters, loading, manners, pose2d, rendering
from benchmarks.speed.report import Figure, NotMeasured, Results, Setting, machine, table
from pose3d.runtime.processes import one_process

ROWS = {
    "repnet_training": lifters.frame_training,
    "temporal_training": lifters.window_training,
    "repnet_matmul_share": lifters.frame_matmul_share,
    "temporal_matmul_share": lifters.window_matmul_share,
    "captured_steps": lifters.captured_steps,
    "temporal_inference": lifters.clip_inference,
    "pose2d_inference": pose2d.whole_path,
    "loader": loading.images_a_second,
    "beside_others": manners.beside_others,
    "before": before.against_a_commit,
    "rendering": rendering.frames_a_second,
    "growth_crop_resize": growth.crop_resize,
    "growth_infer_2d": growth.infer_2d,
    "growth_lifters": growth.lifters,
    "growth_evaluate": growth.evaluate,
    "pa_mpjpe": alignment.poses_a_second,
}


def measure(rows: list[str], setting: Setting, output: Path) -> list[Figure | str]:
    """Measure some of :data:`ROWS` one after the other and note each in ``output`` when it is done."""
    results = Results(output, machine(setting))
    lines: list[Figure | str] = []
    for row in rows:
        torch.use_deterministic_algorithms(False)  # as a process starts; what trains or detects asks for them again
        start = time.perf_counter()
        try:
            figures = ROWS[row](setting)
        except NotMeasured as reason:
            lines.append(f"{row}: not measured: {reason}")
        else:
            results.add(row, figures)
            lines += figures
        print(f"{row}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return lines


def main(options: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", default="", metavar="REGEX", help=f"rows in whose name it is found: {', '.join(ROWS)}"
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="turns of what is compared (default 5)")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, metavar="N", help="CPU cores (default all)")
    parser.add_argument("--before", metavar="COMMIT", help="whose code the rows `before` and `loader` compare with")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/speed.json"), help="JSON file")
    arguments = parser.parse_args(options)
    torch.set_num_threads(arguments.cores)
    os.environ["POSE3D_WORKERS"] = str(arguments.cores)
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(one_process("32-true"), arguments.cores, arguments.repeats, Path(scratch), arguments.before)
        lines = measure([row for row in ROWS if re.search(arguments.only, row)], setting, arguments.output)
        about = ", ".join(f"{key} {value}" for key, value in machine(setting).items() if value is not None)
    print(f"{about}\n\n{table(lines)}")


if __name__ == "__main__":
    main()
