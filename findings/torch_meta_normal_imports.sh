#!/bin/sh
# PyTorch 2.13.0: a module whose weights are drawn from a normal distribution costs seconds on the "meta" device, which has no memory.
#
# torch 2.13.0 (CPU build). The first nn.init.normal_ on a tensor of torch.device("meta") loads more than 500 modules of Python
# (torch._refs, torch._prims, SymPy among them), because there normal_ is written in Python; 1 to 2 s were seen on one core.
# nn.init.uniform_ in its place, which nn.Conv2d and nn.Linear call by themselves, loads next to nothing. So who builds a network
# on "meta" in order to check a file's weights before memory is spent waits longer for that than for building it for real, if
# any layer is drawn normally. Such draws belong into a function that only training calls.
# Seen 2026-11-28, Python 3.11, Linux x86-64.
#
# Runs by itself: sh findings/torch_meta_normal_imports.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import sys
import time

import torch
from torch import nn

loaded = {}
for name, draw in (("uniform_", nn.init.uniform_), ("normal_", nn.init.normal_)):
    before, start = len(sys.modules), time.perf_counter()
    weight = draw(torch.empty(8, 8, device="meta"))
    loaded[name] = len(sys.modules) - before
    print(f"torch {torch.__version__}, first {name} on meta: {loaded[name]} modules, {time.perf_counter() - start:.2f} s")
    assert weight.is_meta
assert torch.__version__.startswith("2.13.0"), torch.__version__
assert loaded["uniform_"] < 20 and loaded["normal_"] > 500, loaded
PYTHON
