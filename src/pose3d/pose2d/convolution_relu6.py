"""A convolution and the ReLU6 behind it, as one operation where no gradient is wanted and the CPU's library has it."""

from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

_AT_MOST = 6.0


class ConvolutionReLU6(nn.Sequential):
    """A convolution and ReLU6.

    Clamping its values takes nearly as long as a small convolution, because both mostly wait for memory. oneDNN clamps
    them before it writes them. The numbers are the same but for the order of a sum, mostly to the bit.

    Args:
        convolution: with a bias, zeros beyond the border.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__(convolution, nn.ReLU6(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H', W'), in autocast's precision where that is on."""
        convolution = cast(nn.Conv2d, self[0])
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        learns = torch.is_grad_enabled() and (x.requires_grad or convolution.weight.requires_grad)
        if learns or x.device.type != "cpu" or torch.jit.is_tracing() or not _is_fused(dtype):
            return super().forward(x)
        weight, bias = convolution.weight.to(dtype), cast(Tensor, convolution.bias).to(dtype)
        shape = convolution.padding, convolution.stride, convolution.dilation, convolution.groups
        return torch.ops.mkldnn._convolution_pointwise(
            x.to(dtype), weight, bias, *shape, "hardtanh", [0.0, _AT_MOST], ""
        )


@cache
def _is_fused(dtype: torch.dtype) -> bool:
    """Whether this torch has the operation, which is not of its public interface, and this CPU the number type."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())
