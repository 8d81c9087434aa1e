"""Put first on PYTHONPATH, this has a stage's progress bar show every step: the last one shown is the last one done."""

import os

if "DVC_STAGE" in os.environ:
    from tqdm import std

    _init = std.tqdm.__init__

    def _show_every_step(self: std.tqdm, *arguments: object, **options: object) -> None:
        _init(self, *arguments, **options | {"mininterval": 0, "miniters": 1})

    std.tqdm.__init__ = _show_every_step
