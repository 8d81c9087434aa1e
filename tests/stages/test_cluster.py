"""The stages that work on frames, on a Dask cluster of two processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from params_files import write_params
from tiny_performers import write_sources

from pose3d.runtime.frame_jobs import SCHEDULER_VARIABLE

distributed = pytest.importorskip("distributed")
REPOSITORY = Path(__file__).parents[2]
EMBEDDED = {"image_size_px": 256, "cameras": 1, "take_seconds": 0.12, "takes_per_subject": 2, "still_rooms": 2}
PREPARED = ("data/sequences.h5", "data/frames.h5")


def start(folder: Path, stage: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, REPOSITORY / f"stages/{stage}.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(folder: Path, process: subprocess.Popen, *paths: str) -> list[bytes]:
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return [(folder / path).read_bytes() for path in paths]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A repository with tiny performers."""
    folder = tmp_path_factory.mktemp("cluster")
    write_sources(folder / "data/raw", folder / "data/bodies.h5")
    write_params(folder, embedded=EMBEDDED)
    return folder


@pytest.fixture(scope="module")
def expected(folder) -> dict[str, list[bytes]]:
    """What the stages write without a cluster, by stage."""
    return {
        "prepare": outputs(folder, start(folder, "prepare"), *PREPARED),
        "crop_resize": outputs(folder, start(folder, "crop_resize"), "data/crops.h5"),
    }


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def test_crops_are_the_same_bytes_on_a_cluster(folder, expected, cluster, tmp_path):
    with distributed.Client(cluster) as client:
        client.write_scheduler_file(str(tmp_path / "scheduler.json"))
        for scheduler in (cluster.scheduler_address, str(tmp_path / "scheduler.json")):
            (folder / "data/crops.h5").unlink()
            process = start(folder, "crop_resize", **{SCHEDULER_VARIABLE: scheduler})
            assert outputs(folder, process, "data/crops.h5") == expected["crop_resize"]
        imported = client.run(lambda: "pose3d.pose2d.crops" in __import__("sys").modules)
        assert list(imported.values()) == [True, True], "both workers have cut crops"


def test_a_worker_killed_half_way_loses_nothing(folder, expected, cluster):
    with distributed.Client(cluster) as client:
        before = client.run(os.getpid)
    for path in PREPARED:
        (folder / path).unlink()
    process = start(folder, "prepare", **{SCHEDULER_VARIABLE: cluster.scheduler_address})
    partial, a_quarter = folder / "data/.frames.h5.partial", len(expected["prepare"][1]) / 4
    while process.poll() is None and not (partial.exists() and partial.stat().st_size > a_quarter):
        time.sleep(0.01)
    assert process.poll() is None, "ended before a worker could be killed"
    os.kill(next(iter(before.values())), signal.SIGKILL)
    assert outputs(folder, process, *PREPARED) == expected["prepare"]
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        assert set(client.run(os.getpid).values()) != set(before.values())


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ("tcp://127.0.0.1:9", "names tcp://127.0.0.1:9, where no Dask scheduler answers"),
        ("no/such.json", "names no/such.json, which is neither a scheduler's address"),
    ],
)
def test_a_scheduler_that_is_not_there_is_one_sentence(folder, expected, scheduler, message):
    short = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    process = start(folder, "crop_resize", **{SCHEDULER_VARIABLE: scheduler}, **short)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith(f"error: {SCHEDULER_VARIABLE} {message}")
    assert (folder / "data/crops.h5").read_bytes() == expected["crop_resize"][0]
