"""Every stage of a size, one after the other and each timed, without DVC: what a machine takes for the whole pipeline.

    python -m benchmarks.whole_run --size gpu --out FOLDER

FOLDER gets what the stages write (data/, metrics/, plots/) and times.json, with the machine's name and the minutes of
each stage. A stage whose outputs are there is not run again, so that a run that was stopped goes on. Motion capture and
bodies are taken from data/ of the repository where they are, because a machine without a network cannot fetch them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from benchmarks.speed.report import Setting, machine
from pose3d.runtime.files import write_text
from pose3d.runtime.processes import one_process

READ_BY_STAGES = ("params.yaml", "data_sets", "sizes", "priors", "pretrained")
FETCHED = ("data/raw", "data/bodies.h5", "data/pretrained")


def stages(repository: Path) -> dict[str, list[str]]:
    """The stages that compute, in dvc.yaml's order, which is that of their needs, each with its outputs."""
    entries = yaml.safe_load((repository / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    del entries["hash_code"]
    return {
        name: [next(iter(out)) if isinstance(out, dict) else out for out in entry["outs"]]
        for name, entry in entries.items()
    }


def prepare_folder(repository: Path, out: Path, size: str) -> None:
    """Copy what the stages read beside each other's outputs, with the size that is asked for."""
    out.mkdir(parents=True, exist_ok=True)
    for name in READ_BY_STAGES + FETCHED:
        source, target = repository / name, out / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    params = yaml.safe_load((out / "params.yaml").read_text(encoding="utf-8"))
    write_text(out / "params.yaml", yaml.safe_dump(params | {"size": size}, sort_keys=False))


def run(repository: Path, out: Path) -> dict[str, float]:
    """Run what has not been run, and give the minutes of each stage, earlier runs' as they were noted.

    Raises:
        SystemExit: a stage failed; it has said why.
    """
    notes = out / "times.json"
    minutes = json.loads(notes.read_text(encoding="utf-8"))["minutes"] if notes.exists() else {}
    about = machine(Setting(one_process(), os.cpu_count() or 1, 1, out))
    search_path = os.pathsep.join([str(repository / "src"), os.environ.get("PYTHONPATH", "")])
    for name, outputs in stages(repository).items():
        if all((out / output).exists() for output in outputs):
            continue
        start = time.perf_counter()
        script = [sys.executable, str(repository / "stages" / f"{name}.py")]
        code = subprocess.run(script, cwd=out, env={**os.environ, "PYTHONPATH": search_path}).returncode
        if code:
            raise SystemExit(code)
        minutes[name] = round((time.perf_counter() - start) / 60, 2)
        write_text(notes, json.dumps({"machine": about, "minutes": minutes}, indent=2, ensure_ascii=False) + "\n")
    return minutes


def main(options: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="gpu", help="of the folder sizes/ (default gpu)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for all that is written")
    arguments = parser.parse_args(options)
    repository, out = Path.cwd(), arguments.out.absolute()
    prepare_folder(repository, out, arguments.size)
    minutes = run(repository, out)
    print("| stage | min |\n|---|---|", *(f"| {name} | {value:.1f} |" for name, value in minutes.items()), sep="\n")


if __name__ == "__main__":
    main()
