"""Check params and data set, and show what is missing.

    pose3d check-data

Checks the params and the data set they name, as stage prepare does, and nothing else: no file is written.
Shown are the takes, cameras, frames and problems of each subject and action, and how many frames without a detection
are left out. Exit status 1 when anything is wrong.
"""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: params.yaml says what is checked."""


def run(given: argparse.Namespace) -> None:
    if check():
        sys.exit(1)


def check() -> int:
    """Print the table and the problems; gives the number of problems.

    Raises:
        InputError: params are wrong, or the data set as a whole cannot be opened.
    """
    from tqdm import tqdm

    from pose3d.config.check import load_and_check_files
    from pose3d.config.dataset import EmbeddedDataset
    from pose3d.datasets.recording import Problem, Remarks, recordings
    from pose3d.datasets.sources import open_source
    from pose3d.geometry.layouts import OURS

    params = load_and_check_files()
    print(f"params.yaml with data {params.data} and size {params.size}: every key is known and of its type")
    if isinstance(params.dataset, EmbeddedDataset):
        print("the embedded data set is made by the pipeline itself: there is nothing to check")
        return 0
    source = open_source(params.dataset)
    rows, problems, remarks, layouts = [], [], Remarks(), set()
    for found in tqdm(recordings(source), total=len(source.sequences()), desc="check-data", mininterval=2):
        subject, take, camera = found.name
        row = {"subject": subject, "take": take, "camera": camera}
        if isinstance(found, Problem):
            rows.append(row | {"frames": 0, "left_out": 0, "problem": 1})
            problems.append(found.sentence)
            continue
        rows.append(row | {"frames": len(found.sequence), "left_out": remarks.note(found), "problem": 0})
        if found.detected is not None:
            layouts.add(found.detected.layout)
    problems += [
        f"lifting.layout is {params.lifting.layout}, but the data set's keypoints are of {name}: set it to {name}"
        for name in layouts - {OURS, params.lifting.layout}
    ]
    print(table_of(rows).to_string(index=False))
    for sentence in remarks.sentences():
        print(sentence)
    for sentence in problems:
        print(f"- {sentence}")
    print({0: "no problems", 1: "1 problem"}.get(len(problems), f"{len(problems)} problems"))
    return len(problems)


def table_of(rows: list[dict]) -> "pd.DataFrame":
    """One row per subject and action: its takes, cameras, frames and problems.

    Of the frames those without a detection, which are left out, have a column of their own where there are any.

    Args:
        rows: one per sequence with subject, take, camera, frames (0 for a problem), left_out and problem (0 or 1).
    """
    import pandas as pd

    table = pd.DataFrame(rows)
    table["action"] = table["take"].str.replace(r"-\d+$", "", regex=True)
    usable = table[table["problem"] == 0]
    columns = {
        "takes": usable.groupby(["subject", "action"])["take"].nunique(),
        "cameras": usable.groupby(["subject", "action"])["camera"].nunique(),
        "frames": usable.groupby(["subject", "action"])["frames"].sum(),
        "left_out": usable.groupby(["subject", "action"])["left_out"].sum(),
        "problems": table.groupby(["subject", "action"])["problem"].sum(),
    }
    shown = pd.DataFrame(columns).fillna(0).astype(int)
    shown.loc[("all", ""), :] = shown.sum()
    shown.loc[("all", ""), "cameras"] = usable["camera"].nunique()
    if not shown["left_out"].any():
        shown = shown.drop(columns="left_out")
    return shown.astype(int).reset_index()
