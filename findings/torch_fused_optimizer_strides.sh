#!/bin/sh
# PyTorch 2.13.0 on the CPU: fused optimizers take each gradient in the order of its memory, so that a wrong step is made without a word
# where a gradient's strides are not its weight's.
#
# torch 2.13.0 (CPU build), optimizers SGD, Adam, AdamW and Adagrad with fused=True. A convolution with channels-last images has a
# weight whose gradient, as torch.autograd.grad gives it, is channels last too (strides 27, 1, 9, 3), while the weight itself is not
# (27, 9, 3, 1). loss.backward() brings the gradient into the weight's order before it is stored. Who computes gradients with
# torch.autograd.grad and puts them into .grad (penalties, gradients of several losses, averages) gets each number of the step at
# another weight: Adam's first step, whose size is lr for each number, differs by 2 lr from that of fused=False. The optimizers for
# CUDA are said to refuse the same with an error (issues 106951 and 110758 of pytorch/pytorch, open in November 2026).
# Gradients made contiguous like their weight, or fused=False, give the right step.
# Seen 2026-11-28, Python 3.11, Linux x86-64.
#
# Runs by itself: sh findings/torch_fused_optimizer_strides.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import torch
from torch import nn

LR = 0.1


def stepped(kind, fused, gradients):
    """The weight after one step, and its gradient's strides."""
    torch.manual_seed(1)
    images = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last)
    convolution = nn.Conv2d(3, 4, 3)
    loss = convolution(images).square().mean()
    if gradients == "backward":
        loss.backward()
    else:
        parameters = list(convolution.parameters())
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
            parameter.grad = torch.empty_like(parameter).copy_(gradient) if gradients == "copied" else gradient
    kind(convolution.parameters(), lr=LR, fused=fused).step()
    return convolution.weight.detach(), convolution.weight.grad.stride()


assert torch.__version__.startswith("2.13.0"), torch.__version__
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad):
    for gradients in ("backward", "grad", "copied"):
        plain, strides = stepped(kind, False, gradients)
        fused, _ = stepped(kind, True, gradients)
        apart = (plain - fused).abs().max().item()
        print(f"{kind.__name__}, gradients by {gradients}, strides {strides}: fused differs by {apart:.2g}")
        assert (apart > LR / 10) == (gradients == "grad"), apart
        if gradients != "grad":
            assert apart < 1e-6, apart
PYTHON
