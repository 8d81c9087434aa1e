"""The campaign on DVC's queue reads what DVC shows, and knows an experiment's result from another's."""

import hashlib
import json

import yaml

from torture.queue_kills import (
    METRICS,
    MODEL,
    Result,
    done,
    faults,
    name_of,
    of_stub,
    result_of,
    statuses,
    weight_of,
    workers,
)

SHOWN = """Task     Name      Created    Status
d658422  weight-1  02:36 PM   Running
f67ca29  weight-0  Nov 29     Success
3f0e1aa  weight-2  02:36 PM   Queued

Worker status: 0 active, 0 idle
"""


class Shows:
    """A repository with the result of experiment 3 alone."""

    def __init__(self, weight):
        self.weight = weight

    def run(self, *command):
        md5 = hashlib.md5(str(self.weight).encode(), usedforsecurity=False).hexdigest()
        lock = {"stages": {"train_repnet": {"outs": [{"path": MODEL, "md5": md5}]}}}
        answers = {
            f"refs/exps/*/*/{name_of(3)}": "refs/exps/aa/bb/weight-3\n",
            f"refs/exps/aa/bb/weight-3:{METRICS}": json.dumps({"weight": self.weight}),
            "refs/exps/aa/bb/weight-3:dvc.lock": yaml.safe_dump(lock),
        }
        return type("Done", (), {"stdout": answers.get(command[-1], "")})


def test_statuses_are_read_off_the_table():
    assert statuses(SHOWN) == {"weight-1": "Running", "weight-0": "Success", "weight-2": "Queued"}
    assert statuses("No experiment tasks in the queue.\n\nWorker status: 0 active, 0 idle\n") == {}


def test_a_result_is_its_own_params_or_a_fault():
    assert faults(result_of(Shows(weight_of(3)), name_of(3)), of_stub(3)) == []
    assert len(faults(result_of(Shows(weight_of(2)), name_of(3)), of_stub(3))) == 2
    assert faults(Result({"weight": weight_of(3)}, "another"), of_stub(3)) == ["its model is another's"]
    assert faults(result_of(Shows(weight_of(2)), name_of(2)), of_stub(2)) == ["there is no result"]


def test_what_has_a_result_is_done_whatever_the_queue_says():
    shown = "weight-3\nalone-1\nEXEC_HEAD\nweight-99\n"
    workspace = type("Workspace", (), {"run": lambda *command: type("Done", (), {"stdout": shown})})()
    assert done(workspace) == {"weight-3"}


def test_a_worker_that_is_no_more_is_none(tmp_path):
    celery = tmp_path / ".dvc/tmp/exps/celery"
    celery.mkdir(parents=True)
    (celery / "dvc-exp-worker-1.pid").write_text("1")  # another program's by now
    (celery / "dvc-exp-worker-2.pid").write_text("99999999")
    (celery / "dvc-exp-worker-3.pid").write_text("")
    assert workers(type("Workspace", (), {"root": tmp_path})) == []
