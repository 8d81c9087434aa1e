import subprocess
import sys

import pytest
import torch

from pose3d.runtime.errors import InputError
from pose3d.runtime.inference_device import InferenceDevice

BF16 = {"avx512_bf16": True}


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch):
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")


@pytest.mark.parametrize(
    ("instructions", "variable", "dtype"),
    [
        (BF16, None, torch.bfloat16),
        (BF16, "32-true", torch.float32),
        ({}, None, torch.float32),
        ({}, "", torch.float32),
        ({}, "bf16-mixed", torch.bfloat16),
    ],
)
def test_precision_is_as_said_or_what_the_processor_is_made_for(instructions, variable, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    if variable is not None:
        monkeypatch.setenv("POSE3D_PRECISION", variable)
    where = InferenceDevice.from_environment()
    assert where.device.type == "cpu"
    network = where.place(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5)))
    x = torch.ones(1, 2)
    assert network(x).dtype == dtype and not network.training
    assert torch.equal(network(x), network(x))


def test_places_networks_of_several_outputs():
    class Two(torch.nn.Module):
        def forward(self, a, b):
            return a + b, a - b

    total, difference = InferenceDevice(torch.device("cpu"), torch.float32).place(Two())(torch.ones(1), torch.ones(1))
    assert total.item() == 2 and difference.item() == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("POSE3D_ACCELERATOR", "abacus", "^change POSE3D_ACCELERATOR, which is 'abacus': this machine has auto"),
        ("POSE3D_ACCELERATOR", "cuda", "^change POSE3D_ACCELERATOR, which is 'cuda': this machine has .*no GPU$"),
        ("POSE3D_PRECISION", "7-true", "^change POSE3D_PRECISION, which is '7-true': here it is 32-true, bf16-mixed"),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(name, value, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        InferenceDevice.from_environment()


def test_lightning_is_not_loaded():
    code = (
        "import sys; from pose3d.runtime.inference_device import InferenceDevice; InferenceDevice.from_environment(); "
        "print('lightning_fabric' in sys.modules, 'torch._dynamo' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["False", "False"]
