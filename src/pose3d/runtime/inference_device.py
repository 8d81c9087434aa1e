"""Where a trained network runs that only looks, and how precisely, without Lightning, which takes a second to load."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pose3d.runtime.errors import InputError
from pose3d.runtime.processes import default_precision, own_gpu

_PRECISIONS = {"32-true": torch.float32, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class _Placed(nn.Module):
    """A network on a device whose convolutions and matrix products are of a lower precision, or not."""

    def __init__(self, network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self._network, self._device_type, self._dtype = network.to(device), device.type, dtype

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        with torch.autocast(self._device_type, self._dtype, enabled=self._dtype != torch.float32):
            return self._network(*inputs)


@dataclass(frozen=True)
class InferenceDevice:
    """A device and a precision.

    Attributes:
        device: where inputs of the placed networks go.
        dtype: of convolutions and matrix products.
    """

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def from_environment(cls) -> InferenceDevice:
        """What ``POSE3D_ACCELERATOR`` (auto, cpu, cuda) and ``POSE3D_PRECISION`` say, as for training.

        Without the latter it is bfloat16 where the device multiplies it natively.

        Raises:
            InputError: this machine lacks it, or it is neither of the known ones.
        """
        accelerator = os.environ.get("POSE3D_ACCELERATOR") or "auto"
        if accelerator not in ("auto", "cpu", "cuda") or (accelerator == "cuda" and not torch.cuda.is_available()):
            raise InputError(f"change POSE3D_ACCELERATOR, which is '{accelerator}': this machine has {_available()}")
        precision = os.environ.get("POSE3D_PRECISION") or default_precision(accelerator)
        if precision not in _PRECISIONS:
            raise InputError(f"change POSE3D_PRECISION, which is '{precision}': here it is {', '.join(_PRECISIONS)}")
        on_gpu = accelerator != "cpu" and torch.cuda.is_available()
        device = torch.device("cuda", own_gpu()) if on_gpu else torch.device("cpu")
        return cls(device, _PRECISIONS[precision])

    def place(self, network: nn.Module) -> nn.Module:
        """The network on the device, in evaluation mode; its outputs may be of the lower precision."""
        return _Placed(network, self.device, self.dtype).eval()


def _available() -> str:
    return "auto, cpu or cuda" if torch.cuda.is_available() else "auto or cpu, no GPU"
